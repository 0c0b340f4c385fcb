package supervision

import "slices"

// Reader is what a person may read of the history (H1): what concerned them, and what concerned the members of the
// groups that they supervise or administer (S7).
type Reader struct {
	Actor PersonID
	// Everything: a company administrator.
	Everything bool
	// Groups are those that the actor supervises.
	Groups []GroupID
	// Members are the people of those groups.
	Members []PersonID
}

// Entry is what has to be known of an event to say who may read it.
type Entry struct {
	Type   EventType
	Entity string
	Person PersonID
	By     PersonID
	// Call is the document of a call's event; nil for other events.
	Call *CallDocument
}

// May says whether the reader may read an entry.
func (r *Reader) May(e Entry) bool {
	if r.Everything || e.Person == r.Actor && e.Person != "" || e.By == r.Actor && e.By != "" {
		return true
	}
	switch e.Type {
	case EventGroupJoined, EventGroupLeft:
		return slices.Contains(r.Groups, GroupID(e.Entity))
	case EventForwardingChanged:
		return slices.Contains(r.Members, PersonID(e.Entity))
	case EventPickupRefused:
		return false // only whom it was told
	}
	return e.Call != nil && len(r.parts(e.Call.Rang))+len(r.parts(e.Call.Ringing)) > 0
}

// parts are those of a call that the reader may see: their own, and those of the groups that they supervise.
func (r *Reader) parts(of []RingingPart) []RingingPart {
	seen := []RingingPart{}
	for _, part := range of {
		groups := slices.DeleteFunc(slices.Clone(part.Groups), func(g GroupID) bool { return !slices.Contains(r.Groups, g) })
		if len(groups) > 0 || part.Person == r.Actor {
			seen = append(seen, RingingPart{Person: part.Person, Groups: groups})
		}
	}
	return seen
}

// Redact leaves out of a call what the reader may not see: others who rang, and their groups.
func (r *Reader) Redact(doc *CallDocument) *CallDocument {
	if r.Everything {
		return doc
	}
	seen := *doc
	seen.Ringing, seen.Rang = r.parts(doc.Ringing), r.parts(doc.Rang)
	return &seen
}

// RedactGroup leaves of a group what somebody sees of it who does not supervise it: their own entries.
func (r *Reader) RedactGroup(doc *GroupDocument) *GroupDocument {
	if r.Everything || slices.Contains(r.Groups, doc.ID) {
		return doc
	}
	seen := *doc
	seen.Supervisors = slices.DeleteFunc(slices.Clone(doc.Supervisors), func(s SupervisorDocument) bool { return s.Person != r.Actor })
	seen.Members = slices.DeleteFunc(slices.Clone(doc.Members), func(m MemberDocument) bool { return m.Person != r.Actor })
	seen.Ringing = []CallID{}
	return &seen
}

func (s *State) reader(actor *Person) *Reader {
	r := &Reader{Actor: actor.ID, Everything: actor.Admin}
	for _, g := range s.dir.supervises[actor.ID] {
		r.Groups = append(r.Groups, g.ID)
		for _, m := range g.Members {
			if !slices.Contains(r.Members, m.Person) {
				r.Members = append(r.Members, m.Person)
			}
		}
	}
	return r
}
