package supervision

import (
	"maps"
	"slices"
)

// outcome is how a ring ended (R5).
type outcome struct {
	state      CallState
	answeredBy PersonID
	pickedUpBy PersonID
	onBehalfOf PersonID
	by         *By
	leg        string // the channel of the phone that has the call; empty: nobody's here, or it is gone
}

// ringUnseen is the end of a ring that was not seen.
const ringUnseen RingEnd = "unseen"

// silence tells from how the phones fell silent, one after the other, why nobody was reached.
func silence(ends []RingEnd) CallState {
	switch {
	case slices.Contains(ends, ringUnseen):
		return CallLost
	case ends[len(ends)-1] == RingRedirected:
		return CallDiverted
	case slices.Contains(ends, RingTimedOut):
		return CallNoAnswer
	case slices.Contains(ends, RingCancelled):
		return CallDiverted
	}
	return CallDeclined
}

// endCall ends what rings for a caller. Phones that have not fallen silent yet no longer count; should one of them go
// on to ring, as when the member was only logged out, it is the beginning of another call.
func (t *step) endCall(c *call, o outcome) {
	delete(t.ringing, c.callerCall)
	rest := c.legs
	c.legs = nil
	for _, l := range rest {
		l.call = nil
		t.touchPerson(l.person)
	}
	if len(rest) > 0 && (o.state == CallWithdrawn || o.state == CallNoAnswer || o.state == CallDeclined || o.state == CallDiverted) {
		again := &call{callerCall: c.callerCall, legs: rest}
		for _, l := range rest {
			l.call = again
		}
		t.ringing[c.callerCall] = again
	}
	if c.doc == nil {
		return
	}
	before := c.doc
	doc := *before
	doc.State = o.state
	doc.EndedAt = Stamp{t.now}
	doc.AnsweredBy, doc.PickedUpBy, doc.OnBehalfOf = o.answeredBy, o.pickedUpBy, o.onBehalfOf
	doc.AnsweredByName, doc.PickedUpByName, doc.OnBehalfOfName = t.dir.name(o.answeredBy), t.dir.name(o.pickedUpBy), t.dir.name(o.onBehalfOf)
	doc.PickingUpBy, doc.PickingUpByName = "", ""
	t.publishCall(c, &doc)
	t.beginTalk(&doc, rest, o)
	t.announceEnd(before, &doc, o.by)
	t.arm(timerForget, string(doc.ID), t.now.Add(afterlife))
	if c.try != nil && (c.try.lost() || c.try.phase == tryCalls) {
		t.lose(c.try, refuse(NotRinging, "it no longer rings"))
	}
}

func (t *step) announceEnd(before, doc *CallDocument, by *By) {
	a := Announce{Type: EventCallEnded, Entity: string(doc.ID), Document: doc, By: by}
	if before != nil {
		a.Before = before
	}
	switch doc.State {
	case CallAnswered:
		a.Type, a.Person = EventCallAnswered, doc.AnsweredBy
	case CallPickedUp:
		a.Type, a.Person = EventCallPickedUp, doc.OnBehalfOf
	}
	t.announce(a)
}

func (t *step) forgetCall(id CallID) {
	c := t.calls[id]
	if c == nil || c.doc.State == CallRinging {
		return
	}
	delete(t.calls, id)
	t.documents = append(t.documents, Forget{Key: "call." + string(id)})
}

// openCalls are the calls that an earlier life of the daemon announced as ringing, by the caller's channel.
type openCalls map[string]*CallDocument

func (o openCalls) take(callerCall string) *CallDocument {
	doc := o[callerCall]
	delete(o, callerCall)
	return doc
}

// settleOpenCalls closes what an earlier life of the daemon left open and no longer rings: it ended unseen.
func (t *step) settleOpenCalls() {
	if len(t.open) == 0 {
		return
	}
	// What rings takes up its old name first.
	for i := 0; i < len(t.dirtyCalls); i++ {
		t.settleCall(t.dirtyCalls[i])
	}
	var gone []*CallDocument
	for caller, doc := range t.open {
		delete(t.open, caller)
		if c := t.calls[doc.ID]; c == nil {
			gone = append(gone, doc)
		}
	}
	slices.SortFunc(gone, func(a, b *CallDocument) int {
		return older(&call{doc: a}, &call{doc: b})
	})
	for _, before := range gone {
		doc := *before
		doc.State, doc.EndedAt = CallLost, Stamp{t.now}
		doc.PickingUpBy, doc.PickingUpByName = "", ""
		t.calls[doc.ID] = &call{callerCall: doc.CallerCall, doc: &doc}
		t.put("call."+string(doc.ID), &doc)
		t.announceEnd(before, &doc, nil)
		t.arm(timerForget, string(doc.ID), t.now.Add(afterlife))
	}
}

// syncRings replaces what rings by what the PBX says rings.
func (t *step) syncRings(rings []Ring) {
	present := make(map[string]bool, len(rings))
	for _, r := range rings {
		present[r.Leg] = true
	}
	// Sorted: the effects must not depend on the order of a map.
	for _, channel := range slices.Sorted(maps.Keys(t.legs)) {
		if present[channel] {
			continue
		}
		l := t.legs[channel]
		t.forgetLeg(l)
		if c := l.call; c != nil {
			t.takeOut(c, l, ringUnseen)
		}
	}
	for _, r := range rings {
		t.ringBegan(r, t.now)
	}
}
