package screen

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/charmbracelet/x/ansi"

	"supervisiond/forwarding"
	"supervisiond/supervision"
)

var update = flag.Bool("update", false, "write the screens anew")

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func ago(d time.Duration) supervision.Stamp { return supervision.Stamp{Time: noon.Add(-d)} }

func person(id, name, extension string, state supervision.PresenceState, since time.Duration, f ...forwarding.Document) *supervision.PersonDocument {
	return &supervision.PersonDocument{
		ID: supervision.PersonID(id), Name: name, Extension: extension, Reachable: state != supervision.Offline,
		Presence: supervision.Presence{State: state, Since: ago(since), Source: "endpoint"}, Forwarding: f,
	}
}

func call(id string, since time.Duration, c supervision.Caller, dialled string, via []supervision.Via, who ...string) *supervision.CallDocument {
	doc := &supervision.CallDocument{
		ID: supervision.CallID(id), State: supervision.CallRinging, Since: ago(since), Caller: c, Dialled: dialled, Via: via,
	}
	for _, w := range who {
		doc.Ringing = append(doc.Ringing, supervision.RingingPart{Person: supervision.PersonID(w), Groups: []supervision.GroupID{"sales"}})
	}
	return doc
}

func in(person, status, warning string) supervision.MemberDocument {
	return supervision.MemberDocument{
		Person: supervision.PersonID(person), MayLeave: true, LoggedIn: status != supervision.StatusLoggedOut, Status: status, Warning: warning,
	}
}

// site is what anna sees: she supervises sales and is in the night watch, with somebody of each kind.
func site() Picture {
	p := NewPicture()
	p.Site = &supervision.SiteDocument{
		ID: "hq", Epoch: 7, AliveUntil: supervision.Stamp{Time: noon.Add(15 * time.Second)},
		PBX: supervision.PBXDocument{Connected: true, Since: ago(time.Hour), Version: "22.10.1"},
	}
	p.Me = person("anna", "Anna Berger", "101", supervision.Online, 17*time.Minute)
	ringing := person("ben", "Ben Okafor", "102", supervision.BusyNow, 12*time.Second)
	ringing.Presence.Source, ringing.Calls = "call", []supervision.CallID{"c1"}
	web := person("carla", "Carla Díaz-Müller", "103", supervision.BusyNow, 50*time.Minute)
	web.Presence.Source = "web_call"
	for _, doc := range []*supervision.PersonDocument{
		ringing, web,
		person("dora", "Dora Lind", "104", supervision.Offline, 26*time.Hour,
			forwarding.Document{Kind: forwarding.NoAnswer, Target: "107", Effective: "109", AfterSeconds: 15}),
		person("yu", "王小明", "106", supervision.Online, 5*time.Minute,
			forwarding.Document{Kind: forwarding.Always, Target: "+4917012345678", Effective: "+4917012345678"}),
		person("zoe", "Zoë Ångström", "111", supervision.Away, 3*24*time.Hour),
	} {
		p.People[doc.ID] = doc
	}
	p.Groups["sales"] = &supervision.GroupDocument{
		ID: "sales", Name: "Vertrieb", Number: "1", Type: supervision.MutualAid, LockLast: supervision.LockPerson,
		Supervisors: []supervision.SupervisorDocument{
			{Person: "anna", Admin: true, MayLeave: true, LoggedIn: true},
			{Person: "emil", Name: "Emil Roth", MayLeave: true, LoggedIn: true, Warning: supervision.WarningNotConnected},
		},
		Members: []supervision.MemberDocument{
			in("ben", supervision.StatusRinging, ""), in("carla", supervision.StatusLoggedIn, ""),
			in("dora", supervision.StatusLoggedIn, supervision.WarningNotConnected),
			in("yu", supervision.StatusLoggedIn, ""), in("zoe", supervision.StatusLoggedOut, ""),
		},
		Ringing: []supervision.CallID{"c1", "c2"},
	}
	p.Memberships["sales"] = &supervision.Membership{ID: "sales", Name: "Vertrieb", Number: "1", LoggedIn: true, MayLeave: true, Count: 6, Connected: 4}
	p.Memberships["night"] = &supervision.Membership{ID: "night", Name: "Nachtwache", Number: "3", MayLeave: true, Count: 2, Connected: 1}
	p.Groups["desk"] = &supervision.GroupDocument{
		ID: "desk", Name: "Empfang", Number: "2", Type: supervision.Standard,
		Supervisors: []supervision.SupervisorDocument{{Person: "anna", LoggedIn: true}},
		Members:     []supervision.MemberDocument{in("igor", supervision.StatusLoggedIn, supervision.WarningNotConnected)},
	}
	p.People["igor"] = person("igor", "Igor Petrov", "109", supervision.Offline, 8*time.Hour)
	p.Calls["c1"] = call("c1", 12*time.Second, supervision.Caller{Number: "+4930555123", Name: "Dr. Weiß"}, "700",
		[]supervision.Via{{Kind: supervision.ViaQueue, Number: "800", Name: "support"}}, "ben", "yu")
	p.Calls["c2"] = call("c2", 3*time.Second, supervision.Caller{Withheld: true}, "102", nil, "ben")
	return p
}

// watching is a screen of so many cells, with all that there is to see.
func watching(width, height int, p Picture) *Screen {
	s := New(Options{Site: "hq", As: "anna", PickupTime: 17 * time.Second}, noon)
	s.Update(Resize{width, height})
	s.Update(Whole{noon, p})
	return s
}

func press(s *Screen, keys ...string) Effect {
	var e Effect
	for _, k := range keys {
		text := ""
		if len([]rune(k)) == 1 {
			text = k
		}
		e = s.Update(Key{Name: k, Text: text})
	}
	return e
}

// shows compares a screen with the one in testdata, and proves that it fits the terminal.
func shows(t *testing.T, s *Screen, name string) {
	t.Helper()
	text := ansi.Strip(s.View())
	lines := strings.Split(text, "\n")
	if len(lines) > s.height {
		t.Errorf("%d lines on a terminal of %d", len(lines), s.height)
	}
	for _, l := range lines {
		if w := ansi.StringWidth(l); w > s.width {
			t.Errorf("%d cells on a terminal of %d: %q", w, s.width, l)
		}
	}
	for i, l := range lines {
		lines[i] = strings.TrimRight(l, " ")
	}
	compare(t, strings.Join(lines, "\n")+"\n", name)
}

func compare(t *testing.T, text, name string) {
	t.Helper()
	file := filepath.Join("testdata", name+".txt")
	if *update {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if text != string(want) {
		t.Errorf("%s: got\n%s\nwant\n%s", name, text, want)
	}
}

func TestScreens(t *testing.T) {
	everything := func() *Screen {
		p := site()
		p.People["anna"], p.Me, p.Memberships = p.Me, nil, nil
		p.People["emil"] = person("emil", "Emil Novak", "105", supervision.Offline, time.Minute)
		p.People["julia"] = person("julia", "Julia Costa", "110", supervision.DND, 2*time.Hour)
		s := New(Options{Site: "hq"}, noon)
		s.Update(Resize{80, 24})
		s.Update(Whole{noon, p})
		return s
	}
	for name, make := range map[string]func() *Screen{
		"80x24":      func() *Screen { return watching(80, 24, site()) },
		"200x50":     func() *Screen { return watching(200, 50, site()) },
		"40x10":      func() *Screen { return watching(40, 10, site()) },
		"too_small":  func() *Screen { return watching(39, 10, site()) },
		"everything": everything,
		"help":       func() *Screen { s := watching(80, 24, site()); press(s, "?"); return s },
		"selected":   func() *Screen { s := watching(80, 24, site()); press(s, "down", "down"); return s },
		"person": func() *Screen {
			s := watching(80, 24, site())
			press(s, "end", "up", "up")
			return s
		},
		"scrolled": func() *Screen { s := watching(80, 16, site()); press(s, "end"); return s },
		"filtered": func() *Screen { s := watching(80, 24, site()); press(s, "/", "m", "ü"); return s },
		"letters": func() *Screen {
			s := watching(80, 24, site())
			s.marks = letters
			return s
		},
		"many_calls": func() *Screen {
			p := site()
			for i := range 30 {
				id := supervision.CallID("d" + string(rune('A'+i)))
				p.Calls[id] = call(string(id), time.Minute+time.Duration(i)*time.Second, supervision.Caller{Number: "03012345"}, "102", nil, "ben")
			}
			return watching(80, 24, p)
		},
		"nothing_yet": func() *Screen { s := New(Options{Site: "hq", As: "anna"}, noon); return s },
		"pbx_away": func() *Screen {
			p := site()
			p.Site.PBX = supervision.PBXDocument{Since: ago(2 * time.Second)}
			return watching(80, 24, p)
		},
		"sip_silent": func() *Screen {
			p := site()
			p.Site.PBX.SIP = supervision.SIPSilent
			return watching(80, 24, p)
		},
	} {
		t.Run(name, func(t *testing.T) { shows(t, make(), name) })
	}
}
