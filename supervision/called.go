package supervision

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strconv"
)

// pickUpCall is a pickup from a screen or a program (P3): the daemon calls the supervisor's phone, and joins it to the
// caller when it is up. Whoever asks again meanwhile for the same call hears what comes of the attempt that runs.
func (t *step) pickUpCall(a asker, c PickUpCall) {
	p := &try{
		actor: a.actor, via: a.via, began: t.now, asks: []asker{a},
		target: Target{Call: c.Call, Person: string(c.Person), Group: string(c.Group)},
	}
	want, refusal := t.named(a.actor, c)
	if running := t.attemptOf(a.actor); refusal == nil && running != nil {
		if refusal = t.mayJoin(running, want); refusal == nil {
			running.asks = append(running.asks, a)
			return
		}
	}
	var chosen choice
	if refusal == nil {
		chosen, refusal = t.judgePickup(a.actor, want)
	}
	var phone Endpoint
	if refusal == nil {
		phone, refusal = t.phoneToCall(a.actor, c.Endpoint)
	}
	if refusal != nil {
		t.refusePickup(p, refusal)
		return
	}
	p.phase, p.phone = tryCalls, phone
	p.channel = t.pickerChannel(p)
	t.beginTry(p, chosen)
	t.order(CallSupervisor{
		Channel: p.channel, Endpoint: phone.Name, AutoAnswer: phone.AutoAnswer, Timeout: t.pickupTimeout,
		CallerCall: chosen.call.callerCall, Caller: chosen.call.doc.Caller,
	})
	t.arm(timerPickup, p.channel, t.now.Add(t.pickupTimeout))
	t.tellProgress(p, NoticePickupCalling)
}

// PickupProgress says how far a pickup has come whose phone the daemon calls.
type PickupProgress struct {
	Call CallID `json:"call" doc:"the id of the call that is being picked up"`
	// OnBehalfOf is whose call it is, and Endpoint the phone that is called.
	OnBehalfOf PersonID `json:"on_behalf_of" doc:"id of the member for whom"`
	Endpoint   string   `json:"endpoint" doc:"the phone of the supervisor's that is called, as configured"`
}

// tellProgress lets those who follow the supervisor's view know. What came of it they see in the call, or in a refusal.
func (t *step) tellProgress(p *try, kind EventType) {
	if t.viewers[p.actor.ID] == nil {
		return
	}
	if t.progress == nil {
		t.progress = make(map[PersonID][]Shown)
	}
	id := p.call.doc.ID
	t.progress[p.actor.ID] = append(t.progress[p.actor.ID], Shown{Kind: ShownNotice, ID: string(id), Document: &Notice{
		Type: kind, At: Stamp{t.now}, Entity: string(id), By: p.by(),
		Document: &PickupProgress{Call: id, OnBehalfOf: p.behalf, Endpoint: p.phone.Name},
	}})
}

// named finds what a command names. What the actor may not see does not exist for them (S7).
func (t *step) named(actor *Person, c PickUpCall) (wanted, *Refusal) {
	var want wanted
	given := 0
	for _, name := range []string{string(c.Call), string(c.Person), string(c.Group)} {
		if name != "" {
			given++
		}
	}
	if given > 1 {
		return want, refuse(Invalid, "name a call, a person or a group, and only one of them")
	}
	switch {
	case c.Call != "":
		want.call = t.calls[c.Call]
		if want.call == nil || len(t.reader(actor).Redact(want.call.doc).Rang) == 0 {
			return want, refuse(NotFound, "there is no call %s", c.Call)
		}
	case c.Person != "":
		if want.member = t.dir.Person(c.Person); want.member == nil {
			return want, refuse(NotFound, "there is no person %s", c.Person)
		}
	case c.Group != "":
		if want.group = t.dir.Group(c.Group); want.group == nil {
			return want, refuse(NotFound, "there is no group %s", c.Group)
		}
	}
	if c.Endpoint != "" && !slices.ContainsFunc(actor.Endpoints, func(e Endpoint) bool { return e.Name == c.Endpoint }) {
		return want, refuse(NotFound, "%s has no phone %s", actor.Name, c.Endpoint)
	}
	return want, nil
}

// attemptOf is the actor's attempt by way of a called phone, or nil.
func (t *step) attemptOf(actor *Person) *try {
	for _, p := range t.tries {
		if p.actor == actor && len(p.asks) > 0 && p.rings() {
			return p
		}
	}
	return nil
}

// mayJoin lets somebody who asks again wait for the attempt that runs. The phone can be called for one call at a time.
func (t *step) mayJoin(p *try, want wanted) *Refusal {
	groups, refusal := t.groupsToPickUpFrom(p.actor, want)
	if refusal != nil {
		return refusal
	}
	of := others(p.actor)
	if want.member != nil {
		of = func(id PersonID) bool { return id == want.member.ID }
	}
	if (want.call == nil || want.call == p.call) && len(p.call.legsFor(groups, of)) > 0 {
		return nil
	}
	if _, refusal = t.judgePickup(p.actor, want); refusal != nil {
		return refusal
	}
	return refuse(Conflict, "%s is picking up another call", p.actor.Name)
}

// phoneToCall is the phone that a supervisor chooses, or has as a default. It is one of theirs (named).
func (t *step) phoneToCall(actor *Person, name string) (Endpoint, *Refusal) {
	if len(actor.Endpoints) == 0 {
		return Endpoint{}, refuse(Unreachable, "%s has no phone", actor.Name)
	}
	phone := actor.phoneFor(name)
	switch {
	case !t.endpoints[phone.Name].Reachable:
		return Endpoint{}, phone.refuses(Unreachable, "is not connected")
	case t.store[actor.Extension].DND:
		return Endpoint{}, refuse(Unreachable, "%s is in do-not-disturb", actor.Name)
	}
	return phone, nil
}

// phoneFor is the one of the person's phones that is named, otherwise the default. There is one.
func (p *Person) phoneFor(name string) Endpoint {
	i := slices.IndexFunc(p.Endpoints, func(e Endpoint) bool { return name != "" && e.Name == name || name == "" && e.Default })
	return p.Endpoints[max(i, 0)]
}

// Away are the person's phones that phoneToCall refuses, as a pickup names them: an empty one is what it calls when none is named.
func (p *Person) Away(d *PersonDocument) []string {
	var away []string
	for _, phone := range d.Phones {
		if !phone.Reachable {
			away = append(away, phone.Endpoint)
		}
	}
	if len(p.Endpoints) > 0 && slices.Contains(away, p.phoneFor("").Name) {
		away = append(away, "")
	}
	return away
}

// CanBeCalled says whether phoneToCall has a phone for this person to pick up with, whichever of theirs they choose.
func (d *PersonDocument) CanBeCalled() bool {
	return !d.DND && slices.ContainsFunc(d.Phones, func(p PhoneDocument) bool { return p.Reachable })
}

const unanswered = "did not answer in time"

// refuses names the phone that did not take a pickup: somebody may have several, and choose another.
func (e Endpoint) refuses(code Code, how string) *Refusal {
	r := refuse(code, "%s %s", e.Name, how).with("endpoint", e.Name)
	if e.Label != "" {
		r = r.with("label", e.Label)
	}
	return r
}

// pickerChannel names the channel that is made to call a phone. Asterisk takes the name over.
func (t *step) pickerChannel(p *try) string {
	text := string(p.actor.ID) + "\x00" + p.asks[0].id + "\x00" + strconv.FormatInt(t.now.UnixMicro(), 10)
	sum := sha256.Sum256([]byte(text))
	return PickerPrefix + hex.EncodeToString(sum[:8])
}

// PickerPrefix begins the names of channels that were made to call a supervisor.
const PickerPrefix = "supervision-picker-"

// pickerAnswered: the supervisor's phone is up, and can be joined to the caller. Which phones ring may have changed.
func (t *step) pickerAnswered(e PickerAnswered) {
	p := t.tries[e.Channel]
	if p == nil || p.phase != tryCalls {
		t.order(Refuse{Channel: e.Channel, Refusal: refuse(NotRinging, "it no longer rings")})
		return
	}
	p.phase = tryRuns // the phone is told what became of it
	chosen, refusal := t.stillThere(p)
	if refusal != nil {
		t.lose(p, refusal)
		return
	}
	t.reachFor(p, chosen.legs)
	t.tellProgress(p, NoticePickupConnecting)
}

// stillThere gives the phones that ring now in the call of an attempt, if the actor may still take it.
func (t *step) stillThere(p *try) (choice, *Refusal) {
	p.call.try = nil // one does not stand in one's own way
	defer func() { p.call.try = p }()
	return t.judgePickup(p.actor, wanted{call: p.call})
}

// pickerUnreached: the supervisor's phone could not be called, or did not take the call.
func (t *step) pickerUnreached(e PickerUnreached) {
	p := t.tries[e.Channel]
	if p == nil || p.phase != tryCalls {
		return
	}
	why := p.phone.refuses(Unreachable, "cannot be reached")
	switch e.Why {
	case PhoneBusy:
		why = p.phone.refuses(Unreachable, "is busy")
	case PhoneDeclined:
		why = p.phone.refuses(Unreachable, "declined")
	case PhoneRedirects:
		why = p.phone.refuses(Unreachable, "redirects its calls")
	case PhoneUnanswered:
		why = p.phone.refuses(NoAnswer, unanswered)
	case PBXAway:
		why = refuse(PBXUnavailable, "the PBX did not call %s", p.phone.Name)
	}
	p.phase = tryDropped // its channel is gone
	t.lose(p, why)
}

// answerAsks tells all who wait what came of an attempt, once.
func (t *step) answerAsks(p *try, r *Refusal) {
	for _, a := range p.asks {
		reply := Reply{ID: a.id, Refusal: r, Changed: r == nil}
		if r == nil {
			reply.Result = &Taken{Call: p.call.doc.ID, OnBehalfOf: p.behalf, OnBehalfOfName: t.dir.name(p.behalf)}
		}
		t.order(reply)
	}
	p.asks = nil
}

// Taken is the result of a pickup.
type Taken struct {
	Call           CallID   `json:"call" doc:"the id of the call that was picked up"`
	OnBehalfOf     PersonID `json:"on_behalf_of" doc:"id of the member for whom"`
	OnBehalfOfName string   `json:"on_behalf_of_name" doc:"name of the member for whom"`
}
