package ari

import (
	"cmp"
	"time"

	"supervisiond/supervision"
)

// transferred: of three who talked two by two, two are joined and the third is out. What the event says of the channels is older
// than what other events have said of them, so it only names them.
func (t *tracker) transferred(e *event, at time.Time) {
	if e.Result != transferDone {
		return
	}
	one, other := t.partyOf(e.Transferee.ID), t.partyOf(e.Target.ID)
	t.move(one, other, at)
	t.move(other, one, at)
	if other == nil && one != nil { // whom it is joined to is still being called
		one.sentOn = true
		t.asksInstead(t.channels[e.Asker.ID], one, at)
	}
}

// askedFor notes for whom Asterisk calls while they ask before a transfer, by its own feature code: for who is in a bridge with the
// Local channel that it has made for that.
func (t *tracker) askedFor(bridged []string, at time.Time) {
	var phone, half *leg
	for _, id := range bridged {
		switch l := t.channels[id]; {
		case l == nil:
		case l.endpoint != "":
			phone = l
		case l.half == '1' && l.dialler == nil && l.Dialplan.App == "" && l.State != "Up":
			half = l
		}
	}
	if half != nil && phone != nil && half.asks == nil {
		half.asks = phone
		t.tellLegsOf(half, at)
	}
}

// asksInstead: who asked is out before there was an answer.
func (t *tracker) asksInstead(before, now *leg, at time.Time) {
	for _, half := range t.channels {
		if before != nil && half.asks == before {
			half.asks = now
			t.tellLegsOf(half, at)
		}
	}
}

// sentOn: somebody is on the way to another number, and talks to nobody until that is answered.
func (t *tracker) sentOn(e *event, at time.Time) {
	if l := t.partyOf(e.Transferee.ID); l != nil && e.Result == transferDone {
		l.sentOn = true
		t.move(l, nil, at)
	}
}

// transferDone is the result of a transfer that was carried out.
const transferDone = "Success"

// partyOf is the phone at the end of a channel: its own, or the one that answered behind a Local channel. nil: it cannot be told.
func (t *tracker) partyOf(channelID string) *leg {
	l := t.channels[channelID]
	for range maxHops {
		if l == nil || l.endpoint != "" {
			return l
		}
		if l.half != '1' || l.other == nil {
			return nil
		}
		l = t.answeredFor(l.other)
	}
	return nil
}

// answeredFor is the channel that a caller was joined to when it dialled.
func (t *tracker) answeredFor(caller *leg) *leg {
	for _, l := range t.channels {
		if l.dialler == caller && l.answered {
			return l
		}
	}
	return nil
}

// reached: who was sent on to another number is answered there.
func (t *tracker) reached(l *leg, at time.Time) {
	if l.endpoint == "" {
		return
	}
	caller := l.dialler
	for range maxHops {
		if caller == nil || caller.half != '2' || caller.other == nil {
			break
		}
		caller = cmp.Or(caller.other.dialler, caller.other.asks)
	}
	if caller != nil && caller.sentOn {
		t.move(caller, l, at)
	}
}

// move notes with whom a phone talks since a transfer; nil: that cannot be told.
func (t *tracker) move(l, with *leg, at time.Time) {
	if l == nil || l.endpoint == "" {
		return
	}
	l.moved, l.with = true, with
	t.tellMoved(l, at)
}

// tellMoved tells it, and again when more has become known: whether the other side may be shown may have to be asked (R4).
func (t *tracker) tellMoved(l *leg, at time.Time) {
	if !l.moved {
		return
	}
	var now supervision.TalkMoved
	if l.with != nil && l.with.CallerNumber != "" {
		if shown := t.presentationOf(l.with, l); shown != presentationUnknown {
			now = supervision.TalkMoved{Known: true, Caller: callerOf(l.with, l, shown), CallerEndpoint: l.with.endpoint}
		}
	}
	now.Leg = l.ID
	if now != l.toldMoved {
		l.toldMoved = now
		now.At = at
		t.tell(now)
	}
}
