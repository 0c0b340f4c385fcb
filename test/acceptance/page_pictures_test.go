package acceptance

import (
	"flag"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"supervisiond/test/chrome"
	"supervisiond/test/softphone"
)

// updatePictures has the pictures of the page taken anew, those of docs/pictures too:
//
//	go test ./test/acceptance -run TestPagePictures -update-pictures -artifacts -outputdir /tmp/pictures
var updatePictures = flag.Bool("update-pictures", false, "take the pictures of the attendant console anew")

// pictureQuality is that of those in docs/pictures; each has some 30 kB.
const pictureQuality = 60

// inDocs are the pictures that docs/console.md and docs/pictures.md show: between them each state in both languages, light and dark, wide
// and narrow.
var inDocs = map[string]bool{
	"ringing-en-light-wide": true, "ringing-de-dark-narrow": true,
	"console-de-dark-wide": true, "console-en-light-narrow": true,
	"mine-en-light-wide": true, "mine-de-dark-narrow": true,
	"history-en-light-wide": true, "history-de-dark-narrow": true,
	"settings-en-dark-wide": true, "forward-de-light-wide": true, "menu-de-light-narrow": true, "force-out-en-dark-narrow": true,
	"reconnecting-en-light-narrow": true,
}

const picturePeople = `
people:
  anna:  {name: Anna Berger, extension: "101", endpoints: [{endpoint: PJSIP/101, label: Desk, default: true, auto_answer: yealink}, {endpoint: PJSIP/101-home, label: Home}]}
  ben:   {name: Ben Okafor, extension: "102", endpoints: [PJSIP/102], unsupervised_endpoints: [PJSIP/102-web]}
  carla: {name: Carla Díaz, extension: "103", endpoints: [PJSIP/103]}
  dora:  {name: Dora Lind, extension: "104", endpoints: [PJSIP/104]}
  emil:  {name: Emil Novák, extension: "105", endpoints: [PJSIP/105]}
  fatma: {name: Fatma Aydın, extension: "106", endpoints: [PJSIP/106]}
  georg: {name: Georg Huber-Schönenberger, extension: "107", endpoints: [PJSIP/107]}
  hana:  {name: Hana Satō, extension: "108", endpoints: [PJSIP/108]}
  igor:  {name: Igor Petrov, extension: "109", endpoints: [PJSIP/109]}
  julia: {name: Julia Costa, extension: "110", endpoints: [PJSIP/110]}
groups:
  service:
    name: Service
    number: "1"
    type: mutual_aid
    lock_last: role
    supervisors: [{person: anna, admin: true}, emil]
    members: [ben, carla, dora, {person: julia, may_leave: false}]
  export:
    name: Export & Logistik
    number: "2"
    type: standard
    supervisors: [anna]
    members: [georg, hana, igor, ben]
  holidays:
    name: Feiertage
    number: "3"
    type: mutual_aid
    lock_last: person
    supervisors: [emil]
    members: [anna, fatma]
`

// gallery is a site in which there is something of everything to be seen.
type gallery struct {
	*site
	phones map[string]*softphone.Phone
}

func newGallery(t *testing.T) *gallery {
	t.Helper()
	o := withCommanders(t, func(yaml string) string {
		return strings.Replace(yaml, people, picturePeople, 1) + "\nforwarding: {allowed_destinations: [\"^[0-9]{2,5}$\", \"^\\\\+49\"]}\n"
	})
	o = withPasswords(t, o, "anna", "ben", "emil")
	g := &gallery{site: newSite(t, o), phones: make(map[string]*softphone.Phone)}
	g.phones["101"] = g.phone("101", answers)
	for _, user := range []string{"101-home", "102", "103", "104", "105", "106", "107", "108", "109"} {
		g.phones[user] = g.phone(user) // and none for julia
	}
	g.storeIsRead()
	for _, x := range []struct{ as, method, path, body string }{
		{"anna", "PUT", "/people/carla/forwarding/always", `{"target":"108"}`},
		{"igor", "PUT", "/people/igor/forwarding/no_answer", `{"target":"+4989123456"}`},
		{"anna", "POST", "/groups/service/people/dora/force_out", ``},
	} {
		if a := g.program(x.as).do(x.method, x.path, x.body); a.Status != http.StatusOK {
			t.Fatalf("%s: %d %s", x.path, a.Status, a.Body)
		}
	}
	g.report("georg", "away", "chat", 600, true)
	g.done("igor", "dnd.set", `{"person":"igor","on":true}`, true)
	return g
}

// happen makes some history: a call that anna takes for ben, one that nobody takes, and one that may not be taken.
func (g *gallery) happen() {
	fatma, ben := g.phones["106"], g.phones["102"]
	mark := g.watch.mark()
	caller := g.dial(fatma, "102")
	member := g.rings(ben)
	call := g.ringingCall(mark, "ben")
	g.refusedWith("not_supervisor", "fatma", "call.pickup", `{"person":"ben"}`)
	g.done("anna", "call.pickup", fmt.Sprintf(`{"call":%q}`, call.ID), true)
	g.ended(member)
	g.must("hang up", caller.Hangup(g.ctx()))
	g.quiet()
	mark = g.watch.mark()
	caller = g.dial(fatma, "102")
	g.rings(ben)
	call = g.ringingCall(mark, "ben")
	g.must("hang up", caller.Hangup(g.ctx()))
	g.watch.event(mark, "call.ended", call.ID)
	g.purged(call.ID)
}

// ring lets four calls ring, each of another kind, and gives what ends them.
func (g *gallery) ring() (hangUp func()) {
	outside := g.outside()
	var callers []*softphone.Call
	for _, x := range []struct {
		from   *softphone.Phone
		number string
		who    []softphone.DialOption
		rings  string
	}{
		{outside, "4930102", []softphone.DialOption{softphone.From("+493055501234", "Dr. Weiß")}, "102"},
		{g.phones["106"], "800", nil, "103"},                                                    // the queue: ben and carla
		{outside, "4930103", []softphone.DialOption{softphone.From("+33140205050", "")}, "108"}, // carla's line is forwarded to hana
		{g.phones["105"], "6107", nil, "107"},
	} {
		callers = append(callers, g.dial(x.from, x.number, x.who...))
		g.rings(g.phones[x.rings])
	}
	return func() {
		for _, c := range callers {
			g.must("hang up", c.Hangup(g.ctx()))
		}
		g.quiet()
		g.drain(g.phones)
	}
}

// look is how somebody sees the page.
type look struct {
	language      string
	dark          bool
	width, height int64
}

func (l look) String() string {
	theme, size := "light", "wide"
	if l.dark {
		theme = "dark"
	}
	if l.width < 500 {
		size = "narrow"
	}
	return l.language + "-" + theme + "-" + size
}

// wholePage makes a narrow window as high as what is in it, so that a picture shows all of it.
func wholePage(p *chrome.Page, l look) {
	height := l.height
	if all := chrome.Eval[int64](p, `document.documentElement.scrollHeight`); l.width < 500 && all > height {
		height = all
	}
	p.Resize(l.width, height)
}

// TestPagePictures walks through the main states of the page in several looks. Nothing in any of them keeps people from using
// it (WCAG 2.2 AA), nothing is wider than the window, and no text is cut. With -update-pictures it is looked at in more of them.
func TestPagePictures(t *testing.T) {
	t.Parallel()
	g := newGallery(t)
	g.happen()
	looks := []look{{"en", false, 1440, 900}, {"de", true, 360, 640}, {"fr", false, 360, 640}, {"es", true, 360, 640}}
	if *updatePictures {
		looks = nil
		for _, language := range []string{"en", "de", "fr", "es"} {
			looks = append(looks, look{language, false, 1440, 900}, look{language, true, 390, 844})
			if language == "en" || language == "de" {
				looks = append(looks, look{language, true, 1440, 900}, look{language, false, 390, 844})
			}
		}
	}
	for _, l := range looks {
		g.walk(l)
	}
}

func (g *gallery) walk(l look) {
	g.t.Helper()
	p := chrome.Open(g.t, chrome.Options{Width: l.width, Height: l.height, Dark: l.dark, Language: l.language})
	cable := startCutter(g.t, g.host())
	address := "http://" + cable.addr() + "/"
	p.Go(address)
	p.AwaitElement(`[data-testid=sign-in]`)
	chrome.Eval[bool](p, fmt.Sprintf(`localStorage.setItem("supervision", JSON.stringify({language: %q})), true`, l.language))
	p.Go(address)
	p.AwaitElement(`[data-testid=sign-in]`)
	g.picture(p, "sign-in", l)
	signIn(p, "anna", "anna-secret")
	p.AwaitElement(`[data-testid=person][data-person=carla] [data-testid=forward]`)
	g.picture(p, "console", l)
	for _, x := range []struct{ page, has string }{{"mine", "membership"}, {"history", "history-line"}} {
		p.Find(`[data-testid=nav-` + x.page + `]`).Click()
		p.AwaitElement(`[data-testid=` + x.has + `]`)
		g.picture(p, x.page, l)
	}
	p.Find(`[data-testid=settings]`).Click()
	p.AwaitElement(`[role=dialog] select`)
	g.picture(p, "settings", l)
	p.Press(chrome.Escape)
	p.AwaitTrue(`!document.querySelector("[role=dialog]")`)
	p.Find(`[data-testid=nav-console]`).Click()
	hangUp := g.ring()
	p.AwaitElement(`[data-testid=call]:nth-of-type(4)`)
	if *updatePictures { // and has rung for a while
		p.AwaitTrue(`parseInt(document.querySelector("[data-testid=age] [aria-hidden]").innerText) >= 4`)
	}
	g.picture(p, "ringing", l)
	cable.cut()
	p.AwaitElement(`[data-standing=reconnecting]`)
	g.picture(p, "reconnecting", l)
	cable.mend(g.host())
	p.AwaitElement(`[data-standing=live]`)
	hangUp()
	p.AwaitTrue(`!document.querySelector("[data-testid=calls]")`)
	chrome.Eval[bool](p, `document.querySelector("[data-person=carla]").scrollIntoView({block: "center"}), document.querySelector("[data-person=carla] [data-testid=actions]").click(), true`)
	p.AwaitElement(`[role=menu]`)
	g.picture(p, "menu", l)
	p.Find(`[data-testid=set-forward]`).Click()
	p.AwaitElement(`[data-testid=forward-form]`)
	g.picture(p, "forward", l)
	p.Press(chrome.Escape)
	p.AwaitTrue(`!document.querySelector("[role=dialog]")`)
	chrome.Eval[bool](p, `document.querySelector("[data-person=carla] [data-testid=actions]").click(), true`)
	p.Find(`[data-testid=force-out]`).Click()
	p.AwaitElement(`[role=alertdialog] [data-testid=confirm]`)
	g.picture(p, "force-out", l)
	p.Press(chrome.Escape)
}

// cut gives the texts of a page of which something is not seen, beyond the edge of the window or of what they stand in, or in a field that
// is too narrow for them; and words that are broken.
const cut = `(() => {
	const found = [], most = innerWidth + 1;
	const heard = e => e && (getComputedStyle(e).clipPath === "inset(50%)" || heard(e.parentElement)); // by screen readers only
	const shown = e => e.checkVisibility({visibilityProperty: true}) && !heard(e);
	const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
	while (texts.nextNode()) {
		const text = texts.currentNode, within = text.parentElement;
		if (!text.data.trim() || !shown(within) || within.closest("select, script, noscript")) continue;
		const range = new Range();
		range.selectNodeContents(text);
		let left = -1, right = most, why = "the window";
		for (let e = within; e && e !== document.documentElement; e = e.parentElement) {
			const {overflowX} = getComputedStyle(e), {x, width} = e.getBoundingClientRect();
			if (overflowX === "visible") continue;
			if (x - 1 > left) left = x - 1;
			if (x + width + 1 < right) [right, why] = [x + width + 1, e.className || e.tagName];
		}
		for (const r of range.getClientRects())
			if (r.width > 0 && (r.left < left || r.right > right)) found.push(text.data.trim() + ", at " + Math.round(r.left) + " to " + Math.round(r.right) + " in " + why);
		for (const word of text.data.matchAll(/\p{L}{2,24}/gu)) {
			range.setStart(text, word.index);
			range.setEnd(text, word.index + word[0].length);
			const lines = new Set([...range.getClientRects()].filter(r => r.width > 0).map(r => Math.round(r.top)));
			if (lines.size > 1) found.push(word[0] + ", over " + lines.size + " lines");
		}
	}
	const pen = document.createElement("canvas").getContext("2d");
	for (const field of document.querySelectorAll("select, input")) {
		const says = field.tagName === "SELECT" ? field.selectedOptions[0]?.text : field.placeholder;
		if (!says || !shown(field)) continue;
		const style = getComputedStyle(field);
		pen.font = style.fontWeight + " " + style.fontSize + " " + style.fontFamily;
		const room = field.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight) - (field.tagName === "SELECT" ? 20 : 0);
		if (pen.measureText(says).width > room + 1) found.push(says + ", in a field of " + Math.round(room));
	}
	return found;
})()`

// picture looks at one state.
func (g *gallery) picture(p *chrome.Page, state string, l look) {
	g.t.Helper()
	name := fmt.Sprintf("%s-%s", state, l)
	if state != "menu" && state != "forward" && state != "force-out" && state != "settings" { // these stand over the page
		wholePage(p, l)
		defer p.Resize(l.width, l.height)
	}
	usable(g.t, p, name)
	if wide := chrome.Eval[int64](p, `document.documentElement.scrollWidth`); wide > l.width {
		g.t.Errorf("%s: it is %d wide in a window of %d", name, wide, l.width)
	}
	for _, text := range chrome.Eval[[]string](p, cut) {
		g.t.Errorf("%s: cut is %s", name, text)
	}
	if !*updatePictures {
		return
	}
	p.Shot(name)
	if inDocs[name] {
		p.Resize(l.width, l.height)
		g.must(name, os.MkdirAll("../../docs/pictures", 0o755))
		g.must(name, os.WriteFile(filepath.Join("../../docs/pictures", name+".webp"), p.Picture(pictureQuality), 0o644))
	}
}
