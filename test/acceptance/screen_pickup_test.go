package acceptance

import (
	"strings"
	"testing"

	"supervisiond/test/lab"
	"supervisiond/test/softphone"
)

// asked lets a program ask without waiting for the answer.
func (s *site) asked(actor, verb, body string) <-chan reply {
	answer := make(chan reply, 1)
	go func() {
		r, err := commandOn(s.watch.conn, actor, verb, body)
		if err != nil {
			r.Code, r.Message = "no answer", err.Error()
		}
		answer <- r
	}()
	return answer
}

// screenSite is a site in which emil's phone and anna's on her desk answer by themselves, and hers at home does not.
func screenSite(t *testing.T, o lab.Options) *site {
	t.Helper()
	screens := screenOptions(t)
	screens.lab = o
	return newSite(t, screens)
}

func screenOptions(t *testing.T) options {
	t.Helper()
	return withCommanders(t, func(yaml string) string {
		yaml = strings.Replace(yaml, "endpoints: [PJSIP/105]", "endpoints: [{endpoint: PJSIP/105, auto_answer: snom}]", 1)
		return strings.Replace(yaml, "endpoints: [PJSIP/101, PJSIP/101-home]",
			"endpoints: [PJSIP/101-home, {endpoint: PJSIP/101, default: true, auto_answer: yealink}]", 1) + "\npickup: {timeout: 4s}\n"
	})
}

// TestPickupFromAScreen: a program asks, the daemon calls the supervisor's phone and joins it to the caller (P3, P4, P6).
func TestPickupFromAScreen(t *testing.T) {
	t.Parallel()
	testPickupFromAScreen(t, lab.Options{})
}

func TestPickupFromAScreenOnFreePBX(t *testing.T) {
	t.Parallel()
	testPickupFromAScreen(t, lab.Options{Layout: lab.FreePBX})
}

func testPickupFromAScreen(t *testing.T, o lab.Options) {
	s := screenSite(t, o)
	desk := s.phone("101", func(o *softphone.Options) { o.Behaviour = softphone.AutoAnswer() })
	home, ben, fatma := s.phone("101-home"), s.phone("102"), s.phone("106")
	s.phone("103")
	s.phone("104")
	phones := map[string]*softphone.Phone{"101": desk, "101-home": home, "102": ben}

	ring := func(s *site) (caller, member *softphone.Call, call callDocument, mark int) {
		mark = s.watch.mark()
		caller = s.dial(fatma, "102")
		member = s.rings(ben)
		return caller, member, s.watch.awaitCall(mark, "rings", func(d callDocument) bool { return d.State == "ringing" }), mark
	}
	taken := func(s *site, caller, member, picker *softphone.Call, call callDocument, mark int) {
		s.talk(caller, picker)
		s.must("the supervisor sees the caller", picker.WaitDisplay(s.ctx(), softphone.Party{Name: "Fatma Aydin", Number: "106"}))
		s.must("the caller sees the supervisor", caller.WaitDisplay(s.ctx(), softphone.Party{Name: "Anna Berger", Number: "101"}))
		if end := s.ended(member); !strings.Contains(end.Reason, "Call completed elsewhere") {
			s.t.Errorf("the member's phone should show no missed call: %+v", end)
		}
		body, _ := s.watch.event(mark, "call.picked_up", call.ID)
		if body.By.Person != "anna" || body.By.Via != "nats" || body.Person != "ben" {
			s.t.Errorf("the event says by %+v for %q", body.By, body.Person)
		}
		s.must("hang up", caller.Hangup(s.ctx()))
		s.ended(picker)
		s.quiet()
	}

	t.Run("P3 a phone that answers by itself, and asking twice", func(t *testing.T) {
		s := s.in(t)
		caller, member, call, mark := ring(s)
		first := s.asked("anna", "call.pickup", `{}`)
		second := s.asked("anna", "call.pickup", `{"call":"`+call.ID+`"}`)
		picker := s.rings(desk)
		for _, answer := range []<-chan reply{first, second} {
			if r := <-answer; !r.OK || !r.Changed || r.Call != call.ID || r.OnBehalfOf != "ben" {
				// The second may also have come when it was over.
				if r.Code != "already_taken" {
					t.Errorf("%+v", r)
				}
			}
		}
		taken(s, caller, member, picker, call, mark)
	})
	t.Run("P3 a chosen phone, and the member rings until it is up", func(t *testing.T) {
		s := s.in(t)
		caller, member, call, mark := ring(s)
		answer := s.asked("anna", "call.pickup", `{"person":"ben","endpoint":"PJSIP/101-home"}`)
		picker := s.rings(home)
		if seen := picker.Display(); seen != (softphone.Party{Name: "Fatma Aydin", Number: "106"}) {
			t.Errorf("the phone that rings shows %+v", seen)
		}
		if member.State() != softphone.Ringing {
			t.Errorf("the member's phone is %v", member.State())
		}
		s.must("answer", picker.Answer())
		if r := <-answer; !r.OK {
			t.Errorf("%+v", r)
		}
		taken(s, caller, member, picker, call, mark)
	})
	t.Run("P4 P7 the member answers meanwhile", func(t *testing.T) {
		s := s.in(t)
		caller, member, _, _ := ring(s)
		answer := s.asked("anna", "call.pickup", `{"endpoint":"PJSIP/101-home"}`)
		picker := s.rings(home)
		s.must("answer", member.Answer())
		if r := <-answer; r.Code != "already_taken" || r.Details["by"] != "ben" {
			t.Errorf("%+v", r)
		}
		if end := s.ended(picker); !strings.Contains(end.Reason, "Call completed elsewhere") {
			t.Errorf("the supervisor's phone should show no missed call: %+v", end)
		}
		s.talk(caller, member)
		s.must("hang up", caller.Hangup(s.ctx()))
		s.quiet()
	})
	t.Run("P7 the caller gives up meanwhile", func(t *testing.T) {
		s := s.in(t)
		caller, _, _, _ := ring(s)
		answer := s.asked("anna", "call.pickup", `{"endpoint":"PJSIP/101-home"}`)
		picker := s.rings(home)
		s.must("hang up", caller.Hangup(s.ctx()))
		if r := <-answer; r.Code != "not_ringing" {
			t.Errorf("%+v", r)
		}
		s.ended(picker)
		s.quiet()
	})
	t.Run("P5 P7 the supervisor's phone does not take it, and the member rings on", func(t *testing.T) {
		s := s.in(t)
		s.drain(phones)
		caller, member, _, mark := ring(s)
		for _, x := range []struct {
			name, code string
			act        func(*softphone.Call) error
		}{
			{"busy", "unreachable", func(c *softphone.Call) error { return c.Decline(486) }},
			{"declined", "unreachable", func(c *softphone.Call) error { return c.Decline(603) }},
			{"redirects", "unreachable", func(c *softphone.Call) error { return c.Redirect("103") }},
			{"does not answer", "no_answer", nil},
		} {
			answer := s.asked("anna", "call.pickup", `{"endpoint":"PJSIP/101-home"}`)
			picker := s.rings(home)
			if x.act != nil {
				s.must(x.name, x.act(picker))
			}
			if r := <-answer; r.Code != x.code {
				t.Errorf("%s: %+v", x.name, r)
			}
			s.ended(picker)
		}
		s.refusedWith("unreachable", "emil", "call.pickup", `{}`) // his phone is not there
		if member.State() != softphone.Ringing {
			t.Errorf("the member's phone is %v", member.State())
		}
		s.must("answer", member.Answer())
		s.talk(caller, member)
		s.must("hang up", caller.Hangup(s.ctx()))
		s.quiet()
		for _, m := range s.watch.since(mark) {
			if strings.HasPrefix(m.subject, "state.call.") && strings.Contains(string(m.data), "carla") {
				t.Errorf("a redirection rings somebody: %s", m.data)
			}
		}
	})
	t.Run("P7 who may not, and what is not there", func(t *testing.T) {
		s := s.in(t)
		caller, member, call, _ := ring(s)
		s.refusedWith("not_supervisor", "ben", "call.pickup", `{}`)
		s.refusedWith("not_supervisor", "hana", "call.pickup", `{"person":"ben"}`)
		s.refusedWith("not_found", "hana", "call.pickup", `{"call":"`+call.ID+`"}`)
		s.refusedWith("not_found", "anna", "call.pickup", `{"person":"nobody"}`)
		s.refusedWith("not_found", "anna", "call.pickup", `{"endpoint":"PJSIP/102"}`)
		s.refusedWith("invalid", "anna", "call.pickup", `{"person":"ben","group":"sales"}`)
		s.refusedWith("not_ringing", "anna", "call.pickup", `{"person":"carla"}`)
		if member.State() != softphone.Ringing {
			t.Errorf("the member's phone is %v", member.State())
		}
		s.must("hang up", caller.Hangup(s.ctx()))
		s.quiet()
	})
}

// P4: two programs and a phone reach for one call at the same moment. One has it, the others are told.
func TestPickupRaceFromScreensAndPhone(t *testing.T) {
	t.Parallel()
	s := screenSite(t, lab.Options{})
	answers := func(o *softphone.Options) { o.Behaviour = softphone.AutoAnswer() }
	desk, emil, fatma := s.phone("101", answers), s.phone("105", answers), s.phone("106")
	ben, home := s.phone("102"), s.phone("101-home")
	wins := make(map[string]int)
	for range rounds / 4 {
		mark := s.watch.mark()
		caller := s.dial(fatma, "102")
		call := s.watch.awaitCall(mark, "rings", func(d callDocument) bool { return d.State == "ringing" })
		a := s.asked("anna", "call.pickup", `{}`)
		e := s.asked("emil", "call.pickup", `{}`)
		byPhone := s.dial(home, "*20")
		won := 0
		for who, answer := range map[string]<-chan reply{"anna's screen": a, "emil's screen": e} {
			switch r := <-answer; {
			case r.OK:
				won++
				wins[who]++
			case r.Code != "already_taken":
				t.Errorf("%s: %+v", who, r)
			}
		}
		ended := s.watch.awaitCall(mark, "is over", func(d callDocument) bool { return d.ID == call.ID && d.State != "ringing" })
		if won == 0 && ended.PickedUpBy == "anna" {
			s.talk(caller, byPhone)
			won++
			wins["anna's phone"]++
		}
		if won != 1 || ended.State != "picked_up" {
			t.Fatalf("%d won, the call ended %s", won, ended.State)
		}
		s.must("hang up", caller.Hangup(s.ctx()))
		s.ended(byPhone)
		s.quiet()
		s.drain(map[string]*softphone.Phone{"101": desk, "105": emil, "102": ben})
	}
	t.Logf("won by %v", wins)
}
