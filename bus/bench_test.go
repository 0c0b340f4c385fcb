package bus

import (
	"strconv"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	dto "github.com/prometheus/client_model/go"

	"supervisiond/supervision"
)

// benchmarkPairs takes a document and the event that announces it, b.N times, at most ahead pairs before NATS has them.
func benchmarkPairs(b *testing.B, kind supervision.EventType, ahead int, sync bool) {
	s := startExternal(b, server.Options{JetStream: true, SyncAlways: sync})
	bus := newBus(b, URL("", nats.InProcessServer(s)), func(b *Bus) { b.options.History = History{} })
	bus.waitReady(b)
	// The queue holds one document a key: as many keys as pairs are let ahead.
	effects := make([][]supervision.Effect, ahead)
	for i := range effects {
		id := "c" + strconv.Itoa(i)
		call := callDocument(id, supervision.CallRinging)
		effects[i] = []supervision.Effect{supervision.Put{Key: "call." + id, Document: call}, announce(1, kind, id)}
	}
	published := func() int { // without the registry, which would count as allocations of the bus
		var d, e dto.Metric
		_ = bus.metrics.publishedDoc.Write(&d)
		_ = bus.metrics.publishedEvents.Write(&e)
		return int(d.GetCounter().GetValue() + e.GetCounter().GetValue())
	}
	start := published()
	b.ReportAllocs()
	b.ResetTimer()
	for i := 0; b.Loop(); i++ {
		pair := effects[i%ahead]
		event := pair[1].(supervision.Announce)
		event.Seq = uint64(i + 1)
		pair[1] = event
		bus.Take(time.Now(), pair)
		if i%ahead == ahead-1 {
			for published() < start+2*(i+1) {
				time.Sleep(10 * time.Microsecond)
			}
		}
	}
}

func BenchmarkOnePairAtATime(b *testing.B) {
	benchmarkPairs(b, supervision.EventPresenceChanged, 1, true)
}

func BenchmarkOneKeptPairAtATime(b *testing.B) {
	benchmarkPairs(b, supervision.EventCallRinging, 1, false)
}

func BenchmarkOneKeptPairAtATimeSynced(b *testing.B) {
	benchmarkPairs(b, supervision.EventCallRinging, 1, true)
}

func BenchmarkBurst(b *testing.B) { benchmarkPairs(b, supervision.EventPresenceChanged, 500, true) }

func BenchmarkKeptBurst(b *testing.B) { benchmarkPairs(b, supervision.EventCallRinging, 500, false) }

func BenchmarkKeptBurstSynced(b *testing.B) {
	benchmarkPairs(b, supervision.EventCallRinging, 500, true)
}

// BenchmarkTake is what the engine pays.
func BenchmarkTake(b *testing.B) {
	bus := New(Options{Site: site})
	bus.queue.link(true)
	effects := []supervision.Effect{putPerson("ben", 1), announce(1, supervision.EventPresenceChanged, "ben")}
	at := time.Now()
	b.ReportAllocs()
	for b.Loop() {
		bus.Take(at, effects)
	}
}
