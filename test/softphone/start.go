package softphone

import (
	"context"
	"testing"
	"time"
)

// Start makes a phone for a test and closes it at the test's end.
func Start(t testing.TB, options Options) *Phone {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	p, err := New(ctx, options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := p.Close(ctx); err != nil {
			t.Errorf("close phone %s: %v", options.User, err)
		}
	})
	return p
}
