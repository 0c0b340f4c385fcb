package supervision

import (
	"slices"
	"strings"
	"time"
)

// step is one event being applied: what it has touched so far, and the effects it will have.
type step struct {
	*State
	now time.Time
	// learning: how things are is being found out, which is no change of people or groups to announce.
	learning bool
	// confirmed is the change of the PBX's store that this event confirms.
	confirmed *storeWrite

	dirtyCalls  []*call
	dirtyPeople []PersonID
	dirtyGroups []GroupID
	dirtyTalks  []string
	siteDirty   bool
	regrouped   []GroupID // in which somebody logged in or out
	reshow      bool      // who sees what may have changed altogether
	progress    map[PersonID][]Shown
	// lateWork is done when the documents are up to date.
	lateWork []func()

	documents []Effect
	announced []Effect
	orders    []Effect
	timers    []Effect
}

func (t *step) touchCall(c *call)      { t.dirtyCalls = addOnce(t.dirtyCalls, c) }
func (t *step) touchPerson(p PersonID) { t.dirtyPeople = addOnce(t.dirtyPeople, p) }
func (t *step) touchGroup(g GroupID)   { t.dirtyGroups = addOnce(t.dirtyGroups, g) }
func (t *step) touchTalk(leg string)   { t.dirtyTalks = addOnce(t.dirtyTalks, leg) }

func addOnce[T comparable](list []T, x T) []T {
	if slices.Contains(list, x) {
		return list
	}
	return append(list, x)
}

func (t *step) put(key string, document any) {
	t.documents = append(t.documents, Put{Key: key, Document: document})
}

func (t *step) announce(a Announce) {
	t.seq++
	a.Seq, a.At = t.seq, t.now
	t.announced = append(t.announced, a)
}

func (t *step) later(work func()) { t.lateWork = append(t.lateWork, work) }

func (t *step) order(e Effect) { t.orders = append(t.orders, e) }

// finish brings the documents up to date with what the event touched, calls first because people and groups show them.
func (t *step) finish() []Effect {
	for i := 0; i < len(t.dirtyCalls); i++ {
		t.settleCall(t.dirtyCalls[i])
	}
	for _, id := range t.dirtyPeople {
		t.settlePerson(id)
	}
	for _, id := range t.dirtyGroups {
		t.settleGroup(id)
	}
	if t.siteDirty {
		t.put("site", t.siteDocument())
	}
	for _, work := range t.lateWork {
		work()
	}
	t.show()
	slices.SortStableFunc(t.documents, func(a, b Effect) int { return strings.Compare(keyOf(a), keyOf(b)) })
	n := len(t.documents) + len(t.announced) + len(t.orders) + len(t.timers)
	if n == 0 {
		return nil
	}
	effects := make([]Effect, 0, n)
	effects = append(effects, t.documents...)
	effects = append(effects, t.announced...)
	effects = append(effects, t.orders...)
	return append(effects, t.timers...)
}

func keyOf(e Effect) string {
	switch e := e.(type) {
	case Put:
		return e.Key
	case Forget:
		return e.Key
	}
	return ""
}

// Timers are named by their kind and what they are about.
const (
	timerAlive  = "alive"
	timerForget = "forget"
	timerAlert  = "alert"
	timerPickup = "pickup"
	timerHushed = "hushed"
	timerLost   = "lost"
	timerReport = "report"
)

func (t *step) arm(kind, about string, at time.Time) {
	name := kind
	if about != "" {
		name += " " + about
	}
	t.timers = append(t.timers, Arm{Timer: name, At: at})
}

func (t *step) timerFired(e TimerFired) {
	kind, about, _ := strings.Cut(e.Timer, " ")
	switch kind {
	case timerAlive:
		t.vouch()
	case timerForget:
		t.forgetCall(CallID(about))
	case timerAlert:
		if l := t.legs[about]; l != nil && l.call != nil {
			t.touchCall(l.call)
		}
	case timerReport:
		t.reportExpires(about)
	case timerHushed:
		t.hushOver(about)
	case timerLost:
		t.lostOver(about)
	case timerPickup:
		t.pickupTimedOut(about)
	}
}
