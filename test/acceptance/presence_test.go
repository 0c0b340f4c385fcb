package acceptance

import (
	"fmt"
	"testing"

	"supervisiond/test/lab"
)

func (s *site) presence(mark int, person, state, source string) personDocument {
	s.t.Helper()
	return document(s.watch, mark, "person."+person, state+" by "+source, func(d personDocument) bool {
		return d.Presence.State == state && d.Presence.Source == source
	})
}

// TestPresence shows S2 and S3 as far as phones and the PBX tell them: several devices, unsupervised ones,
// do-not-disturb.
func TestPresence(t *testing.T) {
	t.Parallel()
	testPresence(t, lab.Options{})
}

func testPresence(t *testing.T, o lab.Options) {
	s := newSite(t, options{lab: o})
	fatma := s.phone("106")

	t.Run("S3 several devices: one of them is enough", func(t *testing.T) {
		s := s.in(t)
		desk := s.phone("101")
		home := s.phone("101-home")
		mark := s.watch.mark()
		s.must("close", desk.Close(s.ctx()))
		caller := s.dial(fatma, "101")
		ringing := s.rings(home)
		s.must("answer", ringing.Answer())
		s.presence(mark, "anna", "busy", "call")
		s.talk(caller, ringing)
		s.must("hang up", caller.Hangup(s.ctx()))
		mark = s.watch.mark()
		s.must("close", home.Close(s.ctx()))
		d := s.presence(mark, "anna", "offline", "endpoint")
		if d.Reachable {
			t.Error("anna has no phone, and is said to be reachable")
		}
	})
	t.Run("S2 logged in and not connected", func(t *testing.T) {
		s := s.in(t)
		type member struct{ Person, Warning string }
		warns := func(mark int, want string) {
			document(s.watch, mark, "group.sales", "carla: "+want, func(d struct{ Members []member }) bool {
				for _, m := range d.Members {
					if m.Person == "carla" {
						return m.Warning == want
					}
				}
				return false
			})
		}
		warns(0, "not_connected")
		mark := s.watch.mark()
		carla := s.phone("103")
		warns(mark, "")
		s.watch.event(mark, "reachability.changed", "carla")
		mark = s.watch.mark()
		s.must("close", carla.Close(s.ctx()))
		warns(mark, "not_connected")
	})
	t.Run("S3 S4 an unsupervised device makes busy and is not offered", func(t *testing.T) {
		s := s.in(t)
		ben, web, emil := s.phone("102"), s.phone("102-web"), s.phone("105")
		mark := s.watch.mark()
		caller := s.dial(fatma, "592")
		ringing := s.rings(web)
		s.presence(mark, "ben", "busy", "unsupervised_endpoint")
		s.refused(emil, "*20102", 403, "Not supervised")
		s.must("answer", ringing.Answer())
		s.talk(caller, ringing)
		// Meanwhile a business call comes: offered, shown and picked up as ever.
		mark = s.watch.mark()
		second := s.dial(s.phone("107"), "102")
		s.rings(ben)
		s.presence(mark, "ben", "busy", "call")
		s.ringingCall(mark, "ben")
		s.talk(second, s.dial(emil, "*20102"))
		s.must("hang up", second.Hangup(s.ctx()))
		s.must("hang up", caller.Hangup(s.ctx()))
		s.presence(mark, "ben", "online", "endpoint")
	})
	t.Run("S3 do-not-disturb at the PBX", func(t *testing.T) {
		s := s.in(t)
		s.phone("104")
		mark := s.watch.mark()
		_, err := s.pbx.CLI(s.ctx(), "database put DND 104 YES")
		s.must("database put", err)
		if d := s.presence(mark, "dora", "dnd", "dnd"); !d.DND {
			t.Errorf("%+v", d)
		}
		s.watch.event(mark, "dnd.changed", "dora")
		mark = s.watch.mark()
		_, err = s.pbx.CLI(s.ctx(), "database del DND 104")
		s.must("database del", err)
		s.presence(mark, "dora", "online", "endpoint")
	})
	t.Run("S3 since survives a reconnect", func(t *testing.T) {
		s := s.in(t)
		before := s.newest("fatma")
		line := len(s.daemon.log())
		letGo := startThief(t, s)
		s.daemon.loggedFrom(line, "out of sight")
		letGo()
		s.daemon.loggedFrom(line, "attached to the PBX")
		mark := s.watch.mark()
		s.dial(fatma, "300")
		after := s.presence(mark, "fatma", "busy", "call")
		if !after.Presence.Since.After(before.Presence.Since) {
			t.Errorf("busy since %v, online since %v", after.Presence.Since, before.Presence.Since)
		}
		for _, m := range s.watch.since(mark - 1)[:1] {
			if m.subject == "state.person.fatma" {
				t.Errorf("a reconnect changed %s", m.data)
			}
		}
	})
}

// newest is the latest document of a person.
func (s *site) newest(person string) personDocument {
	s.t.Helper()
	var found personDocument
	document(s.watch, 0, "person."+person, "any", func(d personDocument) bool { found = d; return true })
	for _, m := range s.watch.since(0) {
		if m.subject == fmt.Sprintf("state.person.%s", person) && len(m.data) > 0 {
			found = decodePerson(s.t, m.data)
		}
	}
	return found
}
