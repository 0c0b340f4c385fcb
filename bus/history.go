package bus

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"supervisiond/bus/subject"
	"supervisiond/supervision"
)

const (
	maxHistory     = 1000
	defaultHistory = 100
	// historyReaders is how many read the history at a time; the others wait.
	historyReaders = 2
	// historyTime bounds one reading: what has been found by then is told. It leaves time to answer.
	historyTime = 3 * time.Second
	// historyDepth is how many events one reading looks at.
	historyDepth = 50_000
	// historyBytes bounds the answer, on a server that would carry more.
	historyBytes = 1 << 20
	// firstPage and lastPage are how many events are fetched at a time: few may do for the newest.
	firstPage = 256
	lastPage  = 2048
	// clockSlack is how far the clocks of the daemon and of an external NATS server may be apart.
	clockSlack = time.Minute
)

// historyQuery says what of the history is asked for.
type historyQuery struct {
	since time.Time // zero: from the beginning
	limit int
}

// historyEvent is an event as history.get tells it.
type historyEvent struct {
	Type    supervision.EventType `json:"type"`
	Time    string                `json:"time"`
	Subject string                `json:"subject"`
	ID      string                `json:"id"`
	storedEvent
}

// storedEvent is the body of an event as it was published.
type storedEvent struct {
	Document json.RawMessage      `json:"document"`
	Before   json.RawMessage      `json:"before,omitempty"`
	Person   supervision.PersonID `json:"person,omitempty"`
	By       *supervision.By      `json:"by,omitempty"`
	Forced   bool                 `json:"forced,omitempty"`
}

// readHistory answers history.get. It has a goroutine of its own.
func (c *commands) readHistory(r *running, reader *supervision.Reader) {
	left := c.time - time.Since(r.began)
	ctx, cancel := context.WithTimeout(context.Background(), left)
	defer cancel()
	select {
	case c.readers <- struct{}{}:
		defer func() { <-c.readers }()
	case <-ctx.Done():
		r.result.Refusal = unavailable("too many read the history at the same time; try again")
		c.answer(r, nil)
		return
	}
	h := &historyReading{
		site: c.bus.options.Site, reader: reader, query: r.query,
		until: time.Now().Add(min(historyTime, time.Until(r.began.Add(c.time))/2)),
		room:  int(min(r.nc.MaxPayload()*9/10, historyBytes)),
		seen:  make(map[string]bool),
	}
	if err := h.read(ctx, r.nc); err != nil {
		c.bus.complaints.say("the history cannot be read", explain(err))
		r.result.Refusal = unavailable("the history cannot be read now")
	}
	c.answer(r, eventsAnswer{OK: true, Events: h.events, More: h.more})
}

// historyReading goes through the history from its end. The stream is read in pages, each from front to back because
// nothing else can be done with a stream.
type historyReading struct {
	site   string
	reader *supervision.Reader
	query  historyQuery
	until  time.Time
	room   int // bytes left

	events []historyEvent
	more   bool            // there is or may be more than that
	seen   map[string]bool // ids; what was published twice is told once
}

func (h *historyReading) read(ctx context.Context, nc *nats.Conn) error {
	h.events = []historyEvent{}
	js, err := jetstream.New(nc, jetstream.WithDefaultTimeout(connectTimeout))
	if err != nil {
		return err
	}
	stream, err := js.Stream(ctx, subject.EventStream(h.site))
	if err != nil {
		return fmt.Errorf("opening the history: %w", err)
	}
	state := stream.CachedInfo().State
	if state.Msgs == 0 {
		return nil
	}
	first, last, page := max(state.FirstSeq, 1), state.LastSeq, uint64(firstPage)
	for looked := uint64(0); last >= first; page = min(2*page, lastPage) {
		if looked >= historyDepth || time.Now().After(h.until) {
			h.more = true
			return nil
		}
		from := first
		if last-first >= page {
			from = last - page + 1
		}
		messages, err := readPage(ctx, stream, from, last)
		if err != nil {
			return err
		}
		for _, m := range slices.Backward(messages) {
			if !h.take(m) {
				return nil
			}
		}
		looked += last - from + 1
		last = from - 1
	}
	return nil
}

// readPage fetches the events from one sequence to another, in order.
func readPage(ctx context.Context, stream jetstream.Stream, from, to uint64) ([]jetstream.Msg, error) {
	consumer, err := stream.CreateConsumer(ctx, jetstream.ConsumerConfig{
		DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: from,
		AckPolicy: jetstream.AckNonePolicy, MemoryStorage: true, Replicas: 1,
		InactiveThreshold: 10 * time.Second, // should it not be deleted below
	})
	if err != nil {
		return nil, fmt.Errorf("reading the history: %w", err)
	}
	defer func() { _ = stream.DeleteConsumer(ctx, consumer.CachedInfo().Name) }()
	var messages []jetstream.Msg
	for pending := consumer.CachedInfo().NumPending; from <= to && pending > 0; {
		batch, err := consumer.FetchNoWait(int(min(to-from+1, pending)))
		if err != nil {
			return nil, fmt.Errorf("reading the history: %w", err)
		}
		got := len(messages)
		for m := range batch.Messages() {
			meta, err := m.Metadata()
			if err != nil {
				return nil, fmt.Errorf("reading the history: %w", err)
			}
			from, pending = meta.Sequence.Stream+1, meta.NumPending
			if from <= to+1 {
				messages = append(messages, m)
			}
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
		}
		if err := batch.Error(); err != nil {
			return nil, fmt.Errorf("reading the history: %w", err)
		}
		if len(messages) == got && from <= to {
			return nil, errors.New("reading the history: the server does not hand out what it has")
		}
	}
	return messages, nil
}

// take takes the next older event, and says whether there is any use in going on.
func (h *historyReading) take(m jetstream.Msg) bool {
	if meta, err := m.Metadata(); err == nil && meta.Timestamp.Before(h.query.since.Add(-clockSlack)) {
		return false
	}
	e, at, ok := h.understand(m)
	if !ok || h.seen[e.ID] || at.Before(h.query.since) || !h.admit(&e) {
		return true
	}
	h.room -= len(e.Document) + len(e.Before) + len(e.ID) + len(e.Subject) + 256
	if len(h.events) == h.query.limit || h.room < 0 {
		h.more = true
		return false
	}
	h.seen[e.ID] = true
	h.events = append(h.events, e)
	return true
}

// understand reads an event. What the daemon did not write is none.
func (h *historyReading) understand(m jetstream.Msg) (e historyEvent, at time.Time, ok bool) {
	kind, found := strings.CutPrefix(m.Subject(), subject.Event(h.site))
	end := strings.LastIndexByte(kind, '.')
	if !found || end < 0 {
		return e, at, false
	}
	header := m.Headers()
	e.Type, e.Subject = supervision.EventType(kind[:end]), kind[end+1:]
	e.ID, e.Time = header.Get("ce-id"), header.Get("ce-time")
	at, err := time.Parse(time.RFC3339Nano, e.Time)
	if err != nil || e.ID == "" || header.Get("ce-type") != "supervision.v1."+string(e.Type) ||
		json.Unmarshal(m.Data(), &e.storedEvent) != nil || len(e.Document) == 0 {
		return e, at, false
	}
	return e, at, true
}

// admit says whether the reader may read an event, and leaves out of it what they may not.
func (h *historyReading) admit(e *historyEvent) bool {
	entry := supervision.Entry{Type: e.Type, Entity: e.Subject, Person: e.Person}
	if e.By != nil {
		entry.By = e.By.Person
	}
	if strings.HasPrefix(string(e.Type), "call.") {
		entry.Call = new(supervision.CallDocument)
		if json.Unmarshal(e.Document, entry.Call) != nil {
			return false
		}
	}
	if e.Type == supervision.EventForwardingChanged {
		var doc supervision.ForwardingDocument
		if json.Unmarshal(e.Document, &doc) != nil {
			return false
		}
		entry.Groups = doc.Groups
	}
	if !h.reader.May(entry) {
		return false
	}
	var err error
	switch {
	case entry.Call != nil:
		e.Document, err = rewritten(e.Document, h.reader.Redact)
		if err == nil {
			e.Before, err = rewritten(e.Before, h.reader.Redact)
		}
	case e.Type == supervision.EventGroupJoined, e.Type == supervision.EventGroupLeft:
		e.Document, err = rewritten(e.Document, h.reader.RedactGroup)
		if err == nil {
			e.Before, err = rewritten(e.Before, h.reader.RedactGroup)
		}
	case e.Type == supervision.EventForwardingChanged:
		e.Document, err = rewritten(e.Document, h.reader.RedactForwards)
		if err == nil {
			e.Before, err = rewritten(e.Before, h.reader.RedactForwards)
		}
	}
	return err == nil
}

func rewritten[T any](document json.RawMessage, change func(*T) *T) (json.RawMessage, error) {
	if len(document) == 0 || string(document) == "null" {
		return document, nil
	}
	doc := new(T)
	if err := json.Unmarshal(document, doc); err != nil {
		return nil, err
	}
	return json.Marshal(change(doc))
}
