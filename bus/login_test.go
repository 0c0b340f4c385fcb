package bus

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"supervisiond/supervision"
)

// outcomes is where a bus tells what came of logins.
type outcomes chan supervision.LoginSaved

func (o outcomes) adjust(b *Bus) {
	b.options.Post = func(e supervision.Event) {
		if saved, ok := e.(supervision.LoginSaved); ok {
			o <- saved
		}
	}
}

// next waits for the outcome of the next write.
func (o outcomes) next(t testing.TB) supervision.LoginSaved {
	t.Helper()
	select {
	case e := <-o:
		return e
	case <-time.After(patience):
		t.Fatal("nothing is told of a login")
	}
	return supervision.LoginSaved{}
}

func (o outcomes) want(t testing.TB, write uint64, failed bool) {
	t.Helper()
	if e := o.next(t); e.Write != write || e.Failed != failed || e.At.IsZero() {
		t.Fatalf("told %+v, want write %d, failed %t", e, write, failed)
	}
}

func save(write uint64, person supervision.PersonID, in bool) supervision.SaveLogin {
	return supervision.SaveLogin{Write: write, Group: "sales", Person: person, LoggedIn: in}
}

func forget(person supervision.PersonID) supervision.ForgetLogin {
	return supervision.ForgetLogin{Group: "sales", Person: person}
}

func loginsBucket(t testing.TB, nc *nats.Conn) jetstream.KeyValue {
	t.Helper()
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	kv, err := js.KeyValue(t.Context(), "SUPERVISION_hq_LOGINS")
	if err != nil {
		t.Fatal(err)
	}
	return kv
}

// stored is what the bucket says of a person in sales: "true", "false", or "" when it says nothing.
func stored(kv jetstream.KeyValue, person string) string {
	var s struct {
		LoggedIn *bool `json:"logged_in"`
	}
	if json.Unmarshal([]byte(value(kv, "login.sales."+person)), &s) != nil || s.LoggedIn == nil {
		return ""
	}
	return fmt.Sprint(*s.LoggedIn)
}

func TestG9LoginsOutliveTheDaemonAndNATS(t *testing.T) {
	dir := t.TempDir()
	out := make(outcomes, 10)
	s := startEmbedded(t, dir)
	b := newBus(t, inProcess(s), out.adjust)
	b.waitReady(t)
	if e := <-b.begun; len(e.Logins) != 0 {
		t.Errorf("at first there is %+v", e.Logins)
	}
	b.take(save(1, "ben", false))
	out.want(t, 1, false)
	b.take(save(2, "anna", true), supervision.SaveLogin{Write: 3, Group: "desk", Person: "ben", LoggedIn: true})
	out.want(t, 2, false)
	out.want(t, 3, false)
	b.take(save(4, "carla", true))
	out.want(t, 4, false)
	b.take(forget("carla"), forget("nobody"), save(5, "ben", true), save(6, "ben", false))
	out.want(t, 5, false)
	out.want(t, 6, false)
	kv := loginsBucket(t, dial(t, s.ClientURL()))
	eventually(t, "carla is forgotten", func() bool { return value(kv, "login.sales.carla") == "" })
	var v map[string]any
	if err := json.Unmarshal([]byte(value(kv, "login.sales.ben")), &v); err != nil || len(v) != 4 || v["logged_in"] != false ||
		v["group"] != "sales" || v["person"] != "ben" || !strings.HasSuffix(fmt.Sprint(v["at"]), "Z") {
		t.Errorf("stored as %v", v)
	}
	if b.metric(t, "supervisiond_nats_logins_total", "saved") != 6 {
		t.Error("saved logins are counted wrongly")
	}
	b.stop()
	stopEmbedded(t, s)

	b = newBus(t, inProcess(startEmbedded(t, dir)), out.adjust)
	b.waitReady(t)
	want := []supervision.StoredLogin{
		{Group: "desk", Person: "ben", LoggedIn: true}, {Group: "sales", Person: "anna", LoggedIn: true},
		{Group: "sales", Person: "ben", LoggedIn: false},
	}
	if e := <-b.begun; !reflect.DeepEqual(e.Logins, want) {
		t.Errorf("read %+v", e.Logins)
	}
	// A key that was removed can be written again, by another life too.
	b.take(save(1, "carla", true), save(2, "ben", true))
	out.want(t, 1, false)
	out.want(t, 2, false)
}

func TestLoginsOfOneKeyKeepTheirOrder(t *testing.T) {
	s := startEmbedded(t, t.TempDir())
	out := make(outcomes, 200)
	b := newBus(t, inProcess(s), out.adjust)
	b.waitReady(t)
	for i := uint64(1); i <= 101; i++ {
		b.take(save(i, "ben", i%2 == 1))
	}
	for i := uint64(1); i <= 101; i++ {
		out.want(t, i, false)
	}
	if got := stored(loginsBucket(t, dial(t, s.ClientURL())), "ben"); got != "true" {
		t.Errorf("at last %s is stored", got)
	}
}

func TestWithoutNATSALoginFailsAtOnce(t *testing.T) {
	out := make(outcomes, 10)
	dir := t.TempDir()
	s := startExternal(t, server.Options{JetStream: true, StoreDir: dir})
	port := s.Addr().String()[strings.LastIndex(s.Addr().String(), ":")+1:]
	b := newBus(t, URL(s.ClientURL()), out.adjust, func(b *Bus) { b.logins.time = time.Hour }) // no login fails for its time
	b.waitReady(t)
	b.take(save(1, "ben", true), save(2, "carla", true))
	out.want(t, 1, false)
	out.want(t, 2, false)
	stopExternal(s)
	eventually(t, "NATS is away", func() bool { return !b.Ready() })
	b.take(save(3, "ben", false), save(4, "dora", false), forget("carla"))
	out.want(t, 3, true)
	out.want(t, 4, true)
	var p int
	if _, err := fmt.Sscan(port, &p); err != nil {
		t.Fatal(err)
	}
	s = startExternal(t, server.Options{JetStream: true, StoreDir: dir, Port: p})
	b.waitReady(t)
	kv := loginsBucket(t, dial(t, s.ClientURL()))
	eventually(t, "what had to be forgotten is", func() bool { return stored(kv, "carla") == "" })
	if stored(kv, "ben") != "true" || stored(kv, "dora") != "" {
		t.Errorf("ben is %q, dora %q: what failed came later", stored(kv, "ben"), stored(kv, "dora"))
	}
	b.take(save(5, "ben", false))
	out.want(t, 5, false)
}

// The acknowledgement is lost and the write may be late: what was told is what is on disk in the end.
func TestAnUnacknowledgedLoginIsUndone(t *testing.T) {
	s := startExternal(t, server.Options{JetStream: true})
	p := startProxy(t, s.Addr().String())
	out := make(outcomes, 10)
	b := newBus(t, URL("nats://"+p.Addr().String()), out.adjust, func(b *Bus) { b.logins.time = 300 * time.Millisecond })
	b.waitReady(t)
	b.take(save(1, "ben", true))
	out.want(t, 1, false)
	kv := loginsBucket(t, dial(t, s.ClientURL()))
	for i := range uint64(3) {
		p.stall()
		b.take(save(2+2*i, "ben", false), save(3+2*i, fmtPerson(i), true))
		out.want(t, 2+2*i, true)
		out.want(t, 3+2*i, true)
		eventually(t, "it is noticed", func() bool { return !b.Ready() })
		p.flow()
		b.waitReady(t)
		b.take(save(100+i, "anna", i%2 == 0))
		out.want(t, 100+i, false)
		eventually(t, "the disk says what was told", func() bool { return stored(kv, "ben") == "true" && stored(kv, string(fmtPerson(i))) == "" })
	}
}

func fmtPerson(i uint64) supervision.PersonID { return supervision.PersonID(fmt.Sprint("p", i)) }

func TestAServerThatLostItsDiskGetsTheLoginsAgain(t *testing.T) {
	out := make(outcomes, 10)
	s := startExternal(t, server.Options{JetStream: true})
	var p int
	if _, err := fmt.Sscan(s.Addr().String()[strings.LastIndex(s.Addr().String(), ":")+1:], &p); err != nil {
		t.Fatal(err)
	}
	b := newBus(t, URL(s.ClientURL()), out.adjust)
	b.waitReady(t)
	b.take(save(1, "ben", false), save(2, "anna", true))
	out.want(t, 1, false)
	out.want(t, 2, false)
	stopExternal(s)
	s = startExternal(t, server.Options{JetStream: true, Port: p})
	eventually(t, "it was noticed", b.log.has("NATS is away"))
	b.waitReady(t)
	kv := loginsBucket(t, dial(t, s.ClientURL()))
	eventually(t, "they are there", func() bool { return stored(kv, "ben") == "false" && stored(kv, "anna") == "true" })
}

func TestDamagedLoginsAreLeftOutAndSaid(t *testing.T) {
	s := startEmbedded(t, t.TempDir())
	first := newBus(t, inProcess(s)) // makes the bucket
	first.waitReady(t)
	first.stop()
	nc := subscriber(t, s)
	write := func(key, value string) {
		t.Helper()
		if err := nc.Publish("$KV.SUPERVISION_hq_LOGINS."+key, []byte(value)); err != nil {
			t.Fatal(err)
		}
	}
	damaged := map[string]string{
		"login.sales.empty": ``, "login.sales.text": `yes`, "login.sales.cut": `{"group":"sales","person":"cut","logged_in":tr`,
		"login.sales.none": `{"group":"sales","person":"none"}`, "login.sales.null": `null`,
		"login.sales.word":   `{"group":"sales","person":"word","logged_in":"true"}`,
		"login.sales.forged": `{"group":"sales","person":"ben","logged_in":false}`,
		"login.sales.a.b":    `{"group":"sales","person":"a","logged_in":false}`,
		"login.sales":        `{"group":"sales","logged_in":true}`,
	}
	for key, value := range damaged {
		write(key, value)
	}
	write("login.sales.ben", `{"group":"sales","person":"ben","logged_in":true,"at":"2026-03-01T12:00:00.123Z","note":"of a newer daemon"}`)
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
	out := make(outcomes, 10)
	b := newBus(t, inProcess(s), out.adjust)
	b.waitReady(t)
	if e := <-b.begun; len(e.Logins) != 1 || e.Logins[0].Person != "ben" || !e.Logins[0].LoggedIn {
		t.Errorf("read %+v", e.Logins)
	}
	for key := range damaged {
		if !strings.Contains(b.log.String(), "key="+key+" ") {
			t.Errorf("nothing is said of %s", key)
		}
	}
	if !strings.Contains(b.log.String(), "log them in or out again") {
		t.Error("what to do is not said")
	}
	b.take(save(1, "text", false))
	out.want(t, 1, false)
}

func TestWhoeverWritesToTheLoginsIsOverruled(t *testing.T) {
	s := startEmbedded(t, t.TempDir())
	out := make(outcomes, 10)
	b, _ := newService(t, s, never, out.adjust)
	b.take(save(1, "ben", false), save(2, "anna", true))
	out.want(t, 1, false)
	out.want(t, 2, false)
	nc := dial(t, s.ClientURL())
	kv := loginsBucket(t, nc)

	// A reader cannot write there, but can have an answer sent there: by the server or by the service framework.
	for i, request := range []string{"$JS.API.INFO", "$SRV.PING.supervision"} {
		if err := nc.PublishRequest(request, "$KV.SUPERVISION_hq_LOGINS.login.sales.ben", nil); err != nil {
			t.Fatal(err)
		}
		eventually(t, "it is noticed", func() bool { return strings.Count(b.log.String(), "writing them again") == i+1 })
		eventually(t, "it is undone", func() bool { return stored(kv, "ben") == "false" })
		b.waitReady(t)
	}
	if !strings.Contains(b.log.String(), "somebody else wrote to the logins bucket") {
		t.Error("the log does not say so")
	}
	b.take(save(3, "ben", true))
	out.want(t, 3, false)
}

func TestManyLoginsAtOnceAreQuick(t *testing.T) {
	s := startEmbedded(t, t.TempDir())
	const n = 200
	out := make(outcomes, n)
	b := newBus(t, inProcess(s), out.adjust, func(b *Bus) { b.logins.time = patience })
	b.waitReady(t)
	began := time.Now()
	for i := range uint64(n) {
		b.take(save(i+1, fmtPerson(i), true))
	}
	var writes []uint64
	for range n {
		e := out.next(t)
		if e.Failed {
			t.Fatalf("write %d failed", e.Write)
		}
		writes = append(writes, e.Write)
	}
	took := time.Since(began)
	t.Logf("%d logins on disk in %v", n, took)
	if took > 10*time.Second {
		t.Errorf("%d logins took %v", n, took)
	}
	slices.Sort(writes)
	if writes = slices.Compact(writes); len(writes) != n {
		t.Errorf("%d of %d are told of", len(writes), n)
	}
}

func BenchmarkALogin(b *testing.B) {
	s := startEmbedded(b, b.TempDir())
	out := make(outcomes, 1)
	r := newBus(b, inProcess(s), out.adjust)
	r.waitReady(b)
	write := uint64(0)
	for b.Loop() {
		write++
		r.take(save(write, "ben", write%2 == 0))
		out.want(b, write, false)
	}
}

func TestLoginsBeforeRunFail(t *testing.T) {
	out := make(outcomes, 1)
	b := New(Options{Site: site, Connect: URL("nats://127.0.0.1:1"), Post: func(e supervision.Event) { out <- e.(supervision.LoginSaved) }})
	b.Take(noon, []supervision.Effect{save(1, "ben", true)})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- b.Run(ctx) }()
	out.want(t, 1, true)
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}
