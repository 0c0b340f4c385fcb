package acceptance

import (
	"fmt"
	"testing"
	"time"
)

const pidf = `<?xml version="1.0" encoding="UTF-8"?><presence xmlns="urn:ietf:params:xml:ns:pidf" xmlns:dm="urn:ietf:params:xml:ns:pidf:data-model" ` +
	`xmlns:rpid="urn:ietf:params:xml:ns:pidf:rpid" entity="sip:102@hq"><tuple id="t1"><status><basic>open</basic></status></tuple>` +
	`<dm:person id="p1"><rpid:activities>%s</rpid:activities></dm:person></presence>`

// publishes says what its owner does, after the entity-tag of what it said before, and gives the new one.
func (p *wirePhone) publishes(tag, activity string, seconds int, want string) string {
	p.t.Helper()
	more := fmt.Sprintf("Event: presence\r\nExpires: %d\r\n", seconds)
	if tag != "" {
		more += "SIP-If-Match: " + tag + "\r\n"
	}
	if activity != "" {
		more += "Content-Type: application/pidf+xml\r\n\r\n" + fmt.Sprintf(pidf, activity)
	}
	m := p.ask(p.dialog("102"), "PUBLISH", more)
	if m.status() != want {
		p.t.Errorf("PUBLISH of %q after %q for %d s: %s, want %s", activity, tag, seconds, m, want)
	}
	if want == "200" && seconds > 0 && m.header.Get("Expires") != fmt.Sprint(seconds) {
		p.t.Errorf("it lasts %s", m.header.Get("Expires"))
	}
	return m.header.Get("Sip-Etag")
}

// S3, RFC 3903: what phones publish is their owner's presence, two phones beside each other, for as long as it is published.
func testPublishing(s *site) {
	watcher := s.sipPhone("hana", "udp", nil)
	watcher.subscribes("ben", "presence", "")
	_, seen := watcher.notified(0, "NOTIFY", "<basic>open</basic>")
	desk, soft := s.sipPhone("ben", "udp", nil), s.sipPhone("ben", "tcp", nil)
	is := func(state, source string, words ...string) {
		s.t.Helper()
		s.watch.awaitPerson("ben", state+" by "+source, func(d personDocument) bool { return d.Presence.State == state && d.Presence.Source == source })
		_, seen = watcher.notified(seen, "NOTIFY", words...)
	}
	first := desk.publishes("", "<rpid:away/>", 120, "200")
	is("away", "client", "<basic>open</basic>", "away/>")
	second := desk.publishes(first, "", 600, "200")
	if second == first || second == "" {
		s.t.Errorf("the entity-tag was %q and is %q", first, second)
	}
	desk.publishes(first, "", 120, "412")
	third := desk.publishes(second, "<rpid:busy/>", 120, "200")
	is("busy", "web_call", "busy/>", "-away/>")
	other := soft.publishes("", "<rpid:away/>", 120, "200")
	if desk.publishes(third, "", 0, "200") != "" {
		s.t.Error("what is over has an entity-tag")
	}
	is("away", "client", "away/>")
	desk.publishes(third, "", 120, "412")
	soft.publishes("nonsense", "<rpid:away/>", 120, "412")
	soft.publishes(other, "", 9, "423")
	soft.publishes("", "", 120, "400")
	soft.publishes(other, "", 0, "200")
	is("online", "endpoint", "<basic>open</basic>", "-away/>", "-busy/>")
	if m := soft.ask(soft.dialog("102"), "PUBLISH", "Event: dialog\r\n"); m.status() != "489" || m.header.Get("Allow-Events") != "presence" {
		s.t.Errorf("PUBLISH of dialog: %s", m)
	}
	if m := soft.ask(soft.dialog("102"), "PUBLISH", "Event: presence\r\nContent-Type: text/plain\r\n\r\naway"); m.status() != "415" {
		s.t.Errorf("PUBLISH of a text: %s", m)
	}
}

// S3, RFC 3903, 4.1 and 4.2: what a phone has published and does not repeat is over at its time, not before, and presence is what it
// was. Repeated with its entity-tag it lasts on; a tag that is old, or of what is over, is answered 412.
func TestSIPPublicationEnds(t *testing.T) {
	t.Parallel()
	const least = 10 // seconds; docs/sip.md
	s := newSite(t, withSIP(withCommanders(t, same), "anna", "ben"))
	s.phone("102")
	watcher := s.sipPhone("anna", "udp", nil)
	watcher.subscribes("ben", "presence", "")
	_, seen := watcher.notified(0, "NOTIFY", "<basic>open</basic>", "-away/>")
	before := s.presence(0, "ben", "online", "endpoint")

	soft := s.sipPhone("ben", "tcp", nil)
	mark := s.watch.mark()
	first := soft.publishes("", "<rpid:away/>", least, "200")
	s.presence(mark, "ben", "away", "client")
	_, seen = watcher.notified(seen, "NOTIFY", "away/>")

	// What ends sooner says when to repeat it: what was published is still so.
	mark = s.watch.mark()
	s.report("ben", "dnd", "clock", least/2, true)
	s.presence(mark, "ben", "dnd", "client")
	mark = s.watch.mark()
	s.presence(mark, "ben", "away", "client")
	_, seen = watcher.notified(seen, "NOTIFY", "away/>")
	mark = s.watch.mark()
	repeated := time.Now()
	second := soft.publishes(first, "", least, "200")
	if second == "" || second == first {
		t.Errorf("the entity-tag was %q and is %q", first, second)
	}
	soft.publishes(first, "", least, "412")

	after := s.presence(mark, "ben", "online", "endpoint")
	if took := time.Since(repeated); took < least*time.Second || took > least*time.Second+slack {
		t.Errorf("a publication of %d s lasted %v", least, took)
	}
	if after.Presence.Since.Equal(before.Presence.Since) || !after.Reachable {
		t.Errorf("it was %+v and is %+v", before, after)
	}
	watcher.notified(seen, "NOTIFY", "<basic>open</basic>", "-away/>")
	soft.publishes(second, "", least, "412")

	// It begins anew with a document (RFC 3903, 4.3).
	mark = s.watch.mark()
	third := soft.publishes("", "<rpid:away/>", least, "200")
	s.presence(mark, "ben", "away", "client")
	soft.publishes(third, "", 0, "200")
	s.presence(mark, "ben", "online", "endpoint")
}
