package push

import (
	"maps"
	"slices"
	"time"

	"supervisiond/supervision"
)

// viewer is what a person with subscriptions is shown, as far as it matters here.
type viewer struct {
	me *supervision.PersonDocument
	// alerts are the groups in which the person is a supervisor who is logged in.
	alerts  map[supervision.GroupID]bool
	ringing map[supervision.CallID]*supervision.CallDocument
	told    map[supervision.CallID]bool
	// ended are final documents, until what has changed is told.
	ended map[supervision.CallID]*supervision.CallDocument
	// settled: the PBX has told what rings, so that whatever an earlier life has told and does not ring is over.
	settled bool
}

func newViewer() *viewer {
	return &viewer{
		alerts: make(map[supervision.GroupID]bool), ringing: make(map[supervision.CallID]*supervision.CallDocument),
		told: make(map[supervision.CallID]bool), ended: make(map[supervision.CallID]*supervision.CallDocument),
	}
}

// View takes all that a person is shown. It never waits.
func (s *Service) View(at time.Time, p supervision.PersonID, view *supervision.View) {
	s.mu.Lock()
	defer s.mu.Unlock()
	v := s.viewerOf(p)
	v.me = view.Me
	clear(v.alerts)
	clear(v.ringing)
	for i := range view.Groups {
		v.group(p, &view.Groups[i])
	}
	for i := range view.Calls {
		v.call(&view.Calls[i])
	}
	v.settled = v.settled || view.Site.PBX.Connected
	s.tell(at, p, v, v.all())
}

// Changes takes what has changed in that. It never waits.
func (s *Service) Changes(at time.Time, p supervision.PersonID, list []supervision.Shown) {
	s.mu.Lock()
	defer s.mu.Unlock()
	v := s.viewerOf(p)
	var touched []supervision.CallID
	regrouped := false
	for _, c := range list {
		switch doc := c.Document.(type) {
		case *supervision.PersonDocument:
			if doc.ID == p {
				v.me = doc
			}
		case *supervision.GroupDocument:
			regrouped = v.group(p, doc) || regrouped
		case *supervision.CallDocument:
			v.call(doc)
			touched = append(touched, doc.ID)
		case *supervision.SiteDocument:
			v.settled = v.settled || doc.PBX.Connected
		case nil:
			switch c.Kind {
			case supervision.ShownGroup:
				regrouped = regrouped || v.alerts[supervision.GroupID(c.ID)]
				delete(v.alerts, supervision.GroupID(c.ID))
			case supervision.ShownCall:
				delete(v.ringing, supervision.CallID(c.ID))
				touched = append(touched, supervision.CallID(c.ID))
			}
		}
	}
	if regrouped {
		touched = v.all()
	}
	if len(touched) > 0 || v.settled && len(s.left[p]) > 0 {
		s.tell(at, p, v, touched)
	}
}

func (s *Service) viewerOf(p supervision.PersonID) *viewer {
	v := s.viewers[p]
	if v == nil {
		v = newViewer()
		s.viewers[p] = v
	}
	return v
}

// group notes whether a group alerts the person, and says whether that is another answer than before.
func (v *viewer) group(p supervision.PersonID, g *supervision.GroupDocument) bool {
	before := v.alerts[g.ID]
	now := slices.ContainsFunc(g.Supervisors, func(x supervision.SupervisorDocument) bool { return x.Person == p && x.LoggedIn })
	if delete(v.alerts, g.ID); now {
		v.alerts[g.ID] = true
	}
	return now != before
}

func (v *viewer) call(c *supervision.CallDocument) {
	if c.State == supervision.CallRinging {
		v.ringing[c.ID] = c
		return
	}
	delete(v.ringing, c.ID)
	if v.told[c.ID] {
		v.ended[c.ID] = c
	}
}

// all are the calls that ring or were told.
func (v *viewer) all() []supervision.CallID {
	return slices.AppendSeq(slices.Collect(maps.Keys(v.ringing)), maps.Keys(v.told))
}

// alerted says whether a call rings somebody else for whom the person may pick it up. A company administrator is shown every
// call, and alerted of none but those of their own groups.
func (v *viewer) alerted(p supervision.PersonID, c *supervision.CallDocument) bool {
	return slices.ContainsFunc(c.Ringing, func(part supervision.RingingPart) bool {
		return part.Person != p && slices.ContainsFunc(part.Groups, func(g supervision.GroupID) bool { return v.alerts[g] })
	})
}

// canPickUp says whether a pickup would not certainly be refused as things are: there is a phone to call for it, and nobody else is
// picking the call up. Which phone the browser has chosen only the browser knows.
func (v *viewer) canPickUp(p supervision.PersonID, c *supervision.CallDocument) bool {
	return v.me != nil && v.me.CanBeCalled() && (c.PickingUpBy == "" || c.PickingUpBy == p)
}

// tell tells a person's subscriptions of those calls that ring for them now, and of those that are over. It is called with the
// lock held.
func (s *Service) tell(at time.Time, p supervision.PersonID, v *viewer, calls []supervision.CallID) {
	now, changed := s.now(), false
	for _, id := range calls {
		c := v.ringing[id]
		switch alerted := c != nil && v.alerted(p, c); {
		case alerted && !v.told[id]:
			v.told[id], changed = true, true
			m := newMessage(ringing, p, id, c, at, now)
			m.pickup, m.me = v.canPickUp(p, c), v.me
			if n := s.lanes.ring(s.book.those(p), m); n > 0 {
				s.metrics.dropped.Add(float64(n))
				s.complain("", "too many rings are to be told to browsers that sleep; some are not told")
			}
		case !alerted && v.told[id]:
			delete(v.told, id)
			changed = true
			s.lanes.over(p, newMessage(over, p, id, v.ended[id], at, now))
		}
	}
	clear(v.ended)
	if v.settled && len(s.left[p]) > 0 {
		changed = true
		for _, id := range s.left[p] {
			if v.ringing[id] == nil {
				s.lanes.recall(p, s.book.those(p), newMessage(over, p, id, nil, at, now))
			}
		}
		delete(s.left, p)
	}
	if changed {
		s.note()
	}
}
