package push

import (
	"time"

	"supervisiond/supervision"
)

const (
	// warnTime is how long before it a browser is told that its session ends. Who opens the console meanwhile hears no more of it.
	warnTime = 24 * time.Hour
	// farewellTime is how long it is worth telling that a session has ended: a phone that is switched off over a long weekend is
	// to learn why it has been silent.
	farewellTime = 96 * time.Hour
	// sessionLane stands for the call in what is told of a session: a later message takes an earlier one's place.
	sessionLane supervision.CallID = "session"
)

// sessionPayload tells a browser that its session ends, or has ended. docs/push.md says it to programmers.
type sessionPayload struct {
	Type     kind              `json:"type"`
	Site     string            `json:"site"`
	Language string            `json:"language"`
	EndsAt   supervision.Stamp `json:"ends_at"`
}

// Sweep removes the subscriptions of those who are not signed in any more, or may not be told any more. The former are told so.
func (s *Service) Sweep() {
	var over []*Subscription
	s.drop(func(x *Subscription) bool {
		switch {
		case s.allowed.check(x.Endpoint) != nil:
			return true
		case s.options.Holds(x):
			return false
		}
		over = append(over, x)
		return true
	})
	for _, x := range over {
		s.farewell(x)
	}
}

// farewell tells a browser whose subscription is gone that nobody is signed in there any more.
func (s *Service) farewell(x *Subscription) {
	now := s.now()
	s.lanes.tell(x, &message{kind: ended, person: x.Person, call: sessionLane, at: now, until: now.Add(farewellTime), ends: now})
}

// lastMessage is a farewell that is still to be sent. The subscription is nowhere else any more.
type lastMessage struct {
	To    Subscription `json:"to"`
	Ended time.Time    `json:"ended"`
	Until time.Time    `json:"until"`
}

// resume sends the last messages that an earlier life of the daemon has left.
func (s *Service) resume(list []lastMessage) {
	for i := range list {
		x := &list[i]
		if s.allowed.check(x.To.Endpoint) == nil {
			s.lanes.tell(&x.To, &message{kind: ended, person: x.To.Person, call: sessionLane, at: x.Ended, until: x.Until, ends: x.Ended})
		}
	}
}

// warn tells browsers once that their sessions are about to end: who looks at nothing but notifications would not know.
func (s *Service) warn() {
	s.mu.Lock()
	defer s.mu.Unlock()
	now, warned := s.now(), make(map[*Subscription]bool)
	for _, x := range s.book.list() {
		ends := s.options.Ends(x)
		if ends.IsZero() || ends.Sub(now) > warnTime {
			continue
		}
		warned[x] = true
		if !s.warned[x] {
			s.lanes.tell(x, &message{kind: ending, person: x.Person, call: sessionLane, at: now, until: ends, ends: ends})
		}
	}
	s.warned = warned
}
