package acceptance

import (
	"testing"

	"supervisiond/test/lab"
	"supervisiond/test/softphone"
)

// P8 with when_down: pickup_groups: while the daemon is there its rules hold, whatever the PBX's own pickup groups say;
// when it is not, they are what *20 goes by. No other code has a fall-back.
func TestDaemonDownWithPickupGroups(t *testing.T) {
	t.Parallel()
	testDaemonDownWithPickupGroups(t, lab.Options{})
}

func testDaemonDownWithPickupGroups(t *testing.T, o lab.Options) {
	o.ExtraPJSIP = `
[102](+type=endpoint)
call_group = 1
[107](+type=endpoint)
pickup_group = 1
`
	s := newSite(t, options{lab: o, configure: func(yaml string) string {
		return yaml + "features: {when_down: pickup_groups}\n"
	}})
	ben, fatma, georg, julia := s.phone("102"), s.phone("106"), s.phone("107"), s.phone("110")
	mark := s.watch.mark()
	caller := s.dial(fatma, "102")
	ringing := s.rings(ben)
	s.ringingCall(mark, "ben")
	s.refused(georg, "*20", 403, "Not a supervisor")
	s.refused(georg, "*20102", 403, "Not a supervisor")

	s.daemon.stop(killed)
	for _, code := range []string{"*20", "*20102", "*221"} {
		if end := s.ended(s.dial(julia, code)); end.How != softphone.Declined || end.Code != 480 {
			t.Errorf("julia, who is in no pickup group, dials %s: %+v", code, end)
		}
	}
	for _, code := range []string{"*231", "*241", "*251*102", "*26102"} {
		if end := s.ended(s.dial(georg, code)); end.How != softphone.Declined || end.Code != 480 {
			t.Errorf("%s: %+v", code, end)
		}
	}
	if ringing.State() != softphone.Ringing {
		t.Fatalf("the member's phone should ring on, and is %v", ringing.State())
	}
	picker := s.dial(georg, "*20")
	s.talk(caller, picker)
	if end := s.ended(ringing); end.How != softphone.Cancelled {
		t.Errorf("the member's phone: %+v", end)
	}
	s.must("hang up", caller.Hangup(s.ctx()))
	s.ended(picker)
	s.quiet()

	// The daemon is back, and so are its rules.
	s.start()
	s.watch.awaitPerson("ben", "reachable", func(d personDocument) bool { return d.Reachable })
	mark = s.watch.mark()
	s.dial(fatma, "102")
	s.rings(ben)
	s.ringingCall(mark, "ben")
	s.refused(georg, "*20", 403, "Not a supervisor")
}
