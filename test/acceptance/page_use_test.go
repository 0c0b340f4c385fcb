package acceptance

import (
	"net/http"
	"strings"
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
