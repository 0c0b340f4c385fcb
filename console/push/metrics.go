package push

import "github.com/prometheus/client_golang/prometheus"

type metrics struct {
	subscriptions prometheus.Gauge
	messages      *prometheus.CounterVec
	dropped       prometheus.Counter
	retries       prometheus.Counter
	waiting       prometheus.Gauge
	seconds       prometheus.Histogram
}

func newMetrics(r prometheus.Registerer) *metrics {
	m := &metrics{
		subscriptions: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "supervisiond_push_subscriptions",
			Help: "Browsers that are told of calls while they sleep.",
		}),
		messages: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "supervisiond_push_messages_total",
			Help: "Messages to browsers that sleep, by kind and by what came of them.",
		}, []string{"kind", "result"}),
		dropped: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "supervisiond_push_dropped_total",
			Help: "Rings that were not told because too many were under way.",
		}),
		retries: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "supervisiond_push_retries_total",
			Help: "Messages that a push service did not take and that were put off.",
		}),
		waiting: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "supervisiond_push_waiting",
			Help: "Messages that wait to be sent or are under way.",
		}),
		seconds: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "supervisiond_push_seconds",
			Help:    "From the PBX's frame until the push service has the message.",
			Buckets: []float64{0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60},
		}),
	}
	r.MustRegister(m.subscriptions, m.messages, m.dropped, m.retries, m.waiting, m.seconds)
	for _, k := range kinds {
		for _, what := range results {
			m.messages.WithLabelValues(string(k), string(what))
		}
	}
	return m
}

func (m *metrics) count(k kind, what result) {
	m.messages.WithLabelValues(string(k), string(what)).Inc()
}
