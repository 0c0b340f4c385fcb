package seen

import (
	"testing"

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
