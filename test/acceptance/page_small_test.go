package acceptance

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"supervisiond/test/chrome"
	"supervisiond/test/softphone"
)

// inSight proves that something lies in the window, and not under the calls.
func inSight(p *chrome.Page, what string) {
	p.AwaitTrue(fmt.Sprintf(`(() => { const {top, bottom} = (%s).getBoundingClientRect();
		return top >= (document.querySelector("[data-testid=calls]")?.getBoundingClientRect().bottom ?? 0) && bottom <= innerHeight + 1; })()`, what))
}

// What people switch for themselves in the evening and have forgotten in the morning is said on every page, also on a small telephone, and
// leads to where it is changed. A supervisor logs in and out at the group itself; where they may not, it says why there too (G4, G6).
func TestPageReminds(t *testing.T) {
	t.Parallel()
	s := pageSite(t, twoGroups)
	s.phone("101")
	s.storeIsRead()
	p, emils := s.page("anna", chrome.Options{Width: 360, Height: 640}), s.page("emil", chrome.Options{})
	reminders := func(p *chrome.Page, texts ...string) {
		p.AwaitTrue(fmt.Sprintf(`[...document.querySelectorAll("header [data-testid=reminder]")].map(e => e.innerText).join() === %q`, strings.Join(texts, ",")))
	}
	change := func(method, path, body string) {
		t.Helper()
		if a := s.program("anna").do(method, path, body); a.Status != http.StatusOK {
			t.Fatalf("%s: %d %s", path, a.Status, a.Body)
		}
	}
	head := func() *chrome.Place { return p.Find(`[data-testid=group][data-group=sales]`) }
	head().Reads("You are logged in")
	reminders(p)
	reminders(emils, "No phone is connected")
	nothing(t, p, "a login in a standard group", `[data-group=desk] [data-testid=login]`)

	// She is the last one who is connected.
	head().Reads("Cannot leave: nobody who is logged in and connected would remain in the group.")
	if locked := head().Await("switch", "Vertrieb"); locked.States["disabled"] != "true" {
		t.Errorf("it is not locked: %v", locked.States)
	}
	ben, fatma := s.phone("102"), s.phone("106")
	head().ReadsNot("Cannot leave")
	mark := s.watch.mark()
	head().Await("switch", "Vertrieb").Click()
	s.loggedIn(mark, "sales", "anna", false)
	head().Reads("You are logged out: you are told of no call here")
	closeMessages(p) // they lie over the lower edge
	change("PUT", "/people/anna/dnd", `{"on":true}`)
	change("PUT", "/people/anna/forwarding/busy", `{"target":"106"}`)
	for _, page := range []string{"history", "mine", "console"} {
		p.Find(`[data-testid=nav-` + page + `]`).Click()
		p.AwaitTrue(fmt.Sprintf(`document.querySelector("[data-testid=nav-%s]").ariaCurrent === "page"`, page))
		reminders(p, "Logged out of 1 group", "Do not disturb", "When busy, to 106 (Fatma Aydin)")
	}
	usable(t, p, "reminders on a small screen")

	// Also while a call stands above it all.
	change("PUT", "/people/anna/dnd", `{"on":false}`)
	reminders(p, "Logged out of 1 group", "When busy, to 106 (Fatma Aydin)")
	mark = s.watch.mark()
	head().Await("switch", "Vertrieb").Click()
	s.loggedIn(mark, "sales", "anna", true)
	reminders(p, "When busy, to 106 (Fatma Aydin)")
	caller := s.dial(fatma, "102")
	s.rings(ben)
	calls(p).Await("listitem", "Fatma Aydin")
	p.Find(`[data-reminder=forward]`).Click()
	p.AwaitTrue(`document.activeElement.id === "my-line"`)
	inSight(p, `document.activeElement`)
	s.must("hang up", caller.Hangup(s.ctx()))
	noCalls(p)
	closeMessages(p)
	p.Find(`[data-testid=cancel-forward]`).Click()
	reminders(p)
	closeMessages(p)
	mark = s.watch.mark()
	p.Find(`[data-testid=membership] [data-testid=login]`).Click()
	s.loggedIn(mark, "sales", "anna", false)
	p.Find(`[data-reminder=logged_out]`).Click()
	p.AwaitTrue(`document.activeElement.id === "my-groups"`)
}

// lasting has a page's messages stay from now on, however long a test takes.
const lasting = `(() => {
	const real = window.setTimeout;
	window.setTimeout = (f, ms, ...rest) => real(f, ms >= 5_000 ? 600_000 : ms, ...rest);
	return true;
})()`

// lieFree waits until some things are there, and none lies under a message.
func lieFree(p *chrome.Page, what string) {
	p.AwaitElement(`[data-testid=toast]`)
	p.AwaitTrue(fmt.Sprintf(`(() => {
		const all = [...document.querySelectorAll(%q)].map(e => e.getBoundingClientRect()).filter(r => r.width > 0);
		const under = (x, y) => document.elementFromPoint(x, y)?.closest("[data-testid=toast]");
		return all.length > 0 && !all.some(({left, right, top, bottom}) =>
			[left + 2, (left + right) / 2, right - 2].some(x => [top + 2, (top + bottom) / 2, bottom - 2].some(y => under(x, y))));
	})()`, what))
}

// On a small telephone what rings is in sight whatever has just ended, and hides neither what has the focus (WCAG 2.4.11) nor a dialog.
func TestPageCallsOnSmallScreens(t *testing.T) {
	t.Parallel()
	s := pageSite(t, twoGroups)
	s.phone("101")
	ben, carla, dora := s.phone("102"), s.phone("103"), s.phone("104")
	fatma, georg, hana, julia := s.phone("106"), s.phone("107"), s.phone("108"), s.phone("110")
	p := s.page("anna", chrome.Options{Width: 360, Height: 640})
	over := []*softphone.Call{
		s.dial(fatma, "102"), s.dial(georg, "103"), s.dial(hana, "104"),
	}
	for _, member := range []*softphone.Phone{ben, carla, dora} {
		s.rings(member)
	}
	p.AwaitElement(`[data-testid=call]:nth-of-type(3)`)
	last := s.dial(julia, "102")
	s.rings(ben)
	p.AwaitElement(`[data-testid=call]:nth-of-type(4)`)
	// Messages lie over none of them, nor over a dialog.
	emils := s.page("emil", chrome.Options{Width: 360, Height: 640}) // who has no phone
	emils.AwaitElement(`[data-testid=call]:nth-of-type(4)`)
	chrome.Eval[bool](emils, lasting)
	emils.Press("ppp")
	emils.AwaitTrue(`document.querySelectorAll("[data-testid=toast]").length === 3`)
	lieFree(emils, `[data-testid=calls]`)
	emils.Shot("messages-below-calls")
	emils.Find(`[data-testid=settings]`).Click()
	emils.AwaitElement(`[role=dialog] select`)
	lieFree(emils, `[data-testid=calls], [role=dialog] :is(button, select, input)`)
	emils.Shot("messages-above-settings-while-it-rings")

	for _, c := range over {
		s.must("hang up", c.Hangup(s.ctx()))
	}
	// As long as they are told.
	p.AwaitTrue(`(() => {
		const box = e => e.getBoundingClientRect(), list = box(document.querySelector("[data-testid=calls]"));
		const ended = [...document.querySelectorAll("[data-testid=call]:not([data-state=ringing])")], rings = box(document.querySelector("[data-testid=calls] [data-testid=pickup]"));
		return ended.length === 3 && rings.top >= list.top && rings.bottom <= list.bottom && ended.every(e => box(e).top > rings.bottom && box(e).height < 60);
	})()`)
	p.AwaitTrue(`document.querySelectorAll("[data-testid=call]").length === 1`)
	p.Shot("one-rings")
	p.Resize(320, 256) // 1,280 by 1,024 at 400 %
	p.AwaitTrue(`(() => { const {top, bottom} = document.querySelector("[data-testid=pickup]").getBoundingClientRect(); return innerWidth === 320 && top > 0 && bottom < 256; })()`)
	p.Resize(360, 640)
	p.AwaitTrue(`innerWidth === 360`)

	chrome.Eval[bool](p, `(scrollTo(0, 600), true)`)
	p.Press("/")
	p.AwaitTrue(`document.activeElement.dataset.testid === "search"`)
	inSight(p, `document.activeElement`)
	chrome.Eval[bool](p, `(scrollTo(0, 600), true)`) // the focus stays
	p.Press(chrome.Escape)
	p.Press("/")
	inSight(p, `document.activeElement`)
	chrome.Eval[bool](p, `(document.querySelector("[data-testid=group]:last-of-type [data-testid=person]:last-of-type").scrollIntoView(), document.activeElement.blur(), true)`)
	for range 12 {
		p.Press(chrome.Tab)
		if chrome.Eval[bool](p, `document.activeElement.closest("main") !== null`) { // the rest stands above the calls, or is them
			inSight(p, `document.activeElement`)
		}
	}

	chrome.Eval[bool](p, `(scrollTo(0, 0), true)`)
	p.Find(`[data-testid=settings]`).Click()
	p.AwaitElement(`[role=dialog] select`)
	inSight(p, `document.querySelector("[role=dialog]")`)
	inSight(p, `document.querySelector("[role=dialog] select")`)
	p.Shot("settings-while-it-rings")
	s.must("hang up", last.Hangup(s.ctx()))
	p.Press(chrome.Escape)
	noCalls(p)

	chrome.Eval[bool](p, lasting)
	login := p.Find(`[data-group=sales] [data-testid=login]`)
	login.Click()
	p.Reads("You are logged out of Vertrieb.")
	login.Click()
	p.Reads("You are logged in to Vertrieb.")
	chrome.Eval[bool](p, `(scrollTo(0, document.documentElement.scrollHeight), true)`)
	lieFree(p, `main :is(a, button, select, input)`)
	p.Shot("messages-below-the-page")
	p.Find(`[data-group=sales] [data-person=dora] [data-testid=actions]`).Click()
	lieFree(p, `[role=menuitem]`)
	p.Shot("messages-below-a-menu")
	p.Find(`[data-testid=set-forward]`).Click()
	p.AwaitElement(`[data-testid=forward-form]`)
	lieFree(p, `[role=dialog] :is(button, select, input)`)
	usable(t, p, "messages and a dialog")
	p.Shot("messages-above-a-dialog")
	p.Press(chrome.Escape)
	p.Find(`[data-testid=settings]`).Click()
	p.AwaitElement(`[role=dialog] select`)
	lieFree(p, `[role=dialog] :is(button, select, input)`)
	p.Shot("messages-above-settings")
}

// From a call to the person: the name of who is called shows them among their groups, whatever is looked for there. What has been moved by
// that takes no click that was meant for something else.
func TestPageShowsWhoIsCalled(t *testing.T) {
	t.Parallel()
	s := pageSite(t, twoGroups)
	s.phone("101")
	ben, fatma := s.phone("102"), s.phone("106")
	p := s.page("anna", chrome.Options{Width: 360, Height: 640})
	caller := s.dial(fatma, "102")
	s.rings(ben)
	name := func() *chrome.Place { return calls(p).Await("link", "Show Ben Okafor in their group") }
	shown := func() {
		t.Helper()
		p.AwaitTrue(`document.activeElement.matches("[data-group=sales] [data-testid=person][data-person=ben]")`)
		inSight(p, `document.activeElement`)
	}

	p.Find(`[data-testid=nav-history]`).Click()
	p.AwaitElement(`[data-testid=history-reload]`)
	name().Click()
	shown()
	p.Shot("shown")

	// By key, and though a filter and a search hide him.
	p.Press("/dora")
	shows(p, "dora")
	p.Find(`[data-testid=filter-forwarded]`).Click()
	shows(p)
	chrome.Eval[bool](p, `(document.querySelector("[data-testid=show-person]").focus(), true)`)
	p.Press(chrome.Enter)
	shown()
	shows(p, "ben", "carla", "dora", "igor")
	chrome.Eval[bool](p, `(document.querySelector("[data-testid=group-choice]").value = "desk", document.querySelector("[data-testid=group-choice]").dispatchEvent(new Event("change", {bubbles: true})), true)`)
	shows(p, "igor")
	chrome.Eval[bool](p, `(scrollTo(0, 0), true)`)
	calls(p).Await("button", "Pick up").Settled()
	// For what asks how long something has lain there, no time passes from now on.
	chrome.Eval[bool](p, `(performance.now = (now => () => now)(performance.now()), true)`)
	name().Click()
	shown()
	p.Find(`[data-testid=calls] [data-testid=pickup]`).Click()
	p.Reads("The calls have just moved, so nothing was picked up. Press again.")
	nothing(t, p, "a pickup", `[data-testid=phase]`)
	usable(t, p, "somebody who is shown")
	s.must("hang up", caller.Hangup(s.ctx()))
	noCalls(p)
}
