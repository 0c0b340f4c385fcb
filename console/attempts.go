package console

import (
	"net/netip"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"
	"golang.org/x/time/rate"

	"supervisiond/supervision"
)

const (
	// freeAttempts is how many wrong passwords in a row a person may give from one address before that address has to wait:
	// firstLock, and twice as long after each further one, to longestLock. They are in a row if no more than rememberedFor is
	// between them.
	freeAttempts  = 5
	firstLock     = 15 * time.Second
	longestLock   = 15 * time.Minute
	rememberedFor = time.Hour
	// An address that gives wrong passwords or tokens, whoever's, has burstOfSource of them, and one more each refillSource.
	burstOfSource  = 30
	refillSource   = 2 * time.Second
	burstOfPerson  = 100 // and a person from all addresses together
	refillPerson   = 10 * time.Second
	watchedSources = 10_000 // how many addresses and people are remembered; the longest unheard of are forgotten
)

// attempts slows those down who guess passwords and tokens. It remembers a bounded number of addresses.
type attempts struct {
	now func() time.Time

	mu      sync.Mutex
	locks   *simplelru.LRU[attempt, lock]
	sources *limiters[string]
	people  *limiters[supervision.PersonID]
}

// attempt is who is tried from where: a network, as network gives it.
type attempt struct {
	person supervision.PersonID
	source string
}

type lock struct {
	failures int
	last     time.Time
	until    time.Time
}

// network is what counts as one address: in IPv6 each household has 2^64 of them.
func network(source string) string {
	a, err := netip.ParseAddr(source)
	if err != nil || !a.Is6() {
		return source
	}
	p, err := a.WithZone("").Prefix(64)
	if err != nil {
		return source
	}
	return p.String()
}

// remembering makes a place for a bounded number of things, without the goroutine that caches with a time of their own have.
func remembering[K comparable, V any](most int) *simplelru.LRU[K, V] {
	l, _ := simplelru.NewLRU[K, V](most, nil) // it fails only where most is not positive
	return l
}

func newAttempts(now func() time.Time) *attempts {
	return &attempts{
		now:     now,
		locks:   remembering[attempt, lock](watchedSources),
		sources: newLimiters[string](rate.Every(refillSource), burstOfSource),
		people:  newLimiters[supervision.PersonID](rate.Every(refillPerson), burstOfPerson),
	}
}

// mayTry says how long somebody has to wait before the next attempt; 0: they need not. Person is empty for a token.
func (a *attempts) mayTry(t attempt) time.Duration {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := a.now()
	if t.person != "" {
		if l, ok := a.locks.Get(t); ok && now.Before(l.until) {
			return l.until.Sub(now)
		}
		if a.people.spent(t.person, now) {
			return refillPerson
		}
	}
	if a.sources.spent(t.source, now) {
		return refillSource
	}
	return 0
}

// failed notes a wrong password or token.
func (a *attempts) failed(t attempt) {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := a.now()
	a.sources.allows(t.source, now)
	if t.person == "" {
		return
	}
	a.people.allows(t.person, now)
	l, ok := a.locks.Get(t)
	if !ok || now.Sub(l.last) > rememberedFor {
		l = lock{}
	}
	l.failures++
	l.last = now
	if over := l.failures - freeAttempts; over >= 0 {
		l.until = now.Add(min(longestLock, firstLock<<min(over, 10)))
	}
	a.locks.Add(t, l)
}

// succeeded forgets the wrong passwords before the right one.
func (a *attempts) succeeded(t attempt) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.locks.Remove(t)
}

// limiters count for each key. Who uses them has a lock.
type limiters[K comparable] struct {
	rate  rate.Limit
	burst int
	of    *simplelru.LRU[K, *rate.Limiter]
}

func newLimiters[K comparable](r rate.Limit, burst int) *limiters[K] {
	return &limiters[K]{rate: r, burst: burst, of: remembering[K, *rate.Limiter](watchedSources)}
}

// spent says whether nothing is left for a key.
func (l *limiters[K]) spent(key K, now time.Time) bool {
	one, ok := l.of.Get(key)
	return ok && one.TokensAt(now) < 1
}

// allows takes one, if there is one.
func (l *limiters[K]) allows(key K, now time.Time) bool {
	one, ok := l.of.Get(key)
	if !ok {
		one = rate.NewLimiter(l.rate, l.burst)
		l.of.Add(key, one)
	}
	return one.AllowN(now, 1)
}

const (
	// requestRate is how many requests a second somebody may make who has signed in, and requestBurst how many at once.
	requestRate  = 200
	requestBurst = 500
	// startRate is how many sign-ins at the provider a second may begin from one address, and startBurst how many at once.
	startRate  = 1
	startBurst = 30
	// A person may begin burstOfSessions sessions, and one more each refillSession: they last for days, and there is room for
	// a bounded number of all people's.
	burstOfSessions = 100
	refillSession   = 5 * time.Minute
)

// allowance bounds how often somebody may do something.
type allowance struct {
	now func() time.Time

	mu  sync.Mutex
	who *limiters[string]
}

func newAllowance(now func() time.Time, r rate.Limit, burst int) *allowance {
	return &allowance{now: now, who: newLimiters[string](r, burst)}
}

func (a *allowance) allows(who string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.who.allows(who, a.now())
}
