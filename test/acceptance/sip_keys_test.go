package acceptance

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"supervisiond/test/softphone"
)

const (
	keysPoll  = 300 * time.Millisecond
	slowAfter = 3 * time.Second
)

// withKeys has a line's forward on no answer with its seconds, the PBX asked often, and a group that is told of calls late.
func withKeys(yaml string) string {
	for old, next := range map[string]string{
		"forwarding: {":              fmt.Sprintf("forwarding: {poll: %v, families: {no_answer_seconds: CFUT}, ", keysPoll),
		"groups:\n":                  fmt.Sprintf("groups:\n  slow: {name: Spät, number: \"4\", type: standard, supervisors: [hana], members: [dora], calls: {alert_after: %v}}\n", slowAfter),
		"{sip: {password: sip-hana}": "{sip: {password: sip-hana, alerts: true}",
		"{sip: {password: sip-emil}": "{sip: {password: sip-emil, alerts: true}",
	} {
		if strings.Count(yaml, old) != 1 {
			panic(old)
		}
		yaml = strings.Replace(yaml, old, next, 1)
	}
	return yaml
}

func TestSIPKeysAndAlerts(t *testing.T) {
	t.Parallel()
	o := withSIP(withCommanders(t, same), "ben", "emil", "hana")
	before := o.configure
	o.configure = func(yaml string) string { return withKeys(before(yaml)) }
	s := newSite(t, o)
	s.storeIsRead()
	dora, fatma, georg := s.phone("104"), s.phone("106"), s.phone("107")
	t.Run("forward keys", func(t *testing.T) { testForwardKeys(s.in(t)) })
	t.Run("told late", func(t *testing.T) { testToldLate(s.in(t), fatma, dora) })
	t.Run("a phone that is registered no more", func(t *testing.T) { testNoMoreAlerts(s.in(t), fatma, georg, dora) })
	t.Run("a document that is compressed", func(t *testing.T) {
		p := s.in(t).sipPhone("ben", "tcp", nil)
		for method, header := range map[string]string{
			"PUBLISH":   "Event: presence\r\nContent-Type: application/pidf+xml",
			"SUBSCRIBE": "Event: as-feature-event\r\nContent-Type: application/x-as-feature-event+xml",
		} {
			m := p.ask(p.dialog("102"), method, header+"\r\nContent-Encoding: gzip\r\n\r\nx")
			if m.status() != "415" || m.header.Get("Accept-Encoding") != "identity" {
				t.Errorf("%s is answered %s", method, m)
			}
		}
	})
}

// F1, F4, F6: each kind of forward by the phone's key, on and off; one that is refused springs back; what is set at the PBX is shown.
func testForwardKeys(s *site) {
	p := s.sipPhone("ben", "udp", nil)
	d := p.subscribes("102", "as-feature-event", "")
	shown := func(kind, to string, more ...string) []string {
		words := []string{"<forwardingType>" + kind + "</forwardingType>\n<forwardStatus>false<"}
		if to != "" {
			words = []string{"<forwardingType>" + kind + "</forwardingType>\n<forwardStatus>true</forwardStatus>\n<forwardTo>" + to + "<"}
		}
		return append(words, more...)
	}
	_, seen := p.notified(0, "NOTIFY", append(shown("forwardBusy", ""), shown("forwardNoAns", "")...)...)
	presses := func(kind, to, more string, words ...string) {
		s.t.Helper()
		document := `<SetForwarding xmlns="http://www.ecma-international.org/standards/ecma-323/csta/ed3"><device/><forwardingType>` + kind +
			fmt.Sprintf("</forwardingType><activateForward>%v</activateForward><forwardDN>%s</forwardDN>%s</SetForwarding>", to != "", to, more)
		if m := p.ask(d, "SUBSCRIBE", "Event: as-feature-event\r\nContent-Type: application/x-as-feature-event+xml\r\n\r\n"+document); m.status() != "200" {
			s.t.Fatalf("%s to %q: %s", kind, to, m)
		}
		_, seen = p.notified(seen, "NOTIFY", words...)
	}
	has := func(family, want string) {
		s.t.Helper()
		if got := s.stored(family, "102"); got != want {
			s.t.Errorf("%s is %q, want %q", family, got, want)
		}
	}
	presses("forwardBusy", "104", "", shown("forwardBusy", "104")...)
	has("CFB", "104")
	presses("forwardNoAns", "103", "<ringCount>4</ringCount>", shown("forwardNoAns", "103", "<ringCount>4</ringCount>")...)
	has("CFU", "103")
	has("CFUT", "22")
	line := len(s.daemon.log())
	presses("forwardBusy", "0900123", "", shown("forwardBusy", "104")...)
	has("CFB", "104")
	if e := s.daemon.loggedFrom(line, "feature key was refused"); e["person"] != "ben" || e["code"] != "destination_refused" {
		s.t.Errorf("the log says %v", e)
	}
	presses("forwardBusy", "", "", append(shown("forwardBusy", ""), shown("forwardNoAns", "103")...)...)
	has("CFB", "")
	presses("forwardNoAns", "", "", shown("forwardNoAns", "")...)
	has("CFU", "")

	began := time.Now()
	s.database("put CF 102 103")
	m, seen := p.notified(seen, "NOTIFY", shown("forwardImmediate", "103")...)
	if took := m.at.Sub(began); took > keysPoll+slack {
		s.t.Errorf("what was set at the PBX is shown after %v", took)
	}
	s.database("del CF 102")
	p.notified(seen, "NOTIFY", shown("forwardImmediate", "")...)
}

// R7: a group that is told late sees a line that is busy and no caller, and gets no alert, until then; and then both, once.
func testToldLate(s *site, from, rings *softphone.Phone) {
	p := s.sipPhone("hana", "udp", nil)
	p.registers()
	p.subscribes("104", "dialog", "")
	_, seen := p.notified(0, "NOTIFY", "terminated", "-<state>confirmed")
	dialled := time.Now()
	call := s.dial(from, "104")
	s.rings(rings)
	early, next := p.notified(seen, "NOTIFY", "<state>early</state>", "Fatma Aydin")
	text, _ := p.notified(seen, "MESSAGE", "Call for Dora Lind: Fatma Aydin (106)")
	for _, m := range []*sipText{early, text} {
		if took := m.at.Sub(dialled); took < slowAfter || took > slowAfter+slack {
			s.t.Errorf("told after %v: %s", took, m.start)
		}
	}
	s.must("hang up", call.Hangup(s.ctx()))
	p.notified(next, "NOTIFY", "terminated", "-<state>early")
	messages := make(map[string]bool)
	for _, m := range p.all() {
		if m.isRequest("MESSAGE") {
			messages[m.header.Get("Call-Id")] = true
		}
		if m.at.Before(dialled.Add(slowAfter)) && (strings.Contains(m.body, "Fatma") || strings.Contains(m.body, "early")) {
			s.t.Errorf("told too early: %s", m)
		}
	}
	if len(messages) != 1 {
		s.t.Errorf("told of a call by %d messages", len(messages))
	}
}

// RFC 3261, 10.2.2: a phone that has taken its registrations back is alerted no more.
func testNoMoreAlerts(s *site, first, second, rings *softphone.Phone) {
	emil, hana := s.sipPhone("emil", "udp", nil), s.sipPhone("hana", "udp", nil)
	emil.registers()
	hana.registers()
	call := s.dial(first, "104")
	s.rings(rings)
	emil.notified(0, "MESSAGE", "Call for Dora Lind: Fatma Aydin (106)")
	s.must("hang up", call.Hangup(s.ctx()))
	d := emil.dialog("emil")
	d.remote = "sip:" + emil.server
	if m := emil.ask(d, "REGISTER", "Contact: *\r\nExpires: 0\r\n"); m.status() != "200" || m.header.Get("Contact") != "" {
		s.t.Fatalf("it takes back its registrations: %s", m)
	}
	call = s.dial(second, "104")
	s.rings(rings)
	hana.notified(0, "MESSAGE", "Call for Dora Lind: Georg Huber (107)") // long after emil's would have come
	for _, m := range emil.all() {
		if m.isRequest("MESSAGE") && strings.Contains(m.body, "Georg") {
			s.t.Errorf("emil is told: %s", m)
		}
	}
	s.must("hang up", call.Hangup(s.ctx()))
}
