package acceptance

import (
	"strings"
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
	s := newSite(t, options{lab: o, configure: func(yaml string) string { return yaml + "forwarding: {poll: 200ms}\n" }})
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
		mark := s.watch.mark()
		s.dial(fatma, "300")
		before := map[string]personDocument{"fatma": s.presence(mark, "fatma", "busy", "call"), "georg": s.newest("georg")}
		s.watch.event(mark, "presence.changed", "fatma")
		mark = s.watch.mark()
		letGo := startThief(t, s)
		s.watch.event(mark, "pbx.disconnected", "hq")
		letGo()
		s.watch.event(mark, "pbx.connected", "hq")
		// What makes their documents be written again has nothing to do with presence.
		for person, extension := range map[string]string{"fatma": "106", "georg": "107"} {
			_, err := s.pbx.CLI(s.ctx(), "database put CF "+extension+" 103")
			s.must("database put", err)
			type forwarded struct {
				personDocument
				Forwarding []struct{ Kind string }
			}
			after := document(s.watch, mark, "person."+person, "forwarded", func(d forwarded) bool { return len(d.Forwarding) > 0 })
			if after.Presence != before[person].Presence {
				t.Errorf("%s: before %+v, after %+v", person, before[person].Presence, after.Presence)
			}
		}
		for _, m := range s.watch.since(mark) {
			if strings.HasPrefix(m.subject, "event.presence.") || strings.HasPrefix(m.subject, "event.reachability.") {
				t.Errorf("a reconnect announced %s %s", m.subject, m.data)
			}
		}
	})
}

// newest is the latest document of a person.
func (s *site) newest(person string) personDocument {
	s.t.Helper()
	key := "person." + person
	return decodePerson(s.t, s.watch.present(key)[key].data)
}
