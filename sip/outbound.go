package sip

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/emiago/sipgo"
	gosip "github.com/emiago/sipgo/sip"
	lru "github.com/hashicorp/golang-lru/v2"

	"supervisiond/sip/notifier"
)

const (
	// maxDatagram is how long a request may be that goes over UDP where the way's MTU is not known (RFC 3261, 18.1.1).
	maxDatagram = 1300
	// longestDatagram is how long one may be at all.
	longestDatagram = 65_507
	// dialTime bounds the attempt to reach a phone over TCP, and noTCPTime says for how long it is not made again.
	dialTime  = time.Second
	noTCPTime = 10 * time.Minute
	// tcpTime is how long a phone that spoke over UDP may take to answer over TCP.
	tcpTime = 5 * time.Second
	// lookTime is how often it is looked whether the connection is still there by which an answer is to come.
	lookTime = 250 * time.Millisecond
	// rememberedPhones is of how many it is remembered that they take no TCP.
	rememberedPhones = 10_000
)

func init() {
	// The library refuses what is longer; here it is decided whether TCP is to be had.
	gosip.UDPMTUSize = longestDatagram + 200
}

// outbound sends our requests.
type outbound struct {
	client     *sipgo.Client
	transports *gosip.TransportLayer
	noTCP      *lru.Cache[string, time.Time] // phones that take none, and until when that is not tried again
}

func newOutbound(ua *sipgo.UserAgent) (*outbound, error) {
	client, err := sipgo.NewClient(ua)
	if err != nil {
		return nil, err
	}
	noTCP, err := lru.New[string, time.Time](rememberedPhones)
	return &outbound{client: client, transports: ua.TransportLayer(), noTCP: noTCP}, err
}

// notify sends a NOTIFY, again and again over UDP until there is an answer (RFC 3261, 17.1.2), for 32 s at most.
func (o *outbound) notify(ctx context.Context, n *notifier.Notify) notifier.Answer {
	p, ok := n.Peer.(*phone)
	if !ok {
		return notifier.Answer{Err: errors.New("nobody knows how to reach the phone")}
	}
	req := p.request(gosip.NOTIFY, n.Dialog, n.CSeq)
	event := n.Event
	if n.ID != "" {
		event += ";id=" + n.ID
	}
	req.AppendHeader(gosip.NewHeader("Event", event))
	req.AppendHeader(gosip.NewHeader("Subscription-State", n.State))
	if n.EventList {
		req.AppendHeader(gosip.NewHeader("Require", "eventlist"))
	}
	if n.ContentType != "" {
		req.AppendHeader(gosip.NewHeader("Content-Type", n.ContentType))
	}
	req.SetBody(n.Body)
	return o.send(ctx, p, req)
}

// request makes one in a dialog (RFC 3261, 12.2.1.1).
func (p *phone) request(method gosip.RequestMethod, d notifier.Dialog, seq uint32) *gosip.Request {
	target, routes := p.way()
	req := gosip.NewRequest(method, target)
	for _, r := range routes {
		req.AppendHeader(gosip.NewHeader("Route", r))
	}
	from, to := p.from, p.to
	from.Params = withTag(from.Params, d.LocalTag)
	to.Params = withTag(to.Params, d.RemoteTag)
	req.AppendHeader(&from)
	req.AppendHeader(&to)
	id := gosip.CallIDHeader(d.CallID)
	req.AppendHeader(&id)
	req.AppendHeader(&gosip.CSeqHeader{SeqNo: seq, MethodName: method})
	hops := gosip.MaxForwardsHeader(70)
	req.AppendHeader(&hops)
	req.AppendHeader(gosip.NewHeader("Contact", p.contact(from.Address.User)))
	return req
}

func withTag(params gosip.HeaderParams, tag string) gosip.HeaderParams {
	params = params.Clone()
	if tag != "" {
		params.Add("tag", tag)
	}
	return params
}

// send sends a request to a phone and waits for its final answer. One that is too long for a datagram, or to a phone that says so, goes
// over TCP; where the phone takes none, over UDP, in fragments if need be (RFC 3261, 18.1.1), if it is not too long for those.
func (o *outbound) send(ctx context.Context, p *phone, req *gosip.Request) notifier.Answer {
	length := viaLength + lengthOf(req)
	if p.transport == "UDP" && (p.wantsTCP() || length > maxDatagram) && o.takesTCP(ctx, p.hop) {
		brief, cancel := context.WithTimeout(ctx, tcpTime)
		defer cancel()
		a := o.over(brief, "TCP", p, req.Clone())
		if a.Err == nil || ctx.Err() != nil {
			return a
		}
		o.noTCP.Add(p.hop, time.Now().Add(noTCPTime)) // it is something else that takes connections there
	}
	if p.transport == "UDP" && length > longestDatagram {
		return notifier.Answer{Err: notifier.ErrTooLong}
	}
	return o.over(ctx, p.transport, p, req)
}

// over sends a request over a transport. A connection that ends before the answer is made anew, once.
func (o *outbound) over(ctx context.Context, transport string, p *phone, req *gosip.Request) notifier.Answer {
	hop := o.hop(ctx, transport, p)
	if hop == "" {
		return notifier.Answer{Err: fmt.Errorf("the connection of %s is gone", p.hop)}
	}
	again := req.Clone()
	res, err := o.to(ctx, hop, transport, p, req)
	if err != nil && transport == "TCP" && ctx.Err() == nil && !o.connected(transport, hop) {
		if anew := o.hop(ctx, transport, p); anew != "" && anew != hop {
			res, err = o.to(ctx, anew, transport, p, again)
		}
	}
	if err != nil {
		return notifier.Answer{Err: err}
	}
	return answerOf(res)
}

// answerOf reads what a phone says to a request of ours. For how long it asks to be left alone may stand before parameters and a comment
// (RFC 3261, 20.33).
func answerOf(res *gosip.Response) notifier.Answer {
	a := notifier.Answer{Code: res.StatusCode}
	if h := res.GetHeader("Retry-After"); h != nil {
		digits, _, _ := strings.Cut(strings.TrimSpace(h.Value()), ";")
		digits, _, _ = strings.Cut(digits, "(")
		if seconds, err := strconv.ParseUint(strings.TrimSpace(digits), 10, 64); err == nil {
			a.RetryAfter = time.Duration(min(seconds, maxSeconds)) * time.Second
		}
	}
	return a
}

// hop is where a request goes; empty: nowhere. A connection that is there is used; one that is gone can only be made anew to a phone
// that listens.
func (o *outbound) hop(ctx context.Context, transport string, p *phone) string {
	if transport == "UDP" || o.connected(transport, p.hop) {
		return p.hop
	}
	if p.byConnection() && o.connected(transport, p.source) {
		return p.source
	}
	if at := p.takesConnectionsAt(transport); at != "" && o.takesTCP(ctx, at) {
		return at
	}
	return ""
}

func (o *outbound) to(ctx context.Context, hop, transport string, p *phone, req *gosip.Request) (*gosip.Response, error) {
	o.address(req, p, transport)
	req.SetDestination(hop)
	return o.do(ctx, req, transport, hop)
}

// do sends a request and waits for its final answer. The library's own Do may end a transaction that is still busy with the answer,
// which then sets the timer by which all of it is kept for another 32 s.
// What was written as the phone closed its connection is lost, and nobody says so: the library would wait for an answer for 32 s.
func (o *outbound) do(ctx context.Context, req *gosip.Request, transport, hop string) (*gosip.Response, error) {
	tx, err := o.client.TransactionRequest(ctx, req)
	if err != nil {
		return nil, err
	}
	defer tx.Terminate()
	var looks <-chan time.Time
	if transport != "UDP" {
		look := time.NewTicker(lookTime)
		defer look.Stop()
		looks = look.C
	}
	for {
		select {
		case res := <-tx.Responses():
			if !res.IsProvisional() {
				_ = tx.Err() // waits until it is no longer busy
				return res, nil
			}
		case <-looks:
			if !o.connected(transport, hop) {
				return nil, fmt.Errorf("the connection to %s has ended before there was an answer", hop)
			}
		case <-tx.Done():
			return nil, tx.Err()
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// length counts what is written to it.
type length int

func (l *length) WriteString(s string) (int, error) {
	*l += length(len(s))
	return len(s), nil
}

func lengthOf(req *gosip.Request) int {
	var l length
	req.StringWrite(&l)
	return int(l)
}

// viaLength is about how long the header is that is yet to come.
const viaLength = 120

// address says how a request goes: from the listener that the phone knows.
func (o *outbound) address(req *gosip.Request, p *phone, transport string) {
	host, port, _ := net.SplitHostPort(p.ours)
	number, _ := strconv.Atoi(port)
	via := &gosip.ViaHeader{
		ProtocolName: "SIP", ProtocolVersion: "2.0", Transport: transport, Host: host, Port: number, Params: gosip.NewParams(),
	}
	via.Params.Add("rport", "")
	via.Params.Add("branch", gosip.GenerateBranch())
	req.PrependHeader(via)
	req.SetTransport(transport)
	if transport == "UDP" {
		if l, err := netip.ParseAddrPort(p.local); err == nil {
			req.Laddr = gosip.Addr{IP: l.Addr().AsSlice(), Port: int(l.Port())}
		}
	}
}

// connected says whether there is a connection to an address.
func (o *outbound) connected(transport, address string) bool {
	c, err := o.transports.GetConnection(transport, address)
	if err != nil || c == nil {
		return false
	}
	_, _ = c.TryClose() // it has been counted
	return true
}

// takesTCP says whether somebody listens there.
func (o *outbound) takesTCP(ctx context.Context, address string) bool {
	if until, known := o.noTCP.Get(address); known && time.Now().Before(until) {
		return false
	}
	if o.connected("TCP", address) {
		return true
	}
	ctx, cancel := context.WithTimeout(ctx, dialTime)
	defer cancel()
	c, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
	if err != nil {
		o.noTCP.Add(address, time.Now().Add(noTCPTime))
		return false
	}
	_ = c.Close()
	return true
}
