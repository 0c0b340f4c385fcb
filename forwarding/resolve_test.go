package forwarding

import (
	"fmt"
	"maps"
	"reflect"
	"strings"
	"testing"
)

func TestResolve(t *testing.T) {
	hostile := "1,2)${SHELL(x)}\n\"'"
	for _, c := range []struct {
		name  string
		lines Lines
		want  []Forward
	}{
		{"nothing stored", nil, nil},
		{"do-not-disturb is no forward", Lines{"102": {DND: true}}, nil},
		{"to the outside", Lines{"102": {Always: "+4989123"}},
			[]Forward{{Kind: Always, Target: "+4989123", Effective: "+4989123"}}},
		{"all kinds, in order", Lines{"102": {NoAnswer: "105", Busy: "104", Always: "103", AfterSeconds: 25}},
			[]Forward{
				{Kind: Always, Target: "103", Effective: "103"}, {Kind: Busy, Target: "104", Effective: "104"},
				{Kind: NoAnswer, Target: "105", Effective: "105", AfterSeconds: 25},
			}},
		{"through a chain", Lines{"102": {Busy: "103"}, "103": {Always: "104"}, "104": {Always: "105", Busy: "106"}},
			[]Forward{{Kind: Busy, Target: "103", Effective: "105"}}},
		{"only always leads on", Lines{"102": {Always: "103"}, "103": {Busy: "104", NoAnswer: "105"}},
			[]Forward{{Kind: Always, Target: "103", Effective: "103"}}},
		{"to itself", Lines{"102": {Always: "102"}},
			[]Forward{{Kind: Always, Target: "102", Effective: "102", Loop: true}}},
		{"two send to each other", Lines{"102": {Always: "103"}, "103": {Always: "102"}},
			[]Forward{{Kind: Always, Target: "103", Effective: "103", Loop: true}}},
		{"into a loop of others", Lines{"102": {NoAnswer: "103"}, "103": {Always: "104"}, "104": {Always: "103"}},
			[]Forward{{Kind: NoAnswer, Target: "103", Effective: "104", Loop: true}}},
		{"busy comes back to the busy line", Lines{"102": {Busy: "103"}, "103": {Always: "102"}},
			[]Forward{{Kind: Busy, Target: "103", Effective: "103", Loop: true}}},
		{"anything may be stored", Lines{"102": {Always: hostile}, hostile: {Always: " 104"}, "104": {Always: "105"}},
			[]Forward{{Kind: Always, Target: hostile, Effective: " 104"}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			before := maps.Clone(c.lines)
			if got := Resolve(c.lines, "102"); !reflect.DeepEqual(got, c.want) {
				t.Errorf("got  %+v\nwant %+v", got, c.want)
			}
			if !maps.Equal(c.lines, before) {
				t.Error("the lines were changed")
			}
		})
	}
}

// A chain through every line of a big site is followed to its end, and round once if it is a loop.
func TestResolveLongChain(t *testing.T) {
	const n = 10_000
	lines := make(Lines, n)
	for i := range n {
		lines[fmt.Sprint(i)] = Stored{Always: fmt.Sprint(i + 1)}
	}
	if f := Resolve(lines, "0")[0]; f.Loop || f.Effective != fmt.Sprint(n) {
		t.Errorf("%+v", f)
	}
	lines[fmt.Sprint(n)] = Stored{Always: "0"}
	if f := Resolve(lines, "0")[0]; !f.Loop || f.Effective != fmt.Sprint(n) {
		t.Errorf("%+v", f)
	}
}

func TestWith(t *testing.T) {
	s := Stored{Busy: "104"}
	for _, step := range []struct {
		change Change
		want   Stored
	}{
		{Change{Kind: Always, Value: "103"}, Stored{Always: "103", Busy: "104"}},
		{Change{Kind: NoAnswer, Value: "105", AfterSeconds: 30}, Stored{Always: "103", Busy: "104", NoAnswer: "105", AfterSeconds: 30}},
		{Change{Kind: NoAnswer, Value: "106"}, Stored{Always: "103", Busy: "104", NoAnswer: "106", AfterSeconds: 30}},
		{Change{Value: DNDValue}, Stored{Always: "103", Busy: "104", NoAnswer: "106", AfterSeconds: 30, DND: true}},
		{Change{Kind: Phone, Value: "107"}, Stored{Always: "103", Busy: "104", NoAnswer: "106", AfterSeconds: 30, DND: true}},
		{Change{Kind: NoAnswer}, Stored{Always: "103", Busy: "104", DND: true}},
		{Change{Kind: Busy}, Stored{Always: "103", DND: true}},
		{Change{}, Stored{Always: "103"}},
		{Change{Kind: Always}, Stored{}},
	} {
		if s = s.With(step.change); s != step.want {
			t.Fatalf("%+v gives %+v, want %+v", step.change, s, step.want)
		}
	}
	if !s.Empty() || (Stored{AfterSeconds: 3}).Forwarded() || (Stored{DND: true}).Empty() {
		t.Error("what is empty and what is not")
	}
}

// linesOf reads lines from text: each row an extension and its three targets, separated by |.
func linesOf(text string) Lines {
	lines := make(Lines)
	for row := range strings.Lines(text) {
		f := append(strings.Split(strings.TrimSuffix(row, "\n"), "|"), "", "", "")
		lines[f[0]] = Stored{Always: f[1], Busy: f[2], NoAnswer: f[3]}
	}
	return lines
}

// FuzzResolve: whatever is stored, resolving ends, and says a loop exactly where following the chain step by step for
// longer than there are lines still leads on.
func FuzzResolve(f *testing.F) {
	f.Add("102|103\n103|104\n104|102|105|103", "102")
	f.Add("102|102\n||\n|102|", "")
	f.Add("a|\x00\n\x00|${X},&|a", "a")
	f.Fuzz(func(t *testing.T, text, ext string) {
		lines := linesOf(text)
		for _, got := range Resolve(lines, ext) {
			if got.Target == "" || got.Target != lines[ext].Target(got.Kind) {
				t.Fatalf("%+v of %q", got, text)
			}
			at, ended := got.Target, false
			for range len(lines) + 1 {
				if at == ext {
					break
				}
				if lines[at].Always == "" {
					ended = true
					break
				}
				at = lines[at].Always
			}
			if got.Loop == ended || ended && got.Effective != at {
				t.Fatalf("%+v of %q; the chain ends: %v, at %q", got, text, ended, at)
			}
		}
	})
}
