package app

import (
	"context"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"supervisiond/ari"
	"supervisiond/bus"
	"supervisiond/bus/embedded"
	"supervisiond/config"
	"supervisiond/console"
	"supervisiond/engine"
	"supervisiond/sip"
	"supervisiond/supervision"
)

// Options are what an app takes besides its configuration.
type Options struct {
	Log *slog.Logger
	// Level is the level of Log, where a reload may change it.
	Level *slog.LevelVar
	// Metrics is where the daemon's figures are registered and read from. Nil: a registry of its own.
	Metrics *prometheus.Registry
}

// App is one daemon.
type App struct {
	config    *config.Config                // as the daemon was started with
	current   atomic.Pointer[config.Config] // as it was reloaded last
	reloading sync.Mutex
	log       *slog.Logger
	level     *slog.LevelVar

	nats    *embedded.Server // nil: an external server
	bus     *bus.Bus
	engine  *engine.Engine
	pbx     *ari.PBX
	console *console.Server
	sip     *sip.Server // nil: there is no event server
	views   views
	// begun is closed when the state has an epoch.
	begun chan struct{}
}

// New makes a daemon. It binds every address, so that a port that is taken is known at once; what is not there yet, the
// PBX or an external NATS server, Run waits for.
func New(cfg *config.Config, o Options) (*App, error) {
	if o.Metrics == nil {
		o.Metrics = prometheus.NewRegistry()
		o.Metrics.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	}
	a := &App{config: cfg, log: o.Log, level: o.Level, begun: make(chan struct{})}
	a.current.Store(cfg)
	var undo teardown
	undo.log = o.Log
	made := false
	defer func() {
		if !made {
			undo.run(context.Background())
		}
	}()

	var err error
	if a.console, err = console.New(a.consoleOptions(o)); err != nil {
		return nil, err
	}
	undo.add("http", a.console.Shutdown)

	if a.sip, err = a.newSIP(o); err != nil {
		return nil, err
	}
	if a.sip != nil {
		undo.add("sip", func(context.Context) error { a.sip.Close(); return nil })
	}

	connect, err := a.natsConnect()
	if err != nil {
		return nil, err
	}
	if a.nats != nil {
		undo.add("nats server", a.nats.Shutdown)
	}
	a.bus = bus.New(bus.Options{
		Site: cfg.Site, Connect: connect, Log: o.Log.With("part", "nats"), Metrics: o.Metrics,
		History: history(cfg), LoginCopy: loginCopy(cfg), Newcomers: a.newcomers,
		Begin:   a.begin,
		Command: a.command, Post: a.post, Views: a.views.onNATS,
	})

	sinks := &sinks{a.bus, a.console}
	if a.sip != nil {
		*sinks = append(*sinks, a.sip)
	}
	a.engine = engine.New(engine.Options{Metrics: o.Metrics, Sink: sinks})
	a.pbx, err = ari.New(a.ariOptions(o))
	if err != nil {
		return nil, err
	}
	*sinks = append(*sinks, a.pbx)
	made = true
	return a, nil
}

// sinks hand effects to each in turn.
type sinks []engine.Sink

func (s *sinks) Take(at time.Time, effects []supervision.Effect) {
	for _, x := range *s {
		x.Take(at, effects)
	}
}

// begin tells the engine of the epoch. The bus calls it once.
func (a *App) begin(e supervision.EpochBegun) {
	if a.engine.Post(context.Background(), e) == nil {
		close(a.begun)
	}
}

// What the daemon needs, as /readyz names it.
const (
	readyPBX  = "pbx"
	readyNATS = "nats"
)

func (a *App) ready() map[string]bool {
	return map[string]bool{readyPBX: a.pbx.Attached(), readyNATS: a.bus.Ready()}
}

// HTTPAddr is where health, readiness and metrics are.
func (a *App) HTTPAddr() net.Addr { return a.console.Addr() }

// SIPAddrs are where the event server answers, as udp://host:port. There are none without a sip section.
func (a *App) SIPAddrs() []string {
	if a.sip == nil {
		return nil
	}
	return a.sip.Addrs()
}

// NATSURL is where the embedded server answers. It is empty where there is none.
func (a *App) NATSURL() string {
	if a.nats == nil {
		return ""
	}
	return a.nats.ClientURL()
}
