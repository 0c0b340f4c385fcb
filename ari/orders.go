package ari

import (
	"context"
	"errors"
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

// answer is what the PBX says of how a caller may be presented.
type answer struct{ channel, value string }

// Take carries out pickups, confirmations, refusals and writes, and keeps the lamps. It never blocks.
func (p *PBX) Take(_ time.Time, effects []supervision.Effect) {
	p.lamps.take(effects)
	for _, e := range effects {
		switch e := e.(type) {
		case supervision.PickUp:
			p.enqueue(order{"pick up", func(ctx context.Context) { p.pickUp(ctx, e) }})
		case supervision.Refuse:
			p.enqueue(order{"refuse", func(ctx context.Context) { p.refuse(ctx, e) }})
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
// that still rings. If none does, the dialplan brings it back here.
func (p *PBX) pickUp(ctx context.Context, e supervision.PickUp) {
	err := p.rest.Continue(ctx, e.Channel, pickupContext, pickupExtension(e.Targets), 1)
	if err == nil {
		return
	}
	p.log.Warn("the PBX did not take a pickup", "channel", e.Channel, "error", err)
	ctx, cancel := afterwards(ctx)
	defer cancel()
	_ = p.o.Mailbox.Post(ctx, supervision.PickupFailed{At: time.Now(), Channel: e.Channel, Unavailable: true})
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

// ask finds out how a caller may be presented. No value given means: not shown. It reports whether it will answer.
func (p *PBX) ask(channelID string) bool {
	return p.enqueue(order{"ask for presentation", func(ctx context.Context) {
		value, err := p.rest.ChannelVariable(ctx, channelID, "CALLERID(pres)")
		if err != nil {
			p.log.Warn("the PBX does not say whether a caller may be shown, so the caller is not; "+
				"add CALLERID(pres) to channelvars in ari.conf", "channel", channelID, "error", err)
		}
		select {
		case p.answers <- answer{channelID, value}:
		case <-time.After(orderTimeout): // nobody follows the PBX any more
		}
	}})
}

// presentations asks for several callers at once. Who the PBX does not answer for in time is not shown.
func (p *PBX) presentations(ctx context.Context, channelIDs []string) map[string]string {
	ctx, cancel := context.WithTimeout(ctx, orderTimeout)
	defer cancel()
	values := make(map[string]string, len(channelIDs))
	var mu sync.Mutex
	var asking sync.WaitGroup
	for part := range slices.Chunk(channelIDs, len(channelIDs)/workers+1) {
		asking.Go(func() {
			for _, id := range part {
				value, err := p.rest.ChannelVariable(ctx, id, "CALLERID(pres)")
				if err != nil {
					value = ""
				}
				mu.Lock()
				values[id] = value
				mu.Unlock()
			}
		})
	}
	asking.Wait()
	return values
}
