package config

import (
	"regexp"
	"time"

	"supervisiond/supervision"
)

var groupNumber = regexp.MustCompile(`^[0-9]{1,6}$`)

func (c *checker) groups(raw *rawConfig, limits Limits) []supervision.Group {
	groups := make([]supervision.Group, 0, len(raw.groups.items))
	numbers := owned{}
	phones := make(map[string]bool, len(raw.people.items))
	for _, p := range raw.people.items {
		phones[p.key.value] = len(p.value.endpoints.items) > 0 || p.value.endpoints.broken
	}
	for i := range raw.groups.items {
		key, r := raw.groups.items[i].key, &raw.groups.items[i].value
		if !id.MatchString(key.value) {
			c.add(key.place, "%s is not possible: %s", quote(key.value), idRule)
		}
		if line, taken := c.people[key.value]; taken {
			c.add(key.place, "%s is the id of a person already, on line %d", quote(key.value), line)
		}
		c.noExtension(key)
		g := supervision.Group{
			ID:                supervision.GroupID(key.value),
			Name:              c.label(r.name, key.value),
			Number:            c.matching(r.number, "", groupNumber, "the number of a group is 1 to 6 digits"),
			Type:              oneOf(c, r.kind, supervision.Standard, supervision.MutualAid),
			LockLast:          oneOf(c, r.lockLast, supervision.LockOff, supervision.LockPerson, supervision.LockRole),
			InitiallyLoggedIn: oneOf(c, r.initially, "logged_in", "logged_out") == "logged_in",
			Supervisors:       c.participants(&r.supervisors),
			Members:           c.participants(&r.members),
			Calls: supervision.CallFilter{
				OnlyDialled:   c.patterns(r.calls.onlyDialled),
				ExceptCallers: c.patterns(r.calls.exceptCallers),
				Internal:      c.boolean(r.calls.internal, true),
				AlertAfter:    c.duration(r.calls.alertAfter, 0, 0, 10*time.Minute),
			},
		}
		if r.number.given {
			c.claim(numbers, r.number, "number", key.value)
		}
		if len(r.supervisors.items) == 0 {
			c.add(r.supervisors.place, "missing: a group needs at least one supervisor")
		}
		c.members(&r.members, phones)
		if g.Type == supervision.Standard {
			c.standard(r, &g)
		}
		c.oneLogin(r, &g)
		if n := peopleIn(&g); n > limits.PeoplePerGroup {
			c.add(key.place, "group %s has %d people, and limits.people_per_group is %d", key.value, n, limits.PeoplePerGroup)
		}
		groups = append(groups, g)
	}
	c.groupsPerSupervisor(raw, limits.GroupsPerSupervisor)
	return groups
}

// participants returns one place for every item, so that items and places can be gone through together.
func (c *checker) participants(raw *participants) []supervision.Participant {
	found := make([]supervision.Participant, len(raw.items))
	seen := make(map[string]int, len(raw.items))
	for i, r := range raw.items {
		found[i] = supervision.Participant{
			Person:   supervision.PersonID(r.person.value),
			Admin:    c.boolean(r.admin, false),
			MayLeave: c.boolean(r.mayLeave, true),
		}
		if !c.required(r.person) {
			continue
		}
		if line := seen[r.person.value]; line != 0 {
			c.add(r.person.place, "%s is listed twice, first on line %d", quote(r.person.value), line)
			continue
		}
		seen[r.person.value] = r.person.line
		c.knownPerson(r.person)
	}
	return found
}

// members checks what holds for members only. phones says who has one.
func (c *checker) members(raw *participants, phones map[string]bool) {
	for _, m := range raw.items {
		if m.admin.given {
			c.add(m.admin.place, "only supervisors are group administrators: say it in supervisors")
		}
		if hasPhone, known := phones[m.person.value]; known && !hasPhone {
			c.add(m.person.place, "%s has no endpoints, so there is nothing to supervise: give people.%[1]s.endpoints", m.person.value)
		}
	}
}

// standard reports what would promise something that a standard group does not do. What holds there anyway may be said.
func (c *checker) standard(r *rawGroup, g *supervision.Group) {
	const reason = "not in a standard group, where everybody is always logged in: leave it out, or make the type mutual_aid"
	if g.LockLast != supervision.LockOff {
		c.add(r.lockLast.place, reason)
	}
	if !g.InitiallyLoggedIn {
		c.add(r.initially.place, reason)
	}
	for _, list := range []participants{r.supervisors, r.members} {
		for _, p := range list.items {
			if p.mayLeave.given && p.mayLeave.value != "false" {
				c.add(p.mayLeave.place, reason)
			}
		}
	}
}

// oneLogin reports who may leave as a supervisor but not as a member, or the other way: there is one login (rule G2).
func (c *checker) oneLogin(r *rawGroup, g *supervision.Group) {
	supervisors := make(map[supervision.PersonID]supervision.Participant, len(g.Supervisors))
	for _, s := range g.Supervisors {
		supervisors[s.Person] = s
	}
	for i, m := range g.Members {
		s, both := supervisors[m.Person]
		if !both || s.MayLeave == m.MayLeave || m.Person == "" {
			continue
		}
		t := r.members.items[i].mayLeave
		if !t.given {
			t.place = r.members.items[i].person.place
		}
		c.add(t.place, "%s has one login in this group: may_leave is %t for the supervisor and %t for the member; say the same in both",
			m.Person, s.MayLeave, m.MayLeave)
	}
}

func peopleIn(g *supervision.Group) int {
	all := make(map[supervision.PersonID]bool, len(g.Supervisors)+len(g.Members))
	for _, list := range [][]supervision.Participant{g.Supervisors, g.Members} {
		for _, p := range list {
			all[p.Person] = true
		}
	}
	return len(all)
}

// groupsPerSupervisor reports who supervises more groups than is allowed, at the first that is too many.
func (c *checker) groupsPerSupervisor(raw *rawConfig, most int) {
	places := make(map[string][]place)
	for _, g := range raw.groups.items {
		for _, s := range g.value.supervisors.items {
			if s.person.given {
				places[s.person.value] = append(places[s.person.value], s.person.place)
			}
		}
	}
	for person, at := range places {
		if len(at) > most {
			c.add(at[most], "supervisor %s has %d groups, and limits.groups_per_supervisor is %d", person, len(at), most)
		}
	}
}
