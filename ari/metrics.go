package ari

import "github.com/prometheus/client_golang/prometheus"

type metrics struct {
	frames        map[string]prometheus.Counter
	skipped       prometheus.Counter
	junk          prometheus.Counter
	connected     prometheus.Gauge
	reconnects    prometheus.Counter
	ordersDropped prometheus.Counter
	dialplan      prometheus.Gauge
	lampsWritten  prometheus.Counter
	lampsPending  prometheus.Gauge
}

func newMetrics(r prometheus.Registerer) *metrics {
	frames := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "supervisiond_ari_frames_total", Help: "Frames of the PBX that were followed, by type.",
	}, []string{"type"})
	m := &metrics{
		frames: make(map[string]prometheus.Counter),
		skipped: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "supervisiond_ari_frames_skipped_total", Help: "Frames of a type that is not needed or not known.",
		}),
		junk: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "supervisiond_ari_frames_unreadable_total", Help: "Frames that could not be read.",
		}),
		connected: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "supervisiond_pbx_connected", Help: "1 while the state follows the PBX.",
		}),
		reconnects: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "supervisiond_pbx_reconnects_total", Help: "Times that the PBX was lost or could not be reached.",
		}),
		ordersDropped: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "supervisiond_pbx_orders_dropped_total", Help: "Requests to the PBX that found no room in the queue.",
		}),
	}
	m.dialplan = prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "supervisiond_dialplan_ok", Help: "1 if the PBX has the generated dialplan of this version within reach of its phones.",
	})
	m.lampsWritten = prometheus.NewCounter(prometheus.CounterOpts{
		Name: "supervisiond_lamps_written_total", Help: "Device states that were written for lamps.",
	})
	m.lampsPending = prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "supervisiond_lamps_pending", Help: "Lamps that do not show yet what they should.",
	})
	for _, kind := range wantedTypes() {
		m.frames[kind] = frames.WithLabelValues(kind)
	}
	r.MustRegister(frames, m.skipped, m.junk, m.connected, m.reconnects, m.ordersDropped, m.dialplan,
		m.lampsWritten, m.lampsPending)
	return m
}

func (m *metrics) frame(kind string) {
	if c := m.frames[kind]; c != nil {
		c.Inc()
	}
}
