package softphone

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/emiago/sipgo/sip"
)

// onInvite rings, and owns the INVITE's transaction until the caller knows how
// it went.
func (p *Phone) onInvite(req *sip.Request, tx sip.ServerTransaction) {
	if req.To().Params.Has("tag") {
		p.onReinvite(req, tx)
		return
	}
	p.mu.Lock()
	closing := p.closing
	p.mu.Unlock()
	if closing {
		p.reply(tx, req, sip.StatusTemporarilyUnavailable)
		return
	}
	description, err := parseSDP(req.Body())
	if err != nil {
		p.reply(tx, req, sip.StatusNotAcceptableHere)
		return
	}
	c, err := p.newCall(req.CallID().Value(), true)
	if err != nil {
		p.reply(tx, req, sip.StatusInternalServerError)
		return
	}

	// The library answers CANCEL and the INVITE by itself, while it holds the
	// transaction: so nothing may block here.
	cancelled := make(chan string, 1)
	alive := tx.OnCancel(func(r *sip.Request) {
		select {
		case cancelled <- reason(r):
		default:
		}
	})

	c.mu.Lock()
	req.To().Params.Add("tag", c.localTag) // ours is a copy: see serve
	c.invite, c.tx, c.remoteSeq = req, tx, req.CSeq().SeqNo
	c.from = &sip.FromHeader{Address: *req.To().Address.Clone(), Params: req.To().Params.Clone()}
	to := req.From().AsTo()
	c.to = &to
	c.target = *req.Contact().Address.Clone()
	c.routes = routeSet(req, false)
	c.media.setPeer(description)
	c.note(Event{Kind: Invite})
	if party, ok := identity(req); ok {
		c.show(party)
	} else {
		c.show(Party{Name: unquote(req.From().DisplayName), Number: req.From().Address.User})
	}
	if alive {
		c.ring()
	}
	c.mu.Unlock()

	p.arrive(c)
	if p.options.Behaviour != nil {
		ctx, cancel := context.WithCancel(p.ctx)
		defer cancel() // this handler outlives the call
		p.spawn(func() { p.options.Behaviour(ctx, c) })
	}

	if !alive {
		cancelled <- ""
	}
	select {
	case why := <-cancelled:
		c.mu.Lock()
		c.note(Event{Kind: Cancel, Reason: why})
		c.finish(End{How: Cancelled, Code: sip.StatusRequestTerminated, Reason: why})
		c.mu.Unlock()
		return
	case <-c.final:
	case <-tx.Done():
		c.lose(errors.Join(errors.New("the caller's INVITE timed out"), tx.Err()))
		return
	case <-p.ctx.Done():
		c.lose(ErrClosed)
		p.reply(tx, req, sip.StatusTemporarilyUnavailable)
		return
	}
	c.mu.Lock()
	res, acked := c.response, c.acks[req.CSeq().SeqNo]
	c.mu.Unlock()
	if res.IsSuccess() {
		c.awaitAck(tx, res, acked)
		select {
		case <-c.done:
		case <-p.ctx.Done():
		}
	}
}

// ring sends the provisional response that this phone sends. Callers hold mu.
func (c *Call) ring() {
	code := 0
	switch c.phone.options.Ring {
	case Rings:
		code = sip.StatusRinging
	case Progresses:
		code = sip.StatusSessionInProgress
	}
	if code == 0 {
		c.advance(Ringing, Event{Kind: Alert})
		return
	}
	res := sip.NewResponseFromRequest(c.invite, code, text(code), nil)
	res.AppendHeader(c.phone.contact())
	if code == sip.StatusSessionInProgress {
		c.describe(res, "sendrecv")
	}
	if err := c.tx.Respond(res); err != nil {
		return // the caller gave up already, which the owner learns
	}
	c.note(Event{Kind: Provisional, Sent: true, Code: code})
	c.advance(Ringing, Event{Kind: Alert})
}

// describe adds our session description, in the codec the other side prefers.
// Callers hold mu.
func (c *Call) describe(res *sip.Response, direction string) {
	c.sdp++
	res.AppendHeader(sip.NewHeader("Content-Type", "application/sdp"))
	res.SetBody(offer(c.media.local(), c.sdp, direction, c.media.codec()))
}

// Answer picks up the receiver of a call that rings.
func (c *Call) Answer() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.mayRespond(); err != nil {
		return err
	}
	res := sip.NewResponseFromRequest(c.invite, sip.StatusOK, "OK", nil)
	res.AppendHeader(c.phone.contact())
	res.AppendHeader(sip.NewHeader("Allow", allowed))
	c.describe(res, "sendrecv")
	c.acks[c.remoteSeq] = make(chan struct{})
	if err := c.tx.Respond(res); err != nil {
		return fmt.Errorf("softphone: %s: answer: %w", c, err)
	}
	c.advance(Talking, Event{Kind: Final, Sent: true, Code: sip.StatusOK})
	c.response = res
	close(c.final)
	c.media.start()
	return nil
}

// Decline refuses a call that rings, as with 486 (busy) or 603 (declined).
func (c *Call) Decline(code int) error { return c.decline(code) }

// Redirect sends the caller of a call that rings on to another number, with 302.
func (c *Call) Redirect(number string) error {
	return c.decline(sip.StatusMovedTemporarily, &sip.ContactHeader{Address: c.phone.uri(number)})
}

func (c *Call) decline(code int, headers ...sip.Header) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if code < 300 || code > 699 {
		return fmt.Errorf("softphone: %d does not refuse a call", code)
	}
	if err := c.mayRespond(); err != nil {
		return err
	}
	res := sip.NewResponseFromRequest(c.invite, code, text(code), nil)
	for _, h := range headers {
		res.AppendHeader(h)
	}
	if err := c.tx.Respond(res); err != nil {
		return fmt.Errorf("softphone: %s: decline: %w", c, err)
	}
	c.note(Event{Kind: Final, Sent: true, Code: code})
	c.response = res
	close(c.final)
	c.finish(End{How: Declined, Code: code})
	return nil
}

// mayRespond tells why the INVITE cannot be answered any more. Callers hold mu.
func (c *Call) mayRespond() error {
	switch {
	case !c.incoming:
		return errors.New("softphone: only who is called can answer")
	case c.state == Ended:
		return fmt.Errorf("softphone: %s: it has ended: %s", c, c.end.How)
	case c.state == Talking:
		return fmt.Errorf("softphone: %s: it was answered already", c)
	}
	// The library would take a response to a transaction that it has ended.
	if err := c.tx.Err(); err != nil {
		return fmt.Errorf("softphone: %s: the caller gave up: %w", c, err)
	}
	return nil
}

// awaitAck repeats a 200 until its ACK comes, as the core has to do; the
// library does not. Without one the call is hung up.
func (c *Call) awaitAck(tx sip.ServerTransaction, res *sip.Response, acked <-chan struct{}) {
	wait := sip.T1
	timer := time.NewTimer(wait)
	defer timer.Stop()
	deadline := time.NewTimer(64 * sip.T1)
	defer deadline.Stop()
	for {
		select {
		case <-acked:
			return
		case <-c.done:
			return
		case <-c.phone.ctx.Done():
			return
		case <-deadline.C:
			_ = c.bye(c.phone.ctx)
			return
		case <-timer.C:
			if !sip.IsReliable(c.phone.options.Transport) {
				_ = tx.Respond(res) // the next one may get through
			}
			wait = min(2*wait, sip.T2)
			timer.Reset(wait)
		}
	}
}
