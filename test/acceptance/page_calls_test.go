package acceptance

import (
	"fmt"
	"net/url"
	"syscall"
	"testing"
	"time"

	"supervisiond/test/chrome"
	"supervisiond/test/softphone"
)

// A supervisor signs in, sees a call ring, and takes it by the button or by a key. Audio flows, the row says what became of the
// call, and goes (P3, R2).
func TestPagePickup(t *testing.T) {
	t.Parallel()
	s := pageSite(t)
	desk, ben, fatma := s.phone("101", answers), s.phone("102"), s.phone("106")
	s.phone("101-home")
	p := chrome.Open(t, chrome.Options{})
	p.Go(s.url("/"))
	signIn(p, "anna", "wrong")
	p.Await("alert", "The user name or the password is wrong.")
	p.Type(`input[autocomplete="current-password"]`, "anna-secret"+chrome.Enter)
	p.AwaitElement(`[data-standing="live"]`)
	p.Reads("Anna Berger")
	noCalls(p)

	for _, x := range []struct {
		name string
		take func(row *chrome.Place)
	}{
		{"by the button", func(row *chrome.Place) { row.Await("button", "Pick up").Aimed().Click() }},
		{"by the key", func(row *chrome.Place) {
			row.Await("button", "Pick up").Settled()
			p.Press("p")
		}},
	} {
		caller := s.dial(fatma, "102")
		member := s.rings(ben)
		row := calls(p).Await("listitem", "Fatma Aydin", "106", "Ben Okafor", "Vertrieb")
		p.AwaitTitle("(1) Fatma Aydin")
		p.Reads("1 call rings")
		x.take(row)
		picker := s.rings(desk)
		s.talk(caller, picker)
		s.ended(member)
		p.Reads("You have the call for Ben Okafor.")
		p.Reads("Anna Berger picked up for Ben Okafor")
		noCalls(p)
		s.must(x.name+": hang up", caller.Hangup(s.ctx()))
		s.ended(picker)
		s.quiet()
	}
}

// While somebody aims at a call no other comes to lie there; and where one has, what is pressed takes nothing, and says so.
func TestPageNothingMovesUnderAPointer(t *testing.T) {
	t.Parallel()
	s := pageSite(t)
	desk := s.phone("101", answers)
	ben, carla, fatma, georg := s.phone("102"), s.phone("103"), s.phone("106"), s.phone("107")
	p := s.page("anna", chrome.Options{})
	other := p.Tab(chrome.Options{})
	other.Go(s.url("/"))
	rows := func(p *chrome.Page, n int) {
		p.AwaitTrue(fmt.Sprintf(`document.querySelectorAll("[data-testid=call]").length === %d`, n))
	}
	lies := func() [3]float64 {
		return chrome.Eval[[3]float64](p, `(() => { const {x, y, width, height} = document.querySelector("[data-testid=pickup]").getBoundingClientRect();
			return [x + width / 2, y + height / 2, document.querySelector("[data-testid=call]").offsetHeight]; })()`)
	}

	first := s.dial(fatma, "102")
	s.rings(ben)
	x, y := calls(p).Await("listitem", "Fatma Aydin").Await("button", "Pick up").Settled()
	second := s.dial(georg, "103")
	member := s.rings(carla)
	button := calls(p).Await("listitem", "Georg Huber").Await("button", "Pick up")
	aimedX, aimedY := button.Point()
	rows(other, 2)
	aside, tall := aimedX+1, lies()[2]
	// For what asks how long something has lain there, no time passes from now on.
	chrome.Eval[bool](p, `(window.clock = performance.now.bind(performance), performance.now = (now => () => now)(clock()), true)`)
	s.must("hang up", first.Hangup(s.ctx()))
	calls(p).Await("listitem", "The caller hung up")
	p.Until("the first call is purged, and its row is gone where nobody points", func() bool {
		aimedX, aside = aside, aimedX
		p.MoveMouse(aimedX, aimedY)
		return chrome.Eval[bool](other, `document.querySelectorAll("[data-testid=call]").length === 1`)
	})
	if at := lies(); at[1] != aimedY || at[2] != tall || len(calls(p).All("listitem")) != 2 {
		t.Errorf("the button has moved from %v to %v; a row was %v tall and is %v", aimedY, at[1], tall, at[2])
	}

	rows(p, 1) // the mouse rests
	if at := lies(); at[0] != x || at[1] != y {
		t.Errorf("the button is at %v, and the one before it was at %v, %v", at, x, y)
	}
	p.ClickAt(x, y)
	p.Reads("The calls have just moved, so nothing was picked up. Press again.")
	p.Press("p")
	p.AwaitTrue(`document.querySelectorAll("[data-testid=toast]").length === 2 && !document.querySelector("[data-testid=phase]")`)
	chrome.Eval[bool](p, `(performance.now = clock, true)`)
	button.Aimed().Click()
	s.talk(second, s.rings(desk))
	s.ended(member)
	s.must("hang up", second.Hangup(s.ctx()))
	s.quiet()
}

// A row is no longer offered in the moment in which the call is over, and says for a moment why.
func TestPageCallsEnd(t *testing.T) {
	t.Parallel()
	s := pageSite(t)
	ben, fatma := s.phone("102"), s.phone("106")
	s.phone("101")
	p, elsewhere := s.page("anna", chrome.Options{}), s.page("hana", chrome.Options{})

	caller := s.dial(fatma, "102")
	member := s.rings(ben)
	row := calls(p).Await("listitem", "Fatma Aydin")
	row.Await("button", "Pick up")
	s.must("answer", member.Answer())
	row.Gone("button")
	row.Reads("Ben Okafor answered")
	noCalls(p)
	s.must("hang up", caller.Hangup(s.ctx()))
	s.quiet()

	caller = s.dial(fatma, "102")
	s.rings(ben)
	calls(p).Await("listitem", "Fatma Aydin").Await("button", "Pick up")
	s.must("hang up", caller.Hangup(s.ctx()))
	p.Reads("The caller hung up")
	noCalls(p)
	// Who does not supervise the group has been shown nothing.
	if seen := elsewhere.All("region", "Supervised calls"); len(seen) > 0 {
		t.Errorf("hana sees %s", seen[0].Text())
	}
}

// Two supervisors reach for one call in two browsers at the same moment: one has it, and the other's page says who (P4).
func TestPageRace(t *testing.T) {
	t.Parallel()
	s := pageSite(t)
	annas, emils, ben, fatma := s.phone("101", answers), s.phone("105", answers), s.phone("102"), s.phone("106")
	pages := map[string]*chrome.Page{"anna": s.page("anna", chrome.Options{}), "emil": s.page("emil", chrome.Options{})}
	name := map[string]string{"anna": "Anna Berger", "emil": "Emil Novak"}
	wins, races := make(map[string]int), 0
	for range rounds / 20 {
		mark := s.watch.mark()
		caller := s.dial(fatma, "102")
		member := s.rings(ben)
		for _, p := range pages {
			calls(p).Await("listitem", "Fatma Aydin").Await("button", "Pick up")
		}
		at := time.Now().Add(200 * time.Millisecond).UnixMilli()
		for _, p := range pages {
			chrome.Eval[bool](p, fmt.Sprintf(`setTimeout(() => {
				const button = document.querySelector("[data-testid=calls] [data-testid=pickup]");
				window.pressed = button !== null; // null: the other was faster, and this page knows
				button?.click();
			}, %d - Date.now()), true`, at))
		}
		over := s.watch.awaitCall(mark, "is picked up", func(d callDocument) bool { return d.State == "picked_up" })
		winner, loser, phone := over.PickedUpBy, "emil", annas
		if winner == "emil" {
			loser, phone = "anna", emils
		}
		picker := s.rings(phone)
		s.talk(caller, picker)
		s.ended(member)
		for _, p := range pages {
			p.Reads(name[winner] + " picked up for Ben Okafor")
		}
		pages[winner].Reads("You have the call for Ben Okafor.")
		if chrome.Eval[bool](pages[loser], `window.pressed`) {
			pages[loser].Reads("Too late: " + name[winner] + " has the call.")
			races++
		}
		wins[winner]++
		for _, p := range pages {
			noCalls(p)
			closeMessages(p)
		}
		s.must("hang up", caller.Hangup(s.ctx()))
		s.quiet()
	}
	t.Logf("won by %v, %d races", wins, races)
	t.Run("P2 somebody is picking up", func(t *testing.T) { s.in(t).isPickingUp(pages["anna"], pages["emil"], ben, fatma, emils) })
}

// isPickingUp: what a program has Anna's phone called for is not offered to Emil, and his key takes the next; when hers declines it is
// offered again, to her too.
func (s *site) isPickingUp(annas, emils *chrome.Page, ben, fatma, phone *softphone.Phone) {
	home, carla, georg := s.phone("101-home"), s.phone("103"), s.phone("107")
	first := s.dial(fatma, "102")
	s.rings(ben)
	emils.AwaitElement(`[data-sounding="sounds"]`)
	s.must("ask", s.watch.conn.PublishRequest(prefix+"cmd.anna.call.pickup", s.watch.conn.NewInbox(), []byte(`{"endpoint":"PJSIP/101-home"}`)))
	picker := s.rings(home)
	calls(annas).Await("listitem", "Fatma Aydin", "Your phone is ringing: answer it")
	calls(emils).Await("listitem", "Fatma Aydin", "Anna Berger is picking up")
	offered(emils, "Pick up: Fatma Aydin", false)
	emils.AwaitTrue(`!document.querySelector('[data-sounding="sounds"]')`)
	usable(s.t, emils, "somebody is picking up")
	emils.Shot("picking-up")

	second := s.dial(georg, "103")
	member := s.rings(carla)
	calls(emils).Await("listitem", "Georg Huber").Await("button", "Pick up").Aimed()
	// Her phone can be called for one call at a time.
	calls(annas).Await("listitem", "Georg Huber", "You are already picking up a call")
	annas.Press("p")
	says(annas, "You are already picking up a call")
	emils.Press("p")
	s.talk(second, s.rings(phone))
	s.ended(member)
	s.must("decline", picker.Decline(603))
	s.ended(picker)
	for _, p := range []*chrome.Page{annas, emils} {
		calls(p).Await("listitem", "Fatma Aydin").Await("button", "Pick up")
	}
	s.must("hang up", first.Hangup(s.ctx()))
	s.must("hang up", second.Hangup(s.ctx()))
	s.quiet()
}

// says waits until a message says something.
func says(p *chrome.Page, text string) {
	p.AwaitTrue(fmt.Sprintf(`[...document.querySelectorAll("[data-testid=toast]")].some(e => e.textContent.includes(%q))`, text))
}

// closeMessages closes what a page says of what was done, so that it is not taken for the next.
func closeMessages(p *chrome.Page) {
	chrome.Eval[bool](p, `(document.querySelectorAll("[data-testid=toast] button").forEach(b => b.click()), true)`)
	p.AwaitTrue(`!document.querySelector("[data-testid=toast]")`)
}

// While the daemon is away the page says so, and offers nothing. When it is back no ring is stale, and none is missing.
func TestPageReconnects(t *testing.T) {
	t.Parallel()
	s := pageSite(t)
	ben, carla, fatma, georg := s.phone("102"), s.phone("103"), s.phone("106"), s.phone("107")
	s.phone("101")
	address := func() string {
		u, err := url.Parse(s.url("/"))
		s.must("url", err)
		return u.Host
	}
	cable := startCutter(t, address())
	p := s.pageAt("http://"+cable.addr()+"/", "anna", chrome.Options{})

	gone := s.dial(fatma, "102")
	member := s.rings(ben)
	calls(p).Await("listitem", "Fatma Aydin")
	s.daemon.stop(syscall.SIGKILL)
	p.Reads("Reconnecting")
	countsNone(p)
	for _, button := range p.All("button", "Pick up") {
		if button.States["disabled"] != "true" {
			t.Errorf("%s is offered", button.Name)
		}
	}
	s.must("hang up", gone.Hangup(s.ctx()))
	s.ended(member)
	fresh := s.dial(georg, "103")
	s.rings(carla)
	s.start()
	cable.mend(address())
	p.AwaitElement(`[data-standing="live"]`)
	calls(p).Await("listitem", "Georg Huber", "Carla Diaz").Await("button", "Pick up")
	p.AwaitTitle("(1) Georg Huber")
	if stale := p.All("listitem", "Fatma Aydin", "Pick up"); len(stale) > 0 {
		t.Errorf("a stale row: %s", stale[0].Text())
	}
	s.must("hang up", fresh.Hangup(s.ctx()))
	noCalls(p)

	// A cable that is cut for a moment is mended without a word too many.
	cable.cut()
	p.Reads("Reconnecting")
	cable.mend(address())
	p.AwaitElement(`[data-standing="live"]`)
	p.ReadsNot("Reconnecting")
}

// A network that is gone without a word: when the next word of the daemon does not come the page says that it does not know any more; a
// pickup that it swallowed is offered again, and what is then shown is what is.
func TestPageStalls(t *testing.T) {
	t.Parallel()
	s := pageSite(t)
	ben, carla, fatma, georg := s.phone("102"), s.phone("103"), s.phone("106"), s.phone("107")
	desk := s.phone("101", answers)
	u, err := url.Parse(s.url("/"))
	s.must("url", err)
	cable := startCutter(t, u.Host)
	p := s.pageAt("http://"+cable.addr()+"/", "anna", chrome.Options{})

	gone := s.dial(fatma, "102")
	member := s.rings(ben)
	button := calls(p).Await("listitem", "Fatma Aydin").Await("button", "Pick up").Aimed()
	cable.stall()
	began := time.Now()
	button.Click()
	p.Reads("Picking up…")
	s.must("hang up", gone.Hangup(s.ctx()))
	s.ended(member)
	p.AwaitElement(`[data-standing="reconnecting"], [data-standing="unknown"]`)
	if took := time.Since(began); took > 8*time.Second+slack { // 6.5 s, and it looks every second
		t.Errorf("it shows what is no more for %v", took)
	}
	countsNone(p)
	p.AwaitTrue(`!document.querySelector("[data-testid=phase]")`)
	for _, button := range p.All("button", "Pick up") {
		if button.States["disabled"] != "true" {
			t.Errorf("%s is offered", button.Name)
		}
	}

	fresh := s.dial(georg, "103")
	member = s.rings(carla)
	cable.flow()
	p.AwaitElement(`[data-standing="live"]`)
	row := calls(p).Await("listitem", "Georg Huber", "Carla Diaz")
	if stale := p.All("listitem", "Fatma Aydin", "Pick up"); len(stale) > 0 {
		t.Errorf("a stale row: %s", stale[0].Text())
	}
	row.Await("button", "Pick up").Aimed().Click()
	s.talk(fresh, s.rings(desk))
	s.ended(member)
	s.must("hang up", fresh.Hangup(s.ctx()))
	s.quiet()
}

// What rings stands above everything, also above a dialog, and is taken from there by the button and by the key.
func TestPageCallsStandAboveDialogs(t *testing.T) {
	t.Parallel()
	s := pageSite(t)
	desk, ben, fatma := s.phone("101", answers), s.phone("102"), s.phone("106")
	p := s.page("anna", chrome.Options{})
	for _, take := range []func(){
		func() { p.Find(`[data-testid=pickup]`).Aimed().Click() },
		func() {
			p.Find(`[data-testid=pickup]`).Aimed()
			p.Press("p")
		},
	} {
		p.Find(`[data-testid=settings]`).Click()
		p.AwaitElement(`[role=dialog] select`)
		chrome.Eval[bool](p, `(document.activeElement.blur(), true)`)
		caller := s.dial(fatma, "102")
		member := s.rings(ben)
		p.AwaitTrue(`(() => { const b = document.querySelector("[data-testid=pickup]"); if (!b) return false; const {x, y, width, height} = b.getBoundingClientRect();
			return b.contains(document.elementFromPoint(x + width / 2, y + height / 2)); })()`)
		p.Shot("ringing-over-settings")
		take()
		s.talk(caller, s.rings(desk))
		s.ended(member)
		s.must("hang up", caller.Hangup(s.ctx()))
		s.quiet()
		p.AwaitTrue(`!document.querySelector("[data-testid=calls]")`)
		p.Press(chrome.Escape)
		p.AwaitTrue(`!document.querySelector("[role=dialog]")`)
	}
}
