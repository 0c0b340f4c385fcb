package acceptance

import (
	"slices"
	"strings"
	"syscall"
	"testing"

	"supervisiond/test/chrome"
	"supervisiond/test/softphone"
)

// backstage is a browser in front of which another page stands: the console's own pages are beside it, and hidden. So is the
// house, a page of the site which is not the console: it sees the notifications.
type backstage struct {
	*site
	stage, house *chrome.Page
	origin       string
}

// behind gives such a browser, which lets the console show notifications.
func (s *site) behind(o chrome.Options) *backstage {
	s.t.Helper()
	return s.behindAt(strings.TrimSuffix(s.url("/"), "/"), o)
}

func (s *site) behindAt(origin string, o chrome.Options) *backstage {
	s.t.Helper()
	b := &backstage{site: s, stage: chrome.Open(s.t, o), origin: origin}
	b.stage.Permit("notifications", "granted")
	b.house = b.stage.Beside()
	b.house.Go(b.origin + "/manifest.webmanifest")
	return b
}

// console opens another page of the console in front, in which a person is signed in or signs in now.
func (b *backstage) console(person string, before ...string) *chrome.Page {
	b.t.Helper()
	p := b.stage.Beside()
	for _, script := range before {
		p.Before(script)
	}
	p.Go(b.origin + "/")
	p.AwaitElement(`[data-testid="sign-in"], [data-testid="live"]`)
	if chrome.Eval[bool](p, `document.querySelector('[data-testid="sign-in"]') !== null`) {
		signIn(p, person, person+"-secret")
	}
	p.AwaitElement(`[data-standing="live"]`)
	chrome.Eval[bool](p, `navigator.serviceWorker.ready.then(() => true)`)
	b.house.Notifications() // the first look
	return p
}

// noticed waits until exactly one call is shown, and gives it.
func (b *backstage) noticed(words ...string) chrome.Notification {
	b.t.Helper()
	all := b.house.AwaitNotifications("one notification is shown with "+strings.Join(words, ", "), func(all []chrome.Notification) bool {
		return len(all) == 1 && !slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(all[0].Title+"\n"+all[0].Body, w) })
	})
	return all[0]
}

// unnoticed waits until nothing is shown.
func (b *backstage) unnoticed() {
	b.t.Helper()
	b.house.AwaitNotifications("no notification is shown", func(all []chrome.Notification) bool { return len(all) == 0 })
}

// While nobody looks at the console a notification tells of a call, and goes the instant the call is over, however that comes.
func TestPageNotification(t *testing.T) {
	t.Parallel()
	s := pageSite(t)
	ben, fatma, emils := s.phone("102"), s.phone("106"), s.phone("105", answers)
	s.phone("101")
	b := s.behind(chrome.Options{})
	p := b.console("anna")

	caller := s.dial(fatma, "102")
	member := s.rings(ben)
	calls(p).Await("listitem", "Fatma Aydin")
	b.unnoticed() // its person sees the page
	b.stage.Front()
	n := b.noticed("Fatma Aydin (106)", "for Ben Okafor", "Vertrieb")
	if len(n.Actions) != 1 || n.Actions[0] != "Pick up" || n.Lang != "en" {
		t.Errorf("%+v", n)
	}
	s.must("answer", member.Answer())
	b.unnoticed()
	s.must("hang up", caller.Hangup(s.ctx()))
	s.quiet()

	caller = s.dial(fatma, "102")
	s.rings(ben)
	b.noticed("Fatma Aydin")
	if a := s.program("emil").do("POST", "/pickup", `{"person":"ben"}`); !a.OK {
		t.Fatalf("%+v", a)
	}
	picker := s.rings(emils)
	s.talk(caller, picker)
	b.unnoticed()
	s.must("hang up", caller.Hangup(s.ctx()))
	s.quiet()

	// Who looks at the page needs none any more.
	caller = s.dial(fatma, "102")
	s.rings(ben)
	b.noticed("Fatma Aydin")
	p.Front()
	b.unnoticed()
	b.house.Front() // at the same address, and shows no calls
	b.noticed("Fatma Aydin")
	s.must("hang up", caller.Hangup(s.ctx()))
	b.unnoticed()
	s.quiet()
}

// Two pages of a browser show one notification, and have one badge. They stay while one of them can say that they hold, or a push message
// says so, and no longer.
func TestPageNotificationOfTwoTabs(t *testing.T) {
	t.Parallel()
	s := pageSite(t)
	ben, fatma, emils := s.phone("102"), s.phone("106"), s.phone("105", answers)
	s.phone("101")
	b := s.behind(chrome.Options{})
	first, second := b.console("anna"), b.console("anna")
	b.stage.Front()
	chrome.InWorker[bool](b.house, b.origin, `(self.badge = -1, self.navigator.setAppBadge = async n => void (self.badge = n),
		self.navigator.clearAppBadge = async () => void (self.badge = 0), true)`)
	badge := func(want int) {
		t.Helper()
		b.stage.Until("the badge says so", func() bool { return chrome.InWorker[int](b.house, b.origin, `self.badge`) == want })
	}

	// Those that are frozen keep no badge: push messages do. One that wakes knows what rings.
	first.Freeze()
	second.Freeze()
	badge(0)
	b.house.Deliver(b.origin, []byte(`{"type": "ringing", "language": "en", "call": {"id": "c1", "state": "ringing", "since": "2026-01-01T00:00:00.000Z",
		"caller": {"number": "107", "name": "Georg Huber", "withheld": false}, "via": [], "ringing": []}}`))
	badge(1)
	b.noticed("Georg Huber")
	first.Wake()
	second.Wake()
	b.unnoticed()

	// Who takes a call takes it from all pages, also those in another browser of the same person.
	other := s.behind(chrome.Options{})
	other.console("anna")
	other.stage.Front()
	everywhere := []*backstage{b, other}
	rings := func() (caller, member *softphone.Call) {
		t.Helper()
		caller, member = s.dial(fatma, "102"), s.rings(ben)
		for _, browser := range everywhere {
			browser.noticed("Fatma Aydin")
		}
		return caller, member
	}
	over := func(caller *softphone.Call) {
		t.Helper()
		for _, browser := range everywhere {
			browser.unnoticed()
		}
		s.must("hang up", caller.Hangup(s.ctx()))
		s.quiet()
	}
	caller, member := rings()
	s.must("answer", member.Answer())
	over(caller)
	caller, _ = rings()
	if a := s.program("emil").do("POST", "/pickup", `{"person":"ben"}`); !a.OK {
		t.Fatalf("%+v", a)
	}
	s.talk(caller, s.rings(emils))
	over(caller)

	caller = s.dial(fatma, "102")
	s.rings(ben)
	b.noticed("Fatma Aydin")
	first.Close()
	third := b.console("anna")
	b.unnoticed()
	b.stage.Front()
	third.AwaitTrue(`document.visibilityState === "hidden"`)
	b.noticed("Fatma Aydin")
	chrome.InWorker[bool](b.house, b.origin, `(self.badge = -1, true)`)
	third.Close()
	badge(1)
	b.noticed("Fatma Aydin")
	second.Close()
	badge(0)
	b.unnoticed()
	s.must("hang up", caller.Hangup(s.ctx()))
	s.quiet()
}

// Without a connection nobody knows whether it still rings: the notification goes, and comes back if it does.
func TestPageNotificationWithoutConnection(t *testing.T) {
	t.Parallel()
	s := pageSite(t)
	ben, fatma := s.phone("102"), s.phone("106")
	s.phone("101")
	b := s.behind(chrome.Options{})
	p := b.console("anna")
	b.stage.Front()
	caller := s.dial(fatma, "102")
	member := s.rings(ben)
	b.noticed("Fatma Aydin")

	p.Freeze()
	b.unnoticed()
	p.Wake()
	b.noticed("Fatma Aydin")

	s.daemon.stop(syscall.SIGKILL)
	b.unnoticed()
	s.must("hang up", caller.Hangup(s.ctx()))
	s.ended(member)
}

// A click on the notification's button takes the call: the supervisor's phone is called, and hears the caller (P3).
func TestPageNotificationPicksUp(t *testing.T) {
	t.Parallel()
	s := pageSite(t)
	desk, ben, fatma := s.phone("101", answers), s.phone("102"), s.phone("106")
	s.phone("101-home")
	b := s.behind(chrome.Options{})
	p := b.console("anna")
	b.stage.Front()

	caller := s.dial(fatma, "102")
	member := s.rings(ben)
	n := b.noticed("Fatma Aydin")
	b.stage.ClickNotification(b.origin, n.Tag, "pickup")
	picker := s.rings(desk)
	s.talk(caller, picker)
	s.ended(member)
	b.noticed("Fatma Aydin (106)", "You have the call for Ben Okafor.")
	s.must("hang up", caller.Hangup(s.ctx()))
	s.ended(picker)
	s.quiet()
	p.Front()
	p.AwaitElement(`[data-standing="live"]`)
}

// listening has a page say by loud() whether it can be heard: it listens to all that goes to the loudspeaker.
const listening = `(() => {
	const connect = AudioNode.prototype.connect;
	const taps = [];
	AudioNode.prototype.connect = function (to, ...rest) {
		if (to instanceof AudioDestinationNode) {
			const tap = new AnalyserNode(this.context);
			taps.push(tap);
			connect.call(this, tap);
		}
		return connect.call(this, to, ...rest);
	};
	window.loud = () => taps.some(tap => {
		if (tap.context.state !== "running") return false; // it would tell what it has heard before
		const heard = new Float32Array(tap.fftSize);
		tap.getFloatTimeDomainData(heard);
		return heard.some(x => Math.abs(x) > 0.001);
	});
})()`

func loud(p *chrome.Page) bool { return chrome.Eval[bool](p, `loud()`) }

// sounds waits until a page says that it sounds, and can be heard.
func (b *backstage) sounds(p *chrome.Page) {
	b.t.Helper()
	p.AwaitElement(`[data-sounding="sounds"]`)
	p.AwaitTrue(`loud()`)
}

// silent waits until a page says that it does not sound, and cannot be heard.
func (b *backstage) silent(p *chrome.Page) {
	b.t.Helper()
	p.AwaitTrue(`!document.querySelector('[data-sounding="sounds"]') && !loud()`)
}

// oneSounds waits until exactly one of two pages can be heard. Never do both.
func (b *backstage) oneSounds(one, two *chrome.Page) (sounding, other *chrome.Page) {
	b.t.Helper()
	b.stage.Until("one of two pages sounds", func() bool {
		first, second := loud(one), loud(two)
		if first && second && loud(one) { // and not one after the other
			b.t.Error("both pages sound")
		}
		sounding, other = one, two
		if second {
			sounding, other = two, one
		}
		return first != second
	})
	return sounding, other
}

// It sounds while a call rings that its person may pick up, in one of several pages, until it is muted, which holds in all of them
// and over a reload.
func TestPageSound(t *testing.T) {
	t.Parallel()
	s := pageSite(t)
	ben, carla, emils, fatma, georg := s.phone("102"), s.phone("103"), s.phone("105"), s.phone("106"), s.phone("107")
	s.phone("101")
	b := s.behind(chrome.Options{})
	first := b.console("anna", listening)

	caller := s.dial(fatma, "105") // emil is not supervised by her
	s.rings(emils)
	b.silent(first)
	s.must("hang up", caller.Hangup(s.ctx()))

	caller = s.dial(fatma, "102")
	member := s.rings(ben)
	b.sounds(first)
	s.must("answer", member.Answer())
	b.silent(first)
	s.must("hang up", caller.Hangup(s.ctx()))
	s.quiet()

	// One that begins to ring as another one ends is heard too.
	caller = s.dial(fatma, "102")
	s.rings(ben)
	b.sounds(first)
	next := s.dial(georg, "103")
	s.must("hang up", caller.Hangup(s.ctx()))
	s.rings(carla)
	calls(first).Await("listitem", "Georg")
	b.sounds(first)
	s.must("hang up", next.Hangup(s.ctx()))
	b.silent(first)
	s.quiet()

	second := b.console("anna", listening)
	second.Await("button", "Mute the sound").Click() // so that the browser lets it sound
	second.Await("button", "Mute the sound").Click()
	caller = s.dial(fatma, "102")
	s.rings(ben)
	sounding, other := b.oneSounds(first, second)
	b.sounds(sounding)
	b.silent(other)
	if n := len(other.All("button", "Mute the sound")); n != 1 {
		t.Errorf("%d buttons", n)
	}
	chrome.Eval[bool](other, `document.querySelector('[data-testid="mute"]').click(), true`)
	b.silent(sounding)
	b.silent(other)
	chrome.Eval[bool](other, `window.before = true, location.reload(), true`)
	other.AwaitTrue(`window.before === undefined`)
	other.AwaitElement(`[data-testid="mute"][aria-pressed="true"]`)
	// Whichever sounds then: when it is closed the other one does.
	chrome.Eval[bool](other, `document.querySelector('[data-testid="mute"]').click(), true`)
	sounding, other = b.oneSounds(first, second)
	sounding.Close()
	other.Front()
	b.sounds(other)
	s.must("hang up", caller.Hangup(s.ctx()))
	b.silent(other)
	s.quiet()
}

// A browser that keeps a page silent until somebody has clicked in it is said to, and a click allows the sound.
func TestPageSoundBlocked(t *testing.T) {
	t.Parallel()
	s := pageSite(t)
	ben, fatma := s.phone("102"), s.phone("106")
	s.phone("101")
	b := s.behind(chrome.Options{})
	b.console("anna").Close()
	p := b.console("anna", listening)
	p.Reads("The browser keeps this page silent until you have clicked in it.")
	caller := s.dial(fatma, "102")
	s.rings(ben)
	calls(p).Await("listitem", "Fatma Aydin")
	b.silent(p)
	p.Await("button", "Allow the sound").Click()
	b.sounds(p)
	p.ReadsNot("keeps this page silent")
	s.must("hang up", caller.Hangup(s.ctx()))
	b.silent(p)
	s.quiet()
}

// What the browser has to be asked is asked once, by a click, and not again; what it forbids is said in words.
func TestPageAsksForNotifications(t *testing.T) {
	t.Parallel()
	s := pageSite(t)
	s.phone("101")
	b := s.behind(chrome.Options{})
	b.stage.Permit("notifications", "prompt")
	p := b.console("anna")
	p.Reads("Be told when a call rings and this page is in the background?")
	usable(t, p, "the question")
	p.Await("button", "No, thanks").Click()
	p.ReadsNot("Be told when")
	p.Go(b.origin + "/")
	p.AwaitElement(`[data-standing="live"]`)
	p.ReadsNot("Be told when")

	b.stage.Permit("notifications", "denied")
	p.Await("button", "Settings").Click()
	p.Reads("The browser does not let this page show notifications.")
	for _, name := range []string{"When a call rings", "Also when this page is closed"} {
		if off := p.Await("switch", name); off.States["disabled"] != "true" {
			t.Errorf("%s is offered", name)
		}
	}
	usable(t, p, "the settings")
	b.stage.Permit("notifications", "granted")
	p.ReadsNot("does not let this page show notifications")
	if on := p.Await("switch", "When a call rings"); on.States["checked"] != "true" {
		t.Errorf("it is not on: %v", on.States)
	}
}

// The console can be installed, and opens without a network: it says that it reconnects, and goes on by itself when the daemon is back,
// with what is so then.
func TestPageInstalls(t *testing.T) {
	t.Parallel()
	s := pageSite(t)
	desk, ben, fatma := s.phone("101", answers), s.phone("102"), s.phone("106")
	cable := startCutter(t, s.host())
	b := s.behindAt("http://"+cable.addr(), chrome.Options{})
	p := b.console("anna")
	for _, why := range p.InstallErrors() {
		if why != "in-incognito" { // each page of these tests has a profile of its own, which Chromium takes for a private window
			t.Errorf("it cannot be installed: %s", why)
		}
	}
	s.daemon.stop(syscall.SIGKILL)
	chrome.Eval[bool](p, `window.before = true, location.reload(), true`)
	p.AwaitTrue(`window.before === undefined`)
	p.Reads("Reconnecting…")
	if kept := chrome.Eval[string](p, `caches.keys().then(async names => (await Promise.all(names.map(async n => (await (await caches.open(n)).keys()).map(r => r.url)))).flat().join(" "))`); strings.Contains(kept, "/api") {
		t.Errorf("it keeps what the daemon knows: %s", kept)
	}
	if offered := p.All("button"); len(offered) > 0 {
		t.Errorf("while nobody can be asked who it is, %s is offered", offered[0].Name)
	}

	caller := s.dial(fatma, "102")
	member := s.rings(ben)
	s.start()
	cable.mend(s.host())
	p.AwaitElement(`[data-standing="live"]`)
	p.ReadsNot("Reconnecting…")
	calls(p).Await("listitem", "Fatma Aydin", "Ben Okafor").Await("button", "Pick up").Aimed().Click()
	s.talk(caller, s.rings(desk))
	s.ended(member)
	s.must("hang up", caller.Hangup(s.ctx()))
	s.quiet()
}
