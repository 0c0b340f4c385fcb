package front

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	gosip "github.com/emiago/sipgo/sip"
	"github.com/icholy/digest"
	"github.com/prometheus/client_golang/prometheus/testutil"

	secrets "supervisiond/sip/digest"
)

// desk is a phone that writes its messages itself.
type desk struct {
	net.PacketConn
	t     testing.TB
	to    net.Addr
	nonce *digest.Challenge
	count int
}

func newDesk(t testing.TB, l Listener) *desk {
	t.Helper()
	c, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	to, err := net.ResolveUDPAddr("udp4", l.Address)
	if err != nil {
		t.Fatal(err)
	}
	return &desk{PacketConn: c, t: t, to: to}
}

// request writes one; with a nonce it has anna's secret.
func (d *desk) request(method, user, branch string, more ...string) string {
	d.t.Helper()
	uri := "sip:" + user + "@hq"
	if d.nonce != nil {
		d.count++
		c, err := digest.Digest(d.nonce, digest.Options{Method: method, URI: uri, Username: "anna", Password: "secret", Count: d.count, Cnonce: "c"})
		if err != nil {
			d.t.Fatal(err)
		}
		more = append(more, "Authorization: "+c.String())
	}
	return method + " " + uri + " SIP/2.0\r\nv: SIP/2.0/UDP 127.0.0.1;rport;branch=z9hG4bK" + branch + "\r\nMax-Forwards: 70\r\n" +
		"f: <sip:anna@hq>;tag=1\r\nt: <" + uri + ">\r\ni: one\r\nCSeq: 1 " + method + "\r\no: dialog\r\n" +
		strings.Join(append(more, "l: 0\r\n\r\n"), "\r\n")
}

// say sends a message and gives the answer.
func (d *desk) say(text string) string {
	d.t.Helper()
	d.send(text)
	buf := make([]byte, 4096)
	if err := d.SetReadDeadline(time.Now().Add(patience)); err != nil {
		d.t.Fatal(err)
	}
	n, _, err := d.ReadFrom(buf)
	if err != nil {
		d.t.Fatalf("no answer to %q: %v", text, err)
	}
	return string(buf[:n])
}

func (d *desk) send(text string) {
	d.t.Helper()
	if _, err := d.WriteTo([]byte(text), d.to); err != nil {
		d.t.Fatal(err)
	}
}

// challenged gets a nonce.
func (d *desk) challenged() *desk {
	d.t.Helper()
	d.nonce, d.count = nil, 0
	answer := d.say(d.request("SUBSCRIBE", "sales", "challenge"))
	line, ok := header(answer, "WWW-Authenticate")
	if !ok {
		d.t.Fatalf("no challenge: %q", answer)
	}
	c, err := digest.ParseChallenge(line)
	if err != nil {
		d.t.Fatal(err)
	}
	d.nonce = c
	return d
}

func header(text, name string) (string, bool) {
	for line := range strings.SplitSeq(text, "\r\n") {
		if value, ok := strings.CutPrefix(line, name+": "); ok {
			return value, true
		}
	}
	return "", false
}

func status(answer string) string {
	line, _, _ := strings.Cut(answer, "\r\n")
	return strings.TrimPrefix(line, "SIP/2.0 ")
}

func (d *desk) want(text, want string) string {
	d.t.Helper()
	answer := d.say(text)
	if status(answer) != want {
		d.t.Fatalf("%q is answered %q, want %q", text, status(answer), want)
	}
	return answer
}

func TestRequestsThatComeAgain(t *testing.T) {
	f := begin(t, Listener{"udp", "127.0.0.1:0"})
	d := newDesk(t, f.Addrs()[0]).challenged()
	first := d.request("SUBSCRIBE", "sales", "1")
	answer := d.want(first, "200 anna dialog")
	if again := d.want(first, "200 anna dialog"); again != answer {
		t.Errorf("sent again it gets %q, not %q", again, answer)
	}
	d.want(strings.Replace(first, "z9hG4bK1", "z9hG4bK2", 1), "482 Loop Detected")
	thief := newDesk(t, f.Addrs()[0])
	stolen := thief.want(strings.Replace(first, "i: one", "i: two", 1), "401 Unauthorized")
	if !strings.Contains(stolen, "stale=true") {
		t.Errorf("the nonce count has been used, and the answer is %q", stolen)
	}
	d.want(d.request("SUBSCRIBE", "sales", "3", "Require: nonsense, eventlist"), "420 Bad Extension")
	d.want(d.request("SUBSCRIBE", "sales", "4", "Contact: <sip:[:::bad"), "400 Bad Contact")
	d.want(d.request("BYE", "sales", "5"), "405 Method Not Allowed")
	d.want(strings.Replace(d.request("BYE", "sales", "6"), "@hq>\r\ni:", "@hq>;tag=x\r\ni:", 1), "481 Call/Transaction Does Not Exist")
	if n := testutil.ToFloat64(f.gate.metrics.refusals.WithLabelValues("merged")); n != 1 {
		t.Errorf("%v merged requests are counted", n)
	}
}

func TestStrangersHaveNoPartInTransactions(t *testing.T) {
	f := begin(t, Listener{"udp", "127.0.0.1:0"})
	stranger := newDesk(t, f.Addrs()[0])
	stranger.send("SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP x;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:a@b>;tag=2\r\nCall-ID: 1\r\n" +
		"CSeq: 1 NOTIFY\r\nContent-Length: 0\r\n\r\n")
	stranger.send(stranger.request("ACK", "sales", "1"))
	stranger.want(stranger.request("CANCEL", "sales", "1"), "481 Call/Transaction Does Not Exist")
	if n := testutil.ToFloat64(f.gate.metrics.refusals.WithLabelValues(unknown)); n != 3 {
		t.Errorf("%v of 3 are refused", n)
	}
	if n := f.gate.known.len(); n != 0 {
		t.Errorf("%d strangers are known", n)
	}
	friend := newDesk(t, f.Addrs()[0]).challenged()
	friend.want(friend.request("SUBSCRIBE", "sales", "2"), "200 anna dialog")
	friend.nonce = nil
	friend.want(friend.request("CANCEL", "sales", "9"), "481 Call/Transaction Does Not Exist")
	if n := f.gate.known.len(); n != 1 {
		t.Errorf("%d are known", n)
	}
}

// TestReadersFollowOneAnother: each remembers few sources, and what is remembered goes with it.
func TestReadersFollowOneAnother(t *testing.T) {
	const few, many = 8, 100
	f, err := newTestFront(Listener{"udp", "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	f.bound[0].socket.limit, f.bound[0].socket.linger = few, time.Second
	serve(t, f)
	for i := range many {
		d := newDesk(t, f.Addrs()[0]).challenged()
		d.want(d.request("SUBSCRIBE", "sales", fmt.Sprint("r", i)), "200 anna dialog")
	}
	if n := testutil.ToFloat64(f.gate.metrics.begun); n < many/few {
		t.Errorf("%v readers began for %d sources, %d each", n, many, few)
	}
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	pool := f.ua.TransportLayer().Pool("udp")
	for end := time.Now().Add(patience); pool.Size() > few+1; <-tick.C { // those of the last reader, and the listener
		if time.Now().After(end) {
			t.Fatalf("%d sources are remembered", pool.Size())
		}
	}
}

func TestReaderIsFollowedAfterAFault(t *testing.T) {
	f, err := newTestFront(Listener{"udp", "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	faulty := &faults{PacketConn: f.bound[0].socket.PacketConn, left: 3}
	f.bound[0].socket.PacketConn = faulty
	serve(t, f)
	d := newDesk(t, f.Addrs()[0]).challenged()
	d.want(d.request("SUBSCRIBE", "sales", "1"), "200 anna dialog")
	if n := testutil.ToFloat64(f.gate.metrics.begun); n != 4 {
		t.Errorf("%v readers began for 3 faults", n)
	}
}

// faults is a socket that fails, and panics, before it works.
type faults struct {
	net.PacketConn
	left int
}

func (f *faults) ReadFrom(b []byte) (int, net.Addr, error) {
	if f.left--; f.left == 1 {
		panic("as asked")
	}
	if f.left >= 0 {
		return 0, nil, context.DeadlineExceeded
	}
	return f.PacketConn.ReadFrom(b)
}

func TestGuessingEndsInSilence(t *testing.T) {
	g := newTestGate()
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	g.now = func() time.Time { return now }
	from := origin{from: netip.MustParseAddrPort("192.0.2.1:5060")}
	d := &desk{t: t}
	challenge, err := digest.ParseChallenge(g.realm.Challenges("anna", now, false, false)[0])
	if err != nil {
		t.Fatal(err)
	}
	d.nonce = challenge
	answered := 0
	for range 3 * ofGuess.burst {
		if v := g.judge([]byte(d.request("SUBSCRIBE", "sales", "1")), from); v.answer != nil {
			answered++
		}
	}
	if answered != ofGuess.burst {
		t.Errorf("%d wrong secrets are looked at, want %d", answered, ofGuess.burst)
	}
	elsewhere := origin{from: netip.MustParseAddrPort("198.51.100.1:5060")}
	if v := g.judge([]byte(d.request("SUBSCRIBE", "sales", "1")), elsewhere); v.answer == nil {
		t.Error("who guesses locks others out")
	}
	now = now.Add(7 * time.Second)
	if v := g.judge([]byte(d.request("SUBSCRIBE", "sales", "1")), from); v.answer == nil {
		t.Error("the silence does not end")
	}
}

func TestOnePersonMayAskOnlySoOften(t *testing.T) {
	g := newTestGate()
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	g.now = func() time.Time { return now }
	g.realm.SetUsers(map[string]secrets.User{"anna": secrets.UserOf("anna", "hq", "secret", "", "")})
	d := &desk{t: t}
	challenge, err := digest.ParseChallenge(g.realm.Challenges("anna", now, false, false)[0])
	if err != nil {
		t.Fatal(err)
	}
	d.nonce = challenge
	passed := 0
	for i := range ofPerson.burst + 100 {
		if g.judge([]byte(d.request("SUBSCRIBE", "sales", fmt.Sprint(i))), origin{from: netip.MustParseAddrPort("192.0.2.1:5060")}).pass {
			passed++
		}
	}
	if passed != ofPerson.burst {
		t.Errorf("%d requests of one person pass, want %d", passed, ofPerson.burst)
	}
}

func TestStrangersAreAnsweredOnlySoOften(t *testing.T) {
	g := newTestGate()
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	g.now = func() time.Time { return now }
	text := []byte((&desk{t: t}).request("SUBSCRIBE", "sales", "1"))
	answered := func(from string, n int) (answers int) {
		for range n {
			if v := g.judge(text, origin{from: netip.MustParseAddrPort(from)}); v.answer != nil {
				answers++
				if len(v.answer) > 2*len(text)+300 {
					t.Fatalf("%d bytes are answered with %d", len(text), len(v.answer))
				}
			}
		}
		return answers
	}
	if n := answered("192.0.2.1:5060", 2*ofAddress.burst); n != ofAddress.burst {
		t.Errorf("one address has %d answers", n)
	}
	if n := answered("192.0.2.2:5060", ofNetwork.burst) + answered("192.0.2.3:5060", ofNetwork.burst); n != ofNetwork.burst-ofAddress.burst {
		t.Errorf("the rest of its network has %d answers", n)
	}
	if n := answered("127.0.0.1:5060", 2*ofAll.burst); n != ofAll.burst-ofNetwork.burst {
		t.Errorf("all others have %d answers", n)
	}
	now = now.Add(time.Second)
	if n := answered("192.0.2.1:5060", ofAddress.burst); n != int(ofAddress.rate) {
		t.Errorf("a second later there are %d answers", n)
	}
}

func TestAnswersGoBackToWhereTheyShould(t *testing.T) {
	from := netip.MustParseAddrPort("192.0.2.1:40000")
	for _, c := range []struct{ via, back, received string }{
		{"SIP/2.0/UDP 192.0.2.1:5070;branch=z9hG4bK1", "192.0.2.1:5070", "SIP/2.0/UDP 192.0.2.1:5070;branch=z9hG4bK1"},
		{"SIP/2.0/UDP 10.0.0.1;branch=1", "192.0.2.1:5060", "SIP/2.0/UDP 10.0.0.1;branch=1;received=192.0.2.1"},
		{"SIP/2.0/UDP 10.0.0.1;rport;branch=1, SIP/2.0/UDP x", "192.0.2.1:40000",
			"SIP/2.0/UDP 10.0.0.1;branch=1;received=192.0.2.1;rport=40000, SIP/2.0/UDP x"},
		{"SIP/2.0/UDP 10.0.0.1;received=8.8.8.8;maddr=8.8.4.4", "192.0.2.1:5060", "SIP/2.0/UDP 10.0.0.1;maddr=8.8.4.4;received=192.0.2.1"},
	} {
		m := &message{fields: []field{{name: "via", value: c.via}}}
		if back := m.back(from); back.String() != c.back {
			t.Errorf("%s: the answer goes to %s", c.via, back)
		}
		if got, _ := header(string(m.answer(bad("x"), from, nil)), "Via"); got != c.received {
			t.Errorf("%s: becomes %s", c.via, got)
		}
	}
}

func FuzzGate(f *testing.F) {
	for name := range torture {
		data, err := os.ReadFile("testdata/torture/" + name + ".dat")
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Add([]byte((&desk{t: f}).request("SUBSCRIBE", "sales", "1")))
	f.Add([]byte("SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP x\r\n\r\n"))
	f.Add([]byte("A sip:\x00 SIP/2.0\r\n\tv:,;\"<\r\n : \r\n\r\n"))
	g, now := newTestGate(), time.Now()
	g.now = func() time.Time { now = now.Add(time.Hour); return now } // nobody has had too much
	f.Fuzz(func(t *testing.T, data []byte) {
		v := g.judge(data, origin{from: netip.MustParseAddrPort("192.0.2.1:5060")})
		if v.pass {
			t.Fatalf("%q is let in", data)
		}
		if m := scan(v.answer); v.answer != nil && (m == nil || m.request()) {
			t.Errorf("%q is answered with what is no answer: %q", data, v.answer)
		}
		// What a known phone sends goes to the library, which must bear it.
		known := g.judge(data, origin{from: netip.MustParseAddrPort("192.0.2.1:5060"), reliable: true, known: true})
		if !known.pass {
			return
		}
		msg, err := parser.ParseSIP(known.data)
		if err != nil {
			t.Fatalf("%q is let in, and cannot be read: %v", data, err)
		}
		if m := scan(known.data); len(known.data) > len(data) || m == nil || m.flaw != "" || !bytes.Equal(m.bytes(), known.data) {
			t.Fatalf("%q becomes %q, which is not tidy", data, known.data)
		}
		if req, ok := msg.(*gosip.Request); ok {
			_ = gosip.NewResponseFromRequest(req, 400, "", nil).String()
		}
	})
}
