package bus

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
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

// load reads what is stored when the daemon begins, and says what the logins are. Nothing is written yet.
func (l *logins) load(ctx context.Context, s *loginSession, p past) (*found, []supervision.StoredLogin, verdict, error) {
	if err := l.publisher(s); err != nil {
		return nil, nil, verdict{}, err
	}
	f, err := l.read(ctx, s)
	if err != nil {
		return nil, nil, verdict{}, err
	}
	list, v := l.adopt(f, p)
	l.report(list, v)
	return f, list, v, nil
}

// resume reads what is stored when NATS is back, and begins a session: what is queued from now on is sent, and what an
// earlier session left otherwise is put right.
func (l *logins) resume(ctx context.Context, s *loginSession) error {
	if err := l.publisher(s); err != nil {
		return err
	}
	f, err := l.read(ctx, s)
	if err != nil {
		return err
	}
	if len(f.unreadable) > 0 {
		l.log.Error("the bucket of login states is damaged; it is made anew with what the daemon knows, and nothing is lost; "+
			"check the disk of the NATS server", "bucket", subject.LoginsBucket(l.site), "unreadable", f.unreadable)
	}
	if f, err = l.repair(ctx, s, f, false); err != nil {
		return err
	}
	mended := l.open(s, f)
	l.seen()
	if mended > 0 {
		l.log.Warn("stored logins are not what was last acknowledged, writing them again", "logins", mended)
	}
	return nil
}

func (l *logins) publisher(s *loginSession) error {
	var err error
	s.js, err = jetstream.New(s.nc,
		jetstream.WithDefaultTimeout(connectTimeout),
		jetstream.WithPublishAsyncTimeout(l.time),
		jetstream.WithPublishAsyncMaxPending(2*maxLogins),
		jetstream.WithPublishAsyncAckHandler(func(_ jetstream.JetStream, m *nats.Msg, ack *jetstream.PubAck) { l.acked(m, ack) }),
		jetstream.WithPublishAsyncErrHandler(func(_ jetstream.JetStream, m *nats.Msg, err error) { l.refused(m, err) }),
	)
	if err != nil {
		return fmt.Errorf("JetStream: %w", err)
	}
	context.AfterFunc(s.ctx, s.js.CleanupPublisher)
	return nil
}

// repair makes a bucket anew that the server can no longer read, and one that is rotten if the copy has what was in it. The
// daemon knows that by now.
func (l *logins) repair(ctx context.Context, s *loginSession, f *found, rotten bool) (*found, error) {
	if len(f.unreadable) == 0 && !rotten {
		return f, nil
	}
	if copied := l.writeCopy(); !copied && len(f.unreadable) == 0 {
		return f, nil
	}
	_ = f.watch.Stop()
	if err := l.replace(ctx, s); err != nil {
		return nil, err
	}
	return l.read(ctx, s)
}

// place takes down at which revisions the keys are in the bucket.
func (l *logins) place(f *found) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, k := range l.keys {
		k.revision, k.seen = 0, 0
	}
	for key, e := range f.entries {
		l.keyLocked(key).revision = e.revision
	}
}

// open begins a session, queues what has to be put right in the bucket, and returns how much that is.
func (l *logins) open(s *loginSession, f *found) (mended int) {
	l.place(f)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.session = s
	for key, k := range l.keys {
		e := f.entries[key]
		in, _ := e.understand(key)
		switch {
		case k.stored != nil && (in == nil || *in != *k.stored):
			k.queue = append(k.queue, loginWrite{in: k.stored})
		case k.stored == nil && k.unsure && e.put:
			k.queue = append(k.queue, loginWrite{})
		}
		k.unsure = len(k.queue) > 0
		if k.unsure {
			l.due.push(k)
			mended++
		}
	}
	go l.send(s)
	go func() {
		for e := range f.watch.Updates() {
			if e != nil {
				l.saw(s, e)
			}
		}
	}()
	return mended
}

// understand says what an entry says. It is nil where nothing is stored, and where (with an error) that cannot be used.
func (e loginEntry) understand(key string) (*bool, error) {
	if !e.put {
		return nil, nil
	}
	s, err := decodeLogin(key, e.value)
	return s.LoggedIn, err
}

// keyLocked returns the key of that name, which it makes if need be.
func (l *logins) keyLocked(key string) *loginKey {
	k := l.keys[key]
	if k == nil {
		group, person, _ := strings.Cut(strings.TrimPrefix(key, loginPrefix), ".")
		k = &loginKey{group: supervision.GroupID(group), person: supervision.PersonID(person)}
		l.keys[key] = k
	}
	return k
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
