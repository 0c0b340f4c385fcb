package acceptance

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"supervisiond/test/softphone"
)

// TestPickupRaceFromScreensAndPhone: two people in front of browsers, or two programs, and a desk phone reach for one call
// at the same moment (P4). One has it, the others are told at once who that is, and are never connected.
func TestPickupRaceFromScreensAndPhone(t *testing.T) {
	t.Parallel()
	o := screenOptions(t)
	before := o.configure
	o.configure = func(yaml string) string {
		return strings.Replace(before(yaml), "supervisors: [{person: anna, admin: true}, emil]", "supervisors: [{person: anna, admin: true}, emil, hana]", 1)
	}
	s := newSite(t, withPasswords(t, o, "anna", "emil"))
	answers := func(o *softphone.Options) { o.Behaviour = softphone.AutoAnswer() }
	r := &race{
		site: s, fatma: s.phone("106"), hana: s.phone("108"),
		phones: map[string]*softphone.Phone{"anna": s.phone("101", answers), "emil": s.phone("105", answers), "ben": s.phone("102")},
	}
	for _, x := range []struct {
		way    way
		rounds int
	}{{s.browsers("anna", "emil"), rounds}, {natsWay{s}, rounds / 4}} {
		t.Run(x.way.via(), func(t *testing.T) {
			here := *r
			here.site, here.wins = s.in(t), make(map[string]int)
			for round := range x.rounds {
				here.round(x.way, round)
			}
			t.Logf("%d rounds: won by %v; the last screen was told within %v", x.rounds, here.wins, here.longest)
		})
	}
}

// race is a site with those who reach for fatma's calls.
type race struct {
	*site
	fatma, hana *softphone.Phone
	phones      map[string]*softphone.Phone
	wins        map[string]int
	longest     time.Duration // until a screen that lost was told
}

// told is what came of one screen's attempt.
type told struct {
	who  string
	a    answer
	took time.Duration
}

func (r *race) round(w way, round int) {
	r.t.Helper()
	mark := r.watch.mark()
	caller := r.dial(r.fatma, "102")
	member := r.rings(r.phones["ben"])
	call := r.watch.awaitCall(mark, "rings", func(d callDocument) bool { return d.State == "ringing" })

	// The phone's way is longer, so the screens set out in each moment of it in turn, one now before the other, now after.
	screens := make(chan told, 2)
	for i, who := range []string{"anna", "emil"} {
		time.AfterFunc(time.Duration((round/2+i*round)%12)*time.Millisecond, func() {
			began := time.Now()
			a := <-asked(w, who, "call.pickup", `{}`)
			screens <- told{who, a, time.Since(began)}
		})
	}
	byPhone := r.dial(r.hana, "*20")
	all := []told{<-screens, <-screens}
	ended := r.watch.awaitCall(mark, "is over", func(d callDocument) bool { return d.ID == call.ID && d.State != "ringing" })
	winner := ended.PickedUpBy
	r.wins[winner]++
	for _, x := range all {
		switch {
		case x.a.OK && x.who == winner:
		case !x.a.OK && x.who != winner && x.a.Code == "already_taken" && x.a.Details["by"] == winner:
			r.longest = max(r.longest, x.took)
			r.untouched(x.who)
		default:
			r.t.Fatalf("%s has the call, and %s is told %+v", winner, x.who, x.a.reply)
		}
	}
	picker := byPhone
	if winner == "hana" {
		r.must("the phone talks", picker.Wait(r.ctx(), softphone.Talking))
	} else {
		r.checkLoser(byPhone)
		r.refusal(mark, "hana", "already_taken")
		picker = r.rings(r.phones[winner])
	}
	r.talk(caller, picker)
	if heard := fmt.Sprint(caller.Heard()); heard != fmt.Sprintf("[%s]", picker.Phone().Mark()) {
		r.t.Errorf("the caller heard %s", heard)
	}
	r.ended(member)
	r.must("hang up", caller.Hangup(r.ctx()))
	r.ended(picker)
	r.quiet()
}

// untouched proves that nobody called the phone of a screen that lost.
func (r *race) untouched(who string) {
	r.t.Helper()
	none, cancel := expired()
	defer cancel()
	if call, err := r.phones[who].Incoming(none); err == nil {
		r.t.Errorf("the phone of %s, who was too late, was called: %v", who, call.Events())
	}
}
