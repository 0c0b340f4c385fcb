package ari

import (
	"context"
	"encoding/json"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"supervisiond/forwarding"
	"supervisiond/supervision"
)

// board is the PBX's store of device states.
type board struct {
	*scripted
	mu     sync.Mutex
	states map[string]string
	writes []string
	broken bool
	news   chan struct{}
}

func newBoard(t *testing.T, states map[string]string) *board {
	b := &board{scripted: newScripted(t), states: states, news: make(chan struct{}, 1)}
	b.answer = b.serve
	return b
}

func (b *board) serve(w http.ResponseWriter, r *http.Request) bool {
	name, ok := strings.CutPrefix(r.URL.Path, "/ari/deviceStates")
	if !ok {
		return false
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	defer func() {
		select {
		case b.news <- struct{}{}:
		default:
		}
	}()
	switch {
	case b.broken:
		w.WriteHeader(http.StatusServiceUnavailable)
	case r.Method == http.MethodGet:
		list := []map[string]string{}
		for n, s := range b.states {
			list = append(list, map[string]string{"name": "Stasis:" + n, "state": s})
		}
		_ = json.NewEncoder(w).Encode(list)
	case r.Method == http.MethodPut:
		name, state := strings.TrimPrefix(name, "/Stasis:"), r.URL.Query().Get("deviceState")
		b.states[name] = state
		b.writes = append(b.writes, name+" "+state)
		w.WriteHeader(http.StatusNoContent)
	default:
		w.WriteHeader(http.StatusMethodNotAllowed)
		b.writes = append(b.writes, r.Method)
	}
	return true
}

func (b *board) snapshot() (states map[string]string, writes []string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return maps.Clone(b.states), slices.Clone(b.writes)
}

// shows waits until the PBX's states are as wanted.
func (b *board) shows(t *testing.T, want map[string]string) {
	t.Helper()
	deadline := time.After(patience)
	for {
		if got, _ := b.snapshot(); maps.Equal(got, want) {
			return
		}
		select {
		case <-b.news:
		case <-deadline:
			got, _ := b.snapshot()
			t.Fatalf("the PBX has %v, want %v", got, want)
		}
	}
}

func put(key string, d any) supervision.Effect { return supervision.Put{Key: key, Document: d} }

func sales(number string, ringing []supervision.CallID, annaIn, benIn bool) supervision.Effect {
	return put("group.sales", &supervision.GroupDocument{
		ID: "sales", Number: number, Ringing: ringing,
		Supervisors: []supervision.SupervisorDocument{{Person: "anna", LoggedIn: annaIn}},
		Members:     []supervision.MemberDocument{{Person: "ben", LoggedIn: benIn}},
	})
}

func person(id supervision.PersonID, extension string, forwards ...forwarding.Document) supervision.Effect {
	return put("person."+string(id), &supervision.PersonDocument{ID: id, Extension: extension, Forwarding: forwards})
}

var (
	pbxConnected    = supervision.Announce{Type: supervision.EventPBXConnected}
	pbxDisconnected = supervision.Announce{Type: supervision.EventPBXDisconnected}
)

func TestLamps(t *testing.T) {
	b := newBoard(t, map[string]string{
		"supervision-login-1-101":   "INUSE",   // right already
		"supervision-ringing-1":     "RINGING", // stale: nothing rings
		"supervision-login-9-999":   "INUSE",   // nobody's
		"supervision-forwarded-888": "NOT_INUSE",
		"supervision-something":     "INUSE", // not a lamp of ours
		"other":                     "BUSY",
	})
	a := attach(t, b.scripted)
	take := func(effects ...supervision.Effect) { a.pbx.Take(time.Now(), effects) }
	// Documents may come long before the PBX; groups before the people whom they name.
	take(sales("1", nil, true, false), person("anna", "101"), person("ben", "102"))
	if _, writes := b.snapshot(); len(writes) > 0 {
		t.Errorf("written before the PBX is known to be there: %v", writes)
	}
	take(pbxConnected)
	want := map[string]string{
		"supervision-login-1-101": "INUSE", "supervision-login-1-102": "NOT_INUSE", "supervision-ringing-1": "NOT_INUSE",
		"supervision-login-9-999": "NOT_INUSE", "supervision-forwarded-888": "NOT_INUSE", "supervision-forwarded-101": "NOT_INUSE",
		"supervision-forwarded-102": "NOT_INUSE", "supervision-something": "INUSE", "other": "BUSY",
	}
	b.shows(t, want)
	if _, writes := b.snapshot(); slices.ContainsFunc(writes, func(w string) bool {
		return strings.HasPrefix(w, "supervision-login-1-101") || strings.HasPrefix(w, "supervision-forwarded-888")
	}) {
		t.Errorf("what was right is written again: %v", writes)
	}

	// Only what changed is written.
	_, before := b.snapshot()
	take(sales("1", []supervision.CallID{"c1"}, true, true), person("ben", "102", forwarding.Document{Kind: forwarding.Always}))
	want["supervision-ringing-1"], want["supervision-login-1-102"], want["supervision-forwarded-102"] = "RINGING", "INUSE", "INUSE"
	b.shows(t, want)
	if _, writes := b.snapshot(); len(writes)-len(before) != 3 {
		t.Errorf("written: %v", writes[len(before):])
	}

	// A new number and a new extension put the old lamps out.
	take(sales("2", nil, true, true), person("ben", "202"))
	for _, off := range []string{"supervision-ringing-1", "supervision-login-1-101", "supervision-login-1-102", "supervision-forwarded-102"} {
		want[off] = "NOT_INUSE"
	}
	want["supervision-ringing-2"], want["supervision-login-2-101"], want["supervision-login-2-202"] = "NOT_INUSE", "INUSE", "INUSE"
	want["supervision-forwarded-202"] = "NOT_INUSE"
	b.shows(t, want)

	// Who is gone has no lamp, and the group's goes with the group.
	take(supervision.Forget{Key: "person.ben"})
	want["supervision-login-2-202"] = "NOT_INUSE"
	b.shows(t, want)
	take(supervision.Forget{Key: "group.sales"})
	want["supervision-login-2-101"] = "NOT_INUSE"
	b.shows(t, want)
	a.counts(t, "supervisiond_lamps_pending", 0)
}

// A number that moves from one group to another keeps its lamp, in whichever order the documents are taken.
func TestLampMovesWithItsNumber(t *testing.T) {
	b := newBoard(t, map[string]string{})
	a := attach(t, b.scripted)
	desk := func(number string, ringing ...supervision.CallID) supervision.Effect {
		return put("group.desk", &supervision.GroupDocument{ID: "desk", Number: number, Ringing: ringing})
	}
	a.pbx.Take(time.Now(), []supervision.Effect{desk(""), sales("1", nil, true, true), pbxConnected})
	b.shows(t, map[string]string{"supervision-ringing-1": "NOT_INUSE"})
	a.pbx.Take(time.Now(), []supervision.Effect{desk("1", "c1"), sales("", nil, true, true)})
	b.shows(t, map[string]string{"supervision-ringing-1": "RINGING"})
	a.pbx.Take(time.Now(), []supervision.Effect{desk("", "c1"), sales("1", nil, true, true)})
	b.shows(t, map[string]string{"supervision-ringing-1": "NOT_INUSE"})
}

// While the PBX is away nothing is written; then all is. What it does not take is tried again.
func TestLampsAfterAReconnect(t *testing.T) {
	b := newBoard(t, map[string]string{})
	a := attach(t, b.scripted)
	take := func(effects ...supervision.Effect) { a.pbx.Take(time.Now(), effects) }
	take(sales("1", []supervision.CallID{"c1"}, true, true), pbxConnected)
	b.shows(t, map[string]string{"supervision-ringing-1": "RINGING"})

	take(pbxDisconnected)
	take(sales("1", nil, true, true))
	b.mu.Lock()
	b.broken = true
	b.mu.Unlock()
	take(pbxConnected)
	select {
	case <-b.news:
	case <-time.After(patience):
		t.Fatal("the PBX is not asked")
	}
	b.mu.Lock()
	b.broken = false
	b.mu.Unlock()
	b.shows(t, map[string]string{"supervision-ringing-1": "NOT_INUSE"})
}

// S5: until the PBX's store was read, nobody knows whether a line is forwarded. Its lamp does not flicker meanwhile.
func TestForwardedLampsWaitForTheStore(t *testing.T) {
	b := newBoard(t, map[string]string{
		"supervision-forwarded-101": "INUSE", "supervision-forwarded-102": "INUSE", "supervision-forwarded-999": "INUSE",
	})
	rest, err := NewClient(Server{URL: b.URL + "/ari", Username: "supervisiond", Password: fakePassword})
	if err != nil {
		t.Fatal(err)
	}
	lamps := newLamps(rest, slog.New(slog.NewTextHandler(t.Output(), nil)), newMetrics(prometheus.NewRegistry()))
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		lamps.run(ctx)
	}()
	t.Cleanup(func() {
		cancel()
		<-done
	})
	take := func(effects ...supervision.Effect) { lamps.take(effects) }
	phone, always := forwarding.Document{Kind: forwarding.Phone}, forwarding.Document{Kind: forwarding.Always}
	take(sales("1", nil, false, false), person("ben", "102"), person("anna", "101"), person("dora", "103"), person("emil", "104", phone), pbxConnected)
	want := map[string]string{
		"supervision-forwarded-101": "INUSE", "supervision-forwarded-102": "INUSE", "supervision-forwarded-999": "INUSE",
		"supervision-forwarded-104": "INUSE", "supervision-ringing-1": "NOT_INUSE",
		"supervision-login-1-101": "NOT_INUSE", "supervision-login-1-102": "NOT_INUSE",
	}
	b.shows(t, want)
	take(person("ben", "102", always), supervision.StoreKnown{})
	want["supervision-forwarded-101"], want["supervision-forwarded-999"], want["supervision-forwarded-103"] = "NOT_INUSE", "NOT_INUSE", "NOT_INUSE"
	b.shows(t, want)
	if _, writes := b.snapshot(); slices.ContainsFunc(writes, func(w string) bool { return strings.Contains(w, "forwarded-102") }) {
		t.Errorf("the lamp of a line that was forwarded all the time was written: %v", writes)
	}
	take(person("ben", "102"))
	want["supervision-forwarded-102"] = "NOT_INUSE"
	b.shows(t, want)
}
