package acceptance

import (
	"testing"

	"supervisiond/test/chrome"
)

// A tab that was frozen, and a machine whose clock has jumped because it slept: whatever happened meanwhile, no ring is
// stale, none is missing, and none is older than it is. Two tabs of a browser show the same.
func TestPageSleeps(t *testing.T) {
	t.Parallel()
	s := pageSite(t)
	desk := s.phone("101", answers)
	ben, carla, fatma, georg := s.phone("102"), s.phone("103"), s.phone("106"), s.phone("107")
	awake := s.page("anna", chrome.Options{})
	sleepy := awake.Tab(chrome.Options{})
	sleepy.Go(s.url("/"))
	sleepy.AwaitElement(`[data-standing="live"]`)
	both := []*chrome.Page{awake, sleepy}

	for _, x := range []struct {
		name            string
		sleeps, awakens func()
	}{
		{"a frozen tab", sleepy.Freeze, sleepy.Thaw},
		{"a clock that jumps", func() {
			chrome.Eval[bool](sleepy, `(() => { const now = Date.now; Date.now = () => now() + 3600e3; return true; })()`)
		}, func() {}},
	} {
		stale := s.dial(fatma, "102")
		member := s.rings(ben)
		for _, p := range both {
			calls(p).Await("listitem", "Fatma Aydin").Await("button", "Pick up")
		}
		x.sleeps()
		s.must("hang up", stale.Hangup(s.ctx()))
		s.ended(member)
		mark := s.watch.mark()
		fresh := s.dial(georg, "103")
		s.rings(carla)
		s.ringingCall(mark, "carla")
		x.awakens()
		sleepy.AwaitElement(`[data-standing="live"]`)
		for _, p := range both {
			calls(p).Await("listitem", "Georg Huber", "Carla Diaz").Await("button", "Pick up")
		}
		sleepy.AwaitTitle("(1) Georg Huber")
		sleepy.AwaitTrue(`/^\d+ sec$/.test(document.querySelector("[data-state=ringing] [data-testid=age] [aria-hidden]")?.innerText)`)
		if left := sleepy.All("button", "Pick up: Fatma Aydin"); len(left) > 0 {
			t.Errorf("%s: a stale call is offered", x.name)
		}

		// What one tab takes the other does not offer any more.
		calls(sleepy).Await("listitem", "Georg Huber").Await("button", "Pick up").Aimed().Click()
		s.talk(fresh, s.rings(desk))
		for _, p := range both {
			p.Reads("Anna Berger picked up for Carla Diaz")
			p.AwaitTrue(`!document.querySelector("[data-testid=pickup]")`)
		}
		s.must("hang up", fresh.Hangup(s.ctx()))
		s.quiet()
		for _, p := range both {
			noCalls(p)
		}
		closeMessages(sleepy)
	}
}
