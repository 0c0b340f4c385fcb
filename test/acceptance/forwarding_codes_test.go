package acceptance

import (
	"fmt"
	"testing"
	"time"

	"supervisiond/test/lab"
	"supervisiond/test/softphone"
)

// TestForwardingByFreePBXCodes dials FreePBX's own codes (F2). Its dialplan tells of each change by a UserEvent, and
// nothing is polled: it is noticed within a second.
func TestForwardingByFreePBXCodes(t *testing.T) {
	t.Parallel()
	testFreePBXCodes(t, lab.Options{Layout: lab.FreePBX, StoreEvents: true}, time.Hour, slack)
}

// TestForwardingByUntoldFreePBXCodes: nothing tells, and it is noticed within the polling interval.
func TestForwardingByUntoldFreePBXCodes(t *testing.T) {
	t.Parallel()
	testFreePBXCodes(t, lab.Options{Layout: lab.FreePBX}, 500*time.Millisecond, 500*time.Millisecond+slack)
}

func testFreePBXCodes(t *testing.T, o lab.Options, poll, within time.Duration) {
	s := newSite(t, options{lab: o, configure: func(yaml string) string {
		return yaml + fmt.Sprintf("\nforwarding: {poll: %s}\n", poll)
	}})
	ben := s.phone("102")
	s.storeIsRead()
	for _, x := range []struct{ code, shown string }{
		{"*72104", "always 104>104"},
		{"*90105", "always 104>104, busy 105>105"},
		{"*52106", "always 104>104, busy 105>105, no_answer 106>106"},
		{"*721054", "always 1054>1054, busy 105>105, no_answer 106>106"},
		{"*73", "busy 105>105, no_answer 106>106"},
		{"*91", "no_answer 106>106"},
		{"*53", ""},
	} {
		mark, began := s.watch.mark(), time.Now()
		s.dialCode(ben, x.code)
		m := s.forwards(mark, "ben", x.shown)
		s.noticed(x.code, began, m, within)
		s.forwardedBy(mark, "ben", "-")
	}
	for _, x := range []struct {
		code string
		on   bool
	}{{"*78", true}, {"*79", false}, {"*76", true}, {"*76", false}} {
		mark, began := s.watch.mark(), time.Now()
		s.dialCode(ben, x.code)
		document(s.watch, mark, "person.ben", fmt.Sprintf("do-not-disturb: %t", x.on), func(d personDocument) bool {
			return d.DND == x.on && (d.Presence.State == "dnd") == x.on
		})
		body, m := s.watch.event(mark, "dnd.changed", "ben")
		s.noticed(x.code, began, m, within)
		if body.By.Person != "" {
			t.Errorf("%s: %s", x.code, m.data)
		}
	}
}

// dialCode dials a code of the PBX's own, which it answers and ends.
func (s *site) dialCode(p *softphone.Phone, code string) {
	s.t.Helper()
	if end := s.ended(s.dial(p, code)); end.How != softphone.HungUpByPeer {
		s.t.Errorf("%s: %+v", code, end)
	}
}

func (s *site) noticed(what string, began time.Time, m message, within time.Duration) {
	s.t.Helper()
	took := m.at.Sub(began)
	s.t.Logf("%s: noticed after %v", what, took)
	if took > within {
		s.t.Errorf("%s: noticed after %v", what, took)
	}
}
