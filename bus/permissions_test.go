package bus

import (
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"golang.org/x/crypto/bcrypt"

	"supervisiond/bus/embedded"
	"supervisiond/supervision"
)

// allowed says which of "pub SUBJECT" and "sub SUBJECT" the server lets a connection do.
func allowed(t *testing.T, nc *nats.Conn, what string) bool {
	t.Helper()
	verb, subject, _ := strings.Cut(what, " ")
	var err error
	var sub *nats.Subscription
	if verb == "pub" {
		err = nc.Publish(subject, nil)
	} else {
		sub, err = nc.SubscribeSync(subject)
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := nc.Flush(); err != nil { // the refusal comes before the answer
		t.Fatal(err)
	}
	if sub != nil {
		_ = sub.Unsubscribe()
	}
	last := nc.LastError()
	return last == nil || !strings.Contains(last.Error(), `"`+subject+`"`)
}

func check(t *testing.T, nc *nats.Conn, may bool, list ...string) {
	t.Helper()
	for _, what := range list {
		if allowed(t, nc, what) != may {
			t.Errorf("%s: allowed is %t", what, !may)
		}
	}
}

// writes are what nobody but the daemon may do.
var writes = []string{
	"pub $KV.SUPERVISION_hq.person.ben", "pub $KV.SUPERVISION_hq_LOGINS.epoch", "pub $KV.OTHER.x",
	"pub supervision.v1.hq.state.person.ben", "pub supervision.v1.hq.event.call.ended.c1", "pub supervision.v1.hq.view.anna",
	"pub $JS.API.STREAM.CREATE.X", "pub $JS.API.STREAM.UPDATE.KV_SUPERVISION_hq", "pub $JS.API.STREAM.DELETE.KV_SUPERVISION_hq",
	"pub $JS.API.STREAM.PURGE.SUPERVISION_EVENTS_hq", "pub $JS.API.STREAM.MSG.DELETE.SUPERVISION_EVENTS_hq",
	"pub $JS.API.STREAM.SNAPSHOT.SUPERVISION_EVENTS_hq", "pub $JS.API.STREAM.RESTORE.SUPERVISION_EVENTS_hq",
	"pub $JS.API.CONSUMER.CREATE.OTHER", "pub $JS.API.DIRECT.GET.OTHER", "pub $JS.API.ACCOUNT.PURGE.x",
	"pub _INBOX.x", "pub _INBOX_supervisiond.x", "sub _INBOX_supervisiond.>", "sub supervision.v1.hq.cmd.ben.call.pickup", "sub $SRV.PING",
}

// readAll reads a site in all the ways there are.
func readAll(t *testing.T, nc *nats.Conn) {
	t.Helper()
	kv := stateBucket(t, nc)
	if value(kv, "person.ben") == "" {
		t.Error("cannot get a key")
	}
	keys, err := kv.Keys(t.Context())
	if err != nil || len(keys) != 2 {
		t.Errorf("keys %v, %v", keys, err)
	}
	watch, err := kv.WatchAll(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if e := <-watch.Updates(); e == nil {
		t.Error("a watch shows nothing")
	}
	began := time.Now()
	if err := watch.Stop(); err != nil || time.Since(began) > 4*time.Second { // a request that is not permitted is given up after 5 s
		t.Errorf("ending a watch: %v after %v", err, time.Since(began))
	}
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	consumer, err := js.OrderedConsumer(t.Context(), "SUPERVISION_EVENTS_hq", jetstream.OrderedConsumerConfig{})
	if err != nil {
		t.Fatal(err)
	}
	m, err := consumer.Next()
	if err != nil || m.Headers().Get("ce-id") != "1-1" {
		t.Errorf("the history: %v", err)
	}
	if err := nc.LastError(); err != nil {
		t.Error(err)
	}
}

func fill(t *testing.T, s *embedded.Server) *runningBus {
	b := newBus(t, inProcess(s))
	b.waitReady(t)
	b.take(putPerson("ben", 1), announce(1, supervision.EventCallRinging, "c1"))
	eventually(t, "all is published", func() bool { return b.metric(t, "supervisiond_nats_published_total", "event") == 1 })
	return b
}

func TestWithoutUsersEverybodyReadsAndNobodyWrites(t *testing.T) {
	s := startEmbedded(t, t.TempDir())
	b := fill(t, s)
	nc := dial(t, s.ClientURL())
	readAll(t, nc)
	check(t, nc, true, "sub supervision.v1.>", "sub supervision.v1.hq.>", "sub supervision.v1.hq.state.>", "sub supervision.v1.hq.event.call.>",
		"sub supervision.v1.hq.view.anna", "pub $SRV.PING", "pub $SRV.INFO.supervision")
	check(t, nc, false, writes...)
	check(t, nc, false, "pub supervision.v1.hq.cmd.anna.call.pickup", "sub >", "sub $JS.>", "sub $KV.>")

	// A wide subscription does not show commands either.
	sub := subscribe(t, nc, "supervision.v1.>")
	daemon := subscriber(t, s)
	if err := daemon.Publish("supervision.v1.hq.cmd.anna.call.pickup", nil); err != nil {
		t.Fatal(err)
	}
	if err := daemon.Flush(); err != nil {
		t.Fatal(err)
	}
	b.take(announce(2, supervision.EventCallEnded, "c1"))
	if m := nextMessage(t, sub); m.Subject != "supervision.v1.hq.event.call.ended.c1" {
		t.Errorf("sees %s", m.Subject)
	}
}

// subscriber is a second connection with the daemon's rights.
func subscriber(t *testing.T, s *embedded.Server) *nats.Conn {
	t.Helper()
	nc, err := inProcess(s)()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	return nc
}

func bcryptHash(t testing.TB, password string) string {
	t.Helper()
	h, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	return string(h)
}

func TestUsersDoWhatTheirActsAsSays(t *testing.T) {
	hash := func(password string) string { return bcryptHash(t, password) }
	s := startEmbedded(t, t.TempDir(),
		embedded.User{Name: "crm", PasswordHash: hash("c"), ActsAs: []string{"*"}},
		embedded.User{Name: "desk", PasswordHash: hash("d"), ActsAs: []string{"anna", "ben"}},
		embedded.User{Name: "idle", PasswordHash: hash("i")},
	)
	fill(t, s)
	login := func(user, password string) *nats.Conn {
		return dial(t, s.ClientURL(), nats.UserInfo(user, password), nats.CustomInboxPrefix("_INBOX_"+user))
	}
	crm, desk, idle := login("crm", "c"), login("desk", "d"), login("idle", "i")

	readAll(t, crm)
	check(t, crm, true, "sub supervision.v1.hq.>", "pub supervision.v1.hq.cmd.anna.call.pickup", "pub supervision.v1.hq.cmd.ben.dnd.set", "sub _INBOX_crm.>")
	check(t, crm, false, writes...)
	check(t, crm, false, "sub _INBOX.>", "sub _INBOX_desk.>", "sub supervision.v1.>", "pub supervision.v1.other.cmd.anna.call.pickup")

	mine := []string{"pub supervision.v1.hq.cmd.anna.call.pickup", "pub supervision.v1.hq.cmd.ben.group.join",
		"sub supervision.v1.hq.view.anna", "sub supervision.v1.hq.view.ben"}
	others := []string{"pub supervision.v1.hq.cmd.dora.call.pickup", "sub supervision.v1.hq.view.dora", "sub supervision.v1.hq.view.*",
		"sub supervision.v1.hq.>", "sub supervision.v1.hq.state.>", "sub supervision.v1.hq.event.>", "sub _INBOX.>", "sub _INBOX_crm.>",
		"pub $JS.API.INFO", "pub $JS.API.STREAM.INFO.KV_SUPERVISION_hq", "pub $JS.API.DIRECT.GET.KV_SUPERVISION_hq",
		"pub $JS.API.CONSUMER.CREATE.KV_SUPERVISION_hq", "pub $JS.API.STREAM.LIST"}
	check(t, desk, true, mine...)
	check(t, desk, true, "sub _INBOX_desk.>")
	check(t, idle, false, mine...)
	for _, nc := range []*nats.Conn{desk, idle} {
		check(t, nc, false, writes...)
		check(t, nc, false, others...)
	}

	// A command is answered to the inbox of the one who gave it.
	daemon := subscriber(t, s)
	if _, err := daemon.Subscribe("supervision.v1.hq.cmd.*.>", func(m *nats.Msg) { _ = m.Respond([]byte("done")) }); err != nil {
		t.Fatal(err)
	}
	if err := daemon.Flush(); err != nil {
		t.Fatal(err)
	}
	for nc, actor := range map[*nats.Conn]string{crm: "dora", desk: "anna"} {
		if m, err := nc.Request("supervision.v1.hq.cmd."+actor+".call.pickup", nil, patience); err != nil || string(m.Data) != "done" {
			t.Errorf("a command as %s: %v", actor, err)
		}
	}
}
