package ari

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// patience bounds every wait.
const patience = 30 * time.Second

const fakePassword = "hush+hush&hush"

// fakeARI is an HTTP server that behaves as badly as a test wants. With rest set it answers every request with that,
// the handshake too.
type fakeARI struct {
	*httptest.Server
	events    func(context.Context, *websocket.Conn)
	rest      http.HandlerFunc
	handshake *http.Request
}

func newFakeARI(t *testing.T) *fakeARI {
	f := &fakeARI{}
	f.Server = httptest.NewServer(http.HandlerFunc(f.serve))
	t.Cleanup(f.Close)
	return f
}

func (f *fakeARI) serve(w http.ResponseWriter, r *http.Request) {
	if f.rest != nil {
		f.rest(w, r)
		return
	}
	user, password, _ := r.BasicAuth()
	if r.URL.Path != "/ari/events" || user != "supervisiond" || password != fakePassword {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	f.handshake = r
	c, err := websocket.Accept(w, r, &websocket.AcceptOptions{Subprotocols: []string{"ari"}})
	if err != nil {
		return
	}
	defer func() { _ = c.CloseNow() }()
	f.events(r.Context(), c)
}

func (f *fakeARI) server() Server {
	return Server{URL: f.URL + "/ari", Username: "supervisiond", Password: fakePassword}
}

// stayOpen answers pings and says nothing.
func stayOpen(ctx context.Context, c *websocket.Conn) { <-c.CloseRead(ctx).Done() }

// silent does not even answer pings.
func silent(ctx context.Context, _ *websocket.Conn) { <-ctx.Done() }

func flood(ctx context.Context, c *websocket.Conn) {
	c.CloseRead(ctx)
	for c.Write(ctx, websocket.MessageText, []byte(strings.Repeat("x", 200))) == nil {
	}
}

// deafServer accepts connections and never answers.
func deafServer(t *testing.T) Server {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return Server{URL: "http://" + l.Addr().String() + "/ari", Username: "supervisiond", Password: fakePassword}
}

// checkError wants an *Error with a code, with advice, and without secrets.
func checkError(t *testing.T, err error, code ErrorCode) {
	t.Helper()
	var e *Error
	if !errors.As(err, &e) {
		t.Fatalf("%v (%T) is no *Error", err, err)
	}
	if e.Code != code {
		t.Errorf("code %q, want %q: %v", e.Code, code, err)
	}
	if text := err.Error(); len(text) < 40 || strings.Contains(text, "hush") || strings.ContainsAny(text, "\n\r") {
		t.Errorf("the error reads %q", text)
	}
	t.Log(err)
}
