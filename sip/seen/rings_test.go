package seen

import (
	"fmt"
	"testing"
	"time"

	"supervisiond/supervision"
)

// P1: a call is told of when it first rings somebody for whom the viewer may pick it up: that may be later than it is seen, and is
// once.
func TestRings(t *testing.T) {
	group := func(id supervision.GroupID, in bool) supervision.GroupDocument {
		return supervision.GroupDocument{ID: id, Supervisors: []supervision.SupervisorDocument{{Person: "anna", LoggedIn: in}}}
	}
	table := NewTable("anna")
	table.Begin(&supervision.View{Me: &supervision.PersonDocument{}, Groups: []supervision.GroupDocument{group("out", false), group("in", true)}})
	seq := uint64(0)
	rings := func(parts ...supervision.RingingPart) int {
		seq++
		c := table.Show(&supervision.Show{Seq: seq, Changes: []supervision.Shown{{
			Kind: supervision.ShownCall, ID: "c1", Document: &supervision.CallDocument{ID: "c1", State: supervision.CallRinging, Ringing: parts},
		}}})
		for _, r := range c.Rings {
			if len(r.Ringing) != 1 || r.Ringing[0].Person != "ben" {
				t.Errorf("it is told of for %v", r.Ringing)
			}
		}
		return len(c.Rings)
	}
	part := func(person supervision.PersonID, group supervision.GroupID) supervision.RingingPart {
		return supervision.RingingPart{Person: person, Groups: []supervision.GroupID{group}}
	}
	for i, c := range []struct {
		parts []supervision.RingingPart
		want  int
	}{
		{[]supervision.RingingPart{part("igor", "out")}, 0},
		{[]supervision.RingingPart{part("igor", "out"), part("anna", "in")}, 0},
		{[]supervision.RingingPart{part("igor", "out"), part("ben", "in")}, 1},
		{[]supervision.RingingPart{part("ben", "in")}, 0},
		{[]supervision.RingingPart{part("ben", "in"), part("dora", "in")}, 0},
	} {
		if got := rings(c.parts...); got != c.want {
			t.Errorf("step %d: %d, want %d", i, got, c.want)
		}
	}
}

// P1: who logs in while a call rings is told of it then, the oldest first, and not again when they leave and come back. What rang when
// the view was first looked at is not news, and what a later view brings is.
func TestRingsOfWhoLogsIn(t *testing.T) {
	call := func(id supervision.CallID, second int, group supervision.GroupID) *supervision.CallDocument {
		return &supervision.CallDocument{
			ID: id, State: supervision.CallRinging, Since: supervision.Stamp{Time: time.Unix(int64(second), 0)},
			Ringing: []supervision.RingingPart{{Person: "ben", Groups: []supervision.GroupID{group}}},
		}
	}
	doc := func(in bool) *supervision.GroupDocument {
		return &supervision.GroupDocument{ID: "sales", Supervisors: []supervision.SupervisorDocument{{Person: "anna", LoggedIn: in}}}
	}
	group := func(in bool) supervision.Shown {
		return supervision.Shown{Kind: supervision.ShownGroup, ID: "sales", Document: doc(in)}
	}
	shown := func(c *supervision.CallDocument) supervision.Shown {
		return supervision.Shown{Kind: supervision.ShownCall, ID: string(c.ID), Document: c}
	}
	gone := supervision.Shown{Kind: supervision.ShownCall, ID: "c2"}
	table := NewTable("anna")
	whole := func(in bool, calls ...supervision.CallDocument) *supervision.View {
		return &supervision.View{Me: &supervision.PersonDocument{}, Groups: []supervision.GroupDocument{*doc(in)}, Calls: calls}
	}
	if c := table.Begin(whole(true, *call("c1", 1, "sales"))); len(c.Rings) > 0 {
		t.Errorf("the first view tells of %v", c.Rings)
	}
	seq := uint64(0)
	for i, step := range []struct {
		changes []supervision.Shown
		want    string
	}{
		{[]supervision.Shown{group(false)}, ""},
		// Calls stand before what decides about them.
		{[]supervision.Shown{shown(call("c3", 3, "sales")), shown(call("c2", 2, "sales")), shown(call("c9", 9, "other")), group(true)}, "c2 c3 "},
		{[]supervision.Shown{gone, group(false)}, ""},
		{[]supervision.Shown{shown(call("c2", 2, "sales")), group(true)}, ""},
	} {
		c := table.Show(&supervision.Show{Seq: seq + 1, Changes: step.changes})
		seq += uint64(len(step.changes))
		if got := ids(c.Rings); got != step.want {
			t.Errorf("step %d: told of %q, want %q", i, got, step.want)
		}
	}
	if got := ids(table.Begin(whole(true, *call("c4", 4, "sales"), *call("c3", 3, "sales"))).Rings); got != "c4 " {
		t.Errorf("a later view tells of %q", got)
	}
	for i := range 3 * maxTold { // each is left while it rings
		id := fmt.Sprint("x", i)
		table.Show(&supervision.Show{Seq: seq + 1, Changes: []supervision.Shown{
			shown(call(supervision.CallID(id), 5, "sales")), {Kind: supervision.ShownCall, ID: id},
		}})
		seq += 2
	}
	if len(table.told) > maxTold {
		t.Errorf("%d calls are still noted", len(table.told))
	}
}

func ids(list []*supervision.CallDocument) string {
	var text string
	for _, c := range list {
		text += string(c.ID) + " "
	}
	return text
}
