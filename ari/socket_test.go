package ari

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"

	"supervisiond/test/ports"
)

// quick has a connection without a word found soon: too soon for one that a busy machine keeps waiting.
func quick(l *limits) { l.pingEvery, l.pingTimeout = 20*time.Millisecond, 200*time.Millisecond }

func mustOpen(t *testing.T, f *fakeARI, l limits) *socket {
	t.Helper()
	s, err := openLimited(t.Context(), f.server(), "supervision", l)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// next waits for a frame; empty: the socket has ended.
func next(t *testing.T, s *socket) string {
	t.Helper()
	select {
	case f, ok := <-s.Frames():
		if ok && (f.at.IsZero() || time.Since(f.at) > time.Minute) {
			t.Errorf("a frame came at %v", f.at)
		}
		return string(f.data)
	case <-time.After(patience):
		t.Fatal("no frame came, and the socket did not end")
		return ""
	}
}

// ended waits until nothing more comes from the network, while nobody takes what came.
func ended(t *testing.T, s *socket) {
	t.Helper()
	select {
	case <-s.queue.closed:
	case <-time.After(patience):
		t.Fatal("the socket did not end")
	}
}

func TestSocketHandsOutFramesInOrder(t *testing.T) {
	const n = 5000
	f := newFakeARI(t)
	f.events = func(ctx context.Context, c *websocket.Conn) {
		c.CloseRead(ctx)
		for i := range n {
			_ = c.Write(ctx, websocket.MessageText, fmt.Appendf(nil, `{"type":"Dial","n":%d}`, i))
		}
		<-ctx.Done()
	}
	s := mustOpen(t, f, usualLimits)
	for i := range n {
		if got, want := next(t, s), fmt.Sprintf(`{"type":"Dial","n":%d}`, i); got != want {
			t.Fatalf("frame %d is %q, want %q", i, got, want)
		}
	}
	if got := s.Arrived(); got != n {
		t.Errorf("Arrived() = %d, want %d", got, n)
	}
	if err := s.Err(); err != nil {
		t.Errorf("Err() = %v while it is open", err)
	}
	h := f.handshake
	if h.URL.Query().Get("app") != "supervision" || h.URL.Query().Get("subscribeAll") != "false" {
		t.Errorf("the query is %q", h.URL.RawQuery)
	}
	if strings.Contains(h.URL.String(), fakePassword) || h.URL.Query().Has("api_key") {
		t.Errorf("the URL holds the password: %q", h.URL)
	}
	s.Close()
	if next(t, s) != "" || !errors.Is(s.Err(), errClosed) {
		t.Errorf("after Close: %v", s.Err())
	}
	s.Close() // again does no harm
}

func TestSocketIsOverWhenTheContextIs(t *testing.T) {
	// The bubble ends only when every goroutine in it has: none is left behind.
	synctest.Test(t, func(t *testing.T) {
		f := newFakeARI(t)
		f.events = stayOpen
		ctx, cancel := context.WithCancel(t.Context())
		s, err := openLimited(ctx, f.server(), "supervision", usualLimits)
		if err != nil {
			t.Fatal(err)
		}
		cancel()
		if next(t, s) != "" || !errors.Is(s.Err(), context.Canceled) {
			t.Errorf("Err() = %v", s.Err())
		}
		s.running.Wait() // without Close
		s.Close()
	})
}

func TestSocketReadsOnWhileNobodyTakes(t *testing.T) {
	f := newFakeARI(t)
	sent := make(chan struct{})
	f.events = func(ctx context.Context, c *websocket.Conn) {
		c.CloseRead(ctx)
		for range 20000 {
			_ = c.Write(ctx, websocket.MessageText, []byte(strings.Repeat("x", 1000)))
		}
		close(sent)
		<-ctx.Done()
	}
	s := mustOpen(t, f, usualLimits)
	select {
	case <-sent:
	case <-time.After(patience):
		t.Fatal("the PBX was held up")
	}
	for range 20000 {
		next(t, s)
	}
}

func TestSocketFaults(t *testing.T) {
	for name, tc := range map[string]struct {
		events func(context.Context, *websocket.Conn)
		limits func(*limits)
		want   error
		text   string
	}{
		"too many frames": {
			events: flood, limits: func(l *limits) { l.frames = 100 }, want: errOverflow, text: "buffer is full",
		},
		"too many bytes": {
			events: flood, limits: func(l *limits) { l.bytes = 10000 }, want: errOverflow, text: "buffer is full",
		},
		"a frame too large": {events: flood, limits: func(l *limits) { l.frameBytes = 10 }, text: "read limit"},
		"no pong":           {events: silent, limits: quick, want: errSilent, text: "ping"},
		"closed by Asterisk": {
			events: func(_ context.Context, c *websocket.Conn) { _ = c.Close(websocket.StatusGoingAway, "") }, text: "closed by Asterisk",
		},
		"cut off": {events: func(_ context.Context, c *websocket.Conn) { _ = c.CloseNow() }, text: "EOF"},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFakeARI(t)
			f.events = tc.events
			l := usualLimits
			if tc.limits != nil {
				tc.limits(&l)
			}
			s := mustOpen(t, f, l)
			ended(t, s)
			for next(t, s) != "" {
			}
			if tc.want != nil && !errors.Is(s.Err(), tc.want) || !strings.Contains(s.Err().Error(), tc.text) {
				t.Errorf("Err() = %v", s.Err())
			}
			s.running.Wait()
		})
	}
}

func TestSocketHandsOutWhatCameBeforeABreak(t *testing.T) {
	f := newFakeARI(t)
	f.events = func(ctx context.Context, c *websocket.Conn) {
		for range 500 {
			_ = c.Write(ctx, websocket.MessageText, []byte("x"))
		}
		_ = c.Close(websocket.StatusNormalClosure, "")
	}
	s := mustOpen(t, f, usualLimits)
	ended(t, s)
	n := 0
	for next(t, s) != "" {
		n++
	}
	if n != 500 {
		t.Errorf("%d frames, want 500", n)
	}
}

func TestHandshakeErrors(t *testing.T) {
	for name, tc := range map[string]struct {
		status int
		body   string
		want   ErrorCode
	}{
		"wrong password": {401, `{"message":"Authentication required"}`, BadCredentials},
		"origin":         {403, ``, Forbidden},
		"ARI off":        {404, `<html><h1>Not Found</h1></html>`, NoARI},
		"booting":        {503, `{"message":"Asterisk not booted"}`, Booting},
		"redirect":       {302, ``, BadAnswer},
		"no websocket":   {200, `hello`, BadAnswer},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFakeARI(t)
			f.rest = func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Location", "http://192.0.2.1/")
				w.WriteHeader(tc.status)
				_, _ = w.Write([]byte(tc.body))
			}
			_, err := openSocket(t.Context(), f.server(), "supervision")
			checkError(t, err, tc.want)
		})
	}
	t.Run("refused", func(t *testing.T) {
		_, err := openSocket(t.Context(), Server{URL: "http://" + ports.Address(t) + "/ari", Username: "u", Password: fakePassword}, "supervision")
		checkError(t, err, Refused)
	})
	t.Run("no answer", func(t *testing.T) {
		_, err := openLimited(t.Context(), deafServer(t), "supervision", limits{handshake: 50 * time.Millisecond})
		checkError(t, err, TimedOut)
	})
}
