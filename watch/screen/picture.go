package screen

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"supervisiond/supervision"
)

// Picture is what is known of a site: documents by their ids.
type Picture struct {
	Site        *supervision.SiteDocument
	Me          *supervision.PersonDocument
	People      map[supervision.PersonID]*supervision.PersonDocument
	Groups      map[supervision.GroupID]*supervision.GroupDocument
	Memberships map[supervision.GroupID]*supervision.Membership
	Calls       map[supervision.CallID]*supervision.CallDocument
}

// NewPicture is a picture of nothing.
func NewPicture() Picture {
	return Picture{
		People:      make(map[supervision.PersonID]*supervision.PersonDocument),
		Groups:      make(map[supervision.GroupID]*supervision.GroupDocument),
		Memberships: make(map[supervision.GroupID]*supervision.Membership),
		Calls:       make(map[supervision.CallID]*supervision.CallDocument),
	}
}

// PictureOf is what a person sees.
func PictureOf(v *supervision.View) Picture {
	p := NewPicture()
	p.Site, p.Me = &v.Site, v.Me
	for i := range v.People {
		p.People[v.People[i].ID] = &v.People[i]
	}
	for i := range v.Groups {
		p.Groups[v.Groups[i].ID] = &v.Groups[i]
	}
	for i := range v.Memberships {
		p.Memberships[v.Memberships[i].ID] = &v.Memberships[i]
	}
	for i := range v.Calls {
		p.Calls[v.Calls[i].ID] = &v.Calls[i]
	}
	return p
}

// Apply puts a document in its place, or takes out the one that is gone.
func (p *Picture) Apply(c Changed) {
	switch doc := c.Document.(type) {
	case *supervision.SiteDocument:
		p.Site = doc
	case *supervision.PersonDocument:
		if p.Me != nil && p.Me.ID == doc.ID {
			p.Me = doc
			return
		}
		p.People[doc.ID] = doc
	case *supervision.GroupDocument:
		p.Groups[doc.ID] = doc
	case *supervision.Membership:
		p.Memberships[doc.ID] = doc
	case *supervision.CallDocument:
		p.Calls[doc.ID] = doc
	case nil:
		p.remove(c.Kind, c.ID)
	}
}

func (p *Picture) remove(kind supervision.ShownKind, id string) {
	switch kind {
	case supervision.ShownPerson:
		delete(p.People, supervision.PersonID(id))
	case supervision.ShownGroup:
		delete(p.Groups, supervision.GroupID(id))
	case supervision.ShownMembership:
		delete(p.Memberships, supervision.GroupID(id))
	case supervision.ShownCall:
		delete(p.Calls, supervision.CallID(id))
	}
}

// person is the document of somebody, if it may be seen.
func (p *Picture) person(id supervision.PersonID) *supervision.PersonDocument {
	if p.Me != nil && p.Me.ID == id {
		return p.Me
	}
	return p.People[id]
}

// name is what somebody is called. Other supervisors are not among the people of a view, and their groups name them. Of whom
// nothing is told the id is all that there is.
func (p *Picture) name(id supervision.PersonID) string {
	if doc := p.person(id); doc != nil && doc.Name != "" {
		return doc.Name
	}
	for _, g := range p.Groups {
		for _, s := range g.Supervisors {
			if s.Person == id && s.Name != "" {
				return s.Name
			}
		}
	}
	return string(id)
}

func (p *Picture) groupName(id supervision.GroupID) string {
	if g := p.Groups[id]; g != nil {
		return g.Name
	}
	if m := p.Memberships[id]; m != nil {
		return m.Name
	}
	return string(id)
}

// endedFor is how long a call that is over stays on the screen. Its document goes after 3 s; one that does not was left by a
// daemon that was killed.
const endedFor = 5 * time.Second

// calls are those that ring, and those that have just ended, the oldest first.
func (p *Picture) calls(now time.Time) []*supervision.CallDocument {
	var list []*supervision.CallDocument
	for _, c := range p.Calls {
		if c.State == supervision.CallRinging || now.Sub(c.EndedAt.Time) < endedFor {
			list = append(list, c)
		}
	}
	slices.SortFunc(list, func(a, b *supervision.CallDocument) int {
		return cmp.Or(a.Since.Compare(b.Since.Time), cmp.Compare(a.ID, b.ID))
	})
	return list
}

// groups are the ids of all groups, and of those that one is only a member of, by their names.
func (p *Picture) groups() []supervision.GroupID {
	ids := slices.Collect(maps.Keys(p.Groups))
	for id := range p.Memberships {
		if p.Groups[id] == nil {
			ids = append(ids, id)
		}
	}
	slices.SortFunc(ids, func(a, b supervision.GroupID) int {
		return cmp.Or(strings.Compare(strings.ToLower(p.groupName(a)), strings.ToLower(p.groupName(b))), cmp.Compare(a, b))
	})
	return ids
}

// loose are the people who are in no group, by their names.
func (p *Picture) loose() []supervision.PersonID {
	in := make(map[supervision.PersonID]bool)
	for _, g := range p.Groups {
		for _, m := range g.Members {
			in[m.Person] = true
		}
		for _, s := range g.Supervisors {
			in[s.Person] = true
		}
	}
	var ids []supervision.PersonID
	for id := range p.People {
		if !in[id] {
			ids = append(ids, id)
		}
	}
	slices.SortFunc(ids, func(a, b supervision.PersonID) int {
		return cmp.Or(strings.Compare(strings.ToLower(p.name(a)), strings.ToLower(p.name(b))), cmp.Compare(a, b))
	})
	return ids
}
