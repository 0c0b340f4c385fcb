package supervision

import (
	"slices"
	"time"
)

// Reader is what a person may read of the history (H1): what concerned them, and what concerned the members of the
// groups that they supervise or administer (S7).
type Reader struct {
	Actor PersonID
	// Everything: a company administrator.
	Everything bool
	// Groups are those that the actor supervises.
	Groups []GroupID
	// Supervised says through which groups the actor sees a member's forwards: those in which the member is logged in
	// (G4), of all that there are for a company administrator.
	Supervised map[PersonID][]GroupID
}

// Entry is what has to be known of an event to say who may read it.
type Entry struct {
	Type   EventType
	Entity string
	Person PersonID
	By     PersonID
	// Call is the document of a call's event; nil for other events.
	Call *CallDocument
	// Groups are those through which the person was supervised when a forward changed.
	Groups []GroupID
}

// HistoryEvent is an event as the history tells it.
type HistoryEvent struct {
	Type    EventType `json:"type" doc:"the type of the event"`
	Time    string    `json:"time" format:"date-time" doc:"when it happened"`
	Subject string    `json:"subject" doc:"whom or what it is about: id of the call, group or person"`
	ID      string    `json:"id" pattern:"^[0-9]+-[0-9]+$" doc:"epoch, and a count within it; the same id is the same event"`
	// Document and Before are those of the event: what the reader may see of them.
	Document any      `json:"document" doc:"how it was after the change: what the reader may see of it"`
	Before   any      `json:"before,omitempty" doc:"how it was before the change: what the reader may see of it"`
	Person   PersonID `json:"person,omitempty" doc:"id of the person whom it concerns"`
	By       *By      `json:"by,omitempty" doc:"who did it"`
	Forced   bool     `json:"forced,omitempty" doc:"a login or logout by force; otherwise absent"`
}

// HistoryQuery says what of the history is asked for.
type HistoryQuery struct {
	Since time.Time // zero: from the beginning
	// Before is where an earlier answer ended (HistoryPage.Next); empty: at the newest.
	Before string
	Limit  int
}

// HistoryPage is what happened, the newest first. Next is where what is older begins; empty: there is nothing older.
type HistoryPage struct {
	Events []HistoryEvent
	Next   string
}

// May says whether the reader may read an entry.
func (r *Reader) May(e Entry) bool {
	if e.Person == r.Actor && e.Person != "" || e.By == r.Actor && e.By != "" {
		return true
	}
	if e.Type == EventForwardingChanged {
		return slices.ContainsFunc(e.Groups, func(g GroupID) bool { return slices.Contains(r.Supervised[e.Person], g) })
	}
	if r.Everything {
		return true
	}
	switch e.Type {
	case EventGroupJoined, EventGroupLeft:
		return slices.Contains(r.Groups, GroupID(e.Entity))
	case EventPickupRefused:
		return false // only whom it was told
	}
	return e.Call != nil && len(r.parts(e.Call.Rang))+len(r.parts(e.Call.Ringing)) > 0
}

// parts are those of a call that the reader may see: their own, and those of the groups that they supervise. What they
// may see all of is given as it is.
func (r *Reader) parts(of []RingingPart) []RingingPart {
	hidden := func(g GroupID) bool { return !slices.Contains(r.Groups, g) }
	if of != nil && !slices.ContainsFunc(of, func(p RingingPart) bool { return len(p.Groups) == 0 || slices.ContainsFunc(p.Groups, hidden) }) {
		return of
	}
	seen := []RingingPart{}
	for _, part := range of {
		groups := slices.DeleteFunc(slices.Clone(part.Groups), hidden)
		if len(groups) > 0 || part.Person == r.Actor {
			seen = append(seen, RingingPart{Person: part.Person, Name: part.Name, Groups: groups})
		}
	}
	return seen
}

// Redact leaves out of a call what the reader may not see: others who rang, and their groups. Nothing left out: it is the
// document itself.
func (r *Reader) Redact(doc *CallDocument) *CallDocument {
	if r.Everything {
		return doc
	}
	ringing, rang := r.parts(doc.Ringing), r.parts(doc.Rang)
	if sameParts(ringing, doc.Ringing) && sameParts(rang, doc.Rang) {
		return doc
	}
	seen := *doc
	seen.Ringing, seen.Rang = ringing, rang
	return &seen
}

// RedactGroup leaves of a group what somebody sees of it who does not supervise it: their own entries.
func (r *Reader) RedactGroup(doc *GroupRecord) *GroupRecord {
	if r.Everything || slices.Contains(r.Groups, doc.ID) {
		return doc
	}
	seen := *doc
	seen.Supervisors = slices.DeleteFunc(slices.Clone(doc.Supervisors), func(s SupervisorRecord) bool { return s.Person != r.Actor })
	seen.Members = slices.DeleteFunc(slices.Clone(doc.Members), func(m MemberRecord) bool { return m.Person != r.Actor })
	seen.Ringing = []CallID{}
	return &seen
}

// RedactForwards leaves of a person's forwards those groups that the reader supervises.
func (r *Reader) RedactForwards(doc *ForwardingDocument) *ForwardingDocument {
	if r.Everything {
		return doc
	}
	seen := *doc
	seen.Groups = slices.DeleteFunc(slices.Clone(doc.Groups), func(g GroupID) bool { return !slices.Contains(r.Groups, g) })
	if seen.Groups == nil {
		seen.Groups = []GroupID{} // as earlier versions wrote it
	}
	return &seen
}

func (s *State) reader(actor *Person) *Reader {
	r := &Reader{Actor: actor.ID, Everything: actor.Admin, Supervised: make(map[PersonID][]GroupID)}
	for _, id := range s.dir.Groups() {
		g := s.dir.Group(id)
		_, supervises := g.Supervisor(actor.ID)
		if supervises {
			r.Groups = append(r.Groups, id)
		}
		for _, m := range g.Members {
			if (supervises || actor.Admin) && s.logins[login{id, m.Person}] {
				r.Supervised[m.Person] = append(r.Supervised[m.Person], id)
			}
		}
	}
	return r
}
