package ari

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"supervisiond/supervision"
)

const (
	// maxOrders bounds what waits to be done on the PBX. Beyond it an order is refused, and the domain's deadline for
	// the pickup tells the supervisor.
	maxOrders = 256
	// workers carry out orders side by side; the PBX answers each within milliseconds.
	workers = 4
	// orderTimeout bounds one request. It is shorter than the domain's deadline for a pickup.
	orderTimeout = 1500 * time.Millisecond
	// maxExtension is what Asterisk keeps of an extension; the rest it cuts off silently.
	maxExtension = 79
)

// order is something to be done on the PBX.
type order struct {
	name string
	do   func(context.Context)
}

// answer takes to the tracker what the PBX was asked.
type answer func(*tracker, time.Time)

// Take carries out pickups, confirmations, refusals and writes, and keeps the lamps. It never blocks.
func (p *PBX) Take(_ time.Time, effects []supervision.Effect) {
	p.lamps.take(effects)
	for _, e := range effects {
		switch e := e.(type) {
		case supervision.PickUp:
			p.enqueue(order{"pick up", func(ctx context.Context) { p.pickUp(ctx, e) }})
		case supervision.CallSupervisor:
			p.enqueue(order{"call a supervisor", func(ctx context.Context) { p.callSupervisor(ctx, e) }})
		case supervision.CancelCall:
			p.enqueue(order{"stop calling", func(ctx context.Context) { p.cancelCall(ctx, e) }})
		case supervision.Refuse:
			p.enqueue(order{"refuse", func(ctx context.Context) { p.refuse(ctx, e) }})
		case supervision.RenewAudio:
			p.enqueue(order{"renew audio", func(ctx context.Context) { p.renewAudio(ctx, e) }})
		case supervision.Confirm:
			p.enqueue(order{"confirm", func(ctx context.Context) { p.confirm(ctx, e) }})
		case supervision.WriteStore:
			p.store.write(e)
		}
	}
}

func (p *PBX) enqueue(o order) bool {
	select {
	case p.orders <- o:
		return true
	default:
		p.metrics.ordersDropped.Inc()
		p.log.Error("too many requests wait for the PBX; one was dropped", "order", o.name, "waiting", maxOrders)
		return false
	}
}

func (p *PBX) startWorkers(ctx context.Context) (wait func()) {
	var running sync.WaitGroup
	running.Go(func() { p.lamps.run(ctx) })
	running.Go(func() { p.store.work(ctx) })
	for range workers {
		running.Go(func() {
			for {
				select {
				case o := <-p.orders:
					limited, cancel := context.WithTimeout(ctx, orderTimeout)
					o.do(limited)
					cancel()
				case <-ctx.Done():
					return
				}
			}
		})
	}
	return running.Wait
}

// pickUp sends the waiting channel on into the helper context, where the PBX joins it to the caller of the first target
// that still rings. If none does, the dialplan brings it back here. Where no answer comes the PBX may be about to do it:
// that is left to the domain's deadline.
func (p *PBX) pickUp(ctx context.Context, e supervision.PickUp) {
	err := p.rest.Continue(ctx, e.Channel, pickupContext, pickupExtension(e.Targets), 1)
	if err == nil {
		return
	}
	p.log.Warn("the PBX did not take a pickup", "channel", e.Channel, "error", err)
	if !notDone(err) {
		return
	}
	ctx, cancel := afterwards(ctx)
	defer cancel()
	_ = p.o.Mailbox.Post(ctx, supervision.PickupFailed{At: time.Now(), Channel: e.Channel, Unavailable: true})
}

// listenerPrefix begins the ids of channels that listen to another.
const listenerPrefix = "supervision-listener-"

// renewAudio listens to a channel for a moment. Asterisk then passes its bridge's audio through itself, and afterwards
// chooses anew how: a bridge that left RTP to run by itself (native_rtp) may still send it to a phone that was replaced.
func (p *PBX) renewAudio(ctx context.Context, e supervision.RenewAudio) {
	if err := p.rest.Snoop(ctx, e.Channel, listenerPrefix+e.Channel, p.o.App); err != nil {
		p.log.Warn("a call was picked up as it was answered, and may be silent on one side", "channel", e.Channel, "error", err)
	}
}

// dismissListener lets a listener go once it is there, and keeps it out of the call records.
func (p *PBX) dismissListener(ctx context.Context, id string) {
	if err := p.rest.SetChannelVariable(ctx, id, "CDR_PROP(disable)", "1"); err != nil {
		p.log.Warn("a helper channel will be in the call records", "channel", id, "error", err)
	}
	p.hangup(ctx, id, causeNormal)
}

// afterwards gives time to what has to follow a request that may have used up its own.
func afterwards(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), orderTimeout)
}

// pickupExtension names as many targets as an extension has room for. The letter in front keeps them apart from h, i
// and T, and from ids that begin with the PBX's name.
func pickupExtension(targets []string) string {
	exten := "t" + targets[0]
	for _, id := range targets[1:] {
		if len(exten)+1+len(id) > maxExtension {
			break
		}
		exten += "&" + id
	}
	return exten
}

// turnAway ends a channel that entered the application with arguments that the generated dialplan does not use.
func (p *PBX) turnAway(channelID string, args []string) {
	if strings.HasPrefix(channelID, listenerPrefix) {
		p.enqueue(order{"dismiss a listener", func(ctx context.Context) { p.dismissListener(ctx, channelID) }})
		return
	}
	if args == nil {
		p.enqueue(order{"stop calling", func(ctx context.Context) { p.hangup(ctx, channelID, causeAnsweredElsewhere) }})
		return
	}
	p.log.Warn("a channel entered the application with arguments that the generated dialplan does not use; "+
		"include the output of `supervisiond dialplan` of this version, and send nothing else to the application",
		"application", p.o.App, "arguments", strings.Join(args, ","))
	p.enqueue(order{"turn away", func(ctx context.Context) { p.hangup(ctx, channelID, causeInvalidNumber) }})
}

func (p *PBX) hangup(ctx context.Context, channelID string, cause int) {
	ctx, cancel := afterwards(ctx)
	defer cancel()
	var failed *Error
	err := p.rest.Hangup(ctx, channelID, cause)
	if errors.As(err, &failed) && failed.Status == http.StatusNotFound {
		return // it hung up by itself
	}
	if err != nil {
		p.log.Warn("the PBX did not end a channel", "channel", channelID, "error", err)
	}
}

// presentations asks for several callers at once. Who the PBX does not answer for in time is not shown.
func (p *PBX) presentations(ctx context.Context, callers map[string]presentation) map[string]presentation {
	ctx, cancel := context.WithTimeout(ctx, orderTimeout)
	defer cancel()
	answers := make(map[string]presentation, len(callers))
	var mu sync.Mutex
	var asking sync.WaitGroup
	for part := range slices.Chunk(slices.Sorted(maps.Keys(callers)), len(callers)/workers+1) {
		asking.Go(func() {
			for _, id := range part {
				said, err := p.askPresentation(ctx, id, callers[id])
				if err != nil {
					said = presentationWithheld
				}
				mu.Lock()
				answers[id] = said
				mu.Unlock()
			}
		})
	}
	asking.Wait()
	return answers
}
