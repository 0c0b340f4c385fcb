package ari

import "github.com/prometheus/client_golang/prometheus"

type storeMetrics struct {
	reads      prometheus.Counter
	failures   prometheus.Counter
	seconds    prometheus.Histogram
	written    prometheus.Counter
	notWritten prometheus.Counter
}

func newStoreMetrics(r prometheus.Registerer) *storeMetrics {
	writes := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "supervisiond_store_writes_total",
		Help: "Writes into the PBX's store of forwards and do-not-disturb, by result: ok (confirmed by reading back), failed.",
	}, []string{"result"})
	m := &storeMetrics{
		reads: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "supervisiond_store_reads_total", Help: "Reads of the PBX's store, of all lines or of some.",
		}),
		failures: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "supervisiond_store_read_failures_total", Help: "Reads of the PBX's store that failed.",
		}),
		seconds: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "supervisiond_store_read_seconds", Help: "How long a read of all lines of the PBX's store took.",
			Buckets: []float64{.002, .005, .01, .02, .05, .1, .2, .5, 1, 2, 5},
		}),
		written: writes.WithLabelValues("ok"), notWritten: writes.WithLabelValues("failed"),
	}
	r.MustRegister(m.reads, m.failures, m.seconds, writes)
	return m
}
