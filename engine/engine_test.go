package engine

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"supervisiond/supervision"
)

// record keeps the effects that it was given.
type record struct {
	mu      sync.Mutex
	effects []supervision.Effect
}

func (r *record) Take(_ time.Time, effects []supervision.Effect) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.effects = append(r.effects, effects...)
}

// keys are the documents that were written since it was last asked.
func (r *record) keys() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var keys []string
	for _, e := range r.effects {
		switch e := e.(type) {
		case supervision.Put:
			keys = append(keys, e.Key)
		case supervision.Forget:
			keys = append(keys, "forgotten "+e.Key)
		}
	}
	r.effects = nil
	return keys
}

func directory() *supervision.Directory {
	return supervision.NewDirectory("hq",
		[]supervision.Person{
			{ID: "anna", Extension: "101", Endpoints: []supervision.Endpoint{{Name: "PJSIP/101"}}},
			{ID: "ben", Extension: "102", Endpoints: []supervision.Endpoint{{Name: "PJSIP/102"}}},
		},
		[]supervision.Group{{
			ID: "sales", Number: "1", Type: supervision.Standard, Calls: supervision.CallFilter{Internal: true},
			Supervisors: []supervision.Participant{{Person: "anna"}}, Members: []supervision.Participant{{Person: "ben"}},
		}})
}

func start(t *testing.T) (*Engine, *record, *prometheus.Registry) {
	r, sink := prometheus.NewRegistry(), &record{}
	e := New(Options{Metrics: r, Sink: sink})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		e.Run(ctx)
	}()
	t.Cleanup(func() {
		cancel()
		<-done
	})
	return e, sink, r
}

// R5: an ended call is forgotten three seconds later, not a moment earlier; the site's document is renewed every five.
func TestTimersFireAtTheirMoment(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e, sink, _ := start(t)
		post(t, e, supervision.Started{At: time.Now(), Directory: directory()})
		post(t, e, supervision.PBXSynced{At: time.Now()})
		post(t, e, supervision.RingBegan{At: time.Now(), Ring: supervision.Ring{Leg: "L1", Endpoint: "PJSIP/102", CallerCall: "C1"}})
		post(t, e, supervision.RingEnded{At: time.Now(), Leg: "L1", CallerCall: "C1", How: supervision.RingTimedOut})
		synctest.Wait()
		sink.keys()

		time.Sleep(3*time.Second - time.Millisecond)
		synctest.Wait()
		if got := sink.keys(); len(got) != 0 {
			t.Fatalf("something happened before its moment: %v", got)
		}
		time.Sleep(time.Millisecond)
		synctest.Wait()
		if got := sink.keys(); len(got) != 1 || !strings.HasPrefix(got[0], "forgotten call.") {
			t.Fatalf("the call should be forgotten by now: %v", got)
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if got := sink.keys(); !slices.Equal(got, []string{"site"}) {
			t.Fatalf("the site's document should be renewed by now: %v", got)
		}
	})
}

// A full mailbox turns events away and says so; nothing that was taken is lost.
func TestMailboxOverflowIsNotSilent(t *testing.T) {
	r, sink := prometheus.NewRegistry(), &record{}
	e := New(Options{Metrics: r, Sink: sink})
	event := supervision.PBXLost{}
	for i := range MailboxSize {
		if !e.Offer(event) {
			t.Fatalf("turned away after %d events", i)
		}
	}
	if e.Offer(event) {
		t.Fatal("took more than it holds")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := e.Post(ctx, event); err == nil {
		t.Fatal("Post into a full mailbox should wait for room, and end with its context")
	}
	want := "# HELP supervisiond_mailbox_overflows_total Events turned away because the mailbox was full; the adapter attaches anew.\n" +
		"# TYPE supervisiond_mailbox_overflows_total counter\nsupervisiond_mailbox_overflows_total 1\n"
	if err := testutil.GatherAndCompare(r, strings.NewReader(want), "supervisiond_mailbox_overflows_total"); err != nil {
		t.Error(err)
	}
}

func TestFigures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e, _, r := start(t)
		post(t, e, supervision.Started{At: time.Now(), Directory: directory()})
		post(t, e, supervision.PBXSynced{At: time.Now(), Endpoints: map[string]supervision.EndpointState{"PJSIP/102": {Reachable: true}}})
		post(t, e, supervision.RingBegan{At: time.Now(), Ring: supervision.Ring{Leg: "L1", Endpoint: "PJSIP/102", CallerCall: "C1"}})
		post(t, e, supervision.PickupDialled{At: time.Now(), Channel: "P1", Endpoint: "PJSIP/102"})
		post(t, e, supervision.PickupDialled{At: time.Now(), Channel: "P2", Endpoint: "PJSIP/101"})
		post(t, e, supervision.RingEnded{At: time.Now(), Leg: "L1", CallerCall: "C1", How: supervision.RingPickedUp})
		post(t, e, supervision.PickerJoined{At: time.Now(), Channel: "P2"})
		post(t, e, supervision.RingBegan{At: time.Now(), Ring: supervision.Ring{Leg: "L2", Endpoint: "PJSIP/102", CallerCall: "C2"}})
		synctest.Wait()
		want := `
# HELP supervisiond_pickups_total Pickups by result: ok, or the code of the refusal.
# TYPE supervisiond_pickups_total counter
supervisiond_pickups_total{result="not_supervisor"} 1
supervisiond_pickups_total{result="ok"} 1
# HELP supervisiond_ringing_calls Supervised calls that ring.
# TYPE supervisiond_ringing_calls gauge
supervisiond_ringing_calls 1
`
		if err := testutil.GatherAndCompare(r, strings.NewReader(want), "supervisiond_pickups_total", "supervisiond_ringing_calls"); err != nil {
			t.Error(err)
		}
	})
}

func post(t *testing.T, e *Engine, event supervision.Event) {
	t.Helper()
	if err := e.Post(t.Context(), event); err != nil {
		t.Fatal(err)
	}
}
