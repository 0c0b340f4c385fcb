package bus

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"supervisiond/bus/message"
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
	since  time.Time // zero: from the beginning
	before uint64    // a sequence of the stream; 0: from the newest on
	limit  int
}

// place is where an answer ended, as who asked gives it back; empty: nowhere. It is a sequence of the stream, for events may
// have the same time, and what one answer looks at may hold nothing for the reader.
var place = regexp.MustCompile(`^[1-9][0-9]{0,18}$`)

func placeOf(s string) uint64 {
	n, _ := strconv.ParseUint(s, 10, 64) // whoever calls has looked at it
	return n
}

// errHistory is why the history cannot be read, as who asked for it is told.
type errHistory string

func (e errHistory) Error() string { return string(e) }

const (
	errManyReaders = errHistory("too many read the history at the same time; try again")
	errHistoryAway = errHistory("the history cannot be read now")
)

// historyEvent is an event on its way to the reader.
type historyEvent struct {
	supervision.HistoryEvent
	body storedEvent
}

// told is the event as the reader is told it.
func (e *historyEvent) told() supervision.HistoryEvent {
	told := e.HistoryEvent
	told.Document, told.Person, told.By, told.Forced = e.body.Document, e.body.Person, e.body.By, e.body.Forced
	if len(e.body.Before) > 0 {
		told.Before = e.body.Before
	}
	return told
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
	ctx, cancel := context.WithDeadline(context.Background(), r.began.Add(c.time))
	defer cancel()
	h, err := c.bus.readHistory(ctx, r.nc, reader, r.query)
	if err != nil {
		r.result.Refusal = unavailable(err.Error())
		c.answer(r, nil)
		return
	}
	c.answer(r, message.History{OK: true, Events: h.events, More: h.next != "", Next: h.next})
}

// ReadHistory gives the newest events that a reader may read of those that are asked for. Ctx must have a deadline; what has
// been found by then is told. The error is for who asked.
func (b *Bus) ReadHistory(ctx context.Context, reader *supervision.Reader, q supervision.HistoryQuery) (supervision.HistoryPage, error) {
	nc := b.commands.connection()
	if nc == nil {
		return supervision.HistoryPage{}, errHistoryAway
	}
	h, err := b.readHistory(ctx, nc, reader, historyQuery{since: q.Since, before: placeOf(q.Before), limit: q.Limit})
	if err != nil {
		return supervision.HistoryPage{}, err
	}
	return supervision.HistoryPage{Events: h.events, Next: h.next}, nil
}

func (b *Bus) readHistory(ctx context.Context, nc *nats.Conn, reader *supervision.Reader, query historyQuery) (*historyReading, error) {
	select {
	case b.readers <- struct{}{}:
		defer func() { <-b.readers }()
	case <-ctx.Done():
		return nil, errManyReaders
	}
	left := historyTime
	if end, ok := ctx.Deadline(); ok {
		left = min(left, time.Until(end)/2)
	}
	h := &historyReading{
		site: b.options.Site, reader: reader, query: query, until: time.Now().Add(left),
		room: int(min(nc.MaxPayload()*9/10, historyBytes)), seen: make(map[string]bool),
	}
	if err := h.read(ctx, nc); err != nil {
		b.complaints.say("the history cannot be read", explain(err))
		return nil, errHistoryAway
	}
	return h, nil
}

// historyReading goes through the history from its end. The stream is read in pages, each from front to back because
// nothing else can be done with a stream.
type historyReading struct {
	site   string
	reader *supervision.Reader
	query  historyQuery
	until  time.Time
	room   int // bytes left

	events []supervision.HistoryEvent
	next   string          // before which there is or may be more; empty: there is not
	seen   map[string]bool // ids; what was published twice is told once
}

func (h *historyReading) read(ctx context.Context, nc *nats.Conn) error {
	h.events = []supervision.HistoryEvent{}
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
	if before := h.query.before; before != 0 && before <= last {
		if err := h.remember(ctx, stream, max(before, first), last); err != nil {
			return err
		}
		last = before - 1
	}
	for looked := uint64(0); last >= first; page = min(2*page, lastPage) {
		if looked >= historyDepth || time.Now().After(h.until) {
			h.endsAt(last)
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

// remember takes up the ids of what an earlier answer ended with. An event that was sent again is found at most as far from its
// first copy as events may be on their way, and so is not told twice.
func (h *historyReading) remember(ctx context.Context, stream jetstream.Stream, from, last uint64) error {
	if from > last {
		return nil
	}
	messages, err := readPage(ctx, stream, from, min(last, from+maxEvents-1))
	for _, m := range messages {
		h.seen[m.Headers().Get("ce-id")] = true
	}
	return err
}

// endsAt says that an answer goes on with the event that has this sequence.
func (h *historyReading) endsAt(sequence uint64) { h.next = strconv.FormatUint(sequence+1, 10) }

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
	meta, err := m.Metadata()
	if err != nil {
		return true
	}
	if meta.Timestamp.Before(h.query.since.Add(-clockSlack)) {
		return false
	}
	e, at, ok := h.understand(m)
	if !ok || h.seen[e.ID] || at.Before(h.query.since) || !h.admit(&e) {
		return true
	}
	size := len(e.body.Document) + len(e.body.Before) + len(e.ID) + len(e.Subject) + 256
	if len(h.events) == h.query.limit || size > h.room && len(h.events) > 0 {
		h.endsAt(meta.Sequence.Stream)
		return false
	}
	if size > h.room {
		return true // no answer can have it
	}
	h.room -= size
	h.seen[e.ID] = true
	h.events = append(h.events, e.told())
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
		json.Unmarshal(m.Data(), &e.body) != nil || len(e.body.Document) == 0 {
		return e, at, false
	}
	return e, at, true
}

// admit says whether the reader may read an event, and leaves out of it what they may not.
func (h *historyReading) admit(e *historyEvent) bool {
	entry := supervision.Entry{Type: e.Type, Entity: e.Subject, Person: e.body.Person}
	if e.body.By != nil {
		entry.By = e.body.By.Person
	}
	if strings.HasPrefix(string(e.Type), "call.") {
		entry.Call = new(supervision.CallDocument)
		if json.Unmarshal(e.body.Document, entry.Call) != nil {
			return false
		}
	}
	if e.Type == supervision.EventForwardingChanged {
		var doc supervision.ForwardingDocument
		if json.Unmarshal(e.body.Document, &doc) != nil {
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
		e.body.Document, err = rewritten(e.body.Document, h.reader.Redact)
		if err == nil {
			e.body.Before, err = rewritten(e.body.Before, h.reader.Redact)
		}
	case e.Type == supervision.EventGroupJoined, e.Type == supervision.EventGroupLeft:
		e.body.Document, err = rewritten(e.body.Document, h.reader.RedactGroup)
		if err == nil {
			e.body.Before, err = rewritten(e.body.Before, h.reader.RedactGroup)
		}
	case e.Type == supervision.EventForwardingChanged:
		e.body.Document, err = rewritten(e.body.Document, h.reader.RedactForwards)
		if err == nil {
			e.body.Before, err = rewritten(e.body.Before, h.reader.RedactForwards)
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
