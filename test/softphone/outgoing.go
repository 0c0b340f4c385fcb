package softphone

import (
	"context"
	"errors"
	"fmt"

	"github.com/emiago/sipgo"
	"github.com/emiago/sipgo/sip"
)

// DialOption changes the INVITE of one call.
type DialOption func(*dialled)

type dialled struct {
	from    sip.FromHeader
	headers []sip.Header
}

// From is who the call says it comes from. A PBX believes it of a trunk.
func From(number, name string) DialOption {
	return func(d *dialled) {
		d.from.Address.User, d.from.DisplayName = number, quote(name)
	}
}

// AssertedIdentity adds P-Asserted-Identity.
func AssertedIdentity(number, name string) DialOption {
	return func(d *dialled) {
		value := fmt.Sprintf(`"%s" <sip:%s@localhost>`, quote(name), number)
		d.headers = append(d.headers, sip.NewHeader("P-Asserted-Identity", value))
	}
}

// Privacy adds a Privacy header, as "id".
func Privacy(value string) DialOption { return Header("Privacy", value) }

// Anonymous puts nobody into From, as a caller does who withholds who they are.
func Anonymous() DialOption {
	return func(d *dialled) {
		d.from.DisplayName = "Anonymous"
		d.from.Address = sip.Uri{Scheme: "sip", User: "anonymous", Host: "anonymous.invalid"}
	}
}

// Header adds any header.
func Header(name, value string) DialOption {
	return func(d *dialled) { d.headers = append(d.headers, sip.NewHeader(name, value)) }
}

// Dial calls a number. It returns when the INVITE is on its way; the call goes
// on until it is hung up, by whomever, or the phone is closed.
func (p *Phone) Dial(ctx context.Context, number string, options ...DialOption) (*Call, error) {
	p.mu.Lock()
	closing := p.closing
	p.mu.Unlock()
	if closing {
		return nil, ErrClosed
	}
	c, err := p.newCall(sip.GenerateTagN(24), false)
	if err != nil {
		return nil, err
	}
	d := dialled{from: sip.FromHeader{DisplayName: quote(p.options.DisplayName), Address: p.uri(p.options.User)}}
	for _, o := range options {
		o(&d)
	}
	d.from.Params = sip.HeaderParams{{K: "tag", V: c.localTag}}

	req := p.request(sip.INVITE, p.uri(number))
	req.AppendHeader(&d.from)
	req.AppendHeader(&sip.ToHeader{Address: p.uri(number)})
	req.AppendHeader((*sip.CallIDHeader)(&c.callID))
	req.AppendHeader(&sip.CSeqHeader{SeqNo: 1, MethodName: sip.INVITE})
	req.AppendHeader(p.contact())
	req.AppendHeader(sip.NewHeader("Allow", allowed))
	for _, h := range d.headers {
		req.AppendHeader(h)
	}
	req.AppendHeader(sip.NewHeader("Content-Type", "application/sdp"))
	req.SetBody(offer(c.media.local(), 1, "sendrecv", 0, 8))

	c.mu.Lock()
	c.invite, c.localSeq, c.sdp = req.Clone(), 1, 1
	c.from = sip.HeaderClone(&d.from).(*sip.FromHeader)
	c.note(Event{Kind: Invite, Sent: true})
	c.show(Party{Number: number})
	c.mu.Unlock()

	tx, err := p.client.TransactionRequest(ctx, req)
	if err != nil {
		c.lose(err)
		return nil, fmt.Errorf("softphone: %s: INVITE: %w", p.options.User, err)
	}
	p.spawn(func() { c.place(req, tx) })
	return c, nil
}

// place sees an INVITE through, and owns its transaction.
func (c *Call) place(req *sip.Request, tx sip.ClientTransaction) {
	defer func() { tx.Terminate() }()
	// CANCEL may not be sent before a provisional response has come.
	var cancel <-chan struct{}
	challenged := false
	for {
		select {
		case res := <-tx.Responses():
			switch {
			case res.IsProvisional():
				cancel = c.cancel
				c.provisional(res)
			case challenges(res) && !challenged:
				challenged, cancel = true, nil
				tx.Terminate()
				again, err := c.phone.authorize(req, res, req.CSeq().SeqNo+1)
				if err != nil {
					c.lose(err)
					return
				}
				c.mu.Lock()
				c.invite, c.localSeq = again.Clone(), again.CSeq().SeqNo
				c.mu.Unlock()
				next, err := c.phone.client.TransactionRequest(c.phone.ctx, again)
				if err != nil {
					c.lose(err)
					return
				}
				req, tx = again, next
			case res.IsSuccess():
				c.accepted(req, res, tx)
				return
			default:
				c.refused(res)
				return
			}
		case <-cancel:
			cancel = nil
			c.sendCancel(req)
		case <-tx.Done():
			c.lose(errors.Join(errors.New("INVITE was not answered"), tx.Err()))
			return
		case <-c.phone.ctx.Done():
			c.lose(ErrClosed)
			return
		}
	}
}

func (c *Call) provisional(res *sip.Response) {
	if res.StatusCode == sip.StatusTrying {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.advance(Ringing, Event{Kind: Provisional, Code: res.StatusCode})
	c.showIdentity(res)
	if d, err := parseSDP(res.Body()); err == nil {
		c.media.setPeer(d) // early media: listened to, not spoken into
	}
}

func (c *Call) refused(res *sip.Response) {
	end := End{How: Declined, Code: res.StatusCode, Reason: reason(res)}
	if res.StatusCode/100 == 3 {
		end.Contact = values(res, "Contact")
	}
	select {
	case <-c.cancel:
		end.How = Cancelled
	default:
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.showIdentity(res)
	c.note(Event{Kind: Final, Code: res.StatusCode, Reason: end.Reason})
	c.finish(end)
}

// accepted confirms a 200 and keeps the transaction until the call has ended.
func (c *Call) accepted(req *sip.Request, res *sip.Response, tx sip.ClientTransaction) {
	c.mu.Lock()
	c.to = sip.HeaderClone(res.To()).(*sip.ToHeader)
	c.target = req.Recipient
	if contact := res.Contact(); contact != nil {
		c.target = *contact.Address.Clone()
	}
	c.routes = routeSet(res, true)
	ack := c.within(sip.ACK, req.CSeq().SeqNo)
	c.advance(Talking, Event{Kind: Final, Code: res.StatusCode})
	c.showIdentity(res)
	over := c.state == Ended // a BYE can overtake its 200
	d, problem := parseSDP(res.Body())
	if problem == nil && !over {
		c.media.setPeer(d)
		c.media.start()
	}
	c.mu.Unlock()

	write := func() error { return c.phone.client.WriteRequest(ack.Clone(), asItIs) }
	if err := sipgo.ClientRequestBuild(c.phone.client, ack); err != nil {
		c.lose(err)
		return
	}
	tx.OnRetransmission(func(*sip.Response) { _ = write() }) // the next one brings the next try
	if err := write(); err != nil {
		c.lose(err)
		return
	}
	c.mu.Lock()
	c.note(Event{Kind: Ack, Sent: true})
	c.mu.Unlock()

	select {
	case <-c.cancel: // too late for CANCEL, as RFC 3261 15 has it
		_ = c.bye(c.phone.ctx)
	default:
	}
	if problem != nil {
		_ = c.bye(c.phone.ctx)
	}
	select {
	case <-c.done:
	case <-c.phone.ctx.Done():
	}
}

// sendCancel has the transaction's own Via, so nothing may be added to it.
func (c *Call) sendCancel(req *sip.Request) {
	cancel := c.phone.request(sip.CANCEL, req.Recipient)
	cancel.AppendHeader(req.Via().Clone())
	cancel.AppendHeader(sip.HeaderClone(req.From()))
	cancel.AppendHeader(sip.HeaderClone(req.To()))
	cancel.AppendHeader(sip.HeaderClone(req.CallID()))
	cancel.AppendHeader(&sip.CSeqHeader{SeqNo: req.CSeq().SeqNo, MethodName: sip.CANCEL})
	hops := sip.MaxForwardsHeader(70)
	cancel.AppendHeader(&hops)
	cancel.SetBody(nil)
	cancel.Laddr = req.Laddr
	c.mu.Lock()
	c.note(Event{Kind: Cancel, Sent: true})
	c.mu.Unlock()
	c.phone.spawn(func() {
		// Its answer says nothing: what counts is the INVITE's.
		_, _ = c.phone.client.Do(c.phone.ctx, cancel, asItIs)
	})
}

// asItIs keeps the library from adding headers to a request that has them all.
func asItIs(*sipgo.Client, *sip.Request) error { return nil }
