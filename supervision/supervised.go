package supervision

import (
	"regexp"
	"slices"
)

// parts says who rings in a call and through which groups that is supervised (R1, R7), in the order in which they
// began to ring.
func (t *step) parts(c *call) []RingingPart {
	var parts []RingingPart
	for _, l := range c.legs {
		if !l.supervised || slices.ContainsFunc(parts, func(p RingingPart) bool { return p.Person == l.person }) {
			continue
		}
		var groups []GroupID
		for _, g := range t.dir.supervisedIn[l.person] {
			if t.supervisedThrough(g, l) {
				groups = append(groups, g.ID)
			}
		}
		if groups != nil {
			parts = append(parts, RingingPart{Person: l.person, Name: t.dir.Person(l.person).Name, Groups: groups})
		}
	}
	return parts
}

func (t *step) supervisedThrough(g *Group, l *leg) bool {
	if !t.logins[login{g.ID, l.person}] {
		return false
	}
	f := &g.Calls
	if colleague, _ := t.dir.Endpoint(l.ring.CallerEndpoint); !f.concerns(colleague, l.ring.Caller) {
		return false
	}
	if len(f.OnlyDialled) > 0 && !matchesAny(f.OnlyDialled, l.ring.Dialled) {
		return false
	}
	return !l.ring.Since.Add(f.AlertAfter).After(t.now)
}

// concerns says whether a group is concerned by calls of a colleague (nil: of somebody else) who may be shown so.
func (f *CallFilter) concerns(colleague *Person, c Caller) bool {
	return (f.Internal || colleague == nil) && (c.Withheld || !matchesAny(f.ExceptCallers, c.Number))
}

func matchesAny(patterns []*regexp.Regexp, s string) bool {
	return slices.ContainsFunc(patterns, func(p *regexp.Regexp) bool { return p.MatchString(s) })
}

// via tells how a call came to a person: the PBX says at which numbers it dialled on, and a number that is somebody
// else's was forwarded.
func (d *Directory) via(r Ring, person PersonID) []Via {
	via := []Via{}
	add := func(v Via) {
		if !slices.Contains(via, v) {
			via = append(via, v)
		}
	}
	passed := false // the number first dialled is one of the stations
	for _, h := range r.Route {
		passed = passed || h.Number == r.Dialled
		owner := d.byExtension[h.Number]
		switch {
		case h.Kind == HopRedirect:
			if from, _ := d.Endpoint(h.Endpoint); from != nil {
				add(Via{Kind: ViaForward, Number: from.Extension})
			}
		case h.Kind == HopQueue:
			add(Via{Kind: ViaQueue, Number: h.Number, Name: h.Name})
		case owner != nil && owner.ID != person:
			add(Via{Kind: ViaForward, Number: h.Number})
		case owner == nil && h.Kind == HopFork:
			add(Via{Kind: ViaRingGroup, Number: h.Number})
		}
	}
	if owner := d.byExtension[r.Dialled]; owner != nil && owner.ID != person && !passed {
		via = slices.Insert(via, 0, Via{Kind: ViaForward, Number: r.Dialled})
	}
	return via
}
