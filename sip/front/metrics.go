package front

import (
	"strconv"

	"github.com/prometheus/client_golang/prometheus"
)

// Why requests are not let in. More are results of package digest.
const (
	junk      = "junk"
	malformed = "malformed"
	unknown   = "unknown"
	guessing  = "guessing"
	tooMany   = "too_many"
	merged    = "merged"
	tooLong   = "too_long"
	slow      = "slow"
	crowded   = "crowded"
)

type metrics struct {
	requests    *prometheus.CounterVec
	refusals    *prometheus.CounterVec
	silences    prometheus.Counter
	connections *prometheus.GaugeVec
	panics      prometheus.Counter
	begun       prometheus.Counter
}

func newMetrics(r prometheus.Registerer) *metrics {
	m := &metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "supervisiond_sip_requests_total",
			Help: "SIP requests that were answered, by method and class of the answer (2xx to 5xx).",
		}, []string{"method", "class"}),
		refusals: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "supervisiond_sip_refused_total",
			Help: "SIP messages and connections that were not let in, by reason: missing, invalid, stale or wrong credentials, " +
				"junk, malformed, unknown (belongs to nobody), guessing, too_many, merged, too_long, slow, crowded.",
		}, []string{"reason"}),
		silences: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "supervisiond_sip_silenced_total",
			Help: "Refused requests that got no answer, because their source had too many.",
		}),
		connections: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "supervisiond_sip_connections",
			Help: "Connections of phones that are open, by transport.",
		}, []string{"transport"}),
		panics: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "supervisiond_sip_panics_total",
			Help: "Requests that the daemon failed to handle by a fault of its own; the log says which.",
		}),
		begun: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "supervisiond_sip_readers_begun_total",
			Help: "How often reading of a UDP listener was begun: once at the start, and again after thousands of new sources or a fault.",
		}),
	}
	r.MustRegister(m.requests, m.refusals, m.silences, m.connections, m.panics, m.begun)
	for _, reason := range []string{
		"missing", "invalid", "stale", "wrong", junk, malformed, unknown, guessing, tooMany, merged, tooLong, slow, crowded,
	} {
		m.refusals.WithLabelValues(reason)
	}
	return m
}

func (m *metrics) refused(why string) { m.refusals.WithLabelValues(why).Inc() }
func (m *metrics) silenced()          { m.silences.Inc() }

func (m *metrics) answered(method string, code int) {
	m.requests.WithLabelValues(method, strconv.Itoa(code/100)+"xx").Inc()
}
