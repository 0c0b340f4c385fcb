package console

import (
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"
	"go.etcd.io/bbolt"
)

const (
	// maxSessions is how many sessions there may be; beyond, nobody signs in until some have ended.
	maxSessions = 50_000
	// sweepEvery is how often sessions that have ended are removed.
	sweepEvery = time.Hour
	// openTime is how long the file may be held by a daemon that is just ending.
	openTime = 2 * time.Second
)

var errManySessions = errors.New("there are too many sessions")

// sessionFile keeps sessions on disk, so that a daemon that starts again finds them. Keys are digests of the cookies:
// who reads the file can be nobody by it. It implements scs.Store.
type sessionFile struct {
	db  *bbolt.DB
	now func() time.Time
}

var sessionBucket = []byte("sessions")

func openSessionFile(path string, now func() time.Time) (*sessionFile, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, err
	}
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{Timeout: openTime})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	f := &sessionFile{db: db, now: now}
	err = db.Update(func(tx *bbolt.Tx) error {
		_, err := tx.CreateBucketIfNotExists(sessionBucket)
		return err
	})
	if err == nil {
		err = f.sweep()
	}
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return f, nil
}

// A value is the moment of its end, in nanoseconds, and the session's data.
const endLength = 8

// endOf is when a session ends; the zero time: the value is none.
func endOf(value []byte) time.Time {
	if len(value) < endLength {
		return time.Time{}
	}
	return time.Unix(0, int64(binary.BigEndian.Uint64(value)))
}

func withEnd(end time.Time, data []byte) []byte {
	return append(binary.BigEndian.AppendUint64(nil, uint64(end.UnixNano())), data...)
}

func (f *sessionFile) ended(value []byte) bool { return !f.now().Before(endOf(value)) }

// unused is when a session ends that nobody uses from now on, and that lasts until then at most.
func unused(now, atMost time.Time) time.Time {
	if end := now.Add(sessionIdle); end.Before(atMost) {
		return end
	}
	return atMost
}

// Find implements scs.Store.
func (f *sessionFile) Find(token string) (data []byte, found bool, err error) {
	err = f.db.View(func(tx *bbolt.Tx) error {
		if value := tx.Bucket(sessionBucket).Get([]byte(token)); value != nil && !f.ended(value) {
			data, found = append([]byte{}, value[endLength:]...), true
		}
		return nil
	})
	return data, found, err
}

// Commit implements scs.Store.
func (f *sessionFile) Commit(token string, data []byte, expiry time.Time) error {
	return f.db.Update(func(tx *bbolt.Tx) error {
		b := tx.Bucket(sessionBucket)
		if b.Get([]byte(token)) == nil && b.Stats().KeyN >= maxSessions {
			return errManySessions
		}
		return b.Put([]byte(token), withEnd(unused(f.now(), expiry), data))
	})
}

func (f *sessionFile) ends(digest string) (end time.Time) {
	_ = f.db.View(func(tx *bbolt.Tx) error { // where it cannot be read there is none
		if value := tx.Bucket(sessionBucket).Get([]byte(digest)); value != nil && !f.ended(value) {
			end = endOf(value)
		}
		return nil
	})
	return end
}

// renew waits for others that are renewed at about the same time, as when all pages come back: the disk is synced once for all.
func (f *sessionFile) renew(digest string, end time.Time) error {
	return f.db.Batch(func(tx *bbolt.Tx) error {
		b := tx.Bucket(sessionBucket)
		value := b.Get([]byte(digest))
		if value == nil || f.ended(value) {
			return nil
		}
		return b.Put([]byte(digest), withEnd(end, value[endLength:]))
	})
}

// Delete implements scs.Store.
func (f *sessionFile) Delete(token string) error {
	return f.db.Update(func(tx *bbolt.Tx) error { return tx.Bucket(sessionBucket).Delete([]byte(token)) })
}

// sweep removes the sessions that have ended.
func (f *sessionFile) sweep() error {
	return f.db.Update(func(tx *bbolt.Tx) error {
		b := tx.Bucket(sessionBucket)
		var ended [][]byte
		err := b.ForEach(func(key, value []byte) error {
			if f.ended(value) {
				ended = append(ended, append([]byte{}, key...))
			}
			return nil
		})
		for _, key := range ended {
			err = errors.Join(err, b.Delete(key))
		}
		return err
	})
}

// sessionStore keeps sessions in a file, or in memory where there can be none.
func sessionStore(path string, now func() time.Time, log *slog.Logger) (store sessionKeeper, closing func() error) {
	f, err := openSessionFile(path, now)
	if err == nil {
		return f, f.db.Close
	}
	log.Warn("sessions are kept in memory, so everybody has to sign in again after a restart of the daemon; let it write to this file",
		"file", path, "error", err)
	return newSessionMemory(now), func() error { return nil }
}

// sessionMemory keeps sessions where there can be no file. Beyond maxSessions the one that was longest unused is forgotten. It
// implements scs.Store.
type sessionMemory struct {
	now func() time.Time

	mu   sync.Mutex
	kept *simplelru.LRU[string, remembered]
}

type remembered struct {
	data []byte
	end  time.Time
}

func newSessionMemory(now func() time.Time) *sessionMemory {
	return &sessionMemory{now: now, kept: remembering[string, remembered](maxSessions)}
}

// Find implements scs.Store.
func (m *sessionMemory) Find(token string) (data []byte, found bool, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	s, found := m.kept.Get(token)
	if found && !m.now().Before(s.end) {
		m.kept.Remove(token)
		return nil, false, nil
	}
	return s.data, found, nil
}

// Commit implements scs.Store.
func (m *sessionMemory) Commit(token string, data []byte, expiry time.Time) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.kept.Add(token, remembered{data, unused(m.now(), expiry)})
	return nil
}

func (m *sessionMemory) ends(digest string) time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	if s, found := m.kept.Peek(digest); found && m.now().Before(s.end) {
		return s.end
	}
	return time.Time{}
}

func (m *sessionMemory) renew(digest string, end time.Time) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if s, found := m.kept.Get(digest); found && m.now().Before(s.end) {
		m.kept.Add(digest, remembered{s.data, end})
	}
	return nil
}

// Delete implements scs.Store.
func (m *sessionMemory) Delete(token string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.kept.Remove(token)
	return nil
}
