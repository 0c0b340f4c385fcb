package bus

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus"

	"supervisiond/bus/embedded"
	"supervisiond/supervision"
	"supervisiond/test/ports"
)

const site = "hq"

// patience bounds every wait.
const patience = 30 * time.Second

// eventually waits for a condition, and fails the test when it does not come about.
func eventually(t testing.TB, what string, condition func() bool) {
	t.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !condition() {
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatalf("never came about: %s", what)
		}
	}
}

// logBook is a log to be read by a test.
type logBook struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *logBook) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *logBook) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

func (l *logBook) has(part string) func() bool {
	return func() bool { return strings.Contains(l.String(), part) }
}

// startEmbedded runs the embedded server on a free port.
func startEmbedded(t testing.TB, dir string, users ...embedded.User) *embedded.Server {
	t.Helper()
	s, err := embedded.Start(embedded.Options{Site: site, Listen: "127.0.0.1:0", StoreDir: dir, Users: users})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stopEmbedded(t, s) })
	return s
}

func stopEmbedded(t testing.TB, s *embedded.Server) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := s.Shutdown(ctx); err != nil {
		t.Error(err)
	}
}

// inProcess connects as the daemon does.
func inProcess(s *embedded.Server) func(...nats.Option) (*nats.Conn, error) {
	user, password := s.Login()
	return URL("", nats.InProcessServer(s), nats.UserInfo(user, password))
}

// startExternal runs a server as an administrator might have it.
func startExternal(t testing.TB, o server.Options) *server.Server {
	t.Helper()
	o.Host, o.NoSigs, o.NoLog = "127.0.0.1", true, true
	if o.Port == 0 {
		o.Port = ports.Take(t) // that is still there when the server comes back
	}
	if o.JetStream && o.StoreDir == "" {
		o.StoreDir = t.TempDir()
	}
	s, err := server.NewServer(&o)
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	if !s.ReadyForConnections(patience) {
		t.Fatal("the server does not listen")
	}
	t.Cleanup(func() { stopExternal(s) })
	return s
}

func stopExternal(s *server.Server) {
	s.Shutdown()
	s.WaitForShutdown()
}

// runningBus is a bus with an engine's part played by the test: its Begin puts the site's document.
type runningBus struct {
	*Bus
	log      *logBook
	registry *prometheus.Registry
	begun    chan supervision.EpochBegun
	stop     func()
}

func newBus(t testing.TB, connect func(...nats.Option) (*nats.Conn, error), adjust ...func(*Bus)) *runningBus {
	t.Helper()
	r := &runningBus{log: &logBook{}, registry: prometheus.NewRegistry(), begun: make(chan supervision.EpochBegun, 1)}
	r.Bus = New(Options{
		Site:    site,
		Connect: connect,
		History: History{Keep: time.Hour, MaxBytes: 16 << 20},
		Log:     slog.New(slog.NewTextHandler(r.log, nil)),
		Metrics: r.registry,
		Begin: func(e supervision.EpochBegun) {
			r.Take(e.At, []supervision.Effect{putSite(e.Epoch)})
			r.begun <- e
		},
	})
	for _, f := range adjust {
		f(r.Bus)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := r.Run(ctx); err != nil {
			t.Errorf("Run: %v", err)
		}
	}()
	r.stop = func() {
		cancel()
		<-done
	}
	t.Cleanup(func() {
		r.stop()
		if t.Failed() {
			t.Logf("log of the bus:\n%s", r.log)
		}
	})
	return r
}

func (r *runningBus) waitReady(t testing.TB) {
	t.Helper()
	eventually(t, "the bus is ready", r.Ready)
}

// metric reads a counter or a gauge; labels as in {kind="event"}.
func (r *runningBus) metric(t testing.TB, name, label string) float64 {
	t.Helper()
	families, err := r.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() != name {
			continue
		}
		for _, m := range f.GetMetric() {
			if label != "" && (len(m.GetLabel()) == 0 || m.GetLabel()[0].GetValue() != label) {
				continue
			}
			switch {
			case m.Counter != nil:
				return m.GetCounter().GetValue()
			case m.Gauge != nil:
				return m.GetGauge().GetValue()
			case m.Histogram != nil:
				return float64(m.GetHistogram().GetSampleCount())
			}
		}
	}
	t.Fatalf("no metric %s %s", name, label)
	return 0
}

func dial(t testing.TB, url string, options ...nats.Option) *nats.Conn {
	t.Helper()
	quiet := nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}) // refusals are asked for
	nc, err := nats.Connect(url, append([]nats.Option{quiet}, options...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	return nc
}

func stateBucket(t testing.TB, nc *nats.Conn) jetstream.KeyValue {
	t.Helper()
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	kv, err := js.KeyValue(t.Context(), "SUPERVISION_hq")
	if err != nil {
		t.Fatal(err)
	}
	return kv
}

// value reads a key of a bucket; "" when there is none.
func value(kv jetstream.KeyValue, key string) string {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	e, err := kv.Get(ctx, key)
	if err != nil {
		return ""
	}
	return string(e.Value())
}

func subscribe(t testing.TB, nc *nats.Conn, subject string) *nats.Subscription {
	t.Helper()
	sub, err := nc.SubscribeSync(subject)
	if err != nil {
		t.Fatal(err)
	}
	if err := sub.SetPendingLimits(-1, -1); err != nil {
		t.Fatal(err)
	}
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
	return sub
}

func nextMessage(t testing.TB, sub *nats.Subscription) *nats.Msg {
	t.Helper()
	m, err := sub.NextMsg(patience)
	if err != nil {
		t.Fatalf("%s: %v", sub.Subject, err)
	}
	return m
}

// The effects that tests take.

var noon = time.Date(2026, 3, 1, 12, 0, 0, 123_000_000, time.UTC)

func putSite(epoch uint64) supervision.Put {
	return supervision.Put{Key: "site", Document: &supervision.SiteDocument{ID: site, Epoch: epoch, NATS: supervision.NATSDocument{Connected: true}, AliveUntil: supervision.Stamp{Time: noon}}}
}

func putPerson(id string, version int) supervision.Put {
	return supervision.Put{Key: "person." + id, Document: &supervision.PersonDocument{ID: supervision.PersonID(id), Name: fmt.Sprint(version)}}
}

func callDocument(id string, state supervision.CallState) *supervision.CallDocument {
	return &supervision.CallDocument{ID: supervision.CallID(id), CallerCall: "c", State: state, Since: supervision.Stamp{Time: noon}}
}

func announce(seq uint64, t supervision.EventType, entity string) supervision.Announce {
	return supervision.Announce{Seq: seq, At: noon, Type: t, Entity: entity, Document: callDocument(entity, supervision.CallRinging)}
}

func (r *runningBus) take(effects ...supervision.Effect) { r.Take(time.Now(), effects) }
