package acceptance

import (
	"strings"
	"testing"

	"supervisiond/test/chrome"
	"supervisiond/test/softphone"
)

// Calls that come through a ring group, a forward and a queue are a row each that says so, the oldest first, counted in the title,
// the icon and the badge, and told to who cannot see them. One is picked up with a chosen phone, and who has it stands there for a
// moment, for others too (R2, S6, P3).
func TestPageWaysOfCalls(t *testing.T) {
	t.Parallel()
	s := pageSite(t)
	s.phone("101", answers)
	home, dora := s.phone("101-home"), s.phone("104")
	ben, carla, fatma, georg, julia := s.phone("102"), s.phone("103"), s.phone("106"), s.phone("107"), s.phone("110")
	s.storeIsRead()
	s.database("put CF 103 104")
	p, still := s.page("anna", chrome.Options{}), s.page("emil", chrome.Options{Still: true})
	p.Reads("All calls to 104")
	chrome.Eval[bool](p, `navigator.setAppBadge = n => (window.badge = n, Promise.resolve()), navigator.clearAppBadge = () => (window.badge = 0, Promise.resolve()), true`)
	icon := chrome.Eval[string](p, `document.querySelector("link[rel=icon]").href`)

	oldest := s.dial(fatma, "700")
	s.rings(ben)
	s.rings(dora)
	second := s.dial(julia, "103")
	s.rings(dora)
	newest := s.dial(georg, "800")
	s.rings(ben)
	s.rings(carla)
	p.Reads("3 calls ring")
	p.AwaitTitle("(3) Fatma Aydin → ")
	p.AwaitTrue(`window.badge === 3`)
	p.AwaitTrue(`document.querySelector("link[rel=icon]").href.startsWith("data:image/png")`)
	rows := chrome.Eval[string](p, `[...document.querySelectorAll("[data-testid=caller]")].map(c => c.innerText).join(", ")`)
	if rows != "Fatma Aydin, Julia Costa, Georg Huber" {
		t.Errorf("the rows are %s", rows)
	}
	for caller, words := range map[string][]string{
		"Fatma Aydin": {"106", "and 1 other", "ring group 700", "Vertrieb", "ringing for"}, "Georg Huber": {"107", "queue support"},
		"Julia Costa": {"Dora Lind", "forwarded from Carla Diaz (103)"},
	} {
		calls(p).Await("listitem", append(words, caller)...)
	}
	p.Await("alert", "Call for ", "Georg Huber")
	if chrome.Eval[int](p, `document.getAnimations().length`) == 0 {
		t.Error("nothing moves for who does not mind")
	}
	still.Reads("3 calls ring")
	if n := chrome.Eval[int](still, `document.getAnimations().length`); n > 0 {
		t.Errorf("%d things move for whom that disturbs", n)
	}

	selects(p, `[data-testid=phone]`, "PJSIP/101-home")
	calls(p).Await("listitem", "Georg Huber").Await("button", "Pick up").Aimed().Click()
	picker := s.rings(home)
	p.Reads("Your phone is ringing: answer it")
	s.must("answer", picker.Answer())
	s.talk(newest, picker)
	for _, page := range []*chrome.Page{p, still} {
		calls(page).Await("listitem", "Georg Huber", "Anna Berger picked up for ")
	}
	p.Reads("You have the call for ")
	p.AwaitTitle("(2) Fatma Aydin")
	s.must("hang up", newest.Hangup(s.ctx()))
	s.must("hang up", oldest.Hangup(s.ctx()))
	s.must("hang up", second.Hangup(s.ctx()))
	noCalls(p)
	p.AwaitTrue(`window.badge === 0`)
	if title := p.Title(); title != "Supervision" {
		t.Errorf("the title is %q", title)
	}
	p.AwaitTrue(`document.querySelector("link[rel=icon]").href === ` + "`" + icon + "`")

	// What is withheld is so here too.
	s.quiet()
	s.dial(fatma, "6104")
	s.rings(dora)
	row := calls(p).Await("listitem", "Number withheld", "Dora Lind")
	if text := row.Text(); strings.Contains(text, "Fatma") || strings.Contains(text, "106") {
		t.Errorf("the row gives away the caller: %s", text)
	}
}

// What callers from outside call themselves is text, in every place where it is shown, however it is written and however long it is.
func TestPageForeignNames(t *testing.T) {
	t.Parallel()
	s := pageSite(t)
	ben := s.phone("102")
	s.phone("101")
	p := s.page("anna", chrome.Options{Width: 360, Height: 640})
	for _, name := range []string{`<img src=x onerror=document.title=1> &amp; Co`, "\u202egnitsop \U0001F514 שלום", strings.Repeat("Donaudampfschiff", 4)} {
		caller := s.dial(s.outside(), "4930102", softphone.From("+493055501234", name))
		member := s.rings(ben)
		calls(p).Await("listitem", name, "Ben Okafor").Await("button", name)
		card(p, "ben").Reads(name)
		p.AwaitTrue(`document.title.startsWith("(1) ") && !document.querySelector("main img, section img")`)
		if wide := chrome.Eval[int](p, `document.documentElement.scrollWidth`); wide > 360 {
			t.Errorf("%q makes the page %d wide", name, wide)
		}
		usable(t, p, name)
		s.must("hang up", caller.Hangup(s.ctx()))
		s.ended(member)
		noCalls(p)
	}
	p.Find(`[data-testid=nav-history]`).Click()
	p.Await("listitem", `<img src=x onerror=document.title=1> &amp; Co`)
}
