package screen

import (
	"strings"
	"time"

	"supervisiond/supervision"
)

// details are all that is known of what is selected: its row may have had no room for it.
func (s *Screen) details() string {
	switch r := s.selectedRow(); {
	case r == nil:
		return ""
	case r.call != nil:
		return s.callDetails(r.call)
	case r.person != "":
		return s.personDetails(r.person)
	default:
		return s.groupDetails(r.group)
	}
}

func (s *Screen) callDetails(c *supervision.CallDocument) string {
	parts := []string{caller(c.Caller)}
	if c.Dialled != "" {
		parts = append(parts, "dialled "+c.Dialled)
	}
	return strings.Join(append(parts, "rings "+s.whom(c), s.way(c)), "; ")
}

func (s *Screen) personDetails(id supervision.PersonID) string {
	doc := s.known.person(id)
	if doc == nil {
		return string(id)
	}
	parts := []string{label(doc.Name, doc.Extension), string(doc.Presence.State) + " since " + s.moment(doc.Presence.Since.Time)}
	parts = append(parts, s.notes(doc)...)
	for _, f := range doc.Forwarding {
		if f.SetBy != "" {
			parts = append(parts, "set by "+s.you(supervision.PersonID(f.SetBy)))
		}
	}
	return strings.Join(parts, "; ")
}

func (s *Screen) groupDetails(id supervision.GroupID) string {
	g := s.known.Groups[id]
	if g == nil {
		return s.known.groupName(id)
	}
	parts := []string{g.Name}
	switch g.LockLast {
	case supervision.LockPerson:
		parts = append(parts, "the last who is connected may not leave")
	case supervision.LockRole:
		parts = append(parts, "neither the last supervisor nor the last member who is connected may leave")
	}
	if g.Type == supervision.Standard {
		parts = append(parts, "standard: everybody is always logged in")
	} else {
		parts = append(parts, "mutual aid: people log in and out")
	}
	return strings.Join(parts, "; ")
}

// moment is a time of the day, and the day where that is another.
func (s *Screen) moment(t time.Time) string {
	t = t.In(s.now.Location())
	if t.YearDay() == s.now.YearDay() && t.Year() == s.now.Year() {
		return t.Format(clock)
	}
	return t.Format("2006-01-02 15:04")
}
