package bus

import (
	"context"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"supervisiond/supervision"
)

// session prepares the server, writes the whole state and then what comes, until something goes wrong or, with nil,
// until ctx is done and what was queued is out. conn ends with the connection.
func (b *Bus) session(ctx, conn context.Context, nc *nats.Conn) error {
	w := newWriter(b, nc)
	js, err := jetstream.New(nc,
		jetstream.WithDefaultTimeout(connectTimeout),
		jetstream.WithPublishAsyncTimeout(b.ackTimeout),
		jetstream.WithPublishAsyncMaxPending(2*(maxDocuments+maxEvents)),
		jetstream.WithPublishAsyncAckHandler(func(_ jetstream.JetStream, m *nats.Msg, ack *jetstream.PubAck) { w.acked(m, ack) }),
		jetstream.WithPublishAsyncErrHandler(func(_ jetstream.JetStream, m *nats.Msg, err error) { w.refused(m, err) }),
	)
	if err != nil {
		return fmt.Errorf("JetStream: %w", err)
	}
	defer js.CleanupPublisher()

	// Logins are stored until the end, also while what is queued goes out after ctx is done.
	lasting, end := context.WithCancel(context.WithoutCancel(ctx))
	defer end()
	defer b.logins.end()
	present, err := b.prepare(ctx, conn, js, &loginSession{ctx: lasting, nc: nc, fail: w.abort})
	if err != nil {
		return err
	}
	if err := b.commands.serve(nc); err != nil {
		return err
	}
	b.metrics.rewrites.Inc()
	n := b.queue.rewrite(present, b.options.Now())
	b.log.Info("writing the whole state to NATS", "documents", n, "epoch", b.Epoch())
	w.begin(js, newEncoder(b.options.Site, b.Epoch(), b.markerTTL), n)
	b.queue.serve(true)
	err = w.run(ctx, conn)
	b.queue.giveBack(w.end())
	b.queue.serve(false)
	return err
}

// prepare sees to the server's buckets and streams and, the first time, begins the epoch. It returns the keys that the
// state bucket holds.
func (b *Bus) prepare(ctx, conn context.Context, js jetstream.JetStream, logins *loginSession) ([]string, error) {
	pctx, cancel := context.WithTimeout(ctx, prepareTime)
	defer cancel()
	defer context.AfterFunc(conn, cancel)()

	site := b.options.Site
	if err := checkServer(pctx, logins.nc, js); err != nil {
		return nil, err
	}
	for _, config := range []jetstream.StreamConfig{
		loginsConfig(site), eventsConfig(site, b.options.History), stateConfig(site, b.markerTTL),
	} {
		if err := ensure(pctx, js, config); err != nil {
			return nil, err
		}
	}
	count, err := openEpochs(pctx, js, site, b.log)
	if err != nil {
		return nil, err
	}
	if epoch := b.Epoch(); epoch == 0 {
		err = b.begin(pctx, js, count, logins)
	} else {
		err = b.resume(pctx, count, logins)
	}
	if err != nil {
		return nil, err
	}
	return presentKeys(pctx, js, site)
}

// resume goes on with the epoch that has begun.
func (b *Bus) resume(ctx context.Context, count *epochs, logins *loginSession) error {
	if err := b.logins.resume(ctx, logins); err != nil {
		return err
	}
	if err := b.awaitSite(ctx, b.Epoch()); err != nil {
		return err
	}
	last, err := count.keep(ctx, b.Epoch())
	if err == nil && last > b.Epoch() {
		b.log.Warn("another daemon has begun a later epoch at this site; two daemons must not share one", "epoch", b.Epoch(), "later", last)
	}
	return err
}

// begin begins the epoch of this life of the daemon. Logins are stored from a moment before Options.Begin: what that says
// of them is what was read, and nothing may have been written in between.
func (b *Bus) begin(ctx context.Context, js jetstream.JetStream, count *epochs, logins *loginSession) error {
	var p past
	var err error
	if p.epoch, _, err = count.read(ctx); err != nil {
		return err
	}
	if p.history, err = lastEpoch(ctx, js, b.options.Site); err != nil {
		return err
	}
	found, stored, v, err := b.logins.load(ctx, logins, p)
	if err != nil {
		return err
	}
	open, err := openCalls(ctx, js, b.options.Site)
	if err != nil {
		return err
	}
	if found, err = b.logins.repair(ctx, logins, found, v.rotten()); err != nil {
		return err
	}
	b.logins.place(found)
	epoch, err := count.begin(ctx, b.logins.floor(v, p), b.logins.note)
	if err != nil {
		return err
	}
	b.log.Info("an epoch has begun", "epoch", epoch, "open_calls", len(open), "logins", len(stored))
	b.epoch.Store(epoch)
	b.logins.open(logins, found)
	if b.options.Begin == nil {
		return nil
	}
	b.options.Begin(supervision.EpochBegun{At: b.options.Now(), Epoch: epoch, Open: open, Logins: stored})

	b.logins.seen()
	return b.awaitSite(ctx, epoch)
}

// awaitSite lets the engine hear that NATS is there before the state is written: what is queued was made without.
func (b *Bus) awaitSite(ctx context.Context, epoch uint64) error {
	if b.options.Begin == nil {
		return nil
	}
	timeout := time.NewTimer(b.siteWait)
	defer timeout.Stop()
	for !b.queue.vouched(epoch) {
		select {
		case <-b.queue.wake:
		case <-timeout.C:
			b.log.Warn("the site's document does not say yet that NATS is there; writing the state as it is", "epoch", epoch)
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}
