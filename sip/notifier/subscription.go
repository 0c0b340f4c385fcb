package notifier

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"supervisiond/supervision"
)

// subscription is one that runs. It belongs to Run's goroutine.
type subscription struct {
	*Notifier
	Dialog
	event, id string
	viewer    *viewer
	target    target
	entity    string // the address that was asked for
	peer      Peer

	remoteSeq, localSeq uint32
	heard               time.Time // when the phone last answered or asked
	expires             time.Time
	timer               *time.Timer

	begun  bool   // the phone has its answer
	dirty  bool   // something may have changed
	whole  bool   // the phone is to be told everything
	flying bool   // a NOTIFY is under way
	ending string // the last Subscription-State
	over   bool
	mute   bool // the phone is told no document any more

	setting int // how many features the phone has asked to be set and that are not known to be

	line    toldLine // what the phone was told last, of one person
	text    string   // of the line's features
	version uint32   // of a list's next document
	listed  []supervision.PersonID
	lines   map[supervision.PersonID]*toldLine
}

// Notify is what a phone is to be told (RFC 6665, 4.2.2).
type Notify struct {
	Dialog    Dialog
	CSeq      uint32
	Event, ID string
	// State is the value of Subscription-State.
	State string
	// EventList: it is one of a list (RFC 4662).
	EventList   bool
	ContentType string
	Body        []byte
	Peer        Peer
	// LocalUser is who the phone asked for.
	Entity string
}

// Answer is what came of a NOTIFY. Code 0: nothing, or it could not be sent.
type Answer struct {
	Code       int
	RetryAfter time.Duration
	Err        error
}

// ErrTooLong is the Err of a NOTIFY that was not sent, because it does not fit into a datagram and there is no other way to the phone.
var ErrTooLong = errors.New("longer than a datagram")

type result struct {
	s      *subscription
	to     Peer
	answer Answer
	began  time.Time
}

// isList: it is one to the people of a group.
func (s *subscription) isList() bool { return s.target.group != "" }

func (n *Notifier) add(s *subscription) {
	n.subs[key{s.Dialog, s.event, s.id}] = s
	v := s.viewer
	v.subs = append(v.subs, s)
	if p := s.target.person; p != "" {
		v.lines[p] = append(v.lines[p], s)
	} else {
		v.lists = append(v.lists, s)
	}
	n.o.Metrics.subscriptions.WithLabelValues(s.event).Inc()
}

// drop forgets a subscription.
func (n *Notifier) drop(s *subscription) {
	if s.over {
		return
	}
	s.over = true
	s.timer.Stop()
	delete(n.subs, key{s.Dialog, s.event, s.id})
	v := s.viewer
	v.subs = without(v.subs, s)
	if p := s.target.person; p == "" {
		v.lists = without(v.lists, s)
	} else if v.lines[p] = without(v.lines[p], s); len(v.lines[p]) == 0 {
		delete(v.lines, p)
	}
	n.o.Metrics.subscriptions.WithLabelValues(s.event).Dec()
	n.perhapsIdle(v)
}

func without(list []*subscription, s *subscription) []*subscription {
	return slices.DeleteFunc(list, func(x *subscription) bool { return x == s })
}

// expireAt sets the end of a subscription. One that is to end at once is told a last time.
func (n *Notifier) expireAt(s *subscription, in time.Duration) {
	s.expires = time.Now().Add(in)
	if s.timer != nil {
		s.timer.Stop()
	}
	if in == 0 {
		s.timer = time.NewTimer(0) // begin ends it
		return
	}
	var t *time.Timer
	t = n.after(in, func() {
		if s.timer == t {
			n.end(s, "timeout", 0)
		}
	})
	s.timer = t
}

// begin tells a phone all, after each of its requests (RFC 6665, 4.2.1.2).
func (n *Notifier) begin(s *subscription) {
	if s.over {
		return
	}
	s.begun, s.dirty, s.whole = true, true, true
	if !time.Now().Before(s.expires) {
		s.ending = atItsTime
	}
	n.push(s)
}

// end tells a phone a last time, and why.
func (n *Notifier) end(s *subscription, reason string, retry time.Duration) {
	if s.over || s.ending != "" {
		return
	}
	s.ending = "terminated;reason=" + reason
	if retry > 0 {
		s.ending += fmt.Sprintf(";retry-after=%d", int(retry/time.Second))
	}
	s.dirty, s.whole = true, true
	n.push(s)
}

// atItsTime is how a subscription ends that is not refreshed, or that the phone has asked to be over.
const atItsTime = "terminated;reason=timeout"

// state is the value of Subscription-State, and whether it is the last. Who asked for what there is once, or for the last time, gets all
// of it before that.
func (s *subscription) state() (value string, last bool) {
	if s.ending != "" && (!s.dirty || s.ending != atItsTime) {
		return s.ending, true
	}
	return "active;expires=" + strconv.Itoa(max(0, int(time.Until(s.expires).Round(time.Second)/time.Second))), false
}

// push sends what is so now, unless a NOTIFY is under way: then its end does.
func (n *Notifier) push(s *subscription) {
	if s.over || s.flying || !s.begun || !s.dirty || s.setting > 0 && s.ending == "" {
		return
	}
	s.dirty = false
	kind, body, news := s.content()
	if !news && s.ending == "" {
		return
	}
	state, last := s.state()
	s.localSeq++
	out := &Notify{
		Dialog: s.Dialog, CSeq: s.localSeq, Event: s.event, ID: s.id, State: state, EventList: s.isList(),
		ContentType: kind, Body: body, Peer: s.peer, Entity: s.entity,
	}
	if last {
		n.drop(s) // nothing comes after it
	}
	s.flying = true
	began := time.Now()
	ctx := n.sendCtx
	n.sending.Go(func() {
		answer := n.o.Send(ctx, out)
		select {
		case n.results <- result{s, out.Peer, answer, began}:
		case <-n.ctx.Done():
		}
	})
}

// maxRetryAfter is how long a phone that asks for time is given.
const maxRetryAfter = time.Minute

// sent goes on after a NOTIFY. What fails for good ends the subscription without another word (RFC 6665, 4.2.2, RFC 5057, 5.2).
func (n *Notifier) sent(r result) {
	s := r.s
	s.flying = false
	n.o.Metrics.notified(r.answer.Code)
	switch {
	case s.over:
	case r.answer.Code >= 200 && r.answer.Code < 300:
		s.heard = time.Now()
		n.push(s)
	case r.answer.RetryAfter > 0 && r.answer.RetryAfter <= maxRetryAfter:
		// What it was not told counts as not told.
		s.dirty, s.whole, s.flying = true, true, true
		n.after(r.answer.RetryAfter, func() {
			s.flying = false
			n.push(s)
		})
	case errors.Is(r.answer.Err, ErrTooLong):
		n.o.Log.Warn("a list is too long for a phone; let it take TCP, or make the group smaller", "person", s.viewer.id, "phone", s.peer.Address(),
			"group", s.target.group)
		s.mute, s.ending = true, ""
		n.end(s, Rejected, 0)
	case r.answer.Code == 0:
		n.gone(r.to.Address(), r)
		s.dirty, s.whole = true, true // it has asked anew meanwhile, if it is still there
		n.push(s)
	default:
		if r.answer.Code != unknownThere {
			n.o.Log.Info("a phone no longer wants to be told", "person", s.viewer.id, "phone", s.peer.Address(), "answer", r.answer.Code)
		}
		n.drop(s)
	}
}

// unknownThere is what a phone says that was started anew, of each of its keys (RFC 6665, 4.1.3).
const unknownThere = 481

// gone: a phone does not answer. All of its subscriptions are over, so that it is not called a hundred times in vain; when it is
// back its refreshes are answered 481, and it subscribes anew.
func (n *Notifier) gone(address string, r result) {
	lost := 0
	for _, s := range n.subs {
		if s.peer.Address() == address && s.heard.Before(r.began) {
			n.drop(s)
			lost++
		}
	}
	n.o.Log.Info("a phone is gone; it subscribes anew when it is back", "person", r.s.viewer.id, "phone", address, "subscriptions", lost, "error", r.answer.Err)
}

// farewell tells all phones that their subscriptions are over. Nobody waits for what they say.
func (n *Notifier) farewell() {
	var cancel context.CancelFunc
	n.sendCtx, cancel = context.WithTimeout(context.Background(), farewellTime)
	defer cancel()
	for _, s := range n.subs {
		s.flying = false
		n.end(s, "probation", probation)
	}
	n.sending.Wait()
}

const (
	// farewellTime is how long the last NOTIFYs have, and probation when phones should come again.
	farewellTime = 500 * time.Millisecond
	probation    = 10 * time.Second
)
