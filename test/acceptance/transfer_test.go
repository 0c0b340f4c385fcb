package acceptance

import (
	"strings"
	"testing"

	"supervisiond/test/lab"
	"supervisiond/test/lampboard"
	"supervisiond/test/softphone"
)

// R3, R4, S7: whoever transfers a supervised call, by asking first or not, a lamp shows with whom its person talks then; one who does
// not want to be shown stays unshown.
func TestTransfers(t *testing.T) {
	t.Parallel()
	testTransfers(t, lab.Options{}, "102")
}

// FreePBX has a phone that was sent on dial under the number of who had called it, and the phone that rings shows that too.
func TestTransfersOnFreePBX(t *testing.T) {
	t.Parallel()
	testTransfers(t, freePBX, "106")
}

func TestTransfersOnAsterisk16(t *testing.T) {
	t.Parallel()
	testTransfers(t, asterisk16(t, ""), "102")
}

func TestTransfersWithoutChannelVars(t *testing.T) {
	t.Parallel()
	testTransfers(t, lab.Options{NoChannelVars: true}, "102")
}

// transfers is anna's lamps of ben and dora, and the phones that call.
type transfers struct {
	*site
	phones    map[string]*softphone.Phone
	ben, dora *lampboard.Lamp
	sentOn    string // the number under which ben's phone calls when it was sent on
}

func testTransfers(t *testing.T, o lab.Options, sentOn string) {
	s := newSite(t, withSIP(options{lab: o}, "anna"))
	x := &transfers{site: s, phones: map[string]*softphone.Phone{lab.Trunk: s.outside()}, sentOn: sentOn}
	for _, user := range []string{"102", "104", "105", "106"} {
		x.phones[user] = s.phone(user)
	}
	anna := s.board("anna")
	x.ben, x.dora = s.subscribed(anna, "102", "dialog", ""), s.subscribed(anna, "104", "dialog", "")
	for _, c := range []struct {
		what string
		does func(*transfers) *softphone.Call // which gives a call that is left
	}{
		{"the caller asks somebody and joins them", (*transfers).callerJoins},
		{"the caller sends the member on", (*transfers).callerSendsOn},
		{"the member asks another one and joins them", (*transfers).memberJoins},
		{"the member sends the caller on", (*transfers).memberSendsOn},
		{"the member joins another one to a caller who is withheld", (*transfers).memberJoinsWithheld},
	} {
		t.Run(c.what, func(t *testing.T) {
			x := *x
			x.site = s.in(t)
			x.quiet()
			left := c.does(&x)
			x.must("hang up", left.Hangup(x.ctx()))
			x.lampShows(x.ben, "terminated", "-confirmed", "-early")
			x.lampShows(x.dora, "terminated", "-confirmed", "-early")
		})
	}
	for _, n := range append(x.ben.Notices(), x.dora.Notices()...) {
		if strings.Contains(n.Body, "30777") || strings.Contains(n.Body, "Geheim") {
			t.Errorf("a withheld caller is shown:\n%s", n.Body)
		}
	}
}

// speak has a phone call another one, which answers when a lamp has told of it, until they hear each other: people do nothing before.
func (x *transfers) speak(from, number, to string, lamp *lampboard.Lamp, o ...softphone.DialOption) (out, in *softphone.Call) {
	x.t.Helper()
	out = x.dial(x.phones[from], number, o...)
	in = x.rings(x.phones[to])
	if lamp != nil {
		x.lampShows(lamp, "<state>early</state>")
	}
	x.must("answer", in.Answer())
	x.talk(out, in)
	return out, in
}

func (x *transfers) callerJoins() *softphone.Call {
	first, in := x.speak("106", "102", "102", x.ben)
	x.lampShows(x.ben, "<state>confirmed</state>", "Fatma Aydin")
	second, _ := x.speak("106", "105", "105", nil)
	x.must("transfer", first.TransferTo(x.ctx(), second))
	x.lampShows(x.ben, "<state>confirmed</state>", "Emil Novak", "sip:105@", "-Fatma")
	return in
}

func (x *transfers) callerSendsOn() *softphone.Call {
	call, _ := x.speak("106", "102", "102", x.ben)
	mark := x.watch.mark()
	x.must("transfer", call.Transfer(x.ctx(), "104"))
	in := x.rings(x.phones["104"])
	x.lampShows(x.ben, "<state>confirmed</state>", "-Fatma", "-<remote>")
	shown := in.Display().Number
	if c := x.ringingCall(mark, "dora"); c.Caller.Number != shown || c.Dialled != "104" || shown != x.sentOn {
		x.t.Errorf("dora's phone shows %s, and told is %+v", shown, c)
	}
	x.lampShows(x.dora, "<state>early</state>", "sip:"+shown+"@")
	x.must("answer", in.Answer())
	x.lampShows(x.ben, "<state>confirmed</state>", "Dora Lind", "sip:104@")
	return in
}

func (x *transfers) memberJoins() *softphone.Call {
	_, first := x.speak("106", "102", "102", x.ben)
	second, in := x.speak("102", "104", "104", x.dora)
	x.lampShows(x.dora, "<state>confirmed</state>", "sip:102@")
	x.must("transfer", first.TransferTo(x.ctx(), second))
	x.lampShows(x.dora, "<state>confirmed</state>", "Fatma Aydin", "sip:106@", "-sip:102@")
	x.lampShows(x.ben, "terminated", "-confirmed")
	return in
}

func (x *transfers) memberSendsOn() *softphone.Call {
	_, call := x.speak("106", "102", "102", x.ben)
	x.must("transfer", call.Transfer(x.ctx(), "104"))
	in := x.rings(x.phones["104"])
	x.lampShows(x.dora, "<state>early</state>", "Fatma Aydin")
	x.lampShows(x.ben, "terminated", "-confirmed")
	x.must("answer", in.Answer())
	x.lampShows(x.dora, "<state>confirmed</state>", "Fatma Aydin")
	return in
}

func (x *transfers) memberJoinsWithheld() *softphone.Call {
	_, first := x.speak(lab.Trunk, "4930102", "102", x.ben, softphone.From("+4930777", "Geheim"),
		softphone.AssertedIdentity("+4930777", "Geheim"), softphone.Privacy("id"))
	second, in := x.speak("102", "104", "104", x.dora)
	x.must("transfer", first.TransferTo(x.ctx(), second))
	x.lampShows(x.dora, "<state>confirmed</state>", "anonymous.invalid", "-sip:102@")
	return in
}
