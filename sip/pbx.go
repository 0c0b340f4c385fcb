package sip

import (
	"context"
	"log/slog"
	"net"
	"strconv"
	"time"

	"github.com/emiago/sipgo"
	gosip "github.com/emiago/sipgo/sip"
	"github.com/prometheus/client_golang/prometheus"
)

const (
	// askEvery is how often the PBX is asked whether its SIP side lives, and askTime how long it may take.
	askEvery = 10 * time.Second
	askTime  = 3 * time.Second
	// silentAfter is how many questions in a row are not answered before it counts as silent: a datagram may be lost, although
	// each question is repeated.
	silentAfter = 2
)

// pbxHealth asks the PBX's SIP side whether it lives (OPTIONS, RFC 3261, 11). Any answer will do: who refuses is alive.
type pbxHealth struct {
	uri    gosip.Uri
	client *sipgo.Client
	tell   func(context.Context, bool)
	log    *slog.Logger
	alive  prometheus.Gauge
	took   prometheus.Histogram
}

func newHealth(uri gosip.Uri, client *sipgo.Client, o Options) *pbxHealth {
	h := &pbxHealth{
		uri: uri, client: client, tell: o.Alive, log: o.Log,
		alive: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "supervisiond_sip_pbx_alive", Help: "Whether the PBX answers SIP (OPTIONS): 1, or 0.",
		}),
		took: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "supervisiond_sip_pbx_answer_seconds", Help: "How long the PBX takes to answer SIP (OPTIONS), in seconds.",
			Buckets: []float64{.001, .003, .01, .03, .1, .3, 1, 3},
		}),
	}
	o.Metrics.MustRegister(h.alive, h.took)
	return h
}

// run asks until the context ends.
func (h *pbxHealth) run(ctx context.Context) {
	tick := time.NewTicker(askEvery)
	defer tick.Stop()
	missed, known := 0, false
	was := false
	for {
		answered := h.ask(ctx)
		if ctx.Err() != nil {
			return
		}
		missed++
		if answered {
			missed = 0
		}
		alive := missed < silentAfter
		if answered || !alive {
			if !known || alive != was {
				h.changed(ctx, alive)
			}
			known, was = true, alive
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

func (h *pbxHealth) changed(ctx context.Context, alive bool) {
	h.alive.Set(0)
	if alive {
		h.alive.Set(1)
		h.log.Info("the PBX answers SIP", "address", h.uri.HostPort())
	} else {
		h.log.Warn("the PBX does not answer SIP; see that it runs, that sip.pbx_uri is its address, and that nothing filters what comes from here",
			"address", h.uri.HostPort())
	}
	h.tell(ctx, alive)
}

// ask sends one question.
func (h *pbxHealth) ask(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	req := gosip.NewRequest(gosip.OPTIONS, *h.uri.Clone())
	port := h.uri.Port
	if port == 0 {
		port = gosip.DefaultPort(req.Transport())
	}
	req.SetDestination(net.JoinHostPort(h.uri.Host, strconv.Itoa(port)))
	req.AppendHeader(gosip.NewHeader("Accept", "application/sdp"))
	began := time.Now()
	if _, err := h.client.Do(ctx, req); err != nil {
		return false
	}
	h.took.Observe(time.Since(began).Seconds())
	return true
}
