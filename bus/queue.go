package bus

import (
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"supervisiond/supervision"
)

const (
	// keptLimit is how many events of the history wait for NATS. Beyond, the oldest are dropped.
	keptLimit = 10_000
	// passingLimit is how many of the other events, and of changes of views, wait: they are worth nothing when they come late.
	// At 50 calls a second with 40 views it is three seconds' worth.
	passingLimit = 8192
)

// queue is what Take fills and the writer empties. It holds the latest document of every key, whether published or not,
// because the whole state has to be written again whenever NATS comes back.
type queue struct {
	wake      chan struct{} // holds one: something was queued
	count     *metrics
	keptLimit int // less in tests
	// awaited says whether somebody awaits a reply, and deliver lets it go. Neither may block.
	awaited func(*supervision.Reply) bool
	deliver func(id string)
	// viewed says whose views are told; nil: all that are shown.
	viewed func(supervision.PersonID) bool

	mu      sync.Mutex
	order   uint64
	slots   map[string]*slot
	docs    ring[turn]
	kept    ring[event]
	passing ring[event]
	replies ring[event]
	epoch   uint64 // of which the site's document speaks
	away    bool
	serving bool // a session hands out what is queued
}

// slot is the place of one key.
type slot struct {
	key     string
	doc     any // nil: forgotten, and to be purged
	pending bool
	at      time.Time // of the first change that is not published yet
}

// turn is a slot's place in the queue. A slot that is written again before its turn keeps that turn: what an event
// announces must be visible before the event.
type turn struct {
	order uint64
	slot  *slot
}

// event is an announcement in the queue, or the leave to answer a command: the answer follows what the command did.
type event struct {
	order uint64
	at    time.Time
	supervision.Announce
	reply string // the command's id; empty: an announcement or a view
	view  *shownView
}

// write is a document to be published. A nil doc purges the key.
type write struct {
	key string
	doc any
	at  time.Time
}

func newQueue(count *metrics) *queue {
	return &queue{wake: make(chan struct{}, 1), count: count, keptLimit: keptLimit, slots: make(map[string]*slot), away: true}
}

func (q *queue) take(at time.Time, effects []supervision.Effect) {
	q.mu.Lock()
	for _, effect := range effects {
		switch e := effect.(type) {
		case supervision.Put:
			q.put(e.Key, e.Document, at)
		case supervision.Forget:
			q.put(e.Key, nil, at)
		case supervision.Announce:
			q.announce(e, at)
		case supervision.Reply:
			q.reply(e, at)
		case supervision.Show:
			if q.viewed != nil && !q.viewed(e.To) {
				continue
			}
			for _, v := range shownViews(e) {
				q.pass(event{at: at, view: v})
			}
		}
	}
	q.mu.Unlock()
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

func (q *queue) put(key string, doc any, at time.Time) {
	if site, ok := doc.(*supervision.SiteDocument); ok && site.Epoch != q.epoch {
		q.epoch = site.Epoch
		// What passes and is older is of a time under which nothing is published.
		q.count.droppedPassing.Add(float64(q.passing.len()))
		q.passing.clear()
	}
	s := q.slots[key]
	if s == nil {
		s = &slot{key: key}
		q.slots[key] = s
	}
	s.doc = doc
	if s.pending {
		q.count.conflated.Inc()
		return
	}
	s.pending, s.at = true, at
	q.order++
	q.docs.push(turn{q.order, s})
}

func (q *queue) announce(a supervision.Announce, at time.Time) {
	if !kept(a.Type) {
		q.pass(event{at: at, Announce: a})
		return
	}
	if q.kept.len() >= q.keptLimit {
		q.kept.pop()
		q.count.droppedKept.Inc()
	}
	q.order++
	q.kept.push(event{order: q.order, at: at, Announce: a})
}

// pass queues what is worth nothing when it comes late.
func (q *queue) pass(e event) {
	switch {
	case q.away:
		q.count.droppedPassing.Inc()
		return
	case q.passing.len() >= passingLimit:
		q.passing.pop()
		q.count.droppedPassing.Inc()
	}
	q.order++
	e.order = q.order
	q.passing.push(e)
}

// reply queues the leave to answer behind what the command did. While nothing is published it is given at once.
func (q *queue) reply(r supervision.Reply, at time.Time) {
	switch {
	case q.awaited == nil || !q.awaited(&r):
	case q.serving:
		q.order++
		q.replies.push(event{order: q.order, at: at, reply: r.ID})
	default:
		q.deliver(r.ID)
	}
}

// serve says whether a session hands out what is queued. Answers do not wait for the next one.
func (q *queue) serve(on bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.serving = on
	for !on && q.replies.len() > 0 {
		q.deliver(q.replies.pop().reply)
	}
}

// next hands out up to maxDocs documents, and up to maxEvents of the events that may follow once these are visible: an
// event never overtakes a document that was queued before it. A document may overtake events.
func (q *queue) next(docs []write, events []event, maxDocs, maxEvents int) ([]write, []event) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for q.docs.len() > 0 && len(docs) < maxDocs {
		s := q.docs.pop().slot
		docs = append(docs, write{s.key, s.doc, s.at})
		s.pending = false
		if s.doc == nil {
			delete(q.slots, s.key)
		}
	}
	limit := q.order + 1
	if q.docs.len() > 0 {
		limit = q.docs.at(0).order
	}
	for len(events) < maxEvents {
		list := &q.kept
		for _, other := range []*ring[event]{&q.passing, &q.replies} {
			if list.len() == 0 || other.len() > 0 && other.at(0).order < list.at(0).order {
				list = other
			}
		}
		if list.len() == 0 || list.at(0).order >= limit {
			break
		}
		events = append(events, list.pop())
	}
	return docs, events
}

// giveBack returns events that were not acknowledged to the head of the queue, in their order. Only kept ones return.
func (q *queue) giveBack(events []event) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, e := range slices.Backward(events) {
		switch {
		case e.reply != "":
			q.deliver(e.reply)
		case !kept(e.Type):
			q.count.droppedPassing.Inc()
		case q.kept.len() >= q.keptLimit: // these are the oldest
			q.count.droppedKept.Inc()
		default:
			q.kept.pushFront(e)
		}
	}
}

// rewrite queues the whole state before anything else, and the purging of those of the given keys, which the bucket
// holds, that are not part of it. It returns how many documents that makes.
func (q *queue) rewrite(present []string, at time.Time) int {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.docs.clear()
	maps.DeleteFunc(q.slots, func(_ string, s *slot) bool { return s.doc == nil })
	for _, key := range present {
		if q.slots[key] == nil {
			q.slots[key] = &slot{key: key}
		}
	}
	for _, key := range slices.Sorted(maps.Keys(q.slots)) {
		s := q.slots[key]
		if !s.pending || s.doc == nil {
			s.pending, s.at = true, at
		}
		q.docs.push(turn{0, s})
	}
	return q.docs.len()
}

// link says whether NATS is there. Events that are not kept are dropped while it is not.
func (q *queue) link(up bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.away = !up
	if q.away {
		q.count.droppedPassing.Add(float64(q.passing.len()))
		q.passing.clear()
	}
}

// vouched says whether the site's document has come to speak of that epoch, and says that NATS is there.
func (q *queue) vouched(epoch uint64) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	s := q.slots["site"]
	if s == nil {
		return false
	}
	site, ok := s.doc.(*supervision.SiteDocument)
	return ok && site.Epoch >= epoch && site.NATS.Connected
}

func (q *queue) depth() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.docs.len() + q.kept.len() + q.passing.len() + q.replies.len()
}

// kept says whether an event belongs to the history (rule H1): the same subjects as subject.Kept.
func kept(t supervision.EventType) bool {
	switch t {
	case supervision.EventGroupJoined, supervision.EventGroupLeft, supervision.EventForwardingChanged,
		supervision.EventPickupRefused:
		return true
	}
	return strings.HasPrefix(string(t), "call.")
}
