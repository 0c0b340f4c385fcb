package bus

import (
	"reflect"
	"strings"
	"testing"

	"supervisiond/supervision"
)

// sketch empties the queue in batches and writes down what comes: keys, -keys to be purged, event ids; | between.
func sketch(q *queue, maxDocs, maxEvents int) string {
	var parts []string
	for q.depth() > 0 {
		docs, events := q.next(nil, nil, maxDocs, maxEvents)
		var batch []string
		for _, d := range docs {
			if d.doc == nil {
				batch = append(batch, "-"+d.key)
			} else {
				batch = append(batch, d.key)
			}
		}
		for _, e := range events {
			batch = append(batch, e.Entity)
		}
		parts = append(parts, strings.Join(batch, " "))
	}
	return strings.Join(parts, " | ")
}

func TestQueueOrder(t *testing.T) {
	put := func(key string) supervision.Effect { return supervision.Put{Key: key, Document: key} }
	forget := func(key string) supervision.Effect { return supervision.Forget{Key: key} }
	event := func(id string) supervision.Effect { return announce(1, supervision.EventCallEnded, id) }
	passing := func(id string) supervision.Effect { return announce(1, supervision.EventPresenceChanged, id) }
	for _, c := range []struct {
		name    string
		effects []supervision.Effect
		docs    int
		want    string
	}{
		{"an event follows its documents", []supervision.Effect{put("a"), put("b"), event("1")}, 9, "a b 1"},
		{"documents may overtake events", []supervision.Effect{event("1"), put("a"), event("2")}, 9, "a 1 2"},
		{"an event overtakes no document", []supervision.Effect{put("a"), event("1"), put("b"), event("2"), put("c")}, 1, "a 1 | b 2 | c"},
		{"a replaced document keeps its turn", []supervision.Effect{put("a"), event("1"), put("b"), put("a")}, 1, "a 1 | b"},
		{"a forgotten document is purged in its turn", []supervision.Effect{put("a"), event("1"), forget("a")}, 9, "-a 1"},
		{"and one that comes back is put", []supervision.Effect{forget("a"), put("a")}, 9, "a"},
		{"events of both kinds keep their order", []supervision.Effect{event("1"), passing("2"), event("3"), passing("4")}, 9, "1 2 3 4"},
	} {
		q := New(Options{}).queue
		q.link(true)
		q.take(noon, c.effects)
		if got := sketch(q, c.docs, 9); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

// What passes and was made before the epoch is worth nothing in it, and would tell of a state that never was published.
func TestWhatPassedBeforeTheEpochIsNotPublished(t *testing.T) {
	q := New(Options{}).queue
	q.link(true)
	passing := func(id string) supervision.Effect { return announce(1, supervision.EventPresenceChanged, id) }
	q.take(noon, []supervision.Effect{putSite(0), passing("before"), announce(1, supervision.EventCallEnded, "kept")})
	q.take(noon, []supervision.Effect{putSite(1), passing("after")})
	q.take(noon, []supervision.Effect{putSite(1), passing("later")})
	if got, want := sketch(q, 9, 9), "site kept after later"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestRewriteComesFirstAndPurgesWhatIsStale(t *testing.T) {
	q := New(Options{}).queue
	q.take(noon, []supervision.Effect{
		supervision.Put{Key: "b", Document: 1}, announce(1, supervision.EventCallEnded, "1"), supervision.Put{Key: "a", Document: 1},
		supervision.Put{Key: "never", Document: 1}, supervision.Forget{Key: "never"},
		supervision.Put{Key: "there", Document: 1}, supervision.Forget{Key: "there"},
	})
	if n := q.rewrite([]string{"stale", "a", "there"}, noon); n != 4 {
		t.Errorf("%d documents", n)
	}
	if got, want := sketch(q, 2, 9), "a b | -stale -there 1"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if n := q.rewrite(nil, noon); n != 2 {
		t.Errorf("what was purged is forgotten: %d documents", n)
	}
}

func TestWhatWasNotAcknowledgedGoesBackInOrder(t *testing.T) {
	q := New(Options{}).queue
	q.link(true)
	q.take(noon, []supervision.Effect{
		announce(1, supervision.EventCallEnded, "1"), announce(2, supervision.EventPresenceChanged, "2"),
		announce(3, supervision.EventCallEnded, "3"), announce(4, supervision.EventCallEnded, "4"),
	})
	_, events := q.next(nil, nil, 9, 3)
	q.giveBack(events)
	if got := sketch(q, 9, 9); got != "1 3 4" {
		t.Errorf("%s: a passing event that may have been sent is not sent again", got)
	}
}

func TestEventsAreBounded(t *testing.T) {
	b := New(Options{})
	for i := range keptLimit + 5 {
		b.Take(noon, []supervision.Effect{announce(uint64(i), supervision.EventCallEnded, "c")})
	}
	if _, first := b.queue.next(nil, nil, 1, 1); b.queue.depth() != keptLimit-1 || first[0].Seq != 5 {
		t.Errorf("%d wait, the first is %d", b.queue.depth(), first[0].Seq)
	}
	b = New(Options{})
	b.queue.link(true)
	for range passingLimit + 5 {
		b.Take(noon, []supervision.Effect{announce(1, supervision.EventPresenceChanged, "p")})
	}
	if n := b.queue.depth(); n != passingLimit {
		t.Errorf("%d wait", n)
	}
	b.queue.link(false)
	if n := b.queue.depth(); n != 0 {
		t.Errorf("%d wait for a server that is away", n)
	}
}

func TestRing(t *testing.T) {
	var r ring[int]
	var model []int
	for i := range 1000 {
		switch {
		case i%3 == 2 && len(model) > 0:
			if got := r.pop(); got != model[0] {
				t.Fatalf("%d, want %d", got, model[0])
			}
			model = model[1:]
		case i%5 == 0:
			r.pushFront(i)
			model = append([]int{i}, model...)
		default:
			r.push(i)
			model = append(model, i)
		}
	}
	var rest []int
	for r.len() > 0 {
		rest = append(rest, r.pop())
	}
	if !reflect.DeepEqual(rest, model) {
		t.Errorf("%v, want %v", rest, model)
	}
}
