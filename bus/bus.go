package bus

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/prometheus/client_golang/prometheus"

	"supervisiond/supervision"
)

// Options says how a bus publishes.
type Options struct {
	Site string
	// Connect opens the connection: nats.Connect with a URL, credentials and TLS, or with the embedded server. It must
	// pass the bus's options on. See URL.
	Connect func(...nats.Option) (*nats.Conn, error)
	History History
	Log     *slog.Logger
	Metrics prometheus.Registerer
	// Begin is called once, when the epoch of this life of the daemon has begun and before anything is published under
	// it. It should return when the event is on its way; the state is then written as soon as the site's document
	// speaks of the epoch.
	Begin func(supervision.EpochBegun)
	// Command takes what was asked for on NATS; a supervision.Reply with its ID is to be among the effects that Take gets.
	// An error says that it cannot be taken now. It must not block. Nil: no commands are served.
	Command func(supervision.Commanded) error
	// Views says whose views are told of those that are followed (supervision.Show). It must not block. Nil: all.
	Views func(supervision.PersonID) bool
	// Post is told what came of each supervision.SaveLogin, and (supervision.NATSSeen) whether there is anybody to carry
	// them out. It may block: nothing but the next such message waits for it.
	Post func(supervision.Event)
	// LoginCopy is the file in which the daemon keeps a copy of the logins, for the day on which NATS has lost some; its
	// folder is made if need be. Empty: there is no copy.
	LoginCopy string
	// Newcomers are all who have a login, as they would start without one stored. It is for the log, which names who does
	// so because their login is lost.
	Newcomers func() []supervision.StoredLogin
	// Now is the clock; time.Now by default.
	Now func() time.Time
}

// History limits the stream of events. 0: no limit.
type History struct {
	Keep     time.Duration
	MaxBytes int64
}

// URL returns a Connect for a server elsewhere.
func URL(url string, options ...nats.Option) func(...nats.Option) (*nats.Conn, error) {
	return func(own ...nats.Option) (*nats.Conn, error) {
		return nats.Connect(url, append(own, options...)...)
	}
}

// Bus publishes the state and the events of a site.
type Bus struct {
	options    Options
	log        *slog.Logger
	queue      *queue
	metrics    *metrics
	complaints *complaints
	commands   *commands
	logins     *logins
	ready      atomic.Bool
	epoch      atomic.Uint64 // 0: none has begun
	readers    chan struct{} // holds one for each reading of the history

	// What tests make shorter.
	markerTTL  time.Duration
	ackTimeout time.Duration
	siteWait   time.Duration
	drain      time.Duration
}

const (
	// drainTime is how long Run goes on publishing what is queued when it is told to stop.
	drainTime = 2 * time.Second
	// closeTime is how much longer Run waits for a connection that is stuck.
	closeTime = 500 * time.Millisecond
	// ackTime is how long NATS may take to acknowledge a message.
	ackTime = 5 * time.Second
	// siteTime is how long the first state waits for the site's document to speak of the new epoch.
	siteTime = 2 * time.Second
	// prepareTime bounds what is done before the state is written.
	prepareTime = 15 * time.Second

	minBackoff = 250 * time.Millisecond
	maxBackoff = 5 * time.Second
)

// New makes a bus. It takes effects at once and publishes them when Run has found NATS.
func New(o Options) *Bus {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	q := newQueue(nil)
	q.count = newMetrics(o.Metrics, func() float64 { return float64(q.depth()) })
	b := &Bus{
		options:    o,
		log:        o.Log,
		queue:      q,
		metrics:    q.count,
		complaints: &complaints{log: o.Log, now: o.Now},
		readers:    make(chan struct{}, historyReaders),
		markerTTL:  defaultMarkerTTL,
		ackTimeout: ackTime,
		siteWait:   siteTime,
		drain:      drainTime,
	}
	b.commands, b.logins = newCommands(b), newLogins(b)
	q.viewed = o.Views
	q.awaited, q.deliver = b.commands.replied, b.commands.deliver
	if o.LoginCopy != "" {
		b.logins.useCopy(o.LoginCopy)
	}
	return b
}

// Take queues the documents, announcements, replies and logins among the effects; at is when that which caused them
// arrived. It never blocks, however NATS is. It may be called at any time, also before Run, but not from two goroutines
// at once where their order matters.
func (b *Bus) Take(at time.Time, effects []supervision.Effect) {
	for _, effect := range effects {
		switch e := effect.(type) {
		case supervision.SaveLogin:
			b.logins.save(e)
		case supervision.ForgetLogin:
			b.logins.forget(e)
		}
	}
	b.queue.take(at, effects)
}

// StopCommands takes no more commands, and returns when those that run are answered. When ctx is done before, the others
// are refused. What answers them, the engine, must be stopped after that; Run goes on until it is told.
func (b *Bus) StopCommands(ctx context.Context) error { return b.commands.stop(ctx) }

// CopiedLogins are the logins as the daemon's copy has them: what an earlier life knew last. NATS may know better when it
// is there.
func (b *Bus) CopiedLogins() []supervision.StoredLogin { return b.logins.remembered() }

// Ready says whether NATS is there and holds the whole state.
func (b *Bus) Ready() bool { return b.ready.Load() }

// Epoch is the epoch under which this life of the daemon publishes, or 0 before it has begun.
func (b *Bus) Epoch() uint64 { return b.epoch.Load() }

// Run connects, publishes, and does both again for as long as it takes, until ctx is done. Then it publishes what is
// queued, if NATS takes it within two seconds, and returns nil.
func (b *Bus) Run(ctx context.Context) error {
	end, kept := make(chan struct{}), make(chan struct{})
	defer func() {
		close(end)
		<-kept // whoever follows finds the copy as it is to be
	}()
	go b.commands.run(end)
	go b.logins.tell(b.options.Post, end)
	go func() {
		defer close(kept)
		b.logins.keep(end)
	}()
	done := make(chan struct{})
	go func() {
		defer close(done)
		for pause := minBackoff; ctx.Err() == nil; pause = min(2*pause, maxBackoff) {
			b.hold(ctx)
			sleep(ctx, pause)
		}
	}()
	<-ctx.Done()
	_ = b.commands.stop(ctx) // what StopCommands has not waited for
	select {
	case <-done:
	case <-time.After(b.drain + closeTime):
		// A server that reads nothing blocks a write for a while; the daemon does not wait for it.
	}
	b.down()
	if left := b.queue.depth(); left > 0 {
		b.log.Warn("stopped with things unpublished", "left", left)
	}
	return nil
}

// hold opens a connection and serves it until it is closed for good.
func (b *Bus) hold(ctx context.Context) {
	l := newLink()
	nc, err := b.connect(l)
	if err != nil {
		b.complaints.say("cannot set up the connection to NATS, trying on", explain(err))
		return
	}
	defer nc.Close()
	for {
		select {
		case conn := <-l.up:
			b.serve(ctx, conn, nc)
		case <-l.closed:
			return
		case <-ctx.Done():
			return
		}
	}
}

// serve runs one session after the other while the connection lasts.
func (b *Bus) serve(ctx, conn context.Context, nc *nats.Conn) {
	pause := minBackoff
	for ctx.Err() == nil && conn.Err() == nil {
		began := time.Now()
		err := b.session(ctx, conn, nc)
		b.ready.Store(false)
		if err == nil || ctx.Err() != nil || conn.Err() != nil {
			return
		}
		b.metrics.errors.Inc()
		b.complaints.say("publishing on NATS failed, trying on", explain(err))
		if errors.Is(err, errStalled) && nc.FlushTimeout(time.Second) != nil {
			// It answers nothing at all: another connection may fare better.
			_ = nc.ForceReconnect()
			return
		}
		if time.Since(began) > 2*maxBackoff {
			pause = minBackoff
		}
		sleepEither(ctx, conn, pause)
		pause = min(2*pause, maxBackoff)
	}
}

func sleep(ctx context.Context, d time.Duration) { sleepEither(ctx, ctx, d) }

func sleepEither(a, b context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-a.Done():
	case <-b.Done():
	}
}
