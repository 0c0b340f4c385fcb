package supervision

import "slices"

func (t *step) settleGroup(id GroupID) {
	g, old := t.dir.Group(id), t.groups[id]
	if g == nil {
		return
	}
	doc := &GroupDocument{
		ID: id, Name: g.Name, Number: g.Number, Type: g.Type, LockLast: g.LockLast,
		Unstaffed:   true,
		Supervisors: make([]SupervisorDocument, len(g.Supervisors)),
		Members:     make([]MemberDocument, len(g.Members)),
		Ringing:     t.through[id].ids(),
	}
	staff := t.staffOf(g)
	for i, s := range g.Supervisors {
		is := t.participant(g, s.Person, staff)
		doc.Supervisors[i] = SupervisorDocument{
			Person: s.Person, Name: t.dir.Person(s.Person).Name, Admin: s.Admin, MayLeave: is.mayLeave, LoggedIn: is.in,
			Warning: is.warning(), Bar: is.bar,
		}
		doc.Unstaffed = doc.Unstaffed && !is.staffs
	}
	for i, m := range g.Members {
		is := t.participant(g, m.Person, staff)
		doc.Members[i] = MemberDocument{
			Person: m.Person, Name: t.dir.Person(m.Person).Name, MayLeave: is.mayLeave, LoggedIn: is.in,
			Status: t.status(id, m.Person, is.in), Warning: is.warning(), Bar: is.bar,
		}
		doc.Unstaffed = doc.Unstaffed && !is.staffs
	}
	if old != nil && sameGroup(old, doc) {
		return
	}
	t.groups[id] = doc
	if old != nil && !sameLogins(old, doc) {
		t.regrouped = append(t.regrouped, id)
	}
	t.put("group."+string(id), doc)
	if old == nil || t.learning || old.Unstaffed == doc.Unstaffed {
		return
	}
	a := Announce{Type: EventGroupStaffed, Entity: string(id), Document: doc, Before: old}
	if doc.Unstaffed {
		a.Type = EventGroupUnstaffed
	}
	t.later(func() { t.announce(a) }) // behind the login that caused it
}

// participant is what a group's document says of somebody in whatever role.
type participant struct {
	mayLeave, in, staffs bool
	bar                  Code
}

func (t *step) participant(g *Group, p PersonID, s staff) participant {
	in := t.logins[login{g.ID, p}]
	is := participant{in: in, staffs: t.staffs(p, in)}
	var at seat
	if g.Type == MutualAid { // nobody leaves a standard group (G3)
		at = g.seat(p)
	}
	is.mayLeave = at.mayLeave
	is.bar, _ = t.bar(g, p, at, !in, s)
	return is
}

// staffs: only who is logged in and connected keeps a group staffed (G6, G11).
func (t *step) staffs(p PersonID, loggedIn bool) bool {
	doc := t.people[p]
	return loggedIn && doc != nil && doc.Reachable
}

func (p participant) warning() string {
	if p.in && !p.staffs {
		return WarningNotConnected
	}
	return ""
}

func (t *step) status(g GroupID, p PersonID, loggedIn bool) string {
	switch {
	case !loggedIn:
		return StatusLoggedOut
	case slices.ContainsFunc(t.offered[p], func(c *call) bool { return c.ringsFor(p, g) }):
		return StatusRinging
	}
	return StatusLoggedIn
}

// ringsFor says whether p's ringing in this call is supervised through g.
func (c *call) ringsFor(p PersonID, g GroupID) bool {
	return slices.ContainsFunc(c.doc.Ringing, func(r RingingPart) bool {
		return r.Person == p && slices.Contains(r.Groups, g)
	})
}

func sameGroup(a, b *GroupDocument) bool {
	return a.Name == b.Name && a.Number == b.Number && a.Type == b.Type && a.LockLast == b.LockLast &&
		a.Unstaffed == b.Unstaffed && slices.Equal(a.Supervisors, b.Supervisors) &&
		slices.Equal(a.Members, b.Members) && slices.Equal(a.Ringing, b.Ringing)
}

func sameLogins(a, b *GroupDocument) bool {
	return slices.EqualFunc(a.Supervisors, b.Supervisors, func(x, y SupervisorDocument) bool { return x.LoggedIn == y.LoggedIn }) &&
		slices.EqualFunc(a.Members, b.Members, func(x, y MemberDocument) bool { return x.LoggedIn == y.LoggedIn })
}
