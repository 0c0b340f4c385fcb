package push

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"supervisiond/supervision"
)

// post is lanes with a push service that does as it is told. It is used inside a bubble.
type post struct {
	*lanes
	t     *testing.T
	began time.Time

	mu     sync.Mutex
	asked  []string // "0s a c1 ringing"
	flying map[string]int
	most   int // that flew at once
	// answers are given in turn, by endpoint; then everything is taken, after took.
	answers map[string][]outcome
	took    time.Duration
}

func newPost(t *testing.T) *post {
	t.Helper()
	p := &post{t: t, began: time.Now(), answers: make(map[string][]outcome), flying: make(map[string]int)}
	p.lanes = newLanes(p.deliver, time.Now, newMetrics(prometheus.NewRegistry()), func() {})
	return p
}

func (p *post) deliver(ctx context.Context, s *Subscription, m *message) outcome {
	p.mu.Lock()
	p.asked = append(p.asked, fmt.Sprint(time.Since(p.began).Round(time.Millisecond), " ", s.Endpoint, " ", m.call, " ", m.kind))
	key := s.Endpoint + " " + string(m.call)
	if p.flying[key]++; p.flying[key] > 1 {
		p.t.Errorf("two messages of %s are under way", key)
	}
	p.most = max(p.most, len(p.flying))
	answer := outcome{what: sent}
	if list := p.answers[s.Endpoint]; len(list) > 0 {
		answer, p.answers[s.Endpoint] = list[0], list[1:]
	}
	took := p.took
	p.mu.Unlock()
	if s.Person == "stuck" {
		<-ctx.Done()
	} else if took > 0 {
		time.Sleep(took)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.flying[key]--; p.flying[key] == 0 {
		delete(p.flying, key)
	}
	if ctx.Err() != nil {
		return outcome{again: true}
	}
	return answer
}

func of(person supervision.PersonID, endpoints ...string) []*Subscription {
	list := make([]*Subscription, len(endpoints))
	for i, e := range endpoints {
		list[i] = &Subscription{Endpoint: e, Person: person}
	}
	return list
}

func said(k kind, p supervision.PersonID, call supervision.CallID) *message {
	return newMessage(k, p, call, nil, time.Now(), time.Now())
}

// taken gives what the push service was asked, and forgets it.
func (p *post) taken() []string {
	synctest.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	list := p.asked
	p.asked = nil
	return list
}

func (p *post) takes(d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.took = d
}

// answer has an endpoint's requests answered so, in turn.
func (p *post) answer(endpoint string, list ...outcome) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.answers[endpoint] = list
}

// sorted puts in order what was asked at the same moment.
func (p *post) sorted() {
	synctest.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	slices.Sort(p.asked)
}

// says proves what the push service was asked.
func (p *post) says(want ...string) {
	p.t.Helper()
	synctest.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	if !slices.Equal(p.asked, want) {
		p.t.Errorf("asked %q\nwant  %q", p.asked, want)
	}
}

func (p *post) counted(k kind, what result, want float64) {
	p.t.Helper()
	if n := testutil.ToFloat64(p.metrics.messages.WithLabelValues(string(k), string(what))); n != want {
		p.t.Errorf("%v %s %s, want %v", n, k, what, want)
	}
}

// none proves that nothing is minded any more.
func (p *post) none() {
	p.t.Helper()
	synctest.Wait()
	p.lanes.mu.Lock()
	defer p.lanes.mu.Unlock()
	if len(p.all)+len(p.calls)+len(p.ready)+len(p.turns)+len(p.flyingOf)+p.waiting+p.lanes.flying != 0 {
		p.t.Errorf("left: %d lanes, %d calls, %v ready, turns %v, %v fly, %d wait", len(p.all), len(p.calls), p.ready, p.turns, p.flyingOf, p.waiting)
	}
}

// That a call is over never overtakes that it rings.
func TestOverWaitsForItsRing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPost(t)
		p.takes(3 * time.Second)
		p.ring(of("anna", "a", "b"), said(ringing, "anna", "c1"))
		synctest.Wait()
		p.over("anna", said(over, "anna", "c1"))
		time.Sleep(10 * time.Second)
		p.sorted()
		p.says("0s a c1 ringing", "0s b c1 ringing", "3s a c1 over", "3s b c1 over")
		p.counted(ringing, sent, 2)
		p.counted(over, sent, 2)
		p.none()
	})
}

// A ring that is over before its turn came is not sent, and nor is its end.
func TestRingThatIsOverIsNotSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPost(t)
		p.takes(time.Second)
		subs := of("anna", "a", "b", "c", "d", "e")
		p.ring(subs, said(ringing, "anna", "c1")) // four at a time
		synctest.Wait()
		p.over("anna", said(over, "anna", "c1"))
		time.Sleep(10 * time.Second)
		asked := p.taken()
		if len(asked) != 8 || slices.ContainsFunc(asked, func(s string) bool { return strings.Contains(s, " e ") }) {
			t.Errorf("asked %q", asked)
		}
		p.counted(ringing, overtaken, 1)
		p.counted(ringing, sent, 4)
		p.counted(over, sent, 4)
		p.none()
	})
}

// What is not taken is tried again, later each time and not before the service wishes, as long as it is worth something.
func TestTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPost(t)
		later := outcome{again: true, after: 20 * time.Second}
		p.answer("a", later, later)
		p.ring(of("anna", "a"), said(ringing, "anna", "c1"))
		time.Sleep(time.Hour)
		p.says("0s a c1 ringing", "20s a c1 ringing", "40s a c1 ringing")

		p.taken()
		p.began = time.Now()
		p.answer("b", later, later, later, later)
		p.ring(of("ben", "b"), said(ringing, "ben", "c2"))
		time.Sleep(time.Hour)
		p.says("0s b c2 ringing", "20s b c2 ringing", "40s b c2 ringing") // at 60 s it is worth nothing
		p.counted(ringing, failed, 1)
		p.over("ben", said(over, "ben", "c2")) // it never came
		p.says("0s b c2 ringing", "20s b c2 ringing", "40s b c2 ringing")
		p.over("anna", said(over, "anna", "c1"))
		synctest.Wait()
		p.none()

		p.taken()
		p.answer("c", slices.Repeat([]outcome{{again: true}}, 100)...)
		p.ring(of("carla", "c"), said(ringing, "carla", "c3"))
		time.Sleep(time.Hour)
		if asked := p.taken(); len(asked) < 4 || len(asked) > 12 {
			t.Errorf("asked in a minute: %q", asked)
		}
	})
}

// A call that is over while its ring rests is not told, unless the ring may have come.
func TestOverWhileTheRingRests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPost(t)
		p.answer("a", outcome{again: true, after: 10 * time.Second})
		p.answer("b", outcome{again: true, after: 10 * time.Second, unsure: true})
		p.ring(of("anna", "a", "b"), said(ringing, "anna", "c1"))
		time.Sleep(time.Second)
		p.over("anna", said(over, "anna", "c1"))
		time.Sleep(time.Minute)
		p.sorted()
		p.says("0s a c1 ringing", "0s b c1 ringing", "10s b c1 over")
		p.none()
	})
}

// What is refused is not taken back, and what a subscription that is gone was to be told is forgotten.
func TestRefusedAndGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPost(t)
		p.answer("a", outcome{what: refused})
		p.answer("b", outcome{again: true, after: time.Second})
		subs := of("anna", "a", "b")
		p.ring(subs, said(ringing, "anna", "c1"))
		synctest.Wait()
		p.forget(subs[1:])
		time.Sleep(time.Minute)
		p.over("anna", said(over, "anna", "c1"))
		if asked := p.taken(); len(asked) != 2 {
			t.Errorf("asked %q", asked)
		}
		p.counted(ringing, refused, 1)
		p.none()
	})
}

// Who subscribes at a service that never answers holds up nobody else, and what is under way ends with the daemon.
func TestNobodyHoldsUpOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPost(t)
		var many []string
		for i := range 10 {
			many = append(many, fmt.Sprint("s", i))
		}
		p.ring(of("stuck", many...), said(ringing, "stuck", "c1"))
		if asked := p.taken(); len(asked) != maxFlyingOf {
			t.Errorf("asked %q", asked)
		}
		p.ring(of("anna", "a"), said(ringing, "anna", "c1"))
		p.says("0s a c1 ringing")
		p.takes(time.Second)
		for i := range 100 {
			person := supervision.PersonID(fmt.Sprint("p", i))
			p.ring(of(person, fmt.Sprint("x", i)), said(ringing, person, "c1"))
		}
		p.taken()
		p.mu.Lock()
		if p.most != maxFlying {
			t.Errorf("%d fly at once", p.most)
		}
		p.mu.Unlock()
		time.Sleep(2 * time.Second)
		synctest.Wait()
		p.counted(ringing, sent, 101)
		p.close()
		if p.lanes.flying != 0 {
			t.Errorf("%d still fly", p.lanes.flying)
		}
		p.ring(of("anna", "late"), said(ringing, "anna", "c9"))
		if slices.ContainsFunc(p.taken(), func(s string) bool { return strings.Contains(s, "late") }) {
			t.Error("something is sent after the end")
		}
	})
}

// There is room for so many; the end of what is told always has room.
func TestLanesAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPost(t)
		dropped := 0
		for i := range maxLanes + 5 {
			dropped += p.ring(of("anna", "a"), said(ringing, "anna", supervision.CallID(fmt.Sprint("c", i))))
			if i%100 == 0 {
				synctest.Wait()
			}
		}
		if dropped != 5 {
			t.Errorf("%d found no room", dropped)
		}
		synctest.Wait()
		for i := range maxLanes + 5 {
			p.over("anna", said(over, "anna", supervision.CallID(fmt.Sprint("c", i))))
		}
		synctest.Wait()
		p.counted(over, sent, maxLanes)
		p.none()
	})
}

// A daemon that starts anew takes back what its last life told, and a ring that is told anew stands.
func TestRecall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPost(t)
		subs := of("anna", "a")
		p.recall("anna", subs, said(over, "anna", "c1"))
		p.says("0s a c1 over")
		p.none()
		p.takes(time.Second)
		p.ring(subs, said(ringing, "anna", "c2"))
		synctest.Wait()
		p.over("anna", said(over, "anna", "c2"))
		p.ring(subs, said(ringing, "anna", "c2")) // logged out and in again meanwhile
		time.Sleep(5 * time.Second)
		p.says("0s a c1 over", "0s a c2 ringing", "1s a c2 ringing")
	})
}
