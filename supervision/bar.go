package supervision

// seat is how somebody is in a group. Who is in it in both roles has one login all the same (G2).
type seat struct {
	supervises, member bool
	mayLeave           bool // in no role of theirs may_leave is false (G5)
}

// seat is somebody's. It is known once the group is in a directory.
func (g *Group) seat(p PersonID) seat { return g.seats[p] }

func (g *Group) allSeats() map[PersonID]seat {
	all := make(map[PersonID]seat, len(g.Supervisors)+len(g.Members))
	for _, p := range g.Supervisors {
		all[p.Person] = seat{supervises: true, mayLeave: p.MayLeave}
	}
	for _, p := range g.Members {
		at, both := all[p.Person]
		all[p.Person] = seat{supervises: both, member: true, mayLeave: p.MayLeave && (!both || at.mayLeave)}
	}
	return all
}

// staff is how many keep a group staffed, by role. Who is about to leave does not count, and who is about to join does not
// yet (G7).
type staff struct{ supervisors, members int }

func (g *Group) locks() bool { return g.LockLast == LockPerson || g.LockLast == LockRole }

// staffOf counts only where a lock asks for it.
func (t *step) staffOf(g *Group) staff {
	var s staff
	if g.Type != MutualAid || !g.locks() {
		return s
	}
	for _, p := range g.Supervisors {
		if t.remains(g, p.Person) {
			s.supervisors++
		}
	}
	for _, p := range g.Members {
		if t.remains(g, p.Person) {
			s.members++
		}
	}
	return s
}

func (t *step) remains(g *Group, p PersonID) bool {
	key := login{g.ID, p}
	return t.staffs(p, t.logins[key]) && !t.leaving(key)
}

// bar says what stands against a login, or against a logout (G3, G5, G6), whoever asks for it: the code with which it is
// refused, and of a lock who would be missing. Documents tell it and commands are refused by it, so that nothing is offered
// that would be refused. Without NATS no login can be put on disk.
func (t *step) bar(g *Group, p PersonID, at seat, in bool, s staff) (code Code, missing string) {
	switch {
	case g.Type != MutualAid:
		return NotMutualAid, ""
	case !t.nats.Connected:
		return Unavailable, ""
	case in, at.mayLeave && !g.locks(), !t.logins[login{g.ID, p}]:
		return "", ""
	case !at.mayLeave:
		return MayNotLeave, ""
	}
	if t.remains(g, p) {
		s = s.without(at)
	}
	switch {
	case g.LockLast == LockPerson && s == staff{}:
		return LastMember, "with nobody"
	case g.LockLast == LockRole && at.supervises && s.supervisors == 0:
		return LastMember, "without a supervisor"
	case g.LockLast == LockRole && at.member && s.members == 0:
		return LastMember, "without a member"
	}
	return "", ""
}

func (s staff) without(at seat) staff {
	if at.supervises {
		s.supervisors--
	}
	if at.member {
		s.members--
	}
	return s
}

// judgeLogin is the same as a refusal.
func (t *step) judgeLogin(g *Group, p *Person, in bool) *Refusal {
	switch code, missing := t.bar(g, p.ID, g.seat(p.ID), in, t.staffOf(g)); code {
	case "":
		return nil
	case NotMutualAid:
		return refuse(code, "nobody joins or leaves group %s: its members are fixed", g.Name)
	case MayNotLeave:
		return refuse(code, "%s may not leave group %s", p.Name, g.Name)
	case LastMember:
		return refuse(code, "group %s would be left %s who is logged in and connected", g.Name, missing).with("lock", string(g.LockLast))
	default:
		return refuse(code, "logins cannot be stored at the moment; nothing has changed")
	}
}

// barOf is the bar that the group's document tells of somebody in it: of leaving for who is logged in, otherwise of joining.
func (t *step) barOf(g *Group, p PersonID) Code {
	doc := t.groups[g.ID]
	if i, member := g.members[p]; member {
		return doc.Members[i].Bar
	}
	return doc.Supervisors[g.supervisors[p]].Bar
}
