package seen

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"supervisiond/supervision"
)

// Table is what one person sees. Until Begin it knows nothing.
type Table struct {
	viewer supervision.PersonID
	seq    uint64
	me     *supervision.PersonDocument
	people map[supervision.PersonID]*supervision.PersonDocument
	groups map[supervision.GroupID]*supervision.GroupDocument
	calls  map[supervision.CallID]*supervision.CallDocument
	talks  map[string]*supervision.Talk
	in     map[supervision.PersonID]int // to how many of groups somebody is logged in
	told   map[supervision.CallID]bool  // calls that were among Rings, and some that are over
}

// maxTold is how many calls may be noted as told that are not seen any more, such as of groups that the viewer has left.
const maxTold = 256

// NewTable makes the table of a person's view.
func NewTable(viewer supervision.PersonID) *Table {
	return &Table{viewer: viewer, told: make(map[supervision.CallID]bool)}
}

// Ready says whether it is known what is to be seen.
func (t *Table) Ready() bool { return t.me != nil }

// Begin takes the whole of what is to be seen. All that was known before is void. What rings the first time had begun before anybody
// here looked, and is not among Rings.
func (t *Table) Begin(v *supervision.View) Changed {
	c := Changed{Whole: true}
	late := !t.Ready()
	t.seq, t.me = v.Seq, v.Me
	t.people = make(map[supervision.PersonID]*supervision.PersonDocument, len(v.People))
	t.groups = make(map[supervision.GroupID]*supervision.GroupDocument, len(v.Groups))
	t.calls = make(map[supervision.CallID]*supervision.CallDocument, len(v.Calls))
	t.talks = make(map[string]*supervision.Talk, len(v.Talks))
	for i := range v.People {
		t.people[v.People[i].ID] = &v.People[i]
	}
	t.in = make(map[supervision.PersonID]int, len(v.People))
	for i := range v.Groups {
		t.group(v.Groups[i].ID, &v.Groups[i], nil)
	}
	for i := range v.Calls {
		t.calls[v.Calls[i].ID] = &v.Calls[i]
	}
	for _, k := range v.Talks {
		t.talks[k.ID] = k
	}
	t.rings(&c)
	if late {
		c.Rings = nil
	}
	return c
}

// Changed is what may look different after something was applied. Whole: everything.
type Changed struct {
	Whole  bool
	People []supervision.PersonID
	Groups []supervision.GroupID
	// Rings are the calls that ring somebody for whom the viewer may pick them up, since they have begun to or since the viewer may:
	// each once, oldest first, and they ring nobody else here.
	Rings []*supervision.CallDocument
}

func (c *Changed) person(ids ...supervision.PersonID) {
	for _, id := range ids {
		if !slices.Contains(c.People, id) {
			c.People = append(c.People, id)
		}
	}
}

// Show applies what was told to those who follow the view. What is older than the table's beginning changes nothing.
func (t *Table) Show(s *supervision.Show) Changed {
	var c Changed
	switch {
	case s.View != nil:
		if s.Seq > t.seq || !t.Ready() {
			c = t.Begin(s.View)
			t.seq = s.Seq
		}
		return c
	case !t.Ready():
		return c
	}
	for i := range s.Changes {
		seq := s.Seq + uint64(i)
		if seq <= t.seq {
			continue
		}
		t.seq = seq
		t.apply(&s.Changes[i], &c)
	}
	return c
}

func (t *Table) apply(s *supervision.Shown, c *Changed) {
	switch s.Kind {
	case supervision.ShownPerson:
		id := supervision.PersonID(s.ID)
		c.person(id)
		doc, _ := s.Document.(*supervision.PersonDocument)
		switch {
		case doc == nil:
			delete(t.people, id)
		case id == t.viewer:
			t.me = doc
		default:
			t.people[id] = doc
		}
	case supervision.ShownGroup:
		id := supervision.GroupID(s.ID)
		c.Groups = append(c.Groups, id)
		doc, _ := s.Document.(*supervision.GroupDocument)
		could := t.supervises(id)
		t.group(id, doc, c)
		if !could && t.supervises(id) {
			t.rings(c)
		}
	case supervision.ShownCall:
		id := supervision.CallID(s.ID)
		c.person(ringing(t.calls[id])...)
		doc, _ := s.Document.(*supervision.CallDocument)
		if doc == nil {
			delete(t.calls, id)
			return
		}
		t.calls[id] = doc
		t.ring(doc, c)
		c.person(ringing(doc)...)
	}
}

// rings looks at all calls.
func (t *Table) rings(c *Changed) {
	before := len(c.Rings)
	for _, doc := range t.calls {
		t.ring(doc, c)
	}
	slices.SortFunc(c.Rings[before:], func(a, b *supervision.CallDocument) int {
		return cmp.Or(a.Since.Compare(b.Since.Time), cmp.Compare(a.ID, b.ID))
	})
}

// ring has a call told of once, as soon as the viewer may pick it up.
func (t *Table) ring(doc *supervision.CallDocument, c *Changed) {
	if doc.State != supervision.CallRinging {
		delete(t.told, doc.ID)
		return
	}
	if t.told[doc.ID] {
		return
	}
	mine := t.mine(doc)
	if len(mine) == 0 {
		return
	}
	if len(t.told) >= maxTold {
		maps.DeleteFunc(t.told, func(id supervision.CallID, _ bool) bool { return t.calls[id] == nil })
	}
	t.told[doc.ID] = true
	one := *doc
	one.Ringing = mine
	c.Rings = append(c.Rings, &one)
}

// group puts a group in the place of what it was; nil: it is no more. Its members look different only if one of them has logged in or
// out, or is another one: a group is told anew with each call that rings in it.
func (t *Table) group(id supervision.GroupID, doc *supervision.GroupDocument, c *Changed) {
	var before, after []supervision.MemberDocument
	if old := t.groups[id]; old != nil {
		before = old.Members
	}
	if doc != nil {
		after = doc.Members
		t.groups[id] = doc
	} else {
		delete(t.groups, id)
	}
	if slices.EqualFunc(before, after, func(a, b supervision.MemberDocument) bool { return a.Person == b.Person && a.LoggedIn == b.LoggedIn }) {
		return
	}
	t.count(before, -1, c)
	t.count(after, 1, c)
}

func (t *Table) count(members []supervision.MemberDocument, by int, c *Changed) {
	for _, m := range members {
		if m.LoggedIn {
			t.in[m.Person] += by
		}
		if c != nil {
			c.person(m.Person)
		}
	}
}

// mine are those whom a call rings and for whom the viewer may pick it up: others in a group in which the viewer is logged in as
// supervisor (P1). A company administrator sees more than that.
func (t *Table) mine(doc *supervision.CallDocument) []supervision.RingingPart {
	var list []supervision.RingingPart
	for _, part := range doc.Ringing {
		if part.Person != t.viewer && slices.ContainsFunc(part.Groups, t.supervises) {
			list = append(list, part)
		}
	}
	return list
}

func (t *Table) supervises(id supervision.GroupID) bool {
	g := t.groups[id]
	return g != nil && slices.ContainsFunc(g.Supervisors, func(s supervision.SupervisorDocument) bool { return s.Person == t.viewer && s.LoggedIn })
}

func ringing(doc *supervision.CallDocument) []supervision.PersonID {
	if doc == nil {
		return nil
	}
	ids := make([]supervision.PersonID, len(doc.Ringing))
	for i, part := range doc.Ringing {
		ids[i] = part.Person
	}
	return ids
}

// ShowTalk applies what was told of a talk.
func (t *Table) ShowTalk(s *supervision.ShowTalk) Changed {
	var c Changed
	if !t.Ready() {
		return c
	}
	if old := t.talks[s.ID]; old != nil {
		c.person(old.Person)
		delete(t.talks, s.ID)
	}
	if s.Talk != nil {
		c.person(s.Talk.Person)
		t.talks[s.ID] = s.Talk
	}
	return c
}

// Person is somebody as the viewer sees them: a member, or the viewer. Nil: they are not to be seen.
func (t *Table) Person(id supervision.PersonID) *supervision.PersonDocument {
	if id == t.viewer {
		return t.me
	}
	return t.people[id]
}

// Group is a group that the viewer supervises; nil: it is not.
func (t *Table) Group(id supervision.GroupID) *supervision.GroupDocument { return t.groups[id] }

// Supervised says whether somebody's line is to be seen: it is the viewer's own, or they are logged in to a group that the viewer
// supervises (G4).
func (t *Table) Supervised(id supervision.PersonID) bool {
	if id == t.viewer {
		return t.Ready()
	}
	return t.in[id] > 0
}

// Dialog is one call at somebody's line.
type Dialog struct {
	// ID names it at this line, for as long as the daemon lives.
	ID        string
	Confirmed bool // otherwise it rings
	// Known: who calls may be shown, or is withheld. Otherwise it is only known that the line is in a call, or in this one.
	Known   bool
	Caller  supervision.Caller
	Dialled string
	Since   time.Time
}

// anyCall is the id of what is only known by the line being busy.
const anyCall = "busy"

// Vague says whether it may be any call.
func (d *Dialog) Vague() bool { return d.ID == anyCall }

// Dialogs are the calls at somebody's line: what rings, oldest first, then whom they talk to. A line that is dark has none.
func (t *Table) Dialogs(id supervision.PersonID) []Dialog {
	doc := t.Person(id)
	if doc == nil || !t.Supervised(id) {
		return nil
	}
	var list []Dialog
	for _, call := range doc.Calls {
		if c := t.calls[call]; c != nil && c.State == supervision.CallRinging {
			list = append(list, Dialog{
				ID: string(c.ID), Known: true, Caller: c.Caller, Dialled: c.Dialled, Since: c.Since.Time,
			})
		}
	}
	early := len(list)
	for _, k := range t.talks {
		if k.Person == id {
			list = append(list, Dialog{
				ID: string(k.Call), Confirmed: true, Known: !k.Unknown, Caller: k.Caller, Dialled: k.Dialled, Since: k.Since,
			})
		}
	}
	slices.SortFunc(list[early:], func(a, b Dialog) int {
		if d := a.Since.Compare(b.Since); d != 0 {
			return d
		}
		if a.ID < b.ID {
			return -1
		}
		return 1
	})
	if len(list) == 0 && doc.Presence.State == supervision.BusyNow && atThePBX(doc.Presence.Source) {
		list = append(list, Dialog{ID: anyCall, Confirmed: true, Since: doc.Presence.Since.Time})
	}
	return list
}

// atThePBX: the person is in a call of the PBX's. A web call is none (S4): it does not light a lamp.
func atThePBX(source string) bool {
	return source == supervision.SourceCall || source == supervision.SourceUnsupervised
}

// Groups are the ids of the groups that the viewer supervises, sorted.
func (t *Table) Groups() []supervision.GroupID { return slices.Sorted(maps.Keys(t.groups)) }
