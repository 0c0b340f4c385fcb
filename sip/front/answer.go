package front

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"net"
	"net/netip"
	"strconv"
	"strings"
)

// answer writes a response that nobody remembers having sent (RFC 3261, 8.2.7): the same request gets the same tag.
func (m *message) answer(r *refusal, from netip.AddrPort, key []byte) []byte {
	var b strings.Builder
	b.WriteString("SIP/2.0 " + strconv.Itoa(r.code) + " " + r.reason + "\r\n")
	top, _ := m.topVia()
	for i, v := range m.all("via") {
		if i == 0 {
			v = strings.Replace(v, top.value, top.received(from), 1)
		}
		b.WriteString("Via: " + v + "\r\n")
	}
	for _, h := range []struct{ name, in string }{{"From", "from"}, {"To", "to"}, {"Call-ID", "call-id"}, {"CSeq", "cseq"}} {
		value, has := m.get(h.in)
		if !has {
			continue
		}
		if h.in == "to" && !tagged(value) {
			value += ";tag=" + m.tag(key)
		}
		b.WriteString(h.name + ": " + value + "\r\n")
	}
	for _, h := range r.headers {
		b.WriteString(h + "\r\n")
	}
	b.WriteString("Content-Length: 0\r\n\r\n")
	return []byte(b.String())
}

// received notes in a Via where the request came from (RFC 3261, 18.2.1; RFC 3581, 4).
func (v via) received(from netip.AddrPort) string {
	if v.host == "" {
		return v.value
	}
	hop, params, _ := strings.Cut(v.value, ";")
	var kept []string
	rport := false
	for p := range strings.SplitSeq(params, ";") {
		key, _, _ := strings.Cut(p, "=")
		switch key = strings.TrimSpace(key); {
		case strings.EqualFold(key, "rport"):
			rport = true
		case key != "" && !strings.EqualFold(key, "received"):
			kept = append(kept, p)
		}
	}
	if ip := from.Addr().Unmap().String(); rport || strings.Trim(v.host, "[]") != ip {
		kept = append(kept, "received="+ip)
	}
	if rport {
		kept = append(kept, "rport="+strconv.Itoa(int(from.Port())))
	}
	return strings.Join(append([]string{hop}, kept...), ";")
}

// back is where the answer goes: to the port of the Via unless that asks for the one that it was sent from (RFC 3261, 18.2.2; RFC
// 3581, 4). It never goes to another address.
func (m *message) back(from netip.AddrPort) netip.AddrPort {
	v, ok := m.topVia()
	if !ok || v.rport() {
		return from
	}
	if v.port == "" {
		return netip.AddrPortFrom(from.Addr(), defaultPort)
	}
	port, err := strconv.ParseUint(v.port, 10, 16)
	if err != nil {
		return from
	}
	return netip.AddrPortFrom(from.Addr(), uint16(port))
}

const defaultPort = 5060

func (m *message) tag(key []byte) string {
	mac := hmac.New(sha256.New, key)
	for _, name := range []string{"call-id", "from", "cseq"} {
		value, _ := m.get(name)
		mac.Write([]byte(value + "\n"))
	}
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil)[:9])
}

// tagged says whether a From or To has a tag; what stands in brackets is the URI's.
func tagged(value string) bool {
	_, has := param(afterAddress(value), "tag")
	return has
}

func afterAddress(value string) string {
	if i := strings.LastIndexByte(value, '>'); i >= 0 {
		return value[i+1:]
	}
	_, params, _ := strings.Cut(value, ";")
	return params
}

// addrPort reads what the net package says of the other side.
func addrPort(a net.Addr) netip.AddrPort {
	switch a := a.(type) {
	case *net.UDPAddr:
		return plain(a.AddrPort())
	case *net.TCPAddr:
		return plain(a.AddrPort())
	}
	p, _ := netip.ParseAddrPort(a.String()) // the zero address is nobody's
	return plain(p)
}

func plain(a netip.AddrPort) netip.AddrPort { return netip.AddrPortFrom(a.Addr().Unmap(), a.Port()) }
