package acceptance

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// TestG11Unstaffed: a group with nobody who is logged in and connected says so, in the state, in the metrics and by an
// event, and is staffed again by whoever comes.
func TestG11Unstaffed(t *testing.T) {
	t.Parallel()
	s := newSite(t, withCommanders(t, func(yaml string) string { return yaml }))
	becomes := func(mark int, unstaffed bool) {
		t.Helper()
		kind := map[bool]string{true: "group.unstaffed", false: "group.staffed"}[unstaffed]
		body, m := s.watch.event(mark, kind, "sales")
		for _, text := range []json.RawMessage{body.Document, s.watch.present("group.sales")["group.sales"].data} {
			var group struct{ Unstaffed bool }
			s.must("the group", json.Unmarshal(text, &group))
			if group.Unstaffed != unstaffed {
				t.Errorf("at %s the group says %s", m.subject, text)
			}
		}
		// Of the two groups nobody of the other is ever there.
		s.figure(fmt.Sprintf("supervisiond_groups_unstaffed %d\n", map[bool]int{true: 2, false: 1}[unstaffed]))
		// Its supervisors see it.
		m2, err := s.watch.conn.Request(prefix+"cmd.anna.view.get", nil, patience)
		s.must("view.get", err)
		if !strings.Contains(string(m2.Data), fmt.Sprintf(`"unstaffed":%t`, unstaffed)) {
			t.Errorf("anna sees %s", m2.Data)
		}
	}
	s.figure("supervisiond_groups_unstaffed 2\n")
	mark := s.watch.mark()
	ben := s.phone("102")
	becomes(mark, false)
	mark = s.watch.mark()
	s.done("ben", "group.leave", `{"group":"sales"}`, true) // nothing locks this group
	becomes(mark, true)
	mark = s.watch.mark()
	s.done("ben", "group.join", `{"group":"sales"}`, true)
	becomes(mark, false)
	mark = s.watch.mark()
	s.must("close", ben.Close(s.ctx()))
	becomes(mark, true)
	// Never silently repaired: who is logged out stays so, and who is not stays in.
	s.loggedIn(mark, "sales", "ben", true)
	mark = s.watch.mark()
	s.phone("101")
	becomes(mark, false)
	if got := s.watch.eventsOf("desk"); len(got) > 0 {
		t.Errorf("published of the other group: %v", got)
	}
}

// G6: while the PBX is away, what was last known of connections counts for the lock.
func TestG6WhileThePBXIsAway(t *testing.T) {
	t.Parallel()
	s := newSite(t, withCommanders(t, func(yaml string) string {
		return strings.Replace(yaml, "type: mutual_aid", "type: mutual_aid\n    lock_last: person", 1)
	}))
	s.phone("102")
	s.phone("103")
	mark := s.watch.mark()
	s.pbx.Kill()
	s.watch.event(mark, "pbx.disconnected", "hq")
	const sales = `{"group":"sales"}`
	s.done("dora", "group.leave", sales, true) // was not connected, and is not missed
	s.done("carla", "group.leave", sales, true)
	if r := s.refusedWith("last_member", "ben", "group.leave", sales); r.Details["lock"] != "person" {
		t.Errorf("%+v", r)
	}
	s.done("carla", "group.join", sales, true)
	s.done("ben", "group.leave", sales, true)
	s.refusedWith("last_member", "carla", "group.leave", sales)
	s.must("boot", s.pbx.Boot(s.ctx())) // phones say goodbye to it
}
