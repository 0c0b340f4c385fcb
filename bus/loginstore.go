package bus

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"supervisiond/bus/subject"
	"supervisiond/supervision"
)

// storedLogin is the value of a key. Group and person stand in it too: a value that somebody made the server put on
// another key is thereby recognised.
type storedLogin struct {
	Group    supervision.GroupID  `json:"group"`
	Person   supervision.PersonID `json:"person"`
	LoggedIn *bool                `json:"logged_in"`
	At       supervision.Stamp    `json:"at"`
}

func encodeLogin(g supervision.GroupID, p supervision.PersonID, in bool, at time.Time) []byte {
	data, err := json.Marshal(storedLogin{Group: g, Person: p, LoggedIn: &in, At: supervision.Stamp{Time: at}})
	if err != nil {
		return nil // there is nothing in it that could fail
	}
	return data
}

func decodeLogin(key string, value []byte) (storedLogin, error) {
	var s storedLogin
	err := json.Unmarshal(value, &s)
	switch {
	case err != nil:
		return s, fmt.Errorf("it is not JSON as the daemon writes it: %w", err)
	case s.LoggedIn == nil:
		return s, errors.New("it does not say logged_in")
	case loginKeyOf(s.Group, s.Person) != key:
		return s, errors.New("it belongs to another key")
	}
	return s, nil
}

// start reads what is stored, and begins a session: what is queued from now on is sent. The first time it returns what
// it has read; later it puts there what an earlier session left otherwise. ctx bounds the reading.
func (l *logins) start(ctx context.Context, s *loginSession, first bool) ([]supervision.StoredLogin, error) {
	var err error
	s.js, err = jetstream.New(s.nc,
		jetstream.WithDefaultTimeout(connectTimeout),
		jetstream.WithPublishAsyncTimeout(l.time),
		jetstream.WithPublishAsyncMaxPending(2*maxLogins),
		jetstream.WithPublishAsyncAckHandler(func(_ jetstream.JetStream, m *nats.Msg, ack *jetstream.PubAck) { l.acked(m, ack) }),
		jetstream.WithPublishAsyncErrHandler(func(_ jetstream.JetStream, m *nats.Msg, err error) { l.refused(m, err) }),
	)
	if err != nil {
		return nil, fmt.Errorf("JetStream: %w", err)
	}
	kv, err := s.js.KeyValue(ctx, subject.LoginsBucket(l.site))
	if err != nil {
		return nil, fmt.Errorf("opening bucket %s: %w", subject.LoginsBucket(l.site), err)
	}
	watch, err := kv.Watch(s.ctx, loginPrefix+">")
	if err != nil {
		return nil, fmt.Errorf("reading bucket %s: %w", subject.LoginsBucket(l.site), err)
	}
	context.AfterFunc(s.ctx, func() {
		_ = watch.Stop() // if the connection is gone, so is the watch
		s.js.CleanupPublisher()
	})
	entries := make(map[string]jetstream.KeyValueEntry)
	for done := false; !done; {
		select {
		case e, ok := <-watch.Updates():
			switch {
			case !ok:
				return nil, fmt.Errorf("reading bucket %s: %w", subject.LoginsBucket(l.site), nats.ErrConnectionClosed)
			case e == nil:
				done = true
			default:
				entries[e.Key()] = e
			}
		case <-ctx.Done():
			return nil, fmt.Errorf("reading bucket %s: %w", subject.LoginsBucket(l.site), ctx.Err())
		}
	}
	logins := make(map[string]*bool, len(entries))
	for key, e := range entries {
		logins[key] = l.understand(e, first)
	}
	stored, mended := l.begin(s, entries, logins, first)
	if mended > 0 {
		l.log.Warn("stored logins are not what was last acknowledged, writing them again", "logins", mended)
	}
	go l.send(s)
	go func() {
		for e := range watch.Updates() {
			if e != nil {
				l.saw(s, e)
			}
		}
	}()
	return stored, nil
}

// understand reads an entry; nil is what is not there or cannot be used.
func (l *logins) understand(e jetstream.KeyValueEntry, say bool) *bool {
	if e.Operation() != jetstream.KeyValuePut {
		return nil
	}
	s, err := decodeLogin(e.Key(), e.Value())
	if err == nil {
		return s.LoggedIn
	}
	if say {
		l.log.Error("a stored login is damaged and is left out: the person counts as new in that group; "+
			"log them in or out again as it should be, and find out who writes to the bucket",
			"bucket", e.Bucket(), "key", e.Key(), "problem", err)
	}
	return nil
}

// begin takes up what was read: the entries, and what they say where they say anything. The first time it returns that;
// later it queues what has to be put right, and returns how much that is.
func (l *logins) begin(s *loginSession, entries map[string]jetstream.KeyValueEntry, logins map[string]*bool, first bool) (list []supervision.StoredLogin, mended int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.session = s
	if first {
		clear(l.keys)
	}
	for _, k := range l.keys {
		k.revision, k.seen = 0, 0
	}
	for _, key := range slices.Sorted(maps.Keys(entries)) {
		k := l.keys[key]
		if k == nil {
			group, person, _ := strings.Cut(strings.TrimPrefix(key, loginPrefix), ".")
			k = &loginKey{group: supervision.GroupID(group), person: supervision.PersonID(person)}
			l.keys[key] = k
		}
		k.revision = entries[key].Revision()
		if in := logins[key]; first && in != nil {
			k.stored = in
			list = append(list, supervision.StoredLogin{Group: k.group, Person: k.person, LoggedIn: *in})
		}
	}
	for key, k := range l.keys {
		in, e := logins[key], entries[key]
		switch {
		case k.stored != nil && (in == nil || *in != *k.stored):
			k.queue = append(k.queue, loginWrite{in: k.stored})
		case k.stored == nil && k.unsure && e != nil && e.Operation() == jetstream.KeyValuePut:
			k.queue = append(k.queue, loginWrite{})
		}
		k.unsure = len(k.queue) > 0
		if k.unsure {
			l.due.push(k)
			mended++
		}
	}
	return list, mended
}

// saw is told of every change of the bucket, those of our own too.
func (l *logins) saw(s *loginSession, e jetstream.KeyValueEntry) {
	l.mu.Lock()
	defer l.mu.Unlock()
	k := l.keys[e.Key()]
	if l.session != s || k == nil {
		return
	}
	k.seen = max(k.seen, e.Revision())
	if k.flying == nil && k.seen > k.revision {
		l.endLocked(errForeignLogin)
	}
}
