package notifier

import (
	"context"
	"crypto/rand"
	"slices"
	"strconv"
	"strings"
	"time"

	"supervisiond/sip/body"
	"supervisiond/supervision"
)

const (
	// defaultExpires is how long a subscription lasts whose phone names no time, MaxExpires the longest and MinExpires the
	// shortest that is granted.
	defaultExpires = time.Hour
	MaxExpires     = time.Hour
	MinExpires     = 60 * time.Second
	// subscribeTime is how long a phone waits at most for its answer; it repeats itself after half a second.
	subscribeTime = 4 * time.Second
)

// Dialog names a SIP dialog (RFC 3261, 12) as we see it.
type Dialog struct{ CallID, LocalTag, RemoteTag string }

// key names a subscription: a dialog may have several, of different events (RFC 6665, 4.5.2).
type key struct {
	Dialog
	event, id string
}

// Subscribe is what a phone asks for. Who asks has been proved.
type Subscribe struct {
	Viewer supervision.PersonID
	Dialog Dialog // LocalTag is empty in the first request
	CSeq   uint32
	// User and Host are those of the address that is asked for.
	User, Host string
	Event, ID  string
	Accept     []string
	// EventList: the phone understands lists (RFC 4662).
	EventList bool
	// Expires is nil if the phone names no time.
	Expires     *time.Duration
	ContentType string
	Body        []byte
	// Peer says how the phone is reached. It is for Send; the latest counts.
	Peer Peer
}

// Peer is how a phone is reached.
type Peer interface {
	// Address tells whether two are the same.
	Address() string
	// Within is the peer after another request in the dialog that began with somebody.
	Within(began Peer) Peer
}

// Decision is the answer to a Subscribe.
type Decision struct {
	Code     int
	Reason   string
	Header   []Header
	LocalTag string
	Expires  time.Duration
	// List: what is accepted is the subscription to a list (RFC 4662).
	List bool
	// Begin must be called when the answer has been sent, or could not be; nil: there is nothing to begin.
	Begin func()
}

// Header is one of an answer.
type Header struct{ Name, Value string }

// RetryAfter asks to come again after some seconds.
func RetryAfter(seconds int) Header { return Header{"Retry-After", strconv.Itoa(seconds)} }

func refused(code int, reason string, header ...Header) Decision {
	return Decision{Code: code, Reason: reason, Header: header}
}

type ask struct {
	Subscribe
	answer chan Decision // has room for one
}

// Subscribe judges what a phone asks for.
func (n *Notifier) Subscribe(ctx context.Context, s Subscribe) Decision {
	ctx, cancel := context.WithTimeout(ctx, subscribeTime)
	defer cancel()
	a := ask{s, make(chan Decision, 1)}
	busy := refused(503, "Service Unavailable", RetryAfter(5))
	select {
	case n.asks <- a:
	default:
		return busy
	}
	select {
	case d := <-a.answer:
		return d
	case <-ctx.Done():
		return busy
	case <-n.done:
		return busy
	}
}

// AllowEvents are the packages that there are.
const AllowEvents = "dialog, presence, as-feature-event"

func (n *Notifier) take(a ask) {
	switch {
	case !isPackage(a.Event):
		a.answer <- refused(489, "Bad Event", Header{"Allow-Events", AllowEvents})
	case a.Expires != nil && *a.Expires > 0 && *a.Expires < MinExpires:
		a.answer <- refused(423, "Interval Too Brief", Header{"Min-Expires", strconv.Itoa(int(MinExpires / time.Second))})
	case a.Dialog.LocalTag != "":
		a.answer <- n.refresh(a)
	default:
		if v := n.viewerOf(a.Viewer); v.table.Ready() {
			n.judge(a, v)
		} else {
			v.waiting = append(v.waiting, a)
			if v.asked == "" {
				n.askView(v)
			}
		}
	}
}

func granted(e *time.Duration) time.Duration {
	if e == nil {
		return defaultExpires
	}
	return min(*e, MaxExpires)
}

// refresh goes on with a subscription, or ends it (RFC 6665, 4.1.2.2 and 4.1.2.3).
func (n *Notifier) refresh(a ask) Decision {
	s := n.subs[key{a.Dialog, a.Event, a.ID}]
	switch {
	case s == nil || s.viewer.id != a.Viewer:
		return refused(481, "Subscription Does Not Exist")
	case a.CSeq <= s.remoteSeq:
		return refused(500, "Server Internal Error", RetryAfter(1)) // out of order (RFC 3261, 12.2.2)
	}
	if d, ok := n.features(a, s); !ok {
		return d
	}
	s.remoteSeq, s.peer, s.heard = a.CSeq, a.Peer.Within(s.peer), time.Now()
	s.begun = false // it is told when it has its answer
	expires := granted(a.Expires)
	n.expireAt(s, expires)
	return n.accepted(s, expires)
}

func (n *Notifier) accepted(s *subscription, expires time.Duration) Decision {
	return Decision{
		Code: 200, Reason: "OK", LocalTag: s.Dialog.LocalTag, Expires: expires, List: s.isList(), Begin: func() { n.later(func() { n.begin(s) }) },
	}
}

// judge accepts a new subscription if the person may see what it asks for (S7).
func (n *Notifier) judge(a ask, v *viewer) {
	target, d := n.find(a, v)
	if d.Code != 0 {
		a.answer <- d
		n.perhapsIdle(v)
		return
	}
	if len(n.subs) >= MaxSubscriptions {
		n.o.Log.Warn("there are too many subscriptions of phones", "limit", MaxSubscriptions)
		a.answer <- refused(503, "Service Unavailable", RetryAfter(60))
		return
	}
	n.makeRoom(v)
	a.Dialog.LocalTag = newTag()
	s := &subscription{
		Notifier: n, Dialog: a.Dialog, event: a.Event, id: a.ID, viewer: v, target: target, remoteSeq: a.CSeq, peer: a.Peer,
		heard: time.Now(), entity: "sip:" + a.User + "@" + a.Host, lines: make(map[supervision.PersonID]*toldLine),
	}
	if d, ok := n.features(a, s); !ok {
		a.answer <- d
		return
	}
	n.add(s)
	expires := granted(a.Expires)
	n.expireAt(s, expires)
	a.answer <- n.accepted(s, expires)
}

// makeRoom ends the oldest of somebody's subscriptions if there are as many as may be: a phone that starts anew leaves its old ones
// behind. One whose last word waits for the answer to the word before is still among them, but no longer counts; as many of those
// may wait, and then the oldest is forgotten without its last word.
func (n *Notifier) makeRoom(v *viewer) {
	if len(v.subs) < MaxOfPerson {
		return
	}
	var oldest *subscription
	lasting := 0
	for _, s := range v.subs {
		if s.ending != "" {
			continue
		}
		if lasting++; oldest == nil {
			oldest = s
		}
	}
	if lasting >= MaxOfPerson {
		n.end(oldest, "deactivated", 0)
	}
	if len(v.subs) >= 2*MaxOfPerson {
		n.drop(v.subs[slices.IndexFunc(v.subs, func(s *subscription) bool { return s.ending != "" })])
	}
}

// later runs f on the notifier's goroutine.
func (n *Notifier) later(f func()) {
	select {
	case n.due <- f:
	case <-n.done:
	}
}

// target is whose state is asked for.
type target struct {
	person supervision.PersonID
	group  supervision.GroupID // a list of its members
}

// find says whose state is asked for, or why it is not to be seen.
func (n *Notifier) find(a ask, v *viewer) (target, Decision) {
	dir := n.o.Directory()
	if g := dir.Group(supervision.GroupID(strings.ToLower(a.User))); g != nil {
		return n.findGroup(a, v, g)
	}
	p := dir.Person(supervision.PersonID(strings.ToLower(a.User)))
	if p == nil {
		p = dir.PersonByExtension(a.User)
	}
	switch {
	case p == nil:
		return target{}, refused(404, "Not Found")
	case a.Event == eventFeature && p.ID != v.id, v.table.Person(p.ID) == nil:
		return target{}, refused(403, "Forbidden")
	case !accepts(a.Accept, contentOf[a.Event]):
		return target{}, refused(406, "Not Acceptable", Header{"Accept", contentOf[a.Event]})
	}
	return target{person: p.ID}, Decision{}
}

func (n *Notifier) findGroup(a ask, v *viewer, g *supervision.Group) (target, Decision) {
	switch {
	case a.Event == eventFeature:
		return target{}, refused(489, "Bad Event", Header{"Allow-Events", "dialog, presence"})
	case v.table.Group(g.ID) == nil:
		return target{}, refused(403, "Forbidden")
	case !a.EventList:
		return target{}, refused(421, "Extension Required", Header{"Require", "eventlist"}) // RFC 4662, 4.2
	case !acceptsList(a.Accept, contentOf[a.Event]):
		return target{}, refused(406, "Not Acceptable", Header{"Accept", strings.Join([]string{contentOf[a.Event], body.RLMIType, body.MultipartType}, ", ")})
	}
	return target{group: g.ID}, Decision{}
}

// accepts says whether a phone takes a kind of document. One that names none takes the package's own (RFC 6665, 3.1.3).
func accepts(accept []string, kind string) bool {
	return len(accept) == 0 || slices.ContainsFunc(accept, func(a string) bool {
		media := mediaOf(a)
		return media == kind || media == "*/*" || media == "application/*"
	})
}

// acceptsList says whether a phone takes a list of documents of a kind. It should name that kind and both that a list has besides
// (RFC 4662, 4.3). But to say that it understands lists is to say so of the latter, and phones that name nothing but the latter, or
// leave it out, mean the package's own.
func acceptsList(accept []string, kind string) bool {
	return accepts(accept, kind) || !slices.ContainsFunc(accept, func(a string) bool {
		media := mediaOf(a)
		return media != body.RLMIType && media != body.MultipartType && media != "multipart/*"
	})
}

// mediaOf is a kind of document without its parameters.
func mediaOf(accept string) string {
	media, _, _ := strings.Cut(strings.ToLower(accept), ";")
	return strings.TrimSpace(media)
}

func newTag() string { return strings.ToLower(rand.Text())[:16] }
