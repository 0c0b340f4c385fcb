package ari

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"strconv"
	"sync"
	"time"

	"supervisiond/forwarding"
	"supervisiond/supervision"
)

const (
	// storeCoalesce is how long is waited for more, when the PBX has told that a line has changed.
	storeCoalesce = 20 * time.Millisecond
	// storeBlock is how many lines are asked for at once; lists of more than 4,095 characters are cut off.
	storeBlock = 200
	// storePoll is how often the store is read where nothing else is said.
	storePoll = 5 * time.Second
	// maxOthers bounds the lines that are read though they are nobody's: forwards may lead there, and on.
	maxOthers = 2000
	// maxWrites bounds what waits to be written. Beyond it a write has failed.
	maxWrites = 256
	// dialplanRetry is how often a PBX without the helper contexts is looked at again.
	dialplanRetry = time.Minute
)

// store follows the PBX's store of forwards and do-not-disturb (F2), and writes into it.
//
// All goes one after the other, on one goroutine: a read that began before a write would otherwise tell after it what is
// not so any more. A read of all lines is cut into blocks, and writes come in between.
type store struct {
	rest     *Client
	mailbox  Mailbox
	log      *slog.Logger
	metrics  *storeMetrics
	families forwarding.Families
	people   func() []string
	poll     func() time.Duration
	life     string // tells the channels of this life of the daemon from those of another
	news     chan struct{}

	mu       sync.Mutex
	attached bool
	count    uint64
	errand   *errand // the one that runs
	writes   []waitingWrite
	touched  map[string]bool // lines of which the PBX has told that they have changed
	firstHit time.Time       // when it told of the first of them
	afresh   bool            // read all, and tell it whatever it is
	all      bool            // read all
	missing  bool            // the dialplan has no helper contexts
	looked   time.Time       // when that was last looked at

	// The rest is the goroutine's.
	sweep      *sweep
	next       time.Time // when all is to be read again
	known      map[string]forwarding.Stored
	asked      []string // whom the last read of all was about
	told       bool     // a read of all has been told since the PBX was attached
	complained bool
	crowded    bool // it was said that there are too many others
}

// waitingWrite is a write, and when it is too late for it.
type waitingWrite struct {
	supervision.WriteStore
	deadline time.Time
}

// sweep is a read of all lines under way.
type sweep struct {
	began  time.Time
	people []string
	blocks [][]string
	taken  map[string]bool              // lines that were read, or will be
	others int                          // how many of them are nobody's
	cut    bool                         // there may be more lines that have something than the PBX could tell
	lines  map[string]forwarding.Stored // of those that have anything
}

func newStore(rest *Client, o Options) *store {
	if o.StorePoll == nil {
		o.StorePoll = func() time.Duration { return storePoll }
	}
	return &store{
		rest: rest, mailbox: o.Mailbox, log: o.Log, metrics: newStoreMetrics(o.Metrics), families: o.Dialplan.Families,
		people: o.Extensions, poll: o.StorePoll,
		life: strconv.FormatInt(time.Now().UnixNano(), 36), news: make(chan struct{}, 1),
		touched: make(map[string]bool),
	}
}

// off: the PBX has no place for forwards, or there is nobody to ask for.
func (s *store) off() bool { return s.people == nil || len(storePlaces(s.families)) == 0 }

// wake makes the goroutine look what there is to do.
func (s *store) wake() {
	select {
	case s.news <- struct{}{}:
	default:
	}
}

// up begins an attachment: all is read. down ends it.
func (s *store) up() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.attached, s.afresh, s.missing = true, true, false
	clear(s.touched)
	s.wake()
}

func (s *store) down() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.attached = false
	s.endLocked(s.errand, errStoreLost)
	s.wake()
}

// again reads all and tells it, as after a change of the configuration.
func (s *store) again() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.afresh = true
	s.wake()
}

// touch notes that a line has changed; one that is not named: any.
func (s *store) touch(ext string) {
	if len(s.touched) == 0 {
		s.firstHit = time.Now()
	}
	if isLine(ext) && len(s.touched) < storeBlock {
		s.touched[ext] = true
	} else {
		s.all = true
	}
	s.wake()
}

// write takes a write without blocking.
func (s *store) write(e supervision.WriteStore) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.writes) < maxWrites {
		s.writes = append(s.writes, waitingWrite{e, time.Now().Add(storeTimeout)})
		s.wake()
		return
	}
	s.metrics.notWritten.Inc()
	s.log.Error("too many writes wait for the PBX's store; one was dropped", "extension", e.Extension, "waiting", maxWrites)
	s.mailbox.Offer(supervision.StoreWritten{At: time.Now(), Write: e.Write, Failed: true, Extension: e.Extension})
}

// lookForStore looks, on a channel of the PBX's, whether the helper contexts have come where they were missing. Trying
// them in vain would write a call record.
func (p *PBX) lookForStore(channelID string) {
	if !p.store.lookDue(time.Now()) {
		return
	}
	p.enqueue(order{"look for the store's contexts", func(ctx context.Context) {
		if there, err := p.exists(ctx, channelID, storeReadContext, storeKeys); err == nil && there {
			p.store.came()
		}
	}})
}

func (s *store) lookDue(now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.missing || now.Sub(s.looked) < dialplanRetry {
		return false
	}
	s.looked = now
	return true
}

func (s *store) came() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.missing, s.all = false, true
	s.wake()
}

// job is what there is to do.
type job func(context.Context)

// work does what there is to do until the context ends.
func (s *store) work(ctx context.Context) {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for ctx.Err() == nil {
		do, pause := s.choose(time.Now())
		if do != nil {
			do(ctx)
			continue
		}
		timer.Reset(pause)
		select {
		case <-s.news:
		case <-timer.C:
		case <-ctx.Done():
		}
	}
}

// choose gives what comes first: what somebody waits for, what has changed, and then all lines. If there is nothing, it
// says how long there will not be.
func (s *store) choose(now time.Time) (job, time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.writes) > 0 {
		w := s.writes[0]
		s.writes = slices.Delete(s.writes, 0, 1)
		return func(ctx context.Context) { s.carryOut(ctx, w) }, 0
	}
	if !s.attached || s.off() {
		s.sweep, s.told = nil, false
		return nil, time.Hour
	}
	if s.afresh {
		s.afresh, s.all, s.told, s.sweep = false, true, false, nil
	}
	if s.missing {
		s.sweep = nil
		clear(s.touched)
		return nil, time.Hour
	}
	pause := time.Hour
	if len(s.touched) > 0 {
		if pause = s.firstHit.Add(storeCoalesce).Sub(now); pause <= 0 {
			lines := slices.Sorted(maps.Keys(s.touched))
			clear(s.touched)
			return func(ctx context.Context) { s.readLines(ctx, lines) }, 0
		}
	}
	switch {
	case s.sweep != nil:
		return s.goOn, 0
	case s.all || !now.Before(s.next):
		s.all = false
		s.next = now.Add(s.poll())
		return s.startSweep, 0
	default:
		pause = min(pause, s.next.Sub(now))
	}
	return nil, pause
}
