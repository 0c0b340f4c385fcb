package front

import (
	"net/netip"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"
)

const (
	// wrongAgain is after how long a name is logged again whose secret is still wrong. Names that nobody has count as one.
	wrongAgain = 10 * time.Minute
	// wrongNames is of how many that is remembered: there are no more people.
	wrongNames = 10_000
)

// strangers logs who is not let in: an administrator who has mistyped a secret looks for it there, and who tries one after the
// other is to fill no disk.
func (f *Front) strangers() func(name string, from netip.Addr) {
	said, _ := simplelru.NewLRU[string, time.Time](wrongNames, nil) // fails for sizes below 1 only
	var mu sync.Mutex
	due := func(name string) bool {
		mu.Lock()
		defer mu.Unlock()
		now := f.gate.now()
		if last, known := said.Get(name); known && now.Sub(last) < wrongAgain {
			return false
		}
		said.Add(name, now)
		return true
	}
	return func(name string, from netip.Addr) {
		person, known := (*f.people.Load())[name]
		switch {
		case known && due(name):
			f.log.Warn("a phone is not let in: its secret is not the one of people.ID.sip, or another realm was used for its hash",
				"person", person.ID, "username", name, "from", from.String())
		case !known && due(""):
			f.log.Warn("a phone is not let in: nobody has this user name in people.ID.sip", "username", name, "from", from.String())
		}
	}
}
