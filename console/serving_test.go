package console

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"supervisiond/supervision"
)

// patience bounds every wait; nothing waits for it to pass.
const patience = 30 * time.Second

// serving is a desk that is asked over the network.
func serving(t *testing.T, configure func(*desk)) *desk {
	t.Helper()
	d := newDesk(t)
	d.options.Watch = func(context.Context, supervision.PersonID, bool) error { return nil }
	d.hub.watch = d.options.Watch
	configure(d)
	ctx, cancel := context.WithCancel(t.Context())
	ran, served := make(chan struct{}), make(chan error, 1)
	go func() {
		defer close(ran)
		d.Run(ctx)
	}()
	go func() { served <- d.Serve() }()
	t.Cleanup(func() {
		cancel()
		<-ran
		stopping, done := context.WithTimeout(context.Background(), patience)
		defer done()
		if err := d.Shutdown(stopping); err != nil {
			t.Errorf("it does not stop: %v", err)
		}
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	return d
}

// sent sends a request over the network, and gives the answer with its body unread.
func (d *desk) sent(r *http.Request) *http.Response {
	ctx, cancel := context.WithTimeout(d.t.Context(), patience)
	d.t.Cleanup(cancel)
	r = r.WithContext(ctx)
	r.URL.Scheme, r.URL.Host, r.RequestURI = "http", d.Addr().String(), ""
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		d.t.Fatal(err)
	}
	d.t.Cleanup(func() { _ = resp.Body.Close() })
	return resp
}

// A pickup takes as long as people do: longer than a request may take to come, and an answer to go.
func TestPickupTakesItsTime(t *testing.T) {
	const limit = 500 * time.Millisecond // a busy machine may take a part of it
	d := serving(t, func(d *desk) { d.http.ReadTimeout, d.http.WriteTimeout = limit, limit })
	d.asks.command = func(c supervision.Commanded) error {
		time.AfterFunc(2*limit, func() { d.asks.replied(supervision.Reply{ID: c.ID, Changed: true}) })
		return nil
	}
	for _, body := range []string{"", `{"call":"x"}`} {
		var r io.Reader
		if body != "" {
			r = strings.NewReader(body)
		}
		resp := d.sent(asAnna("POST", "/api/v1/pickup", r)) //nolint:bodyclose // at the end of the test
		if text, err := io.ReadAll(resp.Body); resp.StatusCode != http.StatusOK || err != nil {
			t.Errorf("with %q: %d %s %v", body, resp.StatusCode, text, err)
		}
	}
}

// A stream that has nothing to tell says that it is alive, and ends when its session does, however that ends.
func TestStreamLivesAsLongAsItsSession(t *testing.T) {
	d := serving(t, func(d *desk) { d.heartbeat = 10 * time.Millisecond })
	w := httptest.NewRecorder()
	if _, err := d.welcome(exchange{httptest.NewRequest("POST", "/", nil), w}, "anna", byProvider); err != nil {
		t.Fatal(err)
	}
	cookie := w.Result().Cookies()[0]
	r := httptest.NewRequest("GET", "/api/v1/stream", nil)
	r.AddCookie(cookie)
	resp := d.sent(r) //nolint:bodyclose // at the end of the test
	lines := bufio.NewScanner(resp.Body)
	alive := 0
	for alive < 3 && lines.Scan() {
		if lines.Text() == ":" {
			alive++
		}
	}
	if alive < 3 {
		t.Fatalf("it ends: %v", lines.Err())
	}
	if _, err := d.sessions.end(r); err != nil { // as the sweep would, and without telling the streams
		t.Fatal(err)
	}
	for lines.Scan() {
	}
	if err := lines.Err(); err != nil {
		t.Errorf("it does not end: %v", err)
	}
	if n := testutil.ToFloat64(d.metrics.cuts.WithLabelValues(cutEnded)); n != 1 {
		t.Errorf("%v are counted", n)
	}
}

// Who signs in anew keeps the stream of before until the next heartbeat: by then the page has the new cookie. Another person ends it at
// once.
func TestStreamOfWhoSignsInAnew(t *testing.T) {
	d := serving(t, func(d *desk) { d.heartbeat = time.Hour })
	enter := func(person supervision.PersonID, before *http.Cookie) *http.Cookie {
		r, w := httptest.NewRequest("POST", "/", nil), httptest.NewRecorder()
		if before != nil {
			r.AddCookie(before)
		}
		if _, err := d.welcome(exchange{r, w}, person, byProvider); err != nil {
			t.Fatal(err)
		}
		return w.Result().Cookies()[0]
	}
	stream := func(cookie *http.Cookie) *bufio.Scanner {
		r := httptest.NewRequest("GET", "/api/v1/stream", nil)
		r.AddCookie(cookie)
		lines := bufio.NewScanner(d.sent(r).Body) //nolint:bodyclose // at the end of the test
		if !lines.Scan() {
			t.Fatalf("no stream: %v", lines.Err())
		}
		return lines
	}
	first := enter("anna", nil)
	stream(first)
	second := enter("anna", first)
	if _, ok := d.sessions.holds(t.Context(), first.Value); ok {
		t.Error("the session of before goes on")
	}
	lines := stream(second)
	enter("ben", second)
	for lines.Scan() {
	}
	if err := lines.Err(); err != nil {
		t.Errorf("it does not end: %v", err)
	}
	if n := testutil.ToFloat64(d.metrics.cuts.WithLabelValues(cutEnded)); n != 1 { // what was told first comes first
		t.Errorf("%v are cut", n)
	}
}

// Who signs in anew and cannot have the new session keeps the one of before.
func TestWhoCannotSignInAnewStaysSignedIn(t *testing.T) {
	d := newDesk(t)
	enter := func(r *http.Request) (given []*http.Cookie, err error) {
		w := httptest.NewRecorder()
		_, err = d.welcome(exchange{r, w}, "anna", byProvider)
		return w.Result().Cookies(), err
	}
	before, err := enter(httptest.NewRequest("POST", "/", nil))
	if err != nil {
		t.Fatal(err)
	}
	again := httptest.NewRequest("POST", "/", nil)
	again.AddCookie(before[0])
	room := d.sessions.fill(t)
	given, err := enter(again)
	if err == nil || len(given) > 0 {
		t.Errorf("it is given %v, %v", given, err)
	}
	if _, ok := d.sessions.holds(t.Context(), before[0].Value); !ok {
		t.Error("the session of before is over")
	}
	room()
	given, err = enter(again)
	if err != nil || len(given) != 1 {
		t.Fatalf("it is given %v, %v", given, err)
	}
	if _, ok := d.sessions.holds(t.Context(), before[0].Value); ok {
		t.Error("the session of before goes on")
	}
	if _, ok := d.sessions.holds(t.Context(), given[0].Value); !ok {
		t.Error("the new session does not hold")
	}
}

// An open stream is a use of its session: that lasts on.
func TestStreamKeepsItsSession(t *testing.T) {
	d := serving(t, func(d *desk) { d.heartbeat = 10 * time.Millisecond })
	w := httptest.NewRecorder()
	if _, err := d.welcome(exchange{httptest.NewRequest("POST", "/", nil), w}, "anna", proofOf(d.options.PasswordHash("anna"))); err != nil {
		t.Fatal(err)
	}
	cookie := w.Result().Cookies()[0]
	r := httptest.NewRequest("GET", "/api/v1/stream", nil)
	r.AddCookie(cookie)
	resp := d.sent(r) //nolint:bodyclose // at the end of the test
	lines := bufio.NewScanner(resp.Body)
	heartbeat := func() {
		t.Helper()
		for lines.Scan() {
			if lines.Text() == ":" {
				return
			}
		}
		t.Fatalf("it ends, or its session does not last on: %v", lines.Err())
	}
	heartbeat()
	ends := func() time.Time { return d.sessions.store.ends(digest(cookie.Value)) }
	first := ends()
	d.late.Store(int64(24 * time.Hour))
	for ends().Sub(first) < 23*time.Hour { // those that come first may have been sent before
		heartbeat()
	}
}

// stranger is a connection from another machine.
type stranger struct {
	net.Conn
	closed bool
}

func (*stranger) RemoteAddr() net.Addr {
	return &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 1}
}

func (s *stranger) Close() error {
	s.closed = true
	return nil
}

// What is more than a network may have is closed, and nothing else.
func TestTooManyConnectionsAreClosed(t *testing.T) {
	c := newConnections()
	for i := range maxConnectionsOf + 2 {
		one := &stranger{}
		if c.changed(one, http.StateNew); one.closed != (i >= maxConnectionsOf) {
			t.Fatalf("connection %d is closed: %t", i, one.closed)
		}
		if one.closed {
			c.changed(one, http.StateClosed)
		}
	}
	c.changed(&stranger{}, http.StateClosed)
	one := &stranger{}
	if c.changed(one, http.StateNew); one.closed {
		t.Error("a place that came free is not given away")
	}
}
