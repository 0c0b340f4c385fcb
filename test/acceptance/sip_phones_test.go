package acceptance

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"supervisiond/test/lab"
	"supervisiond/test/softphone"
)

// crowd is a group of forty whose list is too long for a datagram. Hana sees ben through another group, and of him no calls of 106's.
const (
	crowdSize = 40
	quiet     = `
  quiet: {name: Leise, number: "3", type: standard, supervisors: [hana], members: [ben], calls: {except_callers: ["^106$"]}}
`
)

func withCrowd(yaml string) string {
	var people, members []string
	for i := range crowdSize {
		people = append(people, fmt.Sprintf("  m%d: {name: Member Number %d, extension: \"%d\", endpoints: [PJSIP/%d]}\n", i, i, 300+i, 300+i))
		members = append(members, fmt.Sprintf("m%d", i))
	}
	crowd := fmt.Sprintf("  crowd: {name: Alle, number: \"9\", type: standard, supervisors: [emil], members: [%s]}", strings.Join(members, ", "))
	yaml = strings.Replace(yaml, "groups:\n", strings.Join(people, "")+"groups:\n"+crowd+quiet, 1)
	yaml = strings.Replace(yaml, "{sip: {password: sip-anna}", "{language: de, sip: {password: sip-anna, alerts: true}", 1)
	yaml = strings.Replace(yaml, "{sip: {password: sip-emil}", "{sip: {password: sip-emil, alerts: true}", 1)
	return strings.Replace(yaml, "{sip: {password: sip-georg}", "{admin: true, sip: {password: sip-georg, alerts: true}", 1)
}

// TestSIPPhones has phones of several kinds do on one site what phones do.
func TestSIPPhones(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	cert, key := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	c, k, trusted := newCertificate(t)
	must(t, os.WriteFile(cert, c, 0o600))
	must(t, os.WriteFile(key, k, 0o600))
	o := withSIP(withCommanders(t, same), "anna", "ben", "emil", "georg", "hana")
	before := o.configure
	o.configure = func(yaml string) string {
		yaml = strings.Replace(before(yaml), `sip: {listen: [`, fmt.Sprintf(`sip: {tls: {cert_file: %q, key_file: %q}, listen: ["tls://127.0.0.1:0", `, cert, key), 1)
		return withCrowd(yaml)
	}
	s := newSite(t, o)
	s.storeIsRead()
	phones := make(map[string]*softphone.Phone)
	for _, user := range []string{"101", "102", "106", "110"} {
		phones[user] = s.phone(user)
	}
	phones[lab.Trunk] = s.outside()
	trust := &tls.Config{RootCAs: trusted, MinVersion: tls.VersionTLS12}
	// What needs no calls goes on beside them.
	t.Run("beside", func(t *testing.T) {
		t.Run("SIPp", func(t *testing.T) { t.Parallel(); testSIPp(t, s) })
		t.Run("large lists", func(t *testing.T) { t.Parallel(); testLargeLists(s.in(t), trust) })
		t.Run("a proxy's connection", func(t *testing.T) { t.Parallel(); testProxyConnection(s.in(t), trust) })
		t.Run("a phone that is silent", func(t *testing.T) { t.Parallel(); testSilent(s.in(t)) })
		t.Run("a connection that ends", func(t *testing.T) { t.Parallel(); testConnectionEnds(s.in(t)) })
		t.Run("publishing", func(t *testing.T) { t.Parallel(); testPublishing(s.in(t)) })
		t.Run("calls", func(t *testing.T) {
			t.Parallel()
			t.Run("alerts", func(t *testing.T) { testAlerts(s.in(t), phones) })
			t.Run("two viewers", func(t *testing.T) { testViewers(s.in(t), phones) })
			t.Run("a lamp key picks up", func(t *testing.T) { testLampKey(s.in(t), phones) })
		})
	})
}

// RFC 3261, 18.1.1; RFC 4662: a list that is too long for a datagram comes whole: on the phone's connection, over TCP where the
// phone takes it, and otherwise in fragments.
func testLargeLists(s *site, trust *tls.Config) {
	if _, err := (&tls.Dialer{Config: &tls.Config{RootCAs: x509.NewCertPool(), MinVersion: tls.VersionTLS12}}).DialContext(s.ctx(), "tcp", s.sipAddr("tls")); err == nil {
		s.t.Error("a phone that trusts nobody trusts the daemon")
	}
	for _, c := range []struct {
		transport, comes string
		also             bool
	}{{"tls", "tls", false}, {"tcp", "tcp", false}, {"udp", "tcp", true}, {"udp", "udp", false}} {
		s.t.Run(fmt.Sprintf("%s with a listener %v", c.transport, c.also), func(t *testing.T) {
			t.Parallel()
			s := s.in(t)
			p := s.sipPhone("emil", c.transport, trust)
			if c.also {
				p.alsoTCP()
			}
			d := p.dialog("crowd")
			p.isList(p.again(d, "dialog", 3600, eventList))
			n, next := p.notified(0, "NOTIFY", "active;", `fullState="true"`)
			p.isList(n)
			if n.via != c.comes || len(n.body) < 1300 || strings.Count(n.body, "<resource ") != crowdSize || strings.Count(n.body, "<dialog-info ") != crowdSize {
				t.Errorf("a list of %d bytes over %s with %d people and %d lines", len(n.body), n.via, strings.Count(n.body, "<resource "), strings.Count(n.body, "<dialog-info "))
			}
			p.isList(p.again(d, "dialog", 0, eventList))
			n, next = p.notified(next, "NOTIFY", "terminated;reason=timeout")
			p.isList(n)
			for _, m := range p.all()[:next-1] {
				if m.isRequest("NOTIFY") && m.header.Get("Cseq") == n.header.Get("Cseq") {
					t.Errorf("it was answered, and came again: %s", m.start)
				}
			}
		})
	}
}

// RFC 5923: a proxy that recorded an address at which it takes no connections, or none from here, has its own. A refresh does not name
// the way again.
func testProxyConnection(s *site, trust *tls.Config) {
	for _, transport := range []string{"tcp", "tls"} {
		p := s.sipPhone("emil", transport, trust)
		way := "<sip:proxy.invalid;transport=" + transport + ";lr>"
		d := p.subscribes("103", "presence", "Record-Route: "+way+"\r\nContact: <sip:emil@10.9.9.9>\r\n")
		_, seen := p.notified(0, "NOTIFY sip:emil@10.9.9.9", way)
		p.again(d, "presence", 0, "Contact: <sip:emil@10.9.9.8>\r\n")
		p.notified(seen, "NOTIFY sip:emil@10.9.9.8", way, "terminated;reason=timeout")
	}
}

// RFC 3261, 17.1.2.2: a NOTIFY without an answer comes again after 0.5, 1, 2 and 4 s; RFC 6665, 4.2.2: 481 ends it all.
func testSilent(s *site) {
	const tries = 5
	p := s.sipPhone("emil", "udp", nil)
	seen := 0
	p.answer = func(m *sipText) (string, string) { // on the phone's own goroutine
		if seen++; seen < tries {
			return "", ""
		}
		return "481 Subscription Does Not Exist", ""
	}
	began := time.Now()
	d := p.subscribes("103", "presence", "")
	first, next := p.notified(0, "NOTIFY")
	for i, want := range []time.Duration{500 * time.Millisecond, 1500 * time.Millisecond, 3500 * time.Millisecond, 7500 * time.Millisecond} {
		m, after := p.notified(next, "NOTIFY")
		if took := m.at.Sub(began); took < want || took > want+slack || m.header.Get("Via") != first.header.Get("Via") || m.header.Get("Cseq") != "1 NOTIFY" {
			s.t.Errorf("try %d came after %v, want %v: %v", i+2, took, want, m.header)
		}
		next = after
	}
	if m := p.ask(d, "SUBSCRIBE", "Event: presence\r\n"); m.status() != "481" {
		s.t.Errorf("a refresh of what is over is answered %s", m.start)
	}
}

// A phone that closes its connection is gone with the next NOTIFY, which is sent to nobody; connected anew it subscribes anew.
func testConnectionEnds(s *site) {
	p := s.sipPhone("emil", "tcp", nil)
	d := p.subscribes("105", "as-feature-event", "")
	p.notified(0, "NOTIFY", "<doNotDisturbOn>false<")
	const figure = `supervisiond_sip_subscriptions{event="as-feature-event"}`
	s.figure(figure + " 1")
	must(s.t, p.close())
	s.done("emil", "dnd.set", `{"person":"emil","on":true}`, true)
	s.figure(figure + " 0")
	q := s.sipPhone("emil", "tcp", nil)
	if m := q.ask(d, "SUBSCRIBE", "Event: as-feature-event\r\n"); m.status() != "481" {
		s.t.Errorf("a refresh of what is over is answered %s", m.start)
	}
	q.subscribes("105", "as-feature-event", "")
	q.notified(0, "NOTIFY", "<doNotDisturbOn>true<")
	s.done("emil", "dnd.set", `{"person":"emil","on":false}`, true)
	q.notified(0, "NOTIFY", "<doNotDisturbOn>false<")
}

func (p *wirePhone) registers() {
	p.t.Helper()
	d := p.dialog(p.user)
	d.remote = "sip:" + p.server
	if m := p.ask(d, "REGISTER", "Expires: 120\r\n"); m.status() != "200" || !strings.Contains(fmt.Sprint(m.header["Contact"]), p.local) {
		p.t.Fatalf("%s registers: %s", p.user, m)
	}
}

var digits = regexp.MustCompile(`[0-9]{3}`)

// R4, S6, P1: who may pick up is told by MESSAGE who calls whom, in their language, on each phone by itself, and nobody else is.
func testAlerts(s *site, phones map[string]*softphone.Phone) {
	// Anna has a phone that does not answer, and one that does.
	silent, good := s.sipPhone("anna", "udp", nil), s.sipPhone("anna", "tcp", nil)
	silent.answer = func(*sipText) (string, string) { return "", "" }
	emil, georg := s.sipPhone("emil", "udp", nil), s.sipPhone("georg", "udp", nil)
	for _, p := range []*wirePhone{silent, good, emil, georg} {
		p.registers()
	}
	s.done("emil", "group.leave", `{"group":"sales"}`, true)
	s.alerted(good, func() *softphone.Call { return s.dial(phones["106"], "102") }, phones["102"], "Anruf für Ben Okafor: Fatma Aydin (106)")
	silent.notified(0, "MESSAGE", "Fatma Aydin (106)")
	n := s.alerted(good, func() *softphone.Call {
		return s.dial(phones[lab.Trunk], "4930102", softphone.From("+4930777", "Geheim"), softphone.AssertedIdentity("+4930777", "Geheim"), softphone.Privacy("id"))
	}, phones["102"], "Anruf für Ben Okafor: Nummer unterdrückt")
	if digits.MatchString(n.body) || strings.Contains(n.String(), "Geheim") || strings.Contains(n.String(), "30777") {
		s.t.Errorf("a withheld caller is told of: %s", n)
	}
	if _, ok := n.header["Contact"]; ok || n.header.Get("Content-Type") != "text/plain;charset=UTF-8" {
		s.t.Errorf("the MESSAGE is %s", n)
	}
	for _, p := range []*wirePhone{emil, georg} {
		for _, m := range p.all() {
			if m.isRequest("MESSAGE") {
				s.t.Errorf("%s may not pick up, and is told: %s", p.user, m)
			}
		}
	}
	// Who logs in while it rings is told then, and once.
	late := s.dial(phones["106"], "102")
	s.rings(phones["102"])
	mark := emil.mark()
	s.done("emil", "group.join", `{"group":"sales"}`, true)
	emil.notified(mark, "MESSAGE", "Call for Ben Okafor: Fatma Aydin (106)")
	s.done("emil", "group.leave", `{"group":"sales"}`, true)
	s.done("emil", "group.join", `{"group":"sales"}`, true)
	s.must("hang up", late.Hangup(s.ctx()))
	mark = emil.mark()
	s.alerted(good, func() *softphone.Call { return s.dial(phones["106"], "102") }, phones["102"], "Fatma Aydin (106)")
	emil.notified(mark, "MESSAGE", "Call for Ben Okafor: Fatma Aydin (106)")
	messages := make(map[string]bool) // one may come twice over UDP
	for _, m := range emil.all() {
		if m.isRequest("MESSAGE") {
			messages[m.header.Get("Call-Id")] = true
		}
	}
	if len(messages) != 2 {
		s.t.Errorf("emil is told of two calls %d times", len(messages))
	}
	if all := georg.all(); len(all) != 2 { // REGISTER's answers
		s.t.Errorf("a company administrator who supervises nobody is told: %v", all)
	}
}

// alerted makes a call ring, waits until a phone was told, in time, and ends it.
func (s *site) alerted(good *wirePhone, dial func() *softphone.Call, rings *softphone.Phone, words string) *sipText {
	s.t.Helper()
	from := good.mark()
	call := dial()
	s.rings(rings)
	rang := time.Now()
	n, _ := good.notified(from, "MESSAGE", words)
	if took := n.at.Sub(rang); took > slack { // a phone that does not answer is told again for 32 s
		s.t.Errorf("the alert took %v: another phone does not answer", took)
	}
	s.must("hang up", call.Hangup(s.ctx()))
	return n
}

// S7, R4, R7: who sees a member through a group whose calls are limited sees that the line is busy, and of such a call no more.
func testViewers(s *site, phones map[string]*softphone.Phone) {
	anna, hana := s.board("anna"), s.board("hana")
	all, some := s.subscribed(anna, "102", "dialog", ""), s.subscribed(hana, "102", "dialog", "")
	list := s.subscribed(hana, "quiet", "dialog", eventList)
	s.lampShows(all, "terminated", "-confirmed")
	s.lampShows(some, "terminated", "-confirmed")
	call := s.dial(phones["106"], "102")
	ringing := s.rings(phones["102"])
	s.lampShows(all, "<state>early</state>", "Fatma Aydin")
	s.lampShows(some, "<state>confirmed</state>", "-early", "-remote")
	s.must("answer", ringing.Answer())
	s.lampShows(all, "<state>confirmed</state>", "Fatma Aydin")
	s.must("hang up", call.Hangup(s.ctx()))
	s.lampShows(all, "terminated", "-confirmed")
	s.lampShows(some, "terminated", "-confirmed")
	for _, n := range append(some.Notices(), list.Notices()...) {
		if strings.Contains(n.Body, "106") || strings.Contains(n.Body, "Fatma") {
			s.t.Errorf("a call that is none of hana's business:\n%s", n.Body)
		}
	}
	call = s.dial(phones["110"], "102")
	s.rings(phones["102"])
	s.lampShows(all, "<state>early</state>", "Julia Costa")
	s.lampShows(some, "<state>early</state>", "Julia Costa")
	s.lampShows(list, "<state>early</state>", "Julia Costa")
	s.must("hang up", call.Hangup(s.ctx()))
}

// P1: a lamp key is at the account here, so pressing it dials here, is sent on to the PBX, and picks up there.
func testLampKey(s *site, phones map[string]*softphone.Phone) {
	second := softphone.Start(s.t, softphone.Options{User: "anna", Password: "sip-anna", Server: s.sipAddr("udp")})
	lamp, err := second.Subscribe(s.ctx(), "102", "dialog")
	s.must("subscribe", err)
	call := s.dial(phones["106"], "102")
	s.rings(phones["102"])
	s.must("the lamp blinks", lamp.Wait(s.ctx(), softphone.LampBlinks))
	press := s.dial(second, "*20102")
	end := s.ended(press)
	if want := "<sip:*20102@" + s.pbx.SIPAddr() + ">"; end.Code != 302 || len(end.Contact) != 1 || end.Contact[0] != want {
		s.t.Fatalf("the key is answered %+v, want 302 to %s", end, want)
	}
	to, _, _ := strings.Cut(strings.TrimPrefix(end.Contact[0], "<sip:"), "@")
	picked := s.dial(phones["101"], to)
	s.talk(call, picked)
	s.must("the lamp goes out", lamp.Wait(s.ctx(), softphone.LampOff))
	if end := s.ended(s.dial(second, "ben")); end.Code != 302 || len(end.Contact) != 1 || !strings.HasPrefix(end.Contact[0], "<sip:102@") {
		s.t.Errorf("ben's name is answered %+v", end)
	}
	s.must("hang up", call.Hangup(s.ctx()))
}
