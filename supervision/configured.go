package supervision

import (
	"maps"
	"slices"
)

// configure takes up a directory, at the start or when the configuration has changed (G10): what is new begins, what is
// gone disappears with its state, and everything else keeps it.
func (t *step) configure(d *Directory) {
	old := t.dir
	t.dir, t.reshow = d, true
	for _, id := range old.Groups() {
		if d.Group(id) == nil {
			t.removeGroup(id)
		}
	}
	for _, id := range old.People() {
		if d.Person(id) == nil {
			t.removePerson(id)
		}
	}
	t.configureLogins(old)
	t.reassignLegs()
	for _, c := range slices.SortedFunc(maps.Values(t.ringing), byCaller) {
		t.touchCall(c)
	}
	for _, id := range d.People() {
		t.staleForwards(id)
	}
	for _, id := range d.Groups() {
		t.touchGroup(id)
	}
	t.siteDirty = true
}

func byCaller(a, b *call) int {
	switch {
	case a.callerCall < b.callerCall:
		return -1
	case a.callerCall > b.callerCall:
		return 1
	}
	return 0
}

func (t *step) removeGroup(id GroupID) {
	delete(t.groups, id)
	t.documents = append(t.documents, Forget{Key: "group." + string(id)})
}

func (t *step) removePerson(id PersonID) {
	delete(t.people, id)
	delete(t.others, id)
	delete(t.reports, id)
	delete(t.phoneForwards, id)
	delete(t.forwards, id)
	t.documents = append(t.documents, Forget{Key: "person." + string(id)})
}

// configureLogins gives everyone a login: a new one to who is new in a mutual-aid group, or to all where the group has
// become one; who may no longer leave is in (G5, G9, G10).
func (t *step) configureLogins(old *Directory) {
	keep := make(map[login]bool)
	for _, id := range t.dir.Groups() {
		g := t.dir.Group(id)
		was := old.Group(id)
		for _, p := range g.everybody {
			key := login{id, p}
			keep[key] = true
			in, known := t.logins[key]
			switch {
			case g.Type != MutualAid:
				t.logins[key] = true
			case !known || was != nil && was.Type != MutualAid:
				t.beginLogin(key, g.initially(p))
			case !g.seat(p).mayLeave && (!in || t.leaving(key)):
				t.keepIn(key, in)
			}
		}
	}
	for _, key := range slices.SortedFunc(maps.Keys(t.logins), byGroup) {
		g := t.dir.Group(key.group)
		if !keep[key] {
			delete(t.logins, key)
		}
		if was := old.Group(key.group); was != nil && was.Type == MutualAid && (!keep[key] || g.Type != MutualAid) {
			t.order(ForgetLogin{Group: key.group, Person: key.person})
		}
	}
}

func byGroup(a, b login) int {
	switch {
	case a.group != b.group && a.group < b.group, a.group == b.group && a.person < b.person:
		return -1
	case a == b:
		return 0
	}
	return 1
}

// beginLogin sets a login that nobody asked for. It is put on disk when there is an epoch, and nobody waits for that.
func (t *step) beginLogin(key login, in bool) {
	if c := t.changes[key]; c != nil {
		c.overtaken = true
	}
	t.setLogin(key, in)
	t.saveBegun(key)
}

// keepIn logs in who may no longer leave (G10). It is told as what the configuration did, unless they were in already.
// Before the epoch it is not known how they were: restoreLogins tells it then.
func (t *step) keepIn(key login, were bool) {
	before := t.groups[key.group]
	t.beginLogin(key, true)
	if !were && t.epoch != 0 {
		t.announceLogin(key, before, &By{Via: ViaConfig}, false)
	}
}

func (t *step) leaving(key login) bool { return t.changes[key] != nil && !t.changes[key].in }

func (t *step) saveBegun(key login) {
	if t.epoch == 0 {
		return // restoreLogins does it
	}
	t.writes++
	t.begun[t.writes] = key
	t.order(SaveLogin{Write: t.writes, Group: key.group, Person: key.person, LoggedIn: t.logins[key]})
}

// saveUnsaved tries again what could not be put on disk and nobody waits for.
func (t *step) saveUnsaved() {
	keys := slices.SortedFunc(maps.Keys(t.unsaved), byGroup)
	clear(t.unsaved)
	for _, key := range keys {
		if g := t.dir.Group(key.group); g != nil && g.Type == MutualAid && g.has(key.person) && t.changes[key] == nil {
			t.saveBegun(key)
		}
	}
}

// InitialLogins are everybody's logins in mutual-aid groups as they are for who is new (G9).
func (d *Directory) InitialLogins() []StoredLogin {
	var list []StoredLogin
	for _, id := range d.Groups() {
		g := d.Group(id)
		for _, p := range g.everybody {
			if g.Type == MutualAid {
				list = append(list, StoredLogin{Group: id, Person: p, LoggedIn: g.initially(p)})
			}
		}
	}
	return list
}

// rememberLogins takes up what the daemon itself remembers, until restoreLogins knows better. Nothing is put on disk.
func (t *step) rememberLogins(remembered []StoredLogin) {
	for _, s := range remembered {
		if g := t.dir.Group(s.Group); g != nil && g.Type == MutualAid && g.has(s.Person) {
			t.setLogin(login{s.Group, s.Person}, s.LoggedIn || !g.seat(s.Person).mayLeave)
		}
	}
}

// restoreLogins takes up what is on disk (G9). Who is not there is new and put there; who may no longer leave is in, also
// on disk; what is there of people and groups that are no more is removed.
func (t *step) restoreLogins(stored []StoredLogin) {
	known := make(map[login]bool, len(stored))
	for _, s := range stored {
		key := login{s.Group, s.Person}
		g := t.dir.Group(s.Group)
		if g == nil || g.Type != MutualAid || !g.has(s.Person) {
			t.order(ForgetLogin{Group: s.Group, Person: s.Person})
			continue
		}
		known[key] = true
		if s.LoggedIn || g.seat(s.Person).mayLeave {
			t.setLogin(key, s.LoggedIn)
			continue
		}
		t.beginLogin(key, true)
		t.announceLogin(key, nil, &By{Via: ViaConfig}, false)
	}
	for _, id := range t.dir.Groups() {
		g := t.dir.Group(id)
		for _, p := range g.everybody {
			if key := (login{id, p}); g.Type == MutualAid && !known[key] {
				t.beginLogin(key, g.initially(p))
			}
		}
	}
}

// initially: newcomers start logged in, unless the group says otherwise (G9).
func (g *Group) initially(p PersonID) bool { return g.InitiallyLoggedIn || !g.seat(p).mayLeave }

// reassignLegs looks again at whose the ringing phones are. What belongs to somebody else now is forgotten here; the
// snapshot that follows a change of the configuration brings it back under its new owner.
func (t *step) reassignLegs() {
	for _, channel := range slices.Sorted(maps.Keys(t.legs)) {
		l := t.legs[channel]
		owner, supervised := t.dir.Endpoint(l.ring.Endpoint)
		if owner != nil && owner.ID == l.person && supervised == l.supervised {
			if supervised && l.call != nil {
				t.armAlerts(l) // groups may be told later than before, or at all (R7)
			}
			continue
		}
		t.forgetLeg(l)
		if c := l.call; c != nil {
			c.legs = slices.DeleteFunc(c.legs, func(x *leg) bool { return x == l })
			t.touchCall(c)
		}
	}
}
