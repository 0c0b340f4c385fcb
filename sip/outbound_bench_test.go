package sip

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	gosip "github.com/emiago/sipgo/sip"
	"github.com/prometheus/client_golang/prometheus"

	"supervisiond/sip/front"
	"supervisiond/sip/notifier"
)

// answering is a phone that takes every NOTIFY, over UDP and with next to no work.
func answering(b *testing.B, server string) net.Addr {
	b.Helper()
	c, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = c.Close() })
	awaitReading(b, c, server)
	go func() {
		buf, out := make([]byte, 1<<16), make([]byte, 0, 1<<12)
		for {
			n, from, err := c.ReadFromUDPAddrPort(buf)
			if err != nil {
				return
			}
			out = append(out[:0], "SIP/2.0 200 OK\r\n"...)
			for line := range strings.SplitSeq(string(buf[:n]), "\r\n") {
				for _, name := range []string{"Via:", "From:", "To:", "Call-ID:", "CSeq:"} {
					if strings.HasPrefix(line, name) {
						out = append(append(out, line...), "\r\n"...)
					}
				}
				if line == "" {
					break
				}
			}
			out = append(out, "Content-Length: 0\r\n\r\n"...)
			_, _ = c.WriteToUDPAddrPort(out, from)
		}
	}()
	return c.LocalAddr()
}

// awaitReading asks until there is an answer, so that the listener is read from then.
func awaitReading(b *testing.B, c *net.UDPConn, server string) {
	b.Helper()
	to, err := net.ResolveUDPAddr("udp", server)
	if err != nil {
		b.Fatal(err)
	}
	question := strings.Replace(textFrom(c.LocalAddr().String()), "SUBSCRIBE", "OPTIONS", 2)
	buf := make([]byte, 1<<16)
	for range 100 {
		if _, err := c.WriteTo([]byte(question), to); err != nil {
			b.Fatal(err)
		}
		_ = c.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
		if _, _, err = c.ReadFromUDP(buf); err == nil {
			_ = c.SetReadDeadline(time.Time{})
			return
		}
	}
	b.Fatal("nobody answers")
}

// BenchmarkNotify is one NOTIFY of one ring over UDP, from the document to the phone's answer, the phone's part of it included.
func BenchmarkNotify(b *testing.B) {
	f, err := front.New(front.Config{
		Listen: []front.Listener{{Network: "udp", Address: "127.0.0.1:0"}}, Realm: "hq", Log: slog.New(slog.DiscardHandler), Metrics: prometheus.NewRegistry(),
	})
	if err != nil {
		b.Fatal(err)
	}
	ctx, stop := context.WithCancel(b.Context())
	served := make(chan struct{})
	go func() { defer close(served); f.Serve(ctx) }()
	b.Cleanup(func() { stop(); <-served })
	o, err := newOutbound(f.UserAgent())
	if err != nil {
		b.Fatal(err)
	}
	there := answering(b, f.Addrs()[0].Address).String()
	peer, err := phoneOf(askingFrom(b, there), f.Addrs()[0].Address)
	if err != nil {
		b.Fatal(err)
	}
	body := []byte(strings.Repeat("<dialog/>", 70))
	b.ReportAllocs()
	for n := uint32(1); b.Loop(); n++ {
		answer := o.notify(ctx, &notifier.Notify{
			Dialog: notifier.Dialog{CallID: "call", LocalTag: "ours", RemoteTag: "theirs"}, CSeq: n, Event: "dialog", State: "active;expires=3600",
			ContentType: "application/dialog-info+xml", Body: body, Peer: peer,
		})
		if answer.Code != 200 {
			b.Fatal(answer)
		}
	}
}

// askingFrom is what a phone at an address has sent.
func askingFrom(b *testing.B, there string) *gosip.Request {
	b.Helper()
	m, err := gosip.ParseMessage([]byte(textFrom(there)))
	if err != nil {
		b.Fatal(err)
	}
	req, ok := m.(*gosip.Request)
	if !ok {
		b.Fatal("it is no request")
	}
	req.SetTransport("UDP")
	req.SetSource(there)
	return req
}

func textFrom(there string) string {
	return fmt.Sprintf("SUBSCRIBE sip:102@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP %[1]s;rport;branch=z9hG4bKx\r\nFrom: <sip:anna@127.0.0.1>;tag=theirs\r\n"+
		"To: <sip:102@127.0.0.1>\r\nCall-ID: call\r\nCSeq: 1 SUBSCRIBE\r\nContact: <sip:anna@%[1]s>\r\nEvent: dialog\r\nContent-Length: 0\r\n\r\n", there)
}
