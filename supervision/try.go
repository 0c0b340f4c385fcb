package supervision

import (
	"maps"
	"slices"
	"time"
)

// try is a pickup under way on the PBX.
type try struct {
	channel string
	actor   *Person
	target  Target
	call    *call
	behalf  PersonID // the named member, otherwise the one who rang longest
	began   time.Time
	phase   tryPhase
	due     time.Time // when the PBX must have joined it
	via     Way
	// Of one that the daemon calls a phone for:
	phone Endpoint
	asks  []asker // who waits to hear what comes of it
}

func (p *try) by() *By { return &By{Person: p.actor.ID, Name: p.actor.Name, Via: p.via} }

// tryPhase is how far a try has come. It has won when the PBX has joined its phone to the caller, and is no more then.
type tryPhase string

const (
	tryRuns tryPhase = ""
	// tryCalls: the supervisor's phone is being called, and the member's rings on.
	tryCalls tryPhase = "calls"
	// tryLate: the PBX did not answer in time. Others may try, but should it succeed after all, it was this one's.
	tryLate tryPhase = "late"
	// tryFailed: the phone to be picked up no longer rang. Who has the call is about to be said, and to be told.
	tryFailed tryPhase = "failed"
	// tryDropped: the PBX let go of its phone. Of two that answered it keeps one, and is about to say which.
	tryDropped tryPhase = "dropped"
)

// told is who is said to be picking a call up: who picks up by way of a called phone, as long as that keeps others from it. What the
// PBX does in milliseconds is told only when it is done.
func (p *try) told() (PersonID, string) {
	if p == nil || p.phone.Name == "" || p.phase == tryLate {
		return "", ""
	}
	return p.actor.ID, p.actor.Name
}

func (p *try) lost() bool { return p.phase == tryFailed || p.phase == tryDropped }

// rings: its call is not over.
func (p *try) rings() bool { return p.call.doc.State == CallRinging }

// PickupsUnderWay is how many pickups the PBX is carrying out. Of those that only call a supervisor's phone yet, and of
// those that it has not carried out in time, nothing is about to be said.
func (s *State) PickupsUnderWay() int {
	n := 0
	for _, p := range s.tries {
		if p.phase != tryCalls && p.phase != tryLate {
			n++
		}
	}
	return n
}

func (t *step) beginTry(p *try, chosen choice) {
	p.call, p.behalf = chosen.call, chosen.legs[0].person
	t.tries[p.channel] = p
	p.call.try = p
	if p.phone.Name != "" {
		t.touchCall(p.call)
	}
}

// reachFor has the PBX join the phone that waits to the caller.
func (t *step) reachFor(p *try, legs []*leg) {
	p.phase = tryRuns
	order := PickUp{Channel: p.channel, Targets: make([]string, len(legs))}
	for i, l := range legs {
		order.Targets[i] = l.ring.Leg
	}
	t.order(order)
	p.due = t.now.Add(pickupDeadline)
	t.arm(timerPickup, p.channel, p.due)
}

// answeredBy ends a call that was answered, unless somebody is picking it up at the same moment: then the PBX may yet keep
// the pickup.
func (t *step) answeredBy(c *call, o outcome) {
	if c.try != nil && c.try.phase == tryRuns {
		c.answer = &o
		t.touchCall(c)
		return
	}
	t.endCall(c, o)
}

// takenFrom waits until the picker is joined to the caller, who was called on the phone that rang.
func (t *step) takenFrom(c *call, l *leg) {
	if c.try == nil {
		t.endCall(c, outcome{state: CallAnsweredElsewhere})
		return
	}
	c.taken = true
	t.fellSilent(c, l)
}

// answerPickedUp: the phone answered a moment before the pickup, and the PBX has replaced it all the same. Now and then
// it goes on to send the caller's audio to the phone that is gone.
func (t *step) answerPickedUp(e AnswerPickedUp) {
	if c := t.ringing[e.CallerCall]; c != nil && c.answer != nil && c.try != nil {
		t.order(RenewAudio{Channel: c.try.channel})
		t.endCall(c, t.pickedUp(c.try))
	}
}

// pickerJoined: the PBX has joined the picker to the caller, so the pickup has won.
func (t *step) pickerJoined(e PickerJoined) {
	if p := t.tries[e.Channel]; p != nil && p.rings() {
		t.endCall(p.call, t.pickedUp(p))
	}
}

// pickedUp is the outcome when a pickup has won.
func (t *step) pickedUp(p *try) outcome {
	t.endTry(p)
	t.answerAsks(p, nil)
	t.order(PickupDone{Actor: p.actor.ID, Took: t.now.Sub(p.began)})
	o := outcome{state: CallPickedUp, pickedUpBy: p.actor.ID, onBehalfOf: p.behalf, by: p.by()}
	if p.phase != tryDropped {
		o.leg = p.channel
	}
	return o
}

func (t *step) endTry(p *try) {
	delete(t.tries, p.channel)
	if p.call.try == p {
		p.call.try = nil
		t.touchCall(p.call)
	}
}

// pickupFailed: the member keeps ringing, or somebody was faster, or the caller gave up (P5).
func (t *step) pickupFailed(e PickupFailed) {
	p := t.tries[e.Channel]
	switch {
	case p == nil:
		t.order(Refuse{Channel: e.Channel, Refusal: refuse(NotRinging, "nothing rings")})
	case e.Unavailable:
		t.lose(p, refuse(PBXUnavailable, "the PBX did not carry out the pickup"))
	case p.rings() && p.call.answer == nil:
		p.phase = tryFailed
		t.arm(timerLost, p.channel, t.now.Add(lostTime))
	default:
		t.lose(p, refuse(NotRinging, "it no longer rings"))
	}
}

// pickerGone: if the phone hung up by itself the call is free for others.
func (t *step) pickerGone(e PickerGone) {
	t.talkEnded(e.Channel)
	p := t.tries[e.Channel]
	if p == nil {
		return
	}
	if waits := p.rings() && p.call.answer == nil && p.phase != tryFailed; waits && (e.Dropped || p.call.taken) {
		p.phase = tryDropped
		t.arm(timerLost, p.channel, t.now.Add(hushTime))
		return
	}
	p.phase = tryDropped
	t.lose(p, refuse(NotRinging, "it no longer rings"))
}

// lose ends a try that has not won, and an answer that waited for it stands. Who made it is told why: that somebody else
// has the call, or what is given.
func (t *step) lose(p *try, why *Refusal) {
	c := p.call
	t.endTry(p)
	if c.answer != nil && p.rings() {
		t.endCall(c, *c.answer)
	}
	elsewhere := c.takenBySomebody()
	if elsewhere {
		why = t.takenBy(c.doc)
	}
	if p.phase != tryDropped || elsewhere || len(p.asks) > 0 {
		t.refusePickup(p, why)
	}
}

func (c *call) takenBySomebody() bool {
	return slices.Contains([]CallState{CallAnswered, CallPickedUp, CallAnsweredElsewhere}, c.doc.State)
}

// lostOver: the PBX has not said who has a call that a try lost. A phone that was taken was answered for whoever took it.
func (t *step) lostOver(channel string) {
	p := t.tries[channel]
	switch {
	case p == nil || !p.lost():
	case p.call.taken && p.rings():
		t.endCall(p.call, t.pickedUp(p))
	default:
		t.lose(p, refuse(NotRinging, "it no longer rings"))
	}
}

// pickupTimedOut frees the call for others. The picker's channel is left alone: if the PBX is only slow, it is about
// to be joined to the caller, and to hang it up would lose the call.
func (t *step) pickupTimedOut(channel string) {
	p := t.tries[channel]
	if p != nil && p.phase == tryCalls {
		t.lose(p, p.phone.refuses(NoAnswer, unanswered))
		return
	}
	if p == nil || p.phase != tryRuns || t.now.Before(p.due) {
		return
	}
	p.phase = tryLate
	t.touchCall(p.call)
	if p.call.answer != nil && p.rings() {
		t.endCall(p.call, *p.call.answer)
	}
	r := notKnown(PBXUnavailable, "the PBX did not carry out the pickup in time")
	t.announceRefusal(p, r)
	t.answerAsks(p, r)
	t.order(PickupDone{Actor: p.actor.ID, Code: r.Code, Took: t.now.Sub(p.began)})
}

// abandonTries settles what is known when nothing more will be heard.
func (t *step) abandonTries() {
	for _, channel := range slices.Sorted(maps.Keys(t.tries)) {
		p := t.tries[channel]
		c := p.call
		t.answerAsks(p, notKnown(PBXUnavailable, "the PBX is out of sight"))
		switch {
		case !p.rings():
			t.endTry(p)
		case c.answer != nil:
			t.endTry(p)
			t.endCall(c, *c.answer)
		case c.taken && c.try == p:
			t.endCall(c, t.pickedUp(p))
		default:
			t.endTry(p)
		}
	}
}
