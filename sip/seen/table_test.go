package seen

import (
	"fmt"
	"testing"

	"supervisiond/supervision"
)

// group has members; who has a minus before them is not logged in.
func group(id string, members ...string) *supervision.GroupDocument {
	g := &supervision.GroupDocument{ID: supervision.GroupID(id)}
	for _, m := range members {
		out := m[0] == '-'
		if out {
			m = m[1:]
		}
		g.Members = append(g.Members, supervision.MemberDocument{Person: supervision.PersonID(m), LoggedIn: !out})
	}
	return g
}

// Somebody is supervised as long as they are logged in to one group, and a group that is told anew changes only those whose login
// does (G4).
func TestWhoIsSupervised(t *testing.T) {
	table := NewTable("anna")
	table.Begin(&supervision.View{
		Seq: 1, Me: &supervision.PersonDocument{ID: "anna"},
		Groups: []supervision.GroupDocument{*group("sales", "ben", "-dora"), *group("service", "ben", "emil")},
	})
	seq := uint64(1)
	for _, c := range []struct {
		id, what   string
		document   *supervision.GroupDocument
		changed    string
		supervised string
	}{
		{"sales", "nobody's login has changed", group("sales", "ben", "-dora"), "[]", "[ben emil]"},
		{"sales", "one logs in", group("sales", "ben", "dora"), "[ben dora]", "[ben dora emil]"},
		{"sales", "one logs out, and is in another group", group("sales", "-ben", "dora"), "[ben dora]", "[ben dora emil]"},
		{"service", "and out of that", group("service", "-ben", "emil"), "[ben emil]", "[dora emil]"},
		{"sales", "others are in it", group("sales", "emil", "-fritz"), "[ben dora emil fritz]", "[emil]"},
		{"service", "it is no more", nil, "[ben emil]", "[emil]"},
		{"sales", "and neither is the other", nil, "[emil fritz]", "[]"},
		{"sales", "it is back", group("sales", "dora"), "[dora]", "[dora]"},
	} {
		seq++
		shown := supervision.Shown{Kind: supervision.ShownGroup, ID: c.id}
		if c.document != nil {
			shown.Document = c.document
		}
		changed := table.Show(&supervision.Show{To: "anna", Seq: seq, Changes: []supervision.Shown{shown}})
		if got := fmt.Sprint(changed.People); got != c.changed {
			t.Errorf("%s: changed are %s, want %s", c.what, got, c.changed)
		}
		supervised := []supervision.PersonID{}
		for _, p := range []supervision.PersonID{"ben", "dora", "emil", "fritz"} {
			if table.Supervised(p) {
				supervised = append(supervised, p)
			}
		}
		if got := fmt.Sprint(supervised); got != c.supervised {
			t.Errorf("%s: supervised are %s, want %s", c.what, got, c.supervised)
		}
	}
}
