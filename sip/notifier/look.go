package notifier

import (
	"slices"

	"supervisiond/sip/seen"
	"supervisiond/supervision"
)

// looking is what has changed in those views of which something was told, until it is looked at. Its memory is used again.
type looking struct {
	views     []view
	concerned []*subscription
}

type view struct {
	of *viewer
	seen.Changed
}

// changed notes what has changed in a view.
func (n *Notifier) changed(v *viewer, c seen.Changed) {
	i := slices.IndexFunc(n.look.views, func(w view) bool { return w.of == v })
	if i < 0 {
		n.look.views = append(n.look.views, view{v, c})
		return
	}
	all := &n.look.views[i]
	all.Whole = all.Whole || c.Whole
	all.People = append(all.People, c.People...)
	all.Groups = append(all.Groups, c.Groups...)
	all.Rings = append(all.Rings, c.Rings...)
}

// lookAtChanged looks once at all that has changed.
func (n *Notifier) lookAtChanged() {
	for i := range n.look.views {
		n.lookAt(n.look.views[i].of, &n.look.views[i].Changed)
	}
	clear(n.look.views)
	n.look.views = n.look.views[:0]
}

// lookAt has those phones told that show something which has changed.
func (n *Notifier) lookAt(v *viewer, c *seen.Changed) {
	if v.alerts {
		for _, call := range c.Rings {
			n.o.Alert(v.id, call)
		}
	}
	if c.Whole {
		for _, s := range slices.Clone(v.subs) {
			if n.allowed(s) {
				s.dirty = true
				n.push(s)
			} else {
				n.end(s, n.whyNot(s), 0)
			}
		}
		return
	}
	// What is pushed may be dropped, so all are found first.
	concerned := n.look.concerned[:0]
	for i, p := range c.People {
		if !slices.Contains(c.People[:i], p) {
			concerned = append(concerned, v.lines[p]...)
		}
	}
	for _, s := range v.lists {
		if s.concernedBy(c) {
			concerned = append(concerned, s)
		}
	}
	for _, s := range concerned {
		s.dirty = true
		n.push(s)
	}
	clear(concerned)
	n.look.concerned = concerned[:0]
}

// allowed: the person may still see it.
func (n *Notifier) allowed(s *subscription) bool {
	if g := s.target.group; g != "" {
		return s.viewer.table.Group(g) != nil
	}
	return s.viewer.table.Person(s.target.person) != nil
}

// whyNot says why somebody may not see it any more (RFC 6665, 4.1.3).
func (n *Notifier) whyNot(s *subscription) string {
	dir := n.o.Directory()
	if g := s.target.group; g != "" && dir.Group(g) == nil || g == "" && dir.Person(s.target.person) == nil {
		return NoResource
	}
	return Rejected
}

// concernedBy: what a list shows may have changed.
func (s *subscription) concernedBy(c *seen.Changed) bool {
	g := s.viewer.table.Group(s.target.group)
	return slices.Contains(c.Groups, s.target.group) ||
		g != nil && slices.ContainsFunc(g.Members, func(m supervision.MemberDocument) bool { return slices.Contains(c.People, m.Person) })
}
