package bench

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
)

// eventReader is told all events, and proves that none is left out.
type eventReader struct {
	mu   sync.Mutex
	last uint64
	err  error
	rang map[string]time.Time // by the caller
	over map[string]int
}

func (r *eventReader) take(m *nats.Msg) {
	now := time.Now()
	var e struct {
		Document struct {
			Caller struct{ Number string }
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	var epoch, seq uint64
	_, err := fmt.Sscanf(m.Header.Get("ce-id"), "%d-%d", &epoch, &seq)
	if r.err == nil && (err != nil || r.last != 0 && seq != r.last+1) {
		r.err = fmt.Errorf("after event %d comes %s", r.last, m.Header.Get("ce-id"))
	}
	r.last = seq
	kind := strings.TrimPrefix(m.Header.Get("ce-type"), "supervision.v1.")
	if !strings.HasPrefix(kind, "call.") || json.Unmarshal(m.Data, &e) != nil {
		return
	}
	if kind == "call.ringing" {
		r.rang[e.Document.Caller.Number] = now
	} else {
		r.over[e.Document.Caller.Number]++
	}
}

// stateReader is told each call's document. Of a document that has changed again before its turn only the newest is
// published, so that each call is told, and not each change of it.
type stateReader struct {
	mu   sync.Mutex
	told map[string]bool // by the caller
}

func (r *stateReader) take(m *nats.Msg) {
	if !strings.Contains(m.Subject, ".state.call.") || len(m.Data) == 0 {
		return
	}
	var doc struct{ Caller struct{ Number string } }
	if json.Unmarshal(m.Data, &doc) != nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.told[doc.Caller.Number] = true
}

// natsReaders are 50 subscribers: one of each person's view, five of all events and five of the whole state.
type natsReaders struct {
	views  []*follower
	events []*eventReader
	states []*stateReader
}

func subscribeAll(b testing.TB, url string, progress chan<- struct{}) *natsReaders {
	b.Helper()
	all := &natsReaders{}
	for p := range loadPeople {
		f := &follower{name: "NATS view of " + personID(p), person: p, progress: progress}
		all.views = append(all.views, f)
		subscribe(b, url, "views", "view."+personID(p), func(m *nats.Msg) {
			var v struct {
				ID, Event string
				Data      json.RawMessage
			}
			if err := json.Unmarshal(m.Data, &v); err != nil {
				f.fail(err)
				return
			}
			if f.seq == 0 { // it came in between: only what follows is known
				f.epoch, f.seq = before(v.ID)
			}
			f.take(v.ID, v.Event, v.Data)
		})
	}
	for range 5 {
		e := &eventReader{rang: make(map[string]time.Time), over: make(map[string]int)}
		s := &stateReader{told: make(map[string]bool)}
		all.events, all.states = append(all.events, e), append(all.states, s)
		subscribe(b, url, "all", "event.>", e.take)
		subscribe(b, url, "all", "state.>", s.take)
	}
	return all
}

// before is the id before that one.
func before(id string) (epoch string, seq uint64) {
	epoch, number, _ := strings.Cut(id, ":")
	_, _ = fmt.Sscan(number, &seq)
	return epoch, seq - 1
}

func subscribe(b testing.TB, url, user, subject string, take func(*nats.Msg)) {
	b.Helper()
	conn, err := nats.Connect(url, nats.UserInfo(user, loadPassword), nats.Timeout(patience),
		nats.CustomInboxPrefix("_INBOX_"+user))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(conn.Close)
	if _, err := conn.Subscribe("supervision.v1.load."+subject, take); err != nil {
		b.Fatal(err)
	}
	if err := conn.Flush(); err != nil {
		b.Fatal(err)
	}
}

// check proves that every call was told as ringing and as over, and gives how long after the frame it was announced.
func (r *eventReader) check(calls []*loadCall) ([]time.Duration, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var took []time.Duration
	for _, c := range calls {
		if at, ok := r.rang[c.number]; !ok || r.over[c.number] != 1 {
			return nil, fmt.Errorf("events: call %s was told ringing: %t, and over %d times", c.number, ok, r.over[c.number])
		} else {
			took = append(took, at.Sub(c.rang))
		}
	}
	return took, r.err
}

func (r *stateReader) check(calls []*loadCall) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range calls {
		if !r.told[c.number] {
			return fmt.Errorf("state: call %s was not told", c.number)
		}
	}
	return nil
}
