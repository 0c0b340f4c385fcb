package bus

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"supervisiond/bus/subject"
	"supervisiond/supervision"
)

const (
	// journalDepth is how many of the history's last events are looked at. A call that was ringing when the daemon
	// died is among the very last, however long ago that was, for nothing was written since.
	journalDepth = 50_000
	// journalTime bounds the reading, so that a slow server does not keep the state from being published.
	journalTime = 5 * time.Second
	// journalBatch is how many headers are asked for at once.
	journalBatch = 5_000
)

// openCalls reads from the history which calls were announced as ringing and never as over, oldest first.
//
// Subjects alone tell the type of an event and its call, so only headers are read; then the last event of each call
// that seems open is fetched, which makes the answer right even when the reading was cut short.
func openCalls(ctx context.Context, js jetstream.JetStream, site string) ([]*supervision.CallDocument, error) {
	stream, err := js.Stream(ctx, subject.EventStream(site))
	if err != nil {
		return nil, fmt.Errorf("opening the history: %w", err)
	}
	state := stream.CachedInfo().State
	if state.Msgs == 0 {
		return nil, nil
	}
	start := max(state.FirstSeq, 1)
	if state.LastSeq > journalDepth {
		start = max(start, state.LastSeq-journalDepth+1)
	}
	prefix := subject.Event(site) + "call."
	consumer, err := stream.CreateConsumer(ctx, jetstream.ConsumerConfig{
		FilterSubject: prefix + ">",
		DeliverPolicy: jetstream.DeliverByStartSequencePolicy,
		OptStartSeq:   start,
		AckPolicy:     jetstream.AckNonePolicy,
		HeadersOnly:   true,
		MemoryStorage: true,
		// Should it not be deleted below, the server does it.
		InactiveThreshold: 10 * time.Second,
	})
	if err != nil {
		return nil, fmt.Errorf("reading the history: %w", err)
	}
	defer func() { _ = stream.DeleteConsumer(ctx, consumer.CachedInfo().Name) }()

	var open []string // ids, in the order in which they began to ring
	deadline := time.Now().Add(journalTime)
	for pending := consumer.CachedInfo().NumPending; pending > 0 && time.Now().Before(deadline); {
		batch, err := consumer.FetchNoWait(int(min(pending, journalBatch)))
		if err != nil {
			return nil, fmt.Errorf("reading the history: %w", err)
		}
		left := pending
		for m := range batch.Messages() {
			left--
			kind, id, _ := strings.Cut(strings.TrimPrefix(m.Subject(), prefix), ".")
			i := slices.Index(open, id)
			switch {
			case kind == "ringing" && i < 0:
				open = append(open, id)
			case kind != "ringing" && i >= 0:
				open = slices.Delete(open, i, i+1)
			}
		}
		if err := batch.Error(); err != nil {
			return nil, fmt.Errorf("reading the history: %w", err)
		}
		if left == pending {
			break // some have become too old meanwhile
		}
		pending = left
	}

	var calls []*supervision.CallDocument
	for _, id := range open {
		call, err := stillOpen(ctx, stream, prefix, id)
		if err != nil {
			return nil, err
		}
		if call != nil {
			calls = append(calls, call)
		}
	}
	return calls, nil
}

// stillOpen returns the document of a call whose last event says that it rings.
func stillOpen(ctx context.Context, stream jetstream.Stream, prefix, id string) (*supervision.CallDocument, error) {
	last, err := stream.GetLastMsgForSubject(ctx, prefix+"*."+id)
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return nil, nil // it has just become too old to be kept
	}
	if err != nil {
		return nil, fmt.Errorf("reading the last event of call %s: %w", id, err)
	}
	if last.Subject != prefix+"ringing."+id {
		return nil, nil
	}
	var body struct {
		Document *supervision.CallDocument `json:"document"`
	}
	if json.Unmarshal(last.Data, &body) == nil && body.Document != nil && string(body.Document.ID) == id {
		return body.Document, nil
	}
	return nil, nil // not written by this daemon: nothing can be said of it
}
