package acceptance

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestSIPRules holds the event server to what the RFCs say of single requests and of how phones are reached.
func TestSIPRules(t *testing.T) {
	t.Parallel()
	s := newSite(t, withSIP(withCommanders(t, same), "anna", "ben", "carla", "emil", "hana"))
	s.storeIsRead()
	t.Run("beside", func(t *testing.T) {
		for name, test := range map[string]func(*site){
			"one connection for each request": testBriefConnections,
			"told over TCP":                   testToldOverTCP,
			"a subscription that lapses":      testLapses,
			"a phone that is silent for good": testSilentForGood,
			"a nonce that is used":            testNonces,
			"a request that comes again":      testComesAgain,
			"ids of events":                   testEventIDs,
			"asked once":                      testFetch,
			"registering":                     testRegistering,
		} {
			t.Run(name, func(t *testing.T) { t.Parallel(); test(s.in(t)) })
		}
	})
	t.Run("what is there no more", func(t *testing.T) { testNoResource(s.in(t)) })
}

// briefPhone has a new connection for each request, which it closes with the answer, and listens at its Contact.
func (s *site) briefPhone(user string) *wirePhone {
	s.t.Helper()
	p := &wirePhone{
		t: s.t, s: s, user: user, password: "sip-" + user, server: s.sipAddr("tcp"), transport: "tcp", local: "127.0.0.1:0",
		news: make(chan struct{}), answer: func(*sipText) (string, string) { return "200 OK", "" },
	}
	p.alsoTCP()
	var work sync.WaitGroup
	s.t.Cleanup(work.Wait)
	p.write = func(request []byte) error {
		c, err := (&net.Dialer{}).DialContext(s.ctx(), "tcp", p.server)
		if err != nil {
			return err
		}
		s.t.Cleanup(func() { _ = c.Close() })
		work.Go(func() {
			defer func() { _ = c.Close() }()
			p.take(bufio.NewReader(c), "its own connection", func([]byte) error { return nil })
		})
		_, err = c.Write(request)
		return err
	}
	return p
}

// RFC 3261, 18: a phone whose connection is gone is told where its Contact takes connections.
func testBriefConnections(s *site) {
	p := s.briefPhone("carla")
	d := p.subscribes("103", "as-feature-event", "")
	first, seen := p.notified(0, "NOTIFY", "<doNotDisturbOn>false<")
	s.done("carla", "dnd.set", `{"person":"carla","on":true}`, true)
	second, seen := p.notified(seen, "NOTIFY", "<doNotDisturbOn>true<")
	p.again(d, "as-feature-event", 0, "")
	last, _ := p.notified(seen, "NOTIFY", "terminated;reason=timeout")
	for _, m := range []*sipText{first, second, last} {
		if m.via != "tcp" {
			s.t.Errorf("told over %s: %s", m.via, m)
		}
	}
	s.done("carla", "dnd.set", `{"person":"carla","on":false}`, true)
}

// RFC 3261, 19.1.1: a phone may ask over UDP to be told over TCP. One that does not listen there is told over UDP.
func testToldOverTCP(s *site) {
	for _, comes := range []string{"tcp", "udp"} {
		p := s.sipPhone("emil", "udp", nil)
		if comes == "tcp" {
			p.alsoTCP()
		}
		p.subscribes("104", "dialog", "Contact: <sip:emil@"+p.local+";transport=tcp>\r\n")
		if m, _ := p.notified(0, "NOTIFY", "terminated"); m.via != comes {
			s.t.Errorf("it comes over %s, want %s", m.via, comes)
		}
	}
}

// RFC 6665, 4.1.3 and 4.2.2: what is not refreshed in time is over, and the phone is told so.
func testLapses(s *site) {
	const least = 60 // seconds; docs/sip.md
	p := s.sipPhone("emil", "udp", nil)
	if m := p.ask(p.dialog("103"), "SUBSCRIBE", fmt.Sprintf("Event: dialog\r\nExpires: %d\r\n", least-1)); m.status() != "423" || m.header.Get("Min-Expires") != fmt.Sprint(least) {
		s.t.Errorf("a second too few: %s", m)
	}
	d := p.dialog("103")
	began := time.Now()
	p.again(d, "dialog", least, "")
	_, seen := p.notified(0, "NOTIFY", "active;expires=", d.callID)
	ctx, cancel := context.WithTimeout(s.t.Context(), least*time.Second+patience)
	defer cancel()
	m, _ := p.awaitUntil(ctx, seen, "the end", func(m *sipText) bool { return m.isRequest("NOTIFY") && m.header.Get("Call-Id") == d.callID })
	if took := m.at.Sub(began); m.header.Get("Subscription-State") != "terminated;reason=timeout" || took < least*time.Second || took > (least+5)*time.Second {
		s.t.Errorf("after %v: %s", took, m)
	}
	if m := p.ask(d, "SUBSCRIBE", "Event: dialog\r\n"); m.status() != "481" {
		s.t.Errorf("a refresh of what is over: %s", m)
	}
}

// RFC 3261, 17.1.2.2; RFC 6665, 4.2.2: a phone that is silent for 32 s is gone with all its subscriptions, and no other is.
func testSilentForGood(s *site) {
	const figure, tries = `supervisiond_sip_subscriptions{event="presence"}`, 11 // at 0, 0.5, 1.5, 3.5 s and then every 4 s
	q := s.sipPhone("hana", "udp", nil)
	other := q.subscribes("109", "presence", "")
	_, heard := q.notified(0, "NOTIFY", "<basic>closed</basic>")
	p := s.sipPhone("emil", "udp", nil)
	p.answer = func(m *sipText) (string, string) { return "", "" }
	first, second := p.subscribes("103", "presence", ""), p.subscribes("104", "presence", "")
	s.figure(figure + " 3")
	line, seen := len(s.daemon.log()), 0
	for range tries {
		seen = p.lamp(first, seen, "Cseq:[1 NOTIFY]")
	}
	s.figure(figure + " 1")
	if e := s.daemon.loggedFrom(line, "a phone is gone"); e["person"] != "emil" {
		s.t.Errorf("the log says %v", e)
	}
	for _, d := range []*wireDialog{first, second} {
		if m := p.ask(d, "SUBSCRIBE", "Event: presence\r\n"); m.status() != "481" {
			s.t.Errorf("a refresh of what is over: %s", m)
		}
	}
	q.again(other, "presence", 0, "")
	q.notified(heard, "NOTIFY", "terminated;reason=timeout")
}

// RFC 6665, 4.1.3: who sees a group or a person that a reload has removed is told that there is no such thing.
func testNoResource(s *site) {
	p := s.sipPhone("hana", "udp", nil)
	list, igor := p.subscribes("desk", "presence", eventList), p.subscribes("109", "dialog", "")
	p.lamp(list, 0, "active;")
	seen := p.lamp(igor, 0, "active;")
	s.reloadedWith(func(yaml string) string {
		before, after, _ := strings.Cut(yaml, "  desk:\n")
		_, after, _ = strings.Cut(after, "members: [igor]\n")
		return before + after
	})
	p.lamp(list, seen, "terminated;reason=noresource", "-igor")
	p.lamp(igor, seen, "terminated;reason=rejected", "-<dialog ")
	if m := p.ask(p.dialog("desk"), "SUBSCRIBE", "Event: presence\r\n"+eventList); m.status() != "404" {
		s.t.Errorf("a group that is there no more: %s", m)
	}
}
