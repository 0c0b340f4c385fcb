package supervision

import (
	"maps"
	"slices"

	"supervisiond/forwarding"
)

// phoneForward is a redirection that a phone gave as its answer to a call (F5).
type phoneForward struct {
	target string
	since  Stamp
}

// storeWrite is a change of the PBX's store that is on its way.
type storeWrite struct {
	asker  asker
	person PersonID
}

// storeRead takes what the PBX's store says, whoever has written it (F2).
func (t *step) storeRead(e StoreRead) {
	first := !t.storeKnown
	t.storeKnown = t.storeKnown || e.Whole
	touched := maps.Clone(e.Lines)
	if e.Whole {
		for ext := range t.store {
			if _, still := e.Lines[ext]; !still {
				touched[ext] = forwarding.Stored{}
			}
		}
	}
	for _, ext := range slices.Sorted(maps.Keys(touched)) {
		if touched[ext] == (forwarding.Stored{}) {
			delete(t.store, ext)
		} else {
			t.store[ext] = touched[ext]
		}
	}
	t.learning = t.learning || first
	if len(touched) == 0 {
		return
	}
	// Where a forward ends may depend on another line.
	for _, id := range t.dir.People() {
		_, named := touched[t.dir.Person(id).Extension]
		if named || len(t.forwards[id]) > 0 {
			t.staleForwards(id)
		}
	}
}

func (t *step) staleForwards(id PersonID) {
	t.stale[id] = true
	t.touchPerson(id)
}

// describeForwards says how a line is forwarded. What was there before keeps its moment and its author.
func (t *step) describeForwards(p *Person) {
	old := t.forwards[p.ID]
	docs := []forwarding.Document{}
	for _, f := range forwarding.Resolve(t.store, p.Extension) {
		doc := forwarding.Document{
			Kind: f.Kind, Target: f.Target, Effective: f.Effective, Loop: f.Loop, AfterSeconds: f.AfterSeconds,
			Since: Stamp{t.now}.String(),
		}
		i := slices.IndexFunc(old, func(o forwarding.Document) bool {
			return o.Kind == doc.Kind && o.Target == doc.Target && o.AfterSeconds == doc.AfterSeconds
		})
		if i >= 0 {
			doc.Since, doc.SetBy = old[i].Since, old[i].SetBy
		} else if by := t.author[p.ID]; by != nil {
			doc.SetBy = string(by.Person)
		}
		docs = append(docs, doc)
	}
	if f, ok := t.phoneForwards[p.ID]; ok {
		docs = append(docs, forwarding.Document{Kind: forwarding.Phone, Target: f.target, Effective: f.target, Since: f.since.String()})
	}
	t.forwards[p.ID] = docs
}

// phoneRedirected notes that a phone sends callers on by itself.
func (t *step) phoneRedirected(e PhoneRedirected) {
	owner, supervised := t.dir.Endpoint(e.Endpoint)
	if owner == nil || !supervised || e.Target == "" {
		return
	}
	if old, ok := t.phoneForwards[owner.ID]; ok && old.target == e.Target {
		return
	}
	t.phoneForwards[owner.ID] = phoneForward{target: e.Target, since: Stamp{t.now}}
	t.staleForwards(owner.ID)
}

// phoneTakesCalls: the phone rings or talks, so that it does not send callers on any more.
func (t *step) phoneTakesCalls(p PersonID) {
	if _, ok := t.phoneForwards[p]; ok {
		delete(t.phoneForwards, p)
		t.staleForwards(p)
	}
}

// mayForward says whether actor may change (set) or cancel a line's forwards (F4).
func (t *step) mayForward(actor, person *Person, set bool) *Refusal {
	if actor == person || actor.Admin {
		return nil
	}
	supervises, loggedIn, administers := false, false, false
	for _, g := range t.dir.supervises[actor.ID] {
		if _, member := g.Member(person.ID); !member {
			continue
		}
		supervises = true
		if t.logins[login{g.ID, person.ID}] {
			loggedIn = true
			administers = administers || t.administers(actor, g)
		}
	}
	switch {
	case !supervises:
		return refuse(NotSupervisor, "%s does not supervise %s", actor.Name, person.Name)
	case !loggedIn:
		return refuse(NotSupervised, "%s is logged out", person.Name)
	case set && !administers:
		return refuse(NotAdmin, "%s administers no group of %s's", actor.Name, person.Name)
	}
	return nil
}

func (t *step) setForwarding(a asker, c SetForwarding) {
	person := t.dir.Person(c.Person)
	if person == nil {
		t.refuseTo(a, refuse(NotFound, "there is no person %s", c.Person))
		return
	}
	if r := t.mayForward(a.actor, person, true); r != nil {
		t.refuseTo(a, r)
		return
	}
	if reason := t.policy.Check(t.store, person.Extension, c.Kind, c.Target, c.AfterSeconds); reason != "" {
		code := Invalid
		if reason.AboutDestination() {
			code = DestinationRefused
		}
		t.refuseTo(a, refuse(code, "%s", reason.Message()).with("reason", string(reason)))
		return
	}
	now := t.store[person.Extension]
	if now.Target(c.Kind) == c.Target && (c.AfterSeconds == 0 || now.AfterSeconds == c.AfterSeconds) {
		t.grant(a, false, true)
		return
	}
	t.writeStore(a, person, forwarding.Change{Kind: c.Kind, Value: c.Target, AfterSeconds: c.AfterSeconds})
}

func (t *step) cancelForwarding(a asker, c CancelForwarding) {
	person := t.dir.Person(c.Person)
	if person == nil {
		t.refuseTo(a, refuse(NotFound, "there is no person %s", c.Person))
		return
	}
	if r := t.mayForward(a.actor, person, false); r != nil {
		t.refuseTo(a, r)
		return
	}
	var changes []forwarding.Change
	onPhone := false
	for _, f := range t.forwards[person.ID] {
		if c.Kind != "" && f.Kind != c.Kind {
			continue
		}
		if f.Kind == forwarding.Phone {
			onPhone = true
			continue
		}
		changes = append(changes, forwarding.Change{Kind: f.Kind})
	}
	switch {
	case len(changes) > 0:
		t.writeStore(a, person, changes...)
	case onPhone:
		t.refuseTo(a, refuse(SetOnPhone, "%s's phone forwards by itself; it can be cancelled only there", person.Name))
	default:
		t.grant(a, false, false)
	}
}

func (t *step) setDND(a asker, c SetDND) {
	person := t.dir.Person(c.Person)
	switch {
	case person == nil:
		t.refuseTo(a, refuse(NotFound, "there is no person %s", c.Person))
	case person != a.actor:
		t.refuseTo(a, refuse(NotAdmin, "do-not-disturb is everybody's own"))
	case t.policy.Families.DND == "":
		t.refuseTo(a, refuse(Invalid, "the PBX has no place for do-not-disturb"))
	case t.store[person.Extension].DND == c.On:
		t.grant(a, false, c.On)
	case c.On:
		t.writeStore(a, person, forwarding.Change{Value: "YES"})
	default:
		t.writeStore(a, person, forwarding.Change{})
	}
}

// writeStore asks the PBX, and answers when it has confirmed (F7).
func (t *step) writeStore(a asker, p *Person, changes ...forwarding.Change) {
	if !t.pbx.Connected {
		t.refuseTo(a, refuse(PBXUnavailable, "the PBX is away"))
		return
	}
	t.writes++
	t.storing[t.writes] = &storeWrite{asker: a, person: p.ID}
	t.author[p.ID] = a.by()
	t.order(WriteStore{Write: t.writes, Extension: p.Extension, Changes: changes})
}

func (t *step) storeWritten(e StoreWritten) {
	w := t.storing[e.Write]
	if w == nil {
		return
	}
	delete(t.storing, e.Write)
	delete(t.author, w.person)
	if e.Failed {
		t.refuseTo(w.asker, refuse(PBXUnavailable, "the PBX did not confirm the change"))
		return
	}
	t.grant(w.asker, true, false)
}

func (d *PersonDocument) forwards() *ForwardingDocument {
	return &ForwardingDocument{ID: d.ID, Name: d.Name, Extension: d.Extension, Forwarding: d.Forwarding}
}

// announceForwarding tells of a change, and whose it was if it was made here.
func (t *step) announceForwarding(old, doc *PersonDocument) {
	if !slices.Equal(old.Forwarding, doc.Forwarding) {
		t.announce(Announce{
			Type: EventForwardingChanged, Entity: string(doc.ID), Document: doc.forwards(), Before: old.forwards(),
			Person: doc.ID, By: t.author[doc.ID],
		})
	}
	if old.DND != doc.DND {
		t.announce(Announce{
			Type: EventDNDChanged, Entity: string(doc.ID), Document: doc, Before: old, Person: doc.ID, By: t.author[doc.ID],
		})
	}
}
