package app

import (
	"context"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"supervisiond/supervision"
)

// views says whose view is followed: that of some people always, because it is told on NATS, and that of others while an
// event stream shows it.
type views struct {
	mu     sync.Mutex // begins and ends following, one at a time
	always atomic.Pointer[map[supervision.PersonID]bool]
}

// onNATS says whether somebody's view is told on NATS.
func (v *views) onNATS(p supervision.PersonID) bool {
	always := v.always.Load()
	return always != nil && (*always)[p]
}

// followViews has the views told on NATS of all people whom some user's acts_as names, or who have a user of their own on
// an external server. Whoever is followed already stays so.
func (a *App) followViews(ctx context.Context) error {
	people := make(map[supervision.PersonID]bool)
	for _, u := range a.config.NATS.Embedded.Users {
		for _, p := range u.ActsAs.People {
			people[p] = true
		}
	}
	if a.config.NATS.URL != "" {
		for p, c := range a.config.Credentials {
			people[p] = people[p] || !c.PasswordHash.IsEmpty()
		}
	}
	a.views.mu.Lock()
	defer a.views.mu.Unlock()
	a.views.always.Store(&people)
	for _, p := range slices.Sorted(maps.Keys(people)) {
		if err := a.engine.Post(ctx, supervision.Watched{At: time.Now(), Person: p, On: true}); err != nil {
			return err
		}
	}
	return nil
}

// watch follows a person's view for event streams, or no longer.
func (a *App) watch(ctx context.Context, p supervision.PersonID, on bool) error {
	a.views.mu.Lock()
	defer a.views.mu.Unlock()
	if !on && a.views.onNATS(p) {
		return nil
	}
	return a.engine.Post(ctx, supervision.Watched{At: time.Now(), Person: p, On: on})
}
