package ari

import (
	"testing"
)

// fakeAsker knows nothing unless told how to ask; the PBX of its zero value is a plain one.
type fakeAsker struct {
	ask   func(channelID string) bool
	marks bool
}

func (f fakeAsker) presentation(channelID string, _ presentation) bool {
	return f.ask != nil && f.ask(channelID)
}
func (f fakeAsker) forwarder(channelID string) bool { return f.ask != nil && f.ask(channelID) }
func (f fakeAsker) marksCallers() bool              { return f.marks }

// R4: what a caller wished counts wherever the PBX says it, and where it may have been put aside unseen there is more
// to know than the variables tell.
func TestPresentationSaid(t *testing.T) {
	const allowed, prohibited = "allowed_not_screened", "prohib_passed_screen"
	for name, x := range map[string]struct {
		vars  channelVars
		marks bool
		said  presentation
		all   bool
	}{
		"no channelvars":                   {channelVars{}, false, presentationUnknown, false},
		"allowed":                          {channelVars{Present: true, CallerPres: allowed}, false, presentationAllowed, true},
		"prohibited":                       {channelVars{Present: true, CallerPres: prohibited}, true, presentationWithheld, true},
		"unavailable":                      {channelVars{Present: true, CallerPres: "unavailable"}, false, presentationWithheld, true},
		"empty":                            {channelVars{Present: true}, false, presentationWithheld, true},
		"allowed, the wish may be hidden":  {channelVars{Present: true, CallerPres: allowed}, true, presentationAllowed, false},
		"allowed, no wish was put aside":   {channelVars{Present: true, CallerPres: allowed, WishKnown: true}, true, presentationAllowed, true},
		"marked, the number was withheld":  {channelVars{Present: true, CallerPres: allowed, WishKnown: true, NumberWish: prohibited, NameWish: allowed}, true, presentationWithheld, true},
		"marked, the name was withheld":    {channelVars{Present: true, CallerPres: allowed, WishKnown: true, NumberWish: allowed, NameWish: prohibited}, true, presentationWithheld, true},
		"marked, and nothing was withheld": {channelVars{Present: true, CallerPres: allowed, WishKnown: true, NumberWish: allowed, NameWish: allowed}, true, presentationAllowed, true},
	} {
		t.Run(name, func(t *testing.T) {
			if said, all := x.vars.said(x.marks); all != x.all || all && said != x.said {
				t.Errorf("said %v, all of it %v; want %v, %v", said, all, x.said, x.all)
			}
		})
	}
}

// A number that stands in a variable is taken where the extension is none, and in the order that fits the context.
func TestNumberInSubroutine(t *testing.T) {
	vars := channelVars{DNID: "4930700", Destination: "700", Called: "104"}
	for _, x := range []struct {
		context, exten string
		vars           channelVars
		want           string
	}{
		{"internal", "102", vars, "102"},
		{"macro-dial", "s", vars, "700"},
		{"macro-dial-one", "s", vars, "104"},
		{"macro-exten-vm", "docfb", vars, "104"},
		{"macro-dial-one", "s", channelVars{DNID: "102"}, "102"},
		{"macro-dial-one", "s", channelVars{}, "s"},
	} {
		l := &leg{channel: channel{Dialplan: dialplan{Context: x.context, Exten: x.exten}, Vars: x.vars}}
		if got := numberOf(l); got != x.want {
			t.Errorf("%s, %s: %s, want %s", x.context, x.exten, got, x.want)
		}
	}
}
