package gcm

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

// patience bounds every wait.
const patience = 20 * time.Second

// client is a browser that has checked in.
type client struct {
	t          *testing.T
	server     *Server
	id, secret string
	conn       *tls.Conn
	r          *bufio.Reader
}

func newClient(t *testing.T, s *Server) *client {
	t.Helper()
	c := &client{t: t, server: s}
	fields, err := parse([]byte(c.post("/checkin", "")))
	if err != nil {
		t.Fatal(err)
	}
	c.id, c.secret = fmt.Sprint(first(fields, 7).value), fmt.Sprint(first(fields, 8).value)
	return c
}

func (c *client) post(path, body string) string {
	c.t.Helper()
	r, err := http.NewRequestWithContext(c.t.Context(), http.MethodPost, c.server.web.URL+path, strings.NewReader(body))
	if err != nil {
		c.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Authorization", "AidLogin "+c.id+":"+c.secret)
	resp, err := c.server.web.Client().Do(r)
	if err != nil {
		c.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	return string(text)
}

// logIn connects, and says which messages have come before.
func (c *client) logIn(have ...string) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), patience)
	defer cancel()
	d := &tls.Dialer{Config: &tls.Config{InsecureSkipVerify: true}} //nolint:gosec // it is ours
	conn, err := d.DialContext(ctx, "tcp", c.server.streams.Addr().String())
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(patience))
	c.conn, c.r = conn.(*tls.Conn), bufio.NewReader(conn)
	login := appendText(appendText(appendText(nil, 1, "chrome-1"), 3, c.id), 5, c.secret)
	for _, id := range have {
		login = appendText(login, 10, id)
	}
	c.write(append([]byte{protocol}, packet(loginRequest, login)...))
	if version, err := c.r.ReadByte(); err != nil || version != protocol {
		c.t.Fatalf("version %d, %v", version, err)
	}
	c.next(loginResponse)
}

func (c *client) write(b []byte) {
	c.t.Helper()
	if _, err := c.conn.Write(b); err != nil {
		c.t.Fatal(err)
	}
}

// next reads a message, which has to be of a kind.
func (c *client) next(kind byte) []field {
	c.t.Helper()
	got, fields, err := readPacket(c.r)
	if err != nil || got != kind {
		c.t.Fatalf("a message of kind %d, want %d (%v)", got, kind, err)
	}
	return fields
}

// Messages wait for a browser that is away, are sent again if it has not said that they came, and not if it has.
func TestDelivery(t *testing.T) {
	t.Parallel()
	s := Start(t, Options{Certificate: self(t), Registered: func(Registration) {}, Unregistered: func(Registration) {}})
	c := newClient(t, s)
	form := url.Values{"app": {"org.example"}, "X-subtype": {"wp:x"}, "scope": {"GCM"}, "sender": {"key"}}
	token := strings.TrimPrefix(c.post("/register", form.Encode()), "token=")
	deliver := func(text string) { s.Deliver(token, []byte(text), time.Minute) }
	gets := func(want string) string {
		t.Helper()
		fields := c.next(dataMessage)
		if got := string(first(fields, 21).bytes); got != want || string(first(fields, 3).bytes) != "key" || string(first(fields, 5).bytes) != "org.example" {
			t.Fatalf("%q, want %q", got, want)
		}
		return string(first(fields, 9).bytes)
	}

	deliver("one")
	c.logIn()
	one := gets("one")
	deliver("two")
	gets("two")
	c.logIn(one) // anew; the second was not acknowledged
	gets("two")
	// What the browser has got until now is the answer to the login, and one message.
	c.write(packet(heartbeatPing, appendNumber(nil, 2, 2)))
	if upTo := first(c.next(heartbeatAck), 2).value; upTo != 2 {
		t.Errorf("it has %d of ours", upTo)
	}
	c.logIn()
	deliver("three")
	gets("three")

	form.Set("delete", "true")
	form.Set("sender", "*")
	c.post("/register", form.Encode())
	deliver("four")
	c.write(packet(heartbeatPing, nil))
	c.next(heartbeatAck)
	if faults := s.Faults(); len(faults) != 0 {
		t.Errorf("%q", faults)
	}
}

// Who is not known is not let in.
func TestStrangers(t *testing.T) {
	t.Parallel()
	s := Start(t, Options{Certificate: self(t)})
	c := newClient(t, s)
	c.secret += "1"
	if answer := c.post("/register", "scope=GCM&sender=x&X-subtype=wp:x"); !strings.HasPrefix(answer, "Error=") {
		t.Errorf("it is registered: %s", answer)
	}
	if d := s.known("AidLogin " + c.id + ":" + c.secret); d != nil {
		t.Error("it is known")
	}
	if _, _, err := readPacket(bufio.NewReader(bytes.NewReader([]byte{8, 0xff, 0xff, 0xff, 0x7f}))); err == nil {
		t.Error("a message of 256 MiB is read")
	}
}

func self(t *testing.T) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	sheet := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, sheet, sheet, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}
