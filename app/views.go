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
// event stream or a phone shows it.
type views struct {
	mu     sync.Mutex // begins and ends following, one at a time
	shown  map[supervision.PersonID][]follower
	always atomic.Pointer[map[supervision.PersonID]bool]
}

// follower is a part of the daemon that shows views.
type follower string

const (
	byStreams follower = "streams"
	byPhones  follower = "phones"
)

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
		for p, c := range a.current.Load().Credentials {
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

// watch follows a person's view for a part of the daemon, or no longer. It is followed as long as any of them shows it.
func (a *App) watch(who follower) func(context.Context, supervision.PersonID, bool) error {
	return func(ctx context.Context, p supervision.PersonID, on bool) error {
		a.views.mu.Lock()
		defer a.views.mu.Unlock()
		rest := slices.DeleteFunc(a.views.shown[p], func(f follower) bool { return f == who })
		if on {
			rest = append(rest, who)
		}
		if a.views.shown == nil {
			a.views.shown = make(map[supervision.PersonID][]follower)
		}
		a.views.shown[p] = rest
		if len(rest) == 0 {
			delete(a.views.shown, p)
		}
		if !on && (len(rest) > 0 || a.views.onNATS(p)) {
			return nil
		}
		return a.engine.Post(ctx, supervision.Watched{At: time.Now(), Person: p, On: on})
	}
}
