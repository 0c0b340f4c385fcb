package front

import (
	"net/netip"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"
)

const (
	// maxKnown is how many addresses are known to belong to somebody, knownFor for how long after they were last heard or spoken to.
	maxKnown = 16_384
	knownFor = 120 * time.Minute
)

// sources are addresses that are known to belong to somebody.
type sources struct {
	mu   sync.Mutex
	last *simplelru.LRU[netip.AddrPort, time.Time]
}

func newSources() *sources {
	last, _ := simplelru.NewLRU[netip.AddrPort, time.Time](maxKnown, nil) // fails for sizes below 1 only
	return &sources{last: last}
}

func (s *sources) add(a netip.AddrPort, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last.Add(a, now)
}

func (s *sources) has(a netip.AddrPort, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	last, ok := s.last.Get(a)
	return ok && now.Sub(last) <= knownFor
}

func (s *sources) len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.last.Len()
}
