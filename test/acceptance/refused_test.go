package acceptance

import (
	"encoding/json"
	"strings"
	"testing"

	"supervisiond/test/lab"
	"supervisiond/test/softphone"
)

// refusal waits for what a supervisor is told of a pickup that was refused.
func (s *site) refusal(mark int, actor, code string) map[string]any {
	s.t.Helper()
	body, m := s.watch.event(mark, "pickup.refused", actor)
	var refusal map[string]any
	s.must("refusal", json.Unmarshal(body.Document, &refusal))
	if refusal["code"] != code {
		s.t.Errorf("%s is told %s, want %s", actor, m.data, code)
	}
	return refusal
}

// P7: a supervisor who is logged out may not pick up, by whatever code; who is logged in may.
func TestPickupByWhoIsLoggedOut(t *testing.T) {
	t.Parallel()
	testPickupByWhoIsLoggedOut(t, lab.Options{})
}

func testPickupByWhoIsLoggedOut(t *testing.T, o lab.Options) {
	s := newSite(t, options{lab: o})
	anna, ben, emil, fatma := s.phone("101"), s.phone("102"), s.phone("105"), s.phone("106")
	s.obeyed(anna, "*241")
	mark := s.watch.mark()
	caller := s.dial(fatma, "102")
	ringing := s.rings(ben)
	s.ringingCall(mark, "ben")
	for _, code := range []string{"*20", "*20102", "*221"} {
		mark := s.watch.mark()
		s.refused(anna, code, 403, "Not logged in")
		s.refusal(mark, "anna", "not_logged_in")
	}
	if ringing.State() != softphone.Ringing {
		t.Errorf("the member's phone should ring on, and is %v", ringing.State())
	}
	// Checked before it: who may not at all (P7).
	mark = s.watch.mark()
	s.refused(anna, "*20109", 403, "Not a supervisor")
	s.refusal(mark, "anna", "not_supervisor")

	s.talk(caller, s.dial(emil, "*20102"))
	s.must("hang up", caller.Hangup(s.ctx()))
	s.quiet()
	// And back in.
	s.obeyed(anna, "*231")
	caller = s.dial(fatma, "102")
	s.rings(ben)
	s.talk(caller, s.dial(anna, "*20"))
}

// P4: who comes too late is told for three seconds who has the call, whether it was answered or picked up, and after that
// that nothing rings.
func TestPickupAfterItWasTaken(t *testing.T) {
	t.Parallel()
	testPickupAfterItWasTaken(t, lab.Options{})
}

func testPickupAfterItWasTaken(t *testing.T, o lab.Options) {
	s := newSite(t, options{lab: o})
	anna, ben, carla, emil := s.phone("101"), s.phone("102"), s.phone("103"), s.phone("105")
	fatma, georg := s.phone("106"), s.phone("107")
	tooLate := func(code, by string) {
		s.t.Helper()
		mark := s.watch.mark()
		s.refused(emil, code, 503, "Already taken")
		if message := s.refusal(mark, "emil", "already_taken")["message"].(string); !strings.Contains(message, by) {
			t.Errorf("emil is told %q, and %s has the call", message, by)
		}
	}
	mark := s.watch.mark()
	caller := s.dial(fatma, "102")
	ringing := s.rings(ben)
	answered := s.ringingCall(mark, "ben")
	s.must("answer", ringing.Answer())
	s.watch.event(mark, "call.answered", answered.ID)
	tooLate("*20102", "Ben Okafor")
	tooLate("*20", "Ben Okafor")

	mark = s.watch.mark()
	second := s.dial(georg, "103")
	s.rings(carla)
	pickedUp := s.ringingCall(mark, "carla")
	picker := s.dial(anna, "*20103")
	s.watch.event(mark, "call.picked_up", pickedUp.ID)
	tooLate("*20103", "Anna Berger")
	tooLate("*221", "Anna Berger")
	s.talk(second, picker)
	s.talk(caller, ringing)

	for id, code := range map[string]string{answered.ID: "*20102", pickedUp.ID: "*20103"} {
		s.purged(id)
		mark := s.watch.mark()
		s.refused(emil, code, 480, "Nothing rings")
		s.refusal(mark, "emil", "not_ringing")
	}
	mark = s.watch.mark()
	s.refused(emil, "*20", 480, "Nothing rings")
	s.refusal(mark, "emil", "not_ringing")
}
