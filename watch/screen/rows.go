package screen

import (
	"fmt"
	"slices"
	"strings"

	"supervisiond/supervision"
)

// The keys of rows begin with what they are of.
const (
	callKey   = "call."
	groupKey  = "group."
	personKey = "person."
)

// row is a line of the calls, or of the groups and people. Those with a key can be selected.
type row struct {
	key    string
	call   *supervision.CallDocument
	group  supervision.GroupID
	person supervision.PersonID
	draw   func(*line)
}

func (s *Screen) selectable() []row {
	var rows []row
	for _, r := range append(s.callRows(), s.groupRows()...) {
		if r.key != "" {
			rows = append(rows, r)
		}
	}
	return rows
}

func (s *Screen) selectedRow() *row {
	for _, r := range s.selectable() {
		if r.key == s.selected {
			return &r
		}
	}
	return nil
}

// shownCalls are the calls that the filter leaves.
func (s *Screen) shownCalls() []*supervision.CallDocument {
	return slices.DeleteFunc(s.known.calls(s.now), func(c *supervision.CallDocument) bool {
		return !s.matches(caller(c.Caller), c.Dialled, s.whom(c), s.way(c))
	})
}

func (s *Screen) callRows() []row {
	var rows []row
	for _, c := range s.shownCalls() {
		rows = append(rows, row{key: callKey + string(c.ID), call: c, draw: func(l *line) { s.drawCall(l, c) }})
	}
	return rows
}

// drawCall tells of a ringing call since when, who calls, who rings, and through what; of one that is over, how it ended.
func (s *Screen) drawCall(l *line, c *supervision.CallDocument) {
	room := l.left - 7
	from, to := min(max(room*34/100, 10), 44), min(max(room*29/100, 8), 48)
	if c.State != supervision.CallRinging {
		l.cell("over", 6, faint).cell(caller(c.Caller), from, faint).text(s.marks.arrow+" ", faint).rest(s.outcome(c), faint)
		return
	}
	l.cell(age(s.at().Sub(c.Since.Time)), 6, red).cell(caller(c.Caller), from, bold)
	l.text(s.marks.arrow+" ", plain).cell(s.whom(c), to, plain).rest(s.picking(c)+s.way(c), plain)
}

// groupRows are the groups with their people.
func (s *Screen) groupRows() []row {
	var rows []row
	for _, id := range s.known.groups() {
		rows = append(rows, s.rowsOf(id)...)
	}
	loose := slices.DeleteFunc(s.known.loose(), func(id supervision.PersonID) bool { return !s.matchesPerson(id) })
	if len(loose) > 0 {
		rows = append(rows, row{draw: func(l *line) { l.rest("In no group", bold) }})
		rows = append(rows, s.peopleRows("", loose, nil)...)
	}
	return rows
}

// rowsOf are those of one group; none where the filter leaves nothing of it.
func (s *Screen) rowsOf(id supervision.GroupID) []row {
	g, m := s.known.Groups[id], s.known.Memberships[id]
	if g == nil {
		if !s.matches(m.Name, m.Number) {
			return nil
		}
		return []row{{key: groupKey + string(id), group: id, draw: func(l *line) { s.drawMembership(l, m) }}}
	}
	people := make([]supervision.PersonID, len(g.Members))
	members := make(map[supervision.PersonID]*supervision.MemberDocument, len(g.Members))
	for i := range g.Members {
		people[i] = g.Members[i].Person
		members[people[i]] = &g.Members[i]
	}
	rows := s.peopleRows(id, people, members)
	if !s.matches(g.Name, g.Number, string(id)) {
		rows = slices.DeleteFunc(rows, func(r row) bool { return !s.matchesPerson(r.person) })
		if len(rows) == 0 {
			return nil
		}
	}
	head := row{key: groupKey + string(id), group: id, draw: func(l *line) { s.drawGroup(l, g) }}
	supervisors := row{draw: func(l *line) { s.drawSupervisors(l, g) }}
	return append([]row{head, supervisors}, rows...)
}

// drawGroup tells of a group who keeps it staffed.
func (s *Screen) drawGroup(l *line, g *supervision.GroupDocument) {
	in, connected := staffing(g)
	l.text(label(g.Name, g.Number), bold).text("  ", plain)
	if g.Unstaffed {
		l.text("UNSTAFFED", alarm).text("  ", plain)
	}
	if n := len(g.Ringing); n > 0 {
		l.text(fmt.Sprintf("%s %d ringing", s.marks.ringing, n), red).text("  ", plain)
	}
	if g.Type != supervision.MutualAid {
		l.text(fmt.Sprintf("always logged in, %d connected", connected), faint)
		return
	}
	l.text(fmt.Sprintf("%d logged in, %d connected", in, connected), plain)
	if m := s.known.Memberships[g.ID]; m != nil {
		s.drawOwn(l, m)
	}
}

// drawMembership tells of a group what who is in it, and does not supervise it, may know.
func (s *Screen) drawMembership(l *line, m *supervision.Membership) {
	l.text(label(m.Name, m.Number), bold).text("  ", plain)
	l.text(fmt.Sprintf("%d logged in, %d connected", m.Count, m.Connected), plain)
	s.drawOwn(l, m)
}

func (s *Screen) drawOwn(l *line, m *supervision.Membership) {
	l.text("  you are ", plain)
	if m.LoggedIn {
		l.text("in", green)
	} else {
		l.text("OUT", yellow)
	}
	if !m.MayLeave {
		l.text(", always", faint)
	}
}

// label is a name, and the number that is dialled for it.
func label(name, number string) string {
	if number == "" {
		return name
	}
	return name + " (" + number + ")"
}

// staffing counts who is logged in to a group, and who of these is connected.
func staffing(g *supervision.GroupDocument) (in, connected int) {
	counted := make(map[supervision.PersonID]bool)
	count := func(id supervision.PersonID, loggedIn bool, warning string) {
		if !loggedIn || counted[id] {
			return
		}
		counted[id] = true
		in++
		if warning == "" {
			connected++
		}
	}
	for _, x := range g.Supervisors {
		count(x.Person, x.LoggedIn, x.Warning)
	}
	for _, x := range g.Members {
		count(x.Person, x.LoggedIn, x.Warning)
	}
	return in, connected
}

func (s *Screen) drawSupervisors(l *line, g *supervision.GroupDocument) {
	l.text("  supervised by ", faint)
	for i, x := range g.Supervisors {
		if i > 0 {
			l.text(", ", faint)
		}
		l.text(s.you(x.Person), plain)
		switch {
		case !x.LoggedIn:
			l.text(" (out)", yellow)
		case x.Warning != "":
			l.text(" (in, ", plain).text("! not connected", yellow).text(")", plain)
		case g.Type == supervision.MutualAid:
			l.text(" (in)", plain)
		}
	}
}

// matchesPerson says whether the filter leaves somebody.
func (s *Screen) matchesPerson(id supervision.PersonID) bool {
	doc := s.known.person(id)
	if doc == nil {
		return s.matches(string(id))
	}
	return s.matches(append(s.notes(doc), string(id), doc.Name, doc.Extension)...)
}

// peopleRows are the rows of people. Members are nil where there is no group.
func (s *Screen) peopleRows(group supervision.GroupID, people []supervision.PersonID, members map[supervision.PersonID]*supervision.MemberDocument) []row {
	rows := make([]row, len(people))
	for i, id := range people {
		doc, m := s.known.person(id), members[id]
		rows[i] = row{
			key: personKey + string(group) + "." + string(id), group: group, person: id,
			draw: func(l *line) { s.drawPerson(l, id, doc, m) },
		}
	}
	return rows
}

// drawPerson tells of a person presence and since when, whether they are logged in, what is wrong with that, and where
// their line is forwarded to.
func (s *Screen) drawPerson(l *line, id supervision.PersonID, doc *supervision.PersonDocument, m *supervision.MemberDocument) {
	name := min(max((l.left-34)*42/100, 14), 26)
	l.text("  ", plain)
	if doc == nil {
		l.text(s.marks.unknown+" ", plain).cell("unknown", 8, plain).cell("", 7, plain).cell(string(id), name, plain)
		return
	}
	sign, look := s.marks.of(doc.Presence.State)
	word, since := string(doc.Presence.State), doc.Presence.Since
	if m != nil && m.Status == supervision.StatusRinging {
		sign, look, word = s.marks.ringing, red, "ringing"
	}
	out := m != nil && !m.LoggedIn
	text := plain
	if out {
		text = faint
	}
	l.text(sign+" ", look).cell(word, 8, look).cell(lasting(s.at().Sub(since.Time)), 7, faint)
	l.cell(doc.Name, name, text).cell(doc.Extension, 5, text)
	switch {
	case m == nil:
	case out:
		l.cell("OUT", 3, yellow)
	default:
		l.cell("in", 3, green)
	}
	if m != nil && m.Warning != "" {
		l.text("! not connected  ", yellow)
	}
	l.rest(strings.Join(s.notes(doc), ", "), plain)
}
