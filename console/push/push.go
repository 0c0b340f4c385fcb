package push

import (
	"context"
	"crypto/ecdh"
	"errors"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"supervisiond/supervision"
)

// sweepEvery is how often subscriptions are removed of whom nobody is signed in any more, and others warned of that.
const sweepEvery = 5 * time.Minute

// Options are what a service is made of.
type Options struct {
	// File is where the key and the subscriptions outlive the daemon.
	File string
	// Services are the origins of the only push services that are told, wherever they are. None: all that are at public addresses.
	Services  []string
	Log       *slog.Logger
	Metrics   prometheus.Registerer
	Directory func() *supervision.Directory
	// Holds says whether who subscribed is still signed in there. It is asked before each message.
	Holds func(*Subscription) bool
	// Ends says when that ends by itself; the zero time: it does not.
	Ends func(*Subscription) time.Time
	// Now is the clock; time.Now by default.
	Now func() time.Time
}

// Service tells people's subscriptions what they are to know.
type Service struct {
	options Options
	log     *slog.Logger
	now     func() time.Time
	metrics *metrics
	allowed allowed
	client  *http.Client
	key     *ecdh.PrivateKey
	file    *file // nil: in memory only
	book    *book
	lanes   *lanes

	mu      sync.Mutex
	viewers map[supervision.PersonID]*viewer
	// left is what an earlier life of the daemon has told and not taken back.
	left map[supervision.PersonID][]supervision.CallID
	// last are the last messages that it has not sent, until Run.
	last []lastMessage
	// warned are those who have been told that their session is about to end.
	warned map[*Subscription]bool
	// changed: what was told, or is owed, is not on disk yet.
	changed chan struct{}

	complaining sync.Mutex
	complained  map[string]time.Time
}

// New makes a service. Without a file that can be written it works on in memory.
func New(o Options) (*Service, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	s := &Service{
		options: o, log: o.Log, now: o.Now, metrics: newMetrics(o.Metrics), allowed: allowed{o.Services},
		viewers: make(map[supervision.PersonID]*viewer), left: make(map[supervision.PersonID][]supervision.CallID),
		changed: make(chan struct{}, 1), complained: make(map[string]time.Time),
	}
	f, k, err := openFile(o.File)
	if err != nil {
		o.Log.Warn("push subscriptions are kept in memory, so browsers have to subscribe again after a restart of the daemon; let it write to this file",
			"file", o.File, "error", err)
		if k.key, err = newKey(); err != nil {
			return nil, err
		}
	}
	s.file, s.key = f, k.key
	s.book = newBook(f, k.subscriptions)
	for _, p := range s.book.people() {
		if len(k.told[p]) > 0 {
			s.left[p] = k.told[p]
		}
	}
	s.client = newClient(s.allowed)
	s.last = k.last
	s.lanes = newLanes(s.deliver, o.Now, s.metrics, s.note)
	s.metrics.subscriptions.Set(float64(s.book.size()))
	return s, nil
}

// PublicKey is the application server key that browsers subscribe with.
func (s *Service) PublicKey() string { return encodeKey(s.key.PublicKey().Bytes()) }

// InvalidError says in words for people what is wrong with a subscription.
type InvalidError struct{ why error }

// Error implements error.
func (e InvalidError) Error() string { return e.why.Error() }

// Subscribe takes a subscription in, and says whether that changed anything. Its endpoint is nobody else's from then on.
func (s *Service) Subscribe(sub Subscription) (changed bool, err error) {
	if err := errors.Join(s.allowed.check(sub.Endpoint), checkKeys(sub.P256DH, sub.Auth)); err != nil {
		return false, InvalidError{err}
	}
	sub.Since = s.now()
	gone, changed, err := s.book.put(&sub)
	s.lanes.forget(gone)
	s.metrics.subscriptions.Set(float64(s.book.size()))
	return changed, err
}

// Unsubscribe removes the subscriptions of which it is true, and says whether there were any.
func (s *Service) Unsubscribe(those func(*Subscription) bool) (changed bool, err error) {
	gone, err := s.book.remove(those)
	s.lanes.forget(gone)
	s.metrics.subscriptions.Set(float64(s.book.size()))
	return len(gone) > 0, err
}

// drop is Unsubscribe where nobody waits for what comes of it.
func (s *Service) drop(those func(*Subscription) bool) (changed bool) {
	changed, err := s.Unsubscribe(those)
	if err != nil {
		s.log.Warn("push subscriptions that have ended cannot be removed from the file", "error", err)
	}
	return changed
}

// Count is how many subscriptions a person has.
func (s *Service) Count(p supervision.PersonID) int { return len(s.book.those(p)) }

// Endpoints are those of a person's subscriptions that an owner has made.
func (s *Service) Endpoints(p supervision.PersonID, owner string) []string {
	list := []string{}
	for _, x := range s.book.those(p) {
		if x.Owner == owner {
			list = append(list, x.Endpoint)
		}
	}
	return list
}

// People are those who have subscriptions, and whose views are to be followed.
func (s *Service) People() []supervision.PersonID { return s.book.people() }

// News has something in it when People may have changed.
func (s *Service) News() <-chan struct{} { return s.book.news }

// Unfollow forgets what a person was shown, who is not followed any more.
func (s *Service) Unfollow(p supervision.PersonID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.viewers, p)
	delete(s.left, p)
	s.note()
}

// Run keeps order until the context ends. Then nobody is told anything any more.
func (s *Service) Run(ctx context.Context) {
	s.Sweep()
	s.warn()
	s.resume(s.last)
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	defer s.lanes.close()
	for {
		select {
		case <-s.changed:
			s.saveTold()
		case <-tick.C:
			s.Sweep()
			s.warn()
		case <-ctx.Done():
			s.saveTold()
			return
		}
	}
}

// Close lets go of the file.
func (s *Service) Close() error {
	s.lanes.close()
	s.client.CloseIdleConnections()
	return s.file.close()
}

// note has what was told, and is owed, put on disk. It never waits.
func (s *Service) note() {
	select {
	case s.changed <- struct{}{}:
	default:
	}
}

// saveTold writes who was told of which calls, or is still to be told that they are over, so that the next life of the daemon can
// take it back; and last messages.
func (s *Service) saveTold() {
	told := make(map[supervision.PersonID][]supervision.CallID)
	s.mu.Lock()
	maps.Copy(told, s.left)
	for p, v := range s.viewers {
		if len(v.told) > 0 {
			told[p] = slices.AppendSeq(slices.Clone(told[p]), maps.Keys(v.told))
		}
	}
	s.mu.Unlock()
	owed, last := s.lanes.owed() // after what was told: it goes from there to here
	for p, calls := range owed {
		told[p] = slices.Concat(told[p], calls)
	}
	if err := s.file.saveTold(told, last); err != nil {
		s.complain("", "which calls browsers were told of cannot be put on disk", "error", err)
	}
}

// complain warns about a push service, once in a while.
func (s *Service) complain(host, what string, more ...any) {
	s.complaining.Lock()
	defer s.complaining.Unlock()
	key, now := host+" "+what, s.now()
	if last, done := s.complained[key]; done && now.Sub(last) < complaintQuiet {
		return
	}
	if len(s.complained) >= maxComplaints {
		clear(s.complained)
	}
	s.complained[key] = now
	if host != "" {
		more = append(more, "service", host)
	}
	s.log.Warn(what, more...) //nolint:sloglint // what it is stands where it is called
}

// maxComplaints is how many complaints are remembered.
const maxComplaints = 1000
