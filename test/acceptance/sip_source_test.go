package acceptance

import (
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/icholy/digest"
)

// source is a phone that asks OPTIONS over UDP from an address of its own, each time with one datagram.
type source struct {
	s         *site
	c         *net.UDPConn
	user      string
	password  string
	challenge *digest.Challenge
	count     int // of the challenge's nonce
	sent      int // requests
	heard     chan string
	answers   map[string]int // by their status, of requests for which nobody waits
}

// lonelySite has a daemon and no PBX: who is let in does not depend on it.
func lonelySite(t *testing.T, configure func(yaml string) string) *site {
	t.Helper()
	dir := t.TempDir()
	s := &site{t: t, config: filepath.Join(dir, "config.yml")}
	o := withSIP(withCommanders(t, same), "anna", "ben", "carla", "fatma")
	before := o.configure
	o.configure = func(yaml string) string { return configure(before(yaml)) }
	s.write(o, "http://127.0.0.1:1/ari", dir)
	s.nats = o.nats
	s.daemon = startDaemon(t, s.config)
	s.watch = watch(t, fmt.Sprint(s.daemon.logged("started")["nats"]), s.nats...)
	for ctx := s.ctx(); !strings.Contains(s.text("/readyz"), `"nats":true`); {
		s.must("the daemon takes commands", ctx.Err())
	}
	return s
}

func (s *site) source(address, user, password string) *source {
	s.t.Helper()
	server, err := net.ResolveUDPAddr("udp", s.sipAddr("udp"))
	s.must("resolve", err)
	c, err := net.DialUDP("udp", &net.UDPAddr{IP: net.ParseIP(address)}, server)
	s.must("from "+address, err)
	_ = c.SetReadBuffer(1 << 20)
	x := &source{s: s, c: c, user: user, password: password, heard: make(chan string, 10_000), answers: make(map[string]int)}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for buf := make([]byte, 65_535); ; {
			n, err := c.Read(buf)
			if err != nil {
				return
			}
			x.heard <- string(buf[:n])
		}
	}()
	s.t.Cleanup(func() { _ = c.Close(); <-done })
	return x
}

// send sends a request, with the secret if there is a challenge to answer, and gives what its answer has in it.
func (x *source) send() (branch string) {
	x.s.t.Helper()
	x.sent++
	branch = fmt.Sprintf("branch=z9hG4bK%s%d;", x.user, x.sent)
	authorization := ""
	if x.challenge != nil {
		x.count++
		c, err := digest.Digest(x.challenge, digest.Options{Method: "OPTIONS", URI: "sip:hq", Username: x.user, Password: x.password, Count: x.count})
		x.s.must("digest", err)
		authorization = "Authorization: " + c.String() + "\r\n"
	}
	_, err := fmt.Fprintf(x.c, "OPTIONS sip:hq SIP/2.0\r\nVia: SIP/2.0/UDP %s;%srport\r\nFrom: <sip:%s@hq>;tag=1\r\nTo: <sip:hq>\r\nCall-ID: %d@%s\r\n"+
		"CSeq: %d OPTIONS\r\n%sContent-Length: 0\r\n\r\n", x.c.LocalAddr(), branch, x.user, x.sent, x.c.LocalAddr(), x.sent, authorization)
	x.s.must("send", err)
	return branch
}

// hear waits for an answer, unless that takes too long.
func (x *source) hear(within time.Duration) (answer string, ok bool) {
	select {
	case answer = <-x.heard:
		return answer, true
	case <-time.After(within):
		return "", false
	}
}

func statusOf(answer string) string {
	status, _, _ := strings.Cut(strings.TrimPrefix(answer, "SIP/2.0 "), " ")
	return status
}

// asks sends one request and gives the status of its answer; empty: none came.
func (x *source) asks(within time.Duration) (status string) {
	x.s.t.Helper()
	branch := x.send()
	for end := time.Now().Add(within); ; {
		answer, ok := x.hear(time.Until(end))
		if !ok {
			return ""
		}
		status := statusOf(answer)
		if !strings.Contains(answer, branch) {
			x.answers[status]++
			continue
		}
		if status == "401" {
			x.challenge, x.count = challengeOf(x.s, answer), 0
		}
		return status
	}
}

func challengeOf(s *site, answer string) *digest.Challenge {
	s.t.Helper()
	h := make(http.Header)
	for line := range strings.SplitSeq(answer, "\r\n") {
		if value, ok := strings.CutPrefix(line, "WWW-Authenticate: "); ok {
			h.Add("WWW-Authenticate", value)
		}
	}
	c, err := digest.FindChallenge(h)
	s.must("challenge", err)
	return c
}

// served expects to be let in at once.
func (x *source) served() {
	x.s.t.Helper()
	status := x.asks(patience)
	if status == "401" {
		status = x.asks(patience)
	}
	if status != "200" {
		x.s.t.Fatalf("%s from %s is answered %q", x.user, x.c.LocalAddr(), status)
	}
}

// settled waits until sources have had so many answers to what they sent without waiting, and gives that number.
func (s *site) settled(want func() int, of ...*source) int {
	s.t.Helper()
	for end := time.Now().Add(patience); ; {
		sum := 0
		for _, x := range of {
			for range len(x.heard) {
				x.answers[statusOf(<-x.heard)]++
			}
			for _, n := range x.answers {
				sum += n
			}
		}
		if sum >= want() {
			return sum
		}
		if time.Now().After(end) {
			s.t.Fatalf("there are %d answers, and should be %d", sum, want())
		}
	}
}
