package sip

import (
	"slices"
	"testing"

	gosip "github.com/emiago/sipgo/sip"

	"supervisiond/sip/notifier"
)

func subscribeFrom(t *testing.T, transport, source, contact string, routes ...string) *phone {
	t.Helper()
	var to, target gosip.Uri
	for text, uri := range map[string]*gosip.Uri{"sip:102@hq.example": &to, contact: &target} {
		if err := gosip.ParseUri(text, uri); err != nil {
			t.Fatal(err)
		}
	}
	req := gosip.NewRequest(gosip.SUBSCRIBE, to)
	req.SetTransport(transport)
	req.SetSource(source)
	req.AppendHeader(&gosip.FromHeader{Address: to})
	req.AppendHeader(&gosip.ToHeader{Address: to})
	req.AppendHeader(&gosip.ContactHeader{Address: target})
	for _, r := range routes {
		req.AppendHeader(gosip.NewHeader("Record-Route", r))
	}
	p, err := phoneOf(req, "192.0.2.1:5070")
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// Where a NOTIFY goes, and over whom (RFC 3261, 12.2.1.1 and 16.12.1.2).
func TestWayToPhone(t *testing.T) {
	const (
		loose, other = "<sip:10.0.0.9:5080;lr>", "<sip:10.0.0.8;lr>"
		strict       = "<sip:10.0.0.7:5081>"
	)
	for name, c := range map[string]struct {
		transport, source, contact string
		routes                     []string
		hop, target                string
		route                      []string
	}{
		"a phone":                     {"UDP", "10.0.0.2:5060", "sip:a@10.0.0.2:5060", nil, "10.0.0.2:5060", "sip:a@10.0.0.2:5060", nil},
		"one that listens elsewhere":  {"UDP", "10.0.0.2:40001", "sip:a@10.0.0.2:5062", nil, "10.0.0.2:5062", "sip:a@10.0.0.2:5062", nil},
		"behind a translator":         {"UDP", "198.51.100.1:40001", "sip:a@192.168.1.2", nil, "198.51.100.1:40001", "sip:a@192.168.1.2", nil},
		"with a name":                 {"UDP", "10.0.0.2:5060", "sip:a@phone.example", nil, "10.0.0.2:5060", "sip:a@phone.example", nil},
		"on a connection":             {"TCP", "10.0.0.2:40001", "sip:a@10.0.0.2:5060", nil, "10.0.0.2:40001", "sip:a@10.0.0.2:5060", nil},
		"behind proxies":              {"UDP", "10.0.0.9:5080", "sip:a@10.0.0.2", []string{loose, other}, "10.0.0.9:5080", "sip:a@10.0.0.2", []string{loose, other}},
		"behind one that is strict":   {"UDP", "10.0.0.7:5081", "sip:a@10.0.0.2", []string{strict, other}, "10.0.0.7:5081", "sip:10.0.0.7:5081", []string{other, "<sip:a@10.0.0.2>"}},
		"behind a proxy's connection": {"TCP", "10.0.0.9:41000", "sip:a@10.0.0.2", []string{loose}, "10.0.0.9:5080", "sip:a@10.0.0.2", []string{loose}},
	} {
		t.Run(name, func(t *testing.T) {
			p := subscribeFrom(t, c.transport, c.source, c.contact, c.routes...)
			req := p.request(gosip.NOTIFY, notifier.Dialog{CallID: "1", LocalTag: "ours", RemoteTag: "theirs"}, 1)
			var route []string
			for _, h := range req.GetHeaders("Route") {
				route = append(route, h.Value())
			}
			if p.hop != c.hop || req.Recipient.String() != c.target || !slices.Equal(route, c.route) {
				t.Errorf("it goes to %s for %s over %q, want %s for %s over %q", p.hop, req.Recipient.String(), route, c.hop, c.target, c.route)
			}
		})
	}
}

// Where a connection may be made to a phone that has none (any more): nowhere but where it spoke from.
func TestConnectionToPhone(t *testing.T) {
	for name, c := range map[string]struct {
		transport, over, source, contact string
		routes                           []string
		at                               string
	}{
		"a phone over TCP":         {"TCP", "TCP", "10.0.0.2:40001", "sip:a@10.0.0.2:5062", nil, "10.0.0.2:5062"},
		"without a port":           {"TCP", "TCP", "10.0.0.2:40001", "sip:a@10.0.0.2", nil, "10.0.0.2:5060"},
		"over TLS":                 {"TLS", "TLS", "10.0.0.2:40001", "sip:a@10.0.0.2:5062", nil, ""},
		"behind a translator":      {"TCP", "TCP", "198.51.100.1:40001", "sip:a@192.168.1.2", nil, ""},
		"somebody else's":          {"TCP", "TCP", "10.0.0.2:40001", "sip:a@10.0.0.3", nil, ""},
		"over UDP, a long message": {"UDP", "TCP", "10.0.0.2:5060", "sip:a@10.0.0.2", nil, "10.0.0.2:5060"},
		"behind a proxy":           {"TCP", "TCP", "10.0.0.9:40001", "sip:a@10.0.0.2", []string{"<sip:10.0.0.9;lr>"}, "10.0.0.9:5060"},
	} {
		if at := subscribeFrom(t, c.transport, c.source, c.contact, c.routes...).takesConnectionsAt(c.over); at != c.at {
			t.Errorf("%s: %q, want %q", name, at, c.at)
		}
	}
}

// A proxy writes itself into the first request of a dialog only: the way stays, the phone may move (RFC 3261, 12.2).
func TestWayStays(t *testing.T) {
	const proxy = "<sip:10.0.0.9;lr>"
	first := subscribeFrom(t, "UDP", "10.0.0.9:5060", "sip:a@10.0.0.2", proxy)
	again, ok := subscribeFrom(t, "UDP", "10.0.0.9:5060", "sip:a@10.0.0.3").Within(first).(*phone)
	if !ok || !slices.Equal(again.routes, first.routes) || again.hop != "10.0.0.9:5060" || again.target.Host != "10.0.0.3" {
		t.Errorf("after a refresh it is %+v", again)
	}
	// Another one behind the same proxy is another phone.
	if b := subscribeFrom(t, "UDP", "10.0.0.9:5060", "sip:b@10.0.0.4", proxy); b.Address() == first.Address() {
		t.Errorf("two phones behind a proxy have one address: %s", b.Address())
	}
}
