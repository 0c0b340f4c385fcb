package acceptance

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"supervisiond/test/lab"
	"supervisiond/test/softphone"
)

// loggedIn waits until a group's document says whether somebody is logged in.
func (s *site) loggedIn(mark int, group, person string, want bool) {
	s.t.Helper()
	type participant struct {
		Person   string
		LoggedIn bool `json:"logged_in"`
	}
	document(s.watch, mark, "group."+group, fmt.Sprintf("%s logged in: %t", person, want), func(d struct {
		Supervisors, Members []participant
	}) bool {
		for _, p := range append(d.Supervisors, d.Members...) {
			if p.Person == person {
				return p.LoggedIn == want
			}
		}
		return false
	})
}

// loginEvent waits for the announcement of a login, and checks who did it.
func (s *site) loginEvent(mark int, kind, group, person, by string, forced bool) {
	s.t.Helper()
	_, m := s.watch.event(mark, kind, group)
	var body struct {
		Person string
		By     struct{ Person, Via string }
		Forced bool
	}
	s.must("event", json.Unmarshal(m.data, &body))
	if body.Person != person || body.By.Person != by || body.By.Via != "phone" || body.Forced != forced {
		s.t.Errorf("%s says %s", m.subject, m.data)
	}
}

// confirmed dials a code, and proves that it is obeyed and heard.
func (s *site) confirmed(p *softphone.Phone, code string) {
	s.t.Helper()
	call := s.dial(p, code)
	s.must(code+" is answered", call.Wait(s.ctx(), softphone.Talking))
	if end := s.ended(call); end.How != softphone.HungUpByPeer {
		s.t.Errorf("%s: %+v", code, end)
	}
	// A second of sound, in packets of 20 ms; the first ones may be lost to the start.
	if _, heard := call.Packets(); heard < 25 {
		s.t.Errorf("%s: %d packets of the tone are heard", code, heard)
	}
}

// obeyed dials a code that another test hears out.
func (s *site) obeyed(p *softphone.Phone, code string) {
	s.t.Helper()
	call := s.dial(p, code)
	s.must(code+" is answered", call.Wait(s.ctx(), softphone.Talking))
	s.must("hang up", call.Hangup(s.ctx()))
}

// refused dials a code, and proves that it is refused without being answered, with the reason in the phone's display.
func (s *site) refused(p *softphone.Phone, code string, status int, reason string) {
	s.t.Helper()
	call := s.dial(p, code)
	end := s.ended(call)
	if end.How != softphone.Declined || end.Code != status {
		s.t.Errorf("%s: %+v, want %d", code, end, status)
	}
	if got := call.Display(); got != (softphone.Party{Name: reason, Number: code}) {
		s.t.Errorf("%s: the display shows %v, want %s", code, got, reason)
	}
}

// noLogin proves that no login was announced since a mark.
func (s *site) noLogin(mark int) {
	s.t.Helper()
	for _, m := range s.watch.since(mark) {
		if strings.HasPrefix(m.subject, "event.group.joined.") || strings.HasPrefix(m.subject, "event.group.left.") {
			s.t.Errorf("%s: %s", m.subject, m.data)
		}
	}
}

// TestCodes shows logging in and out by phone on one PBX.
func TestCodes(t *testing.T) {
	t.Parallel()
	testCodes(t, lab.Options{})
}

func testCodes(t *testing.T, o lab.Options) {
	s := newSite(t, options{lab: o, configure: func(yaml string) string {
		return strings.Replace(yaml, "members: [ben, carla, dora]", "members: [ben, carla, {person: dora, may_leave: false}]", 1)
	}})
	anna, ben, dora := s.phone("101"), s.phone("102"), s.phone("104")
	fatma, hana, igor := s.phone("106"), s.phone("108"), s.phone("109")

	t.Run("G4 leave and join", func(t *testing.T) {
		s := s.in(t)
		mark := s.watch.mark()
		s.confirmed(ben, "*241")
		for _, m := range s.watch.since(mark) { // S3: a second of tones is no call
			if m.subject == "event.presence.changed.ben" {
				t.Errorf("hearing the confirmation changes presence: %s", m.data)
			}
		}
		s.loggedIn(mark, "sales", "ben", false)
		s.loginEvent(mark, "group.left", "sales", "ben", "ben", false)
		mark = s.watch.mark()
		s.confirmed(ben, "*241") // what holds already succeeds
		s.noLogin(mark)
		s.confirmed(ben, "*231")
		s.loggedIn(mark, "sales", "ben", true)
		s.loginEvent(mark, "group.joined", "sales", "ben", "ben", false)
	})
	t.Run("G4 toggle, for oneself in both ways", func(t *testing.T) {
		s := s.in(t)
		for _, x := range []struct {
			code string
			in   bool
		}{{"*251", false}, {"*251", true}, {"*251*102", false}, {"*251*102", true}} {
			mark := s.watch.mark()
			s.confirmed(ben, x.code)
			s.loggedIn(mark, "sales", "ben", x.in)
			kind := map[bool]string{true: "group.joined", false: "group.left"}[x.in]
			s.loginEvent(mark, kind, "sales", "ben", "ben", false)
		}
	})
	t.Run("G4 who is logged out is not supervised", func(t *testing.T) {
		s := s.in(t)
		mark := s.watch.mark()
		s.confirmed(ben, "*241")
		caller := s.dial(fatma, "102")
		s.rings(ben)
		s.refused(anna, "*20102", 403, "Not supervised")
		s.must("hang up", caller.Hangup(s.ctx()))
		for _, m := range s.watch.since(mark) {
			if strings.HasPrefix(m.subject, "state.call.") {
				t.Errorf("%s: %s", m.subject, m.data)
			}
		}
		s.confirmed(ben, "*231")
	})
	t.Run("G8 by force", func(t *testing.T) {
		s := s.in(t)
		mark := s.watch.mark()
		s.confirmed(anna, "*251*102")
		s.loggedIn(mark, "sales", "ben", false)
		s.loginEvent(mark, "group.left", "sales", "ben", "anna", true)
		mark = s.watch.mark()
		s.confirmed(anna, "*251*102")
		s.loggedIn(mark, "sales", "ben", true)
		s.loginEvent(mark, "group.joined", "sales", "ben", "anna", true)
	})
	t.Run("refusals", func(t *testing.T) {
		s := s.in(t)
		mark := s.watch.mark()
		for _, x := range []struct {
			rule   string
			phone  *softphone.Phone
			code   string
			status int
			reason string
		}{
			{"G3", hana, "*242", 403, "Always logged in"},
			{"G3", igor, "*232", 403, "Always logged in"},
			{"G3", igor, "*252", 403, "Always logged in"},
			{"G5", dora, "*241", 403, "May not leave"},
			{"G5", dora, "*251", 403, "May not leave"},
			{"G5 G8", anna, "*251*104", 403, "May not leave"},
			{"G8", ben, "*251*103", 403, "Not administrator"},
			{"P7", fatma, "*231", 403, "Not in this group"},
			{"P7", ben, "*2399", 404, "Not known"},
			{"P7", anna, "*251*199", 404, "Not known"},
			{"P7", anna, "*251*106", 404, "Not known"},
		} {
			t.Run(x.rule+" "+x.phone.User()+" dials "+x.code, func(t *testing.T) {
				s.in(t).refused(x.phone, x.code, x.status, x.reason)
			})
		}
		s.noLogin(mark)
	})
	t.Run("only what is complete and valid reaches the daemon", func(t *testing.T) {
		s := s.in(t)
		before := s.count(`supervisiond_events_total{kind="code_dialled"}`)
		// All at once: FreePBX lets a caller wait before it says that there is no such number.
		var calls []*softphone.Call
		for _, number := range []string{
			"*2", "*23", "*24", "*25", "*23a", "*231a", "*24*1", "*251*", "*25*102", "*251*1a", "*251**102", "*251*102*",
			"*251#102", "*2512345678*101", "*251*1234567890123456", "*2312345678", "*2612345678901234567", "*26x",
			"t1", "f1*102", "mine", "c102", "on", "last_member",
		} {
			calls = append(calls, s.dial(ben, number))
		}
		for _, call := range calls {
			if end := s.ended(call); end.How != softphone.Declined || !slices.Contains(noSuchCode[o.Layout], end.Code) {
				t.Errorf("%s: %+v", call, end)
			}
		}
		if after := s.count(`supervisiond_events_total{kind="code_dialled"}`); after != before {
			t.Errorf("%s codes reached the daemon before, and now %s", before, after)
		}
	})
	t.Run("G9 a login survives the daemon", func(t *testing.T) {
		s := s.in(t)
		mark := s.watch.mark()
		s.confirmed(ben, "*241")
		s.loggedIn(mark, "sales", "ben", false)
		s.daemon.stop(killed)
		if end := s.ended(s.dial(ben, "*231")); end.How != softphone.Declined || end.Code != 480 {
			t.Errorf("with the daemon away: %+v", end)
		}
		s.start()
		s.loggedIn(0, "sales", "ben", false)
		s.confirmed(ben, "*231")
		s.loggedIn(0, "sales", "ben", true)
	})
	s.quiet()
}

// noSuchCode is how a layout turns down what no pattern matches. FreePBX plays an announcement for what has the form of a
// number, and ends the call with congestion.
var noSuchCode = map[string][]int{"": {404, 484}, lab.FreePBX: {404, 503}}

// count is what a figure says. One that nothing was counted for yet is not there.
func (s *site) count(name string) string {
	s.t.Helper()
	resp, err := http.Get(s.url("/metrics"))
	s.must("metrics", err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	s.must("metrics", err)
	for line := range strings.Lines(string(body)) {
		line = strings.TrimSpace(line)
		if value, ok := strings.CutPrefix(line, name+" "); ok {
			return value
		}
	}
	return "0"
}

// G6: the last who is logged in and connected must stay. Who is not connected does not count.
func TestLockByPhone(t *testing.T) {
	t.Parallel()
	testLockByPhone(t, lab.Options{})
}

func testLockByPhone(t *testing.T, o lab.Options) {
	s := newSite(t, options{lab: o, configure: func(yaml string) string {
		return strings.Replace(yaml, "type: mutual_aid", "type: mutual_aid\n    lock_last: role", 1)
	}})
	anna, ben := s.phone("101"), s.phone("102") // carla and dora are logged in, but their phones are not there
	s.refused(ben, "*241", 403, "Last one must stay")
	s.refused(anna, "*251*102", 403, "Last one must stay")
	s.refused(anna, "*241", 403, "Last one must stay")
	s.phone("103")
	mark := s.watch.mark()
	s.confirmed(ben, "*241")
	s.loginEvent(mark, "group.left", "sales", "ben", "ben", false)
}

// G7: all members leave at the same moment by phone; exactly one must stay.
func TestAllLeaveAtOnce(t *testing.T) {
	t.Parallel()
	s := newSite(t, options{configure: func(yaml string) string {
		return strings.Replace(yaml, "type: mutual_aid", "type: mutual_aid\n    lock_last: role", 1)
	}})
	phones := []*softphone.Phone{s.phone("102"), s.phone("103"), s.phone("104")}
	for round := range 3 {
		var calls []*softphone.Call
		for _, p := range phones {
			calls = append(calls, s.dial(p, "*241"))
		}
		refused := 0
		for _, c := range calls {
			switch end := s.ended(c); {
			case end.How == softphone.HungUpByPeer:
			case end.Code == 403 && c.Display().Name == "Last one must stay":
				refused++
			default:
				t.Errorf("%+v", end)
			}
		}
		if refused != 1 {
			t.Errorf("round %d: %d are refused", round, refused)
		}
		calls = nil
		for _, p := range phones {
			calls = append(calls, s.dial(p, "*231"))
		}
		for _, c := range calls {
			if end := s.ended(c); end.How != softphone.HungUpByPeer {
				t.Errorf("%+v", end)
			}
		}
	}
}

// How soon a code is heard to be obeyed, INVITE to 200 OK, the password asked for in between.
func TestCodeLatency(t *testing.T) {
	t.Parallel()
	s := newSite(t, options{})
	ben := s.phone("102")
	var took []time.Duration
	for range 10 {
		call := s.dial(ben, "*251")
		s.ended(call)
		invite, _ := call.When(softphone.Invite, 0)
		ok, answered := call.When(softphone.Final, 200)
		if !answered {
			t.Fatal("not answered")
		}
		took = append(took, ok.Sub(invite)) // beyond 2 s the dialplan refuses the call
	}
	t.Logf("INVITE to 200 OK: %v", took)
}
