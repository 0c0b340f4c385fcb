package supervision

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strconv"
	"time"
)

// leg is a phone of a known person that rings.
type leg struct {
	ring       Ring
	person     PersonID
	supervised bool
	// call is nil once the call has ended and the phone has not fallen silent yet.
	call *call
	// silent: it no longer rings because somebody has the call. Who, the PBX says in a moment.
	silent bool
}

// call is what rings for one caller at a time. It has a document from the moment somebody supervised rings.
type call struct {
	callerCall string
	legs       []*leg // in the order in which they began
	ends       []RingEnd
	doc        *CallDocument // nil: nothing about it is supervised
	try        *try          // who is picking it up
	// While somebody picks it up, an answer and a phone that was taken decide nothing: of both at the same moment the PBX
	// keeps one, and which shows only when the pickup succeeds or fails.
	answer *outcome
	taken  bool
	// fellSilent: the last thing that happened is that a phone fell silent; otherwise people logged out or were removed.
	fellSilent bool
}

// queue holds ringing calls, oldest first (R2).
type queue []*call

func (q queue) with(c *call) queue {
	i, found := slices.BinarySearchFunc(q, c, older)
	if found {
		return q
	}
	return slices.Insert(q, i, c)
}

func (q queue) without(c *call) queue {
	i, found := slices.BinarySearchFunc(q, c, older)
	if !found {
		return q
	}
	return slices.Delete(q, i, i+1)
}

func (q queue) ids() []CallID {
	ids := make([]CallID, len(q))
	for i, c := range q {
		ids[i] = c.doc.ID
	}
	return ids
}

func older(a, b *call) int {
	if d := a.doc.Since.Compare(b.doc.Since.Time); d != 0 {
		return d
	}
	if a.doc.ID < b.doc.ID {
		return -1
	}
	if a.doc.ID > b.doc.ID {
		return 1
	}
	return 0
}

func (t *step) ringBegan(r Ring, at time.Time) {
	owner, supervised := t.dir.Endpoint(r.Endpoint)
	if owner == nil {
		return
	}
	if l := t.legs[r.Leg]; l != nil {
		r.Since = l.ring.Since
		l.ring = r
		if l.call != nil {
			t.touchCall(l.call)
		}
		return
	}
	if r.Since.IsZero() {
		r.Since = at
	}
	c := t.ringing[r.CallerCall]
	if c == nil {
		c = &call{callerCall: r.CallerCall}
		t.ringing[r.CallerCall] = c
	}
	l := &leg{ring: r, person: owner.ID, supervised: supervised, call: c}
	t.rememberLeg(l)
	c.legs = append(c.legs, l)
	t.touchCall(c)
	if supervised {
		t.armAlerts(l)
		t.phoneTakesCalls(l.person, r.Endpoint)
	}
}

func (t *step) rememberLeg(l *leg) {
	t.legs[l.ring.Leg] = l
	t.countLeg(l, 1)
}

func (t *step) forgetLeg(l *leg) {
	delete(t.legs, l.ring.Leg)
	t.countLeg(l, -1)
}

func (t *step) countLeg(l *leg, by int) {
	n := t.phones[l.person]
	if l.supervised {
		n.supervised += by
	} else {
		n.unsupervised += by
	}
	t.phones[l.person] = n
	t.touchPerson(l.person)
}

// armAlerts wakes the groups that want to be told later (R7).
func (t *step) armAlerts(l *leg) {
	for _, g := range t.dir.supervisedIn[l.person] {
		if due := l.ring.Since.Add(g.Calls.AlertAfter); due.After(t.now) {
			t.arm(timerAlert, l.ring.Leg, due)
		}
	}
}

func (t *step) ringEnded(e RingEnded) {
	l := t.legs[e.Leg]
	if l == nil {
		// A phone that is nobody's. If it was the one that answered, the others are about to fall silent.
		if c := t.ringing[e.CallerCall]; c != nil && e.How == RingAnswered {
			t.answeredBy(c, outcome{state: CallAnsweredElsewhere})
		}
		return
	}
	t.forgetLeg(l)
	if e.How == RingAnswered {
		t.phoneTakesCalls(l.person, l.ring.Endpoint)
	}
	c := l.call
	if c == nil {
		return
	}
	switch e.How {
	case RingAnswered:
		l.silent = true
		t.answeredBy(c, t.answered(c, l))
		return
	case RingPickedUp:
		t.takenFrom(c, l)
		return
	case RingElsewhere:
		t.fellSilent(c, l)
		return
	}
	t.takeOut(c, l, e.How)
}

// takeOut removes a phone that has fallen silent from its call.
func (t *step) takeOut(c *call, l *leg, how RingEnd) {
	c.legs = slices.DeleteFunc(c.legs, func(x *leg) bool { return x == l })
	c.ends = append(c.ends, how)
	c.fellSilent = true
	t.touchCall(c)
}

// fellSilent keeps a phone in its call until it is known who has taken it: the PBX may hush the others first. If the
// others go on ringing all the same, it was this phone's own affair.
func (t *step) fellSilent(c *call, l *leg) {
	l.silent = true
	t.hushed[l.ring.Leg] = l
	t.touchCall(c)
	t.arm(timerHushed, l.ring.Leg, t.now.Add(hushTime))
}

func (t *step) hushOver(channel string) {
	l := t.hushed[channel]
	delete(t.hushed, channel)
	switch {
	case l == nil || l.call == nil:
	case l.call.taken && l.call.try != nil:
		t.endCall(l.call, t.pickedUp(l.call.try))
	default:
		t.takeOut(l.call, l, RingElsewhere)
	}
}

// allSilent: nothing rings any more, because somebody else has the call.
func (c *call) allSilent() bool {
	return len(c.legs) > 0 && !slices.ContainsFunc(c.legs, func(l *leg) bool { return !l.silent })
}

func (t *step) answered(c *call, l *leg) outcome {
	if c.doc != nil && l.supervised && rings(c.doc, l.person) {
		return outcome{state: CallAnswered, answeredBy: l.person, leg: l.ring.Leg}
	}
	return outcome{state: CallAnsweredElsewhere}
}

func rings(doc *CallDocument, p PersonID) bool {
	return slices.ContainsFunc(doc.Ringing, func(r RingingPart) bool { return r.Person == p })
}

func (t *step) callerHungUp(e CallerHungUp) {
	switch c := t.ringing[e.CallerCall]; {
	case c == nil:
	case c.answer != nil:
		t.endCall(c, *c.answer)
	default:
		t.endCall(c, outcome{state: CallAbandoned})
	}
}

// settleCall brings a call's document up to date: it begins when somebody supervised rings, and ends when nobody does.
func (t *step) settleCall(c *call) {
	if c.doc != nil && c.doc.State != CallRinging {
		return
	}
	parts := t.parts(c)
	defer func() { c.fellSilent = false }()
	switch {
	case c.answer != nil || c.taken && c.try != nil:
		return
	case len(parts) == 0 && c.doc != nil && !c.fellSilent && c.try != nil && c.try.phase == tryRuns:
		return // it is withdrawn if the pickup that is under way fails
	case c.allSilent():
		t.endCall(c, outcome{state: CallAnsweredElsewhere})
	case len(parts) > 0 && c.doc == nil:
		t.beginCall(c, parts)
	case len(parts) > 0:
		doc := *c.doc
		t.describe(&doc, c, parts)
		t.publishCall(c, &doc)
	case c.doc != nil && c.fellSilent:
		t.endCall(c, outcome{state: silence(c.ends)})
	case c.doc != nil:
		t.endCall(c, outcome{state: CallWithdrawn})
	case len(c.legs) == 0:
		delete(t.ringing, c.callerCall)
	}
}

func (t *step) beginCall(c *call, parts []RingingPart) {
	since := earliest(c, parts)
	doc := &CallDocument{CallerCall: c.callerCall, State: CallRinging, Since: Stamp{since}}
	known := t.open.take(c.callerCall)
	if known != nil {
		doc.ID, doc.Since, doc.Rang = known.ID, known.Since, known.Rang
	} else {
		doc.ID = newCallID(c.callerCall, c.legs[0].ring.Leg, t.now)
	}
	t.calls[doc.ID] = c
	t.describe(doc, c, parts)
	t.publishCall(c, doc)
	if known == nil {
		t.announce(Announce{Type: EventCallRinging, Entity: string(doc.ID), Document: doc})
	}
}

// describe writes into doc who calls whom and how it came.
func (t *step) describe(doc *CallDocument, c *call, parts []RingingPart) {
	first := c.legs[0]
	for _, l := range c.legs {
		if l.supervised && l.person == parts[0].Person {
			first = l
			break
		}
	}
	doc.Caller = first.ring.Caller
	if doc.Caller.Withheld {
		doc.Caller = Caller{Withheld: true}
	}
	doc.Dialled = first.ring.Dialled
	doc.Via = t.dir.via(first.ring, first.person)
	doc.Ringing = parts
	doc.Rang = allWhoRang(doc.Rang, parts)
	doc.PickingUpBy, doc.PickingUpByName = c.try.told()
}

// allWhoRang adds to those who rang those who ring. What is given stays as it is.
func allWhoRang(rang, parts []RingingPart) []RingingPart {
	all := slices.Clip(rang)
	for _, part := range parts {
		i := slices.IndexFunc(all, func(r RingingPart) bool { return r.Person == part.Person })
		if i < 0 {
			all = append(all, part)
			continue
		}
		more := slices.DeleteFunc(slices.Clone(part.Groups), func(g GroupID) bool { return slices.Contains(all[i].Groups, g) })
		if len(more) > 0 {
			all = slices.Clone(all)
			all[i].Groups = append(slices.Clip(all[i].Groups), more...)
		}
	}
	return all
}

// publishCall makes doc the call's document and keeps the lists of who rings in step with it.
func (t *step) publishCall(c *call, doc *CallDocument) {
	old := c.doc
	if old != nil && sameCall(old, doc) {
		return
	}
	if old != nil && old.State == CallRinging {
		t.ringingCalls--
		t.unlist(c)
	}
	c.doc = doc
	if doc.State == CallRinging {
		t.ringingCalls++
		for _, part := range doc.Ringing {
			t.offered[part.Person] = t.offered[part.Person].with(c)
			for _, g := range part.Groups {
				t.through[g] = t.through[g].with(c)
			}
			t.touchRinging(part)
		}
	}
	t.put("call."+string(doc.ID), doc)
}

func (t *step) unlist(c *call) {
	for _, part := range c.doc.Ringing {
		takeOff(t.offered, part.Person, c)
		for _, g := range part.Groups {
			takeOff(t.through, g, c)
		}
		t.touchRinging(part)
	}
}

func takeOff[K comparable](lists map[K]queue, key K, c *call) {
	if rest := lists[key].without(c); len(rest) > 0 {
		lists[key] = rest
	} else {
		delete(lists, key)
	}
}

func (t *step) touchRinging(part RingingPart) {
	t.touchPerson(part.Person)
	for _, g := range part.Groups {
		t.touchGroup(g)
	}
}

func sameCall(a, b *CallDocument) bool {
	return a.State == b.State && a.PickingUpBy == b.PickingUpBy && a.PickingUpByName == b.PickingUpByName && a.Caller == b.Caller && a.Dialled == b.Dialled && a.Since.Equal(b.Since.Time) &&
		slices.Equal(a.Via, b.Via) && sameParts(a.Ringing, b.Ringing)
}

func sameParts(a, b []RingingPart) bool {
	return slices.EqualFunc(a, b, func(x, y RingingPart) bool {
		return x.Person == y.Person && x.Name == y.Name && slices.Equal(x.Groups, y.Groups)
	})
}

func earliest(c *call, parts []RingingPart) time.Time {
	var first time.Time
	for _, l := range c.legs {
		if !l.supervised || !slices.ContainsFunc(parts, func(p RingingPart) bool { return p.Person == l.person }) {
			continue
		}
		if first.IsZero() || l.ring.Since.Before(first) {
			first = l.ring.Since
		}
	}
	return first
}

// newCallID names a ring. It needs no memory, and tells a later ring of the same caller from this one.
func newCallID(callerCall, leg string, began time.Time) CallID {
	b := make([]byte, 0, 96)
	b = append(b, callerCall...)
	b = append(b, 0)
	b = append(b, leg...)
	b = append(b, 0)
	b = strconv.AppendInt(b, began.UnixMicro(), 10)
	sum := sha256.Sum256(b)
	return CallID("c" + hex.EncodeToString(sum[:8]))
}
