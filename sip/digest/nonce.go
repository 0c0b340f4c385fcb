package digest

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"
	"github.com/icholy/digest"
)

const (
	// maxNonces is how many nonces are kept whose counts are watched. Only those are that somebody proved a secret with.
	maxNonces = 16_384
	// countWindow is how far below the highest count a request may arrive: datagrams overtake one another.
	countWindow = 64
	// repeats is how long a datagram may be sent again: 64*T1 (RFC 3261, 17.2.2), for as long the transaction layer knows the answer.
	repeats = 32 * time.Second

	stampSize = 12 // 4 bytes of seconds, 8 of a number
	macSize   = 12
	maxHeader = 2048
)

// nonces are a time and a number under a MAC, so that handing one out needs no memory.
type nonces struct {
	key  []byte
	last *atomic.Uint64

	mu   *sync.Mutex
	used *simplelru.LRU[string, *counts]
	// floor is the highest number whose counts were forgotten: what is not above it and not kept counts as used up.
	floor *uint64
}

func newNonces(key []byte) nonces {
	n := nonces{key: key, last: new(atomic.Uint64), mu: new(sync.Mutex), floor: new(uint64)}
	n.used, _ = simplelru.NewLRU(maxNonces, func(nonce string, _ *counts) {
		if _, number, ok := n.open(nonce); ok {
			*n.floor = max(*n.floor, number)
		}
	}) // fails for sizes below 1 only
	return n
}

func (n nonces) issue(now time.Time) string {
	stamp := make([]byte, stampSize, stampSize+macSize)
	binary.BigEndian.PutUint32(stamp, uint32(now.Unix())) //nolint:gosec // wraps in 2106
	binary.BigEndian.PutUint64(stamp[4:], n.last.Add(1))
	return base64.RawURLEncoding.EncodeToString(append(stamp, n.mac(stamp)...))
}

func (n nonces) mac(stamp []byte) []byte {
	m := hmac.New(sha256.New, n.key)
	m.Write(stamp)
	return m.Sum(nil)[:macSize]
}

// open reads a nonce of ours.
func (n nonces) open(nonce string) (issued time.Time, number uint64, ok bool) {
	raw, err := base64.RawURLEncoding.DecodeString(nonce)
	if err != nil || len(raw) != stampSize+macSize || !hmac.Equal(raw[stampSize:], n.mac(raw[:stampSize])) {
		return time.Time{}, 0, false
	}
	return time.Unix(int64(binary.BigEndian.Uint32(raw)), 0), binary.BigEndian.Uint64(raw[4:]), true
}

func (n nonces) ours(nonce string) bool {
	_, _, ok := n.open(nonce)
	return ok
}

// counts are those of one nonce that were used.
type counts struct {
	highest uint32
	seen    uint64 // bit i: highest-i
	recent  []use
}

type use struct {
	count          uint32
	at             time.Time
	branch, origin [sha256.Size]byte
}

// use says whether a count is new.
func (n nonces) use(nonce string, count uint32, req Request, now time.Time) Result {
	issued, number, ok := n.open(nonce)
	if !ok || now.Sub(issued) > Lifetime+repeats {
		return Stale
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	c, known := n.used.Get(nonce)
	if known {
		if result := c.before(count, req, now); result != OK {
			return result
		}
	}
	if now.Sub(issued) > Lifetime {
		return Stale
	}
	if !known {
		if number <= *n.floor {
			return Stale
		}
		c = &counts{}
		n.used.Add(nonce, c)
	}
	return c.note(count, req, now)
}

// before tells what came again from what is new.
func (c *counts) before(count uint32, req Request, now time.Time) Result {
	branch, origin := sha256.Sum256([]byte(req.Branch)), sha256.Sum256([]byte(req.Origin))
	for _, u := range c.recent {
		if u.count != count || now.Sub(u.at) > repeats || u.origin != origin {
			continue
		}
		if u.branch != branch {
			return Merged
		}
		if !req.Reliable {
			return Again
		}
	}
	return OK
}

// note marks a count as used.
func (c *counts) note(count uint32, req Request, now time.Time) Result {
	switch {
	case count > c.highest:
		if by := count - c.highest; by < countWindow {
			c.seen <<= by
		} else {
			c.seen = 0
		}
		c.highest, c.seen = count, c.seen|1
	case c.highest-count >= countWindow || c.seen&(1<<(c.highest-count)) != 0:
		return Stale
	default:
		c.seen |= 1 << (c.highest - count)
	}
	c.recent = slices.DeleteFunc(c.recent, func(u use) bool { return now.Sub(u.at) > repeats })
	if len(c.recent) == countWindow {
		c.recent = slices.Delete(c.recent, 0, 1)
	}
	c.recent = append(c.recent, use{count, now, sha256.Sum256([]byte(req.Branch)), sha256.Sum256([]byte(req.Origin))})
	return OK
}

var errHeader = errors.New("digest: no Authorization header that can be read")

// parse reads an Authorization header that stands on one line.
func parse(header string) (*digest.Credentials, error) {
	if len(header) > maxHeader || strings.ContainsAny(header, "\r\n\x00") {
		return nil, errHeader
	}
	return digest.ParseCredentials(header)
}

func hexOf(n int) string { return strconv.FormatInt(int64(n), 16) }
