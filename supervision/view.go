package supervision

import "slices"

// View is all that a person may see (S7).
type View struct {
	Site SiteDocument `json:"site"`
	// Me is the person's own state.
	Me *PersonDocument `json:"me"`
	// Memberships are the mutual-aid groups that the person is in, in whatever role.
	Memberships []Membership `json:"memberships"`
	// Groups are those that the person supervises, and People their members.
	Groups []GroupDocument  `json:"groups"`
	People []PersonDocument `json:"people"`
	// Calls ring now, the oldest first: for members of the groups, or for the person.
	Calls []CallDocument `json:"calls"`
}

// Membership is what a participant sees of a mutual-aid group: its name, how many are logged in, and their own entry.
type Membership struct {
	ID       GroupID `json:"id"`
	Name     string  `json:"name"`
	Number   string  `json:"number"`
	LockLast Lock    `json:"lock_last"`
	LoggedIn bool    `json:"logged_in"`
	MayLeave bool    `json:"may_leave"`
	// Count is how many are logged in, and Connected how many of them are connected.
	Count     int `json:"count"`
	Connected int `json:"connected"`
}

func (t *step) view(p *Person) *View {
	v := &View{
		Site: *t.siteDocument(), Me: t.people[p.ID], Memberships: []Membership{},
		Groups: []GroupDocument{}, People: []PersonDocument{}, Calls: []CallDocument{},
	}
	for _, g := range t.dir.groupsOf[p.ID] {
		if g.Type == MutualAid {
			v.Memberships = append(v.Memberships, t.membership(g, p))
		}
	}
	r := t.reader(p)
	supervised := t.dir.supervises[p.ID]
	if p.Admin {
		supervised = nil
		for _, id := range t.dir.Groups() {
			supervised = append(supervised, t.dir.Group(id))
		}
	}
	v.Calls = t.callsFor(p, r)
	for _, g := range supervised {
		if doc := t.groups[g.ID]; doc != nil {
			one := *doc
			one.Ringing = v.shown(doc.Ringing)
			v.Groups = append(v.Groups, one)
		}
	}
	v.People = t.peopleFor(p, supervised)
	for i := range v.People {
		v.People[i].Calls = v.shown(v.People[i].Calls)
	}
	return v
}

// shown are the calls of a list that the view has.
func (v *View) shown(ids []CallID) []CallID {
	return slices.DeleteFunc(slices.Clone(ids), func(id CallID) bool {
		return !slices.ContainsFunc(v.Calls, func(c CallDocument) bool { return c.ID == id })
	})
}

func (t *step) membership(g *Group, p *Person) Membership {
	m := Membership{
		ID: g.ID, Name: g.Name, Number: g.Number, LockLast: g.LockLast,
		LoggedIn: t.logins[login{g.ID, p.ID}], MayLeave: g.leaveAllowed(p.ID),
	}
	for _, x := range g.participants() {
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

// callsFor are the calls that ring for members of the groups that p supervises, or for p. Nobody is offered a call that
// they placed (R1).
func (t *step) callsFor(p *Person, r *Reader) []CallDocument {
	var all queue
	for _, c := range t.calls {
		if c.doc.State == CallRinging && len(c.legs) > 0 && !t.placedBy(c, p) {
			all = all.with(c)
		}
	}
	calls := []CallDocument{}
	for _, c := range all {
		if seen := r.Redact(c.doc); len(seen.Ringing) > 0 {
			calls = append(calls, *seen)
		}
	}
	return calls
}

// peopleFor are the members of the groups, each once. Of one who is logged out of all of them neither calls nor forwards
// are seen (G4).
func (t *step) peopleFor(p *Person, groups []*Group) []PersonDocument {
	people := []PersonDocument{}
	var seen []PersonID
	for _, g := range groups {
		for _, m := range g.Members {
			doc := t.people[m.Person]
			if doc == nil || slices.Contains(seen, m.Person) || m.Person == p.ID {
				continue
			}
			seen = append(seen, m.Person)
			one := *doc
			if !slices.ContainsFunc(groups, func(x *Group) bool { return t.logins[login{x.ID, m.Person}] }) {
				one.Calls, one.Forwarding = []CallID{}, one.Forwarding[:0:0]
			}
			people = append(people, one)
		}
	}
	return people
}
