package ari

import (
	"testing"
	"time"
)

func TestBackoff(t *testing.T) {
	const ms = time.Millisecond
	b := newBackoff()
	b.random = func() float64 { return 1 }
	for i, step := range []struct{ lasted, want time.Duration }{
		{0, 100 * ms}, {0, 200 * ms}, {time.Second, 400 * ms}, {0, 800 * ms}, {0, 1600 * ms}, {0, 3200 * ms}, {0, 5000 * ms},
		{29 * time.Second, 5000 * ms}, {30 * time.Second, 100 * ms}, {0, 200 * ms},
	} {
		if got := b.next(step.lasted); got != step.want {
			t.Errorf("step %d: %v, want %v", i, got, step.want)
		}
	}
	b = newBackoff()
	for range 1000 {
		if got := b.next(0); got < firstPause/2 || got > maxPause {
			t.Fatalf("%v", got)
		}
	}
}
