package acceptance

import (
	"context"
	"slices"
	"strings"
	"testing"
)

// in gives the site to a subtest.
func (s *site) in(t *testing.T) *site {
	sub := *s
	sub.t, sub.watch = t, s.watch.in(t)
	return &sub
}

// sameWords compares lists in any order.
func sameWords(a, b string) bool {
	x, y := strings.Fields(a), strings.Fields(b)
	slices.Sort(x)
	slices.Sort(y)
	return slices.Equal(x, y)
}

// expired is a context that is over, to take only what is there already.
func expired() (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx, cancel
}
