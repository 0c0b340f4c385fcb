package console

import (
	"context"
	"net/http"
	"strconv"
	"sync"
	"time"

	"supervisiond/supervision"
)

const (
	// maxAsks is how many commands may run at a time, and maxAsksOf how many of one person.
	maxAsks   = 1024
	maxAsksOf = 64
	// askTime is how long a command may take, and pickupTime one that waits for a phone: more than pickup.timeout may be.
	askTime    = 5 * time.Second
	pickupTime = 5*time.Minute + askTime
	// askPrefix begins the ids of commands that came over HTTP.
	askPrefix = "http-"
)

// asks are the commands whose replies are awaited.
type asks struct {
	command func(supervision.Commanded) error
	now     func() time.Time

	mu      sync.Mutex
	last    uint64
	waiting map[string]chan *supervision.Reply
	of      map[supervision.PersonID]int
	running sync.WaitGroup
	stopped bool
}

func newAsks(command func(supervision.Commanded) error, now func() time.Time) *asks {
	return &asks{command: command, now: now, waiting: make(map[string]chan *supervision.Reply), of: make(map[supervision.PersonID]int)}
}

// ask gives a command on behalf of a person, and waits for the reply. The error is a problem.
func (a *asks) ask(ctx context.Context, actor supervision.PersonID, c supervision.Command) (*supervision.Reply, error) {
	limit := askTime
	if _, ok := c.(supervision.PickUpCall); ok {
		limit = pickupTime
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	id, reply, why := a.enter(actor)
	if why != nil {
		return nil, why
	}
	defer a.leave(id, actor)
	err := a.command(supervision.Commanded{At: a.now(), ID: id, Actor: actor, Via: supervision.ViaHTTP, Command: c})
	if err != nil {
		return nil, unavailable("the daemon cannot take the command: " + err.Error())
	}
	select {
	case r := <-reply:
		if r.Refusal != nil {
			return nil, refused(r.Refusal)
		}
		return r, nil
	case <-ctx.Done():
		return nil, refused(supervision.NoReply(c))
	}
}

func unavailable(why string) *Problem {
	return problem(http.StatusServiceUnavailable, supervision.Unavailable, why)
}

func (a *asks) enter(actor supervision.PersonID) (string, chan *supervision.Reply, *Problem) {
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case a.stopped:
		return "", nil, unavailable("the daemon is stopping").after(time.Second)
	case len(a.waiting) >= maxAsks:
		return "", nil, unavailable("too many commands run at the same time; try again").after(time.Second)
	case a.of[actor] >= maxAsksOf:
		return "", nil, problem(http.StatusTooManyRequests, codeTooManyRequests, "too many commands of this person run at the same time").after(time.Second)
	}
	a.last++
	id := askPrefix + strconv.FormatUint(a.last, 10)
	reply := make(chan *supervision.Reply, 1)
	a.waiting[id] = reply
	a.of[actor]++
	a.running.Add(1)
	return id, reply, nil
}

func (a *asks) leave(id string, actor supervision.PersonID) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.waiting, id)
	if a.of[actor]--; a.of[actor] == 0 {
		delete(a.of, actor)
	}
	a.running.Done()
}

// replied passes a reply on to who waits for it, if anybody does. It never blocks.
func (a *asks) replied(r supervision.Reply) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if reply := a.waiting[r.ID]; reply != nil {
		select {
		case reply <- &r:
		default: // a command is answered once
		}
	}
}

// stop takes no more commands, and waits for those that run.
func (a *asks) stop(ctx context.Context) error {
	a.mu.Lock()
	a.stopped = true
	a.mu.Unlock()
	done := make(chan struct{})
	go func() {
		a.running.Wait()
		close(done)
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
