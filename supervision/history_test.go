package supervision

import (
	"slices"
	"testing"
	"time"
)

// G4, S7, H1: who may read that a member's forwards have changed. Who was logged out then, or is now, is not supervised
// through that group; nobody but the person and who did it reads of those in no group.
func TestForwardsInTheHistory(t *testing.T) {
	stay := func(p PersonID, admin bool) Participant {
		return Participant{Person: p, Admin: admin, MayLeave: true}
	}
	people := []Person{
		{ID: "anna", Name: "Anna"}, {ID: "ben", Name: "Ben"}, {ID: "boss", Name: "Boss", Admin: true}, {ID: "emil", Name: "Emil"},
		{ID: "loner", Name: "Loner"},
	}
	groups := []Group{
		{ID: "sales", Type: MutualAid, InitiallyLoggedIn: true, Supervisors: []Participant{stay("anna", true)}, Members: []Participant{stay("ben", false)}},
		{ID: "desk", Type: MutualAid, InitiallyLoggedIn: true, Supervisors: []Participant{stay("emil", false)}, Members: []Participant{stay("ben", false)}},
	}
	now := time.Date(2026, 1, 2, 9, 0, 0, 0, time.UTC)
	readers := func(out ...GroupID) map[PersonID]*Reader {
		s, _ := Apply(New(), Started{At: now, Directory: NewDirectory("hq", people, groups)})
		logins := []StoredLogin{}
		for _, g := range groups {
			logins = append(logins, StoredLogin{Group: g.ID, Person: "ben", LoggedIn: !slices.Contains(out, g.ID)})
		}
		s, _ = Apply(s, EpochBegun{At: now, Epoch: 1, Logins: logins})
		all := make(map[PersonID]*Reader)
		for _, p := range people {
			var effects []Effect
			s, effects = Apply(s, Commanded{At: now, ID: "R", Actor: p.ID, Command: GetHistory{}})
			all[p.ID] = effects[0].(Reply).Result.(*Reader)
		}
		return all
	}
	entry := func(p, by PersonID, through ...GroupID) Entry {
		return Entry{Type: EventForwardingChanged, Entity: string(p), Person: p, By: by, Groups: through}
	}
	for _, c := range []struct {
		name  string
		out   []GroupID // ben is logged out of these now
		entry Entry
		want  []PersonID
	}{
		{"supervised through both", nil, entry("ben", "", "desk", "sales"), []PersonID{"anna", "ben", "boss", "emil"}},
		{"logged out of one then", nil, entry("ben", "", "desk"), []PersonID{"ben", "boss", "emil"}},
		{"logged out of one now", []GroupID{"desk"}, entry("ben", "", "desk", "sales"), []PersonID{"anna", "ben", "boss"}},
		{"logged out of one then, and of the other now", []GroupID{"desk"}, entry("ben", "", "desk"), []PersonID{"ben"}},
		{"logged out of all then", nil, entry("ben", ""), []PersonID{"ben"}},
		{"what one did oneself", []GroupID{"desk", "sales"}, entry("ben", "emil", "desk"), []PersonID{"ben", "emil"}},
		{"in no group", nil, entry("loner", ""), []PersonID{"loner"}},
	} {
		var may []PersonID
		for id, r := range readers(c.out...) {
			if r.May(c.entry) {
				may = append(may, id)
			}
		}
		slices.Sort(may)
		if !slices.Equal(may, c.want) {
			t.Errorf("%s: %v may read it, want %v", c.name, may, c.want)
		}
	}
	doc := &ForwardingDocument{ID: "ben", Groups: []GroupID{"desk", "sales"}}
	all := readers()
	if seen := all["anna"].RedactForwards(doc).Groups; !slices.Equal(seen, []GroupID{"sales"}) {
		t.Errorf("anna sees that it was seen through %v", seen)
	}
	if seen := all["boss"].RedactForwards(doc).Groups; len(seen) != 2 {
		t.Errorf("the company administrator sees that it was seen through %v", seen)
	}
	if seen := all["ben"].RedactForwards(&ForwardingDocument{ID: "ben"}).Groups; seen == nil || len(seen) > 0 {
		t.Errorf("a list is %v", seen)
	}
}
