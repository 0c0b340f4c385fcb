package acceptance

import (
	"fmt"
	"testing"

	"supervisiond/test/chrome"
)

// Who supervises nobody has the page of their own, and nothing else. It is in the language that they choose, which stays.
func TestPageMember(t *testing.T) {
	t.Parallel()
	s := pageSite(t)
	s.phone("102")
	s.phone("103")
	p := chrome.Open(t, chrome.Options{Language: "it"})
	p.Go(s.url("/#/console"))
	p.AwaitElement(`[data-testid=sign-in]`)
	if language := chrome.Eval[string](p, `document.documentElement.lang`); language != "en" {
		t.Errorf("a language that there is not becomes %s", language)
	}
	for _, x := range []struct{ language, signIn, mine, loggedIn, signOut string }{
		{"de", "Anmelden", "Meine Supervision", "Angemeldet", "Abmelden"}, {"en", "Sign in", "My supervision", "Logged in", "Sign out"},
		{"fr", "Se connecter", "Ma supervision", "Dans le groupe", "Se déconnecter"}, {"es", "Iniciar sesión", "Mi supervisión", "En el grupo", "Cerrar sesión"},
	} {
		p.AwaitElement(`[data-testid=sign-in]`)
		selects(p, `[name=language]`, x.language)
		p.Await("button", x.signIn)
		signIn(p, "ben", "ben-secret")
		p.Await("link", x.mine)
		p.Find(`[data-testid=membership]`).Reads(x.loggedIn)
		p.AwaitTrue(fmt.Sprintf(`document.documentElement.lang === %q`, x.language))
		nothing(t, p, "a console", `[data-testid=nav-console], [data-testid=search], [data-testid=group]`)
		p.Press("/") // does nothing
		p.Await("button", x.signOut).Click()
		p.Await("button", x.signIn)
	}
	p.Go(s.url("/"))
	p.Await("button", "Iniciar sesión")
}

// tabTo presses Tab until something has the focus, and proves that it can be seen there.
func tabTo(t *testing.T, p *chrome.Page, selector string) {
	t.Helper()
	for range 80 {
		p.Press(chrome.Tab)
		if chrome.Eval[bool](p, fmt.Sprintf(`document.activeElement.matches(%q)`, selector)) {
			if chrome.Eval[bool](p, `getComputedStyle(document.activeElement).outlineStyle === "none"`) {
				t.Errorf("that %s has the focus is not seen", selector)
			}
			return
		}
	}
	t.Fatalf("Tab does not lead to %s", selector)
}

// A whole job without a mouse: sign in, look for somebody, pick up, force somebody out, leave a group and join it.
func TestPageByKeyboardAlone(t *testing.T) {
	t.Parallel()
	s := pageSite(t)
	desk, ben, fatma := s.phone("101", answers), s.phone("102"), s.phone("106")
	s.phone("105")
	p := chrome.Open(t, chrome.Options{})
	p.Go(s.url("/"))
	p.AwaitElement(`[data-testid=sign-in]`)
	tabTo(t, p, `[autocomplete=username]`)
	p.Press("anna" + chrome.Tab + "anna-secret" + chrome.Enter)
	p.AwaitElement(`[data-standing="live"]`)

	caller := s.dial(fatma, "102")
	member := s.rings(ben)
	calls(p).Await("listitem", "Fatma Aydin")
	p.Press("/okaf")
	shows(p, "ben")
	tabTo(t, p, `[data-person=ben] [data-testid=pickup]`)
	p.Press(chrome.Enter)
	picker := s.rings(desk)
	s.talk(caller, picker)
	s.ended(member)
	p.Reads("You have the call for Ben Okafor.")
	s.must("hang up", caller.Hangup(s.ctx()))
	noCalls(p)

	tabTo(t, p, `[data-person=ben] [data-testid=actions]`)
	p.Press(chrome.Enter)
	p.AwaitElement(`[data-testid=force-out]`)
	p.AwaitTrue(`document.activeElement.closest("[role=menu]") !== null`)
	for !chrome.Eval[bool](p, `document.activeElement.matches("[data-testid=force-out]")`) {
		p.Press(chrome.Down)
	}
	p.Press(chrome.Enter)
	p.Await("alertdialog", "Log Ben Okafor out?")
	tabTo(t, p, `[data-testid=confirm]`)
	mark := s.watch.mark()
	p.Press(chrome.Enter)
	s.loggedIn(mark, "sales", "ben", false)
	p.Reads("Ben Okafor is logged out of Vertrieb.")

	p.Gone("alertdialog")
	tabTo(t, p, `[data-testid=nav-mine]`)
	p.Press(chrome.Enter)
	p.AwaitElement(`[data-testid=membership]`)
	tabTo(t, p, `[data-testid=login]`)
	mark = s.watch.mark()
	p.Press(" ")
	s.loggedIn(mark, "sales", "anna", false)
	p.AwaitTrue(`document.querySelector("[data-testid=login]:enabled")?.ariaChecked === "false"`)
	mark = s.watch.mark()
	tabTo(t, p, `[data-testid=login]`)
	p.Press(" ")
	s.loggedIn(mark, "sales", "anna", true)
}
