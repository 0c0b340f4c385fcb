// Package engine owns the state. One goroutine takes events from a mailbox, applies them with package supervision, and
// hands the effects to a sink in the order in which things happened.
//
// Ordering: events are applied in the order in which they were accepted, and the sink sees the effects in that order.
// The mailbox is bounded and drops nothing silently: Offer says when it is full, and the adapter that was turned away
// must treat that as having lost sight of the PBX, and attach to it anew. A sink's Take must not block: every adapter
// behind it has a queue of its own with a policy of its own, so that none of them can hold up the others.
package engine
