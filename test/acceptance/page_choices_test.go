package acceptance

import (
	"fmt"
	"image"
	"image/color"
	"strings"
	"testing"

	"supervisiond/test/chrome"
	"supervisiond/test/softphone"
)

// choices is a site in which somebody makes themself at home.
type choices struct {
	*site
	ben, dora, fatma *softphone.Phone
}

// What a person chooses holds at once, in other tabs too, and over a reload: how the page looks, which language it speaks, how it sounds.
// Which groups are shown, and a forward that waits for some seconds.
func TestPageChoices(t *testing.T) {
	t.Parallel()
	c := &choices{site: pageSite(t, twoGroups, func(yaml string) string {
		return strings.Replace(yaml, "forwarding: {", "forwarding: {families: {no_answer_seconds: CFUT}, ", 1)
	})}
	c.phone("101")
	c.ben, c.dora, c.fatma = c.phone("102"), c.phone("104"), c.phone("106")
	c.storeIsRead()
	for _, part := range []struct {
		name string
		test func(*choices)
	}{
		{"light and dark", (*choices).theme},
		{"language", (*choices).language},
		{"sound", (*choices).sound},
		{"groups", (*choices).groups},
		{"F1 after some seconds", (*choices).afterSeconds},
		{"S3 presence has a shape", (*choices).shapes},
		{"S1 what the system's colours leave to see", (*choices).forced},
	} {
		t.Run(part.name, func(t *testing.T) {
			here := *c
			here.site = c.in(t)
			part.test(&here)
		})
	}
}

// reload loads a page anew, and waits until it is up to date.
func reload(p *chrome.Page) {
	chrome.Eval[bool](p, `(window.before = true, location.reload(), true)`)
	p.AwaitTrue(`window.before === undefined && document.querySelector('[data-standing="live"]') !== null`)
}

// settings opens the settings.
func settings(p *chrome.Page) {
	p.Find(`[data-testid=settings]`).Click()
	p.AwaitElement(`[role=dialog] [name=theme]`)
}

// dark waits until a page is light on dark, or dark on light, and says so to the browser for its frame.
func dark(p *chrome.Page, want bool) {
	p.AwaitTrue(fmt.Sprintf(`(() => { const {color, backgroundColor} = getComputedStyle(document.documentElement);
		const light = c => c.match(/[\d.]+/g).slice(0, 3).reduce((sum, x) => sum + Number(x), 0);
		const frame = [...document.querySelectorAll("meta[name=theme-color]")].find(m => matchMedia(m.media).matches);
		return frame?.content === (%[1]t ? "#172033" : "#ffffff") &&
			light(color) > light(backgroundColor) === %[1]t && light(getComputedStyle(document.querySelector("header")).backgroundColor) < 384 === %[1]t; })()`, want))
}

func (c *choices) theme() {
	for _, night := range []bool{false, true} {
		p := c.page("anna", chrome.Options{Dark: night})
		other := p.Tab(chrome.Options{Dark: night})
		other.Go(c.url("/"))
		other.AwaitElement(`[data-standing="live"]`)
		both := []*chrome.Page{p, other}
		for _, page := range both {
			dark(page, night) // as the system has it
		}
		settings(p)
		for _, x := range []struct {
			theme string
			dark  bool
		}{{"dark", true}, {"light", false}} {
			selects(p, `[role=dialog] [name=theme]`, x.theme)
			for _, page := range both {
				dark(page, x.dark)
			}
			reload(other)
			dark(other, x.dark)
		}
		selects(p, `[role=dialog] [name=theme]`, "system")
		for _, page := range both {
			dark(page, night)
		}
	}
}

func (c *choices) language() {
	p := c.page("anna", chrome.Options{Language: "es"})
	p.Await("link", "Consola de atención") // the browser's
	caller := c.dial(c.fatma, "102")
	member := c.rings(c.ben)
	p.AwaitElement(`[data-testid=call]`)
	settings(p)
	for _, x := range []struct{ language, heading, pickup, presence string }{
		{"de", "Einstellungen", "Annehmen", "Besetzt"}, {"fr", "Réglages", "Prendre", "Occupé"},
		{"en", "Settings", "Pick up", "Busy"},
	} {
		selects(p, `[role=dialog] [name=language]`, x.language)
		p.Await("dialog", x.heading)
		p.AwaitTrue(fmt.Sprintf(`document.documentElement.lang === %q`, x.language))
		p.Find(`[data-testid=call]`).Reads(x.pickup)
		card(p, "ben").Reads(x.presence)
		usable(c.t, p, "the settings while a call rings, in "+x.language)
	}
	reload(p)
	p.Await("link", "Attendant console")
	c.must("hang up", caller.Hangup(c.ctx()))
	c.ended(member)
	c.quiet()
}

// heard has a page tell how loud it is, by peak(), and how long the turns of the tunes are that it has played, in played.
const heard = `(() => {
	window.played = [];
	const start = AudioBufferSourceNode.prototype.start;
	AudioBufferSourceNode.prototype.start = function (...when) {
		played.push(this.buffer.duration);
		return start.apply(this, when);
	};
	const taps = [], connect = AudioNode.prototype.connect;
	AudioNode.prototype.connect = function (to, ...rest) {
		if (to instanceof AudioDestinationNode) {
			const tap = new AnalyserNode(this.context, {fftSize: 32768});
			taps.push(tap);
			connect.call(this, tap);
		}
		return connect.call(this, to, ...rest);
	};
	window.peak = () => Math.max(0, ...taps.map(tap => {
		if (tap.context.state !== "running") return 0;
		const samples = new Float32Array(tap.fftSize);
		tap.getFloatTimeDomainData(samples);
		return samples.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
	}));
})()`

func (c *choices) sound() {
	p := chrome.Open(c.t, chrome.Options{})
	p.Before(heard)
	p.Go(c.url("/"))
	signIn(p, "anna", "anna-secret")
	p.AwaitElement(`[data-standing="live"]`)
	volume := func(percent int) {
		chrome.Eval[bool](p, fmt.Sprintf(`(() => { const v = document.querySelector("[data-testid=volume]"); v.value = %d;
			v.dispatchEvent(new Event("input", { bubbles: true })); return true; })()`, percent))
	}
	settings(p)
	volume(100)
	// Each is heard when it is chosen, and is another.
	for name, lasts := range map[string]float64{"bell": 2.5, "phone": 5, "pulse": 2, "chime": 3} {
		chrome.Eval[bool](p, `(played.length = 0, true)`)
		selects(p, `[data-testid=sound]`, name)
		p.AwaitTrue(fmt.Sprintf(`played.at(-1) === %v`, lasts))
		p.AwaitTrue(`peak() > 0.1`)
	}
	selects(p, `[data-testid=sound]`, "phone")
	reload(p)
	settings(p)
	if kept := chrome.Eval[string](p, `document.querySelector("[data-testid=sound]").value + document.querySelector("[data-testid=volume]").value`); kept != "phone100" {
		c.t.Errorf("after a reload it is %s", kept)
	}
	selects(p, `[data-testid=sound]`, "pulse")

	// It sounds as chosen while a call rings, as loud as chosen, and is changed meanwhile.
	caller := c.dial(c.fatma, "102")
	member := c.rings(c.ben)
	p.AwaitElement(`[data-sounding="sounds"]`)
	p.AwaitTrue(`peak() > 0.2`)
	volume(50) // a quarter of the amplitude
	p.AwaitTrue(`peak() > 0.05 && peak() < 0.12`)
	volume(100)
	p.AwaitTrue(`peak() > 0.2`)
	chrome.Eval[bool](p, `(played.length = 0, true)`)
	selects(p, `[data-testid=sound]`, "bell")
	p.AwaitTrue(`played.at(-1) === 2.5 && peak() > 0.1`)
	for _, silence := range []struct{ off, on func() }{
		{func() { p.Await("checkbox", "Mute the sound").Click() }, func() { p.Await("checkbox", "Mute the sound").Click() }},
		{func() { selects(p, `[data-testid=sound]`, "none") }, func() { selects(p, `[data-testid=sound]`, "bell") }},
	} {
		silence.off()
		p.AwaitTrue(`!document.querySelector('[data-sounding="sounds"]') && peak() === 0`)
		silence.on()
		p.AwaitElement(`[data-sounding="sounds"]`)
		p.AwaitTrue(`peak() > 0.1`)
	}
	c.must("hang up", caller.Hangup(c.ctx()))
	c.ended(member)
	p.AwaitTrue(`!document.querySelector('[data-sounding="sounds"]') && peak() === 0`)
	c.quiet()
}

// groups: the chosen one is shown and counted, and a search goes over all of them.
func (c *choices) groups() {
	p := c.page("anna", chrome.Options{})
	shows(p, "ben", "carla", "dora", "igor")
	all := func(filter string, want int) {
		c.t.Helper()
		p.AwaitTrue(fmt.Sprintf(`document.querySelector("[data-testid=filter-%s] .number").innerText === "%d"`, filter, want))
	}
	all("all", 4)
	selects(p, `[data-testid=group-choice]`, "desk")
	shows(p, "igor")
	all("all", 1)
	p.Gone("region", "Vertrieb")
	p.Press("/okaf")
	shows(p, "ben")
	p.Press(chrome.Escape)
	shows(p, "igor")

	// It is still chosen when one comes back from another page.
	p.Find(`[data-testid=nav-history]`).Click()
	p.AwaitElement(`[data-testid=history-reload]`)
	p.Find(`[data-testid=nav-console]`).Click()
	shows(p, "igor")
	selects(p, `[data-testid=group-choice]`, "sales")
	shows(p, "ben", "carla", "dora")
	selects(p, `[data-testid=group-choice]`, "")
	shows(p, "ben", "carla", "dora", "igor")
}

func (c *choices) afterSeconds() {
	p := c.page("ben", chrome.Options{})
	p.Find(`[data-testid=set-my-forward]`).Click()
	form := p.Await("dialog", "Forward of Ben Okafor")
	fillForward(p, "no_answer", "104")
	p.Type(`[data-testid=forward-form] [name=seconds]`, "1")
	form.Await("button", "Set forward").Click()
	p.Gone("dialog")
	p.Reads("When nobody answers, to 104")
	p.Reads("after 1 s")
	if there := c.stored("CFU", "102") + " " + c.stored("CFUT", "102"); there != "104 1" {
		c.t.Errorf("the PBX has %q", there)
	}
	caller := c.dial(c.fatma, "102")
	c.rings(c.ben)
	c.rings(c.dora)
	c.must("hang up", caller.Hangup(c.ctx()))
	p.Await("button", "Cancel forward: Ben Okafor to 104").Click()
	p.Reads("Your line is not forwarded.")
	c.quiet()

	// An administrator sets it for a member, and changes it: the form has the seconds that hold.
	annas := c.page("anna", chrome.Options{})
	for _, seconds := range []string{"2", "25"} {
		choose(annas, "ben", "set-forward")
		form := annas.Await("dialog", "Forward of Ben Okafor")
		if seconds == "2" {
			fillForward(annas, "no_answer", "104")
		} else {
			annas.AwaitTrue(`document.querySelector("[data-testid=forward-form] [name=seconds]").value === "2"`)
			chrome.Eval[bool](annas, `(document.querySelector("[data-testid=forward-form] [name=seconds]").select(), true)`)
		}
		annas.Type(`[data-testid=forward-form] [name=seconds]`, seconds)
		form.Await("button", "Set forward").Click()
		annas.Gone("dialog")
		card(annas, "ben").Reads("after " + seconds + " s")
		if there := c.stored("CFU", "102") + " " + c.stored("CFUT", "102"); there != "104 "+seconds {
			c.t.Errorf("the PBX has %q", there)
		}
	}
	annas.Await("button", "Cancel forward: Ben Okafor to 104").Click()
	card(annas, "ben").ReadsNot("When nobody answers")
}

// shapes: who sees no colours sees which presence it is.
func (c *choices) shapes() {
	c.report("ben", "away", "chat", 600, true)
	c.report("dora", "busy", "meeting", 600, true)
	c.report("carla", "dnd", "calendar", 600, true)
	c.phone("109") // igor is there
	for _, o := range []chrome.Options{{}, {Dark: true}, {Forced: true}} {
		p := c.page("anna", o)
		seen := make(map[string][]bool)
		for person, state := range map[string]string{"ben": "Away", "dora": "Busy", "carla": "Do not disturb", "igor": "Online"} {
			card(p, person).Reads(state)
			seen[state] = ink(p.Find(`[data-person=` + person + `] svg`).Image())
		}
		bens := c.page("hana", o)
		bens.Find(`[data-testid=nav-mine]`).Click()
		bens.Await("region", "My line").Reads("Offline")
		seen["Offline"] = ink(bens.Find(`[aria-labelledby=my-line] svg`).Image())
		for one, a := range seen {
			for other, b := range seen {
				if one < other && unlike(a, b) < 0.08 {
					c.t.Errorf("%+v: %s and %s are alike in all but %.1f %% of what is seen", o, one, other, 100*unlike(a, b))
				}
			}
		}
	}
}

// forced: where the system chooses all colours what can be pressed has an edge, and what is on is unlike what is off.
func (c *choices) forced() {
	p := c.page("anna", chrome.Options{Forced: true, Still: true})
	p.AwaitTrue(`matchMedia("(forced-colors: active)").matches`)
	caller := c.dial(c.fatma, "102")
	member := c.rings(c.ben)
	pictures := make(map[string]image.Image)
	for _, what := range []string{"pickup", "filter-all", "filter-ringing"} {
		pictures[what] = p.Find(`[data-testid=` + what + `]`).Image()
		if !edged(pictures[what]) {
			c.t.Errorf("%s has no edge", what)
		}
	}
	if on, off := share(ink(pictures["filter-all"])), share(ink(pictures["filter-ringing"])); on < 0.5 || off > 0.5 {
		c.t.Errorf("of the filter that is on %.0f %% are inked, and %.0f %% of one that is off", 100*on, 100*off)
	}
	c.must("hang up", caller.Hangup(c.ctx()))
	c.ended(member)
	noCalls(p)

	in := p.Find(`[data-person=carla][data-status=logged_in]`).Image()
	if r := c.command("carla", "group.leave", `{"group":"sales"}`); !r.OK {
		c.t.Fatalf("%+v", r)
	}
	out := p.Find(`[data-person=carla][data-status=logged_out]`).Image()
	if full, dotted := bar(in), bar(out); full < 0.95 || dotted < 0.2 || dotted > 0.8 {
		c.t.Errorf("the edge of who is logged in is there to %.0f %%, and of who is not to %.0f %%", 100*full, 100*dotted)
	}
	if r := c.command("carla", "group.join", `{"group":"sales"}`); !r.OK {
		c.t.Fatalf("%+v", r)
	}

	p.Find(`[data-testid=nav-mine]`).Click()
	on := p.Find(`[aria-labelledby=my-groups] [data-testid=login][data-state=checked]`).Image()
	if r := c.command("anna", "group.leave", `{"group":"sales"}`); !r.OK {
		c.t.Fatalf("%+v", r)
	}
	off := p.Find(`[aria-labelledby=my-groups] [data-testid=login][data-state=unchecked]`).Image()
	if !edged(on) || !edged(off) || unlike(ink(on), ink(off)) < 0.2 {
		c.t.Errorf("edges of a switch: %t, %t; on and off are alike in all but %.0f %%", edged(on), edged(off), 100*unlike(ink(on), ink(off)))
	}
	if r := c.command("anna", "group.join", `{"group":"sales"}`); !r.OK {
		c.t.Fatalf("%+v", r)
	}
	c.quiet()
}

// perPixel is how many of a picture are a pixel of the page's.
const perPixel = 4

// edged says whether something stands out within five pixels from the middle of each side.
func edged(picture image.Image) bool {
	inked, w, h := ink(picture), picture.Bounds().Dx(), picture.Bounds().Dy()
	var left, right, top, bottom bool
	for i := range 5 * perPixel {
		left, right = left || inked[h/2*w+i], right || inked[h/2*w+w-1-i]
		top, bottom = top || inked[i*w+w/2], bottom || inked[(h-1-i)*w+w/2]
	}
	return left && right && top && bottom
}

// bar is which part of the edge of a card there is, in its middle: 5 pixels wide, behind a frame of 1.
func bar(picture image.Image) float64 {
	inked, w, h := ink(picture), picture.Bounds().Dx(), picture.Bounds().Dy()
	var column []bool
	for y := h / 3; y < 2*h/3; y++ {
		column = append(column, inked[y*w+perPixel*7/2])
	}
	return share(column)
}

// share is which part is inked.
func share(inked []bool) float64 {
	n := 0
	for _, yes := range inked {
		if yes {
			n++
		}
	}
	return float64(n) / float64(len(inked))
}

// ink is where a picture is not as its edge is, whatever the colours are.
func ink(picture image.Image) []bool {
	grey := func(x, y int) int { return int(color.GrayModel.Convert(picture.At(x, y)).(color.Gray).Y) }
	b := picture.Bounds()
	ground := grey(b.Min.X, b.Min.Y)
	var inked []bool
	for y := b.Min.Y; y < b.Max.Y; y++ {
		for x := b.Min.X; x < b.Max.X; x++ {
			inked = append(inked, max(grey(x, y), ground)-min(grey(x, y), ground) > 40)
		}
	}
	return inked
}

// unlike is in which part of two pictures of one size only one has ink.
func unlike(a, b []bool) float64 {
	n := 0
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			n++
		}
	}
	return float64(n+max(len(a), len(b))-min(len(a), len(b))) / float64(max(len(a), len(b)))
}
