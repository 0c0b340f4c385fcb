package supervision

import (
	"slices"
)

// wanted is what is to be picked up: a call, a member's oldest, a group's oldest, or with nothing named the oldest of all.
type wanted struct {
	call   *call
	member *Person
	group  *Group
}

func (t *step) pickupDialled(e PickupDialled) {
	if t.tries[e.Channel] != nil {
		return // told twice
	}
	actor, _ := t.dir.Endpoint(e.Endpoint)
	p := &try{channel: e.Channel, actor: actor, target: t.target(e.Ask), via: ViaPhone, began: t.now}
	want, refusal := t.dialled(e.Ask)
	if refusal == nil && actor == nil {
		refusal = refuse(NotSupervisor, "this phone belongs to nobody who is configured here")
	}
	var chosen choice
	if refusal == nil {
		chosen, refusal = t.judgePickup(actor, want)
	}
	if refusal != nil {
		t.refusePickup(p, refusal)
		return
	}
	t.beginTry(p, chosen)
	t.reachFor(p, chosen.legs)
}

// dialled finds what the digits behind a code name.
func (t *step) dialled(ask PickupAsk) (wanted, *Refusal) {
	var want wanted
	if ask.Extension != "" {
		if want.member = t.dir.PersonByExtension(ask.Extension); want.member == nil {
			return want, refuse(NotFound, "nobody has the extension %s", ask.Extension)
		}
	}
	if ask.GroupNumber != "" {
		if want.group = t.dir.GroupByNumber(ask.GroupNumber); want.group == nil {
			return want, refuse(NotFound, "no group has the number %s", ask.GroupNumber)
		}
	}
	return want, nil
}

// target names by id what was dialled, as far as it exists.
func (t *step) target(ask PickupAsk) Target {
	target := Target{Person: ask.Extension, Group: ask.GroupNumber}
	if p := t.dir.PersonByExtension(ask.Extension); p != nil {
		target.Person = string(p.ID)
	}
	if g := t.dir.GroupByNumber(ask.GroupNumber); g != nil {
		target.Group = string(g.ID)
	}
	return target
}

// choice is a call that may be picked up, and the phones to take it from, the one who rang longest first.
type choice struct {
	call *call
	legs []*leg
}

// judgePickup says whether actor may pick up what is wanted, and which call that is. The order of the checks is that of
// rule P7.
func (t *step) judgePickup(actor *Person, want wanted) (choice, *Refusal) {
	groups, refusal := t.groupsToPickUpFrom(actor, want)
	switch {
	case refusal != nil:
		return choice{}, refusal
	case want.call != nil:
		return t.choose(queue{want.call}, actor, groups, others(actor))
	case want.member != nil:
		return t.chooseOf(actor, want.member, groups)
	}
	return t.chooseOldest(actor, groups)
}

// others: nobody picks up what rings for themself.
func others(actor *Person) func(PersonID) bool {
	return func(p PersonID) bool { return p != actor.ID }
}

// groupsToPickUpFrom are the groups through which actor may pick up now.
func (t *step) groupsToPickUpFrom(actor *Person, want wanted) ([]*Group, *Refusal) {
	var mine []*Group
	for _, g := range t.dir.supervises[actor.ID] {
		if want.group != nil && g != want.group {
			continue
		}
		if want.member != nil {
			if _, in := g.Member(want.member.ID); !in || want.member == actor {
				continue
			}
		}
		if want.call != nil && !want.call.doc.rangThrough(g.ID, actor.ID) {
			continue
		}
		mine = append(mine, g)
	}
	switch {
	case len(mine) == 0 && want.member != nil:
		return nil, refuse(NotSupervisor, "%s does not supervise %s", actor.Name, want.member.Name)
	case len(mine) == 0 && want.call != nil:
		return nil, refuse(NotSupervisor, "%s supervises nobody whom this call rings", actor.Name)
	case len(mine) == 0 && want.group != nil:
		return nil, refuse(NotSupervisor, "%s does not supervise group %s", actor.Name, want.group.Name)
	case len(mine) == 0:
		return nil, refuse(NotSupervisor, "%s supervises no group", actor.Name)
	}
	in := slices.DeleteFunc(mine, func(g *Group) bool { return !t.logins[login{g.ID, actor.ID}] })
	if len(in) == 0 {
		return nil, refuse(NotLoggedIn, "%s is logged out", actor.Name)
	}
	return in, nil
}

// rangThrough: somebody else than a person rang, and was supervised through the group.
func (d *CallDocument) rangThrough(g GroupID, than PersonID) bool {
	return slices.ContainsFunc(d.Rang, func(part RingingPart) bool {
		return part.Person != than && slices.Contains(part.Groups, g)
	})
}

// chooseOf picks the oldest call of a member.
func (t *step) chooseOf(actor, member *Person, groups []*Group) (choice, *Refusal) {
	groups = slices.DeleteFunc(slices.Clone(groups), func(g *Group) bool { return !t.logins[login{g.ID, member.ID}] })
	if len(groups) == 0 {
		return choice{}, refuse(NotSupervised, "%s is logged out", member.Name)
	}
	only := func(p PersonID) bool { return p == member.ID }
	chosen, refusal := t.choose(t.offered[member.ID], actor, groups, only)
	if refusal != nil && refusal.Code == NotRinging && t.phones[member.ID].unsupervised > 0 {
		return choice{}, refuse(NotSupervised, "%s rings on a phone that is not supervised", member.Name)
	}
	return chosen, refusal
}

// chooseOldest picks the oldest call of all the groups.
func (t *step) chooseOldest(actor *Person, groups []*Group) (choice, *Refusal) {
	var all queue
	for _, g := range groups {
		for _, c := range t.through[g.ID] {
			all = all.with(c)
		}
	}
	return t.choose(all, actor, groups, others(actor))
}

// choose takes the first of the calls that nobody is picking up. Nobody picks up a call that they placed (R1).
func (t *step) choose(calls queue, actor *Person, groups []*Group, of func(PersonID) bool) (choice, *Refusal) {
	var late *Refusal
	for _, c := range calls {
		legs := c.legsFor(groups, of)
		if len(legs) == 0 || t.placedBy(c, actor) {
			continue
		}
		ringing := slices.DeleteFunc(legs, func(l *leg) bool { return l.silent })
		switch {
		case c.try != nil && (c.try.phase == tryRuns || c.try.phase == tryCalls):
			late = taken(c.try.actor)
		case c.try != nil && c.try.lost():
			late = takenElsewhere()
		case len(ringing) == 0:
			late = takenElsewhere()
		default:
			return choice{c, ringing}, nil
		}
	}
	if late != nil {
		return choice{}, late
	}
	if c := t.justTaken(groups, of); c != nil {
		return choice{}, t.takenBy(c.doc)
	}
	return choice{}, refuse(NotRinging, "nothing rings")
}

// legsFor are the phones of a call that are supervised through one of the groups.
func (c *call) legsFor(groups []*Group, of func(PersonID) bool) []*leg {
	var legs []*leg
	for _, l := range c.legs {
		if l.supervised && of(l.person) &&
			slices.ContainsFunc(groups, func(g *Group) bool { return c.ringsFor(l.person, g.ID) }) {
			legs = append(legs, l)
		}
	}
	return legs
}

func (t *step) placedBy(c *call, p *Person) bool {
	caller, _ := t.dir.Endpoint(c.legs[0].ring.CallerEndpoint)
	return caller == p
}

// justTaken finds the call that somebody else was a moment faster to take (P4), the latest first.
func (t *step) justTaken(groups []*Group, of func(PersonID) bool) *call {
	var latest *call
	for _, c := range t.calls {
		switch c.doc.State {
		case CallAnswered, CallPickedUp, CallAnsweredElsewhere:
		default:
			continue
		}
		mine := slices.ContainsFunc(c.doc.Ringing, func(r RingingPart) bool {
			return of(r.Person) &&
				slices.ContainsFunc(groups, func(g *Group) bool { return slices.Contains(r.Groups, g.ID) })
		})
		if !mine || t.now.Sub(c.doc.EndedAt.Time) > afterlife {
			continue
		}
		if latest == nil || c.doc.EndedAt.After(latest.doc.EndedAt.Time) ||
			c.doc.EndedAt.Equal(latest.doc.EndedAt.Time) && c.doc.ID < latest.doc.ID {
			latest = c
		}
	}
	return latest
}

func (t *step) takenBy(doc *CallDocument) *Refusal {
	by := doc.PickedUpBy
	if by == "" {
		by = doc.AnsweredBy
	}
	if p := t.dir.Person(by); p != nil {
		return taken(p)
	}
	return takenElsewhere()
}

func taken(by *Person) *Refusal {
	return refuse(AlreadyTaken, "%s has taken the call", by.Name).with("by", string(by.ID)).with("by_name", by.Name)
}

func takenElsewhere() *Refusal { return refuse(AlreadyTaken, "the call was answered elsewhere") }

// refusePickup tells whoever tried that it was in vain.
func (t *step) refusePickup(p *try, r *Refusal) {
	order := Refuse{Channel: p.channel, Refusal: r}
	if p.actor != nil {
		order.Actor = p.actor.ID
		t.announceRefusal(p, r)
	}
	switch {
	case p.phase == tryCalls:
		t.order(CancelCall{Channel: p.channel})
	case p.channel != "" && p.phase != tryDropped:
		t.order(order)
	}
	t.answerAsks(p, r)
	t.order(PickupDone{Actor: order.Actor, Code: r.Code, Took: t.now.Sub(p.began)})
}

func (t *step) announceRefusal(p *try, r *Refusal) {
	t.announce(Announce{
		Type: EventPickupRefused, Entity: string(p.actor.ID), Person: p.actor.ID,
		Document: &RefusalDocument{Actor: p.actor.ID, Code: r.Code, Message: r.Message, Target: p.target},
		By:       p.by(),
	})
}
