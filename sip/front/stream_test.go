package front

import (
	"bufio"
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// wire is a connection that says what it likes.
type wire struct {
	net.Conn
	t *testing.T
	r *bufio.Reader
}

func dial(t *testing.T, f *Front) *wire {
	t.Helper()
	c, err := net.Dial("tcp", f.Addrs()[0].Address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	return &wire{c, t, bufio.NewReader(c)}
}

func (w *wire) send(text string) {
	w.t.Helper()
	if _, err := io.WriteString(w, text); err != nil {
		w.t.Fatal(err)
	}
}

// answer reads one, which has no body.
func (w *wire) answer() string {
	w.t.Helper()
	var b strings.Builder
	for !strings.HasSuffix(b.String(), "\r\n\r\n") {
		line, err := w.r.ReadString('\n')
		if err != nil {
			w.t.Fatalf("after %q: %v", b.String(), err)
		}
		b.WriteString(line)
	}
	return b.String()
}

func (w *wire) ends() {
	w.t.Helper()
	if _, err := io.Copy(io.Discard, w.r); err != nil && !errors.Is(err, syscall.ECONNRESET) {
		w.t.Fatalf("the connection does not end: %v", err)
	}
}

func options(n int, more string) string {
	return fmt.Sprintf("OPTIONS sip:hq SIP/2.0\r\nVia: SIP/2.0/TCP 10.0.0.1;branch=z9hG4bK%d\r\nFrom: <sip:u@hq>;tag=%d\r\nTo: <sip:hq>\r\n"+
		"Call-ID: %d\r\nCSeq: 1 OPTIONS\r\n%s\r\n", n, n, n, more)
}

func TestStreamIsCutIntoMessages(t *testing.T) {
	f := begin(t, Listener{"tcp", "127.0.0.1:0"})
	w := dial(t, f)
	w.send("\r\n\r\n")
	if pong, err := w.r.ReadString('\n'); err != nil || pong != "\r\n" {
		t.Fatalf("a ping gets %q, %v", pong, err)
	}
	// OPTIONS is not handled here, so each has an answer without a secret.
	both := "\r\n" + options(1, "l: 3\r\n") + "abc" + options(2, "Content-Length: 0\r\n")
	for i := range both {
		w.send(both[i : i+1])
	}
	for n := range 2 {
		if a := w.answer(); !strings.HasPrefix(a, "SIP/2.0 405 ") || !strings.Contains(a, fmt.Sprintf("branch=z9hG4bK%d", n+1)) {
			t.Errorf("answer %q", a)
		}
	}
}

func TestStreamsThatAreEnded(t *testing.T) {
	f := begin(t, Listener{"tcp", "127.0.0.1:0"})
	for name, text := range map[string]string{
		"no SIP":       "GET / HTTP/1.1\r\n\r\n",
		"no length":    options(1, ""),
		"bad length":   options(1, "Content-Length: -1\r\n"),
		"huge body":    options(1, "Content-Length: 4294967295\r\n"),
		"long body":    options(1, fmt.Sprintf("Content-Length: %d\r\n", maxMessage)),
		"endless head": options(1, "X: "+strings.Repeat("x", maxMessage)),
		"many refused": strings.Repeat(options(1, "Content-Length: 0\r\n"), maxRefused+1),
	} {
		t.Run(name, func(t *testing.T) {
			w := dial(t, f)
			_, _ = io.WriteString(w, text) // it may be gone before all has been said
			w.ends()
		})
	}
	if a := dial(t, f); true {
		a.send(options(1, ""))
		if got := a.answer(); !strings.HasPrefix(got, "SIP/2.0 400 Bad Content-Length") {
			t.Errorf("without a length: %q", got)
		}
	}
}

func TestStrangersConnectionEnds(t *testing.T) {
	s := &stream{began: time.Now()}
	if until := s.patience(false); until != s.began.Add(firstTime) {
		t.Errorf("a stranger may stay until %v", until.Sub(s.began))
	}
	s.began = s.began.Add(-firstTime)
	if until := s.patience(true); until.After(time.Now()) {
		t.Error("a stranger may send on for ever")
	}
	s.known = true
	if left := time.Until(s.patience(false)); left < idleTime-time.Minute {
		t.Errorf("a phone may be silent for %v", left)
	}
	if left := time.Until(s.patience(true)); left > messageTime {
		t.Errorf("a message may take %v", left)
	}
}

func TestConnectionsAreBounded(t *testing.T) {
	c := newConnections()
	far := func(i int) *stream {
		return &stream{from: plain(addrPort(&net.TCPAddr{IP: net.IPv4(192, 0, 2, byte(i)), Port: 1 + i}))}
	}
	var first *stream
	for i := range maxConnectionsOf {
		s := far(i)
		if first == nil {
			first = s
		}
		if !c.enter(s) {
			t.Fatalf("connection %d is refused", i)
		}
	}
	if c.enter(far(0)) {
		t.Error("one network has more than it may")
	}
	c.leave(first)
	if !c.enter(far(1)) {
		t.Error("what has left still counts")
	}
	for i := len(c.all); i < maxConnections; i++ {
		if !c.enter(&stream{from: plain(addrPort(&net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1 + i}))}) {
			t.Fatalf("connection %d of this machine is refused", i)
		}
	}
	if c.enter(far(70)) {
		t.Error("there are more than there may be")
	}
}

func TestPhoneThatDoesNotReadLosesItsConnection(t *testing.T) {
	here, there := net.Pipe()
	defer func() { _ = there.Close() }()
	ended := make(chan struct{})
	s := &stream{Conn: hurried{here}, ended: func() { close(ended) }}
	if _, err := s.Write([]byte("NOTIFY")); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("it waits: %v", err)
	}
	select {
	case <-ended:
	case <-time.After(patience):
		t.Error("the connection is kept")
	}
}

// hurried is a connection whose deadlines have passed.
type hurried struct{ net.Conn }

func (h hurried) SetWriteDeadline(time.Time) error { return h.Conn.SetWriteDeadline(time.Now()) }

// certificate writes a key pair for 127.0.0.1.
func newCertificate(t *testing.T, dir, name string) (cert, key string, pool *x509.CertPool) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	pool = x509.NewCertPool()
	public := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	pool.AppendCertsFromPEM(public)
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for file, data := range map[string][]byte{cert: public, key: pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})} {
		if err := os.WriteFile(file, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return cert, key, pool
}

func TestTLSAndItsRenewal(t *testing.T) {
	dir := t.TempDir()
	cert, key, pool := newCertificate(t, dir, "first")
	f, err := New(Config{
		Listen: []Listener{{"tls", "127.0.0.1:0"}}, CertFile: cert, KeyFile: key, Realm: "hq",
		Log: slog.New(slog.DiscardHandler), Metrics: prometheus.NewRegistry(),
	})
	if err != nil {
		t.Fatal(err)
	}
	f.SetPeople(people())
	serve(t, f)
	greet := func(pool *x509.CertPool) {
		t.Helper()
		c, err := tls.Dial("tcp", f.Addrs()[0].Address, &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12})
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = c.Close() }()
		if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
			t.Fatal(err)
		}
		w := &wire{c, t, bufio.NewReader(c)}
		w.send(options(1, "Content-Length: 0\r\n"))
		if a := w.answer(); !strings.HasPrefix(a, "SIP/2.0 405") {
			t.Errorf("over TLS: %q", a)
		}
	}
	greet(pool)
	if err := os.WriteFile(key, []byte("half of a renewal"), 0o600); err != nil {
		t.Fatal(err)
	}
	greet(pool)
	_, _, renewed := newCertificate(t, dir, "second")
	greet(renewed)
	if _, err := New(Config{Listen: []Listener{{"tls", "127.0.0.1:0"}}, CertFile: key, KeyFile: key, Log: slog.New(slog.DiscardHandler),
		Metrics: prometheus.NewRegistry()}); err == nil || !strings.Contains(err.Error(), "sip.tls") {
		t.Errorf("a certificate that is none: %v", err)
	}
}

func FuzzStream(f *testing.F) {
	f.Add([]byte("\r\n\r\n" + options(1, "l: 3\r\n") + "abc\r\n"))
	f.Add([]byte(options(1, "Content-Length: 99999999999\r\n")))
	g := newTestGate()
	f.Fuzz(func(t *testing.T, data []byte) {
		s := &stream{Conn: script{bytes.NewReader(data)}, gate: g, began: time.Now(), ended: func() {}}
		if n, err := s.Read(make([]byte, 1<<16)); err == nil {
			t.Errorf("%d bytes of a stranger are let in: %q", n, data)
		}
	})
}

// script is a connection on which all has been said.
type script struct{ io.Reader }

func (script) Write(b []byte) (int, error)      { return len(b), nil }
func (script) Close() error                     { return nil }
func (script) LocalAddr() net.Addr              { return nil }
func (script) RemoteAddr() net.Addr             { return nil }
func (script) SetDeadline(time.Time) error      { return nil }
func (script) SetReadDeadline(time.Time) error  { return nil }
func (script) SetWriteDeadline(time.Time) error { return nil }
