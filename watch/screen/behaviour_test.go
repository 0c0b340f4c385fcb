package screen

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/charmbracelet/x/ansi"

	"supervisiond/forwarding"
	"supervisiond/supervision"
)

func text(s *Screen) string { return ansi.Strip(s.View()) }

func wants(t *testing.T, s *Screen, parts ...string) {
	t.Helper()
	for _, p := range parts {
		if !strings.Contains(text(s), p) {
			t.Errorf("not shown: %q in\n%s", p, text(s))
		}
	}
}

func lacks(t *testing.T, s *Screen, parts ...string) {
	t.Helper()
	for _, p := range parts {
		if strings.Contains(text(s), p) {
			t.Errorf("shown: %q in\n%s", p, text(s))
		}
	}
}

// A caller's name is whatever somebody wrote into a SIP message.
func TestNothingFromOutsideCommandsTheTerminal(t *testing.T) {
	const evil = "\x1b[2J\x1b]0;gone\x07\u009b31mEvil\r\n\t\x00\u202eeman\u200b\ufe0f"
	p := site()
	p.Site.ID = evil
	p.Me.Name, p.Me.Extension = evil, evil
	for _, doc := range p.People {
		doc.Name, doc.Extension, doc.Presence.State, doc.Presence.Source = evil, evil, supervision.PresenceState(evil), evil
		doc.Forwarding = []forwarding.Document{{Kind: forwarding.Kind(evil), Target: evil, Effective: evil + evil, SetBy: evil}}
	}
	for _, g := range p.Groups {
		g.Name, g.Number = evil, evil
	}
	for _, m := range p.Memberships {
		m.Name, m.Number = evil, evil
	}
	for _, c := range p.Calls {
		c.Caller, c.Dialled = supervision.Caller{Number: evil, Name: evil}, evil
		c.Via = []supervision.Via{{Kind: supervision.ViaKind(evil), Number: evil, Name: evil}}
	}
	s := New(Options{Site: evil, As: "anna"}, noon)
	s.Update(Whole{noon, p})
	s.Update(Answer{At: noon, Command: Command{Verb: Join, Group: "sales"}, Code: evil, Message: evil})
	s.Update(Paste{evil})
	check := func(what, out string) {
		for _, r := range ansi.Strip(out) {
			if r != '\n' && (r < ' ' || r >= 0x7f && r < 0xa0 || r == 0x202e || r == 0x200b || r == 0xfe0f) {
				t.Fatalf("%s: %U is shown: %q", what, r, out)
			}
		}
		if strings.Contains(out, "\x1b[2J") || strings.Contains(out, "\x1b]") {
			t.Errorf("%s: a command to the terminal: %q", what, out)
		}
	}
	for range 12 {
		check("screen", s.View())
		press(s, "down")
	}
	press(s, "/")
	s.Update(Paste{evil})
	check("filter", s.View())
	s.filter = ""
	check("plain", s.Plain())
	s.Update(Away{noon, evil})
	check("away", s.View())
}

func TestRowsAlign(t *testing.T) {
	s := watching(80, 24, site())
	at := -1
	for l := range strings.Lines(text(s)) {
		for _, extension := range []string{"102", "103", "104", "106", "111"} {
			if before, _, ok := strings.Cut(l, " "+extension+" "); ok {
				if w := ansi.StringWidth(before); at >= 0 && w != at {
					t.Errorf("the extension is in column %d, elsewhere in %d: %s", w, at, l)
				} else {
					at = w
				}
			}
		}
	}
}

// A screen without a connection does not count on as if nothing were.
func TestLostConnection(t *testing.T) {
	s := watching(80, 24, site())
	s.Update(Tick{noon.Add(2 * time.Second)})
	wants(t, s, "live", "0:14   Dr. Weiß")
	s.Update(Away{noon.Add(3 * time.Second), "NATS is away, trying again"})
	s.Update(Tick{noon.Add(9 * time.Second)})
	wants(t, s, "NOT LIVE", "below is how it was at 12:00:03", "0:15   Dr. Weiß")
	if e := press(s, "p"); e.Do != nil {
		t.Errorf("it commands without a connection: %+v", e.Do)
	}
	wants(t, s, "Not now")
	// What vouched for it has run out: nothing is known.
	s.Update(Tick{noon.Add(15 * time.Second)})
	wants(t, s, "nothing is known any more")
	lacks(t, s, "Weiß", "Ben Okafor", "Vertrieb")
	// Back: the call that ended meanwhile is not there, another one is.
	p := site()
	p.Site.AliveUntil = supervision.Stamp{Time: noon.Add(time.Minute)}
	delete(p.Calls, "c1")
	p.Calls["c9"] = call("c9", 0, supervision.Caller{Number: "0309"}, "102", nil, "ben")
	s.Update(Reading{noon.Add(20 * time.Second), "Reading the state"})
	s.Update(Whole{noon.Add(20 * time.Second), p})
	wants(t, s, "live", "0:20   0309")
	lacks(t, s, "Weiß", "NOT LIVE")
}

func TestDaemonSilent(t *testing.T) {
	s := watching(80, 24, site())
	s.Update(Tick{noon.Add(16 * time.Second)})
	wants(t, s, "UNKNOWN", "No daemon has looked after the state since 12:00:15")
	lacks(t, s, "Weiß", "Ben Okafor")
	late := *s.known.Site
	late.AliveUntil = supervision.Stamp{Time: noon.Add(-5 * time.Second)}
	s.Update(Changed{At: noon.Add(17 * time.Second), Kind: supervision.ShownSite, Document: &late})
	wants(t, s, "clock is ahead of the daemon's by 22 s")
}

// Changes are shown, and what is gone is not.
func TestChanges(t *testing.T) {
	s := watching(80, 24, site())
	change := func(kind supervision.ShownKind, id string, doc any) {
		s.Update(Changed{At: noon.Add(time.Second), Kind: kind, ID: id, Document: doc})
	}
	ended := *s.known.Calls["c1"]
	ended.State, ended.EndedAt, ended.PickedUpBy, ended.OnBehalfOf = supervision.CallPickedUp, supervision.Stamp{Time: noon}, "emil", "ben"
	change(supervision.ShownCall, "", &ended)
	wants(t, s, "over   Dr. Weiß +4930555123     → Emil Roth picked up for Ben Okafor", "RINGING  1")
	change(supervision.ShownCall, "c1", nil)
	lacks(t, s, "Weiß")
	change(supervision.ShownPerson, "", person("ben", "Benjamin", "102", supervision.Away, 0))
	change(supervision.ShownPerson, "", person("anna", "Anne", "101", supervision.DND, 0))
	m := *s.known.Memberships["sales"]
	m.LoggedIn = false
	change(supervision.ShownMembership, "", &m)
	g := *s.known.Groups["desk"]
	g.Unstaffed = true
	change(supervision.ShownGroup, "", &g)
	wants(t, s, "Benjamin", "as Anne (101)", "you are OUT", "Empfang (2)  UNSTAFFED")
	change(supervision.ShownGroup, "desk", nil)
	change(supervision.ShownMembership, "night", nil)
	change(supervision.ShownPerson, "zoe", nil)
	lacks(t, s, "Empfang", "Nachtwache", "Ångström")
}

func TestPickup(t *testing.T) {
	for _, x := range []struct {
		keys []string
		want Command
	}{
		{[]string{"p"}, Command{}},
		{[]string{"down", "enter"}, Command{Call: "c1"}},
		{[]string{"down", "down", "p"}, Command{Call: "c2"}},
		{[]string{"tab", "p"}, Command{Call: "c1"}},
		{[]string{"tab", "tab", "p"}, Command{Group: "desk"}},
		{[]string{"end", "p"}, Command{Person: "zoe"}},
		{[]string{"end", "esc", "p"}, Command{}},
		{[]string{"/", "w", "i", "t", "h", "h", "enter", "p"}, Command{Call: "c2"}}, // what is shown, not what is hidden
	} {
		s := watching(80, 24, site())
		x.want.Verb = Pickup
		if e := press(s, x.keys...); e.Do == nil || *e.Do != x.want {
			t.Errorf("%v: %+v", x.keys, e.Do)
		}
		if e := press(s, "p"); e.Do != nil {
			t.Errorf("%v: two at a time", x.keys)
		}
	}
	s := watching(80, 24, site())
	press(s, "p")
	wants(t, s, "Picking up: calling your phone  0 s of at most 17 s")
	s.Update(Told{At: noon, Type: supervision.NoticePickupCalling, About: About{Endpoint: "PJSIP/101"}})
	s.Update(Tick{noon.Add(4 * time.Second)})
	wants(t, s, "Picking up: PJSIP/101 rings: answer it  4 s of at most 17 s")
	s.Update(Told{At: noon, Type: supervision.NoticePickupConnecting})
	wants(t, s, "your phone is up")
	s.Update(Answer{At: noon, Command: Command{Verb: Pickup}, Code: supervision.AlreadyTaken, Message: "Emil Novak has taken the call"})
	wants(t, s, "Not picked up (already_taken): Emil Novak has taken the call")
	press(s, "p")
	s.Update(Answer{At: noon, Command: Command{Verb: Pickup}, OK: true, Changed: true, OnBehalfOf: "ben"})
	wants(t, s, "You have the call, for Ben Okafor")
}

// Who is about to pick up a call that goes does not get another one.
func TestSelectedCallGoes(t *testing.T) {
	s := watching(80, 24, site())
	press(s, "down", "down")
	s.Update(Changed{At: noon, Kind: supervision.ShownCall, ID: "c2"})
	if e := press(s, "p"); e.Do != nil {
		t.Errorf("it picks up %+v", e.Do)
	}
	wants(t, s, "That call is gone. Press again for the oldest")
	if e := press(s, "p"); e.Do == nil || e.Do.Call != "" {
		t.Errorf("%+v", e.Do)
	}
}

func TestLogins(t *testing.T) {
	for _, x := range []struct {
		keys  []string
		group supervision.GroupID
	}{
		{[]string{"j"}, ""}, // which one?
		{[]string{"end", "l"}, "sales"},
		{[]string{"tab", "tab", "down", "down", "j"}, "night"},
	} {
		s := watching(80, 24, site())
		e := press(s, x.keys...)
		switch {
		case e.Do == nil && x.group == "":
			wants(t, s, "Which group?")
		case e.Do == nil || e.Do.Group != x.group:
			t.Errorf("%v: %+v", x.keys, e.Do)
		}
	}
	p := site()
	delete(p.Memberships, "night")
	s := watching(80, 24, p)
	if e := press(s, "l"); e.Do == nil || *e.Do != (Command{Verb: Leave, Group: "sales"}) {
		t.Errorf("%+v", e.Do)
	}
	s.Update(Answer{
		At: noon, Command: Command{Verb: Leave, Group: "sales"}, Code: supervision.LastMember,
		Message: "group Vertrieb would be left without anybody who is logged in and connected",
	})
	wants(t, s, "Not logged out (last_member): group Vertrieb would be left without")
	for _, x := range []struct {
		verb    Verb
		changed bool
		want    string
	}{
		{Join, true, "You are logged in to Vertrieb"}, {Join, false, "You were logged in to Vertrieb already"},
		{Leave, true, "You are logged out of Vertrieb"}, {Leave, false, "You were logged out of Vertrieb already"},
	} {
		s.Update(Answer{At: noon, Command: Command{Verb: x.verb, Group: "sales"}, OK: true, Changed: x.changed})
		wants(t, s, x.want)
	}
}

func TestOnlyWatching(t *testing.T) {
	s := New(Options{Site: "hq"}, noon)
	s.Update(Whole{noon, site()})
	for _, key := range []string{"p", "j", "l"} {
		if e := press(s, key); e.Do != nil {
			t.Errorf("%s: %+v", key, e.Do)
		}
		wants(t, s, "begin with --as PERSON")
	}
	for _, key := range []string{"q", "ctrl+c"} {
		if e := press(s, key); !e.Quit {
			t.Errorf("%s does not end it", key)
		}
	}
}

func TestNotices(t *testing.T) {
	s := watching(80, 24, site())
	for _, x := range []struct {
		told Told
		want string
	}{
		{Told{Type: supervision.EventGroupLeft, By: supervision.By{Person: "emil"}, About: About{Name: "Vertrieb"}}, "Emil Roth logged you out of Vertrieb"},
		{Told{Type: supervision.EventGroupLeft, By: supervision.By{Person: "olga", Name: "Olga Petrova"}, About: About{Name: "Vertrieb"}}, "Olga Petrova logged you out of Vertrieb"},
		{Told{Type: supervision.EventGroupJoined, By: supervision.By{Person: "ben"}, About: About{Name: "Vertrieb"}}, "Ben Okafor logged you in to Vertrieb"},
		{Told{Type: supervision.EventForwardingChanged, By: supervision.By{Person: "ben"}}, "Ben Okafor changed your forwards"},
		{Told{Type: supervision.EventDNDChanged, By: supervision.By{Person: "ben"}}, "Ben Okafor changed your do-not-disturb"},
		{Told{Type: supervision.EventCallPickedUp, By: supervision.By{Person: "ben"}, About: About{Caller: supervision.Caller{Withheld: true}}}, "Ben Okafor picked up for you: withheld"},
		{Told{Type: supervision.EventPickupRefused, About: About{Message: "nothing rings", Code: supervision.NotRinging}}, "Not picked up (not_ringing): nothing rings"},
	} {
		x.told.At = noon
		s.Update(x.told)
		wants(t, s, x.want)
	}
}

// What was told makes room for what is asked for, and does not stay for ever.
func TestMessagesGo(t *testing.T) {
	s := watching(80, 24, site())
	s.Update(Answer{At: noon, Command: Command{Verb: Pickup}, Code: supervision.NotRinging, Message: "nothing rings"})
	wants(t, s, "nothing rings")
	press(s, "down")
	lacks(t, s, "nothing rings")
	wants(t, s, "dialled 700; rings Ben Okafor")
	s.Update(Answer{At: noon, Command: Command{Verb: Pickup}, Code: supervision.NotRinging, Message: "nothing rings"})
	p := site()
	p.Site.AliveUntil = supervision.Stamp{Time: noon.Add(time.Hour)}
	s.Update(Whole{noon.Add(time.Minute), p})
	lacks(t, s, "nothing rings")
}

// While the PBX is away nobody knows whether it still rings.
func TestPBXAway(t *testing.T) {
	p := site()
	p.Site.PBX = supervision.PBXDocument{Since: ago(2 * time.Second)}
	s := watching(80, 24, p)
	s.Update(Tick{noon.Add(10 * time.Second)})
	wants(t, s, "PBX AWAY", "The PBX is away since 11:59:58", "0:10   Dr. Weiß")
}

// A PBX that ARI still reaches may be deaf to phones.
func TestSIPSilent(t *testing.T) {
	p := site()
	p.Site.PBX.SIP = supervision.SIPSilent
	s := watching(80, 24, p)
	wants(t, s, "SIP SILENT", "The PBX does not answer SIP: phones may not ring", "Dr. Weiß")
	p = site()
	p.Site.PBX.SIP = supervision.SIPAlive
	s.Update(Whole{noon, p})
	lacks(t, s, "SIP")
	wants(t, s, "live")
}

// Whatever comes in whatever order, the screen fits and nothing fails.
func FuzzScreen(f *testing.F) {
	f.Add([]byte("p?/x\x1bjl"), uint8(80), uint8(24))
	f.Add([]byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, uint8(1), uint8(1))
	f.Fuzz(func(t *testing.T, what []byte, width, height uint8) {
		s := watching(int(width), int(height), site())
		keys := []string{"up", "down", "pgup", "pgdown", "home", "end", "tab", "p", "j", "l", "/", "esc", "?", "enter", "backspace"}
		for _, b := range what {
			switch {
			case int(b) < len(keys):
				press(s, keys[b])
			case b < 32:
				s.Update(Changed{At: s.now, Kind: supervision.ShownCall, ID: fmt.Sprintf("c%d", b%4)})
			case b == 0xff:
				s.Update(Tick{s.now.Add(time.Second)})
			default:
				press(s, string(rune(b)))
			}
			lines := strings.Split(text(s), "\n")
			if len(lines) > max(1, int(height)) {
				t.Fatalf("%d lines of %d", len(lines), height)
			}
			for _, l := range lines {
				if w := ansi.StringWidth(l); w > int(width) {
					t.Fatalf("%d cells of %d: %q", w, width, l)
				}
			}
		}
	})
}
