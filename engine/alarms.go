package engine

import (
	"container/heap"
	"time"
)

// alarms are the timers that the domain asked for, the next one first. There are as many as calls ring, and they are
// never taken back: the domain ignores one that no longer means anything.
type alarms struct{ heap alarmHeap }

type alarm struct {
	at   time.Time // by the clock that nobody can set
	said time.Time // as the domain said it
	name string
}

// set takes an alarm that was asked for at a moment of now. What counts is how far apart the two are: the clock of the
// wall may be set meanwhile, and times that came from the PBX know no other.
func (a *alarms) set(name string, at, now time.Time) {
	heap.Push(&a.heap, alarm{time.Now().Add(at.Sub(now)), at, name})
}

// moment is when the domain is to take it to have gone off: not before it was due, even if the clock was set back.
func (a alarm) moment(now time.Time) time.Time {
	if a.said.After(now) {
		return a.said
	}
	return now
}

func (a *alarms) next() (at time.Time, any bool) {
	if len(a.heap) == 0 {
		return time.Time{}, false
	}
	return a.heap[0].at, true
}

// due takes out the alarms whose moment has come, in their order.
func (a *alarms) due(now time.Time) []alarm {
	var due []alarm
	for len(a.heap) > 0 && !a.heap[0].at.After(now) {
		due = append(due, heap.Pop(&a.heap).(alarm))
	}
	return due
}

type alarmHeap []alarm

func (h alarmHeap) Len() int           { return len(h) }
func (h alarmHeap) Less(i, j int) bool { return h[i].at.Before(h[j].at) }
func (h alarmHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *alarmHeap) Push(x any)        { *h = append(*h, x.(alarm)) }

func (h *alarmHeap) Pop() any {
	old := *h
	x := old[len(old)-1]
	*h = old[:len(old)-1]
	return x
}
