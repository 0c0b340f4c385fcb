package bus

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"supervisiond/supervision"
)

// historian is a bus whose history may be read by whom the test says.
func historian(t testing.TB, reader *supervision.Reader, adjust ...func(*Bus)) (*runningBus, *nats.Conn) {
	t.Helper()
	s := startWithUsers(t, t.TempDir())
	b, _ := newService(t, s, func(c supervision.Commanded) []supervision.Effect {
		return []supervision.Effect{supervision.Reply{ID: c.ID, Result: reader}}
	}, adjust...)
	return b, commander(t, s)
}

// happen publishes events, one a second from noon on, and waits until they are kept.
func (r *runningBus) happen(t testing.TB, events ...supervision.Announce) {
	t.Helper()
	published := r.metric(t, "supervisiond_nats_published_total", "event")
	for i := range events {
		r.take(events[i])
		if i%5000 == 4999 { // no more wait than are kept
			eventually(t, "the queue is empty", func() bool { return r.queue.depth() == 0 })
		}
	}
	eventually(t, "all is published", func() bool {
		return r.metric(t, "supervisiond_nats_published_total", "event") == published+float64(len(events))
	})
}

func calls(from, to int) []supervision.Announce {
	var list []supervision.Announce
	for i := from; i <= to; i++ {
		doc := callDocument(fmt.Sprint("c", i), supervision.CallAbandoned)
		doc.Ringing = []supervision.RingingPart{{Person: "ben", Groups: []supervision.GroupID{"sales"}}}
		if i%10 == 0 {
			doc.Ringing = []supervision.RingingPart{{Person: "igor", Groups: []supervision.GroupID{"desk"}}}
		}
		list = append(list, supervision.Announce{
			Seq: uint64(i), At: noon.Add(time.Duration(i) * time.Second), Type: supervision.EventCallEnded, Entity: string(doc.ID), Document: doc,
		})
	}
	return list
}

func ids(a answer) string {
	var list []string
	for _, e := range a.Events {
		list = append(list, fmt.Sprint(e["id"]))
	}
	return strings.Join(list, " ")
}

var annaReads = &supervision.Reader{Actor: "anna", Groups: []supervision.GroupID{"sales"},
	Supervised: map[supervision.PersonID][]supervision.GroupID{"ben": {"sales"}}}

func TestH1TheHistoryIsToldNewestFirst(t *testing.T) {
	b, nc := historian(t, annaReads)
	if a := ask(t, nc, "anna", "history.get", ""); a.raw != `{"ok":true,"changed":false,"events":[],"more":false,"next":""}` {
		t.Errorf("without events: %s", a.raw)
	}
	const n = 3000
	b.happen(t, calls(1, n)...)
	if a := ask(t, nc, "anna", "history.get", `{"limit":3}`); ids(a) != "1-2999 1-2998 1-2997" || !a.More {
		t.Errorf("the last three: %s, more %t", ids(a), a.More)
	}
	if a := ask(t, nc, "anna", "history.get", `{}`); len(a.Events) != 100 || !a.More {
		t.Errorf("%d events", len(a.Events))
	}
	began := time.Now()
	a := ask(t, nc, "anna", "history.get", `{"limit":1000}`)
	t.Logf("the last 1000 of %d in %v, %d bytes", n, time.Since(began), len(a.raw))
	last := n
	for _, e := range a.Events {
		if last%10 == 0 {
			last-- // not hers
		}
		if want := fmt.Sprintf("1-%d", last); e["id"] != want {
			t.Fatalf("event %s, want %s", e["id"], want)
		}
		last--
		if last%10 == 0 {
			last--
		}
	}
	since := supervision.Stamp{Time: noon.Add((n - 4) * time.Second)}.String()
	if a := ask(t, nc, "anna", "history.get", `{"since":"`+since+`"}`); ids(a) != "1-2999 1-2998 1-2997 1-2996" || a.More {
		t.Errorf("since %s: %s, more %t", since, ids(a), a.More)
	}
	if a := ask(t, nc, "anna", "history.get", `{"since":"2999-01-01T00:00:00Z"}`); len(a.Events) != 0 {
		t.Errorf("of the future: %s", a.raw)
	}
}

func TestS7TheHistoryLeavesOutWhatOneMayNotSee(t *testing.T) {
	b, nc := historian(t, annaReads)
	call := callDocument("c1", supervision.CallAnswered)
	call.Ringing = []supervision.RingingPart{
		{Person: "ben", Groups: []supervision.GroupID{"desk", "sales"}}, {Person: "igor", Groups: []supervision.GroupID{"desk"}},
	}
	others := callDocument("c2", supervision.CallAbandoned)
	others.Ringing = []supervision.RingingPart{{Person: "igor", Groups: []supervision.GroupID{"desk"}}}
	group := func(id supervision.GroupID) *supervision.GroupDocument {
		return &supervision.GroupDocument{
			ID: id, Supervisors: []supervision.SupervisorDocument{{Person: "anna"}, {Person: "hana"}},
			Members: []supervision.MemberDocument{{Person: "ben"}}, Ringing: []supervision.CallID{"c9"},
		}
	}
	forwards := func(p supervision.PersonID, groups ...supervision.GroupID) *supervision.ForwardingDocument {
		return &supervision.ForwardingDocument{ID: p, Groups: groups}
	}
	by := func(p supervision.PersonID, name string) *supervision.By {
		return &supervision.By{Person: p, Name: name, Via: supervision.ViaHTTP}
	}
	b.happen(t,
		supervision.Announce{Seq: 1, At: noon, Type: supervision.EventCallAnswered, Entity: "c1", Document: call, Before: call},
		supervision.Announce{Seq: 2, At: noon, Type: supervision.EventCallEnded, Entity: "c2", Document: others},
		supervision.Announce{Seq: 3, At: noon, Type: supervision.EventGroupLeft, Entity: "sales", Document: group("sales"), Person: "ben", By: by("ben", "Ben")},
		supervision.Announce{Seq: 4, At: noon, Type: supervision.EventGroupLeft, Entity: "desk", Document: group("desk"), Person: "igor", By: by("igor", "Igor")},
		supervision.Announce{Seq: 5, At: noon, Type: supervision.EventGroupLeft, Entity: "desk", Document: group("desk"), Before: group("desk"), Person: "anna", By: by("hana", "Hana"), Forced: true},
		supervision.Announce{Seq: 6, At: noon, Type: supervision.EventForwardingChanged, Entity: "ben", Document: forwards("ben", "desk", "sales"), Before: forwards("ben", "desk", "sales"), Person: "ben"},
		supervision.Announce{Seq: 7, At: noon, Type: supervision.EventForwardingChanged, Entity: "igor", Document: forwards("igor", "desk"), Person: "igor"},
		supervision.Announce{Seq: 8, At: noon, Type: supervision.EventPickupRefused, Entity: "anna", Document: &supervision.RefusalDocument{Actor: "anna"}, Person: "anna"},
		supervision.Announce{Seq: 9, At: noon, Type: supervision.EventPickupRefused, Entity: "emil", Document: &supervision.RefusalDocument{Actor: "emil"}, Person: "emil"},
		// Ben was logged out of sales.
		supervision.Announce{Seq: 10, At: noon, Type: supervision.EventForwardingChanged, Entity: "ben", Document: forwards("ben", "desk"), Person: "ben"},
	)
	a := ask(t, nc, "anna", "history.get", "")
	if ids(a) != "1-8 1-6 1-5 1-3 1-1" {
		t.Fatalf("anna reads %s", ids(a))
	}
	for i, want := range map[int]string{
		4: `"type":"call.answered","time":"2026-03-01T12:00:00.123Z","subject":"c1","id":"1-1","document":{"id":"c1"`,
		2: `"person":"anna","by":{"person":"hana","name":"Hana","via":"http"},"forced":true}`,
		1: `"document":{"id":"ben","name":"","extension":"","forwarding":null,"groups":["sales"]},` +
			`"before":{"id":"ben","name":"","extension":"","forwarding":null,"groups":["sales"]}`,
	} {
		var raw struct{ Events []json.RawMessage }
		if err := json.Unmarshal([]byte(a.raw), &raw); err != nil || !strings.Contains(string(raw.Events[i]), want) {
			t.Errorf("event %d is %s", i, raw.Events[i])
		}
	}
	_, rest, _ := strings.Cut(a.raw, `"id":"1-5"`)
	desk, rest, _ := strings.Cut(rest, `"id":"1-3"`)
	if strings.Contains(desk, `"person":"ben"`) || strings.Contains(desk, "c9") || strings.Count(desk, `{"person":"hana"`) != 1 || strings.Count(desk, `"anna"`) != 3 {
		t.Errorf("of a group that she does not supervise: %s", desk)
	}
	if sales, call, _ := strings.Cut(rest, `"id":"1-1"`); !strings.Contains(sales, "hana") || strings.Contains(call, "igor") ||
		strings.Contains(call, "desk") || strings.Count(call, `{"person":"ben","name":"","groups":["sales"]}`) != 2 {
		t.Errorf("of her group %s, of a call %s", sales, call)
	}

	everything := &supervision.Reader{Actor: "boss", Everything: true}
	h := historyReading{site: site, reader: everything}
	e := historyEvent{HistoryEvent: supervision.HistoryEvent{Type: supervision.EventCallEnded, Subject: "c2"}}
	e.body.Document, _ = json.Marshal(others)
	if !h.admit(&e) || !strings.Contains(string(e.body.Document), "igor") {
		t.Errorf("a company administrator reads %s", e.body.Document)
	}
}

func TestTheHistoryIsAsLongAsAnAnswerMayBe(t *testing.T) {
	b, nc := historian(t, &supervision.Reader{Everything: true})
	events := calls(1, 200)
	for i := range events {
		doc := *events[i].Document.(*supervision.CallDocument)
		doc.Caller.Name = strings.Repeat("x", 20_000)
		events[i].Document = &doc
	}
	b.happen(t, events...)
	a := ask(t, nc, "boss", "history.get", `{"limit":1000}`)
	if !a.OK || !a.More || len(a.Events) < 30 || len(a.Events) >= 60 || a.Events[0]["id"] != "1-200" {
		t.Errorf("%d events, %d bytes, more %t", len(a.Events), len(a.raw), a.More)
	}
}

func TestWhatTheDaemonDidNotWriteIsNoHistory(t *testing.T) {
	b, nc := historian(t, &supervision.Reader{Everything: true})
	b.happen(t, calls(1, 2)...)
	good := map[string][]string{
		"ce-id": {"1-9"}, "ce-time": {"2026-03-01T12:00:00.123Z"}, "ce-type": {"supervision.v1.call.ended"},
	}
	without := func(key, value string) nats.Header {
		h := nats.Header{}
		for k, v := range good {
			h[k] = v
		}
		h[key] = []string{value}
		return h
	}
	daemon, err := b.options.Connect()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(daemon.Close)
	for _, m := range []*nats.Msg{
		{Header: good, Data: []byte(`not JSON`)}, {Header: good, Data: []byte(`{}`)}, {Header: good, Data: []byte(`{"document":7}`)},
		{Data: []byte(`{"document":{}}`)}, {Header: without("ce-id", ""), Data: []byte(`{"document":{}}`)},
		{Header: without("ce-time", "noon"), Data: []byte(`{"document":{}}`)},
		{Header: without("ce-type", "supervision.v1.group.left"), Data: []byte(`{"document":{}}`)},
	} {
		m.Subject = "supervision.v1.hq.event.call.ended.c9"
		if err := daemon.PublishMsg(m); err != nil {
			t.Fatal(err)
		}
	}
	again := nats.Header(good) // an event that was sent twice, long after
	again["ce-id"] = []string{"1-2"}
	if err := daemon.PublishMsg(&nats.Msg{Subject: "supervision.v1.hq.event.call.ended.c2", Header: again, Data: []byte(`{"document":{}}`)}); err != nil {
		t.Fatal(err)
	}
	if err := daemon.Flush(); err != nil {
		t.Fatal(err)
	}
	if a := ask(t, nc, "boss", "history.get", ""); ids(a) != "1-2 1-1" {
		t.Errorf("read %s", a.raw)
	}
}

func TestReadingTheHistoryHoldsNobodyUp(t *testing.T) {
	b, nc := historian(t, annaReads, func(b *Bus) { b.commands.time = 4 * time.Second })
	b.happen(t, calls(1, 20)...)
	for range historyReaders { // as if somebody read for ever
		b.readers <- struct{}{}
	}
	waits := askLater(t, nc, "anna", "history.get", "")
	eventually(t, "it runs", func() bool { return b.metric(t, "supervisiond_nats_commands_running", "") == 1 })
	if a := ask(t, nc, "anna", "view.get", ""); !a.OK {
		t.Errorf("meanwhile: %s", a.raw)
	}
	b.take(putPerson("ben", 1))
	eventually(t, "all is published", func() bool { return b.queue.depth() == 0 })
	select {
	case <-waits:
		t.Error("all that had to wait until nobody reads")
	default:
	}
	if a := <-waits; a.Code != "unavailable" || !strings.Contains(a.Message, "too many read") {
		t.Errorf("answered %s", a.raw)
	}
	for range historyReaders {
		<-b.readers
	}
	var many []<-chan answer
	for range 20 {
		many = append(many, askLater(t, nc, "anna", "history.get", `{"limit":1000}`))
	}
	for _, c := range many {
		if a := <-c; !a.OK || len(a.Events) != 18 {
			t.Errorf("answered %s", a.raw)
		}
	}
}
