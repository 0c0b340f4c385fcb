package acceptance

import (
	"fmt"
	"testing"
	"time"

	"supervisiond/test/lab"
)

// report is what a client says of somebody, for so many seconds.
func (s *site) report(person, state, source string, ttl int, changed bool) {
	s.t.Helper()
	s.done(person, "presence.set", fmt.Sprintf(`{"state":%q,"source":%q,"ttl_seconds":%d}`, state, source, ttl), changed)
}

func (s *site) takeBack(person, source string, changed bool) {
	s.t.Helper()
	s.done(person, "presence.set", fmt.Sprintf(`{"state":"online","source":%q}`, source), changed)
}

// TestReportedPresence shows what clients report among all other sources of presence (S3), and that a web call is no
// obstacle to a business call (S4).
func TestReportedPresence(t *testing.T) {
	t.Parallel()
	testReportedPresence(t, lab.Options{})
}

func testReportedPresence(t *testing.T, layout lab.Options) {
	o := withCommanders(t, func(yaml string) string { return yaml + "forwarding: {poll: 200ms}\n" })
	o.lab = layout
	whole := newSite(t, o)
	anna, ben, web, fatma := whole.phone("101"), whole.phone("102"), whole.phone("102-web"), whole.phone("106")

	t.Run("S3 which source comes first", func(t *testing.T) {
		s := whole.in(t)
		// Each is higher than those before it, and when it goes the one before it is back.
		type step struct {
			state, source string
			come, goes    func()
		}
		database := func(command string) func() {
			return func() {
				_, err := s.pbx.CLI(s.ctx(), "database "+command)
				s.must(command, err)
			}
		}
		reported := func(state, source string) (come, goes func()) {
			return func() { s.report("ben", state, source, 60, true) }, func() { s.takeBack("ben", source, true) }
		}
		away, notAway := reported("away", "chat")
		dnd, notDND := reported("dnd", "calendar")
		meets, notMeets := reported("busy", "meeting")
		var calls []func()
		hangUp := func() {
			last := len(calls) - 1
			calls[last]()
			calls = calls[:last]
		}
		steps := []step{
			{"online", "endpoint", func() {}, nil},
			{"away", "client", away, notAway},
			{"dnd", "client", dnd, notDND},
			{"dnd", "dnd", database("put DND 102 YES"), database("del DND 102")},
			{"busy", "web_call", meets, notMeets},
			{"busy", "unsupervised_endpoint", func() {
				call := s.dial(web, "300")
				calls = append(calls, func() { s.must("hang up", call.Hangup(s.ctx())) })
			}, hangUp},
			{"busy", "call", func() {
				call := s.dial(ben, "300")
				calls = append(calls, func() { s.must("hang up", call.Hangup(s.ctx())) })
			}, hangUp},
		}
		now := make([]personDocument, len(steps))
		for i, x := range steps {
			mark := s.watch.mark()
			x.come()
			if i == 0 {
				mark = 0
			}
			now[i] = s.presence(mark, "ben", x.state, x.source)
			// Since when: a state goes on when only its source changes.
			if i > 0 && (now[i].Presence.State == now[i-1].Presence.State) != now[i].Presence.Since.Equal(now[i-1].Presence.Since) {
				t.Errorf("%+v after %+v", now[i].Presence, now[i-1].Presence)
			}
		}
		for i := len(steps) - 1; i > 0; i-- {
			mark := s.watch.mark()
			steps[i].goes()
			s.presence(mark, "ben", steps[i-1].state, steps[i-1].source)
		}
	})
	t.Run("S3 a source speaks for itself", func(t *testing.T) {
		s := whole.in(t)
		mark := s.watch.mark()
		s.report("carla", "away", "chat", 60, true)
		s.presence(mark, "carla", "away", "client") // an answer may be read before what was published before it
		s.takeBack("carla", "calendar", false)
		s.report("carla", "away", "chat", 60, false) // it still is
		mark = s.watch.mark()
		s.takeBack("carla", "chat", true)
		s.presence(mark, "carla", "offline", "endpoint")
	})
	t.Run("S3 a report expires unless it is repeated", func(t *testing.T) {
		s := whole.in(t)
		s.report("carla", "busy", "meeting", 1, true)
		s.report("carla", "busy", "meeting", 60, false)
		mark, began := s.watch.mark(), time.Now()
		s.report("dora", "dnd", "calendar", 1, true)
		s.presence(mark, "dora", "dnd", "client")
		gone := s.watch.mark()
		s.presence(gone, "dora", "offline", "endpoint")
		if took := time.Since(began); took < time.Second {
			t.Errorf("it expired after %v", took)
		}
		// That was reported later than what carla's client has repeated.
		if d := s.newest("carla"); d.Presence.State != "busy" || d.Presence.Source != "web_call" {
			t.Errorf("%+v", d.Presence)
		}
	})
	t.Run("S4 a business call during a web call", func(t *testing.T) {
		s := whole.in(t)
		mark := s.watch.mark()
		s.report("ben", "busy", "meeting", 60, true)
		meets := s.presence(mark, "ben", "busy", "web_call")
		mark = s.watch.mark()
		caller := s.dial(fatma, "102")
		ringing := s.rings(ben)
		call := s.ringingCall(mark, "ben")
		s.watch.event(mark, "call.ringing", call.ID)
		shown := document(s.watch, mark, "person.ben", "rings", func(d personDocument) bool { return len(d.Calls) == 1 })
		if shown.Presence.Source != "call" || !shown.Presence.Since.Equal(meets.Presence.Since) {
			t.Errorf("%+v, and he meets %+v", shown, meets.Presence)
		}
		picker := s.dial(anna, "*20102")
		s.talk(caller, picker)
		s.ended(ringing)
		s.watch.event(mark, "call.picked_up", call.ID)
		s.presence(mark, "ben", "busy", "web_call") // the meeting goes on
		s.must("hang up", caller.Hangup(s.ctx()))
	})
}
