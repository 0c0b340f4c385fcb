package acceptance

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"supervisiond/test/chrome"
	"supervisiond/test/softphone"
)

// listens notes from now on all that the page's two regions for calls say, and each region that comes with a text in it, as screen
// readers often do not read them.
const listens = `(() => {
	window.heard = {announcement: [], "goes-on": []}; window.late = [];
	for (const name in heard) {
		const region = document.querySelector("[data-testid=" + name + "]");
		new MutationObserver(() => heard[name].at(-1) !== region.innerText && heard[name].push(region.innerText)).observe(region, {childList: true, characterData: true, subtree: true});
	}
	new MutationObserver(list => { for (const {addedNodes} of list) for (const node of addedNodes) if (node.querySelectorAll)
		for (const one of [node, ...node.querySelectorAll("*")]) if (one.matches("[role=status], [role=alert], [aria-live]") && one.innerText) late.push(one.outerHTML);
	}).observe(document.body, {childList: true, subtree: true});
	return true;
})()`

// readAloud is what a region has said since it was asked last; what it says last is nothing.
func readAloud(p *chrome.Page, region string) []string {
	p.AwaitTrue(`heard["` + region + `"].length > 0 && heard["` + region + `"].at(-1) === ""`)
	return chrome.Eval[[]string](p, `heard["`+region+`"].splice(0)`)
}

// Who cannot see the page hears of each call once that it rings and once how it ended, and of a pickup how far it has come; of many calls
// no more than can be listened to. What says so was there before, and is empty afterwards.
func TestPageIsReadAloud(t *testing.T) {
	t.Parallel()
	s := pageSite(t)
	desk, ben, carla, dora, fatma := s.phone("101", answers), s.phone("102"), s.phone("103"), s.phone("104"), s.phone("106")
	phones := map[string]*softphone.Phone{"102": ben, "103": carla, "104": dora}
	p := s.page("anna", chrome.Options{})
	chrome.Eval[bool](p, listens)
	says := func(region string, texts ...string) {
		t.Helper()
		if got := readAloud(p, region); !slices.Equal(got, append(texts, "")) {
			t.Errorf("%s says %q, and should say %q", region, got, texts)
		}
	}

	caller := s.dial(fatma, "102")
	s.rings(ben)
	p.AwaitTrue(`heard.announcement.length === 1`)
	s.must("hang up", caller.Hangup(s.ctx()))
	says("announcement", "Call for Ben Okafor: Fatma Aydin")
	says("goes-on", "Fatma Aydin: The caller hung up")
	s.quiet()

	caller = s.dial(fatma, "102")
	member := s.rings(ben)
	calls(p).Await("listitem", "Fatma Aydin").Await("button", "Pick up").Aimed().Click()
	s.talk(caller, s.rings(desk))
	s.ended(member)
	says("announcement", "Call for Ben Okafor: Fatma Aydin")
	texts := readAloud(p, "goes-on")
	if texts[0] != "Picking up…" || len(texts) > 4 || strings.Contains(strings.Join(texts, " "), "picked up for") {
		t.Errorf("a pickup is told as %q", texts) // the message says that it is done
	}
	s.must("hang up", caller.Hangup(s.ctx()))
	s.quiet()
	s.drain(phones)

	began := time.Now()
	var callers []*softphone.Call
	for range 3 {
		for _, number := range []string{"102", "103", "104"} {
			callers = append(callers, s.dial(fatma, number))
		}
	}
	p.Reads("9 calls ring")
	for _, c := range callers {
		s.must("hang up", c.Hangup(s.ctx()))
	}
	for _, region := range []string{"announcement", "goes-on"} {
		texts := readAloud(p, region)
		bearable := 2*int(time.Since(began)/time.Second) + 2
		if len(texts) > bearable || slices.ContainsFunc(texts, func(text string) bool { return strings.Count(text, "Fatma Aydin") > 3 }) {
			t.Errorf("%s says of nine calls %q", region, texts)
		}
		t.Logf("%s: %q", region, texts)
	}
	if late := chrome.Eval[[]string](p, `late`); len(late) > 0 {
		t.Errorf("regions come with their text: %q", late)
	}
}

// focusOn waits until what a selector finds has the focus.
func focusOn(p *chrome.Page, what, selector string) {
	p.Until(what+" has the focus, which is "+selector, func() bool {
		return chrome.Eval[bool](p, fmt.Sprintf(`document.activeElement.matches(%q)`, selector))
	})
}

// focus puts the focus somewhere as the keyboard does.
func focus(p *chrome.Page, selector string) {
	p.AwaitElement(selector)
	p.AwaitTrue(fmt.Sprintf(`(() => { const e = document.querySelector(%q); e.focus({focusVisible: true}); return document.activeElement === e; })()`, selector))
}

// What has the focus may vanish: a row, a message, a menu, a dialog, a forward. Then it goes to what that stood in or where one came from:
// never to nothing, and never to the button of another call.
func TestPageKeepsTheFocus(t *testing.T) {
	t.Parallel()
	s := pageSite(t, twoGroups)
	ben, carla, fatma, georg := s.phone("102"), s.phone("103"), s.phone("106"), s.phone("107")
	s.phone("101")
	s.storeIsRead()
	p := s.page("anna", chrome.Options{})

	// A call that ends while its button has the focus; another rings on.
	first := s.dial(fatma, "102")
	s.rings(ben)
	calls(p).Await("listitem", "Fatma Aydin")
	second := s.dial(georg, "103")
	s.rings(carla)
	calls(p).Await("listitem", "Georg Huber")
	focus(p, `[data-testid=calls] [data-testid=pickup]`)
	s.must("hang up", first.Hangup(s.ctx()))
	focusOn(p, "the row that is over", `[data-testid=call][data-state=abandoned]`)
	focusOn(p, "the list, when it is gone", `[data-testid=calls]`)
	s.must("hang up", second.Hangup(s.ctx()))
	noCalls(p)
	focusOn(p, "the page, when the list is gone", `#content`)

	// A menu, a dialog, and back.
	actions := `[data-group=sales] [data-person=ben] [data-testid=actions]`
	focus(p, actions)
	p.Press(chrome.Enter)
	p.Await("menu", "Actions for Ben Okafor").Await("menuitem", "Log out of Vertrieb")
	p.Press(chrome.Escape)
	focusOn(p, "what opened the menu", actions)
	for action, dialog := range map[string]string{"force-out": "alertdialog", "set-forward": "dialog"} {
		focus(p, actions)
		p.Press(chrome.Enter)
		focus(p, `[data-testid=`+action+`]`)
		p.Press(chrome.Enter)
		p.Await(dialog)
		p.AwaitTrue(`document.activeElement.closest("[role=` + dialog + `]") !== null`)
		p.Press(chrome.Escape)
		p.Gone(dialog)
		focusOn(p, "what opened the menu", actions)
	}

	// A forward that is cancelled takes its button with it.
	if a := s.program("anna").do("PUT", "/people/ben/forwarding/busy", `{"target":"106"}`); a.Status != 200 {
		t.Fatalf("%d %s", a.Status, a.Body)
	}
	focus(p, `[data-group=sales] [data-person=ben] [data-testid=cancel-forward]`)
	p.Press(chrome.Enter)
	p.Reads("The forward of Ben Okafor to 106 is cancelled.")
	focusOn(p, "the person", `[data-group=sales] [data-person=ben]`)
	closeMessages(p)

	// A filter keeps it; who is filtered away leaves it to the page.
	focus(p, `[data-testid=filter-ringing]`)
	p.Press(" ")
	focusOn(p, "the filter", `[data-testid=filter-ringing]`)
	p.Press(chrome.Tab)
	third := s.dial(fatma, "102")
	s.rings(ben)
	focus(p, `[data-group=sales] [data-person=ben] [data-testid=pickup]`)
	s.must("hang up", third.Hangup(s.ctx()))
	focusOn(p, "the group or the page", `main, [data-testid=group]`)
	noCalls(p)

	// What is disabled while it runs has it again, and a message that is closed gives it back.
	s.phone("105")
	p.Find(`[data-testid=nav-mine]`).Click()
	focus(p, `[data-testid=login]`)
	p.Press(" ")
	p.Reads("You are logged out of Vertrieb.")
	focusOn(p, "the switch", `[data-testid=login]`)
	p.AwaitTrue(`!document.querySelector("[data-testid=login]").disabled`)
	p.Press(" ")
	p.Reads("You are logged in to Vertrieb.")
	focusOn(p, "the switch", `[data-testid=login]`)
	focus(p, `[data-testid=toast] button`)
	p.Press(chrome.Enter)
	p.AwaitTrue(`document.querySelectorAll("[data-testid=toast]").length === 1`)
	focusOn(p, "the next message", `[data-testid=toast] button`)
	p.Press(chrome.Enter)
	focusOn(p, "where one came from", `[data-testid=login]`)
}

// Of a call that rings many two are named, and how many more. Who they are is told by mouse, by keyboard and by a finger, and the button that
// picks up stays where it is.
func TestPageTellsWhomElseACallRings(t *testing.T) {
	t.Parallel()
	s := pageSite(t)
	s.phone("101")
	ben, carla, dora, fatma := s.phone("102"), s.phone("103"), s.phone("104"), s.phone("106")
	p := s.page("anna", chrome.Options{Width: 360, Height: 640})
	caller := s.dial(fatma, "700")
	for _, phone := range []*softphone.Phone{ben, carla, dora} {
		s.rings(phone)
	}
	others := p.Find(`[data-testid=others]`)
	others.Reads("and 1 other")
	lies := func() string {
		return chrome.Eval[string](p, `JSON.stringify(document.querySelector("[data-testid=calls] [data-testid=pickup]").getBoundingClientRect())`)
	}
	p.Find(`[data-testid=calls] [data-testid=pickup]`).Settled()
	x, y := others.Settled()
	at := lies()
	for _, opened := range []struct {
		how string
		by  func()
	}{
		{"by the mouse", func() { p.ClickAt(x, y) }}, {"by a finger", func() { p.TapAt(x, y) }}, {"by the keyboard", func() { p.Press(chrome.Enter) }},
	} {
		opened.by()
		all := p.Await("dialog", "Everybody whom it rings")
		for _, name := range []string{"Ben Okafor", "Carla Diaz", "Dora Lind"} {
			all.Await("listitem", name)
		}
		p.AwaitTrue(`document.querySelector("[data-testid=others]").ariaExpanded === "true"`)
		if now := lies(); now != at {
			t.Errorf("%s: the button has moved from %s to %s", opened.how, at, now)
		}
		if opened.how == "by the mouse" {
			usable(t, p, "everybody whom a call rings")
			p.Shot("everybody-narrow")
		}
		p.Press(chrome.Escape)
		p.Gone("dialog")
		focusOn(p, "what opened it", `[data-testid=others]`)
	}
	p.ClickAt(x, y)
	p.Await("dialog")
	s.must("hang up", caller.Hangup(s.ctx()))
	p.Gone("dialog")
	noCalls(p)
	focusOn(p, "the page", `#content`)
}
