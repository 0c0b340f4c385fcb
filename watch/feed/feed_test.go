package feed

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"supervisiond/bus/permissions"
	"supervisiond/bus/subject"
	"supervisiond/supervision"
	"supervisiond/test/ports"
	"supervisiond/watch/screen"
)

const (
	patience = 30 * time.Second
	viewGet  = "supervision.v1.hq.cmd.anna.view.get"
	viewTold = "supervision.v1.hq.view.anna"
)

func startNATS(t *testing.T, o server.Options) *server.Server {
	t.Helper()
	o.Host, o.NoSigs, o.JetStream, o.StoreDir = "127.0.0.1", true, true, t.TempDir()
	if o.Port == 0 {
		o.Port = ports.Take(t) // a port that is still there when the server comes back
	}
	s, err := server.NewServer(&o)
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	if !s.ReadyForConnections(patience) {
		t.Fatal("the NATS server does not start")
	}
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	return s
}

func connect(t *testing.T, s *server.Server, o ...nats.Option) *nats.Conn {
	t.Helper()
	nc, err := nats.Connect(s.ClientURL(), append(o, nats.MaxReconnects(-1), nats.ReconnectWait(10*time.Millisecond))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	return nc
}

// audience keeps what the screen is told.
type audience struct {
	t     *testing.T
	feed  *Feed
	told  chan screen.Msg
	ended chan error
}

func open(t *testing.T, s *server.Server, as supervision.PersonID, o ...nats.Option) *audience {
	t.Helper()
	f, err := Open(Options{Site: "hq", As: as, PickupTime: patience, Connect: func(own ...nats.Option) (*nats.Conn, error) {
		return nats.Connect(s.ClientURL(), append(append(own, nats.ReconnectWait(10*time.Millisecond)), o...)...)
	}})
	if err != nil {
		t.Fatal(err)
	}
	a := &audience{t: t, feed: f, told: make(chan screen.Msg, 1000), ended: make(chan error, 1)}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { a.ended <- f.Run(ctx, func(m screen.Msg) { a.told <- m }) })
	t.Cleanup(func() { cancel(); running.Wait(); f.Close() })
	return a
}

// next is the next message of a kind.
func next[T screen.Msg](a *audience) T {
	a.t.Helper()
	deadline := time.After(patience)
	for {
		select {
		case m := <-a.told:
			if x, ok := m.(T); ok {
				return x
			}
		case err := <-a.ended:
			a.t.Fatalf("it ended: %v", err)
		case <-deadline:
			a.t.Fatalf("not told: %T", *new(T))
		}
	}
}

// daemon answers view.get as a test says, and tells what a view shows.
type daemon struct {
	t     *testing.T
	nc    *nats.Conn
	asked chan *nats.Msg
}

func startDaemon(t *testing.T, nc *nats.Conn) *daemon {
	t.Helper()
	d := &daemon{t, nc, make(chan *nats.Msg, 100)}
	if _, err := nc.ChanSubscribe(viewGet, d.asked); err != nil {
		t.Fatal(err)
	}
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
	return d
}

func (d *daemon) question() *nats.Msg {
	d.t.Helper()
	select {
	case m := <-d.asked:
		return m
	case <-time.After(patience):
		d.t.Fatal("nobody asks for the view")
		return nil
	}
}

func (d *daemon) must(err error) {
	d.t.Helper()
	if err != nil {
		d.t.Fatal(err)
	}
}

// answer gives a view that has calls with these ids.
func (d *daemon) answer(to *nats.Msg, epoch, seq uint64, calls ...string) {
	d.t.Helper()
	d.must(to.Respond(marshal(d.t, map[string]any{"ok": true, "view": view(epoch, seq, calls...)})))
}

func (d *daemon) tell(epoch, seq uint64, event string, data any) {
	d.t.Helper()
	d.must(d.nc.Publish(viewTold, marshal(d.t, map[string]any{"id": fmt.Sprintf("%d:%d", epoch, seq), "event": event, "data": data})))
}

func view(epoch, seq uint64, calls ...string) *supervision.View {
	v := &supervision.View{Seq: seq, Site: supervision.SiteDocument{ID: "hq", Epoch: epoch}, Me: &supervision.PersonDocument{ID: "anna"}}
	for _, id := range calls {
		v.Calls = append(v.Calls, call(id))
	}
	return v
}

func call(id string) supervision.CallDocument {
	return supervision.CallDocument{ID: supervision.CallID(id), State: supervision.CallRinging}
}

func marshal(t *testing.T, v any) []byte {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func (a *audience) callsAre(w screen.Whole, ids ...string) {
	a.t.Helper()
	if len(w.Picture.Calls) != len(ids) {
		a.t.Errorf("calls %v, want %v", w.Picture.Calls, ids)
	}
	for _, id := range ids {
		if w.Picture.Calls[supervision.CallID(id)] == nil {
			a.t.Errorf("calls %v, want %v", w.Picture.Calls, ids)
		}
	}
}

// callIs takes the next change, which must be of that call.
func (a *audience) callIs(id string) {
	a.t.Helper()
	c := next[screen.Changed](a)
	if doc, ok := c.Document.(*supervision.CallDocument); !ok || doc.ID != supervision.CallID(id) {
		a.t.Errorf("changed: %+v, want the call %s", c, id)
	}
}

// Nothing is missed and nothing comes twice: what was told before the view was read is in it, what was told after is not,
// and where a number is missing all is asked for again.
func TestViewWithoutAGap(t *testing.T) {
	s := startNATS(t, server.Options{})
	d := startDaemon(t, connect(t, s))
	a := open(t, s, "anna")
	q := d.question()
	d.tell(7, 41, "call", call("in-the-view"))
	d.tell(7, 43, "call", call("after"))
	d.answer(q, 7, 42, "in-the-view")
	a.callsAre(next[screen.Whole](a), "in-the-view")
	a.callIs("after")
	d.tell(7, 44, "call_gone", map[string]string{"id": "after"})
	if c := next[screen.Changed](a); c.Document != nil || c.ID != "after" || c.Kind != supervision.ShownCall {
		t.Errorf("gone: %+v", c)
	}
	d.tell(7, 45, "something_new", map[string]string{"id": "x"}) // of a later version: no gap
	d.tell(7, 46, "notice", map[string]any{"type": "pickup.calling", "by": nil, "document": map[string]string{"endpoint": "PJSIP/101"}})
	if n := next[screen.Told](a); n.Type != supervision.NoticePickupCalling || n.About.Endpoint != "PJSIP/101" {
		t.Errorf("notice: %+v", n)
	}

	d.tell(7, 48, "call", call("after-the-gap")) // 47 got lost
	q = d.question()
	next[screen.Reading](a)
	d.answer(q, 7, 48, "after-the-gap")
	a.callsAre(next[screen.Whole](a), "after-the-gap")

	// Another life of the daemon begins with the whole view; what the old one still says is old.
	d.tell(8, 1, "view", view(8, 1, "kept"))
	a.callsAre(next[screen.Whole](a), "kept")
	d.tell(7, 49, "call", call("old"))
	d.tell(8, 2, "call", call("new"))
	a.callIs("new")
	d.tell(9, 5, "call", call("of a life whose beginning was missed"))
	d.answer(d.question(), 9, 5)
	a.callsAre(next[screen.Whole](a))
}

// Not ready is asked again; that there is no such person is the end.
func TestViewRefused(t *testing.T) {
	s := startNATS(t, server.Options{})
	d := startDaemon(t, connect(t, s))
	a := open(t, s, "anna")
	d.must(d.question().Respond([]byte(`{"ok":false,"code":"unavailable","message":"the state is not whole"}`)))
	next[screen.Reading](a)
	if r := next[screen.Reading](a); !strings.Contains(r.Why, "The state is not whole (unavailable)") {
		t.Errorf("%q", r.Why)
	}
	d.must(d.question().Respond([]byte(`{"ok":false,"code":"not_found","message":"?"}`)))
	select {
	case err := <-a.ended:
		if _, fatal := errors.AsType[Fatal](err); !fatal || !strings.Contains(err.Error(), "there is no person anna at site hq") {
			t.Errorf("%v", err)
		}
	case <-time.After(patience):
		t.Error("it does not end")
	}
}

// Where nobody tells of changes, all is asked for again whenever something in the state changes.
func TestViewThatNobodyTells(t *testing.T) {
	s := startNATS(t, server.Options{})
	d := startDaemon(t, connect(t, s))
	a := open(t, s, "anna")
	d.answer(d.question(), 7, 0)
	d.answer(d.question(), 7, 0) // once it listens
	next[screen.Whole](a)
	d.must(d.nc.Publish("supervision.v1.hq.state.call.c1", []byte("{}")))
	d.answer(d.question(), 7, 0, "c1")
	a.callsAre(next[screen.Whole](a), "c1")
}

// The server goes and comes back: that is told, and then all is read anew.
func TestReconnect(t *testing.T) {
	s := startNATS(t, server.Options{})
	nc := connect(t, s)
	d := startDaemon(t, nc)
	a := open(t, s, "anna")
	d.answer(d.question(), 7, 1, "before")
	a.callsAre(next[screen.Whole](a), "before")
	port := s.Addr().(*net.TCPAddr).Port
	s.Shutdown()
	s.WaitForShutdown()
	if w := next[screen.Away](a); !strings.Contains(w.Why, "NATS is away") {
		t.Errorf("%q", w.Why)
	}
	if r := a.feed.Do(t.Context(), screen.Command{Verb: screen.Leave, Group: "sales"}); r.OK || r.Message == "" {
		t.Errorf("%+v", r)
	}
	startNATS(t, server.Options{Port: port})
	d.answer(d.question(), 7, 5, "after")
	a.callsAre(next[screen.Whole](a), "after")
}

func TestCommands(t *testing.T) {
	s := startNATS(t, server.Options{})
	nc := connect(t, s)
	d := startDaemon(t, nc)
	a := open(t, s, "anna")
	d.answer(d.question(), 7, 1)
	next[screen.Whole](a)
	if r := a.feed.Do(t.Context(), screen.Command{Verb: screen.Join, Group: "sales"}); r.OK || !strings.Contains(r.Message, "no daemon takes commands") {
		t.Errorf("without a daemon: %+v", r)
	}
	bodies := make(chan string, 10)
	for verb, answer := range map[string]string{
		"call.pickup": `{"ok":true,"changed":true,"call":"c1","on_behalf_of":"ben"}`,
		"group.leave": `{"ok":false,"code":"last_member","message":"somebody must stay","details":{"lock":"person"}}`,
		"group.join":  `nonsense`,
	} {
		_, err := nc.Subscribe("supervision.v1.hq.cmd.anna."+verb, func(m *nats.Msg) {
			bodies <- string(m.Data)
			_ = m.Respond([]byte(answer))
		})
		d.must(err)
	}
	d.must(nc.Flush())
	if r := a.feed.Do(t.Context(), screen.Command{Verb: screen.Pickup}); !r.OK || r.OnBehalfOf != "ben" || <-bodies != "{}" {
		t.Errorf("%+v", r)
	}
	if r := a.feed.Do(t.Context(), screen.Command{Verb: screen.Pickup, Call: "c1"}); !r.OK || <-bodies != `{"call":"c1"}` {
		t.Errorf("%+v", r)
	}
	if r := a.feed.Do(t.Context(), screen.Command{Verb: screen.Leave, Group: "sales"}); r.OK || r.Code != supervision.LastMember || <-bodies != `{"group":"sales"}` {
		t.Errorf("%+v", r)
	}
	if r := a.feed.Do(t.Context(), screen.Command{Verb: screen.Join, Group: "sales"}); r.OK || !strings.Contains(r.Message, "not known") {
		t.Errorf("%+v", r)
	}
}

// The whole state: what is there, what changes, what goes, and all anew where a sequence is missing or another life of the
// daemon begins.
func TestBucketWithoutAGap(t *testing.T) {
	s := startNATS(t, server.Options{})
	nc := connect(t, s)
	kv := makeState(t, nc)
	put(t, kv, "site", supervision.SiteDocument{ID: "hq", Epoch: 7})
	put(t, kv, "call.c1", call("c1"))
	a := open(t, s, "")
	a.callsAre(next[screen.Whole](a), "c1")
	put(t, kv, "call.c2", call("c2"))
	a.callIs("c2")
	if err := kv.Purge(t.Context(), "call.c1"); err != nil {
		t.Fatal(err)
	}
	if c := next[screen.Changed](a); c.Document != nil || c.Kind != supervision.ShownCall || c.ID != "c1" {
		t.Errorf("%+v", c)
	}
	lost := nats.NewMsg("supervision.v1.hq.state.call.c3")
	lost.Header.Set("Nats-Sequence", "99")
	if err := nc.PublishMsg(lost); err != nil {
		t.Fatal(err)
	}
	a.callsAre(next[screen.Whole](a), "c2")
	put(t, kv, "site", supervision.SiteDocument{ID: "hq", Epoch: 8})
	if w := next[screen.Whole](a); w.Picture.Site.Epoch != 8 {
		t.Errorf("%+v", w.Picture.Site)
	}
	// Somebody has defaced a key: nothing is made of it, and when it is mended all is there.
	if _, err := kv.Put(t.Context(), "call.c2", []byte("[]")); err != nil {
		t.Fatal(err)
	}
	if r := next[screen.Reading](a); !strings.Contains(r.Why, "The state has something under call.c2 that cannot be read") {
		t.Errorf("%q", r.Why)
	}
	put(t, kv, "call.c2", call("c2"))
	a.callsAre(next[screen.Whole](a), "c2")
}

func TestNoState(t *testing.T) {
	s := startNATS(t, server.Options{})
	a := open(t, s, "")
	next[screen.Reading](a)
	if r := next[screen.Reading](a); !strings.Contains(r.Why, "There is no state of site hq on this server: is supervisiond running?") {
		t.Errorf("%q", r.Why)
	}
}

// Who may not is told what would have to be allowed.
func TestForbidden(t *testing.T) {
	users := []*server.User{{Username: "daemon", Password: "secret"}}
	for name, actsAs := range map[string][]string{"phonebook": {"ben"}, "all": {"*"}} {
		set := permissions.User("hq", name, actsAs)
		users = append(users, &server.User{Username: name, Password: "secret", Permissions: &server.Permissions{
			Publish:   &server.SubjectPermission{Allow: set.Publish.Allow, Deny: set.Publish.Deny},
			Subscribe: &server.SubjectPermission{Allow: set.Subscribe.Allow, Deny: set.Subscribe.Deny},
		}})
	}
	s := startNATS(t, server.Options{Users: users})
	kv := makeState(t, connect(t, s, nats.UserInfo("daemon", "secret")))
	put(t, kv, "site", supervision.SiteDocument{ID: "hq", Epoch: 7})
	as := func(user string) []nats.Option {
		return []nats.Option{nats.UserInfo(user, "secret"), nats.CustomInboxPrefix(subject.Inbox(user))}
	}
	for _, x := range []struct {
		as    supervision.PersonID
		login []nats.Option
		want  string
	}{
		{"anna", as("phonebook"), "this user may not act as anna"},
		{"", as("phonebook"), "this user may not read the state of site hq"},
		{"", as("phonebook")[:1], "this user may not read the state of site hq"},
		{"ben", as("phonebook")[:1], "this user may not have the inbox _INBOX_USER.>"},
	} {
		a := open(t, s, x.as, x.login...)
		select {
		case err := <-a.ended:
			if _, fatal := errors.AsType[Fatal](err); !fatal || !strings.Contains(err.Error(), x.want) {
				t.Errorf("as %q: %v", x.as, err)
			}
		case <-time.After(patience):
			t.Errorf("as %q: it does not end", x.as)
		}
	}
	a := open(t, s, "", as("all")...)
	if w := next[screen.Whole](a); w.Picture.Site == nil {
		t.Error("no state")
	}
}

// makeState makes the bucket of the state as the daemon does.
func makeState(t *testing.T, nc *nats.Conn) jetstream.KeyValue {
	t.Helper()
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	kv, err := js.CreateKeyValue(t.Context(), jetstream.KeyValueConfig{
		Bucket: subject.StateBucket("hq"), Storage: jetstream.MemoryStorage,
		RePublish: &jetstream.RePublish{Source: "$KV.SUPERVISION_hq.>", Destination: "supervision.v1.hq.state.>"},
	})
	if err != nil {
		t.Fatal(err)
	}
	return kv
}

func put(t *testing.T, kv jetstream.KeyValue, key string, doc any) {
	t.Helper()
	if _, err := kv.Put(t.Context(), key, marshal(t, doc)); err != nil {
		t.Fatal(err)
	}
}
