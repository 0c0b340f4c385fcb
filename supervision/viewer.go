package supervision

import (
	"slices"
	"strings"
	"time"
)

// Show tells those who follow what a person may see (Watched) of what has changed in that (S7). What is told to one
// person is numbered in each life of the daemon, and no number is used twice. The first is whole, and so is what follows a
// change of the configuration.
type Show struct {
	To   PersonID
	Seq  uint64 // of View, or of the first of Changes; the others follow
	View *View
	// Changes are what has changed, if View is nil.
	Changes []Shown
}

// Shown is one thing that a person sees, as it is now. Document nil: it is not there any more, or not for them.
type Shown struct {
	Kind     ShownKind
	ID       string
	Document any
}

// ShownKind is the kind of a thing that is seen.
type ShownKind string

const (
	ShownSite       ShownKind = "site"
	ShownPerson     ShownKind = "person"
	ShownGroup      ShownKind = "group"
	ShownMembership ShownKind = "membership"
	ShownCall       ShownKind = "call"
	ShownNotice     ShownKind = "notice"
	shownTalk       ShownKind = "talk" // told by ShowTalk
)

// Types of notices that are no events: how far a pickup has come whose phone the daemon calls (P3).
const (
	NoticePickupCalling    EventType = "pickup.calling"
	NoticePickupConnecting EventType = "pickup.connecting"
)

// Notice tells a person what somebody else did that concerns them, how far a pickup of theirs has come, or why it was
// refused.
type Notice struct {
	Type   EventType `json:"type" enum:"call.picked_up,group.joined,group.left,forwarding.changed,dnd.changed,pickup.refused,pickup.calling,pickup.connecting" doc:"the type of the event, or how far a pickup has come"`
	At     Stamp     `json:"at" format:"date-time" doc:"when it happened"`
	Entity string    `json:"entity" doc:"whom or what it is about: id of the call, group or person"`
	By     *By       `json:"by" doc:"who did it"`
	Forced bool      `json:"forced" doc:"a login or logout by force"`
	// Document is that of the event, or a PickupProgress.
	Document any `json:"document" doc:"the event's document, or of a pickup how far it has come"`
}

// viewer is somebody whose view is followed, and what they were shown last.
type viewer struct {
	seq   uint64
	shown map[string]any // documents by key
}

func (t *step) watched(e Watched) {
	if !e.On {
		t.unwatch(e.Person)
		return
	}
	if t.dir.Person(e.Person) != nil && t.viewers[e.Person] == nil {
		t.viewers[e.Person] = &viewer{seq: t.shownBefore}
		at, _ := slices.BinarySearch(t.watching, e.Person)
		t.watching = slices.Insert(t.watching, at, e.Person)
	}
}

// unwatch forgets a viewer, but not which numbers are used up.
func (t *step) unwatch(id PersonID) {
	if v := t.viewers[id]; v != nil {
		t.shownBefore = max(t.shownBefore, v.seq)
		delete(t.viewers, id)
		t.watching = slices.DeleteFunc(t.watching, func(x PersonID) bool { return x == id })
	}
}

// news is something published that the step has changed, or that a login has shown or hidden.
type news struct {
	key      string // kind and id
	kind, id string
	site     *SiteDocument // if it is that
	members  *Membership   // if it is a mutual-aid group: what is the same for all who are in it
}

// show tells each viewer what the step has changed for them: what changed is looked at once, and then for each who may see
// it.
func (t *step) show() {
	if len(t.viewers) == 0 {
		return
	}
	var list []news
	for _, key := range t.changedKeys() {
		list = append(list, t.newsOf(key))
	}
	var gone []PersonID
	for _, id := range t.watching {
		v, p := t.viewers[id], t.dir.Person(id)
		switch {
		case p == nil:
			gone = append(gone, id)
		case v.shown == nil || t.reshow:
			t.showAll(p, v)
		default:
			t.showChanges(p, v, list)
		}
	}
	for _, id := range gone {
		t.unwatch(id)
	}
}

func (t *step) newsOf(key string) news {
	kind, id, _ := strings.Cut(key, ".")
	n := news{key: key, kind: kind, id: id}
	switch kind {
	case "site":
		n.site = t.siteDocument()
	case "group":
		if g := t.dir.Group(GroupID(id)); g != nil && g.Type == MutualAid {
			m := t.members(g)
			n.members = &m
		}
	}
	return n
}

// changedKeys are those of the step's documents, of the people whom a changed call rings, since a viewer may be offered it only now (R7),
// and of the people and calls that a login has shown or hidden.
func (t *step) changedKeys() []string {
	keys := make([]string, 0, len(t.documents)+len(t.dirtyTalks))
	for _, d := range t.documents {
		keys = append(keys, keyOf(d))
		if put, ok := d.(Put); ok {
			if c, ok := put.Document.(*CallDocument); ok {
				for _, part := range c.Ringing {
					keys = append(keys, "person."+string(part.Person))
				}
			}
		}
	}
	for _, leg := range t.dirtyTalks {
		keys = append(keys, "talk."+leg)
	}
	for _, id := range t.regrouped {
		if g := t.dir.Group(id); g != nil {
			for _, m := range g.Members {
				keys = append(keys, "person."+string(m.Person))
			}
		}
		for _, c := range t.through[id] {
			keys = append(keys, "call."+string(c.doc.ID))
		}
		for leg := range t.talks {
			keys = append(keys, "talk."+leg)
		}
	}
	slices.SortStableFunc(keys, callsFirst)
	return slices.Compact(keys)
}

// callsFirst: which calls a viewer sees decides which their people and groups list.
func callsFirst(a, b string) int {
	ac, bc := strings.HasPrefix(a, "call."), strings.HasPrefix(b, "call.")
	switch {
	case ac == bc:
		return strings.Compare(a, b)
	case ac:
		return -1
	}
	return 1
}

func (t *step) showAll(p *Person, v *viewer) {
	v.seq++
	whole := t.view(p)
	v.shown = make(map[string]any)
	for _, key := range keysOf(p, whole) {
		for _, s := range t.pieces(nil, p, v, t.newsOf(key)) {
			if s.Document != nil {
				v.shown[s.key] = s.Document
			}
		}
	}
	t.order(Show{To: p.ID, Seq: v.seq, View: whole})
}

func keysOf(p *Person, v *View) []string {
	keys := []string{"person." + string(p.ID)}
	for _, c := range v.Calls {
		keys = append(keys, "call."+string(c.ID))
	}
	for _, p := range v.People {
		keys = append(keys, "person."+string(p.ID))
	}
	for _, g := range v.Groups {
		keys = append(keys, "group."+string(g.ID))
	}
	for _, m := range v.Memberships {
		keys = append(keys, "group."+string(m.ID))
	}
	for _, k := range v.Talks {
		keys = append(keys, "talk."+k.ID)
	}
	return keys
}

func (t *step) showChanges(p *Person, v *viewer, list []news) {
	var changes []Shown
	var room [2]piece
	for _, n := range list {
		for _, s := range t.pieces(room[:0], p, v, n) {
			before, was := v.shown[s.key]
			switch {
			case s.Document == nil && !was, was && sameShown(before, s.Document):
				continue
			case s.Document == nil:
				delete(v.shown, s.key)
			case s.Kind != ShownSite:
				v.shown[s.key] = s.Document
			}
			if s.Kind == shownTalk {
				talk, _ := s.Document.(*Talk)
				t.order(ShowTalk{To: p.ID, ID: s.ID, Talk: talk})
				continue
			}
			changes = append(changes, s.Shown)
		}
	}
	changes = append(changes, t.noticesFor(p)...)
	if len(changes) > 0 {
		t.order(Show{To: p.ID, Seq: v.seq + 1, Changes: changes})
		v.seq += uint64(len(changes))
	}
}

// piece is what a person sees under a key.
type piece struct {
	key string
	Shown
}

// pieces adds to a list what a person sees of something that has changed.
func (t *step) pieces(list []piece, p *Person, v *viewer, n news) []piece {
	switch n.kind {
	case "site":
		return append(list, pieceOf(n.key, ShownSite, n.id, n.site))
	case "person":
		return append(list, pieceOf(n.key, ShownPerson, n.id, t.personFor(p, PersonID(n.id))))
	case "group":
		list = append(list, pieceOf(n.key, ShownGroup, n.id, t.groupFor(p, GroupID(n.id))))
		if g := t.dir.Group(GroupID(n.id)); n.members != nil && g.has(p.ID) {
			m := t.membership(g, p, *n.members)
			list = append(list, pieceOf("membership."+n.id, ShownMembership, n.id, &m))
		}
	case "call":
		_, known := v.shown[n.key]
		return append(list, pieceOf(n.key, ShownCall, n.id, t.callFor(p, CallID(n.id), known)))
	case "talk":
		return append(list, pieceOf(n.key, shownTalk, n.id, t.talkFor(p, n.id)))
	}
	return list
}

// pieceOf makes no document of a nil pointer.
func pieceOf[T any](key string, kind ShownKind, id string, doc *T) piece {
	if doc == nil {
		return piece{key, Shown{Kind: kind, ID: id}}
	}
	return piece{key, Shown{Kind: kind, ID: id, Document: doc}}
}

func sameShown(a, b any) bool {
	switch a := a.(type) {
	case *PersonDocument:
		b, ok := b.(*PersonDocument)
		return ok && (a == b || samePerson(a, b))
	case *GroupDocument:
		b, ok := b.(*GroupDocument)
		return ok && (a == b || sameGroup(a, b))
	case *Membership:
		b, ok := b.(*Membership)
		return ok && *a == *b
	case *CallDocument:
		b, ok := b.(*CallDocument)
		return ok && (a == b || sameCall(a, b))
	case *Talk:
		return a == b
	}
	return false
}

// noticesFor are what the step has announced that others did to the person, refusals of the person's own pickups, and how
// far these have come.
func (t *step) noticesFor(p *Person) []Shown {
	list := slices.Clone(t.progress[p.ID])
	for _, e := range t.announced {
		a, ok := e.(Announce)
		if !ok || a.Person != p.ID || a.By == nil {
			continue
		}
		switch a.Type {
		case EventPickupRefused:
		case EventGroupJoined, EventGroupLeft, EventForwardingChanged, EventDNDChanged, EventCallPickedUp:
			if a.By.Person == p.ID {
				continue
			}
		default:
			continue
		}
		document := a.Document
		if doc, ok := document.(*CallDocument); ok {
			document = t.reader(p).Redact(doc)
		}
		list = append(list, Shown{Kind: ShownNotice, ID: a.Entity, Document: &Notice{
			Type: a.Type, At: Stamp{a.At}, Entity: a.Entity, By: a.By, Forced: a.Forced, Document: document,
		}})
	}
	return list
}

// Watched says that somebody follows what a person may see, or (not On) that nobody does any more. One Show with the
// whole view follows, then one for each change.
type Watched struct {
	At     time.Time
	Person PersonID
	On     bool
}

func (e Watched) at() time.Time { return e.At }
func (Show) effect()            {}
