package softphone

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// description is what we need of a session description: one stream of G.711.
type description struct {
	address   netip.AddrPort
	payload   uint8  // 0 (PCMU) or 8 (PCMA)
	direction string // sendrecv, sendonly, recvonly, inactive
}

// opposite is the direction as the other side answers it.
func opposite(direction string) string {
	switch direction {
	case "sendonly":
		return "recvonly"
	case "recvonly":
		return "sendonly"
	}
	return direction
}

// offer describes our side; payloads is what we can, best first.
func offer(local netip.AddrPort, version int, direction string, payloads ...uint8) []byte {
	numbers := make([]string, len(payloads))
	maps := make([]string, len(payloads))
	for i, p := range payloads {
		numbers[i] = strconv.Itoa(int(p))
		maps[i] = fmt.Sprintf("a=rtpmap:%d %s/8000\r\n", p, map[uint8]string{0: "PCMU", 8: "PCMA"}[p])
	}
	return fmt.Appendf(nil, "v=0\r\no=- %d %d IN IP4 %s\r\ns=-\r\nc=IN IP4 %s\r\nt=0 0\r\nm=audio %d RTP/AVP %s\r\n%sa=ptime:20\r\na=%s\r\n",
		local.Port(), version, local.Addr(), local.Addr(), local.Port(),
		strings.Join(numbers, " "), strings.Join(maps, ""), direction)
}

// parseSDP reads an offer or an answer.
func parseSDP(body []byte) (description, error) {
	d := description{direction: "sendrecv"}
	var host, port string
	found := false
	for line := range strings.Lines(string(body)) {
		key, value, _ := strings.Cut(strings.TrimRight(line, "\r\n"), "=")
		fields := strings.Fields(value)
		switch {
		case key == "c" && len(fields) == 3:
			host = fields[2]
		case key == "m" && len(fields) >= 4 && fields[0] == "audio":
			port = fields[1]
			for _, f := range fields[3:] {
				if n, err := strconv.Atoi(f); err == nil && (n == 0 || n == 8) {
					d.payload, found = uint8(n), true
					break
				}
			}
		case key == "a" && (value == "sendonly" || value == "recvonly" || value == "inactive"):
			d.direction = value
		}
	}
	if !found {
		return d, errors.New("softphone: the other side offers no G.711")
	}
	address, err := netip.ParseAddrPort(host + ":" + port)
	if err != nil {
		return d, fmt.Errorf("softphone: session description: %w", err)
	}
	d.address = address
	return d, nil
}
