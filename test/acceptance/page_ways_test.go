package acceptance

import (
	"encoding/json"
	"fmt"
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

// inOrder waits until the parts of a text stand one after the other, as they are seen: nothing between them turns their direction.
func inOrder(p *chrome.Page, selector string, parts ...string) {
	words, _ := json.Marshal(parts)
	p.AwaitTrue(fmt.Sprintf(`[...document.querySelectorAll(%q)].some(e => {
		const at = [], texts = document.createTreeWalker(e, NodeFilter.SHOW_TEXT);
		let all = "", from = 0, last = -Infinity, line = -Infinity;
		for (let n; n = texts.nextNode(); all += n.data) for (let i = 0; i < n.data.length; i++) at.push([n, i]);
		return %s.every(part => {
			const there = all.indexOf(part, from), range = document.createRange();
			if (there < 0) return false;
			from = there + part.length;
			const [end, i] = at[from - 1];
			range.setStart(...at[there]);
			range.setEnd(end, i + 1);
			const {left, right, top, bottom} = range.getBoundingClientRect();
			const follows = top >= line || left >= last - 1; // on the next line, or behind the one before
			[last, line] = [right, bottom - 1];
			return follows;
		});
	})`, selector, words))
}

// What callers from outside call themselves, and people, is text, in every place where it is shown, however it is written, in whatever
// direction, and however long it is.
func TestPageForeignNames(t *testing.T) {
	t.Parallel()
	const mem, maryam, turned = "שלום 5 בן", "مريم", "\u202egnitsop \U0001F514 שלום"
	s := pageSite(t, func(yaml string) string {
		return strings.NewReplacer("name: Ben Okafor", "name: "+mem, "name: Carla Diaz", "name: "+maryam).Replace(yaml)
	})
	ben := s.phone("102")
	s.phone("101")
	s.storeIsRead()
	p := s.page("anna", chrome.Options{Width: 360, Height: 640})
	outside := s.outside()
	for _, name := range []string{`<img src=x onerror=document.title=1> &amp; Co`, turned, strings.Repeat("Donaudampfschiff", 4)} {
		caller := s.dial(outside, "4930102", softphone.From("+493055501234", name))
		member := s.rings(ben)
		calls(p).Await("listitem", name, mem).Await("button", name)
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

	// None turns the direction of what stands beside it.
	p.Resize(1280, 800)
	s.database("put CF 103 102")
	inOrder(p, `[data-testid=forward]`, "All calls to", "102 (", mem, ")")
	caller := s.dial(outside, "4930103", softphone.From("+493055501234", turned))
	member := s.rings(ben)
	inOrder(p, `[data-testid=calls] .for`, "for", mem, "Vertrieb", "forwarded from", maryam, "(103)")
	p.AwaitTitle("(1) \u2068" + turned + "\u2069 → \u2068" + mem + "\u2069")
	s.must("answer", member.Answer())
	inOrder(p, `[data-testid=end]`, mem, "answered")
	s.must("hang up", caller.Hangup(s.ctx()))
	card(p, "carla").Await("button", "Cancel forward").Click()
	inOrder(p, `[data-testid=toast]`, "The forward of", maryam, "to 102")
	p.Find(`[data-testid=nav-history]`).Click()
	p.Await("listitem", `<img src=x onerror=document.title=1> &amp; Co`)
	inOrder(p, `[data-testid=history-line]`, "Call for", mem, turned, "(+493055501234)")
	inOrder(p, `[data-testid=history-line]`, "Call for", mem, turned, mem, "answered")
	inOrder(p, `[data-testid=history-line]`, "Anna Berger changed the forward of", maryam, "none")
}
