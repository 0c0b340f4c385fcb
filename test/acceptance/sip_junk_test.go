package acceptance

import (
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/ipv4"
)

const (
	// junkFill is from how many sources what is bounded is full, and junkGrow what may be in use more after many more: far below what
	// a note of each would take.
	junkFill = 80_000
	junkGrow = 16 << 20
	// junkBatch is how many datagrams the system keeps for the daemon.
	junkBatch = 100
)

// TestSIPJunk throws at the built daemon what strangers send: the messages of RFC 4475, no SIP at all, and good requests without and with
// made-up credentials, each from another address. It answers, and has after a million what it had before.
func TestSIPJunk(t *testing.T) {
	t.Parallel()
	many := 1_000_000
	if raceEnabled { // which takes ten times as long
		many = 100_000
	}
	s := lonelySite(t, same)
	j := newJunk(s)
	for _, m := range j.torture {
		j.overTCP(m)
	}
	j.throw(junkFill)
	before, routines := s.amount("process_resident_memory_bytes"), s.amount("go_goroutines")
	began := time.Now()
	j.throw(many)
	grown := s.amount("process_resident_memory_bytes") - before
	t.Logf("%d datagrams took %v, and left %.1f MiB", many, time.Since(began), grown/(1<<20))
	if grown > junkGrow {
		t.Errorf("%d datagrams from as many sources left %.1f MiB", many, grown/(1<<20))
	}
	s.below("go_goroutines", routines+20)
	if looked := s.sum("supervisiond_sip_refused_total"); looked < 0.9*float64(many) {
		t.Errorf("%.0f of %d datagrams were looked at", looked, many)
	}
	p := s.sipPhone("anna", "udp", nil)
	p.subscribes("101", "as-feature-event", "")
	p.notified(0, "NOTIFY", "active;")
	for _, line := range s.daemon.log() {
		if strings.Contains(line, "panic") {
			t.Errorf("the log says %s", line)
		}
	}
}

// sum is that of a metric with all its labels.
func (s *site) sum(name string) (sum float64) {
	s.t.Helper()
	for line := range strings.SplitSeq(s.text("/metrics"), "\n") {
		var n float64
		if at := strings.LastIndexByte(line, ' '); strings.HasPrefix(line, name+"{") {
			_, err := fmt.Sscan(line[at+1:], &n)
			s.must(line, err)
			sum += n
		}
	}
	return sum
}

// junk sends each datagram from another address of this machine's.
type junk struct {
	s       *site
	from    *ipv4.PacketConn
	socket  string // the daemon's
	to      net.Addr
	n       int
	torture [][]byte
}

func newJunk(s *site) *junk {
	s.t.Helper()
	c, err := net.ListenPacket("udp4", "0.0.0.0:0")
	s.must("listen", err)
	s.t.Cleanup(func() { _ = c.Close() })
	to, err := net.ResolveUDPAddr("udp4", s.sipAddr("udp"))
	s.must("resolve", err)
	// As Linux writes 127.0.0.1 and a port.
	j := &junk{s: s, from: ipv4.NewPacketConn(c), to: to, socket: fmt.Sprintf("0100007F:%04X", to.Port)}
	files, err := filepath.Glob("../../sip/front/testdata/torture/*.dat")
	s.must("the messages of RFC 4475", err)
	for _, file := range files {
		data, err := os.ReadFile(file)
		s.must("read", err)
		j.torture = append(j.torture, data)
	}
	if len(j.torture) != 49 {
		s.t.Fatalf("RFC 4475 has 49 messages, not %d", len(j.torture))
	}
	return j
}

// overTCP sends a message on a connection of its own, which then ends.
func (j *junk) overTCP(message []byte) {
	j.s.t.Helper()
	c, err := (&net.Dialer{}).DialContext(j.s.ctx(), "tcp", j.s.sipAddr("tcp"))
	j.s.must("connect", err)
	defer func() { _ = c.Close() }()
	j.s.must("deadline", c.SetDeadline(time.Now().Add(patience)))
	_, err = c.Write(message)
	j.s.must("send", err)
	j.s.must("half close", c.(*net.TCPConn).CloseWrite())
	_, _ = io.Copy(io.Discard, c) // whatever it answers, it ends it
}

func (j *junk) message() []byte {
	other := [][]byte{[]byte("\x80\x01junk"), []byte("GET / HTTP/1.1\r\n\r\n")}
	if at := j.n / 2 % (len(j.torture) + len(other)); j.n%2 == 0 && at < len(j.torture) {
		return j.torture[at]
	} else if j.n%2 == 0 {
		return other[at-len(j.torture)]
	}
	authorization := ""
	if j.n%8 != 1 {
		authorization = fmt.Sprintf("Authorization: Digest username=\"u%d\", realm=\"hq\", nonce=\"%d\", uri=\"sip:sales@hq\", response=\"%032x\", "+
			"qop=auth, nc=00000001, cnonce=\"x\"\r\n", j.n, j.n, j.n)
	}
	return fmt.Appendf(nil, "SUBSCRIBE sip:sales@hq SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.1:5060;rport;branch=z9hG4bK%d\r\nFrom: <sip:u@hq>;tag=%d\r\n"+
		"To: <sip:sales@hq>\r\nCall-ID: %d\r\nCSeq: 1 SUBSCRIBE\r\nEvent: dialog\r\n%sContent-Length: 0\r\n\r\n", j.n, j.n, j.n, authorization)
}

// throw sends so many, and waits after each batch until the daemon has come so far, so that few are lost in the system.
func (j *junk) throw(many int) {
	j.s.t.Helper()
	for range many {
		j.n++
		src := net.IPv4(127, byte(1+j.n>>16), byte(j.n>>8), byte(j.n))
		if _, err := j.from.WriteTo(j.message(), &ipv4.ControlMessage{Src: src}, j.to); err != nil {
			j.s.t.Fatal(err)
		}
		if j.n%junkBatch == 0 {
			j.taken()
		}
	}
}

// taken waits until the system keeps none for the daemon any more.
func (j *junk) taken() {
	j.s.t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); {
		table, err := os.ReadFile("/proc/net/udp")
		j.s.must("the system's sockets", err)
		for line := range strings.Lines(string(table)) {
			// number, address, the other's, state, and what waits to be sent and read
			if f := strings.Fields(line); len(f) > 4 && f[1] == j.socket && strings.HasSuffix(f[4], ":00000000") {
				return
			}
		}
	}
	j.s.t.Fatal("the daemon takes no more")
}
