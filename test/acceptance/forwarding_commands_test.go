package acceptance

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"supervisiond/test/softphone"
)

// forwardedBy waits until so many changes of somebody's forwards were announced since a mark, and checks whose they were
// said to be; nobody's is a dash.
func (s *site) forwardedBy(mark int, person string, want ...string) {
	s.t.Helper()
	var authors []string
	s.watch.await(mark, fmt.Sprintf("%d changes of the forwards of %s", len(want), person), func(m message) bool {
		var body eventBody
		if m.subject != "event.forwarding.changed."+person {
			return false
		}
		s.must("the event", json.Unmarshal(m.data, &body))
		if body.Person != person {
			s.t.Errorf("%s concerns %q", m.subject, body.Person)
		}
		if body.By.Person == "" {
			body.By.Person = "-"
		}
		authors = append(authors, body.By.Person)
		return len(authors) == len(want)
	})
	if !slices.Equal(authors, want) {
		s.t.Errorf("the forwards of %s are said to be changed by %v, want %v", person, authors, want)
	}
}

// stored is what the PBX's database has under a key; empty: nothing.
func (s *site) stored(family, key string) string {
	s.t.Helper()
	_, value, _ := strings.Cut(s.database("get "+family+" "+key), "Value: ")
	return strings.TrimSpace(value)
}

// TestForwardingCommands gives commands as programs do, to a daemon that will not find out by itself what others do.
func TestForwardingCommands(t *testing.T) {
	t.Parallel()
	all := newSite(t, withCommanders(t, func(yaml string) string {
		return yaml + `
forwarding:
  families: {no_answer_seconds: CFUT}
  allowed_destinations: ["^[0-9]{2,5}$", "^0049"]
  poll: 1h
`
	}))
	ben, dora, fatma := all.phone("102"), all.phone("104"), all.phone("106")
	test := func(name string, run func(*testing.T, *site)) {
		t.Run(name, func(t *testing.T) { run(t, all.in(t)) })
	}
	all.storeIsRead()
	const ofBen = `{"person":"ben"}`

	test("F1 F4 one's own, of each kind, and the PBX does it", func(t *testing.T, s *site) {
		for _, x := range []struct {
			body, shown, family string
			bring               func(*softphone.Call)
		}{
			{`"kind":"always","target":"104"`, "always 104>104 by ben", "CF", nil},
			{`"kind":"busy","target":"104"`, "busy 104>104 by ben", "CFB", func(c *softphone.Call) { s.must("decline", c.Decline(486)) }},
			{`"kind":"no_answer","target":"104","after_seconds":1`, "no_answer 104>104 after 1 by ben", "CFU", func(*softphone.Call) {}},
		} {
			mark := s.watch.mark()
			s.done("ben", "forwarding.set", `{"person":"ben",`+x.body+`}`, true)
			s.forwards(mark, "ben", x.shown)
			s.forwardedBy(mark, "ben", "ben")
			if got := s.stored(x.family, "102"); got != "104" {
				t.Errorf("%s: stored %q", x.body, got)
			}
			s.done("ben", "forwarding.set", `{"person":"ben",`+x.body+`}`, false)
			caller := s.dial(fatma, "102")
			if x.bring != nil {
				x.bring(s.rings(ben))
			}
			s.rings(dora)
			s.must("hang up", caller.Hangup(s.ctx()))
			s.quiet()
			mark = s.watch.mark()
			kind, _, _ := strings.Cut(x.shown, " ")
			s.done("ben", "forwarding.cancel", `{"person":"ben","kind":"`+kind+`"}`, true)
			s.forwards(mark, "ben", "")
			s.done("ben", "forwarding.cancel", `{"person":"ben","kind":"`+kind+`"}`, false)
			s.forwardedBy(mark, "ben", "ben")
			if got := s.stored(x.family, "102"); got != "" {
				t.Errorf("%s: cancelled, stored %q", x.body, got)
			}
		}
	})
	test("F4 H1 whose it may be, and the history says whose it was", func(t *testing.T, s *site) {
		const set = `{"person":"ben","kind":"busy","target":"104"}`
		mark := s.watch.mark()
		s.done("anna", "forwarding.set", set, true)
		s.forwards(mark, "ben", "busy 104>104 by anna")
		s.refusedWith("not_admin", "emil", "forwarding.set", set)
		s.refusedWith("not_supervisor", "hana", "forwarding.set", set)
		s.refusedWith("not_supervisor", "carla", "forwarding.cancel", ofBen)
		s.refusedWith("not_found", "anna", "forwarding.set", `{"person":"nobody","kind":"busy","target":"104"}`)
		s.done("emil", "forwarding.cancel", ofBen, true)
		s.forwards(mark, "ben", "")
		for _, reader := range []string{"ben", "anna", "emil"} {
			events := s.command(reader, "history.get", `{"limit":2}`).Events
			if len(events) != 2 || events[0].Type != "forwarding.changed" || events[0].Subject != "ben" || events[0].By.Person != "emil" ||
				events[0].By.Via != "nats" || events[1].By.Person != "anna" || events[1].Person != "ben" {
				t.Errorf("%s reads %+v", reader, events)
			}
		}
		if events := s.command("hana", "history.get", "").Events; len(events) > 0 {
			t.Errorf("hana reads %+v", events)
		}
	})
	test("F4 H1 two change one line at the same moment", func(t *testing.T, s *site) {
		for range 5 {
			mark := s.watch.mark()
			var both sync.WaitGroup
			for actor, body := range map[string]string{"anna": `"kind":"always","target":"104"`, "ben": `"kind":"busy","target":"105"`} {
				both.Go(func() {
					if r, err := commandOn(s.watch.conn, actor, "forwarding.set", `{"person":"ben",`+body+`}`); err != nil || !r.OK || !r.Changed {
						t.Errorf("%s: %+v, %v", actor, r, err)
					}
				})
			}
			both.Wait()
			s.forwards(mark, "ben", "always 104>104 by anna, busy 105>105 by ben")
			for _, kind := range []string{"always", "busy"} {
				by := map[string]string{"always": "anna", "busy": "ben"}[kind]
				s.watch.await(mark, kind+" by "+by, func(m message) bool {
					var body eventBody
					if m.subject != "event.forwarding.changed.ben" {
						return false
					}
					s.must("the event", json.Unmarshal(m.data, &body))
					begins := strings.Contains(describeForwards(t, body.Document), kind) && !strings.Contains(describeForwards(t, body.Before), kind)
					if begins && body.By.Person != by {
						t.Errorf("%s is said to be by %q", kind, body.By.Person)
					}
					return begins
				})
			}
			mark = s.watch.mark()
			s.done("ben", "forwarding.cancel", ofBen, true)
			s.forwardedBy(mark, "ben", "ben")
		}
	})
	test("F7 what somebody else did meanwhile", func(t *testing.T, s *site) {
		// Cancelled, though nothing was known to be set.
		mark := s.watch.mark()
		s.database("put CF 102 105")
		s.done("emil", "forwarding.cancel", ofBen, true)
		s.forwardedBy(mark, "ben", "-", "emil")
		if got := s.stored("CF", "102"); got != "" {
			t.Errorf("cancelled, and stored %q", got)
		}
		// Set, though it was known to be so.
		mark = s.watch.mark()
		s.done("ben", "forwarding.set", `{"person":"ben","kind":"always","target":"104"}`, true)
		s.forwardedBy(mark, "ben", "ben")
		s.database("del CF 102")
		mark = s.watch.mark()
		s.done("ben", "forwarding.set", `{"person":"ben","kind":"always","target":"104"}`, true)
		s.forwardedBy(mark, "ben", "-", "ben")
		if got := s.stored("CF", "102"); got != "104" {
			t.Errorf("set, and stored %q", got)
		}
		s.done("ben", "forwarding.cancel", ofBen, true)
		s.database("put DND 102 YES")
		s.done("ben", "dnd.set", `{"person":"ben","on":false}`, true)
		if got := s.stored("DND", "102"); got != "" {
			t.Errorf("do-not-disturb is %q", got)
		}
	})
	test("F4 S3 one's own do-not-disturb", func(t *testing.T, s *site) {
		for _, on := range []bool{true, false} {
			mark := s.watch.mark()
			body := fmt.Sprintf(`{"person":"ben","on":%t}`, on)
			s.done("ben", "dnd.set", body, true)
			s.done("ben", "dnd.set", body, false)
			document(s.watch, mark, "person.ben", body, func(d personDocument) bool {
				return d.DND == on && (d.Presence.State == "dnd" && d.Presence.Source == "dnd") == on
			})
			if body, m := s.watch.event(mark, "dnd.changed", "ben"); body.By.Person != "ben" || body.By.Via != "nats" || (s.stored("DND", "102") == "YES") != on {
				t.Errorf("announced %s, stored %q", m.data, s.stored("DND", "102"))
			}
			if on {
				if end := s.ended(s.dial(fatma, "102")); end.Code != 486 {
					t.Errorf("a call is ended by %+v", end)
				}
			}
		}
		s.refusedWith("not_admin", "anna", "dnd.set", `{"person":"ben","on":true}`)
	})
	test("G4 S7 the forwards of who is logged out are nobody else's", testForwardsOfLoggedOut)
	test("F6 what is no destination never gets to the PBX", testBadDestinations)
	test("F7 the PBX is away", func(_ *testing.T, s *site) {
		mark := s.watch.mark()
		s.pbx.Kill()
		s.watch.event(mark, "pbx.disconnected", "hq")
		s.nothingConfirmed()
	})
}

// nothingConfirmed proves that no command about the PBX's store succeeds.
func (s *site) nothingConfirmed() {
	s.t.Helper()
	s.refusedWith("pbx_unavailable", "ben", "forwarding.set", `{"person":"ben","kind":"busy","target":"104"}`)
	s.refusedWith("pbx_unavailable", "ben", "forwarding.cancel", `{"person":"ben"}`)
	s.refusedWith("pbx_unavailable", "anna", "forwarding.cancel", `{"person":"ben","kind":"always"}`)
	s.refusedWith("pbx_unavailable", "ben", "dnd.set", `{"person":"ben","on":true}`)
	s.refusedWith("pbx_unavailable", "ben", "dnd.set", `{"person":"ben","on":false}`)
}

// F7 on a PBX that has none of the generated dialplan: nothing is known of the store, and nothing is confirmed.
func TestForwardingWithoutDialplan(t *testing.T) {
	t.Parallel()
	o := withCommanders(t, func(yaml string) string {
		return yaml + "\nforwarding: {allowed_destinations: [\"^[0-9]{3}$\"]}\n"
	})
	o.noDialplan = true
	s := newSite(t, o)
	s.database("put CF 102 104")
	s.nothingConfirmed()
	if got := s.stored("CF", "102"); got != "104" {
		t.Errorf("stored is %q", got)
	}
}

func testForwardsOfLoggedOut(t *testing.T, s *site) {
	reads := func(reader string, want int) {
		t.Helper()
		n := 0
		for _, e := range s.command(reader, "history.get", `{"limit":1000}`).Events {
			if e.Type == "forwarding.changed" && e.Subject == "carla" {
				n++
			}
		}
		if n != want {
			t.Errorf("%s reads of %d changes, want %d", reader, n, want)
		}
	}
	set := func(kind string) {
		t.Helper()
		s.done("carla", "forwarding.set", `{"person":"carla","kind":"`+kind+`","target":"104"}`, true)
	}
	set("busy")
	reads("emil", 1)
	s.done("carla", "group.leave", `{"group":"sales"}`, true)
	set("always")
	for reader, want := range map[string]int{"carla": 2, "emil": 0, "anna": 0} {
		reads(reader, want)
	}
	for _, admin := range []string{"emil", "anna"} {
		s.refusedWith("not_supervised", admin, "forwarding.cancel", `{"person":"carla"}`)
	}
	s.refusedWith("not_supervised", "anna", "forwarding.set", `{"person":"carla","kind":"busy","target":"105"}`)
	s.done("carla", "group.join", `{"group":"sales"}`, true)
	s.done("emil", "forwarding.cancel", `{"person":"carla"}`, true)
	for reader, want := range map[string]int{"carla": 3, "emil": 2, "anna": 2} {
		reads(reader, want)
	}
}

func testBadDestinations(t *testing.T, s *site) {
	s.done("dora", "forwarding.set", `{"person":"dora","kind":"always","target":"102"}`, true)
	before, log := s.database("show"), len(s.pbx.Log())
	targets := map[string][]string{
		"self":        {"102"},
		"loop":        {"104"},
		"not_allowed": {"0900123456", "+4989123", "*98", "123456", "1"},
		"length":      {strings.Repeat("1", 5000), "0049" + strings.Repeat("1", 29)},
		"characters": {
			"104&105", "104&PJSIP/105", "104@outside", "104@internal", "Local/900@internal", "104,1,Hangup()", "104)", "(", "104)}${SHELL(id)}", "${SHELL(id)}",
			"${EXTEN}", "$[1+1]", "104\nexten => _X.,1,System(id)", "104\n", "\n104", "104\r", "104\x00", " 104", "104 ", "104;105", `104"`, `"104"`,
			"'104'", `104\`, "104|105", "104=105", "104%0a", "sip:104", "१०४", "1+04", "++49", "+", strings.Repeat("${X}", 1250),
		},
	}
	for reason, all := range targets {
		for _, target := range all {
			for _, kind := range []string{"always", "busy", "no_answer"} {
				body, err := json.Marshal(map[string]string{"person": "ben", "kind": kind, "target": target})
				s.must("the body", err)
				if r := s.refusedWith("destination_refused", "ben", "forwarding.set", string(body)); r.Details["reason"] != reason {
					t.Errorf("%.40q is refused for %s, want %s", target, r.Details["reason"], reason)
				}
			}
		}
	}
	for _, body := range []string{
		`"kind":"phone","target":"105"`, `"kind":"always","target":"105","after_seconds":20`, `"kind":"no_answer","target":"105","after_seconds":301`,
		`"kind":"no_answer","target":"105","after_seconds":-1`, `"kind":"always","target":105`, `"kind":"always)=x","target":"105"`, `"kind":"always","target":""`,
	} {
		if r := s.command("ben", "forwarding.set", `{"person":"ben",`+body+`}`); r.Code != "invalid" && r.Code != "destination_refused" {
			t.Errorf("%s: %+v", body, r)
		}
	}
	for _, person := range []string{"102", "ben)", "ben\n", "${X}"} {
		body, err := json.Marshal(map[string]string{"person": person})
		s.must("the body", err)
		if r := s.command("ben", "forwarding.cancel", string(body)); r.Code != "not_found" && r.Code != "invalid" {
			t.Errorf("%q: %+v", person, r)
		}
	}
	if after := s.database("show"); after != before {
		t.Errorf("the PBX's database was\n%s\nand is\n%s", before, after)
	}
	said := s.pbx.Log()[log:]
	for _, bad := range []string{"WARNING[", "ERROR[", "supervision-store-write", "SHELL", "System(", "uid=", "0900123456"} {
		if strings.Contains(said, bad) {
			t.Errorf("the PBX's log has %s:\n%s", bad, said)
		}
	}
	s.done("dora", "forwarding.cancel", `{"person":"dora"}`, true)
}
