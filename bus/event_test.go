package bus

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"supervisiond/supervision"
)

func TestAnEventIsACloudEvent(t *testing.T) {
	s := startEmbedded(t, t.TempDir())
	b := newBus(t, inProcess(s))
	b.waitReady(t)
	sub := subscribe(t, dial(t, s.ClientURL()), "supervision.v1.hq.event.>")

	e := announce(7, "group.left", "sales")
	e.Document = &supervision.GroupDocument{ID: "sales"}
	e.Before = &supervision.GroupDocument{ID: "sales", Unstaffed: true}
	e.Person, e.By, e.Forced = "ben", &supervision.By{Person: "anna", Name: "Anna Berger", Via: supervision.ViaHTTP}, true
	b.take(e)
	m := nextMessage(t, sub)
	if m.Subject != "supervision.v1.hq.event.group.left.sales" {
		t.Errorf("subject %s", m.Subject)
	}
	want := nats.Header{
		"ce-specversion": {"1.0"},
		"ce-id":          {"1-7"},
		"ce-source":      {"/supervision/hq"},
		"ce-type":        {"supervision.v1.group.left"},
		"ce-time":        {"2026-03-01T12:00:00.123Z"},
		"ce-subject":     {"sales"},
		"ce-epoch":       {"1"},
		"content-type":   {"application/json"},
		"Nats-Msg-Id":    {"1-7"},
	}
	if !reflect.DeepEqual(m.Header, want) {
		t.Errorf("header\n%v, want\n%v", m.Header, want)
	}
	document := func(unstaffed bool) string {
		return fmt.Sprintf(`{"id":"sales","name":"","number":"","type":"","lock_last":"","unstaffed":%t,"supervisors":null,"members":null,"ringing":null}`, unstaffed)
	}
	body := `{"document":` + document(false) + `,"before":` + document(true) + `,"person":"ben","by":{"person":"anna","name":"Anna Berger","via":"http"},"forced":true}`
	if string(m.Data) != body {
		t.Errorf("body\n%s, want\n%s", m.Data, body)
	}

	e = announce(8, supervision.EventPresenceChanged, "ben")
	e.Document = supervision.Target{}
	b.take(e)
	m = nextMessage(t, sub)
	if string(m.Data) != `{"document":{}}` {
		t.Errorf("what is empty is left out: %s", m.Data)
	}
	if m.Header.Get("Nats-Msg-Id") != "" || m.Reply != "" {
		t.Errorf("what is not kept is not addressed to a stream: %v, reply %q", m.Header, m.Reply)
	}

	b.take(announce(9, supervision.EventPickupRefused, ""))
	if m = nextMessage(t, sub); m.Subject != "supervision.v1.hq.event.pickup.refused._" {
		t.Errorf("nobody's refusal goes to %s", m.Subject)
	}
}

func TestTheHistoryKeepsWhatItMayAndNothingElse(t *testing.T) {
	s := startEmbedded(t, t.TempDir())
	b := newBus(t, inProcess(s))
	b.waitReady(t)
	nc := dial(t, s.ClientURL())
	sub := subscribe(t, nc, "supervision.v1.hq.event.>")
	types := []supervision.EventType{
		"call.ringing", "presence.changed", "call.answered", "reachability.changed", "call.picked_up", "dnd.changed", "call.ended",
		"group.joined", "group.unstaffed", "group.left", "group.staffed", "forwarding.changed", "pbx.connected", "pickup.refused", "pbx.disconnected",
	}
	var want []string
	for i, typ := range types {
		b.take(announce(uint64(i+1), typ, "x"))
		switch typ {
		case "call.ringing", "call.answered", "call.picked_up", "call.ended", "group.joined", "group.left", "forwarding.changed", "pickup.refused":
			want = append(want, "1-"+strconv.Itoa(i+1))
		}
	}
	for i, typ := range types {
		if m := nextMessage(t, sub); m.Subject != "supervision.v1.hq.event."+string(typ)+".x" {
			t.Errorf("event %d on %s", i, m.Subject)
		}
	}
	if got := history(t, nc, uint64(len(want))); !reflect.DeepEqual(got, want) {
		t.Errorf("kept %v, want %v", got, want)
	}
}

func TestStateIsThereBeforeTheEventThatAnnouncesIt(t *testing.T) {
	s := startEmbedded(t, t.TempDir())
	b := newBus(t, inProcess(s))
	b.waitReady(t)
	nc := dial(t, s.ClientURL())
	sub := subscribe(t, nc, "supervision.v1.hq.>")
	kv := stateBucket(t, nc)
	const n = 2000
	var producer sync.WaitGroup
	defer producer.Wait()
	producer.Go(func() {
		for i := 1; i <= n; i++ {
			if i%500 == 0 { // more than a thousand passing events would not wait
				eventually(t, "the queue is empty", func() bool { return b.queue.depth() == 0 })
			}
			kind := supervision.EventPresenceChanged
			if i%7 == 0 {
				kind = supervision.EventCallRinging
			}
			e := announce(uint64(i), kind, "ben")
			b.take(putPerson("ben", i), e)
		}
	})
	seen := 0
	for events := 0; events < n; {
		m := nextMessage(t, sub)
		if strings.HasPrefix(m.Subject, "supervision.v1.hq.state.") {
			seen = version(t, m.Data)
			continue
		}
		events++
		_, seq, _ := strings.Cut(m.Header.Get("ce-id"), "-")
		if seq != strconv.Itoa(events) {
			t.Fatalf("event %d is %s", events, seq)
		}
		if seen < events {
			t.Fatalf("event %d came while the state was %d", events, seen)
		}
		if events%100 == 0 {
			if v := version(t, []byte(value(kv, "person.ben"))); v < events {
				t.Fatalf("event %d came while %d was stored", events, v)
			}
		}
	}
}

func version(t *testing.T, document []byte) int {
	t.Helper()
	var p supervision.PersonDocument
	if err := json.Unmarshal(document, &p); err != nil {
		t.Fatalf("%q: %v", document, err)
	}
	n, err := strconv.Atoi(p.Name)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestCallsLeftRingingAreFoundInTheHistory(t *testing.T) {
	dir := t.TempDir()
	s := startEmbedded(t, dir)
	first := newBus(t, inProcess(s))
	if e := <-first.begun; e.Epoch != 1 || len(e.Open) != 0 {
		t.Errorf("the first epoch began with %+v", e)
	}
	first.waitReady(t)
	ring := func(seq uint64, id string) supervision.Announce {
		return announce(seq, supervision.EventCallRinging, id)
	}
	first.take(ring(1, "c1"), ring(2, "c2"), announce(3, supervision.EventCallAnswered, "c1"),
		ring(4, "c3"), ring(5, "c4"), announce(6, supervision.EventCallEnded, "c3"), ring(7, "c5"),
		announce(8, supervision.EventCallPickedUp, "c4"))
	first.stop()
	stopEmbedded(t, s)

	s = startEmbedded(t, dir)
	second := newBus(t, inProcess(s))
	e := <-second.begun
	if e.Epoch != 2 || e.At.IsZero() {
		t.Errorf("the second epoch began with %+v", e)
	}
	want := []*supervision.CallDocument{callDocument("c2", supervision.CallRinging), callDocument("c5", supervision.CallRinging)}
	if !reflect.DeepEqual(e.Open, want) {
		t.Errorf("open: %v, want %v", e.Open, want)
	}
}

func TestEventsWaitForNATSInOrderAndTheOldestGo(t *testing.T) {
	const limit = 1500 // more than are sent without waiting for an answer
	var connect func(...nats.Option) (*nats.Conn, error)
	b := newBus(t, func(o ...nats.Option) (*nats.Conn, error) { return connect(o...) }, func(b *Bus) {
		b.queue.keptLimit = limit
		for i := range limit + 10 {
			b.Take(noon, []supervision.Effect{announce(uint64(i+1), supervision.EventCallEnded, "c")})
		}
		s := startExternal(t, server.Options{JetStream: true})
		connect = URL(s.ClientURL())
	})
	if n := b.metric(t, "supervisiond_nats_dropped_total", "kept"); n != 10 {
		t.Errorf("%v dropped", n)
	}
	b.waitReady(t)
	eventually(t, "all is published", func() bool { return b.metric(t, "supervisiond_nats_published_total", "event") == limit })
	nc, err := connect()
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	ids := history(t, nc, limit)
	if len(ids) != limit || ids[0] != "1-11" || ids[limit-1] != "1-1510" {
		t.Errorf("%d events kept, from %s to %s", len(ids), ids[0], ids[len(ids)-1])
	}
}

func TestALongHistoryIsReadInBatches(t *testing.T) {
	s := startExternal(t, server.Options{JetStream: true})
	js, err := jetstream.New(dial(t, s.ClientURL()))
	if err != nil {
		t.Fatal(err)
	}
	if err := ensure(t.Context(), js, eventsConfig(site, History{})); err != nil {
		t.Fatal(err)
	}
	encode := newEncoder(site, 1, 0)
	seq := uint64(0)
	publish := func(kind supervision.EventType, id string) {
		t.Helper()
		seq++
		e := announce(seq, kind, id)
		m, err := encode.event(&e)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := js.PublishMsgAsync(m); err != nil {
			t.Fatal(err)
		}
	}
	const calls = journalBatch
	for i := range calls {
		id := "c" + strconv.Itoa(i)
		publish(supervision.EventCallRinging, id)
		if i%1000 != 999 {
			publish(supervision.EventCallEnded, id)
		}
	}
	<-js.PublishAsyncComplete()
	open, err := openCalls(t.Context(), js, site)
	if err != nil || len(open) != calls/1000 || open[0].ID != "c999" {
		t.Errorf("%d calls are open, %v", len(open), err)
	}
}
