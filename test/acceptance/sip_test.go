package acceptance

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"supervisiond/test/lab"
	"supervisiond/test/lampboard"
	"supervisiond/test/softphone"
)

// withSIP gives some people a secret for the event server, and the server an address.
func withSIP(o options, people ...string) options {
	before := o.configure
	o.configure = func(yaml string) string {
		if before != nil {
			yaml = before(yaml)
		}
		for _, p := range people {
			yaml = withSecret(yaml, p)
		}
		return yaml + "\nsip: {listen: [\"udp://127.0.0.1:0\", \"tcp://127.0.0.1:0\"], pbx_uri: \"sip:" + pbxSIP + "\"}\nforwarding: {allowed_destinations: [\"^[0-9]{3}$\"]}\n"
	}
	return o
}

// withSecret gives somebody a secret for the event server.
func withSecret(yaml, person string) string {
	at := strings.Index(yaml, "\n  "+person+":")
	brace := at + strings.Index(yaml[at:], "{") + 1
	return yaml[:brace] + fmt.Sprintf("sip: {password: sip-%s}, ", person) + yaml[brace:]
}

func same(yaml string) string { return yaml }

// sipAddr is where the event server answers over a transport.
func (s *site) sipAddr(transport string) string {
	s.t.Helper()
	for _, a := range strings.Fields(fmt.Sprint(s.daemon.logged("started")["sip"])) {
		if addr, ok := strings.CutPrefix(strings.Trim(a, "[],"), transport+"://"); ok {
			return addr
		}
	}
	s.t.Fatal("the daemon does not say where it answers SIP over " + transport)
	return ""
}

// board is somebody's phone with lamps at the event server.
func (s *site) board(person string) *lampboard.Board {
	s.t.Helper()
	return lampboard.Start(s.t, lampboard.Options{User: person, Password: "sip-" + person, Server: s.sipAddr("udp")})
}

func (s *site) subscribed(b *lampboard.Board, target, event, extra string) *lampboard.Lamp {
	s.t.Helper()
	l, err := b.Subscribe(s.ctx(), target, event, extra)
	s.must("subscribe to "+target, err)
	return l
}

func (s *site) lampShows(l *lampboard.Lamp, words ...string) lampboard.Notice {
	s.t.Helper()
	n, err := l.Shows(s.ctx(), words...)
	s.must("lamp", err)
	return n
}

const eventList = "Supported: eventlist\r\nAccept: application/dialog-info+xml, application/pidf+xml, application/rlmi+xml, multipart/related\r\n"

// A member's lamp follows a call from the ring to its end, with the caller early and confirmed; a list follows logins (RFC 4235,
// 4662, S7, G4, R4).
func TestSIPLamps(t *testing.T) {
	t.Parallel()
	s := newSite(t, withSIP(withCommanders(t, same), "anna", "ben", "fatma"))
	phones := make(map[string]*softphone.Phone)
	for _, user := range []string{"102", "103", "104", "106"} {
		phones[user] = s.phone(user)
	}
	phones[lab.Trunk] = s.outside()
	anna := s.board("anna")
	carla := s.subscribed(anna, "103", "dialog", "")
	ben := s.subscribed(anna, "102", "dialog", "")
	list := s.subscribed(anna, "sales", "dialog", eventList)
	presence := s.subscribed(anna, "ben", "presence", "")
	present := s.subscribed(anna, "sales", "presence", eventList)
	s.lampShows(ben, "active;", "terminated", "-early")
	s.lampShows(list, `fullState="true"`, "Ben Okafor", "Dora Lind")
	s.lampShows(presence, "<basic>open</basic>")
	s.lampShows(present, `fullState="true"`, "Ben Okafor", "<basic>open</basic>")

	call := s.dial(phones["106"], "102")
	ringing := s.rings(phones["102"])
	s.lampShows(ben, "<state>early</state>", `direction="recipient"`, "Fatma Aydin", "sip:106@")
	s.lampShows(list, `fullState="false"`, "<state>early</state>", "Fatma Aydin")
	s.lampShows(presence, "on-the-phone")
	s.must("answer", ringing.Answer())
	s.lampShows(ben, "<state>confirmed</state>", "Fatma Aydin", "-early")
	s.must("hang up", call.Hangup(s.ctx()))
	s.lampShows(ben, "terminated", "-confirmed", "-early")
	s.lampShows(presence, "<basic>open</basic>", "-on-the-phone")

	// Withheld stays withheld.
	call = s.dial(phones[lab.Trunk], "4930102", softphone.From("+4930777", "Geheim"), softphone.AssertedIdentity("+4930777", "Geheim"), softphone.Privacy("id"))
	s.rings(phones["102"])
	s.lampShows(ben, "<state>early</state>", "anonymous", "-30777", "-Geheim")
	s.must("hang up", call.Hangup(s.ctx()))
	s.lampShows(ben, "terminated", "-early")

	// Who logs out goes dark, and what rings there is nobody's business until they are back.
	call = s.dial(phones["106"], "102")
	s.rings(phones["102"])
	s.lampShows(ben, "<state>early</state>", "Fatma Aydin")
	s.lampShows(list, "<state>early</state>", "Fatma Aydin")
	s.lampShows(present, "sip:102@", "on-the-phone")
	s.done("ben", "group.leave", `{"group":"sales"}`, true)
	dark := []lampboard.Notice{
		s.lampShows(ben, "terminated", "-early", "-Fatma"),
		s.lampShows(list, `fullState="false"`, "sip:102@", "terminated", "-early", "-Fatma"),
		s.lampShows(present, `fullState="false"`, "sip:102@", "<basic>closed</basic>", "-on-the-phone", "-<basic>open</basic>"),
	}
	s.must("hang up", call.Hangup(s.ctx()))
	s.lampShows(presence, "<basic>open</basic>", "-on-the-phone")
	call = s.dial(phones["106"], "102")
	s.rings(phones["102"])
	s.lampShows(presence, "on-the-phone")
	// A line that is busy with anything is lit a moment later. Carla's is by now, so ben's would be.
	elsewhere := s.dial(phones["103"], "300")
	s.lampShows(carla, "<state>confirmed</state>", "-<remote>")
	back := time.Now()
	s.done("ben", "group.join", `{"group":"sales"}`, true)
	s.lampShows(ben, "<state>early</state>", "Fatma Aydin")
	s.lampShows(list, "<state>early</state>", "Fatma Aydin")
	s.lampShows(present, "sip:102@", "on-the-phone", "<basic>open</basic>")
	for i, l := range []*lampboard.Lamp{ben, list, present} {
		for _, n := range l.Notices() {
			if n.At.After(dark[i].At) && n.At.Before(back) && strings.Contains(n.Body, "102@") {
				t.Errorf("of a member who is logged out is told:\n%s", n.Body)
			}
		}
	}
	s.must("hang up", elsewhere.Hangup(s.ctx()))
	for _, n := range append(ben.Notices(), list.Notices()...) {
		if strings.Contains(n.Body, "30777") || strings.Contains(n.Body, "Geheim") {
			t.Errorf("a withheld caller is shown:\n%s", n.Body)
		}
	}
	s.must("hang up", call.Hangup(s.ctx()))
}

// Whoever may not see it gets 403, who does not prove who they are 401, and who asks for nobody 404.
func TestSIPRefuses(t *testing.T) {
	t.Parallel()
	s := newSite(t, withSIP(options{}, "anna", "ben", "fatma"))
	for _, c := range []struct{ who, password, target, event, code string }{
		{"fatma", "", "102", "dialog", "403"},
		{"ben", "", "103", "presence", "403"},
		{"anna", "", "199", "dialog", "404"},
		{"anna", "", "102", "message-summary", "489"},
		{"anna", "wrong", "102", "dialog", "401"},
		{"nobody", "wrong", "102", "dialog", "401"},
		{"anna", "", "sales", "dialog", "421"},
	} {
		o := lampboard.Options{User: c.who, Password: "sip-" + c.who, Server: s.sipAddr("udp")}
		if c.password != "" {
			o.Password = c.password
		}
		_, err := lampboard.Start(t, o).Subscribe(s.ctx(), c.target, c.event, "")
		refused, ok := err.(*lampboard.Refused) //nolint:errorlint // as documented
		if !ok || refused.Code != c.code {
			t.Errorf("%s, %s of %s: %v, want %s", c.who, c.event, c.target, err, c.code)
		}
	}
}

// F, R: a phone's own keys set what the PBX has, and its display follows what somebody else sets.
func TestSIPFeatureKeys(t *testing.T) {
	t.Parallel()
	s := newSite(t, withSIP(withCommanders(t, same), "ben"))
	s.storeIsRead()
	l := s.subscribed(s.board("ben"), "102", "as-feature-event", "")
	s.lampShows(l, "<doNotDisturbOn>false<")
	set := func(document string) {
		s.must("set", l.Refresh(s.ctx(), time.Hour, &lampboard.Body{Type: "application/x-as-feature-event+xml", Text: document}))
	}
	const ns = `xmlns="http://www.ecma-international.org/standards/ecma-323/csta/ed3"`
	set(`<SetDoNotDisturb ` + ns + `><device/><doNotDisturbOn>true</doNotDisturbOn></SetDoNotDisturb>`)
	s.lampShows(l, "<doNotDisturbOn>true<")
	if got := s.stored("DND", "102"); got != "YES" {
		t.Errorf("the PBX has %q", got)
	}
	set(`<SetForwarding ` + ns + `><device/><forwardingType>forwardImmediate</forwardingType><activateForward>true</activateForward><forwardDN>104</forwardDN></SetForwarding>`)
	s.lampShows(l, "<forwardTo>104<")
	s.done("ben", "forwarding.cancel", `{"person":"ben"}`, true)
	s.lampShows(l, "-<forwardTo>104<", "<doNotDisturbOn>true<")
	s.done("ben", "dnd.set", `{"person":"ben","on":false}`, true)
	s.lampShows(l, "<doNotDisturbOn>false<")
}
