package engine

import (
	"container/heap"
	"time"
)

// alarms are the timers that the domain asked for, the next one first. There are as many as calls ring, and they are
// never taken back: the domain ignores one that no longer means anything.
type alarms struct{ heap alarmHeap }

type alarm struct {
	at   time.Time
	name string
}

func (a *alarms) set(name string, at time.Time) { heap.Push(&a.heap, alarm{at, name}) }

func (a *alarms) next() (at time.Time, any bool) {
	if len(a.heap) == 0 {
		return time.Time{}, false
	}
	return a.heap[0].at, true
}

// due takes out the names of the alarms whose moment has come, in their order.
func (a *alarms) due(now time.Time) []string {
	var names []string
	for len(a.heap) > 0 && !a.heap[0].at.After(now) {
		names = append(names, heap.Pop(&a.heap).(alarm).name)
	}
	return names
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
