package acceptance

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/icholy/digest"
)

// challenge asks to be asked for a secret.
func (p *wirePhone) challenge(d *wireDialog) *digest.Challenge {
	p.t.Helper()
	m := p.askOnce(d, "OPTIONS", "")
	c, err := digest.FindChallenge(http.Header{"Www-Authenticate": m.header["Www-Authenticate"]})
	p.s.must("challenge", err)
	return c
}

// proves makes credentials of a challenge, with a count.
func (p *wirePhone) proves(d *wireDialog, c *digest.Challenge, method string, count int) string {
	p.t.Helper()
	made, err := digest.Digest(c, digest.Options{Method: method, URI: d.remote, Username: p.user, Password: p.password, Count: count})
	p.s.must("digest", err)
	return "Authorization: " + made.String() + "\r\n"
}

// RFC 7616, 3.3 and 5.4: a count of a nonce is good for one request, and a nonce of another run for none. The phone is told that its
// secret was right, and with the new nonce it is let in.
func testNonces(s *site) {
	p := s.sipPhone("ben", "tcp", nil)
	d := p.dialog("102")
	nonce := p.challenge(d)
	first := p.proves(d, nonce, "OPTIONS", 1)
	foreign := *nonce
	foreign.Nonce = strings.Repeat("A", len(nonce.Nonce))
	for _, c := range []struct{ what, authorization, status, stale string }{
		{"a new count", first, "200", ""},
		{"the same again", first, "401", "stale=true"},
		{"the next one", p.proves(d, nonce, "OPTIONS", 2), "200", ""},
		{"a nonce of another run", p.proves(d, &foreign, "OPTIONS", 1), "401", "stale=true"},
		{"no secret", "", "401", ""},
	} {
		m := p.askOnce(d, "OPTIONS", c.authorization)
		says := strings.Join(m.header["Www-Authenticate"], " ")
		if m.status() != c.status || strings.Contains(says, "stale=true") != (c.stale != "") {
			s.t.Errorf("%s: %s", c.what, m)
		}
	}
}

// request writes a request that is sent by hand: more are header lines.
func (p *wirePhone) request(d *wireDialog, method, branch string, seq int, more string) string {
	return fmt.Sprintf("%s %s SIP/2.0\r\nVia: SIP/2.0/%s %s;rport;branch=z9hG4bK%s\r\nMax-Forwards: 70\r\nFrom: <sip:%s@%s>;tag=t%s\r\nTo: %s\r\n"+
		"Call-ID: %s\r\nCSeq: %d %s\r\n%sContent-Length: 0\r\n\r\n", method, d.remote, strings.ToUpper(p.transport), p.local, branch, p.user,
		p.server, d.callID[:8], d.to, d.callID, seq, method, more)
}

// says sends that, and gives the answer with its branch.
func (p *wirePhone) says(request, branch string) *sipText {
	p.t.Helper()
	from := p.mark()
	p.s.must("send", p.write([]byte(request)))
	m, _ := p.await(from, "an answer", func(m *sipText) bool {
		return strings.HasPrefix(m.start, "SIP/2.0 ") && strings.Contains(m.header.Get("Via"), branch)
	})
	return m
}

// RFC 3261, 17.2.2 and 8.2.2.2: what comes again as it was is answered as it was, and does nothing anew; what comes again on another way
// is a request that was forked, and is looked at once.
func testComesAgain(s *site) {
	p := s.sipPhone("emil", "udp", nil)
	d := p.dialog("103")
	more := p.proves(d, p.challenge(d), "SUBSCRIBE", 1) + "Event: dialog\r\nContact: <sip:emil@" + p.local + ">\r\n"
	first := p.says(p.request(d, "SUBSCRIBE", "one", 7, more), "z9hG4bKone")
	if first.status() != "200" {
		s.t.Fatal(first)
	}
	_, seen := p.notified(0, "NOTIFY", d.callID)
	again := p.says(p.request(d, "SUBSCRIBE", "one", 7, more), "z9hG4bKone")
	if fmt.Sprint(again.header) != fmt.Sprint(first.header) {
		s.t.Errorf("it was answered %s\nand sent again %s", first, again)
	}
	if m := p.says(p.request(d, "SUBSCRIBE", "other", 7, more), "z9hG4bKother"); m.status() != "482" {
		s.t.Errorf("on another way: %s", m)
	}
	d.to = first.header.Get("To")
	contact, _, _ := strings.Cut(first.header.Get("Contact"), ">")
	d.remote = strings.TrimPrefix(contact, "<")
	p.mu.Lock()
	p.seq = 7
	p.mu.Unlock()
	p.again(d, "dialog", 0, "")
	p.lamp(d, seen, "terminated;reason=timeout")
	notifies := make(map[string]bool)
	for _, m := range p.all() {
		if m.isRequest("NOTIFY") {
			notifies[m.header.Get("To")+m.header.Get("From")+m.header.Get("Cseq")] = true
		}
	}
	if len(notifies) != 2 {
		s.t.Errorf("of one subscription, and its end, it is told %d times", len(notifies))
	}
}

// RFC 6665, 4.5.1 and 8.2.1: each subscription has a dialog of its own, and what is told of it has the id that it was made with.
func testEventIDs(s *site) {
	p := s.sipPhone("emil", "udp", nil)
	for _, id := range []string{"a1", "b2"} {
		d := p.subscribes("104", "dialog;id="+id, "")
		seen := p.lamp(d, 0, "active;", "dialog;id="+id)
		other := *d
		for _, event := range []string{"dialog", "dialog;id=zz"} {
			if m := p.ask(&other, "SUBSCRIBE", "Event: "+event+"\r\n"); m.status() != "481" {
				s.t.Errorf("%s in the dialog of dialog;id=%s: %s", event, id, m)
			}
		}
		p.again(d, "dialog;id="+id, 0, "")
		p.lamp(d, seen, "terminated;reason=timeout", "dialog;id="+id)
	}
}

// RFC 6665, 4.4.3; RFC 4662: who asks once is told all once, also of a list.
func testFetch(s *site) {
	p := s.sipPhone("emil", "tcp", nil)
	for target, words := range map[string][]string{"104": nil, "sales": {`fullState="true"`, "Ben Okafor", "Dora Lind"}} {
		d := p.dialog(target)
		p.again(d, "dialog", 0, eventList)
		seen := p.lamp(d, 0, append(words, "terminated;reason=timeout", `version="0"`)...)
		if m := p.ask(d, "SUBSCRIBE", "Event: dialog\r\n"+eventList); m.status() != "481" {
			s.t.Errorf("a refresh of what was asked once: %s", m)
		}
		for _, m := range p.all()[seen:] {
			if m.isRequest("NOTIFY") {
				s.t.Errorf("told again: %s", m)
			}
		}
	}
}

// RFC 3261, 10: a phone's addresses as it says them, for how long, and how they end.
func testRegistering(s *site) {
	p := s.sipPhone("hana", "udp", nil)
	d := p.dialog("hana")
	aor := d.remote
	d.remote = "sip:" + p.server
	seq := 0
	register := func(more, want string, contacts ...string) *sipText {
		s.t.Helper()
		seq++
		branch := fmt.Sprintf("r%d", seq)
		m := p.says(p.request(d, "REGISTER", branch, seq, p.proves(d, p.challenge(p.dialog("hana")), "REGISTER", 1)+more), branch)
		all := strings.Join(m.header["Contact"], " ")
		for _, c := range contacts {
			if !strings.Contains(all, c) {
				s.t.Errorf("%q: no %q in %s", more, c, m)
			}
		}
		if m.status() != want || strings.Count(all, "expires=") != len(contacts) {
			s.t.Errorf("%q: %s", more, m)
		}
		return m
	}
	one, two := "<sip:hana@"+p.local+">", "<sip:hana@127.0.0.1:9>"
	register("Contact: "+one+"\r\nContact: "+two+";expires=90\r\nExpires: 3600\r\n", "200", one+";expires=300", two+";expires=90")
	if m := register("Contact: "+one+";expires=59\r\n", "423"); m.header.Get("Min-Expires") != "60" {
		s.t.Errorf("too brief: %s", m)
	}
	register("", "200", one, two)
	register("Contact: "+two+";expires=0\r\n", "200", one)
	register("Contact: *\r\nExpires: 300\r\n", "400")
	d.to = "<" + strings.Replace(aor, "hana", "101", 1) + ">"
	register("Contact: "+one+"\r\n", "403")
	d.to = "<" + aor + ">"
	register("Contact: *\r\nExpires: 0\r\n", "200")
	register("", "200")
}
