package supervision

import (
	"maps"
	"slices"
)

// change is a login that is being put on disk. It holds from the moment at which it is there: until then nobody is told
// of it, but a leave already no longer counts for the lock (G6, G7).
type change struct {
	login
	write  uint64
	in     bool
	forced bool
	asker  asker
	// overtaken: the configuration has begun another login meanwhile, and this one is judged again.
	overtaken bool
	// waiting are those who asked for the same login meanwhile; they are judged when this one is over.
	waiting []wish
}

// wish is a login that somebody asks for.
type wish struct {
	asker  asker
	in     bool
	forced bool
}

// logOneself is a join or a leave (G4).
func (t *step) logOneself(a asker, id GroupID, in bool) {
	g := t.dir.Group(id)
	switch {
	case g == nil:
		t.refuseTo(a, refuse(NotFound, "there is no group %s", id))
	case !g.has(a.actor.ID):
		t.refuseTo(a, refuse(NotParticipant, "%s is not in group %s", a.actor.Name, g.Name))
	default:
		t.logInOrOut(g, a.actor, wish{asker: a, in: in})
	}
}

// logSomebody is the forced form (G8).
func (t *step) logSomebody(a asker, id GroupID, p PersonID, in bool) {
	g, person := t.dir.Group(id), t.dir.Person(p)
	switch {
	case g == nil:
		t.refuseTo(a, refuse(NotFound, "there is no group %s", id))
	case person == nil:
		t.refuseTo(a, refuse(NotFound, "there is no person %s", p))
	case !t.administers(a.actor, g): // who is in a group is not for everybody to find out (S7)
		t.refuseTo(a, refuse(NotAdmin, "%s does not administer group %s", a.actor.Name, g.Name))
	case !g.has(p):
		t.refuseTo(a, refuse(NotFound, "there is no %s in group %s", p, g.Name))
	default:
		t.logInOrOut(g, person, wish{asker: a, in: in, forced: person != a.actor})
	}
}

// administers: as a supervisor with administrative rights, or for the whole company.
func (t *step) administers(p *Person, g *Group) bool {
	s, ok := g.Supervisor(p.ID)
	return p.Admin || ok && s.Admin
}

func (g *Group) has(p PersonID) bool {
	_, supervisor := g.Supervisor(p)
	_, member := g.Member(p)
	return supervisor || member
}

func (t *step) logInOrOut(g *Group, p *Person, w wish) {
	key := login{g.ID, p.ID}
	if c := t.changes[key]; c != nil {
		c.waiting = append(c.waiting, w)
		return
	}
	switch r := t.judgeLogin(g, p, w.in); {
	case r != nil:
		t.refuseTo(w.asker, r)
	case t.logins[key] == w.in:
		t.grant(w.asker, false, w.in)
	default:
		t.writes++
		c := &change{login: key, write: t.writes, in: w.in, forced: w.forced, asker: w.asker}
		t.changes[key], t.saving[c.write] = c, c
		t.order(SaveLogin{Write: c.write, Group: g.ID, Person: p.ID, LoggedIn: w.in})
		t.touchGroup(g.ID) // who is about to leave does not count any more: others may have to stay
	}
}

// willBeIn is what a toggle turns around: what was asked for last.
func (t *step) willBeIn(key login) bool {
	c := t.changes[key]
	switch {
	case c == nil:
		return t.logins[key]
	case len(c.waiting) > 0:
		return c.waiting[len(c.waiting)-1].in
	}
	return c.in
}

// loginSaved: what is on disk holds from now on, and who asked is told.
func (t *step) loginSaved(e LoginSaved) {
	if key, ok := t.begun[e.Write]; ok {
		delete(t.begun, e.Write)
		if e.Failed {
			t.unsaved[key] = true
		}
		return
	}
	c := t.saving[e.Write]
	if c == nil {
		return
	}
	delete(t.saving, e.Write)
	delete(t.changes, c.login)
	t.touchGroup(c.group)
	g, p := t.dir.Group(c.group), t.dir.Person(c.person)
	switch {
	case g == nil || p == nil || !g.has(c.person) || g.Type != MutualAid:
		// Removed meanwhile, with its state: what was written is superfluous.
		t.order(ForgetLogin{Group: c.group, Person: c.person})
		t.refuseTo(c.asker, refuse(NotFound, "%s is no longer in group %s", c.person, c.group))
	case c.overtaken:
		t.logInOrOut(g, p, wish{asker: c.asker, in: c.in, forced: c.forced})
	case e.Failed:
		t.refuseTo(c.asker, refuse(Unavailable, "logins cannot be stored at the moment; nothing has changed"))
	default:
		before := t.groups[c.group]
		t.setLogin(c.login, c.in)
		t.announceLogin(c.login, before, c.asker.by(), c.forced)
		t.grant(c.asker, true, c.in)
	}
	for _, w := range c.waiting {
		if g == nil || p == nil {
			t.refuseTo(w.asker, refuse(NotFound, "%s is no longer in group %s", c.person, c.group))
			continue
		}
		t.logInOrOut(g, p, w)
	}
}

// setLogin makes a login hold, and brings up to date what depends on it: the group, and what rings for the person (G4).
func (t *step) setLogin(key login, in bool) {
	was := t.logins[key]
	t.logins[key] = in
	if was == in {
		return
	}
	t.touchGroup(key.group)
	t.touchPerson(key.person)
	t.touchCallsOf(key.person)
}

func (t *step) touchCallsOf(p PersonID) {
	for _, c := range slices.SortedFunc(maps.Values(t.ringing), byCaller) {
		if slices.ContainsFunc(c.legs, func(l *leg) bool { return l.person == p }) {
			t.touchCall(c)
		}
	}
}

// announceLogin tells of a login that has just begun to hold, and what the group was before, if that was published.
func (t *step) announceLogin(key login, before *GroupDocument, by *By, forced bool) {
	a := Announce{Type: EventGroupLeft, Entity: string(key.group), Person: key.person, Forced: forced, By: by}
	if t.logins[key] {
		a.Type = EventGroupJoined
	}
	if before != nil {
		a.Before = before.record()
	}
	t.later(func() {
		a.Document = t.groups[key.group].record()
		t.announce(a)
	})
}

// record is a group as the history may have it: without who was connected (H1).
func (d *GroupDocument) record() *GroupRecord {
	r := &GroupRecord{
		ID: d.ID, Name: d.Name, Number: d.Number, Type: d.Type, LockLast: d.LockLast, Unstaffed: d.Unstaffed,
		Supervisors: make([]SupervisorRecord, len(d.Supervisors)), Members: make([]MemberRecord, len(d.Members)), Ringing: d.Ringing,
	}
	for i, s := range d.Supervisors {
		r.Supervisors[i] = SupervisorRecord{Person: s.Person, Name: s.Name, Admin: s.Admin, MayLeave: s.MayLeave, LoggedIn: s.LoggedIn}
	}
	for i, m := range d.Members {
		r.Members[i] = MemberRecord{Person: m.Person, Name: m.Name, MayLeave: m.MayLeave, LoggedIn: m.LoggedIn, Status: m.Status}
	}
	return r
}
