package acceptance

import (
	"slices"
	"testing"
)

// isList: an answer or a NOTIFY says that it is one of a list (RFC 4662, 4.1).
func (p *wirePhone) isList(m *sipText) {
	p.t.Helper()
	if got := m.header["Require"]; !slices.Equal(got, []string{"eventlist"}) {
		p.t.Errorf("of a list %s requires %q", m.start, got)
	}
}

// TestSIPLists is about the lists that phones subscribe to.
func TestSIPLists(t *testing.T) {
	t.Parallel()
	s := newSite(t, withSIP(withCommanders(t, same), "anna", "ben", "emil"))
	t.Run("what phones accept", func(t *testing.T) { testAccept(s.in(t)) })
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
