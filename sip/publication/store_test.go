package publication

import (
	"errors"
	"testing"
	"time"

	"supervisiond/supervision"
)

// RFC 3903, 4: initial, refresh, modify, remove, and what is refused.
func TestPublish(t *testing.T) {
	s, now := NewStore(), time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC)
	away, busy := supervision.Away, supervision.BusyNow
	do := func(r Request, want error) Granted {
		t.Helper()
		r.Person = "ben"
		g, err := s.Publish(r, now)
		if !errors.Is(err, want) {
			t.Fatalf("%v, want %v", err, want)
		}
		return g
	}
	seconds := func(n int) *time.Duration { d := time.Duration(n) * time.Second; return &d }
	do(Request{}, ErrNothing)
	do(Request{State: &away, Expires: seconds(5)}, ErrBrief)
	do(Request{State: &away, IfMatch: "x"}, ErrConditional)
	first := do(Request{State: &away, Expires: seconds(600)}, nil)
	if first.Report.State != away || first.Report.TTL != 10*time.Minute || first.Tag == "" {
		t.Errorf("initial: %+v", first)
	}
	now = now.Add(9 * time.Minute)
	again := do(Request{IfMatch: first.Tag, Expires: seconds(100_000)}, nil)
	if again.Report.State != away || again.Report.Source != first.Report.Source || again.Tag == first.Tag || again.Expires != MaxExpires {
		t.Errorf("refresh: %+v", again)
	}
	do(Request{IfMatch: first.Tag}, ErrConditional)
	other := do(Request{State: &busy}, nil)
	if other.Report.Source == first.Report.Source {
		t.Error("two phones are one source")
	}
	now = now.Add(50 * time.Minute)
	changed := do(Request{IfMatch: again.Tag, State: &busy}, nil)
	if changed.Report.State != busy {
		t.Errorf("modify: %+v", changed)
	}
	over := do(Request{IfMatch: changed.Tag, Expires: seconds(0)}, nil)
	if over.Tag != "" || over.Report.State != supervision.Online || over.Report.Source != first.Report.Source {
		t.Errorf("remove: %+v", over)
	}
	now = now.Add(time.Hour)
	do(Request{IfMatch: other.Tag}, ErrConditional)
	if len(s.people) != 0 {
		t.Error("something is left")
	}
}

// A phone that forgets its tags takes nobody's place but its own person's.
func TestManyPublications(t *testing.T) {
	s, now := NewStore(), time.Now()
	away := supervision.Away
	sources := make(map[string]bool)
	for range 100 {
		now = now.Add(time.Second)
		g, err := s.Publish(Request{Person: "ben", State: &away}, now)
		if err != nil {
			t.Fatal(err)
		}
		sources[g.Report.Source] = true
	}
	if len(sources) != maxOfPerson || len(s.people["ben"]) != maxOfPerson {
		t.Errorf("%d sources, %d publications", len(sources), len(s.people["ben"]))
	}
}
