package ari

import (
	"math/rand/v2"
	"time"
)

const (
	firstPause = 100 * time.Millisecond
	maxPause   = 5 * time.Second
	// stableAfter is how long an attachment must have lasted for its loss to count as the first in a row.
	stableAfter = 30 * time.Second
)

// backoff says how long to wait before the next attempt to attach: twice as long each time, up to 5 s. Half of it is
// chance, so that the daemons of several sites do not come back to a restarted PBX in step.
type backoff struct {
	pause  time.Duration
	random func() float64
}

func newBackoff() *backoff { return &backoff{random: rand.Float64} }

// next takes how long the last attempt, with all that came of it, lasted.
func (b *backoff) next(lasted time.Duration) time.Duration {
	switch {
	case b.pause == 0, lasted >= stableAfter:
		b.pause = firstPause
	default:
		b.pause = min(2*b.pause, maxPause)
	}
	half := b.pause / 2
	return half + time.Duration(b.random()*float64(half))
}
