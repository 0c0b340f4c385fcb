package acceptance

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/textproto"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/icholy/digest"

	"supervisiond/test/ports"
)

// wirePhone is a phone at the event server that does what a test tells it, over any transport, also what no good phone does.
type wirePhone struct {
	t         *testing.T
	s         *site
	user      string // and its secret is sip-<user>
	password  string
	server    string
	transport string
	local     string // as its Contact says it
	write     func([]byte) error
	close     func() error

	// answer is what is said to a request: a status line's code and text, and headers. Empty: nothing.
	answer func(m *sipText) (status string, headers string)

	mu     sync.Mutex
	got    []*sipText // all that came
	news   chan struct{}
	closed bool
	seq    int
}

// sipText is a message as it came.
type sipText struct {
	at     time.Time
	via    string // how it came: udp, tcp or tls
	start  string
	header textproto.MIMEHeader
	body   string
}

func (m *sipText) status() string {
	rest, _ := strings.CutPrefix(m.start, "SIP/2.0 ")
	return strings.SplitN(rest, " ", 2)[0]
}

func (m *sipText) isRequest(method string) bool { return strings.HasPrefix(m.start, method+" ") }

func (m *sipText) String() string { return fmt.Sprintf("%s\n%v\n%s", m.start, m.header, m.body) }

// sipPhone connects a phone to the daemon: over udp it has a socket of its own, at whose port nobody else takes connections.
func (s *site) sipPhone(user, transport string, trust *tls.Config) *wirePhone {
	s.t.Helper()
	return s.sipPhoneAt(s.sipAddr(transport), user, transport, trust)
}

// sipPhoneAt has a phone that knows another server, such as a proxy.
func (s *site) sipPhoneAt(server, user, transport string, trust *tls.Config) *wirePhone {
	s.t.Helper()
	p := &wirePhone{t: s.t, s: s, user: user, password: "sip-" + user, server: server, transport: transport, news: make(chan struct{})}
	p.answer = func(*sipText) (string, string) { return "200 OK", "" }
	switch transport {
	case "udp":
		c, err := net.ListenUDP("udp", &net.UDPAddr{IP: loopback(p.server), Port: ports.Take(s.t)})
		s.must("listen", err)
		server, err := net.ResolveUDPAddr("udp", p.server)
		s.must("resolve", err)
		p.local = c.LocalAddr().String()
		p.write = func(b []byte) error { _, err := c.WriteTo(b, server); return err }
		p.reads(c, func() {
			buf := make([]byte, 65_535)
			for {
				n, err := c.Read(buf)
				if err != nil {
					return
				}
				p.take(bufio.NewReader(bytes.NewReader(bytes.Clone(buf[:n]))), "udp", p.write)
			}
		})
	default:
		var c net.Conn
		var err error
		if transport == "tls" {
			c, err = (&tls.Dialer{Config: trust}).DialContext(s.ctx(), "tcp", p.server)
		} else {
			c, err = (&net.Dialer{}).DialContext(s.ctx(), "tcp", p.server)
		}
		s.must("connect", err)
		p.local = c.LocalAddr().String()
		p.write = func(b []byte) error { _, err := c.Write(b); return err }
		p.reads(c, func() { p.stream(c, transport) })
	}
	return p
}

// loopback is this machine's address that reaches a server.
func loopback(server string) net.IP {
	if strings.HasPrefix(server, "[") {
		return net.IPv6loopback
	}
	return net.IPv4(127, 0, 0, 1)
}

// reads runs a loop that ends with what it reads from, and that ends with the test.
func (p *wirePhone) reads(c io.Closer, loop func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		loop()
	}()
	p.close = c.Close
	p.t.Cleanup(func() { _ = c.Close(); <-done })
}

func (p *wirePhone) stream(c net.Conn, transport string) {
	r := bufio.NewReader(c)
	for p.take(r, transport, func(b []byte) error { _, err := c.Write(b); return err }) {
	}
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	_ = c.Close()
}

// alsoTCP has a phone take connections where it takes datagrams.
func (p *wirePhone) alsoTCP() {
	p.t.Helper()
	l, err := net.Listen("tcp", p.local)
	p.s.must("listen", err)
	p.local = l.Addr().String()
	var work sync.WaitGroup
	p.reads(l, func() {
		for {
			c, err := l.Accept()
			if err != nil {
				work.Wait()
				return
			}
			p.t.Cleanup(func() { _ = c.Close() })
			work.Go(func() { p.stream(c, "tcp") })
		}
	})
}

// take reads a message and answers it.
func (p *wirePhone) take(r *bufio.Reader, via string, write func([]byte) error) bool {
	text := textproto.NewReader(r)
	start, err := text.ReadLine()
	if err != nil {
		return false
	}
	if start == "" {
		return true
	}
	header, err := text.ReadMIMEHeader()
	if err != nil {
		return false
	}
	n, _ := strconv.Atoi(header.Get("Content-Length"))
	body := make([]byte, n)
	if _, err := io.ReadFull(r, body); err != nil {
		return false
	}
	m := &sipText{at: time.Now(), via: via, start: start, header: header, body: string(body)}
	if m.status() == "" || !strings.HasPrefix(start, "SIP/2.0 ") {
		if status, more := p.answer(m); status != "" {
			var b strings.Builder
			b.WriteString("SIP/2.0 " + status + "\r\n")
			for _, name := range []string{"Via", "From", "To", "Call-Id", "Cseq"} {
				for _, v := range header[name] {
					b.WriteString(name + ": " + v + "\r\n")
				}
			}
			b.WriteString(more + "Content-Length: 0\r\n\r\n")
			_ = write([]byte(b.String()))
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.got = append(p.got, m)
	close(p.news)
	p.news = make(chan struct{})
	return true
}

// await waits for a message, from one on.
func (p *wirePhone) await(from int, what string, want func(*sipText) bool) (*sipText, int) {
	p.t.Helper()
	return p.awaitUntil(p.s.ctx(), from, what, want)
}

// awaitUntil is for what takes longer than anything else.
func (p *wirePhone) awaitUntil(ctx context.Context, from int, what string, want func(*sipText) bool) (*sipText, int) {
	p.t.Helper()
	for {
		p.mu.Lock()
		got, news := p.got, p.news
		p.mu.Unlock()
		for i := from; i < len(got); i++ {
			if want(got[i]) {
				return got[i], i + 1
			}
		}
		select {
		case <-news:
		case <-ctx.Done():
			p.t.Fatalf("%s over %s: %s: it does not come; there is\n%v", p.user, p.transport, what, got[from:])
		}
	}
}

// mark is behind all that came.
func (p *wirePhone) mark() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.got)
}

// notified waits for a NOTIFY (or MESSAGE) with words in it, and none of those with a minus before them.
func (p *wirePhone) notified(from int, method string, words ...string) (*sipText, int) {
	p.t.Helper()
	return p.await(from, method+" with "+strings.Join(words, ", "), func(m *sipText) bool {
		if !m.isRequest(method) {
			return false
		}
		all := m.String()
		for _, w := range words {
			absent, not := strings.CutPrefix(w, "-")
			if not == strings.Contains(all, absent) {
				return false
			}
		}
		return true
	})
}

// wireDialog is what requests have in common.
type wireDialog struct {
	target, callID, to, remote string
}

func (p *wirePhone) dialog(target string) *wireDialog {
	uri := "sip:" + target + "@" + p.server
	return &wireDialog{target: uri, callID: rand.Text(), to: "<" + uri + ">", remote: uri}
}

// ask sends a request, with the secret if it is asked for, and gives the answer. More are further header lines, and after an empty
// one the body.
func (p *wirePhone) ask(d *wireDialog, method, more string) *sipText {
	p.t.Helper()
	authorization := ""
	for {
		m := p.askOnce(d, method, authorization+more)
		if m.status() != "401" || authorization != "" {
			if strings.HasPrefix(m.status(), "2") && method == "SUBSCRIBE" {
				d.to = m.header.Get("To")
				contact, _, _ := strings.Cut(m.header.Get("Contact"), ">")
				d.remote = strings.TrimPrefix(contact, "<")
			}
			return m
		}
		challenge, err := digest.FindChallenge(http.Header{"Www-Authenticate": m.header["Www-Authenticate"]})
		p.s.must("challenge", err)
		c, err := digest.Digest(challenge, digest.Options{Method: method, URI: d.remote, Username: p.user, Password: p.password, Count: 1})
		p.s.must("digest", err)
		authorization = "Authorization: " + c.String() + "\r\n"
	}
}

func (p *wirePhone) askOnce(d *wireDialog, method, more string) *sipText {
	p.t.Helper()
	p.mu.Lock()
	p.seq++
	seq := p.seq
	p.mu.Unlock()
	head, body, _ := strings.Cut(more+"\r\n", "\r\n\r\n")
	if head = strings.TrimSuffix(head, "\r\n"); head != "" {
		head += "\r\n"
	}
	body = strings.TrimSuffix(body, "\r\n")
	contact := fmt.Sprintf("Contact: <sip:%s@%s>\r\n", p.user, p.local)
	if strings.Contains(head, "Contact: ") {
		contact = ""
	}
	request := fmt.Sprintf("%s %s SIP/2.0\r\nVia: SIP/2.0/%s %s;rport;branch=z9hG4bK%s\r\nMax-Forwards: 70\r\nFrom: <sip:%s@%s>;tag=t%s\r\nTo: %s\r\n"+
		"Call-ID: %s\r\nCSeq: %d %s\r\n%s%sContent-Length: %d\r\n\r\n%s", method, d.remote, strings.ToUpper(p.transport), p.local, rand.Text(),
		p.user, p.server, d.callID[:8], d.to, d.callID, seq, method, contact, head, len(body), body)
	from := p.mark()
	ctx, cancel := context.WithCancel(p.s.ctx())
	defer cancel()
	if p.transport == "udp" {
		go p.repeat(ctx, []byte(request))
	} else {
		p.s.must("send", p.write([]byte(request)))
	}
	want := fmt.Sprintf("%d %s", seq, method)
	m, _ := p.await(from, "an answer to "+want, func(m *sipText) bool {
		return strings.HasPrefix(m.start, "SIP/2.0 ") && !strings.HasPrefix(m.status(), "1") && m.header.Get("Call-Id") == d.callID && m.header.Get("Cseq") == want
	})
	return m
}

func (p *wirePhone) repeat(ctx context.Context, request []byte) {
	tick := time.NewTicker(500 * time.Millisecond)
	defer tick.Stop()
	for {
		_ = p.write(request)
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// subscribes and expects to be granted.
func (p *wirePhone) subscribes(target, event, more string) *wireDialog {
	p.t.Helper()
	d := p.dialog(target)
	p.again(d, event, 3600, more)
	return d
}

// again refreshes a subscription, or ends it with 0, and gives the answer.
func (p *wirePhone) again(d *wireDialog, event string, seconds int, more string) *sipText {
	p.t.Helper()
	m := p.ask(d, "SUBSCRIBE", fmt.Sprintf("Event: %s\r\nExpires: %d\r\n%s", event, seconds, more))
	if m.status() != "200" {
		p.t.Fatalf("%s subscribes to %s over %s: %s", p.user, d.target, p.transport, m)
	}
	return m
}

// all are the messages that came.
func (p *wirePhone) all() []*sipText {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]*sipText(nil), p.got...)
}
