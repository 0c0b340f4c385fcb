package softphone

import (
	"context"
	"encoding/xml"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/emiago/sipgo/sip"
)

// What a lamp key makes of a subscription to "dialog" (RFC 4235).
const (
	LampOff    = "terminated"
	LampBlinks = "early"
	LampOn     = "confirmed"
)

// subscriptionLife is for how long a phone subscribes. It is longer than any
// test, so that nothing has to be refreshed.
const subscriptionLife = time.Hour

// Subscription is a lamp key of a phone, or another subscription to events
// (RFC 6665). Its methods may be called from any goroutine.
type Subscription struct {
	phone     *Phone
	extension string
	event     string
	callID    string
	localTag  string

	mu        sync.Mutex
	changed   chan struct{} // closed and made anew at each NOTIFY
	notices   []Notice
	over      bool
	localSeq  uint32
	remoteSeq uint32
	from      *sip.FromHeader
	to        *sip.ToHeader
	target    sip.Uri
	routes    []string
}

// Notice is what one NOTIFY said.
type Notice struct {
	At time.Time
	// State is that of the dialog: confirmed, early or terminated; of several
	// the first of these.
	State string
	Body  string
	// Source is the host and port that it came from.
	Source string
}

// Subscribe subscribes to an event package, as "dialog", of an extension. It
// returns when the PBX has accepted that.
func (p *Phone) Subscribe(ctx context.Context, extension, event string) (*Subscription, error) {
	s := &Subscription{
		phone: p, extension: extension, event: event,
		callID: sip.GenerateTagN(24), localTag: sip.GenerateTagN(16), changed: make(chan struct{}),
		to: &sip.ToHeader{Address: p.uri(extension)}, target: p.uri(extension),
	}
	s.from = &sip.FromHeader{Address: p.uri(p.options.User), Params: sip.HeaderParams{{K: "tag", V: s.localTag}}}
	p.mu.Lock()
	if p.closing {
		p.mu.Unlock()
		return nil, ErrClosed
	}
	p.subscriptions[s.callID] = s // its first NOTIFY may come before the response
	p.mu.Unlock()
	if err := s.send(ctx, subscriptionLife); err != nil {
		s.forget()
		return nil, err
	}
	return s, nil
}

// Unsubscribe ends the subscription.
func (s *Subscription) Unsubscribe(ctx context.Context) error {
	s.mu.Lock()
	over := s.over
	s.mu.Unlock()
	defer s.forget()
	if over {
		return nil
	}
	return s.send(ctx, 0)
}

func (s *Subscription) forget() {
	s.phone.mu.Lock()
	defer s.phone.mu.Unlock()
	delete(s.phone.subscriptions, s.callID)
}

func (s *Subscription) send(ctx context.Context, life time.Duration) error {
	req := s.request(life)
	res, err := s.phone.client.Do(ctx, req)
	if err == nil && challenges(res) {
		s.mu.Lock()
		s.localSeq++
		seq := s.localSeq
		s.mu.Unlock()
		if req, err = s.phone.authorize(req, res, seq); err == nil {
			res, err = s.phone.client.Do(ctx, req)
		}
	}
	if err != nil {
		return fmt.Errorf("softphone: %s: %w", s, err)
	}
	if !res.IsSuccess() {
		return &StatusError{Method: "SUBSCRIBE", Code: res.StatusCode, Text: res.Reason}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.to = sip.HeaderClone(res.To()).(*sip.ToHeader)
	if contact := res.Contact(); contact != nil {
		s.target = *contact.Address.Clone()
	}
	if len(s.routes) == 0 { // it stays what the first answer said
		s.routes = routeSet(res, true)
	}
	return nil
}

func (s *Subscription) request(life time.Duration) *sip.Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.localSeq++
	req := s.phone.request(sip.SUBSCRIBE, s.target)
	addRoutes(req, s.routes)
	req.AppendHeader(sip.HeaderClone(s.from))
	req.AppendHeader(sip.HeaderClone(s.to))
	req.AppendHeader((*sip.CallIDHeader)(&s.callID))
	req.AppendHeader(&sip.CSeqHeader{SeqNo: s.localSeq, MethodName: sip.SUBSCRIBE})
	req.AppendHeader(s.phone.contact())
	req.AppendHeader(sip.NewHeader("Event", s.event))
	req.AppendHeader(sip.NewHeader("Expires", strconv.Itoa(int(life.Seconds()))))
	if s.event == "dialog" {
		req.AppendHeader(sip.NewHeader("Accept", "application/dialog-info+xml"))
	}
	return req
}

// onNotify takes what a subscription is told. What nobody subscribed to, as
// messages waiting, is taken and forgotten.
func (p *Phone) onNotify(req *sip.Request, tx sip.ServerTransaction) {
	p.mu.Lock()
	s := p.subscriptions[req.CallID().Value()]
	p.mu.Unlock()
	if s == nil {
		p.reply(tx, req, sip.StatusOK)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if req.CSeq().SeqNo <= s.remoteSeq { // handlers may overtake each other
		p.reply(tx, req, sip.StatusInternalServerError)
		return
	}
	s.remoteSeq = req.CSeq().SeqNo
	p.reply(tx, req, sip.StatusOK)
	s.over = strings.HasPrefix(strings.Join(values(req, "Subscription-State"), ""), "terminated")
	if len(req.Body()) > 0 {
		s.notices = append(s.notices, Notice{At: time.Now(), State: dialogState(req.Body()), Body: string(req.Body()), Source: req.Source()})
	}
	close(s.changed)
	s.changed = make(chan struct{})
}

// dialogState reads a dialog-info document. One that names no dialog says that
// there is none.
func dialogState(body []byte) string {
	var info struct {
		Dialogs []struct {
			State string `xml:"state"`
		} `xml:"dialog"`
	}
	if err := xml.Unmarshal(body, &info); err != nil {
		return ""
	}
	for _, state := range []string{LampOn, LampBlinks} {
		for _, d := range info.Dialogs {
			if strings.TrimSpace(d.State) == state {
				return state
			}
		}
	}
	return LampOff
}

// State is what the newest NOTIFY said; empty if none came.
func (s *Subscription) State() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.notices) == 0 {
		return ""
	}
	return s.notices[len(s.notices)-1].State
}

// Notices are all that came so far.
func (s *Subscription) Notices() []Notice {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.notices)
}

// Wait returns when the state is what is asked for.
func (s *Subscription) Wait(ctx context.Context, state string) error {
	for {
		s.mu.Lock()
		changed := s.changed
		s.mu.Unlock()
		if s.State() == state {
			return nil
		}
		select {
		case <-changed:
		case <-s.phone.ctx.Done():
			return ErrClosed
		case <-ctx.Done():
			return fmt.Errorf("softphone: %s is %q, not %q: %w", s, s.State(), state, context.Cause(ctx))
		}
	}
}

// String names the subscription in messages.
func (s *Subscription) String() string {
	return fmt.Sprintf("subscription of %s to %s of %s", s.phone.options.User, s.event, s.extension)
}
