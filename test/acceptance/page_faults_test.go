package acceptance

import (
	"fmt"
	"strings"
	"testing"

	"github.com/nats-io/nats-server/v2/server"

	"supervisiond/test/chrome"
	"supervisiond/test/ports"
	"supervisiond/test/softphone"
)

// faults is a site of which each part can be cut off: ARI, SIP and NATS.
type faults struct {
	*site
	ari *cutter
	sip *sipRelay
	// server is the NATS server that runs, and store what it has on disk.
	server *server.Server
	store  string

	desk, home, ben, fatma *softphone.Phone
}

// What fails is said in words, since when; what cannot work is not offered; and when it works again the page goes on by itself, with
// nothing on it that is not so any more (P5, P7, P8, G11, R5).
func TestPageFaults(t *testing.T) {
	t.Parallel()
	f := &faults{sip: startSIPRelay(t), store: t.TempDir()}
	f.server = startNATSIn(t, ports.Take(t), f.store)
	o := pageOptions(t, func(yaml string) string {
		return yaml + "\nforwarding: {allowed_destinations: [\"^[0-9]{2,5}$\"]}\nsip: {listen: [\"udp://127.0.0.1:0\"], pbx_uri: \"sip:" + f.sip.addr() + "\"}\n"
	})
	page, external := o.configure, withNATS(portOf(t, f.server), func(yaml string) string { return yaml })
	o.configure, o.nats = func(yaml string) string { return external.configure(page(yaml)) }, external.nats
	o.route = func(url string) string {
		f.ari = startCutter(t, strings.TrimSuffix(strings.TrimPrefix(url, "http://"), "/ari"))
		return "http://" + f.ari.addr() + "/ari"
	}
	f.site = newSite(t, o)
	f.sip.mend(t, f.pbx.SIPAddr())
	f.storeIsRead()
	f.part(t, "G11 nobody is there", (*faults).unstaffed)
	f.home, f.ben, f.fatma = f.phone("101-home"), f.phone("102"), f.phone("106")
	f.part(t, "P3 P7 the phone that would be called is not there", (*faults).phoneIsAway)
	f.desk = f.phone("101", answers)
	f.part(t, "P5 P7 the supervisor's phone does not take it", (*faults).phoneDoesNot)
	f.part(t, "SIP is silent", (*faults).sipSilent)
	f.done("ben", "forwarding.set", `{"person":"ben","kind":"busy","target":"110"}`, true)
	f.part(t, "the PBX is cut off", (*faults).pbxCutOff)
	f.part(t, "R5 the PBX dies", (*faults).pbxDies)
	f.part(t, "P8 NATS is away", (*faults).natsAway)
}

func (f *faults) part(t *testing.T, name string, test func(*faults)) {
	t.Helper()
	t.Run(name, func(t *testing.T) {
		here := *f
		here.site = f.in(t)
		test(&here)
		here.quiet()
	})
}

// offered waits until all buttons with a name can be pressed, or none can.
func offered(p *chrome.Page, name string, want bool) {
	what := map[bool]string{true: "is offered: ", false: "is not offered: "}[want] + name
	p.Until(what, func() bool {
		all := p.All("button", name)
		for _, b := range all {
			if (b.States["disabled"] != "true") != want {
				return false
			}
		}
		return len(all) > 0 || !want
	})
}

func (f *faults) unstaffed() {
	pages := []*chrome.Page{f.page("anna", chrome.Options{}), f.page("emil", chrome.Options{Width: 360, Height: 640})}
	const nobody = "Nobody is logged in and connected"
	for _, p := range pages {
		p.Await("region", "Vertrieb").Reads(nobody)
	}
	ben := f.phone("102")
	for _, p := range pages {
		p.Await("region", "Vertrieb").ReadsNot(nobody)
	}
	f.must("close", ben.Close(f.ctx()))
	for _, p := range pages {
		p.Await("region", "Vertrieb").Reads(nobody)
		usable(f.t, p, "a group with nobody")
	}
}

// phoneIsAway: that another phone of hers is there is no reason to offer what would be refused. She is told which is not, chooses the
// other, and has the call with that.
func (f *faults) phoneIsAway() {
	p := f.page("anna", chrome.Options{})
	desk := f.phone("101")
	caller := f.dial(f.fatma, "102")
	member := f.rings(f.ben)
	offered(p, "Pick up: Fatma Aydin", true)
	calls(p).Await("button", "Pick up: Fatma Aydin")
	f.must("close", desk.Close(f.ctx()))

	const away = "PJSIP/101 is not connected: choose another phone"
	calls(p).Await("listitem", "Fatma Aydin", away)
	offered(p, "Pick up: Fatma Aydin", false)
	p.Press("p")
	says(p, away)
	p.AwaitTrue(`document.querySelector("[data-testid=phone]").selectedOptions[0].text === "PJSIP/101 (not connected)"`)
	usable(f.t, p, "a phone that is not there")
	p.Shot("phone-away")
	selects(p, `[data-testid=phone]`, "PJSIP/101-home")
	calls(p).Await("button", "Pick up").Aimed().Click()
	picker := f.rings(f.home)
	f.must("answer", picker.Answer())
	f.talk(caller, picker)
	f.ended(member)
	f.must("hang up", caller.Hangup(f.ctx()))

	p.Find(`[data-testid=nav-mine]`).Click()
	p.AwaitTrue(`[...document.querySelectorAll("li:has([data-testid=phone-away]) b")].map(e => e.textContent).join() === "PJSIP/101"`)
	usable(f.t, p, "my phones")
	p.Shot("my-phones")
}

// phoneDoesNot: the call rings on, is offered again, and the member has it.
func (f *faults) phoneDoesNot() {
	p, emils := f.page("anna", chrome.Options{}), f.page("emil", chrome.Options{})
	caller := f.dial(f.fatma, "102")
	member := f.rings(f.ben)

	// He has no phone that is there, and is told so instead of being offered what would be refused. A phone makes the difference.
	const without = "Your phone PJSIP/105 is not connected"
	calls(emils).Await("listitem", "Fatma Aydin", without)
	offered(emils, "Pick up: Fatma Aydin", false)
	emils.Press("p")
	says(emils, without)
	usable(f.t, emils, "a supervisor without a phone")
	emils.Shot("no-phone")
	his := f.phone("105")
	offered(emils, "Pick up: Fatma Aydin", true)
	f.must("close", his.Close(f.ctx()))
	calls(emils).Await("listitem", "Fatma Aydin", without)

	// Hers rings, and is declined; rings, and is not answered.
	calls(p).Await("listitem", "Fatma Aydin")
	selects(p, `[data-testid=phone]`, "PJSIP/101-home")
	for _, x := range []struct {
		says string
		act  func(*softphone.Call)
	}{
		{"Your phone PJSIP/101-home could not be reached, is busy, or declined. The call rings on.", func(c *softphone.Call) { f.must("decline", c.Decline(603)) }},
		{"Your phone PJSIP/101-home did not answer in time. The call rings on.", func(*softphone.Call) {}},
	} {
		calls(p).Await("button", "Pick up").Aimed().Click()
		picker := f.rings(f.home)
		p.Reads("Your phone is ringing: answer it")
		x.act(picker)
		p.Reads(x.says)
		f.ended(picker)
		offered(p, "Pick up: Fatma Aydin", true)
		closeMessages(p)
	}
	if member.State() != softphone.Ringing {
		f.t.Errorf("the member's phone is %v", member.State())
	}
	f.must("answer", member.Answer())
	f.talk(caller, member)
	calls(p).Await("listitem", "Ben Okafor answered")
	f.must("hang up", caller.Hangup(f.ctx()))
}

// sipSilent: calls are seen and picked up as long as ARI lives.
func (f *faults) sipSilent() {
	p := f.page("anna", chrome.Options{})
	const silent = "The telephone system does not answer over SIP: phones may not ring."
	p.ReadsNot(silent)
	f.sip.cut()
	p.Reads(silent)
	usable(f.t, p, "a PBX that is silent")
	caller := f.dial(f.fatma, "102")
	member := f.rings(f.ben)
	calls(p).Await("button", "Pick up").Aimed().Click()
	picker := f.rings(f.desk)
	f.talk(caller, picker)
	f.ended(member)
	p.Reads(silent)
	f.must("hang up", caller.Hangup(f.ctx()))
	f.quiet()
	f.sip.mend(f.t, f.pbx.SIPAddr())
	p.ReadsNot(silent)
}

// away proves that a page says since when the PBX is out of reach, and offers nothing that needs it.
func (f *faults) away(mark int, p, bens *chrome.Page) {
	f.t.Helper()
	site := document(f.watch, mark, "site", "the PBX is gone", func(d struct {
		PBX struct {
			Connected bool
			Since     string
		}
	}) bool {
		return !d.PBX.Connected
	})
	since := chrome.Eval[string](p, fmt.Sprintf(`new Intl.DateTimeFormat("en", {timeStyle: "short"}).format(new Date(%q))`, site.PBX.Since))
	for _, page := range []*chrome.Page{p, bens} {
		page.Reads("The telephone system has been out of reach since " + since + ".")
		page.AwaitElement(`[data-standing="live"]`) // the daemon is there, and says so
	}
	offered(p, "Pick up: Fatma Aydin", false)
	offered(p, "Cancel forward", false)
	countsNone(p)
	p.AwaitTrue(`!document.querySelector('[data-sounding="sounds"]')`)
	p.ReadsNot("1 call rings")
	for _, name := range []string{"Cancel forward", "the forward"} {
		offered(bens, name, false)
	}
	bens.Until("do-not-disturb is not offered", func() bool { return bens.Await("switch", "Do not disturb").States["disabled"] == "true" })
}

// back waits until a page offers again what it may.
func (f *faults) back(p, bens *chrome.Page) {
	f.t.Helper()
	for _, page := range []*chrome.Page{p, bens} {
		page.ReadsNot("out of reach")
	}
	offered(p, "Cancel forward", true)
	for _, name := range []string{"Cancel forward", "the forward"} {
		offered(bens, name, true)
	}
	bens.Until("do-not-disturb is offered", func() bool { return bens.Await("switch", "Do not disturb").States["disabled"] != "true" })
}

// both are anna's page and ben's own, on which his line is forwarded when it is busy.
func (f *faults) both() (p, bens *chrome.Page) {
	f.t.Helper()
	p, bens = f.page("anna", chrome.Options{}), f.page("ben", chrome.Options{})
	for _, page := range []*chrome.Page{p, bens} {
		page.Reads("When busy, to 110")
	}
	return p, bens
}

// pbxCutOff: nobody knows whether it still rings, so nothing calls for attention; when the PBX is back and it does, it is taken.
func (f *faults) pbxCutOff() {
	p, bens := f.both()
	caller := f.dial(f.fatma, "102")
	member := f.rings(f.ben)
	calls(p).Await("listitem", "Fatma Aydin")
	p.AwaitTitle("(1) Fatma Aydin")
	p.AwaitElement(`[data-sounding="sounds"]`)
	offered(p, "Pick up: Fatma Aydin", true)
	mark := f.watch.mark()
	f.ari.cut()
	f.away(mark, p, bens)
	usable(f.t, p, "a PBX that is away")
	p.Shot("pbx-away")
	p.Press("p")
	if login := bens.Await("switch", "Vertrieb"); login.States["disabled"] == "true" {
		f.t.Error("logging in and out needs no PBX, and is not offered")
	}

	f.ari.mend(strings.TrimSuffix(strings.TrimPrefix(f.pbx.ARIURL(), "http://"), "/ari"))
	f.back(p, bens)
	p.AwaitTitle("(1) Fatma Aydin")
	p.AwaitElement(`[data-sounding="sounds"]`)
	calls(p).Await("button", "Pick up").Aimed().Click()
	picker := f.rings(f.desk)
	f.talk(caller, picker)
	f.ended(member)
	f.must("hang up", caller.Hangup(f.ctx()))
	f.quiet()
	noCalls(p)
}

// pbxDies: what rang is lost. Where the phones are the PBX has on its disk.
func (f *faults) pbxDies() {
	p, bens := f.both()
	f.dial(f.fatma, "102")
	f.rings(f.ben)
	calls(p).Await("listitem", "Fatma Aydin").Await("button", "Pick up")
	mark := f.watch.mark()
	f.pbx.Kill()
	f.away(mark, p, bens)

	f.must("boot", f.pbx.Boot(f.ctx()))
	f.back(p, bens)
	noCalls(p)
	caller := f.dial(f.fatma, "102")
	f.rings(f.ben)
	calls(p).Await("button", "Pick up").Aimed().Click()
	f.talk(caller, f.rings(f.desk))
	f.must("hang up", caller.Hangup(f.ctx()))
}

// natsAway: calls are picked up; logins and the history are not offered, and it is said since when and why.
func (f *faults) natsAway() {
	p, bens := f.both()
	bens.Await("switch", "Vertrieb")
	p.Find(`[data-testid=nav-history]`).Click()
	p.Await("listitem", "Call for Ben Okafor: Fatma Aydin (106)")
	port := portOf(f.t, f.server)
	line := len(f.daemon.log())
	f.server.Shutdown()
	f.server.WaitForShutdown()
	const cannot, stored, unread = "nobody can log in or out, and the history cannot be read.", "Logins cannot be stored at the moment.", "The history cannot be read at the moment."
	for _, page := range []*chrome.Page{p, bens} {
		page.Reads(cannot)
		page.AwaitElement(`[data-standing="live"]`)
	}
	bens.Reads(stored)
	loginIs := func(page *chrome.Page, offered bool) {
		page.Until(fmt.Sprint("a login is offered: ", offered), func() bool {
			login := page.Await("switch", "Vertrieb")
			return login.States["checked"] == "true" && (login.States["disabled"] != "true") == offered
		})
	}
	loginIs(bens, false)
	usable(f.t, bens, "NATS is away")
	bens.Shot("nats-away")

	// What was read stands there, as of when; who opens it now is told why it is empty.
	p.Await("alert", unread, "What you see is how it was at")
	p.Await("listitem", "Call for Ben Okafor: Fatma Aydin (106)")
	bens.Find(`[data-testid=nav-history]`).Click()
	bens.Await("alert", unread)
	for _, page := range []*chrome.Page{p, bens} {
		offered(page, "Reload", false)
		offered(page, "Show older", false)
	}
	usable(f.t, bens, "a history that cannot be read")
	p.Find(`[data-testid=nav-console]`).Click()
	p.Find(`[data-group=sales] [data-person=ben] [data-testid=actions]`).Click()
	if item := p.Await("menuitem", "Log out of Vertrieb"); item.States["disabled"] != "true" || !strings.Contains(item.Name, stored) {
		f.t.Errorf("the menu says %q, %v", item.Name, item.States)
	}
	p.Press(chrome.Escape)

	caller := f.dial(f.fatma, "102")
	member := f.rings(f.ben)
	calls(p).Await("button", "Pick up").Aimed().Click()
	picker := f.rings(f.desk)
	f.talk(caller, picker)
	f.ended(member)
	p.Reads("You have the call for Ben Okafor.")
	f.must("hang up", caller.Hangup(f.ctx()))
	f.quiet()
	noCalls(p)

	startNATSIn(f.t, port, f.store)
	f.daemon.loggedFrom(line, "writing the whole state")
	f.watch = watch(f.t, fmt.Sprint(f.daemon.logged("started")["nats"]), f.nats...)
	f.ready()
	// It goes on by itself.
	for _, page := range []*chrome.Page{p, bens} {
		page.ReadsNot(cannot)
	}
	bens.Gone("alert", unread)
	bens.Await("listitem", "Call for Ben Okafor: Fatma Aydin (106)")
	offered(bens, "Reload", true)
	bens.Find(`[data-testid=nav-mine]`).Click()
	loginIs(bens, true)
	bens.ReadsNot(stored)
	mark := f.watch.mark()
	bens.Await("switch", "Vertrieb").Click()
	bens.Reads("You are logged out of Vertrieb.")
	f.loggedIn(mark, "sales", "ben", false)
	bens.Await("switch", "Vertrieb").Click()
	bens.Reads("You are logged in to Vertrieb.")
}
