package acceptance

import (
	"strings"
	"testing"

	"supervisiond/test/chrome"
	"supervisiond/test/lab"
	"supervisiond/test/softphone"
)

// ownForward sets a forward of one's own, by the form.
func ownForward(p *chrome.Page, kind, number string) (form *chrome.Place) {
	p.Find(`[data-testid=set-my-forward]`).Click()
	form = p.Await("dialog", "Forward of Ben Okafor")
	fillForward(p, kind, number)
	form.Await("button", "Set forward").Click()
	return form
}

// What is mine: forwards of each kind, do-not-disturb and phones. What I do the PBX does, and what is done by code or on the PBX
// shows and goes by itself (F2, F4, P3).
func TestPageMine(t *testing.T) {
	t.Parallel()
	o := pageOptions(t, func(yaml string) string {
		return yaml + "\nforwarding: {allowed_destinations: [\"^[0-9]{2,5}$\"], poll: 500ms}\n"
	})
	o.lab = lab.Options{Layout: lab.FreePBX}
	m := &mine{site: newSite(t, o)}
	m.desk, m.home, m.ben = m.phone("101", answers), m.phone("101-home"), m.phone("102")
	m.dora, m.fatma = m.phone("104"), m.phone("106")
	m.storeIsRead()
	for _, part := range []struct {
		name string
		test func(*mine)
	}{
		{"F4 forwards of each kind, set and cancelled", (*mine).forwardsOfEachKind},
		{"F2 forwards by code and on the PBX", (*mine).forwardsFromElsewhere},
		{"F6 a number that is refused", (*mine).refusedNumbers},
		{"F2 F4 do-not-disturb, from here and from elsewhere", (*mine).doNotDisturb},
		{"P3 the phone that is chosen", (*mine).chosenPhone},
	} {
		t.Run(part.name, func(t *testing.T) {
			here := *m
			here.site = m.in(t)
			part.test(&here)
			here.quiet()
		})
	}
}

// mine is a site laid out as FreePBX does it, and the phones of its people.
type mine struct {
	*site
	desk, home, ben, dora, fatma *softphone.Phone
}

// line is what a page says of the own line.
func (m *mine) line(person string) (p *chrome.Page, line *chrome.Place) {
	m.t.Helper()
	p = m.page(person, chrome.Options{})
	p.Find(`[data-testid=nav-mine]`).Click()
	return p, p.Await("region", "My line")
}

func (m *mine) forwardsOfEachKind() {
	p, line := m.line("ben")
	line.Reads("Your line is not forwarded.")
	kinds := []struct {
		kind, family, shown string
		// bring has a call come that far; none: the PBX would ring for its 60 s.
		bring func()
	}{
		{"always", "CF", "All calls to 104", func() {}},
		{"busy", "CFB", "When busy, to 104", func() { m.must("decline", m.rings(m.ben).Decline(486)) }},
		{"no_answer", "CFU", "When nobody answers, to 104", nil},
	}
	for _, x := range kinds {
		ownForward(p, x.kind, "104")
		p.Gone("dialog")
		p.Reads("The forward of Ben Okafor to 104 is set.")
		line.Reads(x.shown)
		if there := m.stored(x.family, "102"); there != "104" {
			m.t.Errorf("%s: the PBX has %q", x.kind, there)
		}
		if x.bring != nil {
			caller := m.dial(m.fatma, "102")
			x.bring()
			member := m.rings(m.dora)
			m.must("hang up", caller.Hangup(m.ctx()))
			m.ended(member)
		}
		line.Await("button", "Cancel forward: Ben Okafor to 104").Click()
		p.Reads("The forward of Ben Okafor to 104 is cancelled.")
		line.Reads("Your line is not forwarded.")
		if there := m.stored(x.family, "102"); there != "" {
			m.t.Errorf("%s: cancelled, and the PBX has %q", x.kind, there)
		}
		closeMessages(p)
	}

	// All at once: each stands by itself, is changed by itself and goes by itself.
	for i, number := range []string{"104", "105", "106"} {
		ownForward(p, kinds[i].kind, number)
		p.Gone("dialog")
		line.Reads(strings.Replace(kinds[i].shown, "104", number, 1))
	}
	p.Find(`[data-testid=set-my-forward]`).Click()
	form := p.Await("dialog", "Forward of Ben Okafor")
	form.Reads("Stays as it is: When busy, to 105")
	selects(p, `[data-testid=forward-form] [name=kind]`, "busy")
	p.AwaitTrue(`document.querySelector("[name=target]").value === "105"`)
	form.Reads("Stays as it is: All calls to 104")
	p.Press(chrome.Escape)
	p.Gone("dialog")
	ownForward(p, "busy", "110")
	p.Gone("dialog")
	line.Reads("When busy, to 110")
	line.ReadsNot("105")
	line.Await("button", "Cancel forward: Ben Okafor to 104").Click()
	line.ReadsNot("All calls to 104")
	if there := m.stored("CF", "102") + " " + m.stored("CFB", "102") + " " + m.stored("CFU", "102"); there != " 110 106" {
		m.t.Errorf("the PBX has %q", there)
	}
	for _, number := range []string{"110", "106"} {
		line.Await("button", "Cancel forward: Ben Okafor to "+number).Click()
		line.ReadsNot(number)
	}
	line.Reads("Your line is not forwarded.")
}

func (m *mine) forwardsFromElsewhere() {
	_, line := m.line("ben")
	supervisor := m.page("anna", chrome.Options{})
	for _, x := range []struct {
		sets, shown, goes string
	}{
		{"*72104", "All calls to 104", "*73"}, {"*90105", "When busy, to 105", "*91"}, {"*52106", "When nobody answers, to 106", "*53"},
	} {
		m.dialCode(m.ben, x.sets)
		line.Reads(x.shown)
		card(supervisor, "ben").Reads(x.shown)
		m.dialCode(m.ben, x.goes)
		line.ReadsNot(x.shown)
		card(supervisor, "ben").ReadsNot(x.shown)
	}
	m.database("put CF 102 104")
	line.Reads("All calls to 104")
	m.database("put CF 102 106")
	line.Reads("All calls to 106")
	line.ReadsNot("104")
	m.database("del CF 102")
	line.Reads("Your line is not forwarded.")
}

func (m *mine) refusedNumbers() {
	p, line := m.line("ben")
	mark := m.watch.mark()
	m.database("put CF 104 102")
	m.forwards(mark, "dora", "always 102>102")
	for number, says := range map[string]string{
		"102": "A line cannot be forwarded to itself.", "0900123456": "Forwards to this number are not allowed.", "12a": "Only digits, * and # are possible",
		"104": "Calls would go round in a loop.",
	} {
		form := ownForward(p, "always", number)
		form.Await("alert", says)
		form.Await("button", "Cancel").Click()
		p.Gone("dialog")
	}
	line.Reads("Your line is not forwarded.")
	if there := m.stored("CF", "102"); there != "" {
		m.t.Errorf("the PBX has %q", there)
	}
	m.database("del CF 104")
}

func (m *mine) doNotDisturb() {
	p, line := m.line("ben")
	supervisor := m.page("anna", chrome.Options{})
	is := func(on bool) {
		m.t.Helper()
		checked, presence := "false", "Online"
		if on {
			checked, presence = "true", "Do not disturb"
		}
		p.Until("do-not-disturb is shown: "+checked, func() bool { return line.Await("switch", "Do not disturb").States["checked"] == checked })
		line.Reads(presence)
		card(supervisor, "ben").Reads(presence)
		if there := m.stored("DND", "102"); (there != "") != on {
			m.t.Errorf("the PBX has %q", there)
		}
	}
	is(false)
	line.Await("switch", "Do not disturb").Click()
	p.Reads("Do not disturb is on.")
	is(true)
	if end := m.ended(m.dial(m.fatma, "102")); end.Code != 486 {
		m.t.Errorf("who calls somebody who is not to be disturbed gets %+v", end)
	}
	line.Await("switch", "Do not disturb").Click()
	p.Reads("Do not disturb is off.")
	is(false)
	caller := m.dial(m.fatma, "102")
	m.rings(m.ben)
	m.must("hang up", caller.Hangup(m.ctx()))
	m.quiet()

	for _, x := range []struct {
		name string
		do   func()
		on   bool
	}{
		{"by code", func() { m.dialCode(m.ben, "*78") }, true}, {"by code", func() { m.dialCode(m.ben, "*79") }, false},
		{"on the PBX", func() { m.database("put DND 102 YES") }, true}, {"on the PBX", func() { m.database("del DND 102") }, false},
		{"by a program", func() { m.done("ben", "dnd.set", `{"person":"ben","on":true}`, true) }, true},
	} {
		x.do()
		is(x.on)
	}
	// And off from here, wherever it was turned on.
	line.Await("switch", "Do not disturb").Click()
	is(false)
}

// chosenPhone: of two phones the one that is chosen is called; the choice holds over a reload.
func (m *mine) chosenPhone() {
	p, line := m.line("anna")
	line.Reads("used for picking up")
	over, cancel := expired()
	defer cancel()
	for _, x := range []struct {
		name, choose string
		take         func()
		rings, not   *softphone.Phone
	}{
		{"chosen", "PJSIP/101-home", func() { calls(p).Await("button", "Pick up").Aimed().Click() }, m.home, m.desk},
		{"after a reload, by the key", "", func() {
			chrome.Eval[bool](p, `(window.before = true, location.reload(), true)`)
			p.AwaitTrue(`window.before === undefined && document.querySelector('[data-standing="live"]') !== null`)
			calls(p).Await("button", "Pick up").Settled()
			p.Press("p")
		}, m.home, m.desk},
		{"the other again", "PJSIP/101", func() { card(p, "ben").Await("button", "Pick up").Aimed().Click() }, m.desk, m.home},
	} {
		p.Find(`[data-testid=nav-console]`).Click()
		caller := m.dial(m.fatma, "102")
		member := m.rings(m.ben)
		calls(p).Await("listitem", "Fatma Aydin")
		if x.choose != "" {
			selects(p, `[data-testid=phone]`, x.choose)
		}
		x.take()
		picker := m.rings(x.rings)
		if x.rings == m.home { // the other answers by itself
			p.Reads("Your phone is ringing: answer it")
			if member.State() != softphone.Ringing {
				m.t.Errorf("%s: the member's phone is %v", x.name, member.State())
			}
			m.must("answer", picker.Answer())
		}
		m.talk(caller, picker)
		m.ended(member)
		if call, err := x.not.Incoming(over); err == nil {
			m.t.Errorf("%s: the other phone rings too: %v", x.name, call)
		}
		p.Reads("You have the call for Ben Okafor.")
		m.must("hang up", caller.Hangup(m.ctx()))
		m.ended(picker)
		m.quiet()
		noCalls(p)
		closeMessages(p)
	}
}
