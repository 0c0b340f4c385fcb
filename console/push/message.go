package push

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"slices"
	"sync"
	"time"

	"supervisiond/supervision"
)

const (
	// ringTime is how long a ring is worth telling: hardly a phone rings for longer, and who looks later finds the call over.
	ringTime = time.Minute
	// overTime is how long it is worth telling that a call is over: whoever got the ring was reached a minute before, so a lift or a
	// tunnel is what may be in between. A phone that is switched on in the morning is not to hear of the night.
	overTime = 5 * time.Minute

	// recordSize is the length of every encrypted message, in bytes, so that the length says nothing. Push services take 4,096
	// (RFC 8030, 7.2), but that of Firefox on Android takes no more than about 3,000.
	recordSize = 2800
	// maxPlain is how much of it a message may have: without the head, the delimiter and the tag (RFC 8188, 2).
	maxPlain = recordSize - 86 - 1 - 16
)

// kind is what a message says.
type kind string

const (
	ringing kind = "ringing"
	over    kind = "over"
	// ending and ended are about the session: that it is about to end, and that it has.
	ending kind = "session_ending"
	ended  kind = "session_ended"
)

var kinds = []kind{ringing, over, ending, ended}

// message is one that goes to all of a person's subscriptions.
type message struct {
	kind   kind
	person supervision.PersonID
	call   supervision.CallID
	doc    *supervision.CallDocument   // nil: the call is gone from the person's view
	at     time.Time                   // of its cause
	until  time.Time                   // it is worth nothing after that
	ends   time.Time                   // of the session, where it is about that
	pickup bool                        // of a ring: a pickup would not certainly be refused
	me     *supervision.PersonDocument // of a ring: the person who is told

	once  sync.Once
	plain []byte
	err   error
}

func newMessage(k kind, p supervision.PersonID, call supervision.CallID, doc *supervision.CallDocument, at, now time.Time) *message {
	worth := ringTime
	if k == over {
		worth = overTime
	}
	return &message{kind: k, person: p, call: call, doc: doc, at: at, until: now.Add(worth)}
}

// payload is what a browser gets. docs/push.md says it to programmers.
type payload struct {
	Type     kind                            `json:"type"`
	Site     string                          `json:"site"`
	Call     any                             `json:"call"`
	Names    map[supervision.PersonID]string `json:"names"`
	Pickup   *bool                           `json:"pickup,omitempty"`
	Away     []string                        `json:"away,omitempty"`
	Language string                          `json:"language"`
}

// gone is a call of which no more is known than that it is over for the person.
type gone struct {
	ID    supervision.CallID    `json:"id"`
	State supervision.CallState `json:"state"`
}

// text is the message as a browser gets it. It is made once, and has no room behind it: the library would write its padding there,
// for several subscriptions at a time.
func (m *message) text(d *supervision.Directory) ([]byte, error) {
	m.once.Do(func() {
		m.plain, m.err = m.encode(d)
		m.plain = slices.Clip(m.plain)
	})
	return m.plain, m.err
}

func (m *message) encode(d *supervision.Directory) ([]byte, error) {
	language := ""
	person := d.Person(m.person)
	if person != nil {
		language = person.Language
	}
	if m.kind == ending || m.kind == ended {
		return encode(sessionPayload{m.kind, d.Site, language, supervision.Stamp{Time: m.ends}})
	}
	p := payload{
		Type: m.kind, Site: d.Site, Language: language, Names: map[supervision.PersonID]string{}, Call: gone{m.call, supervision.CallWithdrawn},
	}
	if m.kind == ringing {
		p.Pickup = &m.pickup
		if person != nil && m.me != nil {
			p.Away = person.Away(m.me)
		}
	}
	if m.doc == nil {
		return encode(p)
	}
	for shorter := m.doc; shorter != nil; shorter = cut(shorter) {
		p.Call, p.Names = shorter, names(shorter, d)
		text, err := encode(p)
		if err != nil || len(text) <= maxPlain {
			return text, err
		}
	}
	return nil, errors.New("the call's document is too long for a push message")
}

func encode(p any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(p)
	return bytes.TrimSpace(b.Bytes()), err
}

// cut makes a document shorter that rings more people than a message has room for: first of those who rang, then of those who
// ring, the last go. Nil: it cannot be any shorter.
func cut(doc *supervision.CallDocument) *supervision.CallDocument {
	one := *doc
	switch {
	case len(doc.Rang) > 0:
		one.Rang = doc.Rang[:len(doc.Rang)/2]
	case len(doc.Ringing) > 1:
		one.Ringing = doc.Ringing[:len(doc.Ringing)/2]
	case len(doc.Via) > 0:
		one.Via = doc.Via[:len(doc.Via)/2]
	default:
		return nil
	}
	return &one
}

// names are those of all people in a document.
func names(doc *supervision.CallDocument, d *supervision.Directory) map[supervision.PersonID]string {
	found := make(map[supervision.PersonID]string)
	ids := []supervision.PersonID{doc.AnsweredBy, doc.PickedUpBy, doc.OnBehalfOf}
	for _, part := range slices.Concat(doc.Ringing, doc.Rang) {
		ids = append(ids, part.Person)
	}
	for _, id := range ids {
		if p := d.Person(id); p != nil {
			found[id] = p.Name
		}
	}
	return found
}

// topic is that of a call for one subscription, so that a later message replaces an earlier one that waits (RFC 8030, 5.4). Nobody
// can tell by it that two subscriptions are told of the same call.
func topic(secret []byte, endpoint string, call supervision.CallID) string {
	h := hmac.New(sha256.New, secret)
	h.Write([]byte(endpoint + "\n" + string(call)))
	return encodeKey(h.Sum(nil)[:24])
}
