package bus

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"supervisiond/bus/subject"
	"supervisiond/supervision"
)

const (
	// loginTime is how long NATS may take to have a login on disk.
	loginTime = 2 * time.Second
	// maxLogins is how many may be on their way. The server puts one after the other on disk: with more, the last would
	// be late without anything being wrong.
	maxLogins = 64
)

// errForeignLogin: a write failed because the key had changed, or a key changed without a write.
var errForeignLogin = errors.New("somebody else wrote to the logins bucket; is there a second daemon, or a user with too many permissions?")

// logins puts the login states on disk: `login.<group>.<person>` in the bucket that outlives the daemon.
//
// A write is on condition that the key is still as it was last seen. One that was given up, and that an old connection
// delivers late, can therefore not undo a newer one. After such a failure nobody knows what is on disk; the next
// session reads it and puts there what was last acknowledged.
type logins struct {
	log    *slog.Logger
	count  *metrics
	site   string
	now    func() time.Time
	prefix string
	time   time.Duration // loginTime; less in tests
	stall  time.Duration // stallTime; less in tests
	wake   chan struct{} // holds one: something may be sent
	// changed holds one: something came of a write. news holds one: the copy has it, and it may be told.
	changed, news chan struct{}

	complaints *complaints // about the copy
	newcomers  func() []supervision.StoredLogin
	path       string     // of the copy; empty: none is kept
	copying    sync.Mutex // one snapshot after the other; taken before mu
	copied     *loginCopy // the newest; nil: nothing was ever copied

	mu       sync.Mutex
	keys     map[string]*loginKey
	due      ring[*loginKey] // have something to be sent
	flying   map[*nats.Msg]*loginKey
	session  *loginSession // nil: there is none
	adopted  bool          // it is known what is stored
	epoch    uint64        // of this life, once it is known
	stale    bool          // the copy is behind
	outcomes []supervision.Event
	told     []supervision.Event // outcomes that the copy has
}

// loginSession is one session's way to the bucket.
type loginSession struct {
	ctx  context.Context // ends with it
	nc   *nats.Conn
	js   jetstream.JetStream
	fail func(error) // ends the bus's session
}

// loginKey is what is known of one key.
type loginKey struct {
	group    supervision.GroupID
	person   supervision.PersonID
	stored   *bool  // as last acknowledged; nil: not there
	revision uint64 // of stored
	seen     uint64 // the newest revision that NATS has told of
	unsure   bool   // what is on disk may be something else
	flying   *loginWrite
	since    time.Time
	queue    []loginWrite
}

// loginWrite puts a state on disk, or (nil) removes it.
type loginWrite struct {
	in *bool
	// write is what LoginSaved says; nobody waits for a 0.
	write uint64
}

func newLogins(b *Bus) *logins {
	return &logins{
		log: b.log, count: b.metrics, site: b.options.Site, now: b.options.Now,
		prefix: subject.BucketKey(subject.LoginsBucket(b.options.Site)), time: loginTime, stall: stallTime,
		wake: make(chan struct{}, 1), news: make(chan struct{}, 1), changed: make(chan struct{}, 1),
		complaints: &complaints{log: b.log, now: b.options.Now}, newcomers: b.options.Newcomers,
		keys: make(map[string]*loginKey), flying: make(map[*nats.Msg]*loginKey),
	}
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// loginPrefix begins the keys of logins.
const loginPrefix = "login."

func loginKeyOf(g supervision.GroupID, p supervision.PersonID) string {
	return loginPrefix + string(g) + "." + string(p)
}

// save queues a state for the disk. Without a session it has failed already: a login that is kept for later could come
// back when nobody wants it any more.
func (l *logins) save(e supervision.SaveLogin) {
	l.queue(e.Group, e.Person, loginWrite{in: &e.LoggedIn, write: e.Write})
}

// forget queues a removal. Without a session the next one does it.
func (l *logins) forget(e supervision.ForgetLogin) { l.queue(e.Group, e.Person, loginWrite{}) }

func (l *logins) queue(g supervision.GroupID, p supervision.PersonID, w loginWrite) {
	l.mu.Lock()
	defer l.mu.Unlock()
	k := l.keyLocked(loginKeyOf(g, p))
	if l.session == nil {
		l.dropLocked(k, w)
		return
	}
	k.queue = append(k.queue, w)
	l.scheduleLocked(k)
}

func (l *logins) scheduleLocked(k *loginKey) {
	if k.flying == nil && len(k.queue) == 1 {
		l.due.push(k)
	}
	signal(l.wake)
}

// dropLocked gives up a write that was not sent.
func (l *logins) dropLocked(k *loginKey, w loginWrite) {
	if w.in == nil {
		k.stored, k.unsure, l.stale = nil, true, true
		signal(l.changed)
	}
	l.tellLocked(w, true)
}

func (l *logins) tellLocked(w loginWrite, failed bool) {
	if w.write == 0 {
		return
	}
	count := l.count.loginsSaved
	if failed {
		count = l.count.loginsFailed
	}
	count.Inc()
	l.outcomes = append(l.outcomes, supervision.LoginSaved{At: l.now(), Write: w.write, Failed: failed})
	signal(l.changed)
}

// seen tells whether logins are stored now, after what came of the writes before.
func (l *logins) seen() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.seenLocked()
}

func (l *logins) seenLocked() {
	l.outcomes = append(l.outcomes, supervision.NATSSeen{At: l.now(), Alive: l.session != nil})
	signal(l.changed)
}

// tell hands over what came of the writes, until end is closed.
func (l *logins) tell(post func(supervision.Event), end <-chan struct{}) {
	for {
		l.mu.Lock()
		told := l.told
		l.told = nil
		l.mu.Unlock()
		for _, e := range told {
			if post != nil {
				post(e)
			}
		}
		select {
		case <-l.news:
		case <-end:
			return
		}
	}
}

// send publishes what is due while the session lasts.
func (l *logins) send(session *loginSession) {
	for session.ctx.Err() == nil {
		if m := l.next(session); m != nil {
			if _, err := session.js.PublishMsgAsync(m, noRetry...); err != nil {
				l.refused(m, err)
			}
			continue
		}
		select {
		case <-l.wake:
		case <-session.ctx.Done():
		}
	}
}

// next returns the next message, if one may be sent now.
func (l *logins) next(session *loginSession) *nats.Msg {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.session != session || l.due.len() == 0 || len(l.flying) >= maxLogins {
		return nil
	}
	k := l.due.pop()
	w := k.queue[0]
	k.queue = k.queue[1:]
	k.flying, k.since = &w, time.Now()
	m := &nats.Msg{
		Subject: l.prefix + loginKeyOf(k.group, k.person),
		Header:  nats.Header{jetstream.ExpectedLastSubjSeqHeader: {strconv.FormatUint(k.revision, 10)}},
	}
	if w.in == nil {
		m.Header["KV-Operation"] = []string{"DEL"}
	} else {
		m.Data = encodeLogin(k.group, k.person, *w.in, l.now())
	}
	l.flying[m] = k
	return m
}

// acked takes NATS's word that a write is on disk.
func (l *logins) acked(m *nats.Msg, ack *jetstream.PubAck) {
	l.mu.Lock()
	defer l.mu.Unlock()
	k := l.flying[m]
	if k == nil {
		return // given up before
	}
	delete(l.flying, m)
	k.stored, k.revision, k.unsure = k.flying.in, ack.Sequence, false
	l.stale = true
	signal(l.changed)
	l.count.loginSeconds.Observe(time.Since(k.since).Seconds())
	l.tellLocked(*k.flying, false)
	k.flying = nil
	if k.seen > k.revision {
		l.endLocked(errForeignLogin)
		return
	}
	if len(k.queue) > 0 {
		l.due.push(k)
	}
	signal(l.wake)
}

// refused takes NATS's word, or its silence, that it is not. That ends the session, and with it all other writes.
func (l *logins) refused(m *nats.Msg, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.flying[m] == nil {
		return
	}
	var api *jetstream.APIError
	switch {
	case errors.As(err, &api) && (api.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequence ||
		api.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequenceConstant):
		err = errForeignLogin
	case errors.Is(err, jetstream.ErrAsyncPublishTimeout):
		err = fmt.Errorf("%w within %v: storing a login", errStalled, l.time)
	default:
		err = fmt.Errorf("storing a login: %w", err)
	}
	l.endLocked(err)
}

// end ends the session with that of the bus.
func (l *logins) end() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.endLocked(nil)
}

// endLocked ends the session: what is not acknowledged has failed, at once.
func (l *logins) endLocked(err error) {
	if l.session == nil {
		return
	}
	defer l.seenLocked()
	fail := l.session.fail
	l.session = nil
	clear(l.flying)
	l.due.clear()
	for _, key := range slices.Sorted(maps.Keys(l.keys)) {
		k := l.keys[key]
		if w := k.flying; w != nil {
			k.unsure = true
			l.dropLocked(k, *w)
		}
		for _, w := range k.queue {
			l.dropLocked(k, w)
		}
		k.flying, k.queue = nil, nil
	}
	if err != nil {
		fail(err)
	}
}
