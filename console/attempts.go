package console

import (
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/expirable"
	"golang.org/x/time/rate"

	"supervisiond/supervision"
)

const (
	// freeAttempts is how many wrong passwords in a row a person may give from one address before that address has to wait:
	// firstLock, and twice as long after each further one, to longestLock.
	freeAttempts = 5
	firstLock    = 15 * time.Second
	longestLock  = 15 * time.Minute
	// An address that gives wrong passwords or tokens, whoever's, has burstOfSource of them, and one more each refillSource.
	burstOfSource  = 30
	refillSource   = 2 * time.Second
	burstOfPerson  = 100 // and a person from all addresses together
	refillPerson   = 10 * time.Second
	watchedSources = 10_000 // how many addresses and people are remembered; the longest unheard of are forgotten
	rememberedFor  = time.Hour
)

// attempts slows those down who guess passwords and tokens. It remembers a bounded number of addresses.
type attempts struct {
	now func() time.Time

	mu      sync.Mutex
	locks   *expirable.LRU[attempt, *lock]
	sources *expirable.LRU[string, *rate.Limiter]
	people  *expirable.LRU[supervision.PersonID, *rate.Limiter]
}

// attempt is who is tried from where.
type attempt struct {
	person supervision.PersonID
	source string
}

type lock struct {
	failures int
	until    time.Time
}

func newAttempts(now func() time.Time) *attempts {
	return &attempts{
		now:     now,
		locks:   expirable.NewLRU[attempt, *lock](watchedSources, nil, rememberedFor),
		sources: expirable.NewLRU[string, *rate.Limiter](watchedSources, nil, rememberedFor),
		people:  expirable.NewLRU[supervision.PersonID, *rate.Limiter](watchedSources, nil, rememberedFor),
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
		if l, ok := a.people.Get(t.person); ok && l.TokensAt(now) < 1 {
			return refillPerson
		}
	}
	if l, ok := a.sources.Get(t.source); ok && l.TokensAt(now) < 1 {
		return refillSource
	}
	return 0
}

// failed notes a wrong password or token.
func (a *attempts) failed(t attempt) {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := a.now()
	spend(a.sources, t.source, now, refillSource, burstOfSource)
	if t.person == "" {
		return
	}
	spend(a.people, t.person, now, refillPerson, burstOfPerson)
	l, ok := a.locks.Get(t)
	if !ok {
		l = &lock{}
	}
	l.failures++
	if over := l.failures - freeAttempts; over >= 0 {
		l.until = now.Add(min(longestLock, firstLock<<min(over, 10)))
	}
	a.locks.Add(t, l)
}

func spend[K comparable](of *expirable.LRU[K, *rate.Limiter], key K, now time.Time, refill time.Duration, burst int) {
	l, ok := of.Get(key)
	if !ok {
		l = rate.NewLimiter(rate.Every(refill), burst)
	}
	l.AllowN(now, 1)
	of.Add(key, l)
}

// succeeded forgets the wrong passwords before the right one.
func (a *attempts) succeeded(t attempt) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.locks.Remove(t)
}

const (
	// requestRate is how many requests a second somebody may make who has signed in, and requestBurst how many at once.
	requestRate  = 200
	requestBurst = 500
	// startRate is how many sign-ins at the provider a second may begin from one address, and startBurst how many at once.
	startRate  = 1
	startBurst = 30
)

// allowance bounds how often somebody may do something.
type allowance struct {
	now   func() time.Time
	rate  rate.Limit
	burst int

	mu  sync.Mutex
	who *expirable.LRU[string, *rate.Limiter]
}

func newAllowance(now func() time.Time, r rate.Limit, burst int) *allowance {
	return &allowance{now: now, rate: r, burst: burst, who: expirable.NewLRU[string, *rate.Limiter](watchedSources, nil, rememberedFor)}
}

func (a *allowance) allows(who string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	l, ok := a.who.Get(who)
	if !ok {
		l = rate.NewLimiter(a.rate, a.burst)
		a.who.Add(who, l)
	}
	return l.AllowN(a.now(), 1)
}
