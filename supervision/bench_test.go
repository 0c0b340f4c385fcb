package supervision

import (
	"fmt"
	"testing"
	"time"
)

// BenchmarkCall is what one plain call costs the domain at a site of 40 people in 5 groups, of whom 10 supervise two groups
// each and one administers the company, beside 40 others that ring: with nobody's view followed, and with everybody's.
func BenchmarkCall(b *testing.B) {
	for _, followed := range []int{0, 40} {
		b.Run(fmt.Sprintf("followed=%d", followed), func(b *testing.B) {
			now := time.Date(2026, 1, 2, 9, 0, 0, 0, time.UTC)
			s, effects := New(), []Effect(nil)
			told := 0
			apply := func(e Event) {
				s, effects = Apply(s, e)
				for _, x := range effects {
					if show, ok := x.(Show); ok {
						told += len(show.Changes)
					}
				}
			}
			apply(Started{At: now, Directory: benchDirectory()})
			apply(EpochBegun{At: now, Epoch: 1})
			apply(PBXSynced{At: now})
			for p := range followed {
				apply(Watched{At: now, Person: benchPerson(p), On: true})
			}
			ring := func(n int) Ring {
				return Ring{
					Leg: fmt.Sprint("leg", n), CallerCall: fmt.Sprint("caller", n), Endpoint: fmt.Sprint("PJSIP/", 10+n%30),
					Caller: Caller{Number: "030555"}, Dialled: "700",
				}
			}
			const others = 40
			for n := range others {
				apply(RingBegan{At: now, Ring: ring(n)})
			}
			told = 0
			n := others
			b.ReportAllocs()
			for b.Loop() {
				now = now.Add(time.Millisecond)
				r := ring(n)
				apply(RingBegan{At: now, Ring: r})
				apply(EndpointChanged{At: now, Endpoint: r.Endpoint, State: EndpointState{Reachable: true, InCall: true}})
				apply(RingEnded{At: now, Leg: r.Leg, CallerCall: r.CallerCall, Endpoint: r.Endpoint, How: RingAnswered})
				apply(EndpointChanged{At: now, Endpoint: r.Endpoint, State: EndpointState{Reachable: true}})
				for id, c := range s.calls {
					if c.doc.State != CallRinging {
						apply(TimerFired{At: now, Timer: timerForget + " " + string(id)})
					}
				}
				n++
			}
			b.ReportMetric(float64(told)/float64(n-others), "told/op")
		})
	}
}

// BenchmarkLargeGroup is what a ring and its end cost in a group of a thousand who help each other, all of them supervisors and members.
func BenchmarkLargeGroup(b *testing.B) {
	const size = 1000
	people := make([]Person, size)
	g := Group{ID: "all", Type: MutualAid, LockLast: LockRole, InitiallyLoggedIn: true}
	for n := range people {
		people[n] = Person{ID: benchPerson(n), Name: fmt.Sprint("Person ", n), Extension: fmt.Sprint(n), Endpoints: []Endpoint{{Name: fmt.Sprint("PJSIP/", n)}}}
		is := Participant{Person: benchPerson(n), MayLeave: true}
		g.Supervisors, g.Members = append(g.Supervisors, is), append(g.Members, is)
	}
	now := time.Date(2026, 1, 2, 9, 0, 0, 0, time.UTC)
	s := New()
	apply := func(e Event) { s, _ = Apply(s, e) }
	apply(Started{At: now, Directory: NewDirectory("hq", people, []Group{g})})
	apply(EpochBegun{At: now, Epoch: 1})
	apply(PBXSynced{At: now})
	n := 0
	b.ReportAllocs()
	for b.Loop() {
		now = now.Add(time.Millisecond)
		r := Ring{Leg: fmt.Sprint("leg", n), CallerCall: fmt.Sprint("caller", n), Endpoint: fmt.Sprint("PJSIP/", n%size), Caller: Caller{Number: "030555"}}
		apply(RingBegan{At: now, Ring: r})
		apply(RingEnded{At: now, Leg: r.Leg, CallerCall: r.CallerCall, Endpoint: r.Endpoint, How: RingDeclined})
		for id := range s.calls {
			apply(TimerFired{At: now, Timer: timerForget + " " + string(id)})
		}
		n++
	}
}

func benchPerson(n int) PersonID { return PersonID(fmt.Sprintf("p%02d", n)) }

func benchDirectory() *Directory {
	people := make([]Person, 40)
	groups := make([]Group, 5)
	for n := range people {
		people[n] = Person{
			ID: benchPerson(n), Name: fmt.Sprint("Person ", n), Extension: fmt.Sprint(n), Admin: n == 0,
			Endpoints: []Endpoint{{Name: fmt.Sprint("PJSIP/", n)}},
		}
		if n >= 10 {
			g := &groups[n%len(groups)]
			g.Members = append(g.Members, Participant{Person: benchPerson(n)})
		}
	}
	for n := range groups {
		g := &groups[n]
		g.ID, g.Type, g.InitiallyLoggedIn, g.Calls.Internal = GroupID(fmt.Sprint("g", n)), []GroupType{Standard, MutualAid}[n%2], true, true
		for k := range 4 {
			g.Supervisors = append(g.Supervisors, Participant{Person: benchPerson((2*n + k) % 10), MayLeave: true})
		}
	}
	return NewDirectory("hq", people, groups)
}
