package engine

import (
	"reflect"
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"supervisiond/supervision"
)

type metrics struct {
	events    map[reflect.Type]prometheus.Counter
	pickups   *prometheus.CounterVec
	took      prometheus.Histogram
	ringing   prometheus.Gauge
	unstaffed prometheus.Gauge
	overflows prometheus.Counter

	// lonely are the groups that are unstaffed (G11).
	lonely map[supervision.GroupID]bool
}

// kinds are the events by the name that the metrics give them.
var kinds = map[string]supervision.Event{
	"started": supervision.Started{}, "epoch_begun": supervision.EpochBegun{},
	"pbx_synced": supervision.PBXSynced{}, "pbx_lost": supervision.PBXLost{},
	"ring_began": supervision.RingBegan{}, "ring_ended": supervision.RingEnded{},
	"caller_hung_up": supervision.CallerHungUp{}, "endpoint_changed": supervision.EndpointChanged{},
	"pickup_dialled": supervision.PickupDialled{}, "pickup_failed": supervision.PickupFailed{},
	"watched": supervision.Watched{}, "configured": supervision.Configured{}, "commanded": supervision.Commanded{}, "code_dialled": supervision.CodeDialled{},
	"login_saved": supervision.LoginSaved{}, "store_read": supervision.StoreRead{}, "store_written": supervision.StoreWritten{},
	"phone_redirected": supervision.PhoneRedirected{}, "phone_answered": supervision.PhoneAnswered{},
	"picker_answered": supervision.PickerAnswered{}, "picker_unreached": supervision.PickerUnreached{},
	"picker_joined": supervision.PickerJoined{}, "answer_picked_up": supervision.AnswerPickedUp{},
	"picker_gone": supervision.PickerGone{}, "timer_fired": supervision.TimerFired{},
}

func newMetrics(r prometheus.Registerer, depth func() float64) *metrics {
	events := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "supervisiond_events_total", Help: "Events applied to the state, by kind.",
	}, []string{"kind"})
	m := &metrics{
		events: make(map[reflect.Type]prometheus.Counter, len(kinds)),
		pickups: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "supervisiond_pickups_total", Help: "Pickups by result: ok, or the code of the refusal.",
		}, []string{"result"}),
		took: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "supervisiond_pickup_seconds", Help: "From the feature code to the PBX having joined supervisor and caller.",
			Buckets: prometheus.ExponentialBuckets(0.001, 2, 12),
		}),
		ringing: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "supervisiond_ringing_calls", Help: "Supervised calls that ring.",
		}),
		unstaffed: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "supervisiond_groups_unstaffed", Help: "Groups with nobody logged in and connected.",
		}),
		lonely: make(map[supervision.GroupID]bool),
		overflows: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "supervisiond_mailbox_overflows_total", Help: "Events turned away because the mailbox was full; the adapter attaches anew.",
		}),
	}
	for name, event := range kinds {
		m.events[reflect.TypeOf(event)] = events.WithLabelValues(name)
	}
	r.MustRegister(events, m.pickups, m.took, m.ringing, m.unstaffed, m.overflows, prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "supervisiond_mailbox_depth", Help: "Events that wait to be applied.",
	}, depth))
	return m
}

func (m *metrics) applied(event supervision.Event) {
	if c := m.events[reflect.TypeOf(event)]; c != nil {
		c.Inc()
	}
}

// published notes which groups are unstaffed.
func (m *metrics) published(key string, document any) {
	id, isGroup := strings.CutPrefix(key, "group.")
	if !isGroup {
		return
	}
	if g, ok := document.(*supervision.GroupDocument); ok && g.Unstaffed {
		m.lonely[g.ID] = true
	} else {
		delete(m.lonely, supervision.GroupID(id))
	}
	m.unstaffed.Set(float64(len(m.lonely)))
}

func (m *metrics) pickedUp(p supervision.PickupDone) {
	if p.Code != "" {
		m.pickups.WithLabelValues(string(p.Code)).Inc()
		return
	}
	m.pickups.WithLabelValues("ok").Inc()
	m.took.Observe(p.Took.Seconds())
}
