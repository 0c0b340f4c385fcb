package bus

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"supervisiond/bus/embedded"
	"supervisiond/forwarding"
	"supervisiond/supervision"
)

// script plays the engine: it keeps the commands and answers as the test says.
type script struct {
	bus *runningBus
	// reply returns what the engine would do, the reply among it.
	reply func(supervision.Commanded) []supervision.Effect

	mu  sync.Mutex
	got []supervision.Commanded
}

func (s *script) command(c supervision.Commanded) error {
	s.mu.Lock()
	s.got = append(s.got, c)
	s.mu.Unlock()
	if effects := s.reply(c); effects != nil {
		s.bus.Take(c.At, effects)
	}
	return nil
}

func (s *script) commands() []supervision.Commanded {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]supervision.Commanded(nil), s.got...)
}

func ok(c supervision.Commanded) []supervision.Effect {
	return []supervision.Effect{supervision.Reply{ID: c.ID, Changed: true}}
}

// never leaves commands unanswered.
func never(supervision.Commanded) []supervision.Effect { return nil }

// newService is a bus that serves commands.
func newService(t testing.TB, s *embedded.Server, reply func(supervision.Commanded) []supervision.Effect, adjust ...func(*Bus)) (*runningBus, *script) {
	t.Helper()
	e := &script{reply: reply}
	ready := make(chan struct{})
	b := newBus(t, inProcess(s), append(adjust, func(b *Bus) {
		b.options.Command = func(c supervision.Commanded) error {
			<-ready
			return e.command(c)
		}
	})...)
	e.bus = b
	close(ready)
	b.waitReady(t)
	return b, e
}

// answer is what a program gets.
type answer struct {
	OK      bool
	Changed bool
	Code    string
	Message string
	Details map[string]string
	View    json.RawMessage
	Events  []map[string]any
	More    bool
	Next    string
	header  nats.Header
	raw     string
}

func ask(t testing.TB, nc *nats.Conn, actor, verb, body string) answer {
	t.Helper()
	a, err := request(nc, actor, verb, body)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func request(nc *nats.Conn, actor, verb, body string) (answer, error) {
	m, err := nc.Request("supervision.v1.hq.cmd."+actor+"."+verb, []byte(body), patience)
	if err != nil {
		return answer{}, fmt.Errorf("%s %s: %w", verb, body, err)
	}
	a := answer{header: m.Header, raw: string(m.Data)}
	err = json.Unmarshal(m.Data, &a)
	if err != nil || a.OK == (a.Code != "") || a.Code != m.Header.Get("Nats-Service-Error-Code") || a.OK == (m.Header.Get("Nats-Service-Error") != "") {
		return a, fmt.Errorf("%s is answered with %v %s", verb, m.Header, m.Data)
	}
	return a, nil
}

// askLater does not wait for the answer.
func askLater(t testing.TB, nc *nats.Conn, actor, verb, body string) <-chan answer {
	c := make(chan answer, 1)
	go func() {
		a, err := request(nc, actor, verb, body)
		if err != nil {
			t.Error(err)
		}
		c <- a
	}()
	return c
}

// commander is a connection that may command.
func commander(t testing.TB, s *embedded.Server) *nats.Conn {
	t.Helper()
	nc, err := nats.Connect(s.ClientURL(), nats.UserInfo("crm", "c"), nats.CustomInboxPrefix("_INBOX_crm"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	return nc
}

func startWithUsers(t testing.TB, dir string) *embedded.Server {
	return startEmbedded(t, dir,
		embedded.User{Name: "crm", PasswordHash: bcryptHash(t, "c"), ActsAs: []string{"*"}},
		embedded.User{Name: "desk", PasswordHash: bcryptHash(t, "d"), ActsAs: []string{"anna"}},
	)
}

func TestEveryVerbBecomesItsCommand(t *testing.T) {
	s := startWithUsers(t, t.TempDir())
	_, engine := newService(t, s, ok)
	nc := commander(t, s)
	for _, c := range []struct {
		verb, body string
		want       supervision.Command
	}{
		{"group.join", `{"group":"sales"}`, supervision.JoinGroup{Group: "sales"}},
		{"group.leave", ` {"group" : "sales"} `, supervision.LeaveGroup{Group: "sales"}},
		{"group.force_in", `{"group":"sales","person":"ben"}`, supervision.ForceIn{Group: "sales", Person: "ben"}},
		{"group.force_out", `{"person":"ben","group":"sales"}`, supervision.ForceOut{Group: "sales", Person: "ben"}},
		{"forwarding.set", `{"person":"ben","kind":"always","target":"103"}`, supervision.SetForwarding{Person: "ben", Kind: forwarding.Always, Target: "103"}},
		{"forwarding.set", `{"person":"ben","kind":"no_answer","target":"103","after_seconds":20}`,
			supervision.SetForwarding{Person: "ben", Kind: forwarding.NoAnswer, Target: "103", AfterSeconds: 20}},
		{"forwarding.cancel", `{"person":"ben"}`, supervision.CancelForwarding{Person: "ben"}},
		{"forwarding.cancel", `{"person":"ben","kind":"phone"}`, supervision.CancelForwarding{Person: "ben", Kind: forwarding.Phone}},
		{"dnd.set", `{"person":"ben","on":false}`, supervision.SetDND{Person: "ben"}},
		{"dnd.set", `{"person":"ben","on":true}`, supervision.SetDND{Person: "ben", On: true}},
		{"presence.set", `{"state":"busy","source":"teams-1.x_Y"}`, supervision.ReportPresence{State: "busy", Source: "teams-1.x_Y"}},
		{"presence.set", `{"state":"online","source":"t","ttl_seconds":86400}`, supervision.ReportPresence{State: "online", Source: "t", TTL: 24 * time.Hour}},
		{"view.get", ``, supervision.GetView{}},
		{"view.get", `{}`, supervision.GetView{}},
	} {
		before := len(engine.commands())
		if a := ask(t, nc, "anna", c.verb, c.body); !a.OK || !a.Changed {
			t.Errorf("%s %s: %+v", c.verb, c.body, a)
		}
		got := engine.commands()[before:]
		if len(got) != 1 || !reflect.DeepEqual(got[0].Command, c.want) || got[0].Actor != "anna" || got[0].Via != supervision.ViaNATS ||
			got[0].ID == "" || time.Since(got[0].At) > time.Minute {
			t.Errorf("%s %s became %+v", c.verb, c.body, got)
		}
	}
	ids := make(map[string]bool)
	for _, c := range engine.commands() {
		ids[c.ID] = true
	}
	if len(ids) != len(engine.commands()) {
		t.Error("two commands have one id")
	}
	if _, err := nc.Request("supervision.v1.hq.cmd.anna.call.fetch", nil, patience); !errors.Is(err, nats.ErrNoResponders) {
		t.Errorf("a verb that there is not: %v", err)
	}
}

func TestTheViewIsPartOfTheAnswer(t *testing.T) {
	s := startWithUsers(t, t.TempDir())
	newService(t, s, func(c supervision.Commanded) []supervision.Effect {
		return []supervision.Effect{supervision.Reply{ID: c.ID, Result: map[string]any{"me": "<" + string(c.Actor) + ">"}}}
	})
	if a := ask(t, commander(t, s), "anna", "view.get", ""); a.raw != `{"ok":true,"changed":false,"view":{"me":"<anna>"}}` {
		t.Errorf("answered %s", a.raw)
	}
}

func TestARefusalIsAnsweredWithItsCode(t *testing.T) {
	s := startWithUsers(t, t.TempDir())
	refusals := []supervision.Refusal{
		{Code: supervision.Invalid, Message: "no"}, {Code: supervision.NotFound, Message: "no"},
		{Code: supervision.NotSupervisor, Message: "no"}, {Code: supervision.NotAdmin, Message: "no"},
		{Code: supervision.NotParticipant, Message: "no"}, {Code: supervision.NotLoggedIn, Message: "no"},
		{Code: supervision.NotMutualAid, Message: "no"}, {Code: supervision.MayNotLeave, Message: "no"},
		{Code: supervision.LastMember, Message: "would be\r\nempty", Details: map[string]string{"lock": "person"}},
		{Code: supervision.SetOnPhone, Message: "no"},
		{Code: supervision.DestinationRefused, Message: "Über", Details: map[string]string{"reason": "not_allowed"}},
		{Code: supervision.Unavailable, Message: "no"}, {Code: supervision.PBXUnavailable, Message: "no"},
	}
	next := make(chan *supervision.Refusal, 1)
	b, _ := newService(t, s, func(c supervision.Commanded) []supervision.Effect {
		return []supervision.Effect{supervision.Reply{ID: c.ID, Refusal: <-next}}
	})
	nc := commander(t, s)
	for i := range refusals {
		r := &refusals[i]
		next <- r
		a := ask(t, nc, "anna", "group.leave", `{"group":"sales"}`)
		if a.OK || a.Code != string(r.Code) || a.Message != r.Message || len(a.Details) != len(r.Details) || a.Details["lock"] != r.Details["lock"] {
			t.Errorf("%v is answered with %s", r, a.raw)
		}
		if !strings.Contains(a.raw, `"details":{`) {
			t.Errorf("no details: %s", a.raw)
		}
	}
	if n := b.metric(t, "supervisiond_nats_command_seconds", ""); n != float64(len(refusals)) {
		t.Errorf("%v commands measured", n)
	}
}

func TestTheAnswerComesWhenTheStateIsThere(t *testing.T) {
	s := startWithUsers(t, t.TempDir())
	var mu sync.Mutex
	n := 0
	newService(t, s, func(c supervision.Commanded) []supervision.Effect {
		mu.Lock()
		defer mu.Unlock()
		n++
		return []supervision.Effect{
			putPerson("ben", n), announce(uint64(n), supervision.EventGroupJoined, "sales"),
			supervision.Reply{ID: c.ID, Changed: true},
		}
	})
	nc := commander(t, s)
	kv := stateBucket(t, nc)
	events := subscribe(t, nc, "supervision.v1.hq.event.>")
	for i := 1; i <= 300; i++ {
		ask(t, nc, "anna", "group.join", `{"group":"sales"}`)
		if v := version(t, []byte(value(kv, "person.ben"))); v != i {
			t.Fatalf("command %d is answered while the state is %d", i, v)
		}
		if pending, _, err := events.Pending(); err != nil || pending != i {
			t.Fatalf("command %d is answered while %d events are there", i, pending)
		}
	}
}

func TestNoMoreCommandsThanCanRun(t *testing.T) {
	s := startWithUsers(t, t.TempDir())
	var mu sync.Mutex
	var held []supervision.Commanded
	b, _ := newService(t, s, func(c supervision.Commanded) []supervision.Effect {
		mu.Lock()
		defer mu.Unlock()
		held = append(held, c)
		return nil
	}, func(b *Bus) { b.commands.limit = 3 })
	nc := commander(t, s)
	inbox := subscribe(t, nc, "_INBOX_crm.many")
	for range 3 {
		if err := nc.PublishRequest("supervision.v1.hq.cmd.anna.group.join", "_INBOX_crm.many", []byte(`{"group":"sales"}`)); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "three run", func() bool { return b.metric(t, "supervisiond_nats_commands_running", "") == 3 })
	if a := ask(t, nc, "ben", "group.join", `{"group":"sales"}`); a.Code != "unavailable" || !strings.Contains(a.Message, "too many") {
		t.Errorf("the fourth: %s", a.raw)
	}
	if a := ask(t, nc, "ben", "group.join", `{"group":7}`); a.Code != "invalid" {
		t.Errorf("what is invalid is so at any time: %s", a.raw)
	}
	mu.Lock()
	first := held[0]
	mu.Unlock()
	b.take(supervision.Reply{ID: first.ID})
	nextMessage(t, inbox)
	eventually(t, "two run", func() bool { return b.metric(t, "supervisiond_nats_commands_running", "") == 2 })
	fifth := askLater(t, nc, "ben", "group.join", `{"group":"sales"}`)
	eventually(t, "there is room again", func() bool {
		mu.Lock()
		defer mu.Unlock()
		return len(held) == 4
	})
	mu.Lock()
	defer mu.Unlock()
	for _, c := range held[1:] {
		b.take(supervision.Reply{ID: c.ID}, supervision.Reply{ID: c.ID}, supervision.Reply{ID: "somebody else's"})
	}
	if a := <-fifth; !a.OK {
		t.Errorf("the fifth: %s", a.raw)
	}
}

func TestACommandWithoutReplyIsAnsweredInTime(t *testing.T) {
	s := startWithUsers(t, t.TempDir())
	b, engine := newService(t, s, never, func(b *Bus) { b.commands.time = 200 * time.Millisecond })
	nc := commander(t, s)
	began := time.Now()
	if a := ask(t, nc, "anna", "group.join", `{"group":"sales"}`); a.Code != "unavailable" || a.Details["unknown"] != "true" {
		t.Errorf("answered %s", a.raw)
	}
	if took := time.Since(began); took < 200*time.Millisecond || took >= commandTime {
		t.Errorf("after %v", took)
	}
	b.take(supervision.Reply{ID: engine.commands()[0].ID}) // too late, and harmless
	eventually(t, "nothing runs", func() bool { return b.metric(t, "supervisiond_nats_commands_running", "") == 0 })
}

func TestAnEngineThatTakesNothingMakesUnavailable(t *testing.T) {
	s := startWithUsers(t, t.TempDir())
	b := newBus(t, inProcess(s), func(b *Bus) {
		b.options.Command = func(supervision.Commanded) error { return errors.New("it has too much to do") }
	})
	b.waitReady(t)
	nc := commander(t, s)
	if a := ask(t, nc, "anna", "view.get", ""); a.Code != "unavailable" || !strings.Contains(a.Message, "too much to do") {
		t.Errorf("answered %s", a.raw)
	}
	b.ready.Store(false)
	if a := ask(t, nc, "anna", "view.get", ""); a.Code != "unavailable" || !strings.Contains(a.Message, "not ready") {
		t.Errorf("answered %s", a.raw)
	}
}

func TestRepliesComeAlsoWhenPublishingHasStopped(t *testing.T) {
	s := startWithUsers(t, t.TempDir())
	b, engine := newService(t, s, never)
	nc := commander(t, s)
	answered := askLater(t, nc, "anna", "view.get", "")
	eventually(t, "it runs", func() bool { return len(engine.commands()) == 1 })
	b.queue.serve(false) // as between two sessions
	b.take(putPerson("ben", 1), supervision.Reply{ID: engine.commands()[0].ID})
	if a := <-answered; !a.OK {
		t.Errorf("answered %s", a.raw)
	}
}

func BenchmarkACommand(b *testing.B) {
	s := startWithUsers(b, b.TempDir())
	newService(b, s, ok)
	nc := commander(b, s)
	for b.Loop() {
		ask(b, nc, "anna", "group.join", `{"group":"sales"}`)
	}
}
