package softphone_test

import (
	"context"
	"fmt"
	"net"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"supervisiond/test/softphone"
)

// peer is a PBX that a test plays by hand, to do what a good one does not do.
type peer struct {
	t    *testing.T
	conn *net.UDPConn
}

func newPeer(t *testing.T) *peer {
	t.Helper()
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	must(t, err)
	t.Cleanup(func() { conn.Close() })
	return &peer{t, conn}
}

func (p *peer) addr() string { return p.conn.LocalAddr().String() }

// send sends a request; what lines say comes after the start line.
func (p *peer) send(to string, method string, lines ...string) {
	p.t.Helper()
	addr, err := net.ResolveUDPAddr("udp4", to)
	must(p.t, err)
	text := method + " sip:101@" + to + " SIP/2.0\r\n" + strings.Join(lines, "\r\n") + "\r\n\r\n"
	_, err = p.conn.WriteToUDP([]byte(text), addr)
	must(p.t, err)
}

func (p *peer) respond(to net.Addr, request string, status string, lines ...string) {
	p.t.Helper()
	all := []string{"SIP/2.0 " + status}
	for line := range strings.Lines(request) {
		name, _, _ := strings.Cut(line, ":")
		switch name {
		case "Via", "From", "To", "Call-ID", "CSeq":
			all = append(all, strings.TrimRight(line, "\r\n"))
		}
	}
	all = append(append(all, lines...), "Content-Length: 0")
	_, err := p.conn.WriteTo([]byte(strings.Join(all, "\r\n")+"\r\n\r\n"), to)
	must(p.t, err)
}

// read returns the next message that begins with one of these.
func (p *peer) read(starts ...string) (string, net.Addr) {
	p.t.Helper()
	must(p.t, p.conn.SetReadDeadline(time.Now().Add(patience)))
	buf := make([]byte, 65536)
	for {
		n, from, err := p.conn.ReadFrom(buf)
		if err != nil {
			p.t.Fatalf("no %q came: %v", starts, err)
		}
		for _, s := range starts {
			if strings.HasPrefix(string(buf[:n]), s) {
				return string(buf[:n]), from
			}
		}
	}
}

func (p *peer) headers(branch, tag string, seq int, method string, more ...string) []string {
	return append([]string{
		"Via: SIP/2.0/UDP " + p.addr() + ";rport;branch=z9hG4bK" + branch,
		"From: \"Peer\" <sip:200@" + p.addr() + ">;tag=peer",
		"To: <sip:101@" + p.addr() + ">" + tag,
		"Call-ID: by-hand",
		fmt.Sprintf("CSeq: %d %s", seq, method),
		"Max-Forwards: 70",
	}, more...)
}

func (p *peer) contact() string { return "Contact: <sip:200@" + p.addr() + ">" }

func (p *peer) sdp() []string {
	body := "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 9 RTP/AVP 8\r\n"
	return []string{p.contact(), "Content-Type: application/sdp", fmt.Sprintf("Content-Length: %d", len(body)), "", strings.TrimRight(body, "\r\n")}
}

func (p *peer) phone(change ...func(*softphone.Options)) *softphone.Phone {
	o := softphone.Options{User: "101", Server: p.addr(), NoRegister: true}
	for _, c := range change {
		c(&o)
	}
	return softphone.Start(p.t, o)
}

func toTag(message string) string {
	for line := range strings.Lines(message) {
		if strings.HasPrefix(line, "To:") {
			if _, tag, ok := strings.Cut(line, ";tag="); ok {
				return ";tag=" + strings.TrimSpace(tag)
			}
		}
	}
	return ""
}

// TestByeOvertakesReinvite hangs up while the 200 to a re-INVITE waits for an
// ACK that never comes.
func TestByeOvertakesReinvite(t *testing.T) {
	t.Parallel()
	p := newPeer(t)
	phone := p.phone(behave(softphone.AnswerAfter(0)))
	p.send(phone.Addr(), "INVITE", p.headers("1", "", 10, "INVITE", p.sdp()...)...)
	ok, _ := p.read("SIP/2.0 200")
	tag := toTag(ok)
	p.send(phone.Addr(), "ACK", p.headers("2", tag, 10, "ACK", "Content-Length: 0")...)
	p.send(phone.Addr(), "INVITE", p.headers("3", tag, 11, "INVITE", p.sdp()...)...)
	p.read("SIP/2.0 200")
	p.send(phone.Addr(), "BYE", p.headers("4", tag, 12, "BYE", "Content-Length: 0")...)
	bye, _ := p.read("SIP/2.0 200")
	if !strings.Contains(bye, "12 BYE") {
		t.Errorf("BYE was answered with %s", bye)
	}
	expectEnd(t, rings(t, phone), softphone.HungUpByPeer, 0)

	p.send(phone.Addr(), "INVITE", p.headers("5", tag, 13, "INVITE", p.sdp()...)...)
	p.read("SIP/2.0 481")
}

// TestLateRequestIsRefused sends an UPDATE with a number that is past: the
// display must not go back.
func TestLateRequestIsRefused(t *testing.T) {
	t.Parallel()
	p := newPeer(t)
	phone := p.phone(behave(softphone.AnswerAfter(0)))
	p.send(phone.Addr(), "INVITE", p.headers("1", "", 10, "INVITE", p.sdp()...)...)
	ok, _ := p.read("SIP/2.0 200")
	tag := toTag(ok)
	p.send(phone.Addr(), "ACK", p.headers("2", tag, 10, "ACK", "Content-Length: 0")...)
	call := rings(t, phone)
	for _, step := range []struct {
		seq    int
		name   string
		status string
	}{{12, "New", "SIP/2.0 200"}, {11, "Old", "SIP/2.0 500"}} {
		p.send(phone.Addr(), "UPDATE", p.headers(step.name, tag, step.seq, "UPDATE", p.contact(),
			`P-Asserted-Identity: "`+step.name+`" <sip:201@pbx>`, "Content-Length: 0")...)
		p.read(step.status)
	}
	if got := call.Display(); got != (softphone.Party{Name: "New", Number: "201"}) {
		t.Errorf("the display shows %v", got)
	}
	p.send(phone.Addr(), "BYE", p.headers("4", tag, 13, "BYE", "Content-Length: 0")...)
	ended(t, call)
}

// TestAnswerIsRepeatedUntilAcked loses the first ACK.
func TestAnswerIsRepeatedUntilAcked(t *testing.T) {
	t.Parallel()
	p := newPeer(t)
	phone := p.phone(behave(softphone.AnswerAfter(0)))
	p.send(phone.Addr(), "INVITE", p.headers("1", "", 10, "INVITE", p.sdp()...)...)
	p.read("SIP/2.0 200")
	ok, _ := p.read("SIP/2.0 200")
	tag := toTag(ok)
	p.send(phone.Addr(), "ACK", p.headers("2", tag, 10, "ACK", "Content-Length: 0")...)
	call := rings(t, phone)
	if _, err := call.WaitEvent(within(t), func(e softphone.Event) bool { return e.Kind == softphone.Ack }); err != nil {
		t.Fatal(err)
	}
	p.send(phone.Addr(), "BYE", p.headers("3", tag, 11, "BYE", "Content-Length: 0")...)
	ended(t, call)
}

// TestNonsenseHarmsNobody sends what is no call; the phone goes on.
func TestNonsenseHarmsNobody(t *testing.T) {
	t.Parallel()
	p := newPeer(t)
	phone := p.phone()
	p.send(phone.Addr(), "INVITE", p.headers("a", "", 1, "INVITE", "Content-Length: 0")...)
	p.read("SIP/2.0 400") // no Contact
	p.send(phone.Addr(), "INVITE", p.headers("b", "", 1, "INVITE", p.contact(), "Content-Length: 0")...)
	p.read("SIP/2.0 488") // no session
	for i, method := range []string{"BYE", "UPDATE", "CANCEL", "INVITE"} {
		more := slices.Concat(p.sdp()[:1], []string{"Content-Length: 0"})
		p.send(phone.Addr(), method, p.headers(fmt.Sprint("c", i), ";tag=none", 2, method, more...)...)
		p.read("SIP/2.0 481")
	}
	p.send(phone.Addr(), "ACK", p.headers("d", ";tag=none", 2, "ACK", "Content-Length: 0")...)
	p.send(phone.Addr(), "BYE", "Via: SIP/2.0/UDP "+p.addr()+";rport;branch=z9hG4bKe", "CSeq: 1 BYE", "Content-Length: 0")
	p.read("SIP/2.0 400")
	p.send(phone.Addr(), "PUBLISH", p.headers("f", "", 1, "PUBLISH", "Content-Length: 0")...)
	p.read("SIP/2.0 405")
	p.send(phone.Addr(), "OPTIONS", p.headers("g", "", 1, "OPTIONS", "Content-Length: 0")...)
	p.read("SIP/2.0 200")
}

// TestCancelBeforeAnyResponse hangs up before the PBX has said anything.
func TestCancelBeforeAnyResponse(t *testing.T) {
	t.Parallel()
	p := newPeer(t)
	call := dial(t, p.phone(), "200")
	invite, from := p.read("INVITE")
	done := make(chan error, 1)
	ctx := within(t)
	go func() { done <- call.Hangup(ctx) }()
	p.respond(from, invite, "100 Trying")
	cancel, _ := p.read("CANCEL")
	p.respond(from, cancel, "200 OK")
	p.respond(from, invite, "487 Request Terminated")
	must(t, <-done)
	expectEnd(t, call, softphone.Cancelled, 487)
}

// TestCloseAtDeafPBX bounds how long Close takes when nobody answers.
func TestCloseAtDeafPBX(t *testing.T) {
	t.Parallel()
	p := newPeer(t)
	phone, err := softphone.New(t.Context(), softphone.Options{User: "101", Server: p.addr(), NoRegister: true})
	must(t, err)
	call := dial(t, phone, "200")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_ = phone.Close(ctx)
	must(t, phone.Close(within(t)))
	expectEnd(t, call, softphone.Lost, 0)
}

// TestRegistersAgain counts REGISTER requests, and the last one's goodbye.
func TestRegistersAgain(t *testing.T) {
	t.Parallel()
	p := newPeer(t)
	ready := make(chan *softphone.Phone)
	ctx := within(t)
	go func() {
		phone, err := softphone.New(ctx, softphone.Options{User: "101", Server: p.addr(), Expires: time.Second})
		if err != nil {
			t.Error(err)
		}
		ready <- phone
	}()
	for range 3 {
		register, from := p.read("REGISTER")
		if !strings.Contains(register, "Expires: 1\r\n") {
			t.Errorf("it registers with %s", register)
		}
		p.respond(from, register, "200 OK")
	}
	phone := <-ready
	closed := make(chan error, 1)
	go func() { closed <- phone.Close(ctx) }()
	for {
		register, from := p.read("REGISTER")
		p.respond(from, register, "200 OK")
		if strings.Contains(register, "Expires: 0\r\n") {
			break
		}
	}
	must(t, <-closed)
}

// TestCloseEndsEverything looks for goroutines of a closed phone. It is not
// parallel, so that all there are would be its own.
func TestCloseEndsEverything(t *testing.T) {
	p := newPeer(t)
	phone, err := softphone.New(t.Context(), softphone.Options{User: "101", Server: p.addr(), NoRegister: true})
	must(t, err)
	p.send(phone.Addr(), "INVITE", p.headers("1", "", 10, "INVITE", p.sdp()...)...)
	call := rings(t, phone)
	must(t, call.Answer())
	ok, _ := p.read("SIP/2.0 200")
	p.send(phone.Addr(), "ACK", p.headers("2", toTag(ok), 10, "ACK", "Content-Length: 0")...)
	dial(t, phone, "200")
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	_ = phone.Close(ctx) // the peer answers nothing
	must(t, phone.Close(within(t)))

	for deadline := time.Now().Add(patience); ; runtime.Gosched() {
		stacks := make([]byte, 1<<20)
		stacks = stacks[:runtime.Stack(stacks, true)]
		left := strings.Count(string(stacks), "test/softphone.(*")
		if left == 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("after Close there still runs\n%s", stacks)
		}
	}
}
