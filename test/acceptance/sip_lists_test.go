package acceptance

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"supervisiond/test/lampboard"
	"supervisiond/test/softphone"
)

// isList: an answer or a NOTIFY says that it is one of a list (RFC 4662, 4.1).
func (p *wirePhone) isList(m *sipText) {
	p.t.Helper()
	if got := m.header["Require"]; !slices.Equal(got, []string{"eventlist"}) {
		p.t.Errorf("of a list %s requires %q", m.start, got)
	}
}

// manyPeople is a group whose list is too long for any datagram, and of tooMany even the names are.
const (
	manyPeople = 200
	tooMany    = 600
)

// withMany adds a group of so many people.
func withMany(yaml string, size int) string {
	var people, members []string
	for i := range size {
		people = append(people, fmt.Sprintf("  m%d: {name: Member Number %d, extension: \"%d\", endpoints: [PJSIP/%d]}\n", i, i, 300+i, 300+i))
		members = append(members, fmt.Sprintf("m%d", i))
	}
	group := fmt.Sprintf("  many: {name: Alle, number: \"9\", type: standard, supervisors: [emil], members: [%s]}\n", strings.Join(members, ", "))
	yaml = strings.Replace(yaml, "groups:\n", strings.Join(people, "")+"groups:\n"+group, 1)
	yaml += fmt.Sprintf("limits: {people_per_group: %d}\n", size+1)
	return strings.Replace(yaml, "{sip: {password: sip-anna}", "{sip: {password: sip-anna, alerts: true}", 1)
}

// TestSIPLists is about lists that phones subscribe to, and about what rings several people of one.
func TestSIPLists(t *testing.T) {
	t.Parallel()
	o := withSIP(withCommanders(t, same), "anna", "emil")
	before := o.configure
	o.configure = func(yaml string) string { return withMany(before(yaml), manyPeople) }
	s := newSite(t, o)
	phones := make(map[string]*softphone.Phone)
	for _, user := range []string{"102", "103", "104", "106"} {
		phones[user] = s.phone(user)
	}
	t.Run("what phones accept", func(t *testing.T) { testAccept(s.in(t)) })
	t.Run("a list beyond a datagram", func(t *testing.T) { testBeyondDatagram(s.in(t)) })
	t.Run("a call for several", func(t *testing.T) { testCallForSeveral(s.in(t), phones) })
}

// RFC 4662, 4.1 and 4.3: who takes no list, or none of such documents, is told what it would need; who does not say all of it gets
// one all the same. One person is no list, whatever a phone understands.
func testAccept(s *site) {
	p := s.sipPhone("anna", "udp", nil)
	for _, c := range []struct{ event, accept, code, has string }{
		{"dialog", "text/plain", "406", "application/dialog-info+xml, application/rlmi+xml, multipart/related"},
		{"presence", "application/dialog-info+xml, application/rlmi+xml, multipart/related", "406", "application/pidf+xml, application/rlmi+xml, multipart/related"},
		{"presence", "application/pidf+xml, application/rlmi+xml, multipart/related", "200", ""},
		{"dialog", "application/dialog-info+xml", "200", ""},
		{"dialog", "multipart/related", "200", ""},
	} {
		d := p.dialog("sales")
		m := p.ask(d, "SUBSCRIBE", "Event: "+c.event+"\r\nExpires: 0\r\nSupported: eventlist\r\nAccept: "+c.accept+"\r\n")
		if m.status() != c.code || m.header.Get("Accept") != c.has {
			s.t.Errorf("%s with %q: %s", c.event, c.accept, m)
		}
		if c.code == "200" {
			p.isList(m)
		}
	}
	if m := p.again(p.dialog("102"), "dialog", 0, eventList); m.header.Get("Require") != "" {
		s.t.Errorf("one person's is answered %s", m)
	}
	n, _ := p.notified(0, "NOTIFY", "<dialog-info ", "-multipart/")
	if n.header.Get("Require") != "" {
		s.t.Errorf("one person's NOTIFY is %s", n)
	}
}

var toldOf = regexp.MustCompile(`<presence [^>]*entity="([^"]*)"`)

// RFC 4662, 5.2: a phone without TCP is told of so many that no datagram can carry it, one part after the other, each in one; what else
// it has subscribed to is not disturbed. Who asks once is told all, too.
func testBeyondDatagram(s *site) {
	p := s.sipPhone("emil", "udp", nil)
	one := p.subscribes("102", "presence", "")
	p.notified(0, "NOTIFY", "presence", "<basic>open</basic>")
	for seconds, ends := range map[int]string{3600: "active;expires=", 0: "terminated;reason=timeout"} {
		seen := p.mark()
		p.again(p.dialog("many"), "presence", seconds, eventList)
		p.isToldInParts(seen, manyPeople, ends)
	}
	p.again(one, "presence", 0, "")
	for _, line := range s.daemon.log() {
		if strings.Contains(line, "a phone is gone") || strings.Contains(line, "too long for a phone") {
			s.t.Errorf("the log says: %s", line)
		}
	}
}

// isToldInParts waits for all parts of a list, of which the last has a state. Each of the people is told of once.
func (p *wirePhone) isToldInParts(from, people int, ends string) {
	p.t.Helper()
	told := make(map[string]int)
	for version := 0; len(told) < people; version++ {
		var m *sipText
		m, from = p.notified(from, "NOTIFY", fmt.Sprintf(`version="%d" fullState="%v"`, version, version == 0))
		p.isList(m)
		if n := strings.Count(m.body, "<resource "); version == 0 && n != people {
			p.t.Errorf("the first names %d people", n)
		}
		for _, who := range toldOf.FindAllStringSubmatch(m.body, -1) {
			told[who[1]]++
		}
		if state := m.header.Get("Subscription-State"); version > 10 || m.via != p.transport || len(told) == people && (version == 0 || !strings.HasPrefix(state, ends)) {
			p.t.Errorf("number %d is %s, comes over %s, and %d people are told of", version, state, m.via, len(told))
		}
	}
	for who, times := range told {
		if times != 1 {
			p.t.Errorf("%s is told %d times", who, times)
		}
	}
}

// A list of which the names alone are too much for a datagram ends on a phone without TCP, and the log says what to do; the phone's other
// lamps are not disturbed. Over TCP it comes.
func TestSIPListTooLong(t *testing.T) {
	t.Parallel()
	o := withSIP(withCommanders(t, same), "emil")
	before := o.configure
	o.configure = func(yaml string) string { return withMany(before(yaml), tooMany) }
	s := newSite(t, o)
	p := s.sipPhone("emil", "udp", nil)
	one := p.subscribes("102", "presence", "")
	p.notified(0, "NOTIFY", "<basic>closed</basic>")
	seen := p.mark()
	p.subscribes("many", "presence", eventList)
	if m, _ := p.notified(seen, "NOTIFY"); m.header.Get("Subscription-State") != "terminated;reason=rejected" || m.body != "" {
		t.Errorf("the phone is told %s", m)
	}
	s.daemon.logged("a list is too long for a phone")
	s.phone("102")
	p.notified(seen, "NOTIFY", "<basic>open</basic>")
	p.again(one, "presence", 0, "")

	q := s.sipPhone("emil", "tcp", nil)
	q.subscribes("many", "presence", eventList)
	q.isToldInParts(0, tooMany, "active;expires=")
}

// R1, S6, RFC 4235: what rings several people flashes at the lamp of each with who calls; one answers, and the others go dark. In words it
// is said once, with how it came.
func testCallForSeveral(s *site, phones map[string]*softphone.Phone) {
	board := s.board("anna")
	words := s.sipPhone("anna", "udp", nil)
	words.registers()
	list := s.subscribed(board, "sales", "dialog", eventList)
	s.lampShows(list, `fullState="true"`)
	for _, c := range []struct{ number, via, answers, others string }{
		{"700", "ring group 700", "103", "102 104"},
		{"800", "queue support (800)", "102", "103"},
	} {
		mark := words.mark()
		answers, others := s.subscribed(board, c.answers, "dialog", ""), s.boardOf(board, c.others)
		call := s.dial(phones["106"], c.number)
		s.lampShows(answers, "<state>early</state>", "Fatma Aydin", "sip:106@")
		for _, l := range others {
			s.lampShows(l, "<state>early</state>", "Fatma Aydin", "sip:106@")
		}
		words.notified(mark, "MESSAGE", "Fatma Aydin (106), "+c.via)
		ringing := s.rings(phones[c.answers])
		s.must("answer", ringing.Answer())
		s.lampShows(answers, "<state>confirmed</state>", "Fatma Aydin", "-early")
		for _, l := range others {
			s.lampShows(l, "terminated", "-early", "-confirmed", "-Fatma")
			s.ended(s.rings(phones[l.Target]))
		}
		s.must("hang up", call.Hangup(s.ctx()))
		s.lampShows(answers, "terminated", "-confirmed")
		said := make(map[string]bool) // one may come twice over UDP
		for _, m := range words.all()[mark:] {
			if m.isRequest("MESSAGE") {
				said[m.header.Get("Call-Id")] = true
				if strings.Count(m.body, c.via) != 1 {
					s.t.Errorf("%s is told as %q", c.number, m.body)
				}
			}
		}
		if len(said) != 1 {
			s.t.Errorf("%s is told in words %d times", c.number, len(said))
		}
	}
}

// boardOf has a board show some lines.
func (s *site) boardOf(b *lampboard.Board, lines string) []*lampboard.Lamp {
	s.t.Helper()
	var all []*lampboard.Lamp
	for _, line := range strings.Fields(lines) {
		all = append(all, s.subscribed(b, line, "dialog", ""))
	}
	return all
}

// RFC 4662, 5.2: in a compact list who logs out is not there any more, and nothing is told of them until they are back: over TCP, of
// dialogs and of presence.
func TestSIPCompactLists(t *testing.T) {
	t.Parallel()
	o := withSIP(withCommanders(t, same), "anna")
	before := o.configure
	o.configure = func(yaml string) string {
		return strings.Replace(before(yaml), "sip: {listen: [", "sip: {list: compact, listen: [", 1)
	}
	s := newSite(t, o)
	ben, fatma := s.phone("102"), s.phone("106")
	dialogs, presence, alone := s.sipPhone("anna", "tcp", nil), s.sipPhone("anna", "tcp", nil), s.sipPhone("anna", "tcp", nil)
	alone.subscribes("ben", "presence", "")
	dialogs.subscribes("sales", "dialog", eventList)
	presence.subscribes("sales", "presence", eventList)
	const whole, part = `fullState="true"`, `fullState="false"`
	_, free := alone.notified(0, "NOTIFY", "<basic>open</basic>")
	_, d := dialogs.notified(0, "NOTIFY", whole, `version="0"`, "Ben Okafor", "Carla Diaz", "Dora Lind")
	_, p := presence.notified(0, "NOTIFY", whole, `version="0"`, "Ben Okafor", "Carla Diaz", "Dora Lind", "<basic>open</basic>")

	call := s.dial(fatma, "102")
	s.rings(ben)
	_, d = dialogs.notified(d, "NOTIFY", part, "Ben Okafor", "-Carla", "<state>early</state>", "Fatma Aydin")
	_, p = presence.notified(p, "NOTIFY", part, "Ben Okafor", "-Carla", "on-the-phone")
	_, busy := alone.notified(free, "NOTIFY", "on-the-phone")
	s.done("ben", "group.leave", `{"group":"sales"}`, true)
	without := []string{whole, "-Ben Okafor", "-sip:102@", "-Fatma", "-early", "-on-the-phone", "Carla Diaz", "Dora Lind"}
	_, d = dialogs.notified(d, "NOTIFY", without...)
	_, p = presence.notified(p, "NOTIFY", without...)
	s.must("hang up", call.Hangup(s.ctx()))
	_, free = alone.notified(busy, "NOTIFY", "<basic>open</basic>", "-on-the-phone")

	call = s.dial(fatma, "102")
	s.rings(ben)
	alone.notified(free, "NOTIFY", "on-the-phone")
	s.done("ben", "group.join", `{"group":"sales"}`, true)
	with := []string{whole, "Ben Okafor", "sip:102@", "Carla Diaz", "Dora Lind"}
	_, d2 := dialogs.notified(d, "NOTIFY", append(with, "<state>early</state>", "Fatma Aydin")...)
	_, p2 := presence.notified(p, "NOTIFY", append(with, "on-the-phone")...)
	for _, between := range [][]*sipText{dialogs.all()[d : d2-1], presence.all()[p : p2-1]} {
		for _, m := range between {
			if m.isRequest("NOTIFY") {
				t.Errorf("of a member who is logged out is told: %s", m)
			}
		}
	}
	s.must("hang up", call.Hangup(s.ctx()))
	dialogs.notified(d2, "NOTIFY", part, "sip:102@", "terminated", "-early")
}
