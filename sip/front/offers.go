package front

import (
	"hash/maphash"
	"net/netip"
	"regexp"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"
)

// givingUp is the User-Agent of phones that give up at a challenge for an algorithm they do not know, whichever comes first, though
// RFC 3261, 22.4 has them leave it out. baresip knows SHA-256 since libre 3.12, whose number it has.
var givingUp = regexp.MustCompile(`^baresip v([0-2]|3\.([0-9]|1[01]))\.`)

const (
	// maxOffers is how many names with their addresses are watched for whether the phone makes something of its challenge.
	maxOffers = 4_096
	// offerTime is how long a phone has for that: before it is over, a request without a secret is one of many lamp keys, or was
	// repeated on its way.
	offerTime = time.Second
)

// offers says who is better offered MD5 alone: phones that are known to give up at more, and whoever was offered more, made no secret
// of it and begins again. A phone that was seen to give up stays known, as its next nonce would make it give up once more.
type offers struct {
	seed maphash.Seed
	mu   sync.Mutex
	made *simplelru.LRU[uint64, offer]
}

// offer was made at a time to a name at an address; a phone that gave up at it is offered MD5 alone from then on.
type offer struct {
	at     time.Time
	gaveUp bool
}

func newOffers() *offers {
	made, _ := simplelru.NewLRU[uint64, offer](maxOffers, nil) // fails for sizes below 1 only
	return &offers{seed: maphash.MakeSeed(), made: made}
}

// key has the same size for every name that strangers make up.
func (o *offers) key(name string, from netip.Addr) uint64 {
	return maphash.Comparable(o.seed, guess{name, from})
}

// onlyMD5 says whether a request from who calls themself name is to be offered no more than that. If it has no secret it is noted that
// its phone was made an offer.
func (o *offers) onlyMD5(m *message, name string, from netip.Addr, secret bool, now time.Time) bool {
	if agent, _ := m.get("user-agent"); givingUp.MatchString(agent) {
		return true
	}
	key := o.key(name, from)
	o.mu.Lock()
	defer o.mu.Unlock()
	made, ok := o.made.Get(key)
	switch {
	case made.gaveUp || secret:
	case !ok:
		o.made.Add(key, offer{at: now})
	case now.Sub(made.at) >= offerTime:
		made.gaveUp = true
		o.made.Add(key, made)
	}
	return made.gaveUp
}

// taken notes that somebody has made a secret of what they were offered.
func (o *offers) taken(name string, from netip.Addr) {
	key := o.key(name, from)
	o.mu.Lock()
	defer o.mu.Unlock()
	if made, ok := o.made.Peek(key); ok && !made.gaveUp {
		o.made.Remove(key)
	}
}

func (o *offers) len() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.made.Len()
}
