package bus

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"supervisiond/bus/permissions"
	"supervisiond/supervision"
	"supervisiond/test/ports"
)

func TestNATSMayComeLater(t *testing.T) {
	port := ports.Take(t)
	url := fmt.Sprintf("nats://127.0.0.1:%d", port)
	b := newBus(t, URL(url))
	b.take(putPerson("ben", 1), announce(1, supervision.EventCallRinging, "c1"))
	eventually(t, "the log says that nobody is there", b.log.has("nobody answers"))
	if b.Ready() || b.Epoch() != 0 || b.metric(t, "supervisiond_nats_connected", "") != 0 {
		t.Error("ready without a server")
	}
	startExternal(t, server.Options{JetStream: true, Port: port})
	b.waitReady(t)
	nc := dial(t, url)
	if value(stateBucket(t, nc), "person.ben") == "" {
		t.Error("ben is not there")
	}
	if ids := history(t, nc, 1); ids[0] != "1-1" {
		t.Errorf("kept %v", ids)
	}
	if b.metric(t, "supervisiond_nats_connected", "") != 1 || b.metric(t, "supervisiond_nats_reconnects_total", "") != 0 {
		t.Error("the first connection is no reconnection")
	}
	eventually(t, "three publications are measured", func() bool { return b.metric(t, "supervisiond_publish_seconds", "") == 3 })
}

// What came of logins is told first: whoever asked for one is answered before everybody is told that nobody can.
func TestWhetherNATSIsThereIsTold(t *testing.T) {
	dir := t.TempDir()
	s := startExternal(t, server.Options{JetStream: true, StoreDir: dir})
	p := startProxy(t, s.Addr().String())
	told := make(chan supervision.Event, 10)
	next := func() supervision.Event {
		t.Helper()
		select {
		case e := <-told:
			return e
		case <-time.After(patience):
			t.Fatal("nothing is told")
		}
		return nil
	}
	seen := func(want bool) {
		t.Helper()
		if e, ok := next().(supervision.NATSSeen); !ok || e.Alive != want || e.At.IsZero() {
			t.Fatalf("%t: told %+v, want %t", ok, e, want)
		}
	}
	b := newBus(t, URL("nats://"+p.Addr().String()), func(b *Bus) {
		b.options.Post = func(e supervision.Event) { told <- e }
	})
	b.waitReady(t)
	seen(true)
	p.stall()
	b.take(save(1, "ben", false))
	if e, ok := next().(supervision.LoginSaved); !ok || e.Write != 1 || !e.Failed {
		t.Fatalf("told %+v", e)
	}
	seen(false)
	p.flow()
	b.waitReady(t)
	seen(true)
}

func TestWrongCredentialsAreSaidClearlyAndMayBeMended(t *testing.T) {
	s := startExternal(t, server.Options{JetStream: true, Users: []*server.User{{Username: "supervisiond", Password: "right"}}})
	var mu sync.Mutex
	password := "wrong"
	b := newBus(t, URL(s.ClientURL(), nats.UserInfoHandler(func() (string, string) {
		mu.Lock()
		defer mu.Unlock()
		return "supervisiond", password
	})))
	eventually(t, "the log says so", b.log.has("check nats.user and nats.password, or nats.credentials_file"))
	if strings.Contains(b.log.String(), "wrong") {
		t.Error("the password is in the log")
	}
	mu.Lock()
	password = "right"
	mu.Unlock()
	b.waitReady(t)
}

func TestASettingThatCannotWorkIsTriedAgain(t *testing.T) {
	s := startExternal(t, server.Options{JetStream: true})
	var mu sync.Mutex
	tries := 0
	b := newBus(t, func(o ...nats.Option) (*nats.Conn, error) {
		mu.Lock()
		defer mu.Unlock()
		if tries++; tries == 1 {
			return nil, errors.New("credentials file is missing")
		}
		return nats.Connect(s.ClientURL(), o...)
	})
	b.waitReady(t)
	if !strings.Contains(b.log.String(), "credentials file is missing") {
		t.Error("the log does not say so")
	}
}

func TestAServerWithoutJetStreamIsRefusedUntilItHasIt(t *testing.T) {
	s := startExternal(t, server.Options{})
	b := newBus(t, URL(s.ClientURL()))
	eventually(t, "the log says so", b.log.has("has no JetStream"))
	if b.Ready() {
		t.Error("ready")
	}
	if err := s.EnableJetStream(&server.JetStreamConfig{StoreDir: t.TempDir(), MaxMemory: 1 << 20, MaxStore: 1 << 26}); err != nil {
		t.Fatal(err)
	}
	b.waitReady(t)
}

func TestServerVersions(t *testing.T) {
	for version, want := range map[string]bool{
		"2.11.0": true, "2.11.0-RC.1": true, "2.12.3": true, "3.0.0": true, "v2.15.2": true, "2.15": true, "2.100.1": true,
		"2.10.29": false, "2.9.0": false, "1.99.9": false, "0.1": false, "": false, "dev": true,
	} {
		if got := recent(version); got != want {
			t.Errorf("%q: %t", version, got)
		}
	}
}

// TestTheDaemonNeedsNoMoreThanItsPermissions runs against a server that gives the daemon exactly these.
func TestTheDaemonNeedsNoMoreThanItsPermissions(t *testing.T) {
	set := permissions.Daemon(site)
	s := startExternal(t, server.Options{JetStream: true, Users: []*server.User{{
		Username: "supervisiond", Password: "x",
		Permissions: &server.Permissions{
			Publish:   &server.SubjectPermission{Allow: set.Publish.Allow},
			Subscribe: &server.SubjectPermission{Allow: set.Subscribe.Allow},
			Response:  &server.ResponsePermission{},
		},
	}, {Username: "crm", Password: "y"}}})
	out := make(outcomes, 1)
	engine := script{reply: func(c supervision.Commanded) []supervision.Effect {
		return []supervision.Effect{supervision.Reply{ID: c.ID, Result: &supervision.Reader{Everything: true}}}
	}}
	b := newBus(t, URL(s.ClientURL(), nats.UserInfo("supervisiond", "x")), out.adjust, func(b *Bus) { b.options.Command = engine.command })
	engine.bus = b
	b.waitReady(t)
	b.take(save(1, "ben", true))
	out.want(t, 1, false)
	b.take(putPerson("ben", 1), announce(1, supervision.EventCallRinging, "c1"), supervision.Forget{Key: "person.ben"}, forget("ben"))
	eventually(t, "all is published", func() bool {
		return b.metric(t, "supervisiond_nats_published_total", "event") == 1 && b.queue.depth() == 0
	})
	nc := dial(t, s.ClientURL(), nats.UserInfo("crm", "y"))
	if a := ask(t, nc, "anna", "history.get", ""); len(a.Events) != 1 {
		t.Errorf("the history: %s", a.raw)
	}
	if _, err := nc.Request("$SRV.INFO.supervision", nil, patience); err != nil {
		t.Errorf("discovery: %v", err)
	}
	if err := b.StopCommands(t.Context()); err != nil {
		t.Error(err)
	}
	if strings.Contains(b.log.String(), "ermission") {
		t.Error("something was not allowed")
	}
}

// proxy passes bytes on until it stalls; then it reads nothing any more, as a stopped process does.
type proxy struct {
	net.Listener
	target string

	mu      sync.Mutex
	flowing chan struct{} // closed: bytes flow
}

func startProxy(t *testing.T, target string) *proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{Listener: l, target: target, flowing: make(chan struct{})}
	close(p.flowing)
	t.Cleanup(func() {
		l.Close()
		p.flow()
	})
	go func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			server, err := net.Dial("tcp", p.target)
			if err != nil {
				client.Close()
				continue
			}
			go p.pump(server, client)
			go p.pump(client, server)
		}
	}()
	return p
}

func (p *proxy) pump(to, from net.Conn) {
	defer to.Close()
	defer from.Close()
	buf := make([]byte, 4096)
	for {
		p.wait()
		n, err := from.Read(buf)
		p.wait()
		if n > 0 {
			if _, err := to.Write(buf[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

func (p *proxy) wait() {
	p.mu.Lock()
	c := p.flowing
	p.mu.Unlock()
	<-c
}

func (p *proxy) stall() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.flowing = make(chan struct{})
}

func (p *proxy) flow() {
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case <-p.flowing:
	default:
		close(p.flowing)
	}
}

func TestAStalledServerStallsNobody(t *testing.T) {
	const limit, stalled = 1500, 4 * time.Second
	s := startExternal(t, server.Options{JetStream: true})
	p := startProxy(t, s.Addr().String())
	b := newBus(t, URL("nats://"+p.Addr().String()), func(b *Bus) { b.ackTimeout, b.queue.keptLimit = stalled, limit })
	b.waitReady(t)
	p.stall()

	// Far more than the sockets between hold: the writer is stuck in a write while this goes on.
	name := strings.Repeat("x", 10_000)
	var slowest time.Duration
	for i := range 20_000 {
		began := time.Now()
		b.take(
			supervision.Put{Key: "person.ben", Document: &supervision.PersonDocument{ID: "ben", Name: name}},
			supervision.Put{Key: "person.p" + string(rune('a'+i%26)), Document: &supervision.PersonDocument{ID: "p", Name: name}},
			announce(uint64(i+1), supervision.EventCallEnded, "c"),
			announce(uint64(i+1), supervision.EventPresenceChanged, "p"),
		)
		slowest = max(slowest, time.Since(began))
	}
	if slowest > stalled/2 { // it is microseconds; this machine may be busy
		t.Errorf("Take took %v", slowest)
	}
	if depth := b.queue.depth(); depth > limit+passingLimit+30 {
		t.Errorf("%d things wait", depth)
	}
	eventually(t, "it is noticed", func() bool { return !b.Ready() })
	if b.metric(t, "supervisiond_nats_conflated_total", "") == 0 || b.metric(t, "supervisiond_nats_dropped_total", "kept") == 0 {
		t.Error("nothing is counted")
	}
	p.flow()
	b.waitReady(t)
	eventually(t, "the last event is kept", func() bool {
		return b.queue.depth() == 0 && b.metric(t, "supervisiond_nats_published_total", "event") > 0
	})
	nc := dial(t, s.ClientURL())
	ids := history(t, nc, limit-1)
	if last := ids[len(ids)-1]; last != "1-20000" {
		t.Errorf("the last event kept is %s", last)
	}
}

func TestAStalledServerDoesNotHoldUpTheEnd(t *testing.T) {
	s := startExternal(t, server.Options{JetStream: true})
	p := startProxy(t, s.Addr().String())
	b := newBus(t, URL("nats://"+p.Addr().String()))
	b.waitReady(t)
	p.stall()
	b.take(putPerson("ben", 1), announce(1, supervision.EventCallEnded, "c"))
	began := time.Now()
	b.stop()
	if took := time.Since(began); took > drainTime+3*time.Second {
		t.Errorf("the end took %v", took)
	}
}

func TestTheEndIsQuickWithoutNATS(t *testing.T) {
	b := New(Options{Site: site, Connect: URL("nats://127.0.0.1:1")})
	b.Take(noon, []supervision.Effect{putPerson("ben", 1)})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- b.Run(ctx) }()
	cancel()
	select {
	case err := <-done:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(drainTime - 100*time.Millisecond): // as long as it would take to tell a server everything
		t.Error("it waits for a server that is not there")
	}
}
