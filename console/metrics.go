package console

import (
	"net/http"
	"strconv"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"
	"github.com/prometheus/client_golang/prometheus"
)

type metrics struct {
	requests *prometheus.CounterVec
	latency  prometheus.Histogram
	signIns  *prometheus.CounterVec
	streams  prometheus.Gauge
	cuts     *prometheus.CounterVec
	frames   prometheus.Counter
	seconds  prometheus.Histogram
}

func newMetrics(r prometheus.Registerer) *metrics {
	m := &metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "supervisiond_http_requests_total",
			Help: "Requests of the API that were answered, by path and status.",
		}, []string{"path", "status"}),
		latency: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "supervisiond_http_request_seconds",
			Help:    "How long requests of the API took; pickups and event streams are left out.",
			Buckets: []float64{0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5},
		}),
		signIns: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "supervisiond_http_sign_ins_total",
			Help: "Attempts to sign in, by what came of them: ok, wrong, locked or unknown (the provider vouched for somebody who is not configured).",
		}, []string{"result"}),
		streams: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "supervisiond_http_streams",
			Help: "Event streams that are open.",
		}),
		cuts: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "supervisiond_http_streams_cut_total",
			Help: "Event streams that the daemon ended: slow (the client did not read), overflow (more changes than could be told), ended (signed out or gone).",
		}, []string{"reason"}),
		frames: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "supervisiond_http_stream_frames_total",
			Help: "Events that were handed to event streams.",
		}),
		seconds: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "supervisiond_http_stream_seconds",
			Help:    "From the PBX's frame or the command to the change in the queues of all streams that show it.",
			Buckets: []float64{0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5},
		}),
	}
	r.MustRegister(m.requests, m.latency, m.signIns, m.streams, m.cuts, m.frames, m.seconds)
	for _, result := range []string{signInOK, signInWrong, signInLocked, signInUnknown} {
		m.signIns.WithLabelValues(result)
	}
	for _, why := range []string{cutSlow, cutOverflow, cutEnded} {
		m.cuts.WithLabelValues(why)
	}
	return m
}

// What comes of attempts to sign in.
const (
	signInOK      = "ok"
	signInWrong   = "wrong"
	signInLocked  = "locked"
	signInUnknown = "unknown"
)

// count notes each request under the pattern of its path, so that ids make no series of their own.
func (m *metrics) count(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		seen := middleware.NewWrapResponseWriter(w, r.ProtoMajor)
		defer func() { m.note(r, seen.Status(), time.Since(began)) }() // also of what was cut off
		next.ServeHTTP(seen, r)
	})
}

func (m *metrics) note(r *http.Request, status int, took time.Duration) {
	path := chi.RouteContext(r.Context()).RoutePattern()
	if path == "" || path == "/*" {
		path = "other"
	}
	if status == 0 {
		status = http.StatusOK
	}
	m.requests.WithLabelValues(path, strconv.Itoa(status)).Inc()
	if !waits(r.URL.Path) {
		m.latency.Observe(took.Seconds())
	}
}
