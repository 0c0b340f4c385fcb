package app

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"supervisiond/supervision"
)

const (
	// epochPatience is how long the daemon waits for NATS before it attaches to the PBX without. Calls that rang when
	// an earlier life of it ended are recognised only if NATS is there first.
	epochPatience = 3 * time.Second
	// stopTime bounds the whole shutdown, and stepTime each step of it.
	stopTime = 5 * time.Second
	stepTime = 3 * time.Second
	// pickupTime is how long the PBX may take to carry out what phones are picking up; it is late then anyway.
	pickupTime = 2 * time.Second
)

// Run is the daemon's life. It returns when the context has ended and all is put away, or when a part failed for good.
func (a *App) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	end := teardown{log: a.log}
	// Registered first, stopped last.
	if a.nats != nil {
		end.add("nats server", a.nats.Shutdown)
	}
	end.add("http", a.console.Shutdown)
	end.spawn("bus", func(ctx context.Context) { _ = a.bus.Run(ctx) })
	end.spawn("engine", a.engine.Run)
	end.spawn("event streams", a.console.Run)
	go func() {
		if err := a.console.Serve(); err != nil {
			cancel(err)
		}
	}()

	err := a.engine.Post(ctx, supervision.Started{
		At: time.Now(), Directory: a.config.Directory, Forwarding: a.config.Forwarding, Logins: a.bus.CopiedLogins(),
		PickupTimeout: a.config.Pickup.Timeout,
	})
	if err == nil {
		err = a.followViews(ctx)
	}
	if err == nil {
		a.log.Info("started", "site", a.config.Site, "people", len(a.config.Directory.People()),
			"groups", len(a.config.Directory.Groups()), "http", a.HTTPAddr().String(), "nats", a.natsName(),
			"sip", a.SIPAddrs())
		a.awaitEpoch(ctx)
		if a.sip != nil {
			end.spawn("sip", a.sip.Run)
		}
		end.spawn("pbx", a.pbx.Run)
		end.spawn("configuration", a.watchConfig)
		end.add("commands", a.finish)
		<-ctx.Done()
	}
	a.log.Info("stopping")
	stopping, done := context.WithTimeout(context.Background(), stopTime)
	defer done()
	end.run(stopping)
	if cause := context.Cause(ctx); !errors.Is(cause, context.Canceled) {
		return cause
	}
	return nil
}

// finish takes no more commands, and waits for those that run and for what phones are picking up: what comes of a pickup
// would otherwise be told to nobody, and the next life of the daemon would take the call for lost.
func (a *App) finish(ctx context.Context) error {
	err := errors.Join(a.bus.StopCommands(ctx), a.console.StopCommands(ctx))
	ctx, cancel := context.WithTimeout(ctx, pickupTime)
	defer cancel()
	return errors.Join(err, a.engine.AwaitPickups(ctx))
}

func (a *App) awaitEpoch(ctx context.Context) {
	select {
	case <-a.begun:
	case <-time.After(epochPatience):
		a.log.Warn("NATS is not there; pickups by phone work, and the state is published as soon as it is")
	case <-ctx.Done():
	}
}

// teardown holds what is to be put away, the last first. Each step is bounded and named.
type teardown struct {
	log   *slog.Logger
	steps []step
}

type step struct {
	name string
	do   func(context.Context) error
}

func (t *teardown) add(name string, do func(context.Context) error) {
	t.steps = append(t.steps, step{name, do})
}

// spawn starts a part that runs until its context ends, and registers its end.
func (t *teardown) spawn(name string, run func(context.Context)) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		run(ctx)
	}()
	t.add(name, func(limit context.Context) error {
		cancel()
		select {
		case <-done:
			return nil
		case <-limit.Done():
			return limit.Err()
		}
	})
}

func (t *teardown) run(ctx context.Context) {
	for i := len(t.steps) - 1; i >= 0; i-- {
		s := t.steps[i]
		limited, cancel := context.WithTimeout(ctx, stepTime)
		if err := s.do(limited); err != nil {
			t.log.Warn("did not stop cleanly", "part", s.name, "error", err)
		}
		cancel()
	}
}
