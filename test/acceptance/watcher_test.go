package acceptance

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
)

// The documents as another program would read them: nothing here is shared with the daemon.
type (
	siteDocument struct {
		ID  string
		PBX struct {
			Connected bool
			Version   string
			SIP       string
		}
		Epoch      int
		AliveUntil time.Time `json:"alive_until"`
	}
	personDocument struct {
		ID, Name, Extension string
		Reachable           bool
		Presence            struct {
			State, Source string
			Since         time.Time
		}
		DND   bool
		Calls []string
	}
	callDocument struct {
		ID         string
		CallerCall string `json:"caller_call"`
		State      string
		Since      time.Time
		EndedAt    string `json:"ended_at"`
		Caller     struct {
			Number, Name string
			Withheld     bool
		}
		Dialled string
		Via     []struct{ Kind, Number, Name string }
		Ringing []struct {
			Person string
			Groups []string
		}
		AnsweredBy string `json:"answered_by"`
		PickedUpBy string `json:"picked_up_by"`
		OnBehalfOf string `json:"on_behalf_of"`
	}
	eventBody struct {
		Document json.RawMessage
		Before   json.RawMessage
		Person   string
		By       struct{ Person, Via string }
	}
)

func (c callDocument) people() string {
	var names []string
	for _, r := range c.Ringing {
		names = append(names, r.Person)
	}
	return strings.Join(names, " ")
}

// message is something that the daemon published.
type message struct {
	at      time.Time
	subject string
	header  nats.Header
	data    []byte
}

// watcher keeps all that the daemon publishes, in order.
type watcher struct {
	*record
	t *testing.T
}

type record struct {
	conn *nats.Conn

	mu   sync.Mutex
	all  []message
	news chan struct{} // closed and replaced at each message
}

// in gives the watcher to a subtest.
func (w *watcher) in(t *testing.T) *watcher { return &watcher{w.record, t} }

const prefix = "supervision.v1.hq."

func watch(t *testing.T, url string, o ...nats.Option) *watcher {
	t.Helper()
	conn, err := nats.Connect(url, append(o, nats.MaxReconnects(-1), nats.ReconnectWait(50*time.Millisecond))...)
	if err != nil {
		t.Fatalf("NATS at %s: %v", url, err)
	}
	t.Cleanup(conn.Close)
	w := &watcher{&record{conn: conn, news: make(chan struct{})}, t}
	sub, err := conn.Subscribe(prefix+">", func(m *nats.Msg) {
		w.add(message{time.Now(), strings.TrimPrefix(m.Subject, prefix), m.Header, m.Data})
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := sub.SetPendingLimits(-1, -1); err != nil {
		t.Fatal(err)
	}
	if err := conn.Flush(); err != nil {
		t.Fatal(err)
	}
	w.readBucket()
	return w
}

func (w *record) add(m message) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.all = append(w.all, m)
	close(w.news)
	w.news = make(chan struct{})
}

// readBucket takes what was published before: first subscribe, then read, as a gap-free client does.
func (w *watcher) readBucket() {
	w.t.Helper()
	js, err := w.conn.JetStream()
	if err != nil {
		w.t.Fatal(err)
	}
	deadline := time.Now().Add(patience)
	kv, err := js.KeyValue("SUPERVISION_hq")
	for ; err != nil; kv, err = js.KeyValue("SUPERVISION_hq") {
		if time.Now().After(deadline) {
			w.t.Fatalf("the state bucket: %v", err)
		}
	}
	all, err := kv.WatchAll(nats.IgnoreDeletes())
	if err != nil {
		w.t.Fatal(err)
	}
	defer func() { _ = all.Stop() }()
	var old []message
	for e := range all.Updates() {
		if e == nil {
			break
		}
		old = append(old, message{e.Created(), "state." + e.Key(), nil, e.Value()})
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.all = append(old, w.all...)
}

// mark is the present end of what was published: later waits may begin there.
func (w *record) mark() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.all)
}

// since gives what was published after a mark.
func (w *record) since(mark int) []message {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]message(nil), w.all[mark:]...)
}

// await returns the first message from a mark on that is asked for.
func (w *watcher) await(mark int, what string, want func(message) bool) message {
	w.t.Helper()
	deadline := time.After(patience)
	for {
		w.mu.Lock()
		all, news := w.all, w.news
		w.mu.Unlock()
		for ; mark < len(all); mark++ {
			if want(all[mark]) {
				return all[mark]
			}
		}
		select {
		case <-news:
		case <-deadline:
			w.t.Fatalf("not published: %s. What was:\n%s", what, w.tell(len(all)))
		}
	}
}

func (w *watcher) tell(n int) string {
	var b strings.Builder
	for _, m := range w.since(max(0, n-60)) {
		fmt.Fprintf(&b, "%s %s %s\n", m.at.Format("05.000"), m.subject, m.data)
	}
	return b.String()
}

// document waits for a document under a key, from a mark on.
func document[T any](w *watcher, mark int, key, what string, want func(T) bool) T {
	w.t.Helper()
	var found T
	w.await(mark, key+" "+what, func(m message) bool {
		got, ok := strings.CutPrefix(m.subject, "state.")
		if !ok || len(m.data) == 0 || got != key && !(strings.HasSuffix(key, ".") && strings.HasPrefix(got, key)) {
			return false
		}
		var d T
		if err := json.Unmarshal(m.data, &d); err != nil {
			w.t.Fatalf("%s: %v: %s", m.subject, err, m.data)
		}
		if want(d) {
			found = d
			return true
		}
		return false
	})
	return found
}

func (w *watcher) awaitSite(what string, want func(siteDocument) bool) siteDocument {
	w.t.Helper()
	return document(w, 0, "site", what, want)
}

func (w *watcher) awaitPerson(id, what string, want func(personDocument) bool) personDocument {
	w.t.Helper()
	return document(w, 0, "person."+id, what, want)
}

// awaitCall waits for a document of any call.
func (w *watcher) awaitCall(mark int, what string, want func(callDocument) bool) callDocument {
	w.t.Helper()
	return document(w, mark, "call.", what, want)
}

// event waits for an event of a type, and checks what every event has to have.
func (w *watcher) event(mark int, kind, entity string) (eventBody, message) {
	w.t.Helper()
	subject := "event." + kind + "." + entity
	m := w.await(mark, subject, func(m message) bool {
		return m.subject == subject || strings.HasSuffix(subject, ".") && strings.HasPrefix(m.subject, subject)
	})
	var body eventBody
	if err := json.Unmarshal(m.data, &body); err != nil {
		w.t.Fatalf("%s: %v", m.subject, err)
	}
	return body, m
}

// kept waits until the newest event of a type is in the history. Who listens gets it a moment sooner.
func (w *watcher) kept(kind, entity string) {
	w.t.Helper()
	_, newest := w.event(0, kind, entity)
	for _, m := range w.since(0) {
		if m.subject == newest.subject {
			newest = m
		}
	}
	js, err := w.conn.JetStream()
	if err != nil {
		w.t.Fatal(err)
	}
	for deadline := time.Now().Add(patience); ; {
		last, err := js.GetLastMsg("SUPERVISION_EVENTS_hq", prefix+newest.subject)
		if err == nil && last.Header.Get("ce-id") == newest.header.Get("ce-id") {
			return
		}
		if time.Now().After(deadline) {
			w.t.Fatalf("%s of %s is not in the history: %v", kind, entity, err)
		}
	}
}

// eventsOf are the types of the events about an entity, in order.
func (w *watcher) eventsOf(entity string) []string {
	var types []string
	for _, m := range w.since(0) {
		if kind, ok := strings.CutPrefix(m.subject, "event."); ok && strings.HasSuffix(kind, "."+entity) {
			types = append(types, strings.TrimSuffix(kind, "."+entity))
		}
	}
	return types
}

// present is the newest document under each key that has not been removed.
func (w *watcher) present(prefix string) map[string]message {
	state := make(map[string]message)
	for _, m := range w.since(0) {
		key, ok := strings.CutPrefix(m.subject, "state.")
		if !ok || !strings.HasPrefix(key, prefix) {
			continue
		}
		if len(m.data) == 0 {
			delete(state, key)
		} else {
			state[key] = m
		}
	}
	return state
}
