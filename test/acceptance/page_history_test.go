package acceptance

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"supervisiond/test/chrome"
)

// pastOf are the kinds of the lines of the history that a page shows, the newest first.
func pastOf(p *chrome.Page) string {
	return strings.Join(chrome.Eval[[]string](p, `[...document.querySelectorAll("[data-testid=history-line]")].map(l => l.dataset.kind)`), " ")
}

// awaitPast waits until a page shows these kinds of lines.
func awaitPast(p *chrome.Page, kinds string) {
	p.Until("the history shows "+kinds, func() bool { return pastOf(p) == kinds })
}

// toAndFro has carla leave sales and join it again, which makes an entry each time.
func (s *site) toAndFro(times int) {
	s.t.Helper()
	for range times {
		for _, verb := range []string{"group.leave", "group.join"} {
			if r := s.command("carla", verb, `{"group":"sales"}`); !r.OK || !r.Changed {
				s.t.Fatalf("%s: %+v", verb, r)
			}
		}
	}
}

// The history follows by itself what the stream tells: calls that end, what somebody did to me, logins of my groups. A filter shows what
// one looks for. Who reads further down is shown that there is more, and nothing moves under them (R6, H1).
func TestPageHistoryFollows(t *testing.T) {
	t.Parallel()
	s := pageSite(t)
	ben, carla, fatma := s.phone("102"), s.phone("103"), s.phone("106")
	s.phone("101")
	u, err := url.Parse(s.url("/"))
	s.must("url", err)
	cable := startCutter(t, u.Host)
	p, bens := s.pageAt("http://"+cable.addr()+"/", "anna", chrome.Options{}), s.page("ben", chrome.Options{Width: 360, Height: 640})
	for _, page := range []*chrome.Page{p, bens} {
		page.Find(`[data-testid=nav-history]`).Click()
		page.Reads("Nothing has happened yet.")
	}

	// A call that nobody takes, and one that its member takes.
	caller := s.dial(fatma, "102")
	s.rings(ben)
	calls(p).Await("listitem", "Fatma Aydin")
	s.must("hang up", caller.Hangup(s.ctx()))
	bens.Await("listitem", "Call for Ben Okafor: Fatma Aydin (106)", "Missed · The caller hung up")
	p.Await("listitem", "Call for Ben Okafor: Fatma Aydin (106)", "The caller hung up")
	s.quiet()
	caller = s.dial(fatma, "103")
	member := s.rings(carla)
	s.must("answer", member.Answer())
	p.Await("listitem", "Call for Carla Diaz: Fatma Aydin (106)", "Carla Diaz answered")
	s.must("hang up", caller.Hangup(s.ctx()))
	s.quiet()

	// Who is forced out reads by whom, and so does who did it.
	if r := s.command("anna", "group.force_out", `{"group":"sales","person":"ben"}`); !r.OK {
		t.Fatalf("%+v", r)
	}
	for _, page := range []*chrome.Page{p, bens} {
		page.Await("listitem", "Anna Berger logged Ben Okafor out of Vertrieb")
	}
	awaitPast(bens, "logout missed")
	awaitPast(p, "logout call call")

	// What one looks for.
	nothing(t, bens, "calls for others, for who supervises nobody", `[data-testid=history-filter-others]`)
	for _, x := range []struct {
		page                *chrome.Page
		filter, kinds, says string
	}{
		{bens, "missed", "missed", ""}, {bens, "mine", "logout missed", ""}, {bens, "all", "logout missed", ""},
		{p, "others", "call call", ""}, {p, "missed", "", "Nothing of that kind."}, {p, "mine", "", "Nothing of that kind."}, {p, "all", "logout call call", ""},
	} {
		x.page.Find(`[data-testid=history-filter-` + x.filter + `]`).Click()
		awaitPast(x.page, x.kinds)
		x.page.AwaitTrue(fmt.Sprintf(`document.querySelector("[data-testid=history-told]").innerText === %q`, x.says))
		x.page.AwaitTrue(fmt.Sprintf(`document.activeElement.dataset.testid === "history-filter-%s"`, x.filter))
		usable(t, x.page, "the history: "+x.filter)
	}
	bens.Shot("history-narrow")

	// Who has scrolled down keeps what they read where it is.
	s.toAndFro(20)
	p.AwaitTrue(`document.querySelectorAll("[data-testid=history-line]").length === 43`)
	lies := func() float64 {
		return chrome.Eval[float64](p, `document.querySelectorAll("[data-testid=history-line]")[document.querySelectorAll("[data-testid=history-line]").length - 20].getBoundingClientRect().top`)
	}
	chrome.Eval[bool](p, `new Promise(then => { addEventListener("scrollend", () => then(true), {once: true}); scrollTo(0, 700); })`)
	at := lies()
	s.toAndFro(1)
	p.AwaitTrue(`document.querySelector("[data-testid=history-newer]")?.innerText === "2 newer"`)
	p.Reads("There are newer entries.")
	if now := lies(); now != at || strings.Count(pastOf(p), " ") != 42 {
		t.Errorf("a line has moved from %v to %v: %s", at, now, pastOf(p))
	}
	usable(t, p, "newer entries")
	p.Shot("history-newer")
	p.Find(`[data-testid=history-newer]`).Click()
	p.AwaitTrue(`scrollY === 0 && document.activeElement === document.querySelector("[data-testid=history-line]")`)
	if n := strings.Count(pastOf(p), " "); n != 44 {
		t.Errorf("there are %d lines", n+1)
	}

	// What cannot be read says so, and as of when that is which is shown; it is read again when the server is back.
	cable.cut()
	p.Reads("Reconnecting")
	p.Await("alert", "The history cannot be read at the moment. What you see is how it was at ")
	offered(p, "Reload", false)
	if strings.Count(pastOf(p), " ") != 44 {
		t.Errorf("what was read is gone: %s", pastOf(p))
	}
	s.toAndFro(1)
	cable.mend(u.Host)
	p.AwaitTrue(`document.querySelectorAll("[data-testid=history-line]").length === 47 && document.querySelector("[data-testid=history-failed]").innerText === ""`)
}
