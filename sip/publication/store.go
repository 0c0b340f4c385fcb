package publication

import (
	"crypto/rand"
	"errors"
	"strings"
	"time"

	"supervisiond/supervision"
)

const (
	// DefaultExpires is how long a publication lasts whose phone names no time; MinExpires and MaxExpires bound what it may name. The
	// least is short: a softphone that crashes should not be away for long, and how often somebody may ask is limited elsewhere.
	DefaultExpires = time.Hour
	MinExpires     = 10 * time.Second
	MaxExpires     = time.Hour
	// maxOfPerson is how many phones of one person may publish: beyond, the one that ends first is forgotten.
	maxOfPerson = 8
)

// What is wrong with a request (RFC 3903, 6).
var (
	ErrConditional = errors.New("the entity-tag is not known")       // 412
	ErrBrief       = errors.New("the time is too short")             // 423
	ErrNothing     = errors.New("an initial publication has a body") // 400
)

// Request is what a phone publishes.
type Request struct {
	Person supervision.PersonID
	// IfMatch is the entity-tag of what was published before; empty: nothing was.
	IfMatch string
	// State is nil if there is no document: then what was published before goes on.
	State *supervision.PresenceState
	// Expires is nil if the phone names no time; 0 ends the publication.
	Expires *time.Duration
}

// Granted is the answer.
type Granted struct {
	Tag     string // the new entity-tag; empty: it is over
	Expires time.Duration
	// Report is what it comes to.
	Report supervision.ReportPresence
}

// Store keeps publications. It is not safe for use by several goroutines at once.
type Store struct {
	people map[supervision.PersonID][]*publication
}

type publication struct {
	tag, source string
	state       supervision.PresenceState
	end         time.Time
}

// NewStore makes a store that knows of none.
func NewStore() *Store { return &Store{people: make(map[supervision.PersonID][]*publication)} }

// Publish judges a request.
func (s *Store) Publish(r Request, now time.Time) (Granted, error) {
	s.sweep(r.Person, now)
	expires := DefaultExpires
	if r.Expires != nil {
		expires = min(*r.Expires, MaxExpires)
	}
	if expires > 0 && expires < MinExpires {
		return Granted{}, ErrBrief
	}
	p := s.find(r.Person, r.IfMatch)
	switch {
	case r.IfMatch != "" && p == nil:
		return Granted{}, ErrConditional
	case p == nil && r.State == nil:
		return Granted{}, ErrNothing
	case p == nil:
		p = s.add(r.Person)
	}
	if r.State != nil {
		p.state = *r.State
	}
	if expires == 0 {
		s.remove(r.Person, p)
		return Granted{Report: supervision.ReportPresence{State: supervision.Online, Source: p.source}}, nil
	}
	p.tag, p.end = newTag(), now.Add(expires)
	g := Granted{Tag: p.tag, Expires: expires, Report: supervision.ReportPresence{State: p.state, Source: p.source, TTL: expires}}
	if p.state == supervision.Offline {
		g.Report.State = supervision.Online // a softphone that leaves reports nothing any more
	}
	return g, nil
}

func (s *Store) find(person supervision.PersonID, tag string) *publication {
	for _, p := range s.people[person] {
		if tag != "" && p.tag == tag {
			return p
		}
	}
	return nil
}

func (s *Store) add(person supervision.PersonID) *publication {
	list := s.people[person]
	var source string
	if len(list) >= maxOfPerson {
		oldest := list[0]
		for _, p := range list {
			if p.end.Before(oldest.end) {
				oldest = p
			}
		}
		source = oldest.source // its report is replaced
		s.remove(person, oldest)
	} else {
		source = "sip-" + newTag()
	}
	p := &publication{source: source}
	s.people[person] = append(s.people[person], p)
	return p
}

func (s *Store) remove(person supervision.PersonID, gone *publication) {
	s.keep(person, func(p *publication) bool { return p != gone })
}

// sweep forgets what has ended. Its report has ended as well.
func (s *Store) sweep(person supervision.PersonID, now time.Time) {
	s.keep(person, func(p *publication) bool { return now.Before(p.end) })
}

func (s *Store) keep(person supervision.PersonID, which func(*publication) bool) {
	var rest []*publication
	for _, p := range s.people[person] {
		if which(p) {
			rest = append(rest, p)
		}
	}
	if rest == nil {
		delete(s.people, person)
		return
	}
	s.people[person] = rest
}

func newTag() string { return strings.ToLower(rand.Text())[:12] }
