package bus

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

// metrics are the bus's own. Children of vectors are looked up once: Take must not allocate for them.
type metrics struct {
	connected  prometheus.Gauge
	reconnects prometheus.Counter
	conflated  prometheus.Counter
	errors     prometheus.Counter
	rewrites   prometheus.Counter
	seconds    prometheus.Histogram

	droppedKept, droppedPassing                   prometheus.Counter
	publishedDoc, publishedPurge, publishedEvents prometheus.Counter

	commands        *prometheus.CounterVec
	commandsIgnored prometheus.Counter
	commandsRunning prometheus.Gauge
	commandSeconds  prometheus.Histogram

	loginsSaved, loginsFailed prometheus.Counter
	loginSeconds              prometheus.Histogram
}

func newMetrics(reg prometheus.Registerer, depth func() float64) *metrics {
	with := promauto.With(reg)
	published := with.NewCounterVec(prometheus.CounterOpts{
		Name: "supervisiond_nats_published_total",
		Help: "What was published, by kind: document, purge or event.",
	}, []string{"kind"})
	dropped := with.NewCounterVec(prometheus.CounterOpts{
		Name: "supervisiond_nats_dropped_total",
		Help: "Events that were never published, by kind: kept (they belong to the history and the queue was full) or passing (NATS was away).",
	}, []string{"kind"})
	logins := with.NewCounterVec(prometheus.CounterOpts{
		Name: "supervisiond_nats_logins_total",
		Help: "Logins that were to be put on disk, by result: saved or failed.",
	}, []string{"result"})
	with.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "supervisiond_nats_queue_depth",
		Help: "Documents and events that wait to be published.",
	}, depth)
	return &metrics{
		connected: with.NewGauge(prometheus.GaugeOpts{
			Name: "supervisiond_nats_connected",
			Help: "1 while the daemon is connected to NATS.",
		}),
		reconnects: with.NewCounter(prometheus.CounterOpts{
			Name: "supervisiond_nats_reconnects_total",
			Help: "How often the connection to NATS came back.",
		}),
		conflated: with.NewCounter(prometheus.CounterOpts{
			Name: "supervisiond_nats_conflated_total",
			Help: "Documents that a newer one replaced before they were published.",
		}),
		errors: with.NewCounter(prometheus.CounterOpts{
			Name: "supervisiond_nats_errors_total",
			Help: "How often publishing failed, whereupon the whole state was written again.",
		}),
		rewrites: with.NewCounter(prometheus.CounterOpts{
			Name: "supervisiond_nats_rewrites_total",
			Help: "How often the whole state was written.",
		}),
		seconds: with.NewHistogram(prometheus.HistogramOpts{
			Name: "supervisiond_publish_seconds",
			Help: "Seconds from the arrival of what caused a document or an event until NATS had it.",
			Buckets: []float64{
				.0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 60,
			},
		}),
		commands: with.NewCounterVec(prometheus.CounterOpts{
			Name: "supervisiond_nats_commands_total",
			Help: "Commands answered on NATS, by verb and code; ok is one that was carried out.",
		}, []string{"verb", "code"}),
		commandsIgnored: with.NewCounter(prometheus.CounterOpts{
			Name: "supervisiond_nats_commands_ignored_total",
			Help: "Commands that were neither carried out nor answered: they named no inbox for the answer.",
		}),
		commandsRunning: with.NewGauge(prometheus.GaugeOpts{
			Name: "supervisiond_nats_commands_running",
			Help: "Commands that are not answered yet.",
		}),
		commandSeconds: with.NewHistogram(prometheus.HistogramOpts{
			Name:    "supervisiond_nats_command_seconds",
			Help:    "Seconds from taking a command until its answer was sent.",
			Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5},
		}),
		loginsSaved:  logins.WithLabelValues("saved"),
		loginsFailed: logins.WithLabelValues("failed"),
		loginSeconds: with.NewHistogram(prometheus.HistogramOpts{
			Name:    "supervisiond_nats_login_seconds",
			Help:    "Seconds from sending a login until it was on disk.",
			Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5},
		}),
		droppedKept:     dropped.WithLabelValues("kept"),
		droppedPassing:  dropped.WithLabelValues("passing"),
		publishedDoc:    published.WithLabelValues("document"),
		publishedPurge:  published.WithLabelValues("purge"),
		publishedEvents: published.WithLabelValues("event"),
	}
}
