package acceptance

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"supervisiond/test/lab"
)

// historyEntry is an event as history.get tells it.
type historyEntry struct {
	Type, Subject, ID string
	Time              time.Time
	Person            string
	By                struct{ Person, Via string }
	Forced            bool
	Document          json.RawMessage
	text              string
}

// history is what somebody reads, the newest first.
func (s *site) history(actor string) []historyEntry {
	s.t.Helper()
	m, err := s.watch.conn.Request(prefix+"cmd."+actor+".history.get", nil, patience)
	s.must("history.get", err)
	var reply struct{ Events []json.RawMessage }
	s.must("history.get", json.Unmarshal(m.Data, &reply))
	entries := make([]historyEntry, len(reply.Events))
	for i, text := range reply.Events {
		s.must("an entry", json.Unmarshal(text, &entries[i]))
		entries[i].text = string(text)
	}
	return entries
}

// about are the types of the entries about something, the oldest first.
func about(entries []historyEntry, subject string) string {
	var types []string
	for _, e := range entries {
		if e.Subject == subject {
			types = append([]string{e.Type}, types...)
		}
	}
	return strings.Join(types, " ")
}

func (s *site) entry(entries []historyEntry, kind, subject string) historyEntry {
	s.t.Helper()
	for _, e := range entries {
		if e.Type == kind && e.Subject == subject {
			return e
		}
	}
	s.t.Fatalf("there is no %s of %s: %v", kind, subject, entries)
	return historyEntry{}
}

// TestHistory shows what happened to those who may see it (R6, H1), before and after the daemon was killed.
func TestHistory(t *testing.T) {
	t.Parallel()
	testHistory(t, lab.Options{})
}

func testHistory(t *testing.T, layout lab.Options) {
	o := withCommanders(t, func(yaml string) string { return yaml })
	o.lab = layout
	whole := newSite(t, o)
	s := whole
	anna, ben, fatma, hana := s.phone("101"), s.phone("102"), s.phone("106"), s.phone("108")

	// A call that somebody may not pick up, and that somebody else does.
	mark, placed := s.watch.mark(), time.Now()
	caller := s.dial(fatma, "102")
	s.rings(ben)
	taken := s.ringingCall(mark, "ben")
	s.refused(hana, "*20102", 403, "Not a supervisor")
	reached := time.Now()
	s.talk(caller, s.dial(anna, "*20102"))
	s.watch.event(mark, "call.picked_up", taken.ID)
	talking := time.Now()
	s.must("hang up", caller.Hangup(s.ctx()))
	s.quiet()

	// One of a caller who is withheld.
	mark = s.watch.mark()
	caller = s.dial(fatma, "6102")
	s.rings(ben)
	withheld := s.ringingCall(mark, "ben")
	s.must("hang up", caller.Hangup(s.ctx()))
	s.watch.event(mark, "call.ended", withheld.ID)

	// A login, and one by force.
	s.obeyed(ben, "*241")
	s.watch.event(mark, "group.left", "sales")
	mark = s.watch.mark()
	s.obeyed(anna, "*251*103")
	s.watch.event(mark, "group.left", "sales")
	s.watch.kept("group.left", "sales")

	read := func(t *testing.T, s *site) {
		t.Run("R6 who rang and who picked up find the call", func(t *testing.T) {
			for _, actor := range []string{"anna", "ben"} {
				s := s.in(t)
				entries := s.history(actor)
				if got := about(entries, taken.ID); got != "call.ringing call.picked_up" {
					t.Errorf("%s reads %s", actor, got) // and thus of no missed call
				}
				e := s.entry(entries, "call.picked_up", taken.ID)
				var call callDocument
				s.must("the call", json.Unmarshal(e.Document, &call))
				if call.Caller.Number != "106" || call.Caller.Name != "Fatma Aydin" || call.PickedUpBy != "anna" ||
					call.OnBehalfOf != "ben" || e.By.Person != "anna" || e.By.Via != "phone" || e.Person != "ben" {
					t.Errorf("%s reads %s", actor, e.text)
				}
				// How long it rang: from when it was placed until it was reached for and taken.
				ended, err := time.Parse(time.RFC3339, call.EndedAt)
				s.must("when it ended", err)
				for _, x := range []struct{ first, then time.Time }{
					{placed, call.Since}, {call.Since, reached}, {reached, ended}, {ended, talking},
				} {
					if x.then.Before(x.first.Truncate(time.Millisecond)) {
						t.Errorf("placed at %v, reached for at %v, taken at %v; read is %s", placed, reached, talking, e.text)
					}
				}
			}
		})
		t.Run("R4 a withheld caller", func(t *testing.T) {
			s := s.in(t)
			entries := s.history("anna")
			if got := about(entries, withheld.ID); got != "call.ringing call.ended" {
				t.Errorf("read is %s", got)
			}
			for _, e := range entries {
				if e.Subject == withheld.ID && (mentions(e.text, "Fatma") || mentions(e.text, "106")) {
					t.Errorf("the history gives away the caller: %s", e.text)
				}
			}
		})
		t.Run("H1 a refused pickup", func(t *testing.T) {
			s := s.in(t)
			entries := s.history("hana")
			e := s.entry(entries, "pickup.refused", "hana")
			if !strings.Contains(string(e.Document), `"code":"not_supervisor"`) || mentions(e.text, "106") || mentions(e.text, "Fatma") {
				t.Errorf("hana reads %s", e.text)
			}
			if len(entries) != 1 { // S7: the call was none of her business
				t.Errorf("hana reads %v", entries)
			}
			if got := about(s.history("anna"), "hana"); got != "" {
				t.Errorf("anna reads of hana: %s", got)
			}
		})
		t.Run("H1 G8 logins", func(t *testing.T) {
			s := s.in(t)
			entries := s.history("emil")
			if forced := entries[0]; forced.Type != "group.left" || forced.Person != "carla" || forced.By.Person != "anna" || !forced.Forced {
				t.Errorf("emil reads %s", forced.text)
			}
			if left := entries[1]; left.Type != "group.left" || left.Person != "ben" || left.By.Person != "ben" || left.Forced {
				t.Errorf("emil reads %s", left.text)
			}
			// The one concerned is told who did it.
			if own := s.history("carla"); len(own) != 1 || own[0].By.Person != "anna" || !own[0].Forced {
				t.Errorf("carla reads %v", own)
			}
		})
		t.Run("S7 nobody else", func(t *testing.T) {
			if entries := s.in(t).history("fatma"); len(entries) != 0 {
				t.Errorf("fatma reads %v", entries)
			}
		})
	}
	read(t, whole)
	before := fmt.Sprint(whole.history("anna"))
	whole.daemon.stop(killed)
	whole.start()
	t.Run("after a kill", func(t *testing.T) {
		s := whole.in(t)
		if after := fmt.Sprint(s.history("anna")); after != before {
			t.Errorf("after the kill anna reads\n%s, before it\n%s", after, before)
		}
		read(t, s)
	})
}

// A program that may act for one person reads that one's history and nobody else's (S7).
func TestHistoryIsForWhoActs(t *testing.T) {
	t.Parallel()
	s := newSite(t, withCommanders(t, func(yaml string) string { return yaml }))
	s.done("carla", "group.leave", `{"group":"sales"}`, true)
	refused := make(chan error, 8)
	phonebook, err := nats.Connect(fmt.Sprint(s.daemon.logged("started")["nats"]), nats.UserInfo("phonebook", "crm-secret"),
		nats.CustomInboxPrefix("_INBOX_phonebook"),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { refused <- err }))
	s.must("connect", err)
	defer phonebook.Close()
	if r, err := commandOn(phonebook, "ben", "history.get", ""); err != nil || !r.OK || len(r.Events) != 0 {
		t.Errorf("as ben: %+v, %v", r, err)
	}
	s.must("ask", phonebook.Publish(prefix+"cmd.carla.history.get", nil))
	s.refusedBy(refused, prefix+"cmd.carla.history.get")
}
