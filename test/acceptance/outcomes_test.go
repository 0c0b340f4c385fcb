package acceptance

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"supervisiond/test/lab"
	"supervisiond/test/softphone"
)

// ended waits for a call's last document and the event that goes with it.
func (s *site) endedCall(mark int, id, state, event string) callDocument {
	s.t.Helper()
	d := s.watch.awaitCall(mark, "ends", func(d callDocument) bool { return d.ID == id && d.State != "ringing" })
	if d.State != state {
		s.t.Errorf("the call ended %s, want %s", d.State, state)
	}
	s.watch.event(mark, event, id)
	return d
}

func (s *site) ringingCall(mark int, people string) callDocument {
	s.t.Helper()
	return s.watch.awaitCall(mark, "rings "+people, func(d callDocument) bool {
		return d.State == "ringing" && sameWords(d.people(), people)
	})
}

// TestOutcomes shows the ways for a call to end that TestCalls does not (R5).
func TestOutcomes(t *testing.T) {
	t.Parallel()
	testOutcomes(t, lab.Options{})
}

func testOutcomes(t *testing.T, o lab.Options) {
	s := newSite(t, options{lab: o})
	ben, carla, dora, fatma := s.phone("102"), s.phone("103"), s.phone("104"), s.phone("106")

	t.Run("R5 diverted: the phone sent the caller on", func(t *testing.T) {
		s := s.in(t)
		mark := s.watch.mark()
		caller := s.dial(fatma, "102")
		ringing := s.rings(ben)
		call := s.ringingCall(mark, "ben")
		s.must("redirect", ringing.Redirect("104"))
		s.endedCall(mark, call.ID, "diverted", "call.ended")
		again := s.ringingCall(mark, "dora")
		if again.CallerCall != call.CallerCall || again.ID == call.ID {
			t.Errorf("%s and %s are calls of one caller: %s, %s", call.ID, again.ID, call.CallerCall, again.CallerCall)
		}
		s.must("hang up", caller.Hangup(s.ctx()))
		s.rings(dora)
	})
	t.Run("R5 diverted: the PBX sent the caller on", func(t *testing.T) {
		s := s.in(t)
		s.quiet()
		mark := s.watch.mark()
		caller := s.dial(fatma, "102")
		s.rings(ben)
		call := s.ringingCall(mark, "ben")
		channels, err := s.pbx.CLI(s.ctx(), "core show channels concise")
		s.must("core show channels", err)
		var from string
		for line := range strings.Lines(channels) {
			if name, _, _ := strings.Cut(line, "!"); strings.HasPrefix(name, "PJSIP/106-") {
				from = name
			}
		}
		_, err = s.pbx.CLI(s.ctx(), "channel redirect "+from+" "+o.PhoneContext()+",300,1")
		s.must("channel redirect", err)
		s.endedCall(mark, call.ID, "diverted", "call.ended")
		s.must("hang up", caller.Hangup(s.ctx()))
	})
	t.Run("R5 G4 withdrawn: the member logged out while ringing", func(t *testing.T) {
		s := s.in(t)
		s.quiet()
		mark := s.watch.mark()
		caller := s.dial(fatma, "103")
		ringing := s.rings(carla)
		call := s.ringingCall(mark, "carla")
		s.confirmed(carla, "*241")
		s.endedCall(mark, call.ID, "withdrawn", "call.ended")
		if ringing.State() != softphone.Ringing {
			t.Error("logging out never changes how the PBX routes calls (G13)")
		}
		// Back in, the call that still rings is another one.
		mark = s.watch.mark()
		s.confirmed(carla, "*231")
		again := s.ringingCall(mark, "carla")
		if again.ID == call.ID || again.CallerCall != call.CallerCall {
			t.Errorf("%+v", again)
		}
		s.must("hang up", caller.Hangup(s.ctx()))
	})
	t.Run("R5 answered_elsewhere: by somebody who is not supervised", func(t *testing.T) {
		s := s.in(t)
		s.quiet()
		s.confirmed(dora, "*241")
		s.drain(map[string]*softphone.Phone{"ben": ben, "carla": carla, "dora": dora})
		mark := s.watch.mark()
		caller := s.dial(fatma, "700")
		ringing := s.rings(dora)
		call := s.ringingCall(mark, "ben carla")
		s.must("answer", ringing.Answer())
		if d := s.endedCall(mark, call.ID, "answered_elsewhere", "call.ended"); d.AnsweredBy != "" {
			t.Errorf("%q is said to have answered", d.AnsweredBy)
		}
		s.must("hang up", caller.Hangup(s.ctx()))
	})
}

// R7: a group supervises only calls to certain numbers, not from certain callers, not between colleagues, and is told
// after some seconds.
func TestGroupFilters(t *testing.T) {
	t.Parallel()
	testGroupFilters(t, lab.Options{})
}

func testGroupFilters(t *testing.T, o lab.Options) {
	const delay = 2 * time.Second
	s := newSite(t, options{lab: o, configure: func(yaml string) string {
		yaml = strings.Replace(yaml, "    members: [ben, carla, dora]\n", "    members: [ben, carla, dora]\n"+
			"    calls: {only_dialled: [\"^4930(102|700)$\"], except_callers: [\"^\\\\+49170\"], internal: false}\n", 1)
		return strings.Replace(yaml, "    members: [igor]\n", fmt.Sprintf("    members: [igor]\n    calls: {alert_after: %s}\n", delay), 1)
	}})
	anna, ben, carla, fatma, igor := s.phone("101"), s.phone("102"), s.phone("103"), s.phone("106"), s.phone("109")
	trunk := s.outside()
	from := softphone.From("+4930555", "Dr. Weiß")
	for name, x := range map[string]struct {
		caller, callee *softphone.Phone
		number         string
		from           softphone.DialOption
	}{
		"a colleague":              {fatma, ben, "102", nil},
		"another number":           {trunk, carla, "4930103", from},
		"a caller who is a friend": {trunk, ben, "4930102", softphone.From("+491701", "Freund")},
	} {
		t.Run("R7 not told: "+name, func(t *testing.T) {
			s := s.in(t)
			mark := s.watch.mark()
			var o []softphone.DialOption
			if x.from != nil {
				o = append(o, x.from)
			}
			caller := s.dial(x.caller, x.number, o...)
			s.rings(x.callee)
			// Presence tells that the daemon has seen it ring, and nothing else does.
			person := personOf[x.callee.User()]
			document(s.watch, mark, "person."+person, "busy", func(d personDocument) bool { return d.Presence.State == "busy" })
			if end := s.ended(s.dial(anna, "*20"+x.callee.User())); end.Code != 480 {
				t.Errorf("*20: %+v", end)
			}
			s.must("hang up", caller.Hangup(s.ctx()))
			s.quiet()
			document(s.watch, mark, "person."+person, "free", func(d personDocument) bool { return d.Presence.State == "online" })
			for _, m := range s.watch.since(mark) {
				if strings.Contains(m.subject, "call.") {
					t.Errorf("%s %s", m.subject, m.data)
				}
			}
		})
	}
	t.Run("R7 told: all is right", func(t *testing.T) {
		s := s.in(t)
		mark := s.watch.mark()
		caller := s.dial(trunk, "4930102", from)
		s.rings(ben)
		s.ringingCall(mark, "ben")
		s.talk(caller, s.dial(anna, "*20"))
		s.must("hang up", caller.Hangup(s.ctx()))
	})
	t.Run("R7 told after some seconds", func(t *testing.T) {
		s := s.in(t)
		mark, dialled := s.watch.mark(), time.Now()
		s.dial(fatma, "109")
		s.rings(igor)
		s.watch.await(mark, "igor is busy", func(m message) bool {
			return m.subject == "state.person.igor" && strings.Contains(string(m.data), `"busy"`)
		})
		call := s.ringingCall(mark, "igor")
		_, told := s.watch.event(mark, "call.ringing", call.ID)
		if waited := told.at.Sub(dialled); waited < delay || waited > delay+slack {
			t.Errorf("the group was told after %v, want %v", waited, delay)
		}
		if rung := told.at.Sub(call.Since); rung < delay {
			t.Errorf("the call is said to ring for %v only", rung)
		}
	})
}

// R5: callers who hang up in the moment in which the phone begins to ring have given up; the PBX tells of both at once.
func TestCallersWhoHangUpAtOnce(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]options{
		"channelvars": {}, "without channelvars": {lab: lab.Options{NoChannelVars: true}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, o)
			ben, fatma, georg := s.phone("102"), s.phone("106"), s.phone("107")
			for range 20 {
				caller := s.dial(fatma, "102")
				ring := s.rings(ben)
				s.must("hang up", caller.Hangup(s.ctx()))
				s.ended(ring)
			}
			// When the end of this call has been told, so have theirs.
			caller := s.dial(georg, "102")
			ring := s.rings(ben)
			call := s.watch.awaitCall(0, "rings", func(d callDocument) bool { return d.Caller.Number == "107" })
			s.must("hang up", caller.Hangup(s.ctx()))
			s.ended(ring)
			s.watch.event(0, "call.ended", call.ID)
			began, ended := s.watch.callEvents()
			for id, state := range ended {
				if state != "abandoned" || !began[id] {
					t.Errorf("a caller who hung up: %s", state)
				}
			}
			// A phone that is hushed before it is known who called may not be told of.
			if len(began) != len(ended) || ended[call.ID] == "" {
				t.Errorf("%d of 21 calls began, %d ended", len(began), len(ended))
			}
		})
	}
}

// callEvents are the calls that were told to begin to ring, and how those that have ended did.
func (w *watcher) callEvents() (began map[string]bool, ended map[string]string) {
	w.t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	began, ended = map[string]bool{}, map[string]string{}
	for _, m := range w.all {
		kind, call := strings.CutPrefix(m.subject, "event.call.")
		if !call {
			continue
		}
		var body struct{ Document callDocument }
		if err := json.Unmarshal(m.data, &body); err != nil {
			w.t.Fatal(err)
		}
		if strings.HasPrefix(kind, "ringing.") {
			began[body.Document.ID] = true
		} else {
			ended[body.Document.ID] = body.Document.State
		}
	}
	return began, ended
}
