package acceptance

import (
	"fmt"
	"testing"

	"supervisiond/test/lab"
)

// R5: Asterisk is restarted in the middle of ringing. What rang is lost, and two seconds after the reconnect the state
// is what the PBX itself reports.
func TestAsteriskRestartsWhileRinging(t *testing.T) {
	t.Parallel()
	testAsteriskRestartsWhileRinging(t, lab.Options{})
}

func TestAsteriskRestartsWhileRingingOnFreePBX(t *testing.T) {
	t.Parallel()
	testAsteriskRestartsWhileRinging(t, lab.Options{Layout: lab.FreePBX})
}

func testAsteriskRestartsWhileRinging(t *testing.T, o lab.Options) {
	s := newSite(t, options{lab: o})
	ben, fatma := s.phone("102"), s.phone("106")
	mark := s.watch.mark()
	s.dial(fatma, "102")
	s.rings(ben)
	call := s.watch.awaitCall(mark, "rings", func(d callDocument) bool { return d.State == "ringing" })

	mark = s.watch.mark()
	s.must("restart", s.pbx.Restart(s.ctx()))
	s.watch.event(mark, "pbx.disconnected", "hq")
	_, back := s.watch.event(mark, "pbx.connected", "hq")
	s.watch.awaitCall(mark, "was lost", func(d callDocument) bool { return d.ID == call.ID && d.State == "lost" })
	_, gone := s.watch.event(mark, "call.ended", call.ID)
	if took := gone.at.Sub(back.at); took > slack {
		t.Errorf("it took %v to tell", took)
	}
	s.must("register", ben.Register(s.ctx()))
	s.must("register", fatma.Register(s.ctx()))
	s.equalsPBX()

	// And supervision goes on.
	mark = s.watch.mark()
	caller := s.dial(fatma, "102")
	again := s.watch.awaitCall(mark, "rings again", func(d callDocument) bool { return d.State == "ringing" })
	if again.ID == call.ID {
		t.Errorf("another call has the name of the lost one")
	}
	s.talk(caller, s.dial(s.phone("101"), "*20"))
}

// R5: the daemon is killed while two calls ring and one more ends unseen. The calls that still ring keep their names and
// are not announced again; what ended was lost.
func TestDaemonKilledWhileRinging(t *testing.T) {
	t.Parallel()
	testDaemonKilledWhileRinging(t, lab.Options{})
}

func TestDaemonKilledWhileRingingOnFreePBX(t *testing.T) {
	t.Parallel()
	testDaemonKilledWhileRinging(t, lab.Options{Layout: lab.FreePBX})
}

func testDaemonKilledWhileRinging(t *testing.T, o lab.Options) {
	s := newSite(t, options{lab: o})
	anna, ben, carla, dora := s.phone("101"), s.phone("102"), s.phone("103"), s.phone("104")
	fatma, georg := s.phone("106"), s.phone("107")
	mark := s.watch.mark()
	group := s.dial(fatma, "700")
	first := s.rings(ben)
	s.rings(carla)
	s.rings(dora)
	s.watch.awaitCall(mark, "rings all three", func(d callDocument) bool { return len(d.Ringing) == 3 })
	s.must("decline", first.Decline(486)) // the first leg is gone, the call rings on
	kept := s.watch.awaitCall(mark, "rings two of three", func(d callDocument) bool { return sameWords(d.people(), "carla dora") })
	unseen := s.dial(georg, "102")
	s.rings(ben)
	lost := s.watch.awaitCall(mark, "rings ben", func(d callDocument) bool { return d.people() == "ben" && d.ID != kept.ID })
	// What was announced is accounted for; a document without its event may be from a moment too early.
	s.watch.kept("call.ringing", kept.ID)
	s.watch.kept("call.ringing", lost.ID)

	s.daemon.stop(killed)
	s.must("hang up", unseen.Hangup(s.ctx()))
	s.start()
	again := s.watch.awaitCall(0, "still rings", func(d callDocument) bool { return d.ID == kept.ID })
	if !again.Since.Equal(kept.Since) || fmt.Sprint(again.Via) != fmt.Sprint(kept.Via) || again.Caller != kept.Caller ||
		!sameWords(again.people(), kept.people()) || again.CallerCall != kept.CallerCall {
		t.Errorf("after the restart the call is\n%+v, before it was\n%+v", again, kept)
	}
	gone := s.watch.awaitCall(0, "was lost", func(d callDocument) bool { return d.ID == lost.ID && d.State != "ringing" })
	if gone.State != "lost" {
		t.Errorf("the call that ended unseen is %s", gone.State)
	}
	s.watch.event(0, "call.ended", lost.ID)
	s.equalsPBX()

	s.talk(group, s.dial(anna, "*20"))
	s.watch.event(0, "call.picked_up", kept.ID)
	if got := fmt.Sprint(s.watch.eventsOf(kept.ID)); got != "[call.picked_up]" {
		t.Errorf("after the restart the call was announced as %s", got)
	}
	if site := s.watch.awaitSite("has a new epoch", func(d siteDocument) bool { return d.Epoch == 2 }); site.ID != "hq" {
		t.Errorf("%+v", site)
	}
}

// A supervisor who dialled the code while the daemon was being replaced is served by the next one, or let go by the
// dialplan: the phone does not hang.
func TestDaemonKilledWhilePickerWaits(t *testing.T) {
	t.Parallel()
	testDaemonKilledWhilePickerWaits(t, lab.Options{})
}

func TestDaemonKilledWhilePickerWaitsOnFreePBX(t *testing.T) {
	t.Parallel()
	testDaemonKilledWhilePickerWaits(t, lab.Options{Layout: lab.FreePBX})
}

func testDaemonKilledWhilePickerWaits(t *testing.T, o lab.Options) {
	s := newSite(t, options{lab: o})
	anna, ben, fatma := s.phone("101"), s.phone("102"), s.phone("106")
	mark := s.watch.mark()
	caller := s.dial(fatma, "102")
	ringing := s.rings(ben)
	s.watch.awaitCall(mark, "rings", func(d callDocument) bool { return d.State == "ringing" })
	// A stopped daemon still holds its websocket: the channel waits in the application.
	s.must("stop", s.daemon.cmd.Process.Signal(stopped))
	picker := s.dial(anna, "*20")
	s.pbxHas(`Stasis("PJSIP/101-`)
	s.daemon.stop(killed)
	end := s.ended(picker) // by the dialplan's own timeout: nobody came
	if end.Code == 200 || ringing.State().String() != "ringing" {
		t.Errorf("%+v; the member's phone is %v", end, ringing.State())
	}
	s.must("answer", ringing.Answer())
	s.talk(caller, ringing)
}

// R3, R5: the daemon is killed while phones ring through local channels. The PBX does not say again who dials whom, and
// the call is still the same.
func TestDaemonKilledWhileLocalChannelsRing(t *testing.T) {
	t.Parallel()
	testDaemonKilledWhileLocalChannelsRing(t, lab.Options{}, "701", "750", "800", "801")
}

func TestDaemonKilledWhileLocalChannelsRingOnFreePBX(t *testing.T) {
	t.Parallel()
	testDaemonKilledWhileLocalChannelsRing(t, lab.Options{Layout: lab.FreePBX}, "701", "703", "750", "800", "801", "107")
}

func TestDaemonKilledWhileLocalChannelsRingWithoutChannelVars(t *testing.T) {
	t.Parallel()
	testDaemonKilledWhileLocalChannelsRing(t, lab.Options{NoChannelVars: true}, "700", "701", "801")
}

func testDaemonKilledWhileLocalChannelsRing(t *testing.T, o lab.Options, numbers ...string) {
	whole := newSite(t, options{lab: o})
	anna, fatma := whole.phone("101"), whole.phone("106")
	for _, user := range []string{"102", "103", "104"} {
		whole.phone(user)
	}
	rings := map[string]string{"700": "ben carla dora", "701": "ben carla", "703": "ben", "750": "ben", "800": "ben carla", "801": "ben carla", "107": "carla dora"}
	for _, number := range numbers {
		t.Run(number, func(t *testing.T) {
			s := whole.in(t)
			mark := s.watch.mark()
			caller := s.dial(fatma, number)
			kept := s.watch.awaitCall(mark, "rings", func(d callDocument) bool {
				return d.State == "ringing" && sameWords(d.people(), rings[number])
			})
			// What was announced, and only that, is known to the next life.
			s.watch.kept("call.ringing", kept.ID)
			s.equalsPBX()
			whole.daemon.stop(killed)
			whole.start()
			s = whole.in(t)
			again := s.watch.awaitCall(0, "still rings", func(d callDocument) bool { return d.ID == kept.ID })
			if again.State != "ringing" || again.Dialled != kept.Dialled || fmt.Sprint(again.Via) != fmt.Sprint(kept.Via) ||
				again.Caller != kept.Caller || !sameWords(again.people(), kept.people()) || again.CallerCall != kept.CallerCall {
				t.Errorf("after the restart the call is\n%+v, before it was\n%+v", again, kept)
			}
			picker := s.dial(anna, "*20")
			s.talk(caller, picker)
			s.must("hang up", caller.Hangup(s.ctx()))
			s.ended(picker)
			s.quiet()
			s.watch.event(0, "call.picked_up", kept.ID)
			if got := fmt.Sprint(s.watch.eventsOf(kept.ID)); got != "[call.picked_up]" {
				t.Errorf("after the restart the call was announced as %s", got)
			}
		})
	}
}
