// Package feed brings a screen what NATS tells of a site, without a gap: what one person may see, or everything. It asks
// anew after each reconnect and whenever something is missing, and carries out commands.
package feed

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/nats-io/nats.go"

	"supervisiond/bus/subject"
	"supervisiond/supervision"
	"supervisiond/watch/screen"
)

// Options say what is watched.
type Options struct {
	Site string
	// As is the person as whom one watches and commands. Empty: everything is read from the bucket of the state.
	As supervision.PersonID
	// Connect opens the connection.
	Connect func(...nats.Option) (*nats.Conn, error)
	// PickupTime is how long the answer to a pickup may take.
	PickupTime time.Duration
}

const (
	// askTime is how long an answer may take: a command takes 5 s at most.
	askTime        = 6 * time.Second
	connectTimeout = 3 * time.Second
	// snapshotTime is how long it may take to find out how things are, once.
	snapshotTime = 10 * time.Second
	// maxPending is how many changes may wait for the terminal; of more it is as if they had got lost.
	maxPending = 8192
	// pingInterval and two pings without an answer: a server that says nothing is noticed within 9 s.
	pingInterval = 3 * time.Second
	// reconnectWait and retryWait are pauses between attempts.
	reconnectWait = 500 * time.Millisecond
	retryWait     = 500 * time.Millisecond
)

// Feed is a connection and what follows on it.
type Feed struct {
	options Options
	nc      *nats.Conn

	// states holds one: how the connection is, the newest.
	states chan state

	mu   sync.Mutex
	life context.Context // ends when the connection goes
	end  context.CancelCauseFunc
}

// state is how the connection is. Away says why it is not there; empty: it is.
type state struct{ away string }

// Fatal is an error that trying again does not mend.
type Fatal struct{ error }

// Unwrap returns the error.
func (f Fatal) Unwrap() error { return f.error }

// Open connects. That nobody is there at the beginning is an error; later it is waited for.
func Open(o Options) (*Feed, error) {
	f := &Feed{options: o, states: make(chan state, 1)}
	f.rise()
	nc, err := o.Connect(
		nats.Name("supervisiond watch "+o.Site),
		nats.MaxReconnects(-1),
		nats.ReconnectWait(reconnectWait),
		nats.ReconnectJitter(reconnectWait, reconnectWait),
		nats.Timeout(connectTimeout),
		nats.PingInterval(pingInterval),
		nats.MaxPingsOutstanding(2),
		// A command that cannot be sent now is not sent later.
		nats.ReconnectBufSize(-1),
		// A server that comes back may refuse for a moment whom it knows.
		nats.IgnoreAuthErrorAbort(),
		nats.DisconnectErrHandler(func(nc *nats.Conn, err error) {
			if nc.IsClosed() {
				return
			}
			if err == nil {
				err = errors.New("the server ended the connection")
			}
			f.fall(fmt.Errorf("NATS is away: %w", err))
			f.tell(state{away: "NATS is away, trying again"})
		}),
		nats.ReconnectErrHandler(func(_ *nats.Conn, err error) {
			f.tell(state{away: "NATS is away, trying again: " + err.Error()})
		}),
		nats.ReconnectHandler(func(*nats.Conn) {
			f.rise()
			f.tell(state{})
		}),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
			if errors.Is(err, nats.ErrPermissionViolation) {
				f.fall(Fatal{f.forbidden(err)})
			}
		}),
	)
	if err != nil {
		return nil, err
	}
	f.nc = nc
	f.tell(state{})
	return f, nil
}

// Close ends the connection.
func (f *Feed) Close() { f.nc.Close() }

// tell leaves the newest state for Run.
func (f *Feed) tell(s state) {
	select {
	case <-f.states:
	default:
	}
	select {
	case f.states <- s:
	default: // somebody else was faster, with what is as new
	}
}

func (f *Feed) rise() {
	f.fall(errors.New("reconnected"))
	f.mu.Lock()
	defer f.mu.Unlock()
	f.life, f.end = context.WithCancelCause(context.Background())
}

func (f *Feed) fall(why error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.end != nil {
		f.end(why)
	}
}

// alive is a context that ends with ctx or when the connection goes, whose cause then says why.
func (f *Feed) alive(ctx context.Context) (context.Context, context.CancelFunc) {
	f.mu.Lock()
	life := f.life
	f.mu.Unlock()
	ctx, cancel := context.WithCancelCause(ctx)
	stop := context.AfterFunc(life, func() { cancel(context.Cause(life)) })
	return ctx, func() { stop(); cancel(nil) }
}

// Run tells all that happens until ctx ends, or until something is wrong that trying again does not mend.
func (f *Feed) Run(ctx context.Context, tell func(screen.Msg)) error {
	for s := range f.stateChanges(ctx) {
		if s.away != "" {
			tell(screen.Away{At: time.Now(), Why: s.away})
			continue
		}
		if err := f.follow(ctx, tell); err != nil {
			return err
		}
	}
	return nil
}

// stateChanges are the states of the connection as they come, until ctx ends.
func (f *Feed) stateChanges(ctx context.Context) func(func(state) bool) {
	return func(yield func(state) bool) {
		for {
			select {
			case s := <-f.states:
				if !yield(s) {
					return
				}
			case <-ctx.Done():
				return
			}
		}
	}
}

// follow tells what happens while the connection is there. Whatever is missed is a reason to begin anew. An error is
// fatal.
func (f *Feed) follow(ctx context.Context, tell func(screen.Msg)) error {
	here, cancel := f.alive(ctx)
	defer cancel()
	tell(screen.Reading{At: time.Now(), Why: "Reading the state"})
	for here.Err() == nil {
		err := f.session(here, tell)
		if fatal, ok := errors.AsType[Fatal](context.Cause(here)); ok {
			return fatal
		}
		if fatal, ok := errors.AsType[Fatal](err); ok {
			return fatal
		}
		if here.Err() != nil {
			return nil
		}
		if errors.Is(err, errGap) {
			tell(screen.Reading{At: time.Now(), Why: "Reading the state again"})
			continue
		}
		tell(screen.Reading{At: time.Now(), Why: sentence(err)})
		select {
		case <-time.After(retryWait):
		case <-here.Done():
		}
	}
	return nil
}

// sentence is an error as a screen says it.
func sentence(err error) string {
	text := err.Error()
	first, size := utf8.DecodeRuneInString(text)
	return string(unicode.ToUpper(first)) + text[size:]
}

// errGap says that something was missed.
var errGap = errors.New("something was missed")

// session reads all there is and tells what changes, until something is missed or fails.
func (f *Feed) session(ctx context.Context, tell func(screen.Msg)) error {
	if f.options.As == "" {
		return f.followBucket(ctx, tell)
	}
	return f.followView(ctx, tell)
}

// subscribe begins to listen, with a bound.
func (f *Feed) subscribe(to string) (*nats.Subscription, error) {
	sub, err := f.nc.SubscribeSync(to)
	if err != nil {
		return nil, err
	}
	return sub, sub.SetPendingLimits(maxPending, -1)
}

// Once is all there is to see now.
func (f *Feed) Once(ctx context.Context) (screen.Picture, error) {
	ctx, done := context.WithTimeout(ctx, snapshotTime)
	defer done()
	ctx, cancel := f.alive(ctx)
	defer cancel()
	var picture screen.Picture
	var err error
	if f.options.As == "" {
		picture, _, err = f.readBucket(ctx)
	} else {
		var v *supervision.View
		if v, err = f.view(ctx); err == nil {
			picture = screen.PictureOf(v)
		}
	}
	if cause := context.Cause(ctx); cause != nil {
		err = cause
	}
	return picture, err
}

// forbidden says what would have to be allowed.
func (f *Feed) forbidden(err error) error {
	if f.options.As == "" {
		return fmt.Errorf("this user may not read the state of site %s (%w): it takes one with acts_as: [\"*\"]; "+
			"others watch as a person, with --as PERSON", f.options.Site, err)
	}
	switch text := err.Error(); {
	case strings.Contains(text, "_INBOX"):
		return fmt.Errorf("this user may not have the inbox %s.> (%w): supervisiond nats-permissions says what it needs", subject.Inbox("USER"), err)
	case strings.Contains(text, ".state."):
		return fmt.Errorf("nobody is told what %s may see (%w): name %s in the acts_as of this user, under nats.embedded.users",
			f.options.As, err, f.options.As)
	}
	return fmt.Errorf("this user may not act as %s (%w): name %s in its acts_as", f.options.As, err, f.options.As)
}
