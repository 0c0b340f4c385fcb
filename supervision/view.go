package supervision

import "slices"

// View is all that a person may see (S7).
type View struct {
	// Seq is the number of the last thing told to those who follow this view (Show); 0: nobody does.
	Seq  uint64       `json:"seq" doc:"number of the last message on the view's subject or stream; 0: nobody follows this view"`
	Site SiteDocument `json:"site" doc:"the site"`
	// Me is the person's own state.
	Me *PersonDocument `json:"me" doc:"the person's own state"`
	// Memberships are the mutual-aid groups that the person is in, in whatever role.
	Memberships []Membership `json:"memberships" doc:"the mutual-aid groups that the person is in, in whatever role"`
	// Groups are those that the person supervises, and People their members.
	Groups []GroupDocument  `json:"groups" doc:"the groups that the person supervises; for a company administrator all"`
	People []PersonDocument `json:"people" doc:"these groups' members, each once, without the person"`
	// Calls ring now, the oldest first: for members of the groups, or for the person.
	Calls []CallDocument `json:"calls" doc:"what rings these members or the person, the oldest first"`
	// Talks are for lamps only.
	Talks []*Talk `json:"-"`
}

// Membership is what a participant sees of a mutual-aid group: its name, how many are logged in, and their own entry.
type Membership struct {
	ID       GroupID `json:"id" doc:"as configured"`
	Name     string  `json:"name" doc:"as configured"`
	Number   string  `json:"number" doc:"for feature codes; empty: none"`
	LockLast Lock    `json:"lock_last" enum:"off,person,role" doc:"who must stay logged in: nobody in particular, the last person, or the last of each role"`
	LoggedIn bool    `json:"logged_in" doc:"whether the person is logged in"`
	MayLeave bool    `json:"may_leave" doc:"false: always logged in, as everybody in a standard group"`
	Bar      Code    `json:"bar" enum:",may_not_leave,last_member,unavailable" doc:"why the person cannot leave now if logged in, or join otherwise: the code with which it would be refused; empty: nothing stands against it"`
	// Count is how many are logged in, and Connected how many of them are connected.
	Count     int `json:"count" doc:"how many are logged in"`
	Connected int `json:"connected" doc:"how many of them are connected"`
}

func (t *step) view(p *Person) *View {
	v := &View{
		Site: *t.siteDocument(), Me: t.people[p.ID], Memberships: []Membership{},
		Groups: []GroupDocument{}, People: []PersonDocument{}, Calls: []CallDocument{},
	}
	if followed := t.viewers[p.ID]; followed != nil {
		v.Seq = followed.seq
	}
	for _, g := range t.dir.groupsOf[p.ID] {
		if g.Type == MutualAid {
			v.Memberships = append(v.Memberships, t.membership(g, p, t.members(g)))
		}
	}
	for _, c := range t.ringingOldestFirst() {
		if doc := t.callFor(p, c.doc.ID, false); doc != nil {
			v.Calls = append(v.Calls, *doc)
		}
	}
	v.Talks = t.talksFor(p)
	seen := map[PersonID]bool{p.ID: true}
	for _, g := range t.supervisedBy(p) {
		if doc := t.groupFor(p, g.ID); doc != nil {
			v.Groups = append(v.Groups, *doc)
		}
		for _, m := range g.Members {
			if doc := t.personFor(p, m.Person); doc != nil && !seen[m.Person] {
				seen[m.Person] = true
				v.People = append(v.People, *doc)
			}
		}
	}
	return v
}

// supervisedBy are the groups whose members a person sees: those that they supervise, or all for who administers the
// company.
func (t *step) supervisedBy(p *Person) []*Group {
	if !p.Admin {
		return t.dir.supervises[p.ID]
	}
	groups := make([]*Group, 0, len(t.dir.Groups()))
	for _, id := range t.dir.Groups() {
		groups = append(groups, t.dir.Group(id))
	}
	return groups
}

func (t *step) ringingOldestFirst() queue {
	var all queue
	for _, c := range t.calls {
		if c.doc.State == CallRinging && len(c.legs) > 0 {
			all = all.with(c)
		}
	}
	return all
}

// callFor is what a person sees of a call: one that is offered to them, and of one that they have seen they also learn how
// it ended (R5).
func (t *step) callFor(p *Person, id CallID, known bool) *CallDocument {
	c := t.calls[id]
	if c == nil || !t.offeredTo(p, c) && !(known && c.doc.State != CallRinging) {
		return nil
	}
	return t.alerted(p).Redact(c.doc)
}

// offeredTo says whether a call rings a person, or a member of a group through which they are alerted. Nobody is offered a
// call that they placed (R1).
func (t *step) offeredTo(p *Person, c *call) bool {
	return c.doc.State == CallRinging && len(c.legs) > 0 && !t.placedBy(c, p) &&
		slices.ContainsFunc(c.doc.Ringing, func(part RingingPart) bool {
			return p.Admin || part.Person == p.ID || slices.ContainsFunc(part.Groups, func(g GroupID) bool {
				return t.logins[login{g, p.ID}] && t.seesGroup(p, t.dir.Group(g))
			})
		})
}

// alerted reads through the groups in which a supervisor is logged in (G4).
func (t *step) alerted(p *Person) *Reader {
	r := &Reader{Actor: p.ID, Everything: p.Admin}
	for _, g := range t.dir.supervises[p.ID] {
		if t.logins[login{g.ID, p.ID}] {
			r.Groups = append(r.Groups, g.ID)
		}
	}
	return r
}

// seesGroup: its members are among those whom the person sees (supervisedBy).
func (t *step) seesGroup(p *Person, g *Group) bool {
	if g == nil || p.Admin {
		return g != nil
	}
	_, supervises := g.Supervisor(p.ID)
	return supervises
}

// What follows gives the published document itself where a person sees all of it: then it is encoded once for all who do.

// groupFor is a group as who supervises it sees it.
func (t *step) groupFor(p *Person, id GroupID) *GroupDocument {
	doc := t.groups[id]
	if doc == nil || !t.seesGroup(p, t.dir.Group(id)) {
		return nil
	}
	calls := t.callsShown(p, doc.Ringing)
	if len(calls) == len(doc.Ringing) {
		return doc
	}
	one := *doc
	one.Ringing = calls
	return &one
}

// personFor is a member as their supervisors see them, or oneself. Of one who is logged out of all groups in question
// neither calls nor forwards are seen (G4), and of nobody else which of their phones are there.
func (t *step) personFor(p *Person, id PersonID) *PersonDocument {
	doc := t.people[id]
	if doc == nil || id == p.ID {
		return doc
	}
	member, in := false, false
	for _, g := range t.dir.supervisedIn[id] {
		if t.seesGroup(p, g) {
			member, in = true, in || t.logins[login{g.ID, id}]
		}
	}
	if !member {
		return nil
	}
	doc = t.toOthers(doc)
	calls := t.callsShown(p, doc.Calls)
	if in && len(calls) == len(doc.Calls) {
		return doc
	}
	one := *doc
	one.Calls = calls
	if !in {
		one.Calls, one.Forwarding = []CallID{}, one.Forwarding[:0:0]
	}
	return &one
}

// othersPerson is a person's document as others see it, and the one of which it was made.
type othersPerson struct{ of, doc *PersonDocument }

// toOthers is a person's document without what only they see. It is made once for all others.
func (t *step) toOthers(doc *PersonDocument) *PersonDocument {
	if len(doc.Phones) == 0 {
		return doc
	}
	if last := t.others[doc.ID]; last.of == doc {
		return last.doc
	}
	one := *doc
	one.Phones = []PhoneDocument{}
	t.others[doc.ID] = othersPerson{doc, &one}
	return &one
}

// callsShown leaves of a list of calls those that a person sees.
func (t *step) callsShown(p *Person, ids []CallID) []CallID {
	hidden := func(id CallID) bool { c := t.calls[id]; return c == nil || !t.offeredTo(p, c) }
	if !slices.ContainsFunc(ids, hidden) {
		return ids
	}
	return slices.DeleteFunc(slices.Clone(ids), hidden)
}

// membership is what a participant sees of a group, of which so much is the same for all.
func (t *step) membership(g *Group, p *Person, m Membership) Membership {
	m.LoggedIn, m.MayLeave, m.Bar = t.logins[login{g.ID, p.ID}], g.seat(p.ID).mayLeave, t.barOf(g, p.ID)
	return m
}

// members is what all participants see of a group.
func (t *step) members(g *Group) Membership {
	m := Membership{ID: g.ID, Name: g.Name, Number: g.Number, LockLast: g.LockLast}
	for _, x := range g.everybody {
		in := t.logins[login{g.ID, x}]
		if in {
			m.Count++
		}
		if t.staffs(x, in) {
			m.Connected++
		}
	}
	return m
}
