package acceptance

import (
	"errors"
	"testing"
	"time"

	"supervisiond/test/lab"
	"supervisiond/test/softphone"
)

// lamp is a lamp key of a phone.
func (s *site) lamp(p *softphone.Phone, number string) *softphone.Subscription {
	s.t.Helper()
	lamp, err := p.Subscribe(s.ctx(), number, "dialog")
	s.must("the lamp "+number, err)
	return lamp
}

func (s *site) shows(lamp *softphone.Subscription, state string) {
	s.t.Helper()
	if err := lamp.Wait(s.ctx(), state); err != nil {
		s.t.Errorf("%v; it showed %+v", err, lamp.Notices())
	}
}

// lampDelay is from what a phone did to when a lamp showed it.
func lampDelay(t *testing.T, lamp *softphone.Subscription, state string, from time.Time) time.Duration {
	t.Helper()
	for _, n := range lamp.Notices() {
		if n.State == state && n.At.After(from) {
			return n.At.Sub(from)
		}
	}
	t.Errorf("%s was not %s", lamp, state)
	return 0
}

// TestLamps shows the lamps of a desk phone: a group that rings, who is logged in, and whose line is forwarded.
func TestLamps(t *testing.T) {
	t.Parallel()
	testLamps(t, lab.Options{})
}

func testLamps(t *testing.T, o lab.Options) {
	s := newSite(t, options{lab: o})
	anna, ben, fatma, julia := s.phone("101"), s.phone("102"), s.phone("106"), s.phone("110")
	rings, login := s.lamp(julia, "*221"), s.lamp(julia, "*251*102")
	desk, always := s.lamp(julia, "*222"), s.lamp(julia, "*252*109")
	s.shows(rings, softphone.LampOff)
	s.shows(desk, softphone.LampOff)
	s.shows(login, softphone.LampOn)
	s.shows(always, softphone.LampOn) // G3

	t.Run("R5 a group rings", func(t *testing.T) {
		s := s.in(t)
		s.dial(fatma, "102")
		alerted, ok := s.rings(ben).When(softphone.Alert, 0)
		s.shows(rings, softphone.LampBlinks)
		if ok {
			t.Logf("the lamp blinks %v after the phone rings", lampDelay(t, rings, softphone.LampBlinks, alerted))
		}
		picker := s.dial(anna, "*221")
		s.must("picked up", picker.Wait(s.ctx(), softphone.Talking))
		s.shows(rings, softphone.LampOff)
		s.must("hang up", picker.Hangup(s.ctx()))
		// R4: a lamp says that somebody calls, and never who.
		for _, n := range rings.Notices() {
			if hasWord(n.Body, "Fatma") || hasWord(n.Body, "106") {
				t.Errorf("the lamp gives away the caller:\n%s", n.Body)
			}
		}
		if desk.State() != softphone.LampOff {
			t.Errorf("the other group's lamp is %s", desk.State())
		}
	})
	t.Run("R4 a withheld caller", func(t *testing.T) {
		s := s.in(t)
		s.quiet()
		mark := s.watch.mark()
		told := len(rings.Notices())
		caller := s.dial(fatma, "6102")
		ringing := s.rings(ben)
		s.shows(rings, softphone.LampBlinks)
		s.ringingCall(mark, "ben")
		s.refused(julia, "*20102", 403, "Not a supervisor")
		s.watch.event(mark, "pickup.refused", "julia")
		picker := s.dial(anna, "*20102")
		s.talk(caller, picker)
		s.shows(rings, softphone.LampOff)
		s.watch.event(mark, "call.picked_up", "")
		displayedNowhere(t, ringing, "Fatma", "106")
		displayedNowhere(t, picker, "Fatma", "106")
		checkNowhere(t, s, mark, "Fatma", "106")
		for _, n := range rings.Notices()[told:] {
			if hasWord(n.Body, "Fatma") || hasWord(n.Body, "106") {
				t.Errorf("the lamp gives away the caller:\n%s", n.Body)
			}
		}
		s.must("hang up", caller.Hangup(s.ctx()))
	})
	t.Run("G4 who is logged in", func(t *testing.T) {
		s := s.in(t)
		s.confirmed(ben, "*241")
		s.shows(login, softphone.LampOff)
		s.confirmed(ben, "*231")
		s.shows(login, softphone.LampOn)
		s.confirmed(anna, "*251*102")
		s.shows(login, softphone.LampOff)
		s.confirmed(anna, "*251*102")
		s.shows(login, softphone.LampOn)
	})
	t.Run("only complete and valid lamps", func(t *testing.T) {
		s := s.in(t)
		for _, number := range []string{
			"*22", "*22x", "*221x", "*2212345678", "*25", "*251", "*251*", "*251*1x", "*26", "*26x", "*20", "*231",
			// A hint may name several devices, of anybody: none gets in.
			"*221&PJSIP/105", "*251*101&PJSIP/105", "*26102&PJSIP/105",
		} {
			_, err := julia.Subscribe(s.ctx(), number, "dialog")
			var refused *softphone.StatusError
			if !errors.As(err, &refused) || refused.Code != 404 {
				t.Errorf("%s: %v", number, err)
			}
		}
	})
	s.figure("supervisiond_lamps_pending 0")
	s.figure("supervisiond_lamps_written_total")
}

// S5: the lamp of a line is lit while it is forwarded, whoever set and whoever cancelled that.
func TestForwardedLamp(t *testing.T) {
	t.Parallel()
	testForwardedLamp(t, lab.Options{})
}

func testForwardedLamp(t *testing.T, o lab.Options) {
	s := newSite(t, options{lab: o, configure: func(yaml string) string { return yaml + "forwarding: {poll: 200ms}\n" }})
	ben, julia := s.phone("102"), s.phone("110")
	lamp := s.lamp(julia, "*26102")
	s.shows(lamp, softphone.LampOff)
	_, err := s.pbx.CLI(s.ctx(), "database put CF 102 103")
	s.must("forward", err)
	s.shows(lamp, softphone.LampOn)
	s.confirmed(ben, "*26")
	s.shows(lamp, softphone.LampOff)
}

// Device states outlive Asterisk and the daemon in Asterisk's database; what changed meanwhile, or was lost with the
// last second of the database, is put right after each.
func TestNoLampIsStaleAfterRestarts(t *testing.T) {
	t.Parallel()
	testNoLampIsStaleAfterRestarts(t, lab.Options{})
}

func testNoLampIsStaleAfterRestarts(t *testing.T, o lab.Options) {
	s := newSite(t, options{lab: o})
	ben, fatma, julia := s.phone("102"), s.phone("106"), s.phone("110")
	rings, login := s.lamp(julia, "*221"), s.lamp(julia, "*251*102")
	s.shows(login, softphone.LampOn)
	// Lines of people who play no part here are forwarded.
	s.database("put CF 109 103")
	s.database("put CF 108 103")
	kept, cancelled := s.lamp(julia, "*26109"), s.lamp(julia, "*26108")
	s.shows(kept, softphone.LampOn)
	s.shows(cancelled, softphone.LampOn)
	lit := len(kept.Notices())

	// The daemon is killed while a call rings, which then ends unseen.
	caller := s.dial(fatma, "102")
	s.rings(ben)
	s.shows(rings, softphone.LampBlinks)
	before := len(login.Notices()) // the first ones may be from before the daemon had written any lamp
	s.daemon.stop(killed)
	s.must("hang up", caller.Hangup(s.ctx()))
	if rings.State() != softphone.LampBlinks {
		t.Error("it should be stale, or nothing is shown here")
	}
	s.start()
	s.shows(rings, softphone.LampOff)
	for _, n := range login.Notices()[before:] {
		if n.State != softphone.LampOn {
			t.Errorf("the lamp of somebody who stayed logged in went %s", n.State)
		}
	}

	// It comes back while a call rings that it has not seen begin.
	s.daemon.stop(killed)
	s.dial(fatma, "102")
	s.rings(ben)
	s.database("del CF 108")
	s.start()
	s.shows(rings, softphone.LampBlinks)
	s.shows(cancelled, softphone.LampOff) // the PBX's store was read, and what it says was written
	for _, n := range kept.Notices()[lit:] {
		if n.State != softphone.LampOn {
			t.Errorf("the lamp of a line that stayed forwarded went %s", n.State)
		}
	}

	// Asterisk is killed while that call rings; within the second before, somebody logged out.
	s.must("leave", s.dial(s.phone("103"), "*241").Wait(s.ctx(), softphone.Talking))
	carla := s.lamp(julia, "*251*103")
	s.shows(carla, softphone.LampOff)
	mark := s.watch.mark()
	s.must("restart", s.pbx.Restart(s.ctx()))
	s.watch.event(mark, "pbx.connected", "hq")
	s.must("register", julia.Register(s.ctx()))
	s.shows(s.lamp(julia, "*221"), softphone.LampOff)
	s.shows(s.lamp(julia, "*251*103"), softphone.LampOff)
	s.shows(s.lamp(julia, "*251*102"), softphone.LampOn)
	s.shows(s.lamp(julia, "*26109"), softphone.LampOn)

	// And lamps go on.
	s.must("register", ben.Register(s.ctx()))
	s.must("register", fatma.Register(s.ctx()))
	s.dial(fatma, "102")
	s.rings(ben)
	s.shows(s.lamp(julia, "*221"), softphone.LampBlinks)
}
