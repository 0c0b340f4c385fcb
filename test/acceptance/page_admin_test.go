package acceptance

import (
	"fmt"
	"strings"
	"testing"

	"supervisiond/test/chrome"
	"supervisiond/test/softphone"
)

// choose opens what may be done with somebody in sales, and takes one.
func choose(p *chrome.Page, person, action string) {
	p.Find(`[data-group=sales] [data-person=` + person + `] [data-testid=actions]`).Click()
	p.Find(`[data-testid=` + action + `]`).Click()
}

// fillForward writes into the form of a forward, over what is there.
func fillForward(p *chrome.Page, kind, number string) {
	selects(p, `[data-testid=forward-form] [name=kind]`, kind)
	chrome.Eval[bool](p, `(document.querySelector("[name=target]").select(), true)`)
	p.Type(`[name=target]`, number)
}

// whileHidden hides a page, and gives what waits until it has a message whose time has not begun, and, when the page is in front again,
// until that is read and its time begins.
func whileHidden(p *chrome.Page, message string) (told func()) {
	chrome.Eval[bool](p, `(() => {
		const real = window.setTimeout, told = 20_000;
		window.begun = 0;
		window.setTimeout = (f, ms, ...rest) => (ms === told && window.begun++, real(f, ms, ...rest));
		return true;
	})()`)
	front := p.Beside()
	p.AwaitTrue(`document.visibilityState === "hidden"`)
	return func() {
		p.AwaitTrue(fmt.Sprintf(`document.querySelector("[data-testid=toasts]").textContent.includes(%q)`, message))
		p.AwaitTrue(`window.begun === 0`)
		p.Front()
		p.Reads(message)
		p.AwaitTrue(`window.begun > 0`)
		front.Close()
	}
}

// An administrator forces people in and out and sets their forwards; they are told by whom, and it is in the history. What
// cannot be set is refused in words (G8, F4, F6); what may not be at all is in page_bars_test.go.
func TestPageAdministrator(t *testing.T) {
	t.Parallel()
	s := pageSite(t, twoGroups)
	s.phone("101")
	s.phone("102")
	s.phone("103")
	s.storeIsRead()
	p, bens := s.page("anna", chrome.Options{}), s.page("ben", chrome.Options{})

	// Out, when it is meant; and in again.
	p.AwaitTrue(`document.querySelector("[data-group=sales] [data-person=carla]").dataset.status === "logged_in"`)
	card(p, "carla").Reads("Online")
	choose(p, "ben", "force-out")
	p.Await("alertdialog", "Log Ben Okafor out?").Await("button", "Cancel").Click()
	p.Gone("alertdialog")
	forcedOut := whileHidden(bens, "Anna Berger has logged you out of Vertrieb.")
	mark := s.watch.mark()
	choose(p, "ben", "force-out")
	p.Await("alertdialog", "Ben Okafor is told that you did it.").Await("button", "Log out").Click()
	p.Reads("Ben Okafor is logged out of Vertrieb.")
	s.loggedIn(mark, "sales", "ben", false)
	forcedOut()
	mark = s.watch.mark()
	choose(p, "ben", "force-in")
	p.Reads("Ben Okafor is logged in to Vertrieb.")
	s.loggedIn(mark, "sales", "ben", true)
	bens.Reads("Anna Berger has logged you in to Vertrieb.")

	// A forward: refused with a reason, set, changed, cancelled.
	choose(p, "ben", "set-forward")
	fill := func(kind, number string) {
		dialog := p.Await("dialog", "Forward of Ben Okafor")
		fillForward(p, kind, number)
		dialog.Await("button", "Set forward").Click()
	}
	fill("busy", "0900 123 456")
	p.Await("alert", "Forwards to this number are not allowed.")
	usable(t, p, "a forward that is refused")
	fill("busy", "10-3")
	p.Reads("The forward of Ben Okafor to 103 is set.")
	card(p, "ben").Reads("When busy, to 103")
	bens.Reads("Anna Berger has changed your forwards.")
	choose(p, "ben", "set-forward")
	fill("busy", "106")
	card(p, "ben").Reads("When busy, to 106")
	if there := s.stored("CFB", "102"); there != "106" {
		t.Errorf("the PBX has %q", there)
	}
	p.Find(`[data-group=sales] [data-person=ben] [data-testid=cancel-forward]`).Click()
	p.Reads("The forward of Ben Okafor to 106 is cancelled.")

	bens.Find(`[data-testid=nav-history]`).Click()
	for _, line := range []string{
		"Anna Berger logged Ben Okafor out of Vertrieb", "Anna Berger logged Ben Okafor in to Vertrieb",
		"Anna Berger changed the forward of Ben Okafor: When busy, to 103", "Anna Berger changed the forward of Ben Okafor: none",
	} {
		bens.Await("listitem", line)
	}
	s.dialogsOutlived(p)
}

// dialogsOutlived: a dialog says so when what it is about can not be done any more, and what was typed can be read.
func (s *site) dialogsOutlived(p *chrome.Page) {
	choose(p, "carla", "force-out")
	question := p.Await("alertdialog", "Log Carla Diaz out?")
	s.change(s.with("members: [ben, carla, dora]", "members: [ben, dora]"))
	question.Reads("That is not there any more.")
	question.Reads("Log Carla Diaz out?")
	idle := func(place *chrome.Place, button string, want bool) {
		s.t.Helper()
		if b := place.Await("button", button); (b.States["disabled"] == "true") != want {
			s.t.Errorf("%s: %v", button, b.States)
		}
	}
	idle(question, "Log out", true)
	question.Await("button", "Cancel").Click()
	p.Gone("alertdialog")

	choose(p, "ben", "set-forward")
	form := p.Await("dialog", "Forward of Ben Okafor")
	p.Type(`[name=target]`, "110")
	for _, out := range []bool{true, false} {
		command := map[bool]string{true: "group.leave", false: "group.join"}[out]
		if r := s.command("ben", command, `{"group":"sales"}`); !r.OK {
			s.t.Fatalf("%s: %+v", command, r)
		}
		if out {
			form.Reads("Ben Okafor is logged out.")
			usable(s.t, p, "a form that can not be sent any more")
		} else {
			form.ReadsNot("Ben Okafor is logged out.")
		}
		idle(form, "Set forward", out)
	}
	s.change(s.with("{person: anna, admin: true}", "anna"))
	form.Reads("Only administrators of the group may do that.")
	idle(form, "Set forward", true)
	p.AwaitTrue(`document.querySelector("[name=target]").value === "110"`)
	form.Await("button", "Cancel").Click()
	p.Gone("dialog")
}

// Who called, who answered on whose behalf, what I missed, and which pickups were refused (R6, H1): what was picked up for me I
// have not missed.
func TestPageHistory(t *testing.T) {
	t.Parallel()
	s := pageSite(t)
	anna, ben, fatma := s.phone("101"), s.phone("102"), s.phone("106")
	p := s.page("ben", chrome.Options{})
	p.Find(`[data-testid=nav-history]`).Click()
	p.Reads("Nothing has happened yet.")

	mark := s.watch.mark()
	caller := s.dial(fatma, "102")
	s.rings(ben)
	call := s.ringingCall(mark, "ben")
	picker := s.dial(anna, "*20102")
	s.talk(caller, picker)
	s.watch.event(mark, "call.picked_up", call.ID)
	s.must("hang up", caller.Hangup(s.ctx()))
	s.quiet()
	s.drain(map[string]*softphone.Phone{"102": ben})

	mark = s.watch.mark()
	caller = s.dial(fatma, "102")
	member := s.rings(ben)
	call = s.ringingCall(mark, "ben")
	s.must("answer", member.Answer())
	s.watch.event(mark, "call.answered", call.ID)
	s.must("hang up", caller.Hangup(s.ctx()))
	s.quiet()

	mark = s.watch.mark()
	caller = s.dial(fatma, "6102")
	s.rings(ben)
	call = s.ringingCall(mark, "ben")
	s.must("hang up", caller.Hangup(s.ctx()))
	s.watch.event(mark, "call.ended", call.ID)
	s.watch.kept("call.ended", call.ID)

	p.Await("listitem", "Call for Ben Okafor: Number withheld", "Missed · The caller hung up", "rang for")
	p.Await("listitem", "Call for Ben Okafor: Fatma Aydin (106)", "Ben Okafor answered")
	p.Await("listitem", "Call for Ben Okafor: Fatma Aydin (106)", "Anna Berger picked up for Ben Okafor")
	kinds := chrome.Eval[[]string](p, `[...document.querySelectorAll("[data-testid=history-line]")].map(l => l.dataset.kind)`)
	if got := strings.Join(kinds, " "); got != "missed call call" {
		t.Errorf("the lines are %s", got)
	}
	// The supervisor has missed nothing.
	annas := s.page("anna", chrome.Options{Language: "de"})
	annas.Find(`[data-testid=nav-history]`).Click()
	annas.Await("listitem", "Anna Berger hat für Ben Okafor angenommen")
	nothing(t, annas, "missed calls of others", `[data-kind=missed]`)
}
