package acceptance

import (
	"fmt"
	"strings"
	"testing"

	"supervisiond/test/lab"
	"supervisiond/test/softphone"
)

// TestPickup shows that a supervisor takes a member's call by each code, at both ends and on the member's phone (P1, P2,
// P6).
func TestPickup(t *testing.T) {
	t.Parallel()
	testPickup(t, lab.Options{})
}

func TestPickupOnFreePBX(t *testing.T) {
	t.Parallel()
	testPickup(t, lab.Options{Layout: lab.FreePBX}, freePBXReaches...)
}

// reach is one way in which a supervisor reaches for a call of 106's.
type reach struct {
	name, dialled, code, target string
	rings                       []string
	behalf                      string // whose call it was; empty: the one's who rang longest
	// What a PBX may be told to keep to itself: to the other phones that the call was taken, to the caller by whom.
	missed bool
	stays  softphone.Party // what the caller's display goes on to show; zero: the supervisor is shown
}

// freePBXReaches are by way of what the plain layout has not.
var freePBXReaches = []reach{
	{name: "R3 in a ring group whose others are not told", dialled: "702", code: "*20103", target: "103", rings: []string{"102", "103", "104"}, behalf: "carla", missed: true},
	{name: "R3 in a hunt group", dialled: "703", code: "*20102", target: "102", rings: []string{"102"}, behalf: "ben"},
	{name: "R3 in a follow-me", dialled: "107", code: "*20104", target: "104", rings: []string{"103", "104"}, behalf: "dora",
		stays: softphone.Party{Name: "Georg Huber", Number: "107"}},
}

func testPickup(t *testing.T, o lab.Options, more ...reach) {
	s := newSite(t, options{lab: o})
	phones := make(map[string]*softphone.Phone)
	for _, user := range []string{"101", "102", "103", "104", "105", "106"} {
		phones[user] = s.phone(user)
	}
	phones["trunk"] = s.outside()
	for _, x := range append([]reach{
		{name: "P1 the oldest", dialled: "102", code: "*20", target: "102", rings: []string{"102"}, behalf: "ben"},
		{name: "P1 that member", dialled: "103", code: "*20103", target: "103", rings: []string{"103"}, behalf: "carla"},
		{name: "P1 the group's oldest", dialled: "104", code: "*221", target: "104", rings: []string{"104"}, behalf: "dora"},
		{name: "P2 R2 one of a ring group", dialled: "700", code: "*20103", target: "103", rings: []string{"102", "103", "104"}, behalf: "carla"},
		{name: "P2 a ring group's oldest", dialled: "700", code: "*20", rings: []string{"102", "103", "104"}},
		{name: "R3 in a queue", dialled: "800", code: "*20103", target: "103", rings: []string{"102", "103"}, behalf: "carla"},
		{name: "R3 through two local channels", dialled: "750", code: "*20102", target: "102", rings: []string{"102"}, behalf: "ben"},
		{name: "R3 a ring group through local channels", dialled: "701", code: "*20102", target: "102", rings: []string{"102", "103"}, behalf: "ben"},
		{name: "R3 a queue through local channels", dialled: "801", code: "*20103", target: "103", rings: []string{"102", "103"}, behalf: "carla"},
	}, more...) {
		t.Run(x.name, func(t *testing.T) {
			s := s.in(t)
			mark := s.watch.mark()
			caller := s.dial(phones["106"], x.dialled)
			ringing := make(map[string]*softphone.Call)
			for _, user := range x.rings {
				ringing[user] = s.rings(phones[user])
			}
			call := s.watch.awaitCall(mark, "rings", func(d callDocument) bool {
				return d.State == "ringing" && len(d.Ringing) == len(x.rings)
			})

			picker := s.dial(phones["101"], x.code)
			s.talk(caller, picker)
			s.must("the supervisor sees the caller", picker.WaitDisplay(s.ctx(), softphone.Party{Name: "Fatma Aydin", Number: "106"}))
			sees := softphone.Party{Name: "Anna Berger", Number: "101"}
			if x.stays != (softphone.Party{}) {
				sees = x.stays
			}
			s.must("the caller sees "+sees.Name, caller.WaitDisplay(s.ctx(), sees))
			for user, r := range ringing {
				end := s.ended(r)
				if x.missed && user != x.target {
					if end.How != softphone.Cancelled {
						t.Errorf("%s should fall silent: %+v", user, end)
					}
					continue
				}
				if end.How != softphone.Cancelled || !strings.Contains(end.Reason, "Call completed elsewhere") {
					t.Errorf("%s should show that it was answered elsewhere, and no missed call: %+v", user, end)
				}
			}

			ended := s.watch.awaitCall(mark, "was picked up", func(d callDocument) bool { return d.ID == call.ID && d.State == "picked_up" })
			behalf := x.behalf
			if behalf == "" {
				behalf = call.Ringing[0].Person
			}
			if ended.PickedUpBy != "anna" || ended.OnBehalfOf != behalf || ended.AnsweredBy != "" {
				t.Errorf("picked up by %q on behalf of %q, answered by %q", ended.PickedUpBy, ended.OnBehalfOf, ended.AnsweredBy)
			}
			body, _ := s.watch.event(mark, "call.picked_up", call.ID)
			if body.By.Person != "anna" || body.By.Via != "phone" || body.Person != behalf {
				t.Errorf("the event says by %+v for %q", body.By, body.Person)
			}
			s.must("hang up", caller.Hangup(s.ctx()))
			s.ended(picker)
			s.quiet()
			if got := fmt.Sprint(s.watch.eventsOf(call.ID)); got != "[call.ringing call.picked_up]" {
				t.Errorf("events of the call: %s", got)
			}
			s.drain(phones)
		})
	}
}

// P2: with two calls ringing, *20 takes the oldest, and the next *20 the other.
func TestPickupTakesTheOldestFirst(t *testing.T) {
	t.Parallel()
	testPickupTakesTheOldestFirst(t, lab.Options{})
}

func testPickupTakesTheOldestFirst(t *testing.T, o lab.Options) {
	s := newSite(t, options{lab: o})
	anna, emil, fatma, georg := s.phone("101"), s.phone("105"), s.phone("106"), s.phone("107")
	ben, carla := s.phone("102"), s.phone("103")
	mark := s.watch.mark()
	first := s.dial(fatma, "103")
	s.rings(carla)
	s.watch.awaitCall(mark, "rings carla", func(d callDocument) bool { return d.people() == "carla" })
	second := s.dial(georg, "102")
	s.rings(ben)
	s.watch.awaitCall(mark, "rings ben", func(d callDocument) bool { return d.people() == "ben" })
	s.talk(first, s.dial(anna, "*20"))
	s.talk(second, s.dial(emil, "*20"))
}

// TestPickupRefused: who may not is refused, hears a tone, and the member's phone rings on (P5, P7).
func TestPickupRefused(t *testing.T) {
	t.Parallel()
	testPickupRefused(t, lab.Options{})
}

func TestPickupRefusedOnFreePBX(t *testing.T) {
	t.Parallel()
	testPickupRefused(t, lab.Options{Layout: lab.FreePBX})
}

func testPickupRefused(t *testing.T, o lab.Options) {
	s := newSite(t, options{lab: o})
	anna, ben, fatma, hana, igor := s.phone("101"), s.phone("102"), s.phone("106"), s.phone("108"), s.phone("109")
	trunk := s.outside()
	mark := s.watch.mark()
	caller := s.dial(fatma, "102")
	ringing := s.rings(ben)
	s.watch.awaitCall(mark, "rings", func(d callDocument) bool { return d.State == "ringing" })

	for _, x := range []struct {
		name   string
		phone  *softphone.Phone
		number string
		status int
		code   string // of the event; none: nobody is told
		actor  string
	}{
		{"P7 not_supervisor: another group's supervisor", hana, "*20102", 403, "not_supervisor", "hana"},
		{"P7 not_supervisor: a colleague", igor, "*20102", 403, "not_supervisor", "igor"},
		{"P7 not_supervisor: another group", hana, "*221", 403, "not_supervisor", "hana"},
		{"P7 not_found: no such extension", anna, "*20199", 404, "not_found", "anna"},
		{"P7 not_found: no such group", anna, "*229", 404, "not_found", "anna"},
		{"P7 not_ringing: that member does not", anna, "*20103", 480, "not_ringing", "anna"},
		{"P7 not_ringing: nothing in that group", hana, "*20", 480, "not_ringing", "hana"},
		{"a code with letters is no code", anna, "*20abc", noCode[o.Layout].unknown, "", ""},
		{"a group without a number is no code", anna, "*22", noCode[o.Layout].incomplete, "", ""},
	} {
		t.Run(x.name, func(t *testing.T) {
			s := s.in(t)
			mark := s.watch.mark()
			end := s.ended(s.dial(x.phone, x.number))
			if end.How != softphone.Declined || end.Code != x.status {
				t.Errorf("%s %s: %+v, want status %d", x.phone.User(), x.number, end, x.status)
			}
			if x.code != "" {
				body, m := s.watch.event(mark, "pickup.refused", x.actor)
				if !strings.Contains(string(body.Document), fmt.Sprintf(`"code":%q`, x.code)) {
					t.Errorf("the event says %s, want %s", m.data, x.code)
				}
				if strings.Contains(string(m.data), "Fatma") || strings.Contains(string(m.data), "106") {
					t.Errorf("a refusal never names the caller: %s", m.data)
				}
			}
			if ringing.State() != softphone.Ringing {
				t.Errorf("the member's phone should ring on, and is %v", ringing.State())
			}
		})
	}
	t.Run("a caller from outside has no codes", func(t *testing.T) {
		s := s.in(t)
		if end := s.ended(s.dial(trunk, "*20102", softphone.From("101", "Anna Berger"))); end.How != softphone.Declined {
			t.Errorf("%+v", end)
		}
	})
	s.must("answer", ringing.Answer())
	s.talk(caller, ringing)
}

// noCode is how a layout turns down a number that it does not know, and one that could become a known one. FreePBX plays
// an announcement for either, and ends the call with congestion.
var noCode = map[string]struct{ unknown, incomplete int }{"": {404, 484}, lab.FreePBX: {503, 503}}

// P7: the person is the authenticated endpoint, never the caller id.
func TestPickupByCallerIDIsRefused(t *testing.T) {
	t.Parallel()
	testPickupByCallerIDIsRefused(t, lab.Options{})
}

func testPickupByCallerIDIsRefused(t *testing.T, o lab.Options) {
	s := newSite(t, options{lab: o})
	ben, fatma, julia := s.phone("102"), s.phone("106"), s.phone("110")
	mark := s.watch.mark()
	s.dial(fatma, "102")
	ringing := s.rings(ben)
	s.watch.awaitCall(mark, "rings", func(d callDocument) bool { return d.State == "ringing" })
	// Asterisk believes the identity that its phones assert: to the dialplan this is a call from 101.
	end := s.ended(s.dial(julia, "*20102", softphone.AssertedIdentity("101", "Anna Berger")))
	if end.Code != 403 || ringing.State() != softphone.Ringing {
		t.Errorf("%+v, the phone is %v", end, ringing.State())
	}
}

// R1: a supervisor is not offered the calls that they placed.
func TestOwnCallIsNotOffered(t *testing.T) {
	t.Parallel()
	testOwnCallIsNotOffered(t, lab.Options{})
}

func testOwnCallIsNotOffered(t *testing.T, o lab.Options) {
	s := newSite(t, options{lab: o})
	anna, home, ben := s.phone("101"), s.phone("101-home"), s.phone("102")
	mark := s.watch.mark()
	s.dial(anna, "102")
	ringing := s.rings(ben)
	s.watch.awaitCall(mark, "rings", func(d callDocument) bool { return d.State == "ringing" })
	if end := s.ended(s.dial(home, "*20")); end.Code != 480 || ringing.State() != softphone.Ringing {
		t.Errorf("%+v, the phone is %v", end, ringing.State())
	}
}
