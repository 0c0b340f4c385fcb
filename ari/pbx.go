package ari

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"supervisiond/supervision"
)

// Mailbox is where domain events go.
type Mailbox interface {
	// Offer takes an event, or reports that there is no room.
	Offer(supervision.Event) bool
	// Post waits for room.
	Post(context.Context, supervision.Event) error
}

// Options are what a PBX adapter is made of.
type Options struct {
	ARI     Server
	App     string
	Mailbox Mailbox
	// Dialplan is what the PBX should have included, and PhoneContext where its phones dial. Whether that is so is
	// looked at after each attachment.
	Dialplan     DialplanOptions
	PhoneContext string
	// Extensions are those of all people: whose lines are looked up in the PBX's store of forwards and do-not-disturb
	// (Dialplan.Families). It is asked for each time. Nil: nobody's.
	Extensions func() []string
	// StorePoll is how often that store is read; nil: every 5 s.
	StorePoll func() time.Duration
	Log       *slog.Logger
	Metrics   prometheus.Registerer
}

// PBX is one Asterisk, attached to through ARI.
type PBX struct {
	o        Options
	rest     *Client
	log      *slog.Logger
	metrics  *metrics
	orders   chan order
	answers  chan answer
	resync   chan struct{} // holds one
	attached atomic.Bool
	probe    probe
	lamps    *lamps
	store    *store
}

// New makes an adapter; Run brings it to life.
func New(o Options) (*PBX, error) {
	rest, err := NewClient(o.ARI)
	if err != nil {
		return nil, err
	}
	m := newMetrics(o.Metrics)
	p := &PBX{
		o: o, rest: rest, log: o.Log, metrics: m, lamps: newLamps(rest, o.Log, m),
		orders: make(chan order, maxOrders), answers: make(chan answer, maxOrders),
		resync: make(chan struct{}, 1), store: newStore(rest, o),
	}
	p.lamps.stored = p.store.off() // nobody will say that it is known
	return p, nil
}

// Resync tells the engine again what the PBX reports, as after a change of the configuration: of people who were not
// known before nothing has been told. While the PBX is not attached there is nothing to do; attaching tells all.
func (p *PBX) Resync() {
	select {
	case p.resync <- struct{}{}:
	default:
	}
}

// Attached says whether the state follows the PBX right now.
func (p *PBX) Attached() bool { return p.attached.Load() }

// errOverflow and errReplaced are reasons to attach anew.
var (
	errMailboxFull = errors.New("events came faster than they could be applied")
	errReplaced    = errors.New("another program has attached with the same application name; give each daemon its own asterisk.ari.app")
)

// Run attaches to the PBX, and again whenever it was lost, until the context ends.
func (p *PBX) Run(ctx context.Context) {
	defer p.rest.Close()
	done := p.startWorkers(ctx)
	defer done()
	wait := newBackoff()
	var complaints complaints
	for ctx.Err() == nil {
		began := time.Now()
		err := p.attach(ctx)
		attached := p.attached.Swap(false)
		p.metrics.connected.Set(0)
		if ctx.Err() != nil {
			return // we leave, the PBX does not
		}
		if attached {
			_ = p.o.Mailbox.Post(ctx, supervision.PBXLost{At: time.Now()})
		}
		pause := wait.next(time.Since(began))
		p.log.Log(ctx, complaints.level(err, time.Now()), "the PBX is out of sight", "error", err, "retry_in", pause.Round(time.Millisecond))
		p.metrics.reconnects.Inc()
		select {
		case <-time.After(pause):
		case <-ctx.Done():
		}
	}
}

// attach follows the PBX until it is lost. Subscriptions and the filter die with the application, so both are set each
// time; frames that arrive while the snapshot is taken wait in the socket's buffer.
func (p *PBX) attach(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	s, err := openSocket(ctx, p.o.ARI, p.o.App)
	if err != nil {
		return err
	}
	defer s.Close()
	if err := p.subscribe(ctx); err != nil {
		return err
	}
	shot, err := p.snapshot(ctx)
	if err != nil {
		return err
	}
	f := p.newFollower()
	if err := f.catchUp(ctx, s, shot); err != nil {
		return err
	}
	p.attached.Store(true)
	p.metrics.connected.Set(1)
	p.log.Info("attached to the PBX", "version", shot.version, "channels", len(shot.channels))
	p.probe.restart()
	if len(shot.channels) > 0 {
		p.lookAtDialplan(shot.channels[0].ID)
	}
	p.store.up()
	defer p.store.down()
	return f.follow(ctx, s)
}

func (p *PBX) subscribe(ctx context.Context) error {
	if err := p.rest.Subscribe(ctx, p.o.App, "channel:", "endpoint:", "bridge:"); err != nil {
		return fmt.Errorf("subscribing to the PBX's events: %w", err)
	}
	if err := p.rest.SetEventFilter(ctx, p.o.App, wantedTypes()); err != nil {
		return fmt.Errorf("setting the event filter: %w", err)
	}
	return nil
}

func (p *PBX) snapshot(ctx context.Context) (*snapshot, error) {
	info, err := p.rest.Info(ctx)
	if err != nil {
		return nil, err
	}
	s := &snapshot{version: info.SystemInfo.Version}
	if s.channels, err = p.rest.channels(ctx); err != nil {
		return nil, err
	}
	s.channels = slices.DeleteFunc(s.channels, func(c channel) bool { return isStoreChannel(c.Name) })
	p.linkUp(ctx, s.channels)
	endpoints, err := p.rest.Endpoints(ctx)
	if err != nil {
		return nil, err
	}
	for _, e := range endpoints {
		s.endpoints = append(s.endpoints, endpoint{Name: e.Technology + "/" + e.Resource, Online: e.State == "online"})
	}
	return s, nil
}
