package pushservice

import (
	"encoding/base64"
	"encoding/json"
	"strconv"
	"sync"
)

// Subscription is a browser that has subscribed. It is as its JSON says until Revoke.
type Subscription struct {
	service        *Service
	name           string
	applicationKey string
	// keys are the browser's, unless it is a real one, which keeps them: browser gives it what comes.
	keys    *keys
	browser func(Message)

	mu      sync.Mutex
	got     []Message
	read    int           // how many of them Next has given
	news    chan struct{} // closed and replaced at each
	asleep  bool
	kept    []Message // while it sleeps
	answers []Answer
	asked   int
}

// Subscribe subscribes a browser for an application server whose public key (base64url) is the one given, as
// PushManager.subscribe does. Messages of others are turned away. An empty key takes anybody's.
func (s *Service) Subscribe(applicationKey string) *Subscription {
	s.t.Helper()
	k, err := newKeys()
	if err != nil {
		s.t.Fatal(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last++
	u := &Subscription{
		service: s, name: strconv.Itoa(s.last), keys: k, applicationKey: applicationKey, news: make(chan struct{}),
	}
	s.subscriptions[u.name] = u
	return u
}

// Endpoint is the subscription's address.
func (u *Subscription) Endpoint() string { return u.service.Origin() + "/push/" + u.name }

// JSON is what PushSubscription.toJSON gives (Push API, 8).
func (u *Subscription) JSON() string {
	b, err := json.Marshal(map[string]any{
		"endpoint": u.Endpoint(), "expirationTime": nil,
		"keys": map[string]string{"p256dh": encoded(u.keys.private.PublicKey().Bytes()), "auth": encoded(u.keys.auth)},
	})
	if err != nil {
		u.service.t.Fatal(err)
	}
	return string(b)
}

func encoded(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// Revoke has the browser unsubscribe: the service answers 404 from then on.
func (u *Subscription) Revoke() {
	u.service.mu.Lock()
	defer u.service.mu.Unlock()
	delete(u.service.subscriptions, u.name)
}

// Revoked says whether the browser has unsubscribed.
func (u *Subscription) Revoked() bool {
	u.service.mu.Lock()
	defer u.service.mu.Unlock()
	return u.service.subscriptions[u.name] != u
}

// Answers has the service answer so, one request each; after that, and by default, it takes what comes.
func (u *Subscription) Answers(list ...Answer) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.answers = append(u.answers, list...)
}

// Asked is how many requests have come for the subscription, whatever became of them.
func (u *Subscription) Asked() int {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.asked
}

func (u *Subscription) nextAnswer() Answer {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.asked++
	if len(u.answers) == 0 {
		return Answer{}
	}
	a := u.answers[0]
	u.answers = u.answers[1:]
	return a
}

// Messages are all that the browser has got so far, in order.
func (u *Subscription) Messages() []Message {
	u.mu.Lock()
	defer u.mu.Unlock()
	return append([]Message(nil), u.got...)
}

// Sleep has the service keep what comes, a newer message in place of an older one with its topic (RFC 8030, 5.4), until Wake.
// How long they may be kept is not looked at.
func (u *Subscription) Sleep() {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.asleep = true
}

// Wake gives the browser what was kept for it.
func (u *Subscription) Wake() {
	u.mu.Lock()
	kept := u.kept
	u.asleep, u.kept = false, nil
	u.mu.Unlock()
	for _, m := range kept {
		u.take(m)
	}
}

func (u *Subscription) take(m Message) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.asleep {
		for i := range u.kept {
			if m.Topic != "" && u.kept[i].Topic == m.Topic {
				u.kept[i] = m
				return
			}
		}
		u.kept = append(u.kept, m)
		return
	}
	u.got = append(u.got, m)
	if u.browser != nil {
		u.browser(m)
	}
	close(u.news)
	u.news = make(chan struct{})
}
