package supervision

import "slices"

// Sources of presence (S3).
const (
	SourceCall         = "call"
	sourceWebCall      = "web_call"
	sourceDND          = "dnd"
	sourceClient       = "client"
	SourceUnsupervised = "unsupervised_endpoint"
	sourceEndpoint     = "endpoint"
)

func (t *step) endpointChanged(name string, state EndpointState) {
	owner, _ := t.dir.Endpoint(name)
	if owner == nil || t.endpoints[name] == state {
		return
	}
	t.endpoints[name] = state
	t.touchPerson(owner.ID)
}

func (t *step) syncEndpoints(endpoints map[string]EndpointState) {
	clear(t.endpoints)
	for name, state := range endpoints {
		if owner, _ := t.dir.Endpoint(name); owner != nil {
			t.endpoints[name] = state
		}
	}
	for _, id := range t.dir.People() {
		t.touchPerson(id)
	}
}

func (t *step) settlePerson(id PersonID) {
	p, old := t.dir.Person(id), t.people[id]
	if p == nil {
		return
	}
	if t.stale[id] || t.forwards[id] == nil {
		delete(t.stale, id)
		t.describeForwards(p)
	}
	doc := &PersonDocument{
		ID: id, Name: p.Name, Extension: p.Extension,
		Reachable:  t.reachable(p),
		Phones:     t.phonesOf(p, old),
		DND:        t.store[p.Extension].DND,
		Forwarding: t.forwards[id],
		Calls:      t.offered[id].ids(),
	}
	doc.Presence.State, doc.Presence.Source = t.presence(p, doc.Reachable)
	doc.Presence.Since = Stamp{t.now}
	if old != nil && old.Presence.State == doc.Presence.State {
		doc.Presence.Since = old.Presence.Since
	}
	if old != nil && samePerson(old, doc) {
		return
	}
	t.people[id] = doc
	t.put("person."+string(id), doc)
	if old == nil || old.Reachable != doc.Reachable {
		for _, g := range t.dir.groupsOf[id] {
			t.touchGroup(g.ID)
		}
	}
	if old == nil || t.learning {
		return
	}
	t.announceForwarding(old, doc)
	if old.Reachable != doc.Reachable {
		t.announce(Announce{Type: EventReachabilityChanged, Entity: string(id), Document: doc, Before: old, Person: id})
	}
	if old.Presence.State != doc.Presence.State {
		t.announce(Announce{Type: EventPresenceChanged, Entity: string(id), Document: doc, Before: old, Person: id})
	}
}

func samePerson(a, b *PersonDocument) bool {
	return a.Name == b.Name && a.Extension == b.Extension && a.Reachable == b.Reachable &&
		a.Presence.State == b.Presence.State && a.Presence.Source == b.Presence.Source && a.DND == b.DND &&
		slices.Equal(a.Phones, b.Phones) && slices.Equal(a.Calls, b.Calls) && slices.Equal(a.Forwarding, b.Forwarding)
}

// reachable: a supervised device has a contact.
func (t *step) reachable(p *Person) bool {
	return slices.ContainsFunc(p.Endpoints, func(e Endpoint) bool { return t.endpoints[e.Name].Reachable })
}

// phonesOf says of each supervised device whether it is there. While that is so as before it is the same list: a ring makes none.
func (t *step) phonesOf(p *Person, old *PersonDocument) []PhoneDocument {
	if old != nil && slices.EqualFunc(p.Endpoints, old.Phones, func(e Endpoint, was PhoneDocument) bool {
		return e.Name == was.Endpoint && t.endpoints[e.Name].Reachable == was.Reachable
	}) {
		return old.Phones
	}
	phones := make([]PhoneDocument, len(p.Endpoints))
	for i, e := range p.Endpoints {
		phones[i] = PhoneDocument{Endpoint: e.Name, Reachable: t.endpoints[e.Name].Reachable}
	}
	return phones
}

// presence is the highest of what is known (S3).
func (t *step) presence(p *Person, reachable bool) (state PresenceState, source string) {
	switch {
	case slices.ContainsFunc(p.Endpoints, func(e Endpoint) bool { return t.endpoints[e.Name].InCall }),
		t.phones[p.ID].supervised > 0, len(t.offered[p.ID]) > 0:
		return BusyNow, SourceCall
	case slices.ContainsFunc(p.Unsupervised, func(e string) bool { return t.endpoints[e].InCall }),
		t.phones[p.ID].unsupervised > 0:
		return BusyNow, SourceUnsupervised
	case t.reported(p.ID, BusyNow):
		return BusyNow, sourceWebCall
	case t.store[p.Extension].DND:
		return DND, sourceDND
	case t.reported(p.ID, DND):
		return DND, sourceClient
	case t.reported(p.ID, Away):
		return Away, sourceClient
	case reachable:
		return Online, sourceEndpoint
	}
	return Offline, sourceEndpoint
}
