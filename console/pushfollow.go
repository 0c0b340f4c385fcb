package console

import (
	"context"
	"time"

	"supervisiond/supervision"
)

// pushPause is how long it is waited until somebody is followed for push who could not be.
const pushPause = time.Second

// pushFollowers has those followed who have push subscriptions. It belongs to one goroutine.
type pushFollowers struct {
	s       *Server
	clients map[supervision.PersonID]*client
	cut     chan struct{} // has something in it when a client may be cut
}

// pushListener hands on what one person is shown.
type pushListener struct {
	followers *pushFollowers
	person    supervision.PersonID
}

func (l pushListener) shown(at time.Time, show *supervision.Show) {
	if show.View != nil {
		l.followers.s.push.View(at, l.person, show.View)
	} else {
		l.followers.s.push.Changes(at, l.person, show.Changes)
	}
}

func (l pushListener) lost() {
	select {
	case l.followers.cut <- struct{}{}:
	default:
	}
}

// followForPush runs until the context ends.
func (s *Server) followForPush(ctx context.Context) {
	f := &pushFollowers{s: s, clients: make(map[supervision.PersonID]*client), cut: make(chan struct{}, 1)}
	for {
		var again <-chan time.Time
		if !f.adjust(ctx) {
			again = time.After(pushPause)
		}
		select {
		case <-s.push.News():
		case <-f.cut:
		case <-again:
		case <-ctx.Done():
			return
		}
	}
}

// adjust follows those who have subscriptions and lets go of the others. It says whether all are followed.
func (f *pushFollowers) adjust(ctx context.Context) bool {
	wanted := make(map[supervision.PersonID]bool)
	for _, p := range f.s.push.People() {
		wanted[p] = true
	}
	for p, c := range f.clients {
		if c.isCut() || !wanted[p] {
			f.s.hub.leave(c)
			delete(f.clients, p)
		}
		if !wanted[p] {
			f.s.push.Unfollow(p)
		}
	}
	all := true
	for p := range wanted {
		if f.clients[p] != nil {
			continue
		}
		c, err := f.s.hub.listen(ctx, p, pushListener{f, p})
		if err != nil {
			f.s.log.Debug("a view is not followed for push yet", "person", p, "error", err)
			all = false
			continue
		}
		f.clients[p] = c
	}
	return all
}

func (c *client) isCut() bool {
	select {
	case <-c.cut:
		return true
	default:
		return false
	}
}
