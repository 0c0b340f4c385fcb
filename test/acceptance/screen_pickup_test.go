package acceptance

import (
	"context"
	"errors"
	"strings"
	"testing"

	"supervisiond/test/lab"
	"supervisiond/test/softphone"
)

// screenOptions are those of a site in which emil's phone and anna's on her desk answer by themselves, and hers at home does not.
func screenOptions(t *testing.T) options {
	t.Helper()
	return withCommanders(t, func(yaml string) string {
		yaml = strings.Replace(yaml, "endpoints: [PJSIP/105]", "endpoints: [{endpoint: PJSIP/105, auto_answer: snom}]", 1)
		return strings.Replace(yaml, "endpoints: [PJSIP/101, PJSIP/101-home]",
			"endpoints: [PJSIP/101-home, {endpoint: PJSIP/101, default: true, auto_answer: yealink}]", 1) + "\npickup: {timeout: 4s}\n"
	})
}

// TestPickupFromAScreen: a person or a program asks, the daemon calls the supervisor's phone and joins it to the caller (P3,
// P4, P6). What comes of it is the same over HTTP and on NATS.
func TestPickupFromAScreen(t *testing.T) {
	t.Parallel()
	testPickupFromAScreen(t, lab.Options{})
}

func TestPickupFromAScreenOnFreePBX(t *testing.T) {
	t.Parallel()
	testPickupFromAScreen(t, lab.Options{Layout: lab.FreePBX})
}

// screens is a site with the phones of who asks and who is asked about.
type screens struct {
	*site
	way
	desk, home, ben, carla, fatma *softphone.Phone
	phones                        map[string]*softphone.Phone
}

func testPickupFromAScreen(t *testing.T, o lab.Options) {
	s := httpSite(t, o)
	x := &screens{
		site: s, desk: s.phone("101", func(o *softphone.Options) { o.Behaviour = softphone.AutoAnswer() }),
		home: s.phone("101-home"), ben: s.phone("102"), carla: s.phone("103"), fatma: s.phone("106"),
	}
	s.phone("104")
	x.phones = map[string]*softphone.Phone{"101": x.desk, "101-home": x.home, "102": x.ben, "103": x.carla}
	for _, w := range []way{natsWay{s}, s.browsers("anna", "ben", "emil", "hana")} {
		for _, part := range []struct {
			name string
			test func(*screens)
		}{
			{"P3 a phone that answers by itself, and asking twice", (*screens).byItself},
			{"P3 a chosen phone, and the member rings until it is up", (*screens).chosen},
			{"P4 P7 the member answers meanwhile", (*screens).memberAnswers},
			{"P7 the caller gives up meanwhile", (*screens).callerGivesUp},
			{"P5 P7 the supervisor's phone does not take it, and the member rings on", (*screens).phoneDoesNot},
			{"P3 another call meanwhile", (*screens).anotherCall},
			{"P7 who may not, and what is not there", (*screens).mayNot},
		} {
			t.Run(w.via()+" "+part.name, func(t *testing.T) {
				here := *x
				here.site, here.way = s.in(t), w
				here.drain(here.phones)
				part.test(&here)
				here.quiet()
			})
		}
	}
	t.Run("P3 a browser that is gone", func(t *testing.T) {
		here := *x
		here.site = s.in(t)
		here.browserGoes()
	})
}

// refuses proves that a pickup is refused, with the code and what belongs to it on this way.
func (x *screens) refuses(code, actor, body string) {
	x.t.Helper()
	x.refusedSo(code, <-asked(x.way, actor, "call.pickup", body))
}

func (x *screens) refusedSo(code string, a answer) {
	x.t.Helper()
	if a.Code != code {
		x.t.Errorf("%+v, want %s", a.reply, code)
	}
}

func (x *screens) ring() (caller, member *softphone.Call, call callDocument, mark int) {
	x.t.Helper()
	mark = x.watch.mark()
	caller = x.dial(x.fatma, "102")
	member = x.rings(x.ben)
	return caller, member, x.watch.awaitCall(mark, "rings", func(d callDocument) bool { return d.State == "ringing" }), mark
}

// taken proves at both ends, on the member's phone and in the event that anna has the call, and ends it.
func (x *screens) taken(via string, caller, member, picker *softphone.Call, call callDocument, mark int) {
	x.t.Helper()
	x.talk(caller, picker)
	x.must("the supervisor sees the caller", picker.WaitDisplay(x.ctx(), softphone.Party{Name: "Fatma Aydin", Number: "106"}))
	x.must("the caller sees the supervisor", caller.WaitDisplay(x.ctx(), softphone.Party{Name: "Anna Berger", Number: "101"}))
	if end := x.ended(member); !strings.Contains(end.Reason, "Call completed elsewhere") {
		x.t.Errorf("the member's phone should show no missed call: %+v", end)
	}
	body, _ := x.watch.event(mark, "call.picked_up", call.ID)
	if body.By.Person != "anna" || body.By.Via != via || body.Person != "ben" {
		x.t.Errorf("the event says by %+v for %q", body.By, body.Person)
	}
	x.must("hang up", caller.Hangup(x.ctx()))
	x.ended(picker)
}

func (x *screens) byItself() {
	caller, member, call, mark := x.ring()
	first := asked(x.way, "anna", "call.pickup", `{}`)
	second := asked(x.way, "anna", "call.pickup", `{"call":"`+call.ID+`"}`)
	picker := x.rings(x.desk)
	for _, answers := range []<-chan answer{first, second} {
		if a := <-answers; !a.OK || !a.Changed || a.Call != call.ID || a.OnBehalfOf != "ben" {
			// The second may also have come when it was over.
			x.refusedSo("already_taken", a)
		}
	}
	x.taken(x.via(), caller, member, picker, call, mark)
}

func (x *screens) chosen() {
	caller, member, call, mark := x.ring()
	answers := asked(x.way, "anna", "call.pickup", `{"person":"ben","endpoint":"PJSIP/101-home"}`)
	picker := x.rings(x.home)
	if seen := picker.Display(); seen != (softphone.Party{Name: "Fatma Aydin", Number: "106"}) {
		x.t.Errorf("the phone that rings shows %+v", seen)
	}
	if member.State() != softphone.Ringing {
		x.t.Errorf("the member's phone is %v", member.State())
	}
	x.must("answer", picker.Answer())
	if a := <-answers; !a.OK {
		x.t.Errorf("%+v", a.reply)
	}
	x.taken(x.via(), caller, member, picker, call, mark)
}

func (x *screens) memberAnswers() {
	caller, member, _, _ := x.ring()
	answers := asked(x.way, "anna", "call.pickup", `{"endpoint":"PJSIP/101-home"}`)
	picker := x.rings(x.home)
	x.must("answer", member.Answer())
	late := asked(x.way, "anna", "call.pickup", `{"person":"ben"}`)
	for _, a := range []answer{<-answers, <-late} {
		x.refusedSo("already_taken", a)
		if a.Details["by"] != "ben" {
			x.t.Errorf("it is said to be taken by %v", a.Details)
		}
	}
	if end := x.ended(picker); !strings.Contains(end.Reason, "Call completed elsewhere") {
		x.t.Errorf("the supervisor's phone should show no missed call: %+v", end)
	}
	x.talk(caller, member)
	x.must("hang up", caller.Hangup(x.ctx()))
}

func (x *screens) callerGivesUp() {
	caller, _, _, _ := x.ring()
	answers := asked(x.way, "anna", "call.pickup", `{"endpoint":"PJSIP/101-home"}`)
	picker := x.rings(x.home)
	x.must("hang up", caller.Hangup(x.ctx()))
	x.refusedSo("not_ringing", <-answers)
	x.ended(picker)
}

// anotherCall is not what her phone rings for: she is told, and has the first.
func (x *screens) anotherCall() {
	caller, member, call, mark := x.ring()
	second := x.dial(x.fatma, "103")
	x.rings(x.carla)
	x.ringingCall(mark, "carla")
	answers := asked(x.way, "anna", "call.pickup", `{"person":"ben","endpoint":"PJSIP/101-home"}`)
	picker := x.rings(x.home)
	x.refuses("conflict", "anna", `{"person":"carla"}`)
	x.refuses("not_supervisor", "anna", `{"person":"emil"}`) // whom she may not is said first
	x.must("answer", picker.Answer())
	if a := <-answers; !a.OK || a.Call != call.ID {
		x.t.Errorf("%+v", a.reply)
	}
	x.taken(x.via(), caller, member, picker, call, mark)
	x.must("hang up", second.Hangup(x.ctx()))
}

func (x *screens) phoneDoesNot() {
	caller, member, _, mark := x.ring()
	for _, p := range []struct {
		name, code string
		act        func(*softphone.Call) error
	}{
		{"busy", "unreachable", func(c *softphone.Call) error { return c.Decline(486) }},
		{"declined", "unreachable", func(c *softphone.Call) error { return c.Decline(603) }},
		{"redirects", "unreachable", func(c *softphone.Call) error { return c.Redirect("103") }},
		{"does not answer", "no_answer", nil},
	} {
		answers := asked(x.way, "anna", "call.pickup", `{"endpoint":"PJSIP/101-home"}`)
		picker := x.rings(x.home)
		if p.act != nil {
			x.must(p.name, p.act(picker))
		}
		x.refusedSo(p.code, <-answers)
		x.ended(picker)
	}
	x.refuses("unreachable", "emil", `{}`) // his phone is not registered
	x.done("anna", "dnd.set", `{"person":"anna","on":true}`, true)
	x.refuses("unreachable", "anna", `{"endpoint":"PJSIP/101-home"}`)
	x.done("anna", "dnd.set", `{"person":"anna","on":false}`, true)
	if member.State() != softphone.Ringing {
		x.t.Errorf("the member's phone is %v", member.State())
	}
	x.must("answer", member.Answer())
	x.talk(caller, member)
	x.must("hang up", caller.Hangup(x.ctx()))
	for _, m := range x.watch.since(mark) {
		if strings.HasPrefix(m.subject, "state.call.") && strings.Contains(string(m.data), "carla") {
			x.t.Errorf("a redirection rings somebody: %s", m.data)
		}
	}
}

func (x *screens) mayNot() {
	caller, member, call, _ := x.ring()
	x.refuses("not_supervisor", "ben", `{}`)
	x.refuses("not_supervisor", "hana", `{"person":"ben"}`)
	x.refuses("not_found", "hana", `{"call":"`+call.ID+`"}`)
	x.refuses("not_found", "anna", `{"person":"nobody"}`)
	x.refuses("not_found", "anna", `{"endpoint":"PJSIP/102"}`)
	x.refuses("invalid", "anna", `{"person":"ben","group":"sales"}`)
	x.refuses("not_ringing", "anna", `{"person":"carla"}`)
	if member.State() != softphone.Ringing {
		x.t.Errorf("the member's phone is %v", member.State())
	}
	x.must("hang up", caller.Hangup(x.ctx()))
}

// browserGoes closes the connection while the phone rings: the pickup goes on.
func (x *screens) browserGoes() {
	x.drain(x.phones)
	caller, member, call, mark := x.ring()
	anna := x.signedIn("anna")
	ctx, leave := context.WithCancel(x.t.Context())
	gone := make(chan error, 1)
	request := anna.request(ctx, "POST", "/calls/"+call.ID+"/pickup", `{"endpoint":"PJSIP/101-home"}`)
	go func() {
		resp, err := anna.client.Do(request)
		if err == nil {
			_ = resp.Body.Close()
		}
		gone <- err
	}()
	picker := x.rings(x.home)
	leave()
	if err := <-gone; !errors.Is(err, context.Canceled) {
		x.t.Errorf("the browser was answered before it left: %v", err)
	}
	x.must("answer", picker.Answer())
	x.taken("http", caller, member, picker, call, mark)
	x.quiet()
}
