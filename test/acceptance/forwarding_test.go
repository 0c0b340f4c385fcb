package acceptance

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"
)

type forward struct {
	Kind, Target, Effective string
	Loop                    bool
	SetBy                   string `json:"set_by"`
	Since                   string
}

// forwards waits until a person's line is forwarded as described: `always 104>105 loop`, or empty.
func (s *site) forwards(mark int, person, want string) message {
	s.t.Helper()
	return s.watch.await(mark, person+" forwarded: "+want, func(m message) bool {
		if m.subject != "state.person."+person || len(m.data) == 0 {
			return false
		}
		var d struct{ Forwarding []forward }
		s.must("document", json.Unmarshal(m.data, &d))
		var all []string
		for _, f := range d.Forwarding {
			text := fmt.Sprintf("%s %s>%s", f.Kind, f.Target, f.Effective)
			if f.Loop {
				text += " loop"
			}
			if f.SetBy != "" {
				text += " by " + f.SetBy
			}
			all = append(all, text)
		}
		return strings.Join(all, ", ") == want
	})
}

func (s *site) database(command string) {
	s.t.Helper()
	_, err := s.pbx.CLI(s.ctx(), "database "+command)
	s.must("database "+command, err)
}

func decodePerson(t *testing.T, data []byte) personDocument {
	t.Helper()
	var d personDocument
	if err := json.Unmarshal(data, &d); err != nil {
		t.Fatal(err)
	}
	return d
}

// TestForwarding shows forwards that others set, phones that forward by themselves, and cancelling by code.
func TestForwarding(t *testing.T) {
	t.Parallel()
	const poll = time.Second
	s := newSite(t, options{configure: func(yaml string) string {
		return yaml + "\nforwarding: {poll: 1s, allowed_destinations: [\"^[0-9]{2,5}$\"]}\n"
	}})
	anna, ben, dora, emil, fatma, hana := s.phone("101"), s.phone("102"), s.phone("104"), s.phone("105"), s.phone("106"), s.phone("108")

	t.Run("F2 set behind our back, noticed within the polling interval, without an author", func(t *testing.T) {
		s := s.in(t)
		mark := s.watch.mark()
		began := time.Now()
		s.database("put CF 102 104")
		m := s.forwards(mark, "ben", "always 104>104")
		if took := m.at.Sub(began); took > poll+500*time.Millisecond {
			t.Errorf("noticed after %v", took)
		}
		body, _ := s.watch.event(mark, "forwarding.changed", "ben")
		if body.By.Person != "" {
			t.Errorf("said to be by %+v", body.By)
		}
		mark = s.watch.mark()
		caller := s.dial(fatma, "102")
		s.rings(dora)
		if call := s.ringingCall(mark, "dora"); fmt.Sprint(call.Via) != "[{forward 102 }]" {
			t.Errorf("via %v", call.Via)
		}
		s.must("hang up", caller.Hangup(s.ctx()))
	})
	t.Run("F3 chains and loops", func(t *testing.T) {
		s := s.in(t)
		mark := s.watch.mark()
		s.database("put CF 104 105")
		s.forwards(mark, "ben", "always 104>105")
		mark = s.watch.mark()
		s.database("put CF 104 102")
		s.forwards(mark, "ben", "always 104>104 loop")
		s.database("del CF 104")
		s.forwards(mark, "ben", "always 104>104")
	})
	t.Run("F4 F7 a supervisor cancels by code, and the PBX has confirmed when the tone is heard", func(t *testing.T) {
		s := s.in(t)
		mark := s.watch.mark()
		s.refused(hana, "*26102", 403, "Not a supervisor")
		s.confirmed(emil, "*26102")
		s.forwards(mark, "ben", "")
		out, err := s.pbx.CLI(s.ctx(), "database show CF")
		s.must("database show", err)
		if strings.Contains(out, "102") {
			t.Errorf("the PBX still has\n%s", out)
		}
		s.watch.await(mark, "forwarding.changed by emil on the phone, for ben", func(m message) bool {
			var body eventBody
			return m.subject == "event.forwarding.changed.ben" && json.Unmarshal(m.data, &body) == nil &&
				body.By.Person == "emil" && body.By.Via == "phone" && body.Person == "ben"
		})
	})
	t.Run("F4 everybody cancels their own", func(t *testing.T) {
		s := s.in(t)
		mark := s.watch.mark()
		s.database("put CFB 102 0900,5&104")
		s.database("put CFU 102 104")
		s.forwards(mark, "ben", "busy 0900,5&104>0900,5&104, no_answer 104>104")
		s.confirmed(ben, "*26")
		s.forwards(mark+1, "ben", "")
	})
	t.Run("F5 the phone's own", func(t *testing.T) {
		s := s.in(t)
		mark := s.watch.mark()
		caller := s.dial(fatma, "102")
		s.must("redirect", s.rings(ben).Redirect("104"))
		s.forwards(mark, "ben", "phone 104>104")
		s.must("hang up", caller.Hangup(s.ctx()))
		s.refused(anna, "*26102", 403, "Set on the phone")
		s.quiet()
		mark = s.watch.mark()
		caller = s.dial(fatma, "102")
		s.rings(ben)
		s.forwards(mark, "ben", "")
		s.must("hang up", caller.Hangup(s.ctx()))
	})
}
