package ari

import (
	"slices"
	"strings"
	"time"

	"supervisiond/supervision"
)

// tellRing says that a phone rings, or what has become known about it since.
func (t *tracker) tellRing(l *leg, at time.Time) {
	if !l.rings() || l.awaitsDial() || l.called() {
		return
	}
	r, ok := t.ringOf(l)
	if !ok {
		return // how the caller may be presented is being asked; the answer comes back here
	}
	r.Since = at
	if l.told != nil {
		r.Since = l.told.Since
		// Towards the end of a call the channels in between vanish one by one, and the way back to the caller with them.
		if r.CallerCall != l.told.CallerCall || sameRing(l.told, &r) {
			return
		}
	}
	t.remember(l, &r)
	t.tell(supervision.RingBegan{At: at, Ring: r})
	if caller := t.channels[r.CallerCall]; caller != nil && caller.hungUp {
		t.tell(supervision.CallerHungUp{At: at, CallerCall: r.CallerCall}) // while what is known about the ring was awaited
	}
}

// tellLegsOf says anew what rings on behalf of a caller about whom something has become known.
func (t *tracker) tellLegsOf(caller *leg, at time.Time) {
	for _, l := range slices.Clone(t.callers[caller.ID]) {
		t.tellRing(l, at)
	}
}

// remember notes what was said about a phone's ringing.
func (t *tracker) remember(l *leg, r *supervision.Ring) {
	t.forget(l)
	l.told = r
	t.callers[r.CallerCall] = append(t.callers[r.CallerCall], l)
}

func (t *tracker) forget(l *leg) {
	if l.told == nil {
		return
	}
	caller := l.told.CallerCall
	l.told = nil
	if rest := slices.DeleteFunc(t.callers[caller], func(x *leg) bool { return x == l }); len(rest) > 0 {
		t.callers[caller] = rest
	} else {
		delete(t.callers, caller)
	}
}

func (t *tracker) endRing(l *leg, how supervision.RingEnd, at time.Time) {
	if l.told == nil {
		return
	}
	told := l.told
	t.forget(l)
	t.tell(supervision.RingEnded{At: at, Leg: l.ID, CallerCall: told.CallerCall, Endpoint: l.endpoint, How: how})
}

// causeAnsweredElsewhere is AST_CAUSE_ANSWERED_ELSEWHERE of Asterisk's causes.h.
const causeAnsweredElsewhere = 26

// howSilenced tells from a channel's end why its phone fell silent. Dial and Queue disagree about what they call a
// refusal, so what the phone itself did counts first.
func howSilenced(l *leg, cause int) supervision.RingEnd {
	status := l.finalStatus()
	switch {
	case cause == causeAnsweredElsewhere && l.Dialplan.Context == pickupContext:
		return supervision.RingPickedUp
	case cause == causeAnsweredElsewhere:
		return supervision.RingElsewhere
	case status == dialForwarded:
		return supervision.RingRedirected
	case l.refused:
		return supervision.RingDeclined
	case status == dialNoAnswer:
		return supervision.RingTimedOut
	case status == dialCancelled, status == "":
		return supervision.RingCancelled
	}
	return supervision.RingDeclined
}

// finalStatus is how dialling the phone ended. If that was by cancelling a Local channel on the way to it, why that was.
func (l *leg) finalStatus() string {
	at := l
	for range maxHops {
		if at.dialStatus != dialCancelled || at.dialler == nil || at.dialler.other == nil {
			break
		}
		if at.dialler.other.dialStatus == "" {
			break
		}
		at = at.dialler.other
	}
	return at.dialStatus
}

// ringOf gathers what is known about a ringing phone. It is not ok while the PBX has yet to be asked how the caller may
// be presented, or who sent the call there, and never where nobody is to know.
func (t *tracker) ringOf(l *leg) (supervision.Ring, bool) {
	root, route := t.trace(l)
	if root.unwanted || t.awaitsOrigin(root) {
		return supervision.Ring{}, false
	}
	r := supervision.Ring{
		Leg: l.ID, Endpoint: l.endpoint, CallerCall: root.ID, CallerEndpoint: root.endpoint, Route: route,
		Dialled: root.Vars.DNID,
	}
	if root == l {
		r.CallerEndpoint = "" // nobody called: a program lets the phone ring
	}
	caller := root
	if root.asks != nil {
		caller, r.CallerEndpoint = root.asks, root.asks.endpoint
	}
	if r.Dialled == "" && len(route) > 0 {
		r.Dialled = route[0].Number
	}
	shown := t.presentationOf(caller, l)
	if shown == presentationUnknown {
		return r, false
	}
	r.Caller = callerOf(caller, l, shown)
	return r, true
}

// callerOf is the real caller (R3), as far as may be said (R4). A caller who is nobody of the PBX's may be known by
// the ringing leg alone.
func callerOf(root, l *leg, shown presentation) supervision.Caller {
	if shown != presentationAllowed {
		return supervision.Caller{Withheld: true}
	}
	if root == l || root.CallerNumber == "" {
		return supervision.Caller{Number: l.ConnectedNumber, Name: l.ConnectedName}
	}
	return supervision.Caller{Number: root.CallerNumber, Name: root.CallerName}
}

// maxHops bounds the way back from a phone to the caller.
const maxHops = 32

// trace follows the diallers back to the caller and notes the stations on the way.
func (t *tracker) trace(l *leg) (root *leg, route []supervision.Hop) {
	at := l
	seen := map[*leg]bool{l: true}
	for range maxHops {
		if at.forwardOf != "" {
			route = append(route, supervision.Hop{Kind: supervision.HopRedirect, Endpoint: at.forwardOf})
		}
		d := at.dialler
		if d == nil {
			d = t.guessDialler(at)
		}
		if d == nil || seen[d] {
			break
		}
		seen[d] = true
		route = append(route, hopOf(d))
		at = d
		if d.endpoint != "" {
			break // a phone that was itself called, and dials since it was transferred, is the caller now
		}
		if d.half == '2' && d.other != nil {
			at = d.other
		}
	}
	slices.Reverse(route)
	return at, route
}

// hopOf says what kind of station a dialling channel is.
func hopOf(d *leg) supervision.Hop {
	h := supervision.Hop{Kind: supervision.HopDial, Number: numberOf(d)}
	first, _, _ := strings.Cut(d.Dialplan.AppData, ",")
	switch {
	case d.Dialplan.App == "Queue":
		h.Kind, h.Name = supervision.HopQueue, first
	case strings.Contains(first, "&"):
		h.Kind = supervision.HopFork
	}
	return h
}

// numberOf is the number at which a channel dials. In a subroutine or macro that is the one that led there, as far as the
// PBX says it.
func numberOf(d *leg) string {
	candidates := []string{d.Dialplan.Exten, d.Vars.Called, d.Vars.Destination, d.Vars.DNID}
	if d.Dialplan.Context == freePBXGroupContext {
		candidates[1], candidates[2] = candidates[2], candidates[1] // what is called there is the last of many
	}
	for _, number := range candidates {
		if dialable(number) {
			return number
		}
	}
	return d.Dialplan.Exten
}

// dialable: something that a phone can dial, and no name like s.
func dialable(exten string) bool {
	return exten != "" && strings.Trim(exten, "+*#0123456789") == ""
}

// guessDialler finds who dials a channel that was there before the daemon was. The PBX does not say it; but a dialled
// channel belongs to its caller's call (linkedid) and carries the caller's place in the dialplan.
func (t *tracker) guessDialler(l *leg) *leg {
	if l.Dialplan.App != "AppDial" && l.Dialplan.App != "AppQueue" {
		return nil
	}
	var best *leg
	bestRank := 0
	for _, x := range t.channels {
		rank := diallerRank(x, l)
		if rank > bestRank || rank == bestRank && best != nil && x.CreationTime.Before(best.CreationTime) {
			best, bestRank = x, rank
		}
	}
	return best
}

// diallerRank says how well x fits as the dialler of l; 0: not at all.
func diallerRank(x, l *leg) int {
	if x == l || x == l.other || x.Vars.Linkedid == "" || x.Vars.Linkedid != l.Vars.Linkedid ||
		x.Dialplan.App == "AppDial" || x.Dialplan.App == "AppQueue" {
		return 0
	}
	samePlace := x.Dialplan.Context == l.Dialplan.Context && x.Dialplan.Exten == l.Dialplan.Exten
	dials := x.Dialplan.App == "Dial" || x.Dialplan.App == "Queue"
	switch {
	case samePlace && dials:
		return 4
	case samePlace:
		return 3
	case x.ID == x.Vars.Linkedid:
		return 2
	case dials:
		return 1
	}
	return 0
}

func sameRing(a, b *supervision.Ring) bool {
	return a.CallerCall == b.CallerCall && a.CallerEndpoint == b.CallerEndpoint && a.Caller == b.Caller &&
		a.Dialled == b.Dialled && slices.Equal(a.Route, b.Route)
}
