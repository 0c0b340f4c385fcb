package acceptance

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"supervisiond/test/lab"
	"supervisiond/test/softphone"
)

// story is one call from its ring to its end.
type story struct {
	name string
	// act brings the call about and gives its caller.
	act func(*site, map[string]*softphone.Phone) *softphone.Call
	// ringing is who rings once all do, in any order.
	ringing string
	caller  string // number and name, or withheld
	dialled string
	via     string
	// end ends it, given the caller and the phones that ring.
	end   func(*site, *softphone.Call, map[string]*softphone.Phone)
	state string
	event string
	by    string // answered_by
}

func from(user, number string) func(*site, map[string]*softphone.Phone) *softphone.Call {
	return func(s *site, phones map[string]*softphone.Phone) *softphone.Call { return s.dial(phones[user], number) }
}

func hangUp(s *site, caller *softphone.Call, _ map[string]*softphone.Phone) {
	s.must("hang up", caller.Hangup(s.ctx()))
}

func answerAt(user string) func(*site, *softphone.Call, map[string]*softphone.Phone) {
	return func(s *site, caller *softphone.Call, phones map[string]*softphone.Phone) {
		call := s.rings(phones[user])
		s.must("answer", call.Answer())
		s.talk(caller, call)
		s.must("hang up", caller.Hangup(s.ctx()))
	}
}

func declineAt(users ...string) func(*site, *softphone.Call, map[string]*softphone.Phone) {
	return func(s *site, caller *softphone.Call, phones map[string]*softphone.Phone) {
		for _, u := range users {
			s.must("decline", s.rings(phones[u]).Decline(486))
		}
		s.ended(caller)
	}
}

func timeOut(s *site, caller *softphone.Call, _ map[string]*softphone.Phone) { s.ended(caller) }

// TestCalls shows each way in which a call can come and go (R1 to R6) on one PBX, one call after the other.
func TestCalls(t *testing.T) {
	t.Parallel()
	testCalls(t, lab.Options{})
}

// TestCallsOnFreePBX: the same on a PBX that is laid out as FreePBX does it, and what only such a one has.
func TestCallsOnFreePBX(t *testing.T) {
	t.Parallel()
	testCalls(t, lab.Options{Layout: lab.FreePBX}, freePBXStories...)
}

// freePBXStories are calls by way of what the plain layout has not.
var freePBXStories = []story{
	{
		name: "R2 ring group whose others are not told that it was answered elsewhere", act: from("106", "702"),
		ringing: "ben carla dora", caller: "106 Fatma Aydin", dialled: "702", via: "ring_group 702",
		end: answerAt("103"), state: "answered", event: "call.answered", by: "carla",
	},
	{
		name: "R3 hunt group, the first", act: from("106", "703"),
		ringing: "ben", caller: "106 Fatma Aydin", dialled: "703",
		end: hangUp, state: "abandoned", event: "call.ended",
	},
	{
		name: "R3 S6 follow-me of somebody who is not there", act: from("106", "107"),
		ringing: "carla dora", caller: "106 Fatma Aydin", dialled: "107", via: "forward 107",
		end: answerAt("104"), state: "answered", event: "call.answered", by: "dora",
	},
	{
		name: "S6 forwarded by the PBX", act: forwarded("CF", "102", "104", from("106", "102")),
		ringing: "dora", caller: "106 Fatma Aydin", dialled: "102", via: "forward 102",
		end: clearForward("CF", "102", answerAt("104")), state: "answered", event: "call.answered", by: "dora",
	},
	{
		name: "R3 S6 forwarded by the PBX behind a local channel", act: forwarded("CF", "102", "104", from("106", "750")),
		ringing: "dora", caller: "106 Fatma Aydin", dialled: "750", via: "forward 102",
		end: clearForward("CF", "102", answerAt("104")), state: "answered", event: "call.answered", by: "dora",
	},
	{
		name: "S6 forwarded by the PBX, called from outside",
		act: forwarded("CF", "102", "104", func(s *site, phones map[string]*softphone.Phone) *softphone.Call {
			return s.dial(phones["trunk"], "4930102", softphone.From("+4930555", "Dr. Weiß"))
		}),
		ringing: "dora", caller: "+4930555 Dr. Weiß", dialled: "4930102", via: "forward 102",
		end: clearForward("CF", "102", hangUp), state: "abandoned", event: "call.ended",
	},
	{
		name: "S6 forwarded by the PBX when busy", act: forwarded("CFB", "102", "104", func(s *site, phones map[string]*softphone.Phone) *softphone.Call {
			caller := s.dial(phones["106"], "102")
			s.must("decline", s.rings(phones["102"]).Decline(486))
			return caller
		}),
		ringing: "dora", caller: "106 Fatma Aydin", dialled: "102", via: "forward 102",
		end: clearForward("CFB", "102", answerAt("104")), state: "answered", event: "call.answered", by: "dora",
	},
	{
		name: "R3 queue, called from outside",
		act: func(s *site, phones map[string]*softphone.Phone) *softphone.Call {
			return s.dial(phones["trunk"], "4930801", softphone.From("+4930555", "Dr. Weiß"))
		},
		ringing: "ben carla", caller: "+4930555 Dr. Weiß", dialled: "4930801", via: "queue 801 801",
		end: hangUp, state: "abandoned", event: "call.ended",
	},
	{
		name: "R4 withheld by the caller, in a ring group through local channels",
		act: func(s *site, phones map[string]*softphone.Phone) *softphone.Call {
			return s.dial(phones["trunk"], "4930701", softphone.Anonymous(),
				softphone.AssertedIdentity("+4930555", "Dr. Geheim"), softphone.Privacy("id"))
		},
		ringing: "ben carla", caller: "withheld", dialled: "4930701", via: "ring_group 701",
		end: answerAt("102"), state: "answered", event: "call.answered", by: "ben",
	},
}

// forwarded sets a forward as the PBX's own web page does, in the AstDB, before it lets the call be made.
func forwarded(family, number, to string, act func(*site, map[string]*softphone.Phone) *softphone.Call) func(*site, map[string]*softphone.Phone) *softphone.Call {
	return func(s *site, phones map[string]*softphone.Phone) *softphone.Call {
		_, err := s.pbx.CLI(s.ctx(), "database put "+family+" "+number+" "+to)
		s.must("set a forward", err)
		return act(s, phones)
	}
}

func clearForward(family, number string, end func(*site, *softphone.Call, map[string]*softphone.Phone)) func(*site, *softphone.Call, map[string]*softphone.Phone) {
	return func(s *site, caller *softphone.Call, phones map[string]*softphone.Phone) {
		end(s, caller, phones)
		_, err := s.pbx.CLI(s.ctx(), "database del "+family+" "+number)
		s.must("cancel a forward", err)
	}
}

func testCalls(t *testing.T, o lab.Options, more ...story) {
	context := o.PhoneContext()
	o.ExtraExtensions = fmt.Sprintf(`
[%s](+)
exten => 772,1,Dial(Local/102@%s&Local/103@%s,2)
 same => n,Hangup(19)
`, context, context, context)
	s := newSite(t, options{lab: o})
	phones := make(map[string]*softphone.Phone)
	for _, user := range []string{"102", "103", "104", "106"} {
		phones[user] = s.phone(user)
	}
	phones["trunk"] = s.outside()

	stories := []story{
		{
			name: "R1 plain call, answered by the member", act: from("106", "102"),
			ringing: "ben", caller: "106 Fatma Aydin", dialled: "102",
			end: answerAt("102"), state: "answered", event: "call.answered", by: "ben",
		},
		{
			name: "R5 the caller hangs up", act: from("106", "102"),
			ringing: "ben", caller: "106 Fatma Aydin", dialled: "102",
			end: hangUp, state: "abandoned", event: "call.ended",
		},
		{
			name: "R5 nobody answers", act: from("106", "9102"),
			ringing: "ben", caller: "106 Fatma Aydin", dialled: "9102",
			end: timeOut, state: "no_answer", event: "call.ended",
		},
		{
			name: "R5 the phone refuses", act: from("106", "102"),
			ringing: "ben", caller: "106 Fatma Aydin", dialled: "102",
			end: declineAt("102"), state: "declined", event: "call.ended",
		},
		{
			name: "R5 all phones of a ring group refuse", act: from("106", "700"),
			ringing: "ben carla dora", caller: "106 Fatma Aydin", dialled: "700", via: "ring_group 700",
			end: declineAt("102", "103", "104"), state: "declined", event: "call.ended",
		},
		{
			name: "R2 ring group: one call, three people", act: from("106", "700"),
			ringing: "ben carla dora", caller: "106 Fatma Aydin", dialled: "700", via: "ring_group 700",
			end: answerAt("103"), state: "answered", event: "call.answered", by: "carla",
		},
		{
			name: "R2 R3 ring group through local channels", act: from("106", "701"),
			ringing: "ben carla", caller: "106 Fatma Aydin", dialled: "701", via: "ring_group 701",
			end: answerAt("102"), state: "answered", event: "call.answered", by: "ben",
		},
		{
			name: "R5 nobody answers in a ring group through local channels", act: from("106", "772"),
			ringing: "ben carla", caller: "106 Fatma Aydin", dialled: "772", via: "ring_group 772",
			end: timeOut, state: "no_answer", event: "call.ended",
		},
		{
			name: "R2 queue", act: from("106", "800"),
			ringing: "ben carla", caller: "106 Fatma Aydin", dialled: "800", via: "queue 800 support",
			end: answerAt("103"), state: "answered", event: "call.answered", by: "carla",
		},
		{
			name: "R3 queue through local channels", act: from("106", "801"),
			ringing: "ben carla", caller: "106 Fatma Aydin", dialled: "801", via: "queue 801 support-local",
			end: hangUp, state: "abandoned", event: "call.ended",
		},
		{
			name: "R3 two local channels", act: from("106", "750"),
			ringing: "ben", caller: "106 Fatma Aydin", dialled: "750",
			end: answerAt("102"), state: "answered", event: "call.answered", by: "ben",
		},
		{
			name: "R4 withheld by the PBX", act: from("106", "6102"),
			ringing: "ben", caller: "withheld", dialled: "6102",
			end: hangUp, state: "abandoned", event: "call.ended",
		},
		{
			name: "R4 withheld by the caller",
			act: func(s *site, phones map[string]*softphone.Phone) *softphone.Call {
				return s.dial(phones["trunk"], "4930102", softphone.Anonymous(),
					softphone.AssertedIdentity("+4930555", "Dr. Geheim"), softphone.Privacy("id"))
			},
			ringing: "ben", caller: "withheld", dialled: "4930102",
			end: hangUp, state: "abandoned", event: "call.ended",
		},
		{
			name: "R3 a caller from outside",
			act: func(s *site, phones map[string]*softphone.Phone) *softphone.Call {
				return s.dial(phones["trunk"], "4930700", softphone.From("+4930555", "Dr. Weiß"))
			},
			ringing: "ben carla dora", caller: "+4930555 Dr. Weiß", dialled: "4930700", via: "ring_group 700",
			end: hangUp, state: "abandoned", event: "call.ended",
		},
		{
			name: "S6 forwarded by the phone (302)",
			act: func(s *site, phones map[string]*softphone.Phone) *softphone.Call {
				caller := s.dial(phones["106"], "102")
				s.must("redirect", s.rings(phones["102"]).Redirect("104"))
				return caller
			},
			ringing: "dora", caller: "106 Fatma Aydin", dialled: "102", via: "forward 102",
			end: answerAt("104"), state: "answered", event: "call.answered", by: "dora",
		},
	}
	var ids []string
	for _, x := range append(stories, more...) {
		x.via = o.QueueNames().Replace(x.via)
		t.Run(x.name, func(t *testing.T) {
			s := s.in(t)
			mark := s.watch.mark()
			caller := x.act(s, phones)
			call := s.watch.awaitCall(mark, "rings "+x.ringing, func(d callDocument) bool {
				return d.State == "ringing" && sameWords(d.people(), x.ringing)
			})
			checkCall(t, call, x)
			_, m := s.watch.event(mark, "call.ringing", call.ID)
			checkEvent(t, m, "call.ringing", call.ID)
			if x.caller == "withheld" {
				checkNowhere(t, s, mark, "Fatma", "106", "Geheim", "4930555")
			}

			x.end(s, caller, phones)
			ended := s.watch.awaitCall(mark, "ends", func(d callDocument) bool { return d.ID == call.ID && d.State != "ringing" })
			if ended.State != x.state || ended.AnsweredBy != x.by || ended.EndedAt == "" {
				t.Errorf("ended %s, answered by %q at %q; want %s by %q", ended.State, ended.AnsweredBy, ended.EndedAt, x.state, x.by)
			}
			s.watch.event(mark, x.event, call.ID)
			s.quiet()
			ids = append(ids, call.ID)
			if got := fmt.Sprint(s.watch.eventsOf(call.ID)); got != fmt.Sprintf("[call.ringing %s]", x.event) {
				t.Errorf("events of the call: %s", got)
			}
			s.drain(phones)
		})
	}
	// Three seconds after its end a call's document is gone.
	for _, id := range ids {
		s.purged(id)
	}
}

// purged waits until a call's document is gone.
func (s *site) purged(id string) {
	s.t.Helper()
	s.watch.await(0, "the end of call."+id, func(m message) bool {
		return m.subject == "state.call."+id && len(m.data) == 0
	})
}

// drain forgets calls that came to phones which nobody asked about.
func (s *site) drain(phones map[string]*softphone.Phone) {
	s.t.Helper()
	done, cancel := expired()
	defer cancel()
	for _, p := range phones {
		for {
			if _, err := p.Incoming(done); err != nil {
				break
			}
		}
	}
}

func checkCall(t *testing.T, call callDocument, x story) {
	t.Helper()
	caller := strings.TrimSpace(call.Caller.Number + " " + call.Caller.Name)
	if call.Caller.Withheld {
		caller = strings.TrimSpace("withheld " + caller)
	}
	var via []string
	for _, v := range call.Via {
		via = append(via, strings.TrimSpace(v.Kind+" "+v.Number+" "+v.Name))
	}
	if caller != x.caller || call.Dialled != x.dialled || strings.Join(via, ", ") != x.via {
		t.Errorf("caller %q, dialled %q, via %q; want %q, %q, %q", caller, call.Dialled, via, x.caller, x.dialled, x.via)
	}
	for _, r := range call.Ringing {
		if len(r.Groups) != 1 || r.Groups[0] != "sales" {
			t.Errorf("%s is supervised through %v", r.Person, r.Groups)
		}
	}
	if since := time.Since(call.Since); since < -time.Second || since > patience {
		t.Errorf("rings since %v", call.Since)
	}
}

// checkEvent checks the CloudEvents headers.
func checkEvent(t *testing.T, m message, kind, entity string) {
	t.Helper()
	want := map[string]string{
		"ce-specversion": "1.0", "ce-source": "/supervision/hq", "ce-type": "supervision.v1." + kind, "ce-subject": entity,
	}
	for k, v := range want {
		if got := m.header.Get(k); got != v {
			t.Errorf("%s is %q, want %q", k, got, v)
		}
	}
	for _, k := range []string{"ce-id", "ce-time", "ce-epoch"} {
		if m.header.Get(k) == "" {
			t.Errorf("%s is missing", k)
		}
	}
}
