package notifier

import (
	"maps"

	"supervisiond/sip/seen"
	"supervisiond/supervision"
)

// Why subscriptions end (RFC 6665, 4.1.3).
const (
	// Deactivated: with the new secret they can be made anew at once.
	Deactivated = "deactivated"
	// Rejected: who asked is there no more, or may not see it any more.
	Rejected = "rejected"
	// NoResource: who or what was asked for is there no more.
	NoResource = "noresource"
)

// Expel ends the subscriptions of people, each for a reason. Their phones are told so, and nothing else. It never blocks.
func (n *Notifier) Expel(people map[supervision.PersonID]string) {
	n.mu.Lock()
	maps.Copy(n.expelled, people)
	n.mu.Unlock()
	n.rouse()
}

// expel forgets what somebody sees: who is back is asked for anew.
func (n *Notifier) expel(id supervision.PersonID, reason string) {
	v := n.viewers[id]
	if v == nil {
		return
	}
	v.table, v.alerts = seen.NewTable(id), false
	for _, a := range v.waiting {
		a.answer <- refused(403, "Forbidden")
	}
	v.waiting = nil
	for _, s := range append([]*subscription(nil), v.subs...) {
		n.end(s, reason, 0)
	}
	n.unfollow(v)
}
