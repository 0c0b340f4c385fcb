package acceptance

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"supervisiond/test/lab"
	"supervisiond/test/softphone"
)

type forward struct {
	Kind, Target, Effective string
	Loop                    bool
	AfterSeconds            int    `json:"after_seconds"`
	SetBy                   string `json:"set_by"`
	Since                   string
}

// describeForwards says how a document's line is forwarded: `always 104>105 loop, no_answer 106>106 after 20 by ben`.
func describeForwards(t *testing.T, document []byte) string {
	t.Helper()
	var d struct{ Forwarding []forward }
	if err := json.Unmarshal(document, &d); err != nil {
		t.Fatalf("%v: %s", err, document)
	}
	var all []string
	for _, f := range d.Forwarding {
		text := fmt.Sprintf("%s %s>%s", f.Kind, f.Target, f.Effective)
		if f.Loop {
			text += " loop"
		}
		if f.AfterSeconds != 0 {
			text += fmt.Sprintf(" after %d", f.AfterSeconds)
		}
		if f.SetBy != "" {
			text += " by " + f.SetBy
		}
		all = append(all, text)
	}
	return strings.Join(all, ", ")
}

// forwards waits until a person's line is forwarded as described; empty: not at all.
func (s *site) forwards(mark int, person, want string) message {
	s.t.Helper()
	return s.watch.await(mark, person+" forwarded: "+want, func(m message) bool {
		return m.subject == "state.person."+person && len(m.data) > 0 && describeForwards(s.t, m.data) == want
	})
}

// forwardsThroughout proves that all that was published of a person since a mark says this.
func (s *site) forwardsThroughout(mark int, person, want string) {
	s.t.Helper()
	for _, m := range s.watch.since(mark) {
		if m.subject == "state.person."+person && describeForwards(s.t, m.data) != want {
			s.t.Errorf("%s is forwarded: %s; want %s throughout", person, describeForwards(s.t, m.data), want)
		}
	}
}

// storeIsRead waits until the PBX's store was read for the first time: what was there before is no change.
func (s *site) storeIsRead() {
	s.t.Helper()
	ctx := s.ctx()
	for s.count("supervisiond_store_reads_total") == "0" {
		s.must("the first read of the store", ctx.Err())
	}
}

// busy waits until somebody is busy, or no longer.
func (s *site) busy(mark int, person string, want bool) {
	s.t.Helper()
	document(s.watch, mark, "person."+person, fmt.Sprintf("busy: %t", want), func(d personDocument) bool {
		return (d.Presence.State == "busy") == want
	})
}

func (s *site) database(command string) string {
	s.t.Helper()
	out, err := s.pbx.CLI(s.ctx(), "database "+command)
	s.must("database "+command, err)
	return out
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
	testForwarding(t, lab.Options{})
}

func TestForwardingOnFreePBX(t *testing.T) {
	t.Parallel()
	testForwarding(t, lab.Options{Layout: lab.FreePBX})
}

func testForwarding(t *testing.T, o lab.Options) {
	const poll = time.Second
	options := withCommanders(t, func(yaml string) string {
		return yaml + "\nforwarding: {poll: 1s, allowed_destinations: [\"^[0-9]{2,5}$\"]}\n"
	})
	options.lab = o
	s := newSite(t, options)
	anna, ben, dora, emil, fatma, hana := s.phone("101"), s.phone("102"), s.phone("104"), s.phone("105"), s.phone("106"), s.phone("108")
	home := s.phone("101-home")
	s.storeIsRead()

	t.Run("F2 set behind our back, noticed within the polling interval, without an author", func(t *testing.T) {
		s := s.in(t)
		mark := s.watch.mark()
		began := time.Now()
		s.database("put CF 102 104")
		m := s.forwards(mark, "ben", "always 104>104")
		if took := m.at.Sub(began); took > poll+slack { // 5 s, if nothing is configured
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
		mark = s.watch.mark()
		s.database("del CF 104")
		s.forwards(mark, "ben", "always 104>104")
		// By way of a line that is nobody's: it is told, and it cannot be set.
		mark = s.watch.mark()
		s.database("put CF 150 102")
		s.database("put CFB 102 150")
		s.forwards(mark, "ben", "always 104>104, busy 150>150 loop")
		if r := s.refusedWith("destination_refused", "ben", "forwarding.set", `{"person":"ben","kind":"always","target":"150"}`); r.Details["reason"] != "loop" {
			t.Errorf("%+v", r)
		}
		s.database("del CF 150")
		s.database("del CFB 102")
		s.forwards(s.watch.mark(), "ben", "always 104>104")
	})
	t.Run("F4 F7 a supervisor cancels by code, and the PBX has confirmed when the tone is heard", func(t *testing.T) {
		s := s.in(t)
		mark := s.watch.mark()
		s.refused(hana, "*26102", 403, "Not a supervisor")
		s.confirmed(emil, "*26102")
		s.forwards(mark, "ben", "")
		if out := s.database("show CF"); strings.Contains(out, "102") {
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
	t.Run("F5 the phone's own, until it rings again", func(t *testing.T) {
		s := s.in(t)
		mark := s.watch.mark()
		caller := s.dial(fatma, "102")
		s.must("redirect", s.rings(ben).Redirect("104"))
		s.forwards(mark, "ben", "phone 104>104")
		s.must("hang up", caller.Hangup(s.ctx()))
		s.refused(anna, "*26102", 403, "Set on the phone")
		s.refusedWith("set_on_phone", "anna", "forwarding.cancel", `{"person":"ben"}`)
		s.refusedWith("set_on_phone", "ben", "forwarding.cancel", `{"person":"ben","kind":"phone"}`)
		s.quiet()
		mark = s.watch.mark()
		caller = s.dial(fatma, "102")
		s.rings(ben)
		s.forwards(mark, "ben", "")
		s.must("hang up", caller.Hangup(s.ctx()))
		s.quiet()
	})
	t.Run("F5 a call that the phone makes ends nothing, and a second call that rings it does", func(t *testing.T) {
		s := s.in(t)
		mark := s.watch.mark()
		own := s.dial(ben, "300")
		s.must("talk", own.Wait(s.ctx(), softphone.Talking))
		caller := s.dial(fatma, "102")
		s.must("redirect", s.rings(ben).Redirect("104"))
		s.forwards(mark, "ben", "phone 104>104")
		mark = s.watch.mark()
		s.must("hang up", caller.Hangup(s.ctx()))
		s.must("hang up", own.Hangup(s.ctx()))
		s.busy(mark, "ben", false)
		again := s.watch.mark()
		own = s.dial(ben, "300")
		s.must("talk", own.Wait(s.ctx(), softphone.Talking))
		s.busy(again, "ben", true)
		s.forwardsThroughout(mark, "ben", "phone 104>104")
		mark = s.watch.mark()
		caller = s.dial(fatma, "102")
		s.rings(ben)
		s.forwards(mark, "ben", "")
		s.must("hang up", caller.Hangup(s.ctx()))
		s.must("hang up", own.Hangup(s.ctx()))
		s.quiet()
	})
	t.Run("F5 of two phones one forwards, and the other rings and is answered", func(t *testing.T) {
		s := s.in(t)
		mark := s.watch.mark()
		caller := s.dial(fatma, "101")
		rings := s.rings(home)
		s.must("redirect", s.rings(anna).Redirect("104"))
		s.forwards(mark, "anna", "phone 104>104")
		mark = s.watch.mark()
		s.must("answer", rings.Answer())
		s.talk(caller, rings)
		s.must("hang up", caller.Hangup(s.ctx()))
		s.busy(mark, "anna", false)
		s.forwardsThroughout(mark, "anna", "phone 104>104")
		s.quiet()
		mark = s.watch.mark()
		caller = s.dial(fatma, "101")
		s.rings(anna)
		s.forwards(mark, "anna", "")
		s.must("hang up", caller.Hangup(s.ctx()))
		s.quiet()
	})
	t.Run("F2 whatever somebody stores is shown as it is, and never carried out", func(t *testing.T) {
		s := s.in(t)
		type place struct{ user, kind, family string }
		var places []place
		for _, family := range []string{"CF", "CFB", "CFU"} {
			kind := map[string]string{"CF": "always", "CFB": "busy", "CFU": "no_answer"}[family]
			for _, user := range []string{"102", "103", "104", "105", "106", "107", "108", "109", "110"} {
				places = append(places, place{user, kind, family})
			}
		}
		for values := range slices.Chunk(hostile, len(places)) {
			mark := s.watch.mark()
			for i, value := range values {
				storePut(t, s.pbx, places[i].family, places[i].user, value)
			}
			for i, value := range values {
				p := places[i]
				s.watch.await(mark, fmt.Sprintf("%s of %s: %s", p.kind, p.user, value), func(m message) bool {
					var d struct{ Forwarding []forward }
					return m.subject == "state.person."+personOf[p.user] && json.Unmarshal(m.data, &d) == nil &&
						slices.ContainsFunc(d.Forwarding, func(f forward) bool { return f.Kind == p.kind && f.Target == value })
				})
			}
			// Each is cancelled by whose it is.
			for user, person := range personOf {
				if user != "101-home" {
					s.command(person, "forwarding.cancel", `{"person":"`+person+`"}`)
				}
			}
			for _, family := range []string{"CF", "CFB", "CFU"} {
				if out := s.database("show " + family); !strings.Contains(out, "0 results found") {
					t.Errorf("left is\n%s", out)
				}
			}
		}
	})
	t.Run("G10 families do not change by a reload", func(t *testing.T) {
		s := s.in(t)
		line := len(s.daemon.log())
		s.change(func(yaml string) string {
			return strings.Replace(yaml, "forwarding: {poll: 1s", "forwarding: {families: {no_answer_seconds: CFUT}, poll: 1s", 1)
		})
		if part := s.daemon.loggedFrom(line, "changes with the next start only")["part"]; part != "forwarding.families" {
			t.Errorf("the log names %v", part)
		}
		s.daemon.loggedFrom(line, "the configuration was reloaded")
		const set = `{"person":"ben","kind":"no_answer","target":"104"`
		if r := s.refusedWith("invalid", "ben", "forwarding.set", set+`,"after_seconds":20}`); r.Details["reason"] != "seconds" {
			t.Errorf("%+v", r)
		}
		s.done("ben", "forwarding.set", set+"}", true)
		s.done("ben", "forwarding.cancel", `{"person":"ben"}`, true)
	})
	s.quiet()
}
