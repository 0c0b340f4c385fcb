package supervision

import (
	"encoding/json"
	"reflect"
	"testing"
	"time"
)

// H1: what the history has of a group is what was published of it at that moment, but for who was connected.
func TestTheRecordOfAGroupIsItsDocument(t *testing.T) {
	stay := func(p PersonID) []Participant { return []Participant{{Person: p, Admin: true, MayLeave: true}} }
	d := NewDirectory("hq", []Person{
		{ID: "anna", Name: "Anna"}, {ID: "ben", Name: "Ben", Endpoints: []Endpoint{{Name: "PJSIP/102"}}},
	}, []Group{{ID: "sales", Name: "Sales", Number: "1", Type: MutualAid, InitiallyLoggedIn: true, Supervisors: stay("anna"), Members: stay("ben")}})
	now := time.Date(2026, 1, 2, 9, 0, 0, 0, time.UTC)
	s, _ := Apply(New(), Started{At: now, Directory: d})
	s, _ = Apply(s, EpochBegun{At: now, Epoch: 1})
	s, _ = Apply(s, PBXSynced{At: now, Endpoints: map[string]EndpointState{"PJSIP/102": {Reachable: true}}})
	was := s.groups["sales"]
	s, _ = Apply(s, Commanded{At: now, ID: "R", Actor: "ben", Command: LeaveGroup{Group: "sales"}})
	_, effects := Apply(s, LoginSaved{At: now, Write: s.writes})

	var published *GroupDocument
	for _, e := range effects {
		switch e := e.(type) {
		case Put:
			if doc, ok := e.Document.(*GroupDocument); ok {
				published = doc
			}
		case Announce:
			if e.Type != EventGroupLeft {
				continue
			}
			same(t, e.Document, published)
			same(t, e.Before, was)
			if doc := e.Document.(*GroupRecord); !doc.Unstaffed || doc.Members[0].LoggedIn {
				t.Errorf("told was %+v", doc)
			}
			return
		}
	}
	t.Errorf("nothing is told: %+v", effects)
}

// same compares a record with a document, in which warnings and bars are left out: they say who is connected.
func same(t *testing.T, record any, doc *GroupDocument) {
	t.Helper()
	var got, want map[string]any
	for into, v := range map[*map[string]any]any{&got: record, &want: doc} {
		text, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(text, into); err != nil {
			t.Fatal(err)
		}
	}
	for _, role := range []string{"supervisors", "members"} {
		for _, p := range want[role].([]any) {
			delete(p.(map[string]any), "warning")
			delete(p.(map[string]any), "bar")
		}
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("the record is\n%v, and published was\n%v", got, want)
	}
}
