package sip

import (
	"net/netip"
	"strings"
	"testing"

	gosip "github.com/emiago/sipgo/sip"

	"supervisiond/sip/front"
	"supervisiond/sip/notifier"
)

const subscribeText = "SUBSCRIBE sip:102@hq.example;user=phone SIP/2.0\r\n" +
	"Via: SIP/2.0/UDP 192.0.2.7:5062;branch=z9hG4bK1;rport\r\n" +
	"%ROUTES%" +
	"From: \"Anna\" <sip:anna@hq.example>;tag=theirs\r\nTo: <sip:102@hq.example>\r\nCall-ID: c1\r\nCSeq: 7 SUBSCRIBE\r\n" +
	"Contact: %CONTACT%\r\nEvent: Dialog ; id=4;sla\r\nExpires: 600\r\nAccept: application/dialog-info+xml, application/pidf+xml\r\n" +
	"Supported: replaces, EventList\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n"

func parsed(t testing.TB, contact, routes, transport string) *front.Request {
	t.Helper()
	text := strings.NewReplacer("%CONTACT%", contact, "%ROUTES%", routes).Replace(subscribeText)
	m, err := gosip.NewParser().ParseSIP([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	req := m.(*gosip.Request)
	req.SetTransport(transport)
	req.SetSource("192.0.2.7:5062")
	return &front.Request{
		Request: req, Person: "anna", Transport: transport, Source: netip.MustParseAddrPort("192.0.2.7:5062"),
		Local: netip.MustParseAddrPort("192.0.2.1:5070"),
	}
}

// RFC 6665, 3261, 12.1.1: what a SUBSCRIBE says.
func TestSubscribeIsRead(t *testing.T) {
	ask, p, err := subscription(parsed(t, "<sip:anna@192.0.2.7:5062;line=1>;expires=60", "", "UDP"))
	if err != nil {
		t.Fatal(err)
	}
	if ask.Event != "dialog" || ask.ID != "4" || !ask.EventList || len(ask.Accept) != 2 || ask.Expires.Seconds() != 600 || ask.CSeq != 7 ||
		ask.User != "102" || ask.Dialog != (notifier.Dialog{CallID: "c1", RemoteTag: "theirs"}) {
		t.Errorf("%+v", ask)
	}
	req := p.request(gosip.NOTIFY, notifier.Dialog{CallID: "c1", LocalTag: "ours", RemoteTag: "theirs"}, 3).String()
	for _, want := range []string{
		"NOTIFY sip:anna@192.0.2.7:5062;line=1 SIP/2.0\r\n", "From: <sip:102@hq.example>;tag=ours\r\n",
		"To: \"Anna\" <sip:anna@hq.example>;tag=theirs\r\n", "Call-ID: c1\r\n", "CSeq: 3 NOTIFY\r\n", "Contact: <sip:102@192.0.2.1:5070>\r\n",
	} {
		if !strings.Contains(req, want) {
			t.Errorf("no %q in\n%s", want, req)
		}
	}
}

// Where NOTIFYs go: RFC 3261, 12.2.1.1 and 18.1.1, and what translators of addresses make of it.
func TestNextHop(t *testing.T) {
	for _, c := range []struct{ name, contact, routes, transport, hop string }{
		{"as it says", "<sip:a@192.0.2.7:5066>", "", "UDP", "192.0.2.7:5066"},
		{"with the default port", "<sip:a@192.0.2.7>", "", "UDP", "192.0.2.7:5060"},
		{"behind NAT", "<sip:a@10.0.0.5:5060>", "", "UDP", "192.0.2.7:5062"},
		{"to a third party", "<sip:a@198.51.100.9:5060>", "", "UDP", "192.0.2.7:5062"},
		{"by name", "<sip:a@phone.example>", "", "UDP", "192.0.2.7:5062"},
		{"over TCP", "<sip:a@192.0.2.7:5066;transport=tcp>", "", "TCP", "192.0.2.7:5062"},
		{"by a proxy", "<sip:a@10.0.0.5>", "Record-Route: <sip:192.0.2.50:5080;lr>\r\nRecord-Route: <sip:192.0.2.51;lr>\r\n", "UDP", "192.0.2.50:5080"},
		{"by two proxies in one line", "<sip:a@10.0.0.5>", "Record-Route: <sip:192.0.2.50;lr>, <sip:192.0.2.51;lr>\r\n", "UDP", "192.0.2.50:5060"},
	} {
		_, p, err := subscription(parsed(t, c.contact, c.routes, c.transport))
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if p.hop != c.hop {
			t.Errorf("%s: goes to %s, want %s", c.name, p.hop, c.hop)
		}
		routes := strings.Count(p.request(gosip.NOTIFY, notifier.Dialog{}, 1).String(), "<sip:192.0.2.5")
		if want := strings.Count(c.routes, "<sip:"); routes != want {
			t.Errorf("%s: %d routes, want %d", c.name, routes, want)
		}
	}
	for _, contact := range []string{"*", "<tel:+4930>", "<sip:>"} {
		if _, _, err := subscription(parsed(t, contact, "", "UDP")); err == nil {
			t.Errorf("%s is a Contact that can be reached", contact)
		}
	}
}

// Whatever gets through the door, reading it never panics.
func FuzzSubscribe(f *testing.F) {
	f.Add(strings.NewReplacer("%CONTACT%", "<sip:a@192.0.2.7>", "%ROUTES%", "Record-Route: <sip:x;lr>\r\n").Replace(subscribeText))
	f.Add(strings.Replace(subscribeText, "Event: Dialog ; id=4;sla\r\nExpires: 600", "Event: presence\r\nExpires: 99999999999999999999", 1))
	f.Fuzz(func(_ *testing.T, text string) {
		m, err := gosip.NewParser().ParseSIP([]byte(text))
		req, ok := m.(*gosip.Request)
		if err != nil || !ok || req.CallID() == nil || req.CSeq() == nil || req.From() == nil || req.To() == nil {
			return // the door keeps it out
		}
		req.SetSource("192.0.2.7:5062")
		req.SetTransport("UDP")
		r := &front.Request{Request: req, Person: "anna", Transport: "UDP", Local: netip.MustParseAddrPort("192.0.2.1:5070")}
		if _, p, err := subscription(r); err == nil {
			_ = p.request(gosip.NOTIFY, dialogOf(req), 1).String()
		}
	})
}
