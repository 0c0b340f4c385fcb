package push

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"supervisiond/supervision"
)

const (
	// maxOf is how many subscriptions a person may have; beyond, the oldest goes.
	maxOf = 10
	// maxSubscriptions is how many there may be in all; beyond, nobody subscribes until some have gone.
	maxSubscriptions = 5000
)

// Subscription is a browser that is to be told, and who is signed in there.
type Subscription struct {
	Endpoint string               `json:"endpoint"`
	P256DH   string               `json:"p256dh"`
	Auth     string               `json:"auth"`
	Person   supervision.PersonID `json:"person"`
	// Owner is by what the person is known there: a session or a token.
	Owner string `json:"owner"`
	// Contact is whom the push service may turn to (RFC 8292, 2.1): the page that has subscribed.
	Contact string    `json:"contact"`
	Since   time.Time `json:"since"`
}

func (s *Subscription) same(other *Subscription) bool {
	a, b := *s, *other
	a.Since, b.Since = time.Time{}, time.Time{}
	return a == b
}

// ErrFull says that there is no room for another subscription.
var ErrFull = errors.New("there are too many subscriptions")

// book has the subscriptions. They change on disk first.
type book struct {
	file *file

	writing sync.Mutex // one change at a time
	mu      sync.RWMutex
	by      map[string]*Subscription                 // endpoint
	of      map[supervision.PersonID][]*Subscription // the oldest first
	// news says that somebody has a first subscription, or no more.
	news chan struct{}
}

func newBook(f *file, list []*Subscription) *book {
	b := &book{
		file: f, by: make(map[string]*Subscription), of: make(map[supervision.PersonID][]*Subscription),
		news: make(chan struct{}, 1),
	}
	slices.SortFunc(list, func(x, y *Subscription) int { return x.Since.Compare(y.Since) })
	for _, s := range list {
		b.add(s)
	}
	return b
}

// put takes a subscription, and gives those that go for it: one with the same endpoint, and the person's oldest.
func (b *book) put(s *Subscription) (gone []*Subscription, changed bool, err error) {
	b.writing.Lock()
	defer b.writing.Unlock()
	b.mu.RLock()
	before, mine, all := b.by[s.Endpoint], b.of[s.Person], len(b.by)
	b.mu.RUnlock()
	switch {
	case before != nil && before.same(s):
		return nil, false, nil
	case before != nil:
		gone = append(gone, before)
	case len(mine) >= maxOf:
	case all >= maxSubscriptions:
		return nil, false, ErrFull
	}
	if len(mine) >= maxOf && !slices.Contains(mine, before) {
		gone = append(gone, mine[0])
	}
	if err := b.file.change(s, gone); err != nil {
		return nil, false, fmt.Errorf("the subscription cannot be stored: %w", err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, g := range gone {
		b.drop(g)
	}
	b.add(s)
	return gone, true, nil
}

// remove takes those out of which it is true.
func (b *book) remove(those func(*Subscription) bool) ([]*Subscription, error) {
	b.writing.Lock()
	defer b.writing.Unlock()
	var gone []*Subscription
	for _, s := range b.list() {
		if those(s) {
			gone = append(gone, s)
		}
	}
	if len(gone) == 0 {
		return nil, nil
	}
	// What cannot be written is gone all the same: nobody is to be told who has signed out. At the next start it is looked at again.
	err := b.file.change(nil, gone)
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, g := range gone {
		b.drop(g)
	}
	return gone, err
}

// add and drop are called with the lock held, or before anybody else has the book.
func (b *book) add(s *Subscription) {
	b.by[s.Endpoint] = s
	b.of[s.Person] = append(b.of[s.Person], s)
	b.rouse()
}

func (b *book) drop(s *Subscription) {
	if b.by[s.Endpoint] == s {
		delete(b.by, s.Endpoint)
	}
	rest := slices.DeleteFunc(slices.Clone(b.of[s.Person]), func(x *Subscription) bool { return x == s })
	if b.of[s.Person] = rest; len(rest) == 0 {
		delete(b.of, s.Person)
	}
	b.rouse()
}

func (b *book) rouse() {
	select {
	case b.news <- struct{}{}:
	default:
	}
}

func (b *book) list() []*Subscription {
	b.mu.RLock()
	defer b.mu.RUnlock()
	list := make([]*Subscription, 0, len(b.by))
	for _, s := range b.by {
		list = append(list, s)
	}
	return list
}

// those are a person's. The list is never changed.
func (b *book) those(p supervision.PersonID) []*Subscription {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return b.of[p]
}

// holds says whether a subscription is still the one of its endpoint.
func (b *book) holds(s *Subscription) bool {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return b.by[s.Endpoint] == s
}

// taken says whether an endpoint is anybody's.
func (b *book) taken(endpoint string) bool {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return b.by[endpoint] != nil
}

func (b *book) size() int {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return len(b.by)
}

// people are those who have subscriptions.
func (b *book) people() []supervision.PersonID {
	b.mu.RLock()
	defer b.mu.RUnlock()
	list := make([]supervision.PersonID, 0, len(b.of))
	for p := range b.of {
		list = append(list, p)
	}
	slices.Sort(list)
	return list
}
