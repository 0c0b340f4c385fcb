package softphone_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"supervisiond/test/lab"
	"supervisiond/test/softphone"
)

// dialplan has a number that picks up what rings at a phone, and one that
// becomes somebody else in the middle of a call.
const dialplan = `
[supervision]
exten => *9,1,Answer()
 same => n,Set(CONNECTEDLINE(name,i)=Somebody Else)
 same => n,Set(CONNECTEDLINE(num)=999)
 same => n,Echo()
exten => _*8XXX,1,PickupChan(PJSIP/${EXTEN:2},p)
[supervision-hints]
`

func TestPhones(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]func(*testing.T, *lab.Asterisk){
		"plain call":             plainCall,
		"over TCP":               overTCP,
		"wrong password":         wrongPassword,
		"caller cancels":         callerCancels,
		"callee declines":        calleeDeclines,
		"redirected":             redirected,
		"183 only":               progressOnly,
		"no provisional":         silentPhone,
		"ring group":             ringGroup,
		"local ring group":       localRingGroup,
		"queue":                  queue,
		"local queue":            localQueue,
		"nested local channels":  nested,
		"connected line":         connectedLine,
		"display update":         displayUpdate,
		"pickup":                 pickup,
		"from outside":           fromOutside,
		"withheld by the caller": withheldByCaller,
		"withheld by the PBX":    withheldByPBX,
		"asserted identity":      assertedIdentity,
		"echo":                   echo,
		"close with a call":      closeWithCall,
		"forwarding":             forwarding,
		"do not disturb":         doNotDisturb,
		"ring timeout":           ringTimeout,
		"voicemail":              voicemail,
		"two devices":            twoDevices,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, lab.Start(t, lab.Options{Dialplan: dialplan}))
		})
	}
}

func plainCall(t *testing.T, pbx *lab.Asterisk) {
	a, b := phone(t, pbx, "101"), phone(t, pbx, "102")
	out := dial(t, a, "102")
	in := rings(t, b)
	if got := (softphone.Party{Name: "Anna Berger", Number: "101"}); in.Display() != got {
		t.Errorf("102 shows %v", in.Display())
	}
	wait(t, out, softphone.Ringing)
	if _, ok := out.When(softphone.Provisional, 180); !ok {
		t.Error("the caller got no 180")
	}
	must(t, in.Answer())
	wait(t, out, softphone.Talking)
	hear(t, out, in)
	if heard := out.Heard(); !slices.Equal(heard, []string{"102"}) {
		t.Errorf("101 heard %q", heard)
	}
	must(t, out.Hangup(within(t)))
	expectEnd(t, out, softphone.HungUp, 0)
	expectEnd(t, in, softphone.HungUpByPeer, 0)
	sent, received := in.Packets()
	if sent == 0 || received == 0 {
		t.Errorf("102 sent %d packets and received %d", sent, received)
	}
	for ctx := within(t); ; {
		records, err := pbx.CallRecords()
		must(t, err)
		if len(records) > 0 {
			if r := records[0]; r.Source != "101" || r.Destination != "102" || r.Disposition != "ANSWERED" {
				t.Errorf("the call record says %+v", r)
			}
			return
		}
		must(t, ctx.Err())
	}
}

func overTCP(t *testing.T, pbx *lab.Asterisk) {
	tcp := func(o *softphone.Options) { o.Transport = "tcp" }
	a, b := phone(t, pbx, "101", tcp), phone(t, pbx, "102", tcp)
	out := dial(t, a, "102")
	in := rings(t, b)
	must(t, in.Answer())
	hear(t, out, in)
	must(t, in.Hangup(within(t)))
	expectEnd(t, out, softphone.HungUpByPeer, 0)

	out = dial(t, a, "102")
	in = rings(t, b)
	wait(t, out, softphone.Ringing)
	must(t, out.Hangup(within(t)))
	expectEnd(t, in, softphone.Cancelled, 487)
}

func wrongPassword(t *testing.T, pbx *lab.Asterisk) {
	o := softphone.Options{User: "101", Password: "guess", Server: pbx.SIPAddr()}
	_, err := softphone.New(within(t), o)
	var refused *softphone.StatusError
	if !errors.As(err, &refused) || refused.Code != 401 {
		t.Errorf("registering with a wrong password: %v", err)
	}
	o.NoRegister = true
	call := dial(t, softphone.Start(t, o), "102")
	expectEnd(t, call, softphone.Declined, 401)
}

func callerCancels(t *testing.T, pbx *lab.Asterisk) {
	a, b := phone(t, pbx, "101"), phone(t, pbx, "102")
	out := dial(t, a, "102")
	in := rings(t, b)
	wait(t, out, softphone.Ringing)
	must(t, out.Hangup(within(t)))
	expectEnd(t, out, softphone.Cancelled, 487)
	end := expectEnd(t, in, softphone.Cancelled, 487)
	if strings.Contains(end.Reason, "elsewhere") {
		t.Errorf("a missed call says %q", end.Reason)
	}
	if err := in.Answer(); err == nil {
		t.Error("a cancelled call was answered")
	}
	for ctx := within(t); ; {
		out, err := pbx.CLI(ctx, "core show channels count")
		must(t, err)
		if strings.HasPrefix(out, "0 active channels") {
			return
		}
	}
}

func calleeDeclines(t *testing.T, pbx *lab.Asterisk) {
	a := phone(t, pbx, "101")
	phone(t, pbx, "102", behave(softphone.Decline(486)))
	expectEnd(t, dial(t, a, "102"), softphone.Declined, 486)
}

func redirected(t *testing.T, pbx *lab.Asterisk) {
	a, d := phone(t, pbx, "101"), phone(t, pbx, "104")
	phone(t, pbx, "102", behave(softphone.Redirect("104")))
	out := dial(t, a, "102")
	in := rings(t, d)
	must(t, in.Answer())
	hear(t, out, in)
}

func progressOnly(t *testing.T, pbx *lab.Asterisk) {
	a := phone(t, pbx, "101")
	b := phone(t, pbx, "102", func(o *softphone.Options) { o.Ring = softphone.Progresses })
	out := dial(t, a, "102")
	in := rings(t, b)
	wait(t, out, softphone.Ringing)
	if _, ok := out.When(softphone.Provisional, 183); !ok {
		t.Error("the caller got no 183")
	}
	must(t, in.Answer())
	hear(t, out, in)
}

func silentPhone(t *testing.T, pbx *lab.Asterisk) {
	a := phone(t, pbx, "101")
	b := phone(t, pbx, "102", func(o *softphone.Options) { o.Ring = softphone.Silent })
	out := dial(t, a, "102")
	in := rings(t, b)
	must(t, in.Answer())
	hear(t, out, in)
}

// oneOfMany answers on one of several phones that ring.
func oneOfMany(t *testing.T, pbx *lab.Asterisk, number string, users ...string) {
	a := phone(t, pbx, "101")
	var calls []*softphone.Call
	var phones []*softphone.Phone
	for _, u := range users {
		phones = append(phones, phone(t, pbx, u))
	}
	out := dial(t, a, number)
	for _, p := range phones {
		calls = append(calls, rings(t, p))
	}
	wait(t, out, softphone.Ringing)
	must(t, calls[0].Answer())
	hear(t, out, calls[0])
	for _, c := range calls[1:] {
		end := expectEnd(t, c, softphone.Cancelled, 487)
		if !strings.Contains(end.Reason, "Call completed elsewhere") || !strings.Contains(end.Reason, "cause=26") {
			t.Errorf("%s was cancelled with %q", c, end.Reason)
		}
		if len(c.Heard()) > 0 {
			t.Errorf("%s heard %q", c, c.Heard())
		}
	}
}

func ringGroup(t *testing.T, pbx *lab.Asterisk) { oneOfMany(t, pbx, "700", "103", "102", "104") }
func localRingGroup(t *testing.T, pbx *lab.Asterisk) {
	oneOfMany(t, pbx, "701", "102", "103")
}
func queue(t *testing.T, pbx *lab.Asterisk)      { oneOfMany(t, pbx, "800", "102", "103") }
func localQueue(t *testing.T, pbx *lab.Asterisk) { oneOfMany(t, pbx, "801", "103", "102") }
func nested(t *testing.T, pbx *lab.Asterisk)     { oneOfMany(t, pbx, "750", "102") }
func twoDevices(t *testing.T, pbx *lab.Asterisk) { // 101 calls itself, from 102's web client
	web := phone(t, pbx, "102-web")
	desk, home := phone(t, pbx, "101"), phone(t, pbx, "101-home")
	out := dial(t, web, "101")
	one, other := rings(t, desk), rings(t, home)
	must(t, other.Answer())
	hear(t, out, other)
	expectEnd(t, one, softphone.Cancelled, 487)
}

// connectedLine proves that the caller's display shows who of a group answered.
func connectedLine(t *testing.T, pbx *lab.Asterisk) {
	a, b, c := phone(t, pbx, "101"), phone(t, pbx, "102"), phone(t, pbx, "103")
	out := dial(t, a, "700")
	rings(t, b)
	in := rings(t, c)
	wait(t, out, softphone.Ringing)
	if got := out.Display(); got != (softphone.Party{Number: "700"}) {
		t.Errorf("the caller shows %v while several ring", got)
	}
	must(t, in.Answer())
	must(t, out.WaitDisplay(within(t), softphone.Party{Name: "Carla Diaz", Number: "103"}))
}

// displayUpdate changes the other side in the middle of a call.
func displayUpdate(t *testing.T, pbx *lab.Asterisk) {
	call := dial(t, phone(t, pbx, "101"), "*9")
	must(t, call.WaitDisplay(within(t), softphone.Party{Name: "Somebody Else", Number: "999"}))
	if _, err := call.WaitEvent(within(t), func(e softphone.Event) bool {
		return e.Kind == softphone.Reinvite || e.Kind == softphone.Update
	}); err != nil {
		t.Error(err)
	}
	must(t, call.Hears(within(t), "101"))
	must(t, call.Hangup(within(t)))

}

// pickup proves that both displays follow a call that changes hands.
func pickup(t *testing.T, pbx *lab.Asterisk) {
	a, b, d := phone(t, pbx, "101"), phone(t, pbx, "102"), phone(t, pbx, "104")
	out := dial(t, a, "102")
	rung := rings(t, b)
	picker := dial(t, d, "*8102")
	hear(t, out, picker)
	end := expectEnd(t, rung, softphone.Cancelled, 487)
	if !strings.Contains(end.Reason, "Call completed elsewhere") {
		t.Errorf("102 was cancelled with %q", end.Reason)
	}
	must(t, out.WaitDisplay(within(t), softphone.Party{Name: "Dora Lind", Number: "104"}))
	must(t, picker.WaitDisplay(within(t), softphone.Party{Name: "Anna Berger", Number: "101"}))
	must(t, picker.Hangup(within(t)))
	expectEnd(t, out, softphone.HungUpByPeer, 0)
}

func trunk(o *softphone.Options) { o.NoRegister, o.Mark = true, "outside" }

func fromOutside(t *testing.T, pbx *lab.Asterisk) {
	out, b := phone(t, pbx, lab.Trunk, trunk), phone(t, pbx, "102")
	for _, who := range []softphone.Party{
		{Name: "Dr. Weiß", Number: "+4930555"},
		{Name: "says to be Anna", Number: "101"},
	} {
		call := dial(t, out, "4930102", softphone.From(who.Number, who.Name))
		in := rings(t, b)
		if in.Display() != who {
			t.Errorf("102 shows %v, want %v", in.Display(), who)
		}
		must(t, in.Answer())
		hear(t, call, in)
		must(t, call.Hangup(within(t)))
		ended(t, in)
	}
}

func assertedIdentity(t *testing.T, pbx *lab.Asterisk) {
	out, b := phone(t, pbx, lab.Trunk, trunk), phone(t, pbx, "102")
	dial(t, out, "4930102", softphone.From("0", ""), softphone.AssertedIdentity("+4930777", "Real Caller"))
	if got := rings(t, b).Display(); got != (softphone.Party{Name: "Real Caller", Number: "+4930777"}) {
		t.Errorf("102 shows %v", got)
	}
}

func expectWithheld(t *testing.T, in *softphone.Call, secret string) {
	t.Helper()
	for _, header := range []string{"From", "P-Asserted-Identity", "Remote-Party-ID", "Contact"} {
		for _, value := range in.Header(header) {
			t.Logf("%s: %s", header, value)
			if header != "Contact" && strings.Contains(value, secret) {
				t.Errorf("%s tells the withheld caller: %s", header, value)
			}
		}
	}
}

func withheldByCaller(t *testing.T, pbx *lab.Asterisk) {
	out, b := phone(t, pbx, lab.Trunk, trunk), phone(t, pbx, "102")
	dial(t, out, "4930102", softphone.Anonymous(),
		softphone.AssertedIdentity("+4930777", "Secret"), softphone.Privacy("id"))
	expectWithheld(t, rings(t, b), "+4930777")
}

func withheldByPBX(t *testing.T, pbx *lab.Asterisk) {
	a, b := phone(t, pbx, "101"), phone(t, pbx, "102")
	dial(t, a, "6102")
	expectWithheld(t, rings(t, b), "101@")
}

func echo(t *testing.T, pbx *lab.Asterisk) {
	call := dial(t, phone(t, pbx, "101"), "300")
	must(t, call.Hears(within(t), "101"))
}

func closeWithCall(t *testing.T, pbx *lab.Asterisk) {
	a, b := phone(t, pbx, "101"), phone(t, pbx, "102")
	out := dial(t, a, "102")
	in := rings(t, b)
	must(t, in.Answer())
	hear(t, out, in)
	second := dial(t, a, "102")
	rings(t, b)
	must(t, a.Close(within(t)))
	expectEnd(t, out, softphone.HungUp, 0)
	expectEnd(t, second, softphone.Cancelled, 487)
	expectEnd(t, in, softphone.HungUpByPeer, 0)
	if _, err := a.Dial(t.Context(), "102"); !errors.Is(err, softphone.ErrClosed) {
		t.Errorf("a closed phone dials: %v", err)
	}
	if out, err := pbx.CLI(within(t), "pjsip show contacts"); err != nil || strings.Contains(out, "101/") {
		t.Errorf("a closed phone is registered: %v %s", err, out)
	}
}

func put(t *testing.T, pbx *lab.Asterisk, family, key, value string) {
	t.Helper()
	_, err := pbx.CLI(within(t), "database put "+family+" "+key+" "+value)
	must(t, err)
}

func forwarding(t *testing.T, pbx *lab.Asterisk) {
	a, b, c := phone(t, pbx, "101"), phone(t, pbx, "102"), phone(t, pbx, "103")
	answered := func(number string, p *softphone.Phone) {
		t.Helper()
		out := dial(t, a, number)
		in := rings(t, p)
		must(t, in.Answer())
		hear(t, out, in)
		must(t, out.Hangup(within(t)))
		ended(t, in)
	}
	put(t, pbx, "CF", "102", "103")
	answered("102", c)

	put(t, pbx, "CFB", "104", "103") // 104 is not registered: not busy
	expectEnd(t, dial(t, a, "104"), softphone.Declined, 480)
	put(t, pbx, "CFU", "104", "103")
	answered("104", c)

	put(t, pbx, "CFB", "105", "103")
	phone(t, pbx, "105", behave(softphone.Decline(486)))
	answered("105", c)

	put(t, pbx, "CFUT", "103", "1")
	put(t, pbx, "CFU", "103", "102")
	_, err := pbx.CLI(within(t), "database del CF 102")
	must(t, err)
	out := dial(t, a, "103")
	rung := rings(t, c)
	in := rings(t, b)
	must(t, in.Answer())
	hear(t, out, in)
	expectEnd(t, rung, softphone.Cancelled, 487)
}

func doNotDisturb(t *testing.T, pbx *lab.Asterisk) {
	a := phone(t, pbx, "101")
	phone(t, pbx, "102")
	put(t, pbx, "DND", "102", "YES")
	expectEnd(t, dial(t, a, "102"), softphone.Declined, 486)
}

func ringTimeout(t *testing.T, pbx *lab.Asterisk) {
	a, b := phone(t, pbx, "101"), phone(t, pbx, "102")
	out := dial(t, a, "9102")
	in := rings(t, b)
	expectEnd(t, out, softphone.Declined, 480)
	expectEnd(t, in, softphone.Cancelled, 487)
}

func voicemail(t *testing.T, pbx *lab.Asterisk) {
	a, b := phone(t, pbx, "101"), phone(t, pbx, "102")
	out := dial(t, a, "8102")
	in := rings(t, b)
	expectEnd(t, in, softphone.Cancelled, 487)
	must(t, out.Hears(within(t), "101"))
}
