package acceptance

import (
	"net/http"
	"strings"
	"syscall"
	"testing"

	"supervisiond/test/chrome"
)

// A member logs in and out by a switch. Where the last one has to stay the switch is locked, and says why (G5, G6).
func TestPageLogin(t *testing.T) {
	t.Parallel()
	s := pageSite(t)
	s.phone("102")
	p := s.page("ben", chrome.Options{Width: 360, Height: 640, Dark: true})
	p.Reads("Cannot leave: nobody who is logged in and connected would remain in the group.")
	if locked := p.Await("switch", "Vertrieb"); locked.States["disabled"] != "true" {
		t.Errorf("it is not locked: %v", locked.States)
	}
	usable(t, p, "a lock, narrow and dark")
	s.phone("103")
	p.ReadsNot("Cannot leave")
	mark := s.watch.mark()
	p.Await("switch", "Vertrieb").Click()
	p.Reads("You are logged out of Vertrieb.")
	s.loggedIn(mark, "sales", "ben", false)
	mark = s.watch.mark()
	p.Await("switch", "Vertrieb").Click()
	p.Reads("You are logged in to Vertrieb.")
	s.loggedIn(mark, "sales", "ben", true)
}

// A supervisor cancels a member's forward. What names say stays text, and nothing keeps people from using the page.
func TestPageForwardsAndNames(t *testing.T) {
	t.Parallel()
	const trick = "<img src=x onerror=alert(1)>"
	s := pageSite(t, func(yaml string) string {
		return strings.Replace(yaml, "name: Carla Diaz", `name: "`+trick+`"`, 1) + "\nforwarding: {allowed_destinations: [\"^[0-9]{2,5}$\"]}\n"
	})
	carla, fatma := s.phone("103"), s.phone("106")
	s.phone("101")
	s.storeIsRead()
	p := chrome.Open(t, chrome.Options{})
	p.Go(s.url("/"))
	p.Await("button", "Sign in")
	usable(t, p, "signing in")
	signIn(p, "anna", "anna-secret")
	p.Reads(trick)

	if a := s.program("anna").do("PUT", "/people/ben/forwarding/always", `{"target":"106"}`); a.Status != http.StatusOK {
		t.Fatalf("%d %s", a.Status, a.Body)
	}
	p.Await("button", "Cancel forward: Ben Okafor to 106").Click()
	p.Reads("The forward of Ben Okafor to 106 is cancelled.")
	p.Gone("button", "Cancel forward: Ben Okafor to 106")

	caller := s.dial(fatma, "103")
	s.rings(carla)
	calls(p).Await("listitem", "Fatma Aydin", trick)
	usable(t, p, "a call that rings")
	if n := chrome.Eval[int](p, `document.querySelectorAll('img[src="x"]').length`); n > 0 {
		t.Errorf("a name became %d pictures", n)
	}
	s.must("hang up", caller.Hangup(s.ctx()))
	noCalls(p)
}

// Nothing keeps people from using any of its pages, menus and dialogs, in light and dark. Who chose no language, and has none
// in the configuration, gets the browser's.
func TestPageBarriers(t *testing.T) {
	t.Parallel()
	s := pageSite(t, func(yaml string) string {
		return yaml + "\nforwarding: {allowed_destinations: [\"^[0-9]{2,5}$\"], families: {busy: \"\"}}\n"
	})
	ben, fatma := s.phone("102"), s.phone("106")
	s.phone("101")
	s.storeIsRead()
	mark := s.watch.mark()
	missed := s.dial(fatma, "102")
	s.rings(ben)
	s.ringingCall(mark, "ben") // a caller who hangs up before the PBX knows that it rings has called nobody
	s.must("hang up", missed.Hangup(s.ctx()))
	s.quiet()
	for name, x := range map[string]struct {
		browser                                               chrome.Options
		signIn, actions, logOut, cancel, forward, who, always string
		mine, history, settings                               string
	}{
		"light": {
			chrome.Options{}, "Sign in", "Actions for Ben Okafor", "Log out of Vertrieb", "Cancel", "Set a forward", "Forward of Ben Okafor", "All calls",
			"My supervision", "History", "Settings",
		},
		"dark": {
			chrome.Options{Dark: true, Language: "de"}, "Anmelden", "Aktionen für Ben Okafor", "Von Vertrieb abmelden", "Abbrechen", "Rufumleitung einrichten",
			"Rufumleitung von Ben Okafor", "Alle Anrufe", "Meine Supervision", "Verlauf", "Einstellungen",
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := chrome.Open(t, x.browser)
			p.Go(s.url("/"))
			p.Await("button", x.signIn)
			usable(t, p, "signing in")
			signIn(p, "anna", "anna-secret")
			p.Await("button", x.actions).Click()
			p.Await("menuitem", x.logOut)
			usable(t, p, "a person's menu")
			p.Await("menuitem", x.logOut).Click()
			asked := p.Await("alertdialog")
			usable(t, p, "a question")
			asked.Await("button", x.cancel).Click()
			p.Gone("alertdialog")
			p.Await("button", x.actions).Click()
			p.Await("menuitem", x.forward).Click()
			form := p.Await("dialog", x.who)
			form.Await("option", x.always)
			if kinds := form.All("option"); len(kinds) != 2 {
				t.Errorf("%d kinds are offered, and one of three has no place in the PBX's store", len(kinds))
			}
			usable(t, p, "a form")
			form.Await("button", x.cancel).Click()
			p.Gone("dialog")
			p.Await("link", x.mine).Click()
			p.Find(`[data-testid=membership]`).Await("switch", "Vertrieb")
			usable(t, p, "one's own")
			p.Await("link", x.history).Click()
			p.AwaitElement(`[data-testid="history-line"]`)
			usable(t, p, "the history")
			p.Await("button", x.settings).Click()
			p.Await("dialog", x.settings)
			usable(t, p, "the settings")
		})
	}
}

// The history is read back to its beginning, and reading goes on where it stopped: also by keyboard and with a screen reader.
func TestPageHistoryReadsBack(t *testing.T) {
	t.Parallel()
	s := pageSite(t)
	s.phone("102")
	const changes = 130
	for i := range changes {
		verb := "group.leave"
		if i%2 == 1 {
			verb = "group.join"
		}
		if r := s.command("carla", verb, `{"group":"sales"}`); !r.OK || !r.Changed {
			t.Fatalf("%s: %+v", verb, r)
		}
	}
	p := s.page("anna", chrome.Options{})
	p.Await("link", "History").Click()
	lines := func() int {
		return chrome.Eval[int](p, `document.querySelectorAll("[data-testid=history-line]").length`)
	}
	older := p.Await("button", "Show older")
	first := lines()
	older.Click()
	p.Gone("button", "Show older")
	if got := lines(); first != 100 || got != changes {
		t.Errorf("%d lines and then %d, of %d", first, got, changes)
	}
	at := chrome.Eval[int](p, `[...document.querySelectorAll("[data-testid=history-line]")].indexOf(document.activeElement)`)
	if at != first {
		t.Errorf("the focus is on line %d; the first new one is %d", at, first)
	}
	usable(t, p, "all of the history")
}

// What the configuration says of somebody reaches a page that is open: their phones, and what they are called.
func TestPageFollowsTheConfiguration(t *testing.T) {
	t.Parallel()
	s := pageSite(t)
	s.phone("101")
	p, bens := s.page("anna", chrome.Options{}), s.page("ben", chrome.Options{})
	p.Await("link", "My supervision").Click()
	p.Reads("PJSIP/101-home")
	// To who supervises nobody no calls are told, and nothing is offered that would tell them.
	bens.AwaitElement(`[data-testid=membership]`)
	bens.Await("button", "Settings").Click()
	bens.Await("dialog", "Settings").Reads("You supervise no group, so no calls are told to you.")
	nothing(t, bens, "what would tell of calls", `[data-testid=sound], [data-testid=notices], [data-testid=push], [data-testid=mute], [data-testid=ask-notices]`)
	usable(t, bens, "the settings of a member")
	bens.Shot("settings-of-a-member")
	s.change(func(yaml string) string {
		yaml = strings.Replace(yaml, "supervisors: [hana]", "supervisors: [ben, hana]", 1)
		yaml = s.with(`[PJSIP/101-home, {endpoint: PJSIP/101, default: true`, `[{endpoint: PJSIP/101, label: Desk, default: true`)(yaml)
		return strings.Replace(yaml, "name: Anna Berger", "name: Anna Maria Berger", 1)
	})
	p.ReadsNot("PJSIP/101-home")
	p.Reads("Desk")
	p.Reads("Anna Maria Berger")
	bens.Await("switch", "When a call rings")
	bens.Await("slider", "Volume")
	bens.ReadsNot("You supervise no group")
}

// Who signs in signs out whoever was signed in in this browser: also another tab is theirs then. Nobody signs out while the server cannot
// be reached without being told that they have not.
func TestPageChangesHands(t *testing.T) {
	t.Parallel()
	s := pageSite(t)
	s.phone("101")
	annas := chrome.Open(t, chrome.Options{})
	annas.Go(s.url("/"))
	bens := annas.Tab(chrome.Options{})
	bens.Go(s.url("/"))
	bens.AwaitElement(`[data-testid="sign-in"]`)
	signIn(annas, "anna", "anna-secret")
	annas.AwaitElement(`[data-standing="live"]`)
	annas.Reads("Anna Berger")
	bens.Reads("Anna Berger") // by itself
	// By another page of the site than the console, such as the one at which a provider's sign-in ends.
	chrome.Eval[bool](bens, `fetch("/api/v1/session", {method: "POST", headers: {"Content-Type": "application/json"},
		body: JSON.stringify({person: "ben", password: "ben-secret"})}).then(r => r.ok)`)
	for _, p := range []*chrome.Page{annas, bens} {
		p.AwaitTrue(`(document.querySelector("header")?.innerText ?? "").includes("Ben Okafor")`)
		p.AwaitElement(`[data-standing="live"]`)
	}

	s.daemon.stop(syscall.SIGKILL)
	bens.Reads("Reconnecting…")
	bens.Await("button", "Sign out").Click()
	bens.Reads("You are still signed in: the server cannot be reached.")
}
