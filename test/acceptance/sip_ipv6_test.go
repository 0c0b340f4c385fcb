package acceptance

import (
	"strings"
	"testing"
)

// Over IPv6 a phone subscribes, is told what changes, registers, and is sent on to the PBX, with addresses in brackets wherever they are
// written (RFC 3261, 19.1.1; RFC 5118, 4). A network of its own has IPv6 where the machine has it switched off.
func TestSIPOverIPv6(t *testing.T) {
	t.Parallel()
	if !ownNetwork(t) {
		return
	}
	s := lonelySite(t, func(yaml string) string {
		yaml = strings.NewReplacer("udp://127.0.0.1", "udp://[::1]", "tcp://127.0.0.1", "tcp://[::1]").Replace(yaml)
		return strings.Replace(yaml, "sip:"+pbxSIP, "sip:[2001:db8::5]:5062", 1)
	})
	for _, transport := range []string{"udp", "tcp"} {
		t.Run(transport, func(t *testing.T) {
			s := s.in(t)
			p := s.sipPhone("anna", transport, nil)
			d := p.dialog("ben")
			m := p.ask(d, "SUBSCRIBE", "Event: presence\r\nExpires: 600\r\n")
			if contact := m.header.Get("Contact"); m.status() != "200" || !strings.HasPrefix(contact, "<sip:ben@"+p.server) {
				t.Fatalf("SUBSCRIBE: %s", m)
			}
			n, seen := p.notified(0, "NOTIFY sip:anna@"+p.local, "active;", "<basic>closed</basic>", `entity="sip:ben@[::1]"`)
			if via := n.header.Get("Via"); !strings.Contains(via, " [::1]") {
				t.Errorf("NOTIFY comes by %s", via)
			}
			s.report("ben", "away", "test", 600, true)
			_, seen = p.notified(seen, "NOTIFY", "away/>")
			s.takeBack("ben", "test", true)
			_, seen = p.notified(seen, "NOTIFY", "-away/>")
			p.again(d, "presence", 0, "")
			p.notified(seen, "NOTIFY", "terminated;reason=timeout")
			p.registers()
			if m := p.ask(p.dialog("102"), "INVITE", ""); m.status() != "302" || m.header.Get("Contact") != "<sip:102@[2001:db8::5]:5062>" {
				t.Errorf("INVITE: %s", m)
			}
		})
	}
}
