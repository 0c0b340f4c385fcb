package engine

import (
	"context"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"supervisiond/supervision"
)

// Sink carries out the effects that concern it and ignores the others. Take is called from the engine's goroutine and
// must not block. At is when the event arrived that caused the effects.
type Sink interface {
	Take(at time.Time, effects []supervision.Effect)
}

// MailboxSize bounds the events that wait. At 50 calls a second it is more than ten seconds' worth.
const MailboxSize = 8192

// Options are what an engine is made of.
type Options struct {
	Metrics prometheus.Registerer
	Sink    Sink
}

// Engine owns the state.
type Engine struct {
	sink    Sink
	mailbox chan supervision.Event
	metrics *metrics
	state   *supervision.State
	alarms  alarms
	busy    bool // the PBX carries out a pickup

	mu      sync.Mutex
	pickups chan struct{} // closed when the PBX carries out no pickup any more; nil: it does not
}

// New makes an engine; Run brings it to life.
func New(o Options) *Engine {
	e := &Engine{
		sink:    o.Sink,
		mailbox: make(chan supervision.Event, MailboxSize),
		state:   supervision.New(),
	}
	e.metrics = newMetrics(o.Metrics, func() float64 { return float64(len(e.mailbox)) })
	return e
}

// Offer puts an event into the mailbox. It reports false, and takes nothing, when the mailbox is full.
func (e *Engine) Offer(event supervision.Event) bool {
	select {
	case e.mailbox <- event:
		return true
	default:
		e.metrics.overflows.Inc()
		return false
	}
}

// Post puts an event into the mailbox, and waits for room if it must.
func (e *Engine) Post(ctx context.Context, event supervision.Event) error {
	select {
	case e.mailbox <- event:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Run applies events until the context ends.
func (e *Engine) Run(ctx context.Context) {
	wake := time.NewTimer(time.Hour)
	defer wake.Stop()
	for {
		if next, any := e.alarms.next(); any {
			wake.Reset(time.Until(next))
		}
		select {
		case event := <-e.mailbox:
			e.apply(event)
		case now := <-wake.C:
			for _, a := range e.alarms.due(now) {
				e.apply(supervision.TimerFired{At: a.moment(now), Timer: a.name})
			}
		case <-ctx.Done():
			return
		}
	}
}

func (e *Engine) apply(event supervision.Event) {
	var effects []supervision.Effect
	e.state, effects = supervision.Apply(e.state, event)
	e.metrics.applied(event)
	defer e.count(e.state.PickupsUnderWay())
	if len(effects) == 0 {
		return
	}
	for _, x := range effects {
		switch x := x.(type) {
		case supervision.Arm:
			e.alarms.set(x.Timer, x.At, supervision.MomentOf(event))
		case supervision.PickupDone:
			e.metrics.pickedUp(x)
		case supervision.Put:
			e.metrics.published(x.Key, x.Document)
		case supervision.Forget:
			e.metrics.published(x.Key, nil)
		}
	}
	e.sink.Take(supervision.MomentOf(event), effects)
	e.metrics.ringing.Set(float64(e.state.RingingCalls()))
}

// count notes whether pickups are under way, once what follows from that has been handed on. Only a change takes the lock.
func (e *Engine) count(pickups int) {
	if (pickups > 0) == e.busy {
		return
	}
	e.busy = !e.busy
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.busy {
		e.pickups = make(chan struct{})
		return
	}
	close(e.pickups)
	e.pickups = nil
}

// AwaitPickups returns when what came of the pickups under way has been handed on.
func (e *Engine) AwaitPickups(ctx context.Context) error {
	e.mu.Lock()
	over := e.pickups
	e.mu.Unlock()
	if over == nil {
		return nil
	}
	select {
	case <-over:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
