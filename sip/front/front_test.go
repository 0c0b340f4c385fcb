package front

import (
	"bufio"
	"context"
	"log/slog"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/emiago/sipgo"
	gosip "github.com/emiago/sipgo/sip"
	"github.com/prometheus/client_golang/prometheus"

	"supervisiond/sip/digest"
)

// patience bounds every wait.
const patience = 30 * time.Second

func people() map[string]Person {
	return map[string]Person{
		"anna": {ID: "anna", Secret: digest.UserOf("anna", "hq", "secret", "", "")},
		"ben":  {ID: "ben", Secret: digest.UserOf("ben", "hq", "sesame", "", "")},
	}
}

// begin serves SUBSCRIBE on all transports; the reason of the answer is the person.
func begin(t testing.TB, listen ...Listener) *Front {
	t.Helper()
	f, err := newTestFront(listen...)
	if err != nil {
		t.Fatal(err)
	}
	serve(t, f)
	return f
}

func newTestFront(listen ...Listener) (*Front, error) {
	f, err := New(Config{Listen: listen, Realm: "hq", Log: slog.New(slog.DiscardHandler), Metrics: prometheus.NewRegistry()})
	if err != nil {
		return nil, err
	}
	f.SetPeople(people())
	f.Handle("SUBSCRIBE", func(_ context.Context, r *Request) (*gosip.Response, func()) {
		if r.Body() != nil && string(r.Body()) == "panic" {
			panic("as asked")
		}
		return gosip.NewResponseFromRequest(r.Request, 200, string(r.Person)+" "+r.GetHeader("Event").Value(), nil), nil
	})
	return f, nil
}

func serve(t testing.TB, f *Front) {
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		f.Serve(ctx)
	}()
	t.Cleanup(func() {
		cancel()
		select {
		case <-done:
		case <-time.After(patience):
			t.Error("Serve does not end")
		}
	})
}

func port(t testing.TB, l Listener) int {
	t.Helper()
	_, p, err := net.SplitHostPort(l.Address)
	if err != nil {
		t.Fatal(err)
	}
	n, err := strconv.Atoi(p)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// phone is an independent client.
func phone(t testing.TB) *sipgo.Client {
	t.Helper()
	silence()
	ua, err := sipgo.NewUA()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ua.Close() })
	c, err := sipgo.NewClient(ua, sipgo.WithClientHostname("127.0.0.1"))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func subscribe(to Listener, t testing.TB) *gosip.Request {
	req := gosip.NewRequest("SUBSCRIBE", gosip.Uri{Scheme: "sip", User: "sales", Host: "127.0.0.1", Port: port(t, to)})
	req.SetTransport(strings.ToUpper(to.Network))
	req.AppendHeader(gosip.NewHeader("o", "dialog"))
	req.AppendHeader(&gosip.ContactHeader{Address: gosip.Uri{Scheme: "sip", User: "anna", Host: "127.0.0.1", Port: 5099}})
	return req
}

// ask sends a request, and again with the secret when it is asked for.
func ask(t testing.TB, c *sipgo.Client, req *gosip.Request, username, password string) *gosip.Response {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	res, err := c.Do(ctx, req)
	if err != nil {
		t.Fatal(err)
	}
	if res.StatusCode != 401 {
		t.Fatalf("without a secret: %s", res.StartLine())
	}
	res, err = c.DoDigestAuth(ctx, req, res, sipgo.DigestAuth{Username: username, Password: password})
	if err != nil {
		t.Fatal(err)
	}
	return res
}

func TestPhonesComeIn(t *testing.T) {
	f := begin(t, Listener{"udp", "127.0.0.1:0"}, Listener{"tcp", "127.0.0.1:0"})
	for _, l := range f.Addrs() {
		c := phone(t)
		if res := ask(t, c, subscribe(l, t), "anna", "secret"); res.StatusCode != 200 || res.Reason != "anna dialog" {
			t.Errorf("%s: anna: %s", l.Network, res.StartLine())
		}
		if res := ask(t, c, subscribe(l, t), "ben", "secret"); res.StatusCode != 401 {
			t.Errorf("%s: ben with anna's secret: %s", l.Network, res.StartLine())
		}
		fault := subscribe(l, t)
		fault.SetBody([]byte("panic"))
		if res := ask(t, c, fault, "anna", "secret"); res.StatusCode != 500 {
			t.Errorf("%s: a fault: %s", l.Network, res.StartLine())
		}
		if res := ask(t, c, subscribe(l, t), "ben", "sesame"); res.StatusCode != 200 || res.Reason != "ben dialog" {
			t.Errorf("%s: ben: %s", l.Network, res.StartLine())
		}
	}
}

func TestTakenPortIsKnownAtOnce(t *testing.T) {
	for _, network := range []string{"udp", "tcp"} {
		f := begin(t, Listener{network, "127.0.0.1:0"})
		_, err := New(Config{Listen: f.Addrs(), Realm: "hq", Log: slog.New(slog.DiscardHandler), Metrics: prometheus.NewRegistry()})
		if err == nil || !strings.Contains(err.Error(), f.Addrs()[0].Address) {
			t.Errorf("%s: %v", network, err)
		}
	}
}

// TestNobodyComesInByTheBackDoor: a connection that we made ourselves is watched by nobody.
func TestNobodyComesInByTheBackDoor(t *testing.T) {
	f := begin(t, Listener{"udp", "127.0.0.1:0"})
	d := newDesk(t, f.Addrs()[0]).challenged()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	c, err := sipgo.NewClient(f.UserAgent(), sipgo.WithClientHostname("127.0.0.1"))
	if err != nil {
		t.Fatal(err)
	}
	tx, err := c.TransactionRequest(t.Context(), optionsTo(Listener{"tcp", l.Addr().String()}, t))
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Terminate()
	conn, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	w := &wire{conn, t, bufio.NewReader(conn)}
	w.answer() // it is our request
	w.send(d.request("SUBSCRIBE", "sales", "back"))
	if a := w.answer(); !strings.HasPrefix(a, "SIP/2.0 403") {
		t.Errorf("with the right secret, but on a connection of ours: %q", a)
	}
}

func TestServeWaitsForHandlers(t *testing.T) {
	f, err := newTestFront(Listener{"udp", "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	under, done := make(chan struct{}), make(chan struct{})
	f.Handle("OPTIONS", func(ctx context.Context, _ *Request) (*gosip.Response, func()) {
		close(under)
		<-ctx.Done()
		return nil, func() { close(done) }
	})
	ctx, cancel := context.WithCancel(t.Context())
	served := make(chan struct{})
	go func() {
		defer close(served)
		f.Serve(ctx)
	}()
	d := newDesk(t, f.Addrs()[0]).challenged()
	d.send(d.request("OPTIONS", "sales", "1"))
	select {
	case <-under:
	case <-time.After(patience):
		t.Fatal("the handler is not called")
	}
	cancel()
	select {
	case <-served:
	case <-time.After(patience):
		t.Fatal("Serve does not end")
	}
	select {
	case <-done:
	default:
		t.Error("Serve has ended before the handler")
	}
}
