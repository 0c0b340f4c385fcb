package softphone

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/emiago/sipgo/sip"
)

// Call is one call of a phone, incoming or outgoing. Its methods may be called
// from any goroutine.
type Call struct {
	phone    *Phone
	incoming bool
	callID   string
	localTag string
	invite   *sip.Request // a copy of our own; of the last attempt where we call
	media    *media
	done     chan struct{} // closed when the call has ended

	mu        sync.Mutex
	changed   chan struct{} // closed and made anew at each event
	state     State
	rang      bool
	events    []Event
	display   Party
	end       End
	localSeq  uint32
	remoteSeq uint32
	sdp       int                      // version of our session description
	acks      map[uint32]chan struct{} // by CSeq, closed when the ACK comes
	from      *sip.FromHeader          // of requests that we send in the dialog
	to        *sip.ToHeader
	target    sip.Uri
	routes    []string

	// incoming
	tx       sip.ServerTransaction
	response *sip.Response // the final one, once sent
	final    chan struct{} // closed when it was sent

	// outgoing
	cancel     chan struct{} // closed when the call is to be cancelled
	cancelOnce sync.Once
}

// ID is the SIP Call-ID, which ARI knows as the channel's protocol_id.
func (c *Call) ID() string { return c.callID }

// Phone is whose call this is.
func (c *Call) Phone() *Phone { return c.phone }

// Incoming tells whether the phone was called.
func (c *Call) Incoming() bool { return c.incoming }

// Header returns the values of a header of the INVITE.
func (c *Call) Header(name string) []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return values(c.invite, name)
}

// Display is what the phone's display shows now of the other side.
func (c *Call) Display() Party {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.display
}

// State is how far the call has come.
func (c *Call) State() State {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.state
}

// Events are the call's steps so far.
func (c *Call) Events() []Event {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.events)
}

// When is the time of the first event of a kind, and with a code unless it is 0.
func (c *Call) When(kind Kind, code int) (time.Time, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, e := range c.events {
		if e.Kind == kind && (code == 0 || e.Code == code) {
			return e.At, true
		}
	}
	return time.Time{}, false
}

// Wait returns when the call has come to a state or further, and fails when it
// ended without.
func (c *Call) Wait(ctx context.Context, state State) error {
	return c.until(ctx, state.String(), func() bool {
		return c.state != Ended && c.state >= state || state == Ended && c.state == Ended || state == Ringing && c.rang
	})
}

// WaitDisplay returns when the display shows, or showed, what is asked for.
func (c *Call) WaitDisplay(ctx context.Context, want Party) error {
	return c.until(ctx, "showing "+want.String(), func() bool {
		return slices.ContainsFunc(c.events, func(e Event) bool {
			return e.Kind == Shown && e.Party == want
		})
	})
}

// WaitEvent returns the first event that is asked for, past or to come.
func (c *Call) WaitEvent(ctx context.Context, want func(Event) bool) (Event, error) {
	var found Event
	err := c.until(ctx, "at an event", func() bool {
		i := slices.IndexFunc(c.events, want)
		if i >= 0 {
			found = c.events[i]
		}
		return i >= 0
	})
	return found, err
}

// Ended waits for the call's end and tells how it came.
func (c *Call) Ended(ctx context.Context) (End, error) {
	if err := c.Wait(ctx, Ended); err != nil {
		return End{}, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.end, nil
}

// Heard are the marks of all phones that were heard in this call, in order.
func (c *Call) Heard() []string { return c.media.heardMarks() }

// HeardCount is how many packets with a mark were heard.
func (c *Call) HeardCount(mark string) int { return c.media.countOf(mark) }

// Packets is how many RTP packets were sent and received.
func (c *Call) Packets() (sent, received int) { return c.media.counts() }

// Hears waits until a phone with that mark is heard, from now on: what was
// heard before does not count.
func (c *Call) Hears(ctx context.Context, mark string) error {
	select {
	case <-c.media.next(mark):
		return nil
	case <-c.done:
		return fmt.Errorf("softphone: %s: the call ended before %q was heard", c, mark)
	case <-ctx.Done():
		return fmt.Errorf("softphone: %s: %q is not heard, %q are: %w", c, mark, c.Heard(), context.Cause(ctx))
	}
}

// String names the call in messages.
func (c *Call) String() string {
	direction := "call from "
	if c.incoming {
		direction = "call to "
	}
	return direction + c.phone.options.User
}

// until waits for something that happens under mu.
func (c *Call) until(ctx context.Context, what string, reached func() bool) error {
	for {
		c.mu.Lock()
		ok, state, end, changed := reached(), c.state, c.end, c.changed
		c.mu.Unlock()
		switch {
		case ok:
			return nil
		case state == Ended:
			return fmt.Errorf("softphone: %s: it ended without %s: %s %d %s", c, what, end.How, end.Code, end.Reason)
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("softphone: %s: it is %s, not %s: %w", c, state, what, context.Cause(ctx))
		}
	}
}

// note adds an event and wakes who waits. Callers hold mu.
func (c *Call) note(e Event) {
	e.At = time.Now()
	c.events = append(c.events, e)
	close(c.changed)
	c.changed = make(chan struct{})
}

// advance sets a later state, and the event that brought it. Callers hold mu.
func (c *Call) advance(state State, e Event) {
	if state > c.state && c.state != Ended {
		c.state = state
		if state == Ringing {
			c.rang = true
		}
	}
	c.note(e)
}

// show sets the display. Callers hold mu.
func (c *Call) show(p Party) {
	if p == c.display {
		return
	}
	c.display = p
	c.note(Event{Kind: Shown, Party: p})
}

// showIdentity shows whom a message names, if any. Callers hold mu.
func (c *Call) showIdentity(m sip.Message) {
	if p, ok := identity(m); ok {
		c.show(p)
	}
}

// newCall makes a call, and the goroutine that cleans up after it.
func (p *Phone) newCall(callID string, incoming bool) (*Call, error) {
	c := &Call{
		phone: p, incoming: incoming, callID: callID,
		localTag: sip.GenerateTagN(16),
		done:     make(chan struct{}),
		changed:  make(chan struct{}),
		acks:     map[uint32]chan struct{}{},
		final:    make(chan struct{}),
		cancel:   make(chan struct{}),
	}
	m, err := newMedia(p.options.Mark, func(mark string) {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.note(Event{Kind: Heard, Mark: mark})
	})
	if err != nil {
		return nil, err
	}
	c.media = m
	if !p.enter() {
		m.close()
		return nil, ErrClosed
	}
	go func() {
		defer p.leave()
		<-c.done
		m.close()
	}()
	p.remember(c)
	return c, nil
}

// finish ends the call, once. Callers hold mu.
func (c *Call) finish(end End) {
	if c.state == Ended {
		return
	}
	c.state, c.end = Ended, end
	close(c.changed)
	c.changed = make(chan struct{})
	close(c.done)
	if end.How != HungUp { // else there may come a BYE that crosses ours
		c.phone.forget(c)
	}
}

// lose ends a call that nothing else ended.
func (c *Call) lose(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.finish(End{How: Lost, Err: err})
}
