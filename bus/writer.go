package bus

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

const (
	// maxDocuments and maxEvents are how many may be on their way without having been acknowledged.
	maxDocuments = 1024
	maxEvents    = 1024
)

var (
	errStalled = errors.New("NATS does not answer")
	errOver    = errors.New("the session is over")
	// errForeign: the bucket's sequence shows that somebody else wrote between two documents of ours.
	errForeign = errors.New("somebody else wrote to the state bucket; is there a second daemon, or a user with too many permissions?")
)

// noRetry: a message sent again behind a newer one of the same key would bring the old state back.
var noRetry = []jetstream.PublishOpt{jetstream.WithRetryAttempts(0)}

// writer is one session's way to NATS. One goroutine publishes; the client's own goroutine brings the answers.
type writer struct {
	bus    *Bus
	nc     *nats.Conn
	js     jetstream.JetStream
	encode *encoder

	wake chan struct{} // holds one: an answer came

	mu        sync.Mutex
	docsOut   ring[sent] // documents on their way, in order
	eventsOut ring[sent] // events of the history on their way, in order
	goal      int        // documents still to be acknowledged until the whole state is there
	last      uint64     // the bucket's sequence at the last document acknowledged
	err       error      // the first thing that went wrong

	// Of the publishing goroutine alone: the batch in hand. Of its events, those from next on are not sent yet.
	batch  []write
	events []event
	next   int
}

// sent is a message on its way. Its event is kept so that it can be sent again by a later session.
type sent struct {
	msg   *nats.Msg
	at    time.Time
	event event
	purge bool
	done  bool
}

func newWriter(b *Bus, nc *nats.Conn) *writer {
	return &writer{bus: b, nc: nc, wake: make(chan struct{}, 1)}
}

func (w *writer) begin(js jetstream.JetStream, encode *encoder, goal int) {
	w.js, w.encode, w.goal = js, encode, goal
	if goal == 0 {
		w.bus.ready.Store(true)
	}
}

// run publishes what the queue hands out. It returns nil when ctx is done and everything is out, or time is up.
func (w *writer) run(ctx, conn context.Context) error {
	stop := ctx.Done()
	var timeUp <-chan time.Time
	for {
		moved, err := w.step()
		if err != nil {
			return err
		}
		if timeUp != nil && w.idle() {
			return nil
		}
		if moved {
			continue
		}
		select {
		case <-w.bus.queue.wake:
		case <-w.wake:
		case <-conn.Done():
			return context.Cause(conn)
		case <-stop:
			stop = nil
			timer := time.NewTimer(w.bus.drain)
			defer timer.Stop()
			timeUp = timer.C
		case <-timeUp:
			return nil
		}
	}
}

// step sends what may be sent now and says whether that was anything. Events wait until all documents that are on
// their way are acknowledged: NATS stores and republishes a document before it acknowledges it, while an event goes to
// its subscribers directly and would overtake it.
func (w *writer) step() (bool, error) {
	w.mu.Lock()
	err, docs, events := w.err, w.docsOut.len(), w.eventsOut.len()
	w.mu.Unlock()
	if err != nil {
		return false, err
	}
	moved := false
	if w.next == len(w.events) {
		w.next = 0
		w.batch, w.events = w.bus.queue.next(w.batch[:0], w.events[:0], maxDocuments-docs, maxEvents-events)
		moved = len(w.batch)+len(w.events) > 0
		for i := range w.batch {
			if err := w.document(&w.batch[i]); err != nil {
				return false, err
			}
		}
		clear(w.batch)
	}
	if w.next == len(w.events) || !w.documentsThere() {
		return moved, nil
	}
	for ; w.next < len(w.events); w.next++ {
		if err := w.event(&w.events[w.next]); err != nil {
			return false, err
		}
	}
	clear(w.events)
	return true, nil
}

func (w *writer) document(d *write) error {
	m, err := w.encode.document(*d)
	if err != nil {
		w.bus.log.Error("a document cannot be encoded and is left out; please report this", "key", d.key, "error", err)
		w.documentDone()
		return nil
	}
	w.mu.Lock()
	w.docsOut.push(sent{msg: m, at: d.at, purge: d.doc == nil})
	w.mu.Unlock()
	_, err = w.js.PublishMsgAsync(m, noRetry...)
	if unfit(err) {
		w.bus.log.Error("NATS cannot carry a document, which is left out", "key", d.key, "bytes", len(m.Data), "error", err)
		w.forget(&w.docsOut, m)
		w.documentDone()
		return nil
	}
	if err != nil {
		return fmt.Errorf("%w: publishing %s: %w", errStalled, m.Subject, err)
	}
	return nil
}

func (w *writer) event(e *event) error {
	if e.reply != "" {
		w.bus.commands.deliver(e.reply)
		return nil
	}
	var m *nats.Msg
	var err error
	if e.view != nil {
		m, err = w.encode.view(e.view)
	} else {
		m, err = w.encode.event(&e.Announce)
	}
	if err != nil {
		w.bus.log.Error("an event cannot be encoded and is left out; please report this", "type", e.Type, "entity", e.Entity, "error", err)
		return nil
	}
	if !kept(e.Type) {
		if err := w.nc.PublishMsg(m); err != nil {
			return fmt.Errorf("%w: publishing %s: %w", errStalled, m.Subject, err)
		}
		w.published(e.at)
		w.bus.metrics.publishedEvents.Inc()
		return nil
	}
	w.mu.Lock()
	w.eventsOut.push(sent{msg: m, at: e.at, event: *e})
	w.mu.Unlock()
	_, err = w.js.PublishMsgAsync(m, noRetry...)
	switch {
	case unfit(err):
		w.bus.log.Error("NATS cannot carry an event, which is left out", "type", e.Type, "entity", e.Entity, "bytes", len(m.Data), "error", err)
		w.forget(&w.eventsOut, m)
	case err != nil:
		w.forget(&w.eventsOut, m) // it is still in the batch
		return fmt.Errorf("%w: publishing %s: %w", errStalled, m.Subject, err)
	}
	return nil
}

// unfit says whether it is the message's own fault that it was not sent, so that sending it again is no use.
func unfit(err error) bool {
	return errors.Is(err, nats.ErrMaxPayload) || errors.Is(err, nats.ErrBadSubject)
}

// acked takes NATS's word that it has a message.
func (w *writer) acked(m *nats.Msg, ack *jetstream.PubAck) {
	w.mu.Lock()
	defer w.signal()
	defer w.mu.Unlock()
	if s := find(&w.eventsOut, m); s != nil {
		s.done = true
		for w.eventsOut.len() > 0 && w.eventsOut.at(0).done {
			w.published(w.eventsOut.pop().at)
			w.bus.metrics.publishedEvents.Inc()
		}
		return
	}
	s := find(&w.docsOut, m)
	if s == nil {
		return
	}
	s.done = true
	if w.last != 0 && ack.Sequence != w.last+1 {
		w.fail(errForeign)
	}
	w.last = ack.Sequence
	for w.docsOut.len() > 0 && w.docsOut.at(0).done {
		d := w.docsOut.pop()
		w.published(d.at)
		if d.purge {
			w.bus.metrics.publishedPurge.Inc()
		} else {
			w.bus.metrics.publishedDoc.Inc()
		}
		w.documentDoneLocked()
	}
}

// refused takes NATS's word, or its silence, that it has not.
func (w *writer) refused(m *nats.Msg, err error) {
	if errors.Is(err, jetstream.ErrJetStreamPublisherClosed) {
		return // the session is over
	}
	w.mu.Lock()
	defer w.signal()
	defer w.mu.Unlock()
	switch {
	case errors.Is(err, jetstream.ErrAsyncPublishTimeout):
		w.fail(fmt.Errorf("%w within %v: publishing %s", errStalled, w.bus.ackTimeout, m.Subject))
	case errors.Is(err, jetstream.ErrNoStreamResponse):
		w.fail(fmt.Errorf("publishing %s: its stream is gone: %w", m.Subject, err))
	default:
		w.fail(fmt.Errorf("publishing %s: %w", m.Subject, err))
	}
}

// abort ends the session from elsewhere.
func (w *writer) abort(err error) {
	w.mu.Lock()
	defer w.signal()
	defer w.mu.Unlock()
	w.fail(err)
}

func (w *writer) fail(err error) {
	if w.err == nil {
		w.err = err
	}
}

func (w *writer) signal() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// documentDone counts towards the whole state.
func (w *writer) documentDone() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.documentDoneLocked()
}

func (w *writer) documentDoneLocked() {
	if w.goal == 0 {
		return
	}
	if w.goal--; w.goal == 0 && w.err == nil {
		w.bus.ready.Store(true)
		w.bus.complaints.settle()
	}
}

func (w *writer) published(at time.Time) {
	if !at.IsZero() {
		w.bus.metrics.seconds.Observe(w.bus.options.Now().Sub(at).Seconds())
	}
}

func (w *writer) documentsThere() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.docsOut.len() == 0
}

func (w *writer) idle() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.docsOut.len() == 0 && w.eventsOut.len() == 0 && w.next == len(w.events) && w.bus.queue.depth() == 0
}

// end ends the session and returns the events that NATS is not known to have, in order.
func (w *writer) end() []event {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.fail(errOver)
	var list []event
	for i := range w.eventsOut.len() {
		if s := w.eventsOut.at(i); !s.done {
			list = append(list, s.event)
		}
	}
	return append(list, w.events[w.next:]...)
}

// find looks a message up. Answers come in the order of sending, so it is the first one.
func find(list *ring[sent], m *nats.Msg) *sent {
	for i := range list.len() {
		if s := list.at(i); s.msg == m {
			return s
		}
	}
	return nil
}

// forget takes a message back that was not sent: it is the last one.
func (w *writer) forget(list *ring[sent], m *nats.Msg) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if n := list.len(); n > 0 && list.at(n-1).msg == m {
		list.n--
		*list.at(list.n) = sent{}
	}
}
