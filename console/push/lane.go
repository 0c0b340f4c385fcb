package push

import (
	"context"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"supervisiond/supervision"
)

const (
	// maxLanes is how many pairs of a subscription and a ringing call are minded; a ring beyond them is not sent.
	maxLanes = 10_000
	// maxFlying is how many requests run at a time, and maxFlyingOf how many of one person: who subscribes at a service that
	// never answers holds up nobody else.
	maxFlying   = 64
	maxFlyingOf = 4
	// firstPause and longestPause are between attempts; each pause is twice the one before.
	firstPause   = time.Second
	longestPause = 30 * time.Second
)

// lane is what one subscription is told of one call, in order. Only the newest is still to be told.
type lane struct {
	sub  *Subscription
	call supervision.CallID
	next *message // nil: nothing
	// came: a ring was taken by the service, or may have been.
	came   bool
	tries  int
	queued bool // it waits for its turn, is under way or rests
	flying bool // it is under way
	rest   *time.Timer
}

type laneKey struct {
	endpoint string
	call     supervision.CallID
}

// lanes has messages sent, each lane's one after the other.
type lanes struct {
	deliver func(context.Context, *Subscription, *message) outcome
	now     func() time.Time
	metrics *metrics
	// news is called when a lane has ended, with the lock held. It never waits.
	news    func()
	ctx     context.Context //nolint:containedctx // of all requests: they begin in timers
	cancel  context.CancelFunc
	running sync.WaitGroup

	mu       sync.Mutex
	all      map[laneKey]*lane
	calls    map[supervision.CallID][]*lane
	ready    map[supervision.PersonID][]*lane
	turns    []supervision.PersonID // who has ready ones and may send, in turn
	waiting  int                    // how many are ready
	flying   int
	flyingOf map[supervision.PersonID]int
}

func newLanes(deliver func(context.Context, *Subscription, *message) outcome, now func() time.Time, m *metrics, news func()) *lanes {
	l := &lanes{
		deliver: deliver, now: now, metrics: m, news: news, all: make(map[laneKey]*lane), calls: make(map[supervision.CallID][]*lane),
		ready: make(map[supervision.PersonID][]*lane), flyingOf: make(map[supervision.PersonID]int),
	}
	l.ctx, l.cancel = context.WithCancel(context.Background())
	return l
}

// close ends what is under way, and waits for it.
func (l *lanes) close() {
	l.mu.Lock()
	l.cancel()
	for _, one := range l.all {
		if one.rest != nil {
			one.rest.Stop()
		}
	}
	l.mu.Unlock()
	l.running.Wait()
}

// ring tells subscriptions of a call. It says how many found no room.
func (l *lanes) ring(subs []*Subscription, m *message) (dropped int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, s := range subs {
		key := laneKey{s.Endpoint, m.call}
		one := l.all[key]
		if one == nil || one.sub != s {
			if len(l.all) >= maxLanes {
				dropped++
				continue
			}
			one = l.begin(s, m.call)
		}
		one.next = m
		l.queue(one)
	}
	l.pump()
	return dropped
}

// over tells all of a person's subscriptions that were told of a call, or may have been.
func (l *lanes) over(p supervision.PersonID, m *message) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, one := range slices.Clone(l.calls[m.call]) {
		if one.sub.Person != p {
			continue
		}
		if one.next != nil && one.next.kind == ringing && !one.flying {
			l.metrics.count(ringing, overtaken)
		}
		one.next = m
		l.queue(one)
	}
	l.pump()
}

// recall is over for a person whom an earlier life of the daemon may have told.
func (l *lanes) recall(p supervision.PersonID, subs []*Subscription, m *message) {
	l.mu.Lock()
	for _, s := range subs {
		if key := (laneKey{s.Endpoint, m.call}); l.all[key] == nil && len(l.all) < maxLanes {
			l.begin(s, m.call).came = true
		}
	}
	l.mu.Unlock()
	l.over(p, m)
}

// tell tells one subscription of its session, also one that is gone. Where there is no room it is not told.
func (l *lanes) tell(s *Subscription, m *message) {
	l.mu.Lock()
	defer l.mu.Unlock()
	one := l.all[laneKey{s.Endpoint, m.call}]
	if one == nil || one.sub != s {
		if len(l.all) >= maxLanes {
			l.metrics.dropped.Inc()
			return
		}
		one = l.begin(s, m.call)
	}
	one.next = m
	l.queue(one)
	l.pump()
}

// owed is what is still to be told that must not be lost: of which calls to whom that they are over, and last messages.
func (l *lanes) owed() (calls map[supervision.PersonID][]supervision.CallID, last []lastMessage) {
	l.mu.Lock()
	defer l.mu.Unlock()
	calls = make(map[supervision.PersonID][]supervision.CallID)
	for _, one := range l.all {
		m, p := one.next, one.sub.Person
		switch {
		case m == nil:
		case m.kind == ended:
			last = append(last, lastMessage{To: *one.sub, Ended: m.ends, Until: m.until})
		case m.kind == over && (one.came || one.flying) && !slices.Contains(calls[p], one.call):
			calls[p] = append(calls[p], one.call)
		}
	}
	return calls, last
}

// forget ends the lanes of subscriptions.
func (l *lanes) forget(subs []*Subscription) {
	if len(subs) == 0 {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, one := range l.all {
		if slices.Contains(subs, one.sub) {
			l.end(one)
		}
	}
}

// What follows is called with the lock held.

func (l *lanes) begin(s *Subscription, call supervision.CallID) *lane {
	one := &lane{sub: s, call: call}
	l.all[laneKey{s.Endpoint, call}] = one
	l.calls[call] = append(l.calls[call], one)
	return one
}

func (l *lanes) end(one *lane) {
	one.next = nil
	key := laneKey{one.sub.Endpoint, one.call}
	if l.all[key] == one {
		delete(l.all, key)
	}
	rest := slices.DeleteFunc(l.calls[one.call], func(x *lane) bool { return x == one })
	if l.calls[one.call] = rest; len(rest) == 0 {
		delete(l.calls, one.call)
	}
	l.news()
}

// queue has a lane take its turn, unless it does already or rests.
func (l *lanes) queue(one *lane) {
	if one.queued || l.ctx.Err() != nil {
		return
	}
	one.queued = true
	p := one.sub.Person
	if len(l.ready[p]) == 0 && l.flyingOf[p] < maxFlyingOf {
		l.turns = append(l.turns, p)
	}
	l.ready[p] = append(l.ready[p], one)
	l.waiting++
}

// pump begins requests, as many as may run: of one person after the other.
func (l *lanes) pump() {
	for l.flying < maxFlying && len(l.turns) > 0 && l.ctx.Err() == nil {
		p := l.turns[0]
		l.turns = l.turns[1:]
		one := l.ready[p][0]
		l.waiting--
		if l.ready[p] = l.ready[p][1:]; len(l.ready[p]) == 0 {
			delete(l.ready, p)
		}
		if m := l.due(one); m != nil {
			l.flying++
			l.flyingOf[p]++
			l.running.Go(func() { l.send(one, m) })
		}
		if len(l.ready[p]) > 0 && l.flyingOf[p] < maxFlyingOf {
			l.turns = append(l.turns, p)
		}
	}
	l.metrics.waiting.Set(float64(l.waiting + l.flying))
}

// due is what a lane has to tell now. Nil: nothing any more.
func (l *lanes) due(one *lane) *message {
	m := one.next
	switch {
	case m == nil:
	case m.kind == over && !one.came:
		l.end(one)
	case !l.now().Before(m.until):
		l.metrics.count(m.kind, expired)
		l.told(one, m)
	default:
		one.flying = true
		return m
	}
	one.queued = false
	return nil
}

// told has a lane go on after a message: to what came meanwhile, or to its end.
func (l *lanes) told(one *lane, m *message) {
	one.tries = 0
	if one.next == m {
		if one.next = nil; m.kind != ringing {
			l.end(one)
		}
	}
}

// send sends a message, and sees to what is to come of it.
func (l *lanes) send(one *lane, m *message) {
	result := l.deliver(l.ctx, one.sub, m)
	l.mu.Lock()
	defer l.mu.Unlock()
	p := one.sub.Person
	l.flying--
	if l.flyingOf[p]--; l.flyingOf[p] == 0 {
		delete(l.flyingOf, p)
	}
	if l.flyingOf[p] == maxFlyingOf-1 && len(l.ready[p]) > 0 {
		l.turns = append(l.turns, p)
	}
	one.queued, one.flying = false, false
	one.came = one.came || result.what == sent || result.unsure
	if result.again {
		l.pause(one, m, result.after)
	} else {
		l.metrics.count(m.kind, result.what)
		l.told(one, m)
		if one.next != nil {
			l.queue(one)
		}
	}
	l.pump()
}

// pause has a lane rest before its next attempt, unless that would come too late for anything.
func (l *lanes) pause(one *lane, m *message, after time.Duration) {
	wait := min(firstPause<<min(one.tries, 10), longestPause)
	wait = max(wait/2+rand.N(wait/2+1), after)
	one.tries++
	newest := one.next
	if newest == nil || l.ctx.Err() != nil { // its subscription is gone, or the daemon stops
		return
	}
	if newest != m {
		l.metrics.count(m.kind, overtaken)
	}
	if !l.now().Add(wait).Before(newest.until) {
		l.metrics.count(newest.kind, failed)
		l.told(one, newest)
		return
	}
	l.metrics.retries.Inc()
	one.queued = true
	one.rest = time.AfterFunc(wait, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		one.rest, one.queued = nil, false
		if one.next != nil {
			l.queue(one)
			l.pump()
		}
	})
}
