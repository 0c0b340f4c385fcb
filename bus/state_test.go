package bus

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"supervisiond/supervision"
)

func TestStreamsAreAsPromised(t *testing.T) {
	s := startEmbedded(t, t.TempDir())
	b := newBus(t, inProcess(s))
	b.waitReady(t)
	js, err := jetstream.New(dial(t, s.ClientURL()))
	if err != nil {
		t.Fatal(err)
	}
	config := func(name string) jetstream.StreamConfig {
		stream, err := js.Stream(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		return stream.CachedInfo().Config
	}
	state := config("KV_SUPERVISION_hq")
	if state.Storage != jetstream.MemoryStorage || state.MaxMsgsPerSubject != 1 || !state.AllowMsgTTL ||
		state.SubjectDeleteMarkerTTL != time.Minute || !state.AllowDirect || !state.AllowRollup {
		t.Errorf("state bucket: %+v", state)
	}
	want := &jetstream.RePublish{Source: "$KV.SUPERVISION_hq.>", Destination: "supervision.v1.hq.state.>"}
	if !reflect.DeepEqual(state.RePublish, want) {
		t.Errorf("republish: %+v", state.RePublish)
	}
	logins := config("KV_SUPERVISION_hq_LOGINS")
	if logins.Storage != jetstream.FileStorage || logins.MaxMsgsPerSubject != 1 {
		t.Errorf("logins bucket: %+v", logins)
	}
	events := config("SUPERVISION_EVENTS_hq")
	subjects := []string{
		"supervision.v1.hq.event.call.>",
		"supervision.v1.hq.event.group.joined.*",
		"supervision.v1.hq.event.group.left.*",
		"supervision.v1.hq.event.forwarding.changed.*",
		"supervision.v1.hq.event.pickup.refused.*",
	}
	if !reflect.DeepEqual(events.Subjects, subjects) {
		t.Errorf("subjects of the history: %q", events.Subjects)
	}
	if events.Storage != jetstream.FileStorage || events.Discard != jetstream.DiscardOld || events.MaxAge != time.Hour ||
		events.MaxBytes != 16<<20 || events.Duplicates != 2*time.Minute {
		t.Errorf("history: %+v", events)
	}
	// They are what NATS's own clients take for buckets.
	if status, err := stateBucket(t, dial(t, s.ClientURL())).Status(t.Context()); err != nil || status.History() != 1 || status.LimitMarkerTTL() != time.Minute {
		t.Errorf("status %+v, %v", status, err)
	}
}

func TestAnAdministratorsChoicesStay(t *testing.T) {
	s := startExternal(t, server.Options{JetStream: true})
	js, err := jetstream.New(dial(t, s.ClientURL()))
	if err != nil {
		t.Fatal(err)
	}
	theirs := eventsConfig(site, History{})
	theirs.Compression, theirs.MaxConsumers, theirs.Description = jetstream.S2Compression, 7, "ours"
	if _, err := js.CreateStream(t.Context(), theirs); err != nil {
		t.Fatal(err)
	}
	newBus(t, URL(s.ClientURL())).waitReady(t)
	stream, err := js.Stream(t.Context(), theirs.Name)
	if err != nil {
		t.Fatal(err)
	}
	got := stream.CachedInfo().Config
	if got.Compression != jetstream.S2Compression || got.MaxConsumers != 7 || got.Description != "ours" {
		t.Errorf("changed what is not the daemon's: %+v", got)
	}
	if got.MaxAge != time.Hour {
		t.Errorf("kept for %v: what is the daemon's must change", got.MaxAge)
	}
}

func TestStateIsStoredAndRepublished(t *testing.T) {
	s := startEmbedded(t, t.TempDir())
	nc := dial(t, s.ClientURL())
	b := newBus(t, inProcess(s), func(b *Bus) { b.markerTTL = time.Second })
	b.waitReady(t)
	kv := stateBucket(t, nc)
	sub := subscribe(t, nc, "supervision.v1.hq.state.call.*")

	call := callDocument("c1", supervision.CallRinging)
	call.Caller.Name = "<Weiß & Co>"
	b.take(supervision.Put{Key: "call.c1", Document: call})
	m := nextMessage(t, sub)
	var got supervision.CallDocument
	if err := json.Unmarshal(m.Data, &got); err != nil || got.Caller.Name != call.Caller.Name || got.ID != "c1" {
		t.Errorf("republished %s", m.Data)
	}
	if m.Subject != "supervision.v1.hq.state.call.c1" || m.Header.Get("Nats-Sequence") == "" {
		t.Errorf("subject %s, header %v", m.Subject, m.Header)
	}
	if v := value(kv, "call.c1"); v != string(m.Data) {
		t.Errorf("stored %q, republished %q", v, m.Data)
	}

	b.take(supervision.Forget{Key: "call.c1"})
	m = nextMessage(t, sub)
	if m.Header.Get("KV-Operation") != "PURGE" || len(m.Data) != 0 {
		t.Errorf("purge republished as %v %q", m.Header, m.Data)
	}
	if m.Header.Get("Nats-TTL") != "1s" {
		t.Errorf("the marker's life is %q", m.Header.Get("Nats-TTL"))
	}
	if v := value(kv, "call.c1"); v != "" {
		t.Errorf("still there: %s", v)
	}
	js, _ := jetstream.New(nc)
	eventually(t, "the marker is gone", func() bool {
		stream, err := js.Stream(t.Context(), "KV_SUPERVISION_hq")
		if err != nil {
			return false
		}
		info, err := stream.Info(t.Context(), jetstream.WithSubjectFilter("$KV.SUPERVISION_hq.call.>"))
		return err == nil && len(info.State.Subjects) == 0
	})
	if !b.Ready() || b.metric(t, "supervisiond_nats_rewrites_total", "") != 1 {
		t.Error("the state was written again without need")
	}
}

// TestAClientThatJoinsMissesNothing does what docs/nats.md tells clients to do, while writes go on.
func TestAClientThatJoinsMissesNothing(t *testing.T) {
	s := startEmbedded(t, t.TempDir())
	b := newBus(t, inProcess(s))
	b.waitReady(t)
	const keys, versions = 20, 400
	var writer sync.WaitGroup
	writer.Go(func() {
		for v := 1; v <= versions; v++ {
			for k := range keys {
				b.take(putPerson("p"+strconv.Itoa(k), v))
			}
			if v%20 == 0 { // otherwise conflation leaves next to nothing
				eventually(t, "the queue is empty", func() bool { return b.queue.depth() == 0 })
			}
		}
	})

	nc := dial(t, s.ClientURL())
	sub := subscribe(t, nc, "supervision.v1.hq.state.>") // first subscribe and let it buffer
	watch, err := stateBucket(t, nc).WatchAll(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	revision := map[string]uint64{}
	name := map[string]string{}
	apply := func(key string, rev uint64, data []byte) {
		if rev <= revision[key] {
			return
		}
		var p supervision.PersonDocument
		if err := json.Unmarshal(data, &p); err != nil {
			t.Fatal(err)
		}
		revision[key], name[key] = rev, p.Name
	}
	for e := range watch.Updates() {
		if e == nil {
			break
		}
		apply(e.Key(), e.Revision(), e.Value())
	}
	watch.Stop()
	complete := func() bool {
		for k := range keys {
			if name["person.p"+strconv.Itoa(k)] != strconv.Itoa(versions) {
				return false
			}
		}
		return true
	}
	var last uint64
	for !complete() {
		m := nextMessage(t, sub)
		rev, err := strconv.ParseUint(m.Header.Get("Nats-Sequence"), 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		if last != 0 && rev != last+1 {
			t.Fatalf("a gap: %d after %d", rev, last)
		}
		last = rev
		apply(m.Subject[len("supervision.v1.hq.state."):], rev, m.Data)
	}
	writer.Wait()
}

func TestStateIsWrittenAgainWhenTheServerLostIt(t *testing.T) {
	dir := t.TempDir()
	s := startExternal(t, server.Options{JetStream: true, StoreDir: dir})
	url, port := s.ClientURL(), s.Addr().(*net.TCPAddr).Port
	b := newBus(t, URL(url))
	b.waitReady(t)
	b.take(putPerson("ben", 1), putPerson("dora", 1), announce(1, supervision.EventCallRinging, "c1"))
	eventually(t, "all is acknowledged", func() bool { return b.metric(t, "supervisiond_nats_published_total", "event") == 1 })

	stopExternal(s)
	eventually(t, "the bus is not ready", func() bool { return !b.Ready() })
	b.take(putPerson("ben", 2), putPerson("ben", 3), supervision.Forget{Key: "person.dora"})
	b.take(announce(2, supervision.EventCallAnswered, "c1"), announce(3, supervision.EventPresenceChanged, "ben"))
	if n := b.metric(t, "supervisiond_nats_dropped_total", "passing"); n != 1 {
		t.Errorf("%v events dropped while away", n)
	}
	if n := b.metric(t, "supervisiond_nats_conflated_total", ""); n != 1 {
		t.Errorf("%v documents conflated", n)
	}

	startExternal(t, server.Options{JetStream: true, StoreDir: dir, Port: port})
	b.waitReady(t)
	nc := dial(t, url)
	kv := stateBucket(t, nc)
	if v := value(kv, "person.ben"); !strings.Contains(v, `"name":"3"`) {
		t.Errorf("ben is %s", v)
	}
	if value(kv, "person.dora") != "" || value(kv, "site") == "" {
		t.Error("not the whole state")
	}
	if ids := history(t, nc, 2); !reflect.DeepEqual(ids, []string{"1-1", "1-2"}) {
		t.Errorf("the history has %v", ids)
	}
	if n := b.metric(t, "supervisiond_nats_reconnects_total", ""); n != 1 {
		t.Errorf("%v reconnects", n)
	}
	if b.Epoch() != 1 {
		t.Errorf("epoch %d: it lasts as long as the daemon", b.Epoch())
	}
}

func TestANewEpochRemovesWhatIsNoLongerThere(t *testing.T) {
	s := startExternal(t, server.Options{JetStream: true})
	first := newBus(t, URL(s.ClientURL()))
	first.waitReady(t)
	first.take(putPerson("ben", 1), putPerson("gone", 1))
	first.stop()

	nc := dial(t, s.ClientURL())
	kv := stateBucket(t, nc)
	if value(kv, "person.gone") == "" {
		t.Fatal("what was queued was not published before the end")
	}
	sub := subscribe(t, nc, "supervision.v1.hq.state.person.gone")
	second := New(Options{Site: site, Connect: first.options.Connect})
	second.options.Begin = func(e supervision.EpochBegun) {
		second.Take(e.At, []supervision.Effect{putSite(e.Epoch), putPerson("ben", 2)})
	}
	second.Take(noon, []supervision.Effect{putSite(0)}) // from before the epoch: never to be seen
	sites := subscribe(t, nc, "supervision.v1.hq.state.site")
	run(t, second)
	eventually(t, "the second is ready", second.Ready)
	if second.Epoch() != 2 {
		t.Errorf("epoch %d", second.Epoch())
	}
	if m := nextMessage(t, sub); m.Header.Get("KV-Operation") != "PURGE" {
		t.Errorf("%v", m.Header)
	}
	if m := nextMessage(t, sites); !strings.Contains(string(m.Data), `"epoch":2`) {
		t.Errorf("the first site document of the epoch is %s", m.Data)
	}
	if value(kv, "person.gone") != "" || !strings.Contains(value(kv, "person.ben"), `"name":"2"`) {
		t.Error("the bucket is not the new state")
	}
}

func TestABucketThatWasTamperedWithIsMended(t *testing.T) {
	s := startExternal(t, server.Options{JetStream: true})
	b := newBus(t, URL(s.ClientURL()))
	b.waitReady(t)
	b.take(putPerson("ben", 1))
	nc := dial(t, s.ClientURL())
	kv := stateBucket(t, nc)
	eventually(t, "ben is there", func() bool { return value(kv, "person.ben") != "" })

	if _, err := kv.PutString(t.Context(), "person.ben", "nonsense"); err != nil {
		t.Fatal(err)
	}
	b.take(putSite(1)) // as every few seconds
	eventually(t, "ben is mended", func() bool { return strings.Contains(value(kv, "person.ben"), `"id":"ben"`) })
	eventually(t, "the log says so", b.log.has("somebody else wrote"))

	js, _ := jetstream.New(nc)
	for _, stream := range []string{"KV_SUPERVISION_hq", "KV_SUPERVISION_hq_LOGINS", "SUPERVISION_EVENTS_hq"} {
		eventually(t, "all is well again", b.Ready)
		if err := js.DeleteStream(t.Context(), stream); err != nil {
			t.Fatal(err)
		}
	}
	b.take(putSite(1), announce(1, supervision.EventCallRinging, "c1"))
	eventually(t, "the event is kept in a new stream", func() bool {
		stream, err := js.Stream(t.Context(), "SUPERVISION_EVENTS_hq")
		return err == nil && stream.CachedInfo().State.Msgs == 1
	})
	eventually(t, "the state is back", func() bool { return value(kv, "person.ben") != "" })
	logins, err := js.KeyValue(t.Context(), "SUPERVISION_hq_LOGINS")
	if err != nil || value(logins, "epoch") != "1" {
		t.Errorf("the epoch is not kept: %v", err)
	}
}

// TestAReaderWhoDefacesAKeyDoesNoLastingHarm: NATS lets a reader choose where the answer to a request goes.
func TestAReaderWhoDefacesAKeyDoesNoLastingHarm(t *testing.T) {
	dir := t.TempDir()
	s := startEmbedded(t, dir)
	b := fill(t, s)
	nc := dial(t, s.ClientURL())
	kv := stateBucket(t, nc)
	js, _ := jetstream.New(nc)
	logins, err := js.KeyValue(t.Context(), "SUPERVISION_hq_LOGINS")
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"$KV.SUPERVISION_hq.person.ben", "$KV.SUPERVISION_hq_LOGINS.epoch", "supervision.v1.hq.event.call.ringing.c9"} {
		if err := nc.PublishRequest("$JS.API.INFO", key, nil); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "the keys are defaced", func() bool {
		return strings.Contains(value(kv, "person.ben"), "io.nats") && strings.Contains(value(logins, "epoch"), "io.nats")
	})
	b.take(putSite(1)) // as every few seconds
	eventually(t, "ben is mended", func() bool { return strings.Contains(value(kv, "person.ben"), `"id":"ben"`) })
	b.stop()
	stopEmbedded(t, s)

	began := newBus(t, inProcess(startEmbedded(t, dir)))
	e := <-began.begun
	if e.Epoch <= 1 {
		t.Errorf("epoch %d", e.Epoch)
	}
	if len(e.Open) != 1 || e.Open[0].ID != "c1" {
		t.Errorf("open: %v", e.Open)
	}
}

// run runs a bus that is not of newBus's making.
func run(t *testing.T, b *Bus) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = b.Run(ctx)
	}()
	t.Cleanup(func() {
		cancel()
		<-done
	})
}

// history returns the ids of the events that are kept, when there are n.
func history(t *testing.T, nc *nats.Conn, n uint64) []string {
	t.Helper()
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	var stream jetstream.Stream
	eventually(t, fmt.Sprintf("%d events are kept", n), func() bool {
		stream, err = js.Stream(t.Context(), "SUPERVISION_EVENTS_hq")
		return err == nil && stream.CachedInfo().State.Msgs >= n
	})
	var ids []string
	for seq := stream.CachedInfo().State.FirstSeq; seq <= stream.CachedInfo().State.LastSeq; seq++ {
		m, err := stream.GetMsg(t.Context(), seq)
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, m.Header.Get("ce-id"))
	}
	return ids
}
