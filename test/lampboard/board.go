package lampboard

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/icholy/digest"
)

// Options say who the board is.
type Options struct {
	User, Password string
	Server         string // host:port, over UDP
	// Notified is told of each NOTIFY, on the board's only goroutine; nil: nobody is.
	Notified func(l *Lamp, n Notice)
	// Answer says how a NOTIFY is answered: false is not at all. Nil: 200.
	Answer func(l *Lamp, n Notice) bool
}

// Board is a phone with many lamps.
type Board struct {
	o    Options
	conn *net.UDPConn
	done chan struct{}

	mu    sync.Mutex
	lamps map[string]*Lamp // by Call-ID
	wait  map[string]chan message
}

// Lamp is one subscription.
type Lamp struct {
	board *Board
	// Target is whom it watches.
	Target string
	event  string
	extra  string

	callID, tag string
	mu          sync.Mutex
	seq         int
	to, remote  string
	notices     []Notice
	repeated    int
	changed     chan struct{}
}

// Notice is one NOTIFY.
type Notice struct {
	At    time.Time
	State string // Subscription-State
	Type  string
	Body  string
	CSeq  string
}

// retry is when a request is sent again that has no answer.
const retry = 500 * time.Millisecond

// Start starts a board, which ends with the test.
func Start(t testing.TB, o Options) *Board {
	t.Helper()
	server, err := net.ResolveUDPAddr("udp", o.Server)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := net.DialUDP("udp", nil, server)
	if err != nil {
		t.Fatal(err)
	}
	_ = conn.SetReadBuffer(4 << 20)
	b := &Board{o: o, conn: conn, done: make(chan struct{}), lamps: make(map[string]*Lamp), wait: make(map[string]chan message)}
	go b.read()
	t.Cleanup(b.Close)
	return b
}

// Close ends the board as a cut cable would.
func (b *Board) Close() {
	_ = b.conn.Close()
	<-b.done
}

func (b *Board) read() {
	defer close(b.done)
	buf := make([]byte, 65_535)
	for {
		n, err := b.conn.Read(buf)
		if err != nil {
			if errors.Is(err, syscall.ECONNREFUSED) {
				continue // nobody listens yet, or any more
			}
			return
		}
		now := time.Now()
		m, ok := parse(buf[:n])
		switch {
		case !ok:
		case m.status() != "":
			b.mu.Lock()
			c := b.wait[m.get("call-id")+" "+m.get("cseq")]
			b.mu.Unlock()
			if c != nil {
				select {
				case c <- m:
				default:
				}
			}
		case m.method() == "NOTIFY":
			b.notified(&m, now)
		}
	}
}

func (b *Board) notified(m *message, now time.Time) {
	b.mu.Lock()
	l := b.lamps[m.get("call-id")]
	b.mu.Unlock()
	if l == nil {
		_, _ = b.conn.Write([]byte(strings.Replace(string(m.ok()), "200 OK", "481 Subscription Does Not Exist", 1)))
		return
	}
	n := Notice{At: now, State: m.get("subscription-state"), Type: m.get("content-type"), Body: string(m.body), CSeq: m.get("cseq")}
	if b.o.Answer == nil || b.o.Answer(l, n) {
		_, _ = b.conn.Write(m.ok())
	}
	l.mu.Lock()
	again := len(l.notices) > 0 && l.notices[len(l.notices)-1].CSeq == n.CSeq
	if again {
		l.repeated++
	} else {
		l.notices = append(l.notices, n)
		close(l.changed)
		l.changed = make(chan struct{})
	}
	l.mu.Unlock()
	if !again && b.o.Notified != nil {
		b.o.Notified(l, n)
	}
}

// Subscribe subscribes to an event package of somebody. Extra are more header lines, each with its end.
func (b *Board) Subscribe(ctx context.Context, target, event, extra string) (*Lamp, error) {
	l := b.lamp(target, event, extra)
	return l, l.Refresh(ctx, time.Hour, nil)
}

// Fetch asks once for what is so now (RFC 6665, 4.4.3).
func (b *Board) Fetch(ctx context.Context, target, event, extra string) (Notice, error) {
	l := b.lamp(target, event, extra)
	if err := l.Refresh(ctx, 0, nil); err != nil {
		return Notice{}, err
	}
	return l.Shows(ctx, "terminated")
}

func (b *Board) lamp(target, event, extra string) *Lamp {
	l := &Lamp{board: b, Target: target, event: event, extra: extra, callID: rand.Text(), tag: rand.Text()[:10], changed: make(chan struct{})}
	b.mu.Lock()
	b.lamps[l.callID] = l
	b.mu.Unlock()
	return l
}

// Refused is an answer that is no success.
type Refused struct {
	Code   string
	Answer string
}

func (r *Refused) Error() string { return "SUBSCRIBE is answered " + r.Code + ": " + r.Answer }

// Refresh subscribes again, or with 0 no longer, with a body if there is one.
func (l *Lamp) Refresh(ctx context.Context, expires time.Duration, body *Body) error {
	authorization := ""
	for range 2 {
		m, err := l.ask(ctx, expires, authorization, body)
		if err != nil {
			return err
		}
		switch code := m.status(); {
		case code == "401" && authorization == "":
			if authorization, err = l.authorize(&m); err != nil {
				return err
			}
		case strings.HasPrefix(code, "2"):
			l.mu.Lock()
			l.to, l.remote = m.get("to"), uriOf(m.get("contact"))
			l.mu.Unlock()
			return nil
		default:
			return &Refused{code, m.start + " " + fmt.Sprint(m.headers)}
		}
	}
	return &Refused{"401", "again"}
}

// Body is what goes with a SUBSCRIBE.
type Body struct{ Type, Text string }

func (l *Lamp) uri() string { return "sip:" + l.Target + "@" + l.board.o.Server }

// authorize answers the first challenge that can be answered.
func (l *Lamp) authorize(m *message) (string, error) {
	challenge, err := digest.FindChallenge(http.Header{"Www-Authenticate": m.all("www-authenticate")})
	if err != nil {
		return "", err
	}
	c, err := digest.Digest(challenge, digest.Options{
		Method: "SUBSCRIBE", URI: l.uri(), Username: l.board.o.User, Password: l.board.o.Password, Count: 1,
	})
	if err != nil {
		return "", err
	}
	return "Authorization: " + c.String() + "\r\n", nil
}

// ask sends one request, again and again until there is an answer.
func (l *Lamp) ask(ctx context.Context, expires time.Duration, authorization string, body *Body) (message, error) {
	l.mu.Lock()
	l.seq++
	seq, to, remote := l.seq, l.to, l.remote
	l.mu.Unlock()
	if to == "" {
		to, remote = "<"+l.uri()+">", l.uri()
	}
	b := l.board
	local := b.conn.LocalAddr().String()
	var r strings.Builder
	fmt.Fprintf(&r, "SUBSCRIBE %s SIP/2.0\r\nVia: SIP/2.0/UDP %s;rport;branch=z9hG4bK%s\r\nFrom: <sip:%s@%s>;tag=%s\r\nTo: %s\r\n", remote, local,
		rand.Text(), b.o.User, b.o.Server, l.tag, to)
	fmt.Fprintf(&r, "Call-ID: %s\r\nCSeq: %d SUBSCRIBE\r\nMax-Forwards: 70\r\nContact: <sip:%s@%s>\r\nEvent: %s\r\nExpires: %d\r\n%s%s", l.callID, seq,
		b.o.User, local, l.event, int(expires/time.Second), authorization, l.extra)
	text := ""
	if body != nil {
		fmt.Fprintf(&r, "Content-Type: %s\r\n", body.Type)
		text = body.Text
	}
	fmt.Fprintf(&r, "Content-Length: %d\r\n\r\n%s", len(text), text)
	key := fmt.Sprintf("%s %d SUBSCRIBE", l.callID, seq)
	answer := make(chan message, 1)
	b.mu.Lock()
	b.wait[key] = answer
	b.mu.Unlock()
	defer func() {
		b.mu.Lock()
		delete(b.wait, key)
		b.mu.Unlock()
	}()
	tick := time.NewTicker(retry)
	defer tick.Stop()
	for {
		if _, err := b.conn.Write([]byte(r.String())); err != nil && !errors.Is(err, syscall.ECONNREFUSED) {
			return message{}, err
		}
		select {
		case m := <-answer:
			return m, nil
		case <-tick.C:
		case <-ctx.Done():
			return message{}, fmt.Errorf("SUBSCRIBE to %s has no answer: %w", l.Target, ctx.Err())
		}
	}
}

// Notices are all that came.
func (l *Lamp) Notices() []Notice {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]Notice{}, l.notices...)
}

// Repeated is how many NOTIFYs came once more, because they or their answers were lost or late.
func (l *Lamp) Repeated() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.repeated
}

// Await waits for a NOTIFY, the last one or a later one, of which something holds.
func (l *Lamp) Await(ctx context.Context, what string, holds func(Notice) bool) (Notice, error) {
	for {
		l.mu.Lock()
		var last Notice
		if len(l.notices) > 0 {
			last = l.notices[len(l.notices)-1]
		}
		changed := l.changed
		l.mu.Unlock()
		if !last.At.IsZero() && holds(last) {
			return last, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return last, fmt.Errorf("the lamp of %s: %s: %w; the last NOTIFY was %s\n%s", l.Target, what, ctx.Err(), last.State, last.Body)
		}
	}
}

// Shows waits for a document that has all of some words, and none of those with a minus before them.
func (l *Lamp) Shows(ctx context.Context, words ...string) (Notice, error) {
	return l.Await(ctx, strings.Join(words, ", "), func(n Notice) bool {
		for _, w := range words {
			absent, not := strings.CutPrefix(w, "-")
			if not == strings.Contains(n.State+"\n"+n.Body, absent) {
				return false
			}
		}
		return true
	})
}
