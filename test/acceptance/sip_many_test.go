package acceptance

import (
	"maps"
	"strings"
	"testing"
	"time"

	"supervisiond/test/lab"
	"supervisiond/test/lampboard"
	"supervisiond/test/softphone"
)

// follower is a phone that keeps what it was told of a line (RFC 4235, 4.3), and asks anew when it has missed something.
type follower struct {
	s     *site
	board *lampboard.Board
	lamp  *lampboard.Lamp
	table lampboard.Table
	taken int // of the lamp's notices
	parts int // of them were partial
	small int // of those did not have all that there was
	anew  int // how often it has asked
	miss  bool
}

// take takes what has come.
func (f *follower) take() {
	f.s.t.Helper()
	for _, n := range f.lamp.Notices()[f.taken:] {
		f.taken++
		if f.miss { // it is answered, and lost
			f.miss = false
			continue
		}
		first := f.taken == 1
		a, err := f.table.Apply(n)
		f.s.must("document", err)
		if first && (a.Partial || f.table.Version != 0) || !first && !a.Missed && a.Gap != 1 {
			f.s.t.Errorf("a document of version %d, %d after the one before:\n%s", f.table.Version, a.Gap, n.Body)
		}
		if a.Partial {
			f.parts++
			if a.Dialogs < len(f.table.Rows) {
				f.small++
			}
		}
		if a.Missed {
			f.anew++
			f.s.must("refresh", f.lamp.Refresh(f.s.ctx(), time.Hour, nil))
		}
	}
}

// shows waits until the line has just these dialogs, each as "state of who", and compares them with what a phone is told that has never
// asked before.
func (f *follower) shows(want ...string) {
	f.s.t.Helper()
	is := func() bool {
		f.take()
		have := make(map[string]int)
		for _, r := range f.table.Rows {
			have[r.State+" "+r.Display]++
		}
		for _, w := range want {
			have[w]--
		}
		maps.DeleteFunc(have, func(_ string, n int) bool { return n == 0 })
		return len(have) == 0
	}
	for !is() {
		seen := f.taken
		_, err := f.lamp.Await(f.s.ctx(), strings.Join(want, ", "), func(lampboard.Notice) bool { return len(f.lamp.Notices()) > seen })
		if err != nil {
			f.s.t.Fatalf("%v: there is %v", err, f.table.Rows)
		}
	}
	n, err := f.board.Fetch(f.s.ctx(), f.lamp.Target, "dialog", "")
	f.s.must("fetch", err)
	var fresh lampboard.Table
	_, err = fresh.Apply(n)
	f.s.must("document", err)
	if !maps.Equal(fresh.Rows, f.table.Rows) {
		f.s.t.Errorf("with %v: who asks now is told %v, and who was told before has %v", want, fresh.Rows, f.table.Rows)
	}
}

// RFC 4235, 4.1 and 4.3: a line with more than two calls is told in parts. Who puts them together has at each moment what the whole
// is, versions have no gaps, and who has lost a part asks and has it all again. A withheld caller is withheld there, too (R4).
func TestSIPManyDialogs(t *testing.T) {
	t.Parallel()
	s := newSite(t, withSIP(options{}, "anna"))
	ben := s.phone("102")
	phones := map[string]*softphone.Phone{lab.Trunk: s.outside()}
	for _, user := range []string{"106", "107", "108", "110"} {
		phones[user] = s.phone(user)
	}
	board := s.board("anna")
	f := &follower{s: s, board: board, lamp: s.subscribed(board, "102", "dialog", "")}
	f.shows()
	calls := make(map[string]*softphone.Call) // at ben's phone
	rings := func(from string) {
		t.Helper()
		s.dial(phones[from], "102")
		calls[from] = s.rings(ben)
	}
	answers := func(from string) { t.Helper(); s.must("answer", calls[from].Answer()) }
	hangsUp := func(from string) { t.Helper(); s.must("hang up", calls[from].Hangup(s.ctx())) }

	rings("106")
	f.shows("early Fatma Aydin")
	answers("106")
	f.shows("confirmed Fatma Aydin")
	rings("107")
	f.shows("confirmed Fatma Aydin", "early Georg Huber")
	if f.parts != 0 {
		t.Errorf("%d documents of a line with two calls are not whole", f.parts)
	}
	rings("108")
	f.shows("confirmed Fatma Aydin", "early Georg Huber", "early Hana Sato")
	answers("107")
	f.shows("confirmed Fatma Aydin", "confirmed Georg Huber", "early Hana Sato")

	// One part is lost.
	f.miss = true
	rings("110")
	s.lampShows(f.lamp, "Julia Costa", `state="partial"`)
	answers("108")
	f.shows("confirmed Fatma Aydin", "confirmed Georg Huber", "confirmed Hana Sato", "early Julia Costa")
	if f.miss || f.anew != 1 {
		t.Errorf("a part was lost, and the phone has asked anew %d times", f.anew)
	}

	s.dial(phones[lab.Trunk], "4930102", softphone.From("+4930777", "Geheim"), softphone.AssertedIdentity("+4930777", "Geheim"), softphone.Privacy("id"))
	withheld := s.rings(ben)
	f.shows("confirmed Fatma Aydin", "confirmed Georg Huber", "confirmed Hana Sato", "early Julia Costa", "early Anonymous")
	hangsUp("106")
	f.shows("confirmed Georg Huber", "confirmed Hana Sato", "early Julia Costa", "early Anonymous")
	s.must("decline", calls["110"].Decline(486))
	f.shows("confirmed Georg Huber", "confirmed Hana Sato", "early Anonymous")
	s.must("decline", withheld.Decline(486))
	f.shows("confirmed Georg Huber", "confirmed Hana Sato")
	hangsUp("107")
	hangsUp("108")
	f.shows()
	if f.parts < 5 || f.small < 5 {
		t.Errorf("%d documents were parts, %d of them less than the whole", f.parts, f.small)
	}
	for _, n := range f.lamp.Notices() {
		if strings.Contains(n.Body, "30777") || strings.Contains(n.Body, "Geheim") {
			t.Errorf("a withheld caller is shown:\n%s", n.Body)
		}
	}
}
