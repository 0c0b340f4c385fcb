package front

import (
	"hash/maphash"
	"net/netip"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"
	"golang.org/x/time/rate"
)

// allowance is a bucket of tokens: burst at once, then rate a second.
type allowance struct {
	burst int
	rate  rate.Limit
}

// What may be answered without knowing who asks. An answer is about as long as its request, but whoever forges the sender must not
// have us shout at somebody. What is known by a secret has an allowance of its own.
var (
	ofAddress = allowance{500, 200}
	ofNetwork = allowance{1_000, 400}
	ofAll     = allowance{8_000, 4_000}
	// ofPerson is for requests that were let in: hundreds of lamp keys at once after a restart are all right.
	ofPerson = allowance{2_000, 100}
	// ofGuess is for wrong secrets of one name from one address, ofGuesses for all names from one network.
	ofGuess   = allowance{10, 10.0 / 60}
	ofGuesses = allowance{200, 2}
)

// maxBuckets is how many of each kind are kept; the one unused for longest makes room.
const maxBuckets = 16_384

// buckets are those of one kind.
type buckets[K comparable] struct {
	allowance
	mu   sync.Mutex
	kept *simplelru.LRU[K, *rate.Limiter]
}

func newBuckets[K comparable](a allowance) *buckets[K] {
	kept, _ := simplelru.NewLRU[K, *rate.Limiter](maxBuckets, nil) // fails for sizes below 1 only
	return &buckets[K]{allowance: a, kept: kept}
}

// take takes a token if there is one.
func (b *buckets[K]) take(key K, now time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	one, ok := b.kept.Get(key)
	if !ok {
		one = rate.NewLimiter(b.rate, b.burst)
		b.kept.Add(key, one)
	}
	return one.AllowN(now, 1)
}

// any says whether there is one, and takes none.
func (b *buckets[K]) any(key K, now time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	one, ok := b.kept.Get(key)
	return !ok || one.TokensAt(now) >= 1
}

// guess is a name that somebody tries from somewhere.
type guess struct {
	username string
	from     netip.Addr
}

// limits are all of them.
type limits struct {
	addresses, networks *buckets[netip.Addr]
	everybody           *buckets[struct{}]
	people              *buckets[string]
	guesses             *buckets[uint64] // by the hash of a guess: names that strangers make up are of any length
	seed                maphash.Seed
	guessers            *buckets[netip.Addr]
}

func newLimits() *limits {
	return &limits{
		addresses: newBuckets[netip.Addr](ofAddress), networks: newBuckets[netip.Addr](ofNetwork),
		everybody: newBuckets[struct{}](ofAll), people: newBuckets[string](ofPerson),
		guesses: newBuckets[uint64](ofGuess), seed: maphash.MakeSeed(), guessers: newBuckets[netip.Addr](ofGuesses),
	}
}

// answers says whether an address may have an answer that needs no secret. A proxy on this machine speaks for many phones and has
// only the limit of all.
func (l *limits) answers(to netip.Addr, now time.Time) bool {
	if !to.IsLoopback() && (!l.addresses.take(to, now) || !l.networks.take(network(to), now)) {
		return false
	}
	return l.everybody.take(struct{}{}, now)
}

// mayTry says whether a secret is looked at: who guesses is not even told that it was right.
func (l *limits) mayTry(username string, from netip.Addr, now time.Time) bool {
	return l.guesses.any(l.key(username, from), now) && (from.IsLoopback() || l.guessers.any(network(from), now))
}

func (l *limits) wrong(username string, from netip.Addr, now time.Time) {
	l.guesses.take(l.key(username, from), now)
	if !from.IsLoopback() {
		l.guessers.take(network(from), now)
	}
}

func (l *limits) key(username string, from netip.Addr) uint64 {
	return maphash.Comparable(l.seed, guess{username, from})
}

// network is what one owner is likely to have: a /24, or a /64 of IPv6.
func network(a netip.Addr) netip.Addr {
	bits := 24
	if a.Is6() {
		bits = 64
	}
	p, err := a.WithZone("").Prefix(bits)
	if err != nil {
		return a
	}
	return p.Addr()
}
