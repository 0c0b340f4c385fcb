package acceptance

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"supervisiond/test/lab"
	"supervisiond/test/softphone"
)

// rounds is how often a race is run.
const rounds = 100

// TestPickupRace lets two supervisors reach for one call at the same moment (P4): exactly one wins each time, the other
// is told at once and never hears the caller, the caller is never lost, and nothing is left on the PBX.
func TestPickupRace(t *testing.T) {
	t.Parallel()
	testPickupRace(t, lab.Options{}, rounds)
}

func TestPickupRaceOnFreePBX(t *testing.T) {
	t.Parallel()
	testPickupRace(t, lab.Options{Layout: lab.FreePBX}, rounds/5)
}

func testPickupRace(t *testing.T, o lab.Options, rounds int) {
	s := newSite(t, options{lab: o})
	anna, emil, fatma := s.phone("101"), s.phone("105"), s.phone("106")
	s.phone("102")
	s.phone("103")
	s.phone("104")
	for _, x := range []struct{ name, number, first, second string }{
		{"P4 one phone", "102", "*20102", "*20102"},
		{"P4 different phones of a ring group", "700", "*20102", "*20104"},
	} {
		t.Run(x.name, func(t *testing.T) {
			s := s.in(t)
			wins := make(map[string]int)
			var longest time.Duration
			for range rounds {
				mark := s.watch.mark()
				caller := s.dial(fatma, x.number)
				call := s.watch.awaitCall(mark, "rings", func(d callDocument) bool {
					return d.State == "ringing" && (x.number == "102" || len(d.Ringing) == 3)
				})
				winner, loser := s.race(anna, x.first, emil, x.second)
				wins[winner.Phone().User()]++
				s.checkLoser(loser)
				s.talk(caller, winner)
				if heard := fmt.Sprint(caller.Heard()); heard != fmt.Sprintf("[%s]", winner.Phone().Mark()) {
					t.Errorf("the caller heard %s", heard)
				}
				ended := s.watch.awaitCall(mark, "was picked up", func(d callDocument) bool { return d.ID == call.ID && d.State == "picked_up" })
				if personOf[winner.Phone().User()] != ended.PickedUpBy {
					t.Errorf("%s won, and %s is said to have", winner.Phone().User(), ended.PickedUpBy)
				}
				longest = max(longest, s.checkRefusal(mark, loser, ended))
				s.must("hang up", caller.Hangup(s.ctx()))
				s.ended(winner)
			}
			s.quiet()
			t.Logf("%d rounds: won by %v; the loser was told within %v", rounds, wins, longest)
		})
	}
}

// race lets two phones dial at once and tells who got through.
func (s *site) race(a *softphone.Phone, first string, b *softphone.Phone, second string) (winner, loser *softphone.Call) {
	s.t.Helper()
	var calls [2]*softphone.Call
	ready := make(chan error, 2)
	start := make(chan struct{})
	dial := func(i int, p *softphone.Phone, number string) {
		<-start
		c, err := p.Dial(s.ctx(), number)
		calls[i] = c
		ready <- err
	}
	go dial(0, a, first)
	go dial(1, b, second)
	close(start)
	s.must("dial", <-ready)
	s.must("dial", <-ready)

	type result struct {
		i   int
		err error
	}
	results := make(chan result, 2)
	for i, c := range calls {
		go func(ctx context.Context) { results <- result{i, c.Wait(ctx, softphone.Talking)} }(s.ctx())
	}
	for range calls {
		switch r := <-results; {
		case r.err != nil && loser == nil:
			loser = calls[r.i]
		case r.err == nil && winner == nil:
			winner = calls[r.i]
		}
	}
	if winner == nil || loser == nil {
		s.t.Fatalf("not exactly one winner: %v %v, %v %v", calls[0], calls[0].Events(), calls[1], calls[1].Events())
	}
	return winner, loser
}

// checkLoser: refused with congestion, never answered, never heard a thing.
func (s *site) checkLoser(loser *softphone.Call) {
	s.t.Helper()
	end := s.ended(loser)
	if end.How != softphone.Declined || end.Code != 503 {
		s.t.Errorf("the loser should get a congestion tone: %+v", end)
	}
	if heard := loser.Heard(); len(heard) > 0 {
		s.t.Errorf("the loser heard %v", heard)
	}
}

// checkRefusal: the loser is told by whom the call was taken. It gives how long after dialling.
func (s *site) checkRefusal(mark int, loser *softphone.Call, ended callDocument) time.Duration {
	s.t.Helper()
	body, m := s.watch.event(mark, "pickup.refused", personOf[loser.Phone().User()])
	var refusal struct{ Code, Message string }
	if err := json.Unmarshal(body.Document, &refusal); err != nil {
		s.t.Fatal(err)
	}
	name := map[string]string{"anna": "Anna Berger", "emil": "Emil Novak"}[ended.PickedUpBy]
	if refusal.Code != "already_taken" || !strings.Contains(refusal.Message, name) {
		s.t.Errorf("the loser is told %s", m.data)
	}
	dialled, _ := loser.When(softphone.Invite, 0)
	return m.at.Sub(dialled)
}

// TestPickupAgainstAnswer lets a supervisor and an answering member reach for one call (P4, P5): one of them has it, and
// it is said to be the one that the PBX has joined to the caller.
func TestPickupAgainstAnswer(t *testing.T) {
	t.Parallel()
	testPickupAgainstAnswer(t, lab.Options{}, rounds/2)
}

func TestPickupAgainstAnswerOnFreePBX(t *testing.T) {
	t.Parallel()
	testPickupAgainstAnswer(t, lab.Options{Layout: lab.FreePBX}, rounds/5)
}

func testPickupAgainstAnswer(t *testing.T, o lab.Options, rounds int) {
	s := newSite(t, options{lab: o})
	anna, fatma := s.phone("101"), s.phone("106")
	phones := map[string]*softphone.Phone{"102": s.phone("102"), "103": s.phone("103"), "104": s.phone("104")}
	for _, x := range []struct{ name, number, code, answers string }{
		{"the phone that is picked up", "102", "*20", "102"},
		{"another phone of a ring group", "700", "*20102", "104"},
	} {
		t.Run(x.name, func(t *testing.T) {
			s := s.in(t)
			outcomes := make(map[string]int)
			for round := range rounds {
				mark := s.watch.mark()
				caller := s.dial(fatma, x.number)
				ringing := s.rings(phones[x.answers])
				call := s.watch.awaitCall(mark, "rings", func(d callDocument) bool {
					return d.State == "ringing" && (x.number == "102" || len(d.Ringing) == 3)
				})
				// The answer falls into each moment of a pickup in turn.
				answered := make(chan error, 1)
				time.AfterFunc(time.Duration(round%10)*time.Millisecond, func() { answered <- ringing.Answer() })
				picker := s.dial(anna, x.code)
				ended := s.watch.awaitCall(mark, "is over", func(d callDocument) bool { return d.ID == call.ID && d.State != "ringing" })
				outcomes[ended.State]++
				err := <-answered
				switch {
				case ended.State == "picked_up" && ended.PickedUpBy == "anna":
					s.talk(caller, picker)
					s.ended(ringing)
				case ended.State == "answered" && ended.AnsweredBy == personOf[x.answers]:
					s.must("answer", err)
					s.talk(caller, ringing)
					s.ended(picker)
					if _, m := s.watch.event(mark, "pickup.refused", "anna"); !strings.Contains(string(m.data), `"already_taken"`) {
						t.Errorf("the supervisor is told %s", m.data)
					}
				default:
					t.Fatalf("the call ended %+v", ended)
				}
				// The PBX may take the place of a phone that has just answered, but not the other way round.
				if heard := caller.Heard(); ended.State == "answered" && len(heard) != 1 {
					t.Errorf("the caller heard %v", heard)
				}
				s.must("hang up", caller.Hangup(s.ctx()))
				s.quiet()
				s.drain(phones)
			}
			t.Logf("%d rounds: %v", rounds, outcomes)
		})
	}
}
