package notifier

import "github.com/prometheus/client_golang/prometheus"

// Metrics are the notifier's figures.
type Metrics struct {
	subscriptions *prometheus.GaugeVec
	notifies      *prometheus.CounterVec
}

// NewMetrics registers them.
func NewMetrics(r prometheus.Registerer) *Metrics {
	m := &Metrics{
		subscriptions: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "supervisiond_sip_subscriptions", Help: "Subscriptions of phones, by event package.",
		}, []string{"event"}),
		notifies: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "supervisiond_sip_notifies_total", Help: "NOTIFYs sent to phones, by what came of them: ok, refused or unanswered.",
		}, []string{"result"}),
	}
	r.MustRegister(m.subscriptions, m.notifies)
	return m
}

func (m *Metrics) notified(code int) {
	result := "refused"
	switch {
	case code == 0:
		result = "unanswered"
	case code < 300:
		result = "ok"
	}
	m.notifies.WithLabelValues(result).Inc()
}
