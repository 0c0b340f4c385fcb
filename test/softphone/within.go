package softphone

import (
	"context"
	"fmt"

	"github.com/emiago/sipgo"
	"github.com/emiago/sipgo/sip"
)

// allowed is what the phone handles; a PBX sends display updates with UPDATE
// to who names it.
const allowed = "INVITE, ACK, CANCEL, BYE, UPDATE, OPTIONS, NOTIFY"

// handle says who handles what.
func (p *Phone) handle(server *sipgo.Server) {
	server.OnInvite(p.serve(p.onInvite))
	server.OnAck(p.serve(p.onAck))
	server.OnBye(p.serve(p.onBye))
	server.OnUpdate(p.serve(p.onUpdate))
	ok := func(req *sip.Request, tx sip.ServerTransaction) { p.reply(tx, req, sip.StatusOK) }
	server.OnOptions(p.serve(ok))
	server.OnNotify(p.serve(p.onNotify))
	// CANCEL of a transaction that is known never gets here.
	server.OnCancel(p.serve(func(req *sip.Request, tx sip.ServerTransaction) {
		p.reply(tx, req, sip.StatusCallTransactionDoesNotExists)
	}))
}

// serve makes a handler of the library. Each runs in its own goroutine, which
// Close waits for; it works on a copy, since the library reads the original at
// any time; and what it may rely on is checked, since nothing catches a panic.
func (p *Phone) serve(handle func(*sip.Request, sip.ServerTransaction)) sipgo.RequestHandler {
	return func(req *sip.Request, tx sip.ServerTransaction) {
		if !p.enter() {
			return
		}
		defer p.leave()
		req = req.Clone()
		if req.From() == nil || req.To() == nil || req.CallID() == nil || req.CSeq() == nil ||
			req.IsInvite() && req.Contact() == nil {
			p.reply(tx, req, sip.StatusBadRequest)
			return
		}
		handle(req, tx)
	}
}

// reply's error is that the transport or the transaction has ended, and with it
// whoever would want to know.
func (p *Phone) reply(tx sip.ServerTransaction, req *sip.Request, code int) {
	if req.IsAck() {
		return
	}
	res := sip.NewResponseFromRequest(req, code, text(code), nil)
	if code == sip.StatusOK {
		res.AppendHeader(sip.NewHeader("Allow", allowed))
	}
	_ = tx.Respond(res)
}

// find is the call that a request belongs to.
func (p *Phone) find(req *sip.Request) *Call {
	tag, _ := req.To().Params.Get("tag")
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.calls[dialog{req.CallID().Value(), tag}]
}

// inOrder tells whether a request may be handled, and answers it where not:
// requests of one call may overtake each other in here. Callers hold mu.
func (c *Call) inOrder(req *sip.Request, tx sip.ServerTransaction) bool {
	code := 0
	switch {
	case c.state == Ended:
		code = sip.StatusCallTransactionDoesNotExists
	case req.CSeq().SeqNo <= c.remoteSeq:
		code = sip.StatusInternalServerError // RFC 3261 12.2.2
	}
	if code != 0 {
		c.note(Event{Kind: OutOfOrder, Sent: true, Code: code})
		c.phone.reply(tx, req, code)
		return false
	}
	c.remoteSeq = req.CSeq().SeqNo
	return true
}

func (p *Phone) onAck(req *sip.Request, _ sip.ServerTransaction) {
	c := p.find(req)
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	acked := c.acks[req.CSeq().SeqNo]
	if acked == nil {
		return // of a refusal, or once more
	}
	select {
	case <-acked:
		return
	default:
	}
	close(acked)
	if d, err := parseSDP(req.Body()); err == nil {
		c.media.setPeer(d)
	}
	c.note(Event{Kind: Ack})
}

func (p *Phone) onBye(req *sip.Request, tx sip.ServerTransaction) {
	c := p.find(req)
	if c == nil {
		p.reply(tx, req, sip.StatusCallTransactionDoesNotExists)
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	// One that crosses ours ends what has ended: both are right.
	c.remoteSeq = max(c.remoteSeq, req.CSeq().SeqNo)
	p.reply(tx, req, sip.StatusOK)
	c.note(Event{Kind: Bye, Reason: reason(req)})
	c.finish(End{How: HungUpByPeer, Reason: reason(req)})
}

// onReinvite takes what a PBX says later: where it listens now, and whom we
// talk to now.
func (p *Phone) onReinvite(req *sip.Request, tx sip.ServerTransaction) {
	c := p.find(req)
	if c == nil {
		p.reply(tx, req, sip.StatusCallTransactionDoesNotExists)
		return
	}
	c.mu.Lock()
	if !c.inOrder(req, tx) {
		c.mu.Unlock()
		return
	}
	c.note(Event{Kind: Reinvite})
	c.showIdentity(req)
	res, ok := c.agree(req, tx)
	if !ok {
		c.mu.Unlock()
		return
	}
	acked := make(chan struct{})
	c.acks[req.CSeq().SeqNo] = acked
	c.target = *req.Contact().Address.Clone()
	err := tx.Respond(res)
	c.mu.Unlock()
	if err == nil {
		c.awaitAck(tx, res, acked)
	}
}

func (p *Phone) onUpdate(req *sip.Request, tx sip.ServerTransaction) {
	c := p.find(req)
	if c == nil {
		p.reply(tx, req, sip.StatusCallTransactionDoesNotExists)
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.inOrder(req, tx) {
		return
	}
	c.note(Event{Kind: Update})
	c.showIdentity(req)
	if res, ok := c.agree(req, tx); ok {
		_ = tx.Respond(res) // see reply
	}
}

// agree is the 200 to a request that may change the session, or nothing where
// that was refused. Callers hold mu.
func (c *Call) agree(req *sip.Request, tx sip.ServerTransaction) (*sip.Response, bool) {
	res := sip.NewResponseFromRequest(req, sip.StatusOK, "OK", nil)
	res.AppendHeader(c.phone.contact())
	res.AppendHeader(sip.NewHeader("Allow", allowed))
	if len(req.Body()) == 0 {
		if req.IsInvite() { // it asks for an offer
			c.describe(res, "sendrecv")
		}
		return res, true
	}
	d, err := parseSDP(req.Body())
	if err != nil {
		c.phone.reply(tx, req, sip.StatusNotAcceptableHere)
		return nil, false
	}
	c.media.setPeer(d)
	c.describe(res, opposite(d.direction))
	return res, true
}

// Hangup ends the call, whatever it is doing, and waits until it has ended: it
// declines, cancels or hangs up.
func (c *Call) Hangup(ctx context.Context) error {
	c.mu.Lock()
	state, acked := c.state, c.acks[c.remoteSeq]
	c.mu.Unlock()
	switch {
	case state == Ended:
		return nil
	case state == Talking:
		if c.incoming && acked != nil { // not before the caller knows that we answered
			select {
			case <-acked:
			case <-c.done:
			case <-ctx.Done():
				return fmt.Errorf("softphone: %s: hang up: no ACK: %w", c, context.Cause(ctx))
			}
		}
		return c.bye(ctx)
	case c.incoming:
		if err := c.decline(sip.StatusGlobalDecline); err == nil {
			return nil
		}
	default:
		c.cancelOnce.Do(func() { close(c.cancel) })
	}
	return c.Wait(ctx, Ended)
}

// bye sends BYE, once, and waits for its answer.
func (c *Call) bye(ctx context.Context) error {
	c.mu.Lock()
	if c.state == Ended {
		c.mu.Unlock()
		return nil
	}
	c.localSeq++
	req := c.within(sip.BYE, c.localSeq)
	c.note(Event{Kind: Bye, Sent: true})
	c.finish(End{How: HungUp})
	c.mu.Unlock()
	defer c.phone.forget(c)
	if _, err := c.phone.client.Do(ctx, req); err != nil {
		return fmt.Errorf("softphone: %s: BYE: %w", c, err)
	}
	return nil
}

// within is a request of ours in the dialog. Callers hold mu.
func (c *Call) within(method sip.RequestMethod, seq uint32) *sip.Request {
	req := c.phone.request(method, c.target)
	addRoutes(req, c.routes)
	req.AppendHeader(sip.HeaderClone(c.from))
	req.AppendHeader(sip.HeaderClone(c.to))
	req.AppendHeader((*sip.CallIDHeader)(&c.callID))
	req.AppendHeader(&sip.CSeqHeader{SeqNo: seq, MethodName: method})
	return req
}

// text is what stands beside a status code.
func text(code int) string {
	switch code {
	case sip.StatusRinging:
		return "Ringing"
	case sip.StatusSessionInProgress:
		return "Session Progress"
	case sip.StatusOK:
		return "OK"
	case sip.StatusMovedTemporarily:
		return "Moved Temporarily"
	case sip.StatusBadRequest:
		return "Bad Request"
	case sip.StatusTemporarilyUnavailable:
		return "Temporarily Unavailable"
	case sip.StatusCallTransactionDoesNotExists:
		return "Call/Transaction Does Not Exist"
	case sip.StatusBusyHere:
		return "Busy Here"
	case sip.StatusNotAcceptableHere:
		return "Not Acceptable Here"
	case sip.StatusInternalServerError:
		return "Server Internal Error"
	case sip.StatusGlobalDecline:
		return "Decline"
	}
	return "Refused"
}
