package acceptance

import (
	"fmt"
	"net/url"
	"syscall"
	"testing"
	"time"

	"supervisiond/test/chrome"
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
		{"by the button", func(row *chrome.Place) { row.Await("button", "Pick up").Click() }},
		{"by the key", func(*chrome.Place) { p.Press("p") }},
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
	wins := make(map[string]int)
	for range rounds / 20 {
		mark := s.watch.mark()
		caller := s.dial(fatma, "102")
		member := s.rings(ben)
		for _, p := range pages {
			calls(p).Await("listitem", "Fatma Aydin").Await("button", "Pick up")
		}
		at := time.Now().Add(200 * time.Millisecond).UnixMilli()
		for _, p := range pages {
			chrome.Eval[bool](p, fmt.Sprintf(`setTimeout(() => document.querySelector("[data-testid=calls] [data-testid=pickup]").click(), %d - Date.now()), true`, at))
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
		pages[loser].Reads("Too late: " + name[winner] + " has the call.")
		wins[winner]++
		for _, p := range pages {
			noCalls(p)
			closeMessages(p)
		}
		s.must("hang up", caller.Hangup(s.ctx()))
		s.quiet()
	}
	t.Logf("won by %v", wins)
}

// closeMessages closes what a page says of what was done, so that it is not taken for the next.
func closeMessages(p *chrome.Page) {
	for all := p.All("button", "Close message"); len(all) > 0; all = p.All("button", "Close message") {
		all[0].Click()
		p.ReadsNot("has the call")
	}
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
	p.AwaitTitle("Supervision")
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
