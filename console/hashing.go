package console

import (
	"context"
	"sync"
	"time"

	"golang.org/x/crypto/bcrypt"
)

// hashing is where passwords and tokens are compared with their hashes: two at a time, so that a flood of attempts leaves the
// machine to the PBX, and one of each network, so that it leaves a place to everybody else, and so that what came of one
// attempt is known before the next.
type hashing struct {
	places chan struct{}

	mu    sync.Mutex
	lines map[string]*queue
}

// queue is who waits from one network.
type queue struct {
	turn    chan struct{}
	waiting int
}

const (
	hashesAtATime = 2
	// hashWait is how long an attempt waits for its turn, and longestLine how many of one network do.
	hashWait    = 3 * time.Second
	longestLine = 64
)

func newHashing() *hashing {
	return &hashing{places: make(chan struct{}, hashesAtATime), lines: make(map[string]*queue)}
}

// enter waits for a turn. Who has got it leaves. The error is a problem.
func (h *hashing) enter(ctx context.Context, network string) (leave func(), err error) {
	ctx, cancel := context.WithTimeout(ctx, hashWait)
	defer cancel()
	l := h.stand(network)
	if l == nil {
		return nil, crowded()
	}
	select {
	case l.turn <- struct{}{}:
	case <-ctx.Done():
		h.quit(network)
		return nil, crowded()
	}
	select {
	case h.places <- struct{}{}:
	case <-ctx.Done():
		<-l.turn
		h.quit(network)
		return nil, crowded()
	}
	return func() {
		<-h.places
		<-l.turn
		h.quit(network)
	}, nil
}

func crowded() *Problem {
	return unavailable("too many sign in at the same time; try again").after(hashWait)
}

// stand joins the line of a network. Nil: it is too long.
func (h *hashing) stand(network string) *queue {
	h.mu.Lock()
	defer h.mu.Unlock()
	l := h.lines[network]
	if l == nil {
		l = &queue{turn: make(chan struct{}, 1)}
		h.lines[network] = l
	}
	if l.waiting == longestLine {
		return nil
	}
	l.waiting++
	return l
}

func (h *hashing) quit(network string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	l := h.lines[network]
	if l.waiting--; l.waiting == 0 {
		delete(h.lines, network)
	}
}

// same says whether a password is the one of a hash.
func same(hash, password string) bool {
	return bcrypt.CompareHashAndPassword([]byte(hash), []byte(password)) == nil && len(password) <= longestToken
}
