package sip

import (
	"bytes"
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/emiago/sipgo"
	gosip "github.com/emiago/sipgo/sip"

	"supervisiond/sip/notifier"
	"supervisiond/test/ports"
)

// patience bounds every wait.
const patience = 30 * time.Second

// sink is a phone's socket. Nobody else takes connections at its port.
func sink(t *testing.T, heard func(c *net.UDPConn, from *net.UDPAddr, text []byte)) *net.UDPConn {
	t.Helper()
	c, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: ports.Take(t)})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		buf := make([]byte, 65_535)
		for {
			n, from, err := c.ReadFromUDP(buf)
			if err != nil {
				return
			}
			heard(c, from, buf[:n])
		}
	}()
	t.Cleanup(func() { _ = c.Close(); <-done })
	return c
}

func sender(t *testing.T) *outbound {
	t.Helper()
	ua, err := sipgo.NewUA()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ua.Close() })
	o, err := newOutbound(ua)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func notifyTo(p *phone, body string) *notifier.Notify {
	return &notifier.Notify{
		Dialog: notifier.Dialog{CallID: "c1", LocalTag: "ours", RemoteTag: "theirs"}, CSeq: 1, Event: "dialog", State: "active;expires=60",
		ContentType: "application/dialog-info+xml", Body: []byte(body), Peer: p,
	}
}

// What no datagram can carry is not sent to a phone that takes nothing else, and that is not as if it were gone.
func TestTooLong(t *testing.T) {
	o := sender(t)
	heard := make(chan int, 1)
	c := sink(t, func(c *net.UDPConn, from *net.UDPAddr, text []byte) {
		_, _ = c.WriteToUDP(answerTo(text), from)
		heard <- len(text)
	})
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	n := notifyTo(phoneAt(t, c), strings.Repeat("x", longestDatagram))
	if a := o.notify(ctx, n); !errors.Is(a.Err, notifier.ErrTooLong) || a.Code != 0 {
		t.Errorf("it came to %+v", a)
	}
	n.Body = n.Body[:60_000]
	if a := o.notify(ctx, n); a.Code != 200 {
		t.Errorf("a shorter one came to %+v", a)
	}
	if n := <-heard; n < 60_000 {
		t.Errorf("%d bytes came", n)
	}
}

// answerTo is the 200 to a request.
func answerTo(text []byte) []byte {
	head, _, _ := bytes.Cut(text, []byte("\r\n\r\n"))
	answer := "SIP/2.0 200 OK\r\n"
	for line := range strings.SplitSeq(string(head), "\r\n") {
		for _, name := range []string{"Via", "From", "To", "Call-ID", "CSeq"} {
			if strings.HasPrefix(line, name+":") {
				answer += line + "\r\n"
			}
		}
	}
	return []byte(answer + "Content-Length: 0\r\n\r\n")
}

func phoneAt(t *testing.T, c *net.UDPConn) *phone {
	t.Helper()
	p := subscribeFrom(t, "UDP", c.LocalAddr().String(), "sip:a@"+c.LocalAddr().String())
	p.local, p.ours = "127.0.0.1:0", "127.0.0.1:5070"
	return p
}

// RFC 3261, 17.1.2.2: a phone that is silent is told again, at most every T2, until 64 times T1 are over; then it is gone.
func TestSilentPhoneIsGivenUp(t *testing.T) {
	t1, t2, t4 := gosip.T1, gosip.T2, gosip.T4
	gosip.SetTimers(10*time.Millisecond, 80*time.Millisecond, 100*time.Millisecond)
	defer gosip.SetTimers(t1, t2, t4)
	times := make(chan time.Time, 64)
	c := sink(t, func(*net.UDPConn, *net.UDPAddr, []byte) { times <- time.Now() })
	began := time.Now()
	a := sender(t).notify(t.Context(), notifyTo(phoneAt(t, c), "<dialog-info/>"))
	took := time.Since(began)
	if a.Code != 0 || a.Err == nil || took < 630*time.Millisecond || took > patience {
		t.Errorf("after %v: %+v", took, a)
	}
	// 0, 10, 30, 70, 150, 230 … 630 ms: on a busy machine fewer, and never faster
	if n, most := len(times), 6+int((took-150*time.Millisecond)/(80*time.Millisecond)); n < 2 || n > most {
		t.Errorf("it was told %d times in %v", n, took)
	}
}

// A phone behind a translator of addresses may share its address with something that takes connections and knows no SIP: what is
// too long for a datagram reaches the phone all the same.
func TestTCPThatIsNotThePhone(t *testing.T) {
	c := sink(t, func(c *net.UDPConn, from *net.UDPAddr, text []byte) { _, _ = c.WriteToUDP(answerTo(text), from) })
	l, err := net.Listen("tcp", c.LocalAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	o := sender(t)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for range 2 {
		began := time.Now()
		a := o.notify(ctx, notifyTo(phoneAt(t, c), strings.Repeat("x", 3000)))
		if a.Code != 200 {
			t.Fatalf("%+v", a)
		}
		if took := time.Since(began); took > tcpTime+5*time.Second {
			t.Errorf("it took %v", took)
		}
		if until, known := o.noTCP.Get(c.LocalAddr().String()); !known || time.Until(until) < time.Minute {
			t.Error("it is tried again soon")
		}
	}
}

// What is written to a connection that the phone closes at the same moment is lost without a word: it is told again where its Contact
// takes connections (RFC 3261, 18.1.1).
func TestConnectionEndsBeforeTheAnswer(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	// takes has a phone take connections, answer a request on each, and end it at the next; and no more of them than so many.
	takes := func(connections int) (address string, ended <-chan struct{}) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		done := make(chan struct{})
		t.Cleanup(func() { _ = l.Close(); <-done })
		go func() {
			defer close(done)
			for range connections {
				c, err := l.Accept()
				if err != nil {
					return
				}
				buf := make([]byte, 65_535)
				if n, err := c.Read(buf); err == nil {
					_, _ = c.Write(answerTo(buf[:n]))
					_, _ = c.Read(buf)
				}
				_ = c.Close()
			}
			_ = l.Close()
		}()
		return l.Addr().String(), done
	}
	spoke, ended := takes(1)
	contact, _ := takes(2) // one to see whether somebody is there
	p := subscribeFrom(t, "TCP", spoke, "sip:a@"+contact)
	p.local, p.ours = "127.0.0.1:0", "127.0.0.1:5070"
	o := sender(t)
	request := func(seq uint32) *gosip.Request {
		return p.request(gosip.NOTIFY, notifier.Dialog{CallID: "c1", LocalTag: "ours", RemoteTag: "theirs"}, seq)
	}
	if _, err := o.to(ctx, spoke, "TCP", p, request(1)); err != nil { // from then on there is a connection
		t.Fatal(err)
	}
	began := time.Now()
	if a := o.over(ctx, "TCP", p, request(2)); a.Code != 200 {
		t.Errorf("%+v", a)
	}
	if took := time.Since(began); took > patience/2 { // the library waits for 32 s
		t.Errorf("it took %v", took)
	}
	select {
	case <-ended:
	default:
		t.Error("it was not sent where the phone spoke from")
	}
}
