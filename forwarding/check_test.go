package forwarding

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func usual() *Policy {
	return &Policy{
		Families: Families{Always: "CF", Busy: "CFB", NoAnswer: "CFU", DND: "DND", NoAnswerSeconds: "CFUT"},
		Allowed:  []*regexp.Regexp{regexp.MustCompile(`^[0-9]{2,5}$`), regexp.MustCompile(`^(\+49|\*98|#9|0)`)},
	}
}

func TestCheck(t *testing.T) {
	lines := Lines{
		"103": {Always: "104"}, "104": {Always: "105"}, "106": {Always: "102"}, "107": {Always: "108"}, "108": {Always: "107"},
		"109": {NoAnswer: "102"}, "110": {Busy: "111"},
	}
	for _, c := range []struct {
		kind    Kind
		target  string
		seconds int
		change  func(*Policy)
		want    Reason
	}{
		{Always, "103", 0, nil, ""},
		{Busy, "103", 0, nil, ""},
		{NoAnswer, "103", 25, nil, ""},
		{NoAnswer, "+4989123", 0, nil, ""},
		{Always, "*98102", 0, nil, ""},
		{Always, "#9", 0, nil, ""},
		{Always, "110", 0, nil, ""},

		{Phone, "103", 0, nil, BadKind},
		{"", "103", 0, nil, BadKind},
		{"ALWAYS", "103", 0, nil, BadKind},
		{Busy, "103", 0, func(p *Policy) { p.Families.Busy = "" }, Unsupported},

		{Always, "103", 25, nil, BadSeconds},
		{Busy, "103", 25, nil, BadSeconds},
		{NoAnswer, "103", 25, func(p *Policy) { p.Families.NoAnswerSeconds = "" }, BadSeconds},
		{NoAnswer, "103", -1, nil, BadSeconds},
		{NoAnswer, "103", 1, nil, ""},
		{NoAnswer, "103", 300, nil, ""},
		{NoAnswer, "103", 301, nil, BadSeconds},

		{Always, "", 0, nil, NoTarget},
		{Always, "+", 0, nil, BadChars},
		{Always, "1+2", 0, nil, BadChars},
		{Always, "++49", 0, nil, BadChars},
		{Always, " 103", 0, nil, BadChars},
		{Always, "103\n", 0, nil, BadChars},
		{Always, "103\x00", 0, nil, BadChars},
		{Always, "١٠٣", 0, nil, BadChars},
		{Always, "103@internal", 0, nil, BadChars},
		{Always, "103&Local/900", 0, nil, BadChars},
		{Always, "${SHELL(x)}", 0, nil, BadChars},
		{Always, "0" + strings.Repeat("1", 31), 0, nil, ""},
		{Always, "0" + strings.Repeat("1", 32), 0, nil, TooLong},
		{Always, "123456", 0, nil, NotAllowed},
		{Always, "103", 0, func(p *Policy) { p.Allowed = nil }, NotAllowed},
		{Always, "102", 0, nil, ToOneself},
		{Busy, "102", 0, nil, ToOneself},

		{Always, "106", 0, nil, WouldLoop},   // 106 sends back
		{Busy, "106", 0, nil, WouldLoop},     // likewise
		{NoAnswer, "107", 0, nil, WouldLoop}, // a loop of others
		{Always, "109", 0, nil, WouldLoop},   // 109 sends back what it does not answer
		{Busy, "109", 0, nil, ""},            // 102 may have become free
	} {
		p := usual()
		if c.change != nil {
			c.change(p)
		}
		before := maps.Clone(lines)
		if got := p.Check(lines, "102", c.kind, c.target, c.seconds); got != c.want {
			t.Errorf("%s to %q after %d s: %q, want %q", c.kind, c.target, c.seconds, got, c.want)
		}
		if !maps.Equal(lines, before) {
			t.Fatal("the lines were changed")
		}
	}
}

// What is set already does not stand in the way of what replaces it.
func TestCheckReplaces(t *testing.T) {
	lines := Lines{"102": {Always: "103"}, "103": {Busy: "104"}, "104": {Always: "102"}}
	if got := usual().Check(lines, "102", Always, "105", 0); got != "" {
		t.Error(got)
	}
	if got := usual().Check(nil, "102", Always, "105", 0); got != "" {
		t.Error(got)
	}
}

func TestMessages(t *testing.T) {
	reasons := []Reason{BadKind, Unsupported, BadSeconds, NoTarget, BadChars, TooLong, NotAllowed, ToOneself, WouldLoop}
	var said []string
	for _, r := range reasons {
		if m := r.Message(); len(m) < 20 || slices.Contains(said, m) {
			t.Errorf("%s: %q", r, m)
		}
		said = append(said, r.Message())
		if about := r.AboutDestination(); about != !slices.Contains([]Reason{BadKind, Unsupported, BadSeconds}, r) {
			t.Errorf("%s: %v", r, about)
		}
	}
	if Reason("").Message() != "" || Reason("x").Message() != "x" {
		t.Error("no reason, no words")
	}
}

// FuzzCheck: nothing passes that means anything to a dialplan, that is too long, or that makes calls go round.
func FuzzCheck(f *testing.F) {
	for _, target := range []string{"103", "+49", "*98#", "1,2", "1&2", "a@b", "${X}", "(1)", "[1]", `"1"`, "'1'", `1\2`, "1;2", "1|2", "1\n", "1 2", ""} {
		f.Add("102|103\n103|102", "104", "always", target, 0)
	}
	p := usual()
	p.Allowed = []*regexp.Regexp{regexp.MustCompile(``)} // everything, so that it is not the list that saves us
	f.Fuzz(func(t *testing.T, text, ext, kind, target string, seconds int) {
		lines := linesOf(text)
		if p.Check(lines, ext, Kind(kind), target, seconds) != "" {
			return
		}
		if strings.ContainsAny(target, ",&@$(){}[]\"'\\;|`<>=!%^:/ \t\r\n\x00") || !regexp.MustCompile(`\A\+?[0-9*#]+\z`).MatchString(target) {
			t.Fatalf("%q passes", target)
		}
		if target == "" || len(target) > MaxTarget || target == ext || seconds < 0 || seconds > MaxAfterSeconds || !Kind(kind).Settable() {
			t.Fatalf("%q %q %d passes", kind, target, seconds)
		}
		for _, got := range Resolve(with(lines, ext, Kind(kind), target), ext) {
			if got.Kind == Kind(kind) && got.Loop {
				t.Fatalf("%+v loops", got)
			}
		}
	})
}

// What is offered is what Check lets through, and nothing else (F1).
func TestOffered(t *testing.T) {
	for name, change := range map[string]func(*Policy){
		"all":                      func(*Policy) {},
		"no place for always":      func(p *Policy) { p.Families.Always = "" },
		"no place for busy":        func(p *Policy) { p.Families.Busy = "" },
		"no place for no_answer":   func(p *Policy) { p.Families.NoAnswer = "" },
		"no place for the seconds": func(p *Policy) { p.Families.NoAnswerSeconds = "" },
		"no destination":           func(p *Policy) { p.Allowed = nil },
		"nothing":                  func(p *Policy) { *p = Policy{} },
	} {
		p := usual()
		change(p)
		for _, kind := range Kinds() {
			if offered, refused := slices.Contains(p.CanSet(), kind), p.Check(nil, "101", kind, "102", 0); offered == (refused != "") {
				t.Errorf("%s: %s is offered: %t, and refused: %q", name, kind, offered, refused)
			}
		}
		if refused := p.Check(nil, "101", NoAnswer, "102", 1); p.CanSetSeconds() == (refused != "") {
			t.Errorf("%s: seconds are offered: %t, and refused: %q", name, p.CanSetSeconds(), refused)
		}
	}
}
