package acceptance

import (
	"strings"
	"testing"

	"supervisiond/test/lab"
)

// S3, F4: behind one proxy, too, what a phone publishes is its owner's presence, and its do-not-disturb key is the PBX's. Both go through
// the proxy, with the phone's one password.
func TestOneProxyForKeysAndPresence(t *testing.T) {
	t.Parallel()
	host := ownAddress(t)
	events := host + ":5070"
	s := newSite(t, options{configure: withEvents(events)})
	s.storeIsRead()
	proxy := startKamailio(t, host, s.pbx.SIPAddr(), events)
	p := s.sipPhoneAt(proxy.Addr, "102", "udp", nil)
	p.password = lab.Password("102")
	p.publishes("", "<rpid:away/>", 120, "200")
	s.watch.awaitPerson("ben", "away", func(d personDocument) bool { return d.Presence.State == "away" })

	set := `<SetDoNotDisturb xmlns="http://www.ecma-international.org/standards/ecma-323/csta/ed3"><device/><doNotDisturbOn>true</doNotDisturbOn></SetDoNotDisturb>`
	m := p.ask(p.dialog("102"), "SUBSCRIBE", "Event: as-feature-event\r\nContent-Type: application/x-as-feature-event+xml\r\n\r\n"+set)
	if m.status() != "200" {
		t.Fatalf("a key: %s", m)
	}
	n, _ := p.notified(0, "NOTIFY", "as-feature-event", "<doNotDisturbOn>true<")
	if via := n.header["Via"]; len(via) != 2 || !strings.HasPrefix(via[0], "SIP/2.0/UDP "+host+";") {
		t.Errorf("it was told past the proxy: %s", via)
	}
	if got := s.stored("DND", "102"); got != "YES" {
		t.Errorf("the PBX has %q", got)
	}
}
