package acceptance

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"supervisiond/test/chrome"
	"supervisiond/test/npm"
	"supervisiond/test/softphone"
)

// pageSite is an httpSite in which the last one in sales cannot leave it.
func pageSite(t *testing.T, configure ...func(yaml string) string) *site {
	t.Helper()
	return newSite(t, pageOptions(t, configure...))
}

func pageOptions(t *testing.T, configure ...func(yaml string) string) options {
	t.Helper()
	o := withPasswords(t, screenOptions(t), "anna", "ben", "emil", "fatma", "hana")
	before := o.configure
	o.configure = func(yaml string) string {
		yaml = strings.Replace(before(yaml), "type: mutual_aid", "type: mutual_aid\n    lock_last: person", 1)
		for _, change := range configure {
			yaml = change(yaml)
		}
		return yaml
	}
	return o
}

// page is a browser in front of the attendant console, in which a person has signed in. What it shows is up to date.
func (s *site) page(person string, o chrome.Options) *chrome.Page {
	s.t.Helper()
	return s.pageAt(s.url("/"), person, o)
}

func (s *site) pageAt(url, person string, o chrome.Options) *chrome.Page {
	s.t.Helper()
	p := chrome.Open(s.t, o)
	p.Go(url)
	signIn(p, person, person+"-secret")
	p.AwaitElement(`[data-standing="live"]`)
	return p
}

// signIn fills in the form as a browser that knows the password does.
func signIn(p *chrome.Page, person, password string) {
	p.Type(`input[autocomplete="username"]`, person)
	p.Type(`input[autocomplete="current-password"]`, password+chrome.Enter)
}

// selects chooses an option of a list, by its value, as who opens the list and takes it.
func selects(p *chrome.Page, selector, value string) {
	p.AwaitElement(selector)
	chrome.Eval[bool](p, fmt.Sprintf(`(() => { const s = document.querySelector(%q); s.value = %q;
		s.dispatchEvent(new Event("change", { bubbles: true })); return true; })()`, selector, value))
}

// calls are the supervised calls of a page.
func calls(p *chrome.Page) *chrome.Place { return p.Await("region", "Supervised calls") }

// noCalls waits until the page shows none.
func noCalls(p *chrome.Page) {
	p.Gone("region", "Supervised calls")
	countsNone(p)
}

// countsNone waits until the title of the window tells of no call.
func countsNone(p *chrome.Page) {
	p.Until("the title tells of no call", func() bool { return p.Title() == "Supervision" })
}

// answers is a phone that answers by itself.
func answers(o *softphone.Options) { o.Behaviour = softphone.AutoAnswer() }

// usable proves that nothing on the page keeps people from using it (WCAG 2.2 AA).
func usable(t *testing.T, p *chrome.Page, state string) {
	t.Helper()
	axe, err := os.ReadFile(filepath.Join(npm.Install(t, "testdata/axe"), "axe-core", "axe.min.js"))
	if err != nil {
		t.Fatal(err)
	}
	for _, barrier := range p.Barriers(string(axe)) {
		t.Errorf("%s: %s", state, barrier)
	}
}
