package supervision

import (
	"cmp"
	"slices"
	"time"
)

// Talk is a supervised call that somebody has answered or picked up, for as long as their phone is in it. It is no part of the
// published state, where talking is presence (S1): lamps show it to those who were alerted of the call, so that they see with
// whom a colleague talks who had their call taken.
type Talk struct {
	// ID is the channel of the phone that talks.
	ID     string
	Person PersonID
	// Call is the id of the call whose end this was, and Since when it was taken.
	Call    CallID
	Since   time.Time
	Caller  Caller
	Dialled string
	// Unknown: since a transfer it cannot be told with whom, and there is no Caller.
	Unknown bool

	caller  PersonID      // whose device called, if it was one of the PBX's
	rang    []RingingPart // through whom it was supervised
	through []RingingPart // of these, whom it still concerns since a transfer
}

// ShowTalk tells those who follow what a person sees of a talk that this person may know of. Talk nil: it is over, or is not
// for them any more. What is going on at the beginning stands in the View.
type ShowTalk struct {
	To   PersonID
	ID   string
	Talk *Talk
}

func (ShowTalk) effect() {}

// TalkEnded says that the channel of a phone that had answered is gone.
type TalkEnded struct {
	At  time.Time
	Leg string
}

func (e TalkEnded) at() time.Time { return e.At }

// TalkMoved says that a transfer has given a phone that had answered another side, if it is Known: one whom it called or who called
// it, or nobody yet.
type TalkMoved struct {
	At             time.Time
	Leg            string
	Known          bool
	Caller         Caller
	CallerEndpoint string // as that of a Ring
}

func (e TalkMoved) at() time.Time { return e.At }

// beginTalk notes who has a call that has just been answered or picked up.
func (t *step) beginTalk(doc *CallDocument, rang []*leg, o outcome) {
	if o.leg == "" {
		return
	}
	k := &Talk{ID: o.leg, Person: cmp.Or(o.pickedUpBy, o.answeredBy), Call: doc.ID, Since: t.now, Caller: doc.Caller, Dialled: doc.Dialled, rang: doc.Rang, through: doc.Rang}
	if len(rang) > 0 {
		if caller, _ := t.dir.Endpoint(rang[0].ring.CallerEndpoint); caller != nil {
			k.caller = caller.ID
		}
	}
	t.talks[o.leg] = k
	t.touchTalk(o.leg)
}

// talkEnded also takes the phone from an answer that is still being decided on.
func (t *step) talkEnded(leg string) {
	for _, c := range t.ringing {
		if c.answer != nil && c.answer.leg == leg {
			c.answer.leg = ""
		}
	}
	if t.talks[leg] != nil {
		delete(t.talks, leg)
		t.touchTalk(leg)
	}
}

// talkMoved has the talk go on with somebody else. Whom a group does not concern does not concern it as the other side either (R7).
func (t *step) talkMoved(e TalkMoved) {
	before := t.talks[e.Leg]
	if before == nil {
		return
	}
	k := *before
	k.Unknown, k.Caller, k.caller, k.through = !e.Known, Caller{}, "", k.rang
	if e.Known {
		colleague, _ := t.dir.Endpoint(e.CallerEndpoint)
		if colleague != nil {
			k.caller = colleague.ID
		}
		k.Caller, k.through = e.Caller, t.concerned(k.rang, colleague, e.Caller)
	}
	t.talks[e.Leg] = &k
	t.touchTalk(e.Leg)
}

// concerned leaves of those through whom a call was supervised the groups that somebody as the caller would concern.
func (t *step) concerned(rang []RingingPart, colleague *Person, c Caller) []RingingPart {
	list := slices.Clone(rang)
	for i := range list {
		list[i].Groups = slices.DeleteFunc(slices.Clone(list[i].Groups), func(id GroupID) bool {
			g := t.dir.Group(id)
			return g == nil || !g.Calls.concerns(colleague, c)
		})
	}
	return list
}

// syncTalks ends the talks of phones that are not up any more.
func (t *step) syncTalks(up []string) {
	for leg := range t.talks {
		if !slices.Contains(up, leg) {
			t.talkEnded(leg)
		}
	}
}

// talkFor is a talk as far as a person may know of it: their own, or one of somebody whom they supervise, if they were to be
// alerted of that call.
func (t *step) talkFor(p *Person, id string) *Talk {
	k := t.talks[id]
	switch {
	case k == nil || k.caller == p.ID || t.dir.Person(k.Person) == nil:
		return nil
	case k.Person == p.ID:
		return k
	case !slices.ContainsFunc(t.dir.supervisedIn[k.Person], func(g *Group) bool {
		return t.logins[login{g.ID, k.Person}] && t.seesGroup(p, g)
	}):
		return nil
	}
	if a := t.alerted(p); p.Admin || len(a.parts(k.through)) > 0 {
		return k
	}
	return nil
}

// talksFor are all of them, in a fixed order.
func (t *step) talksFor(p *Person) []*Talk {
	var list []*Talk
	for id := range t.talks {
		if k := t.talkFor(p, id); k != nil {
			list = append(list, k)
		}
	}
	slices.SortFunc(list, func(a, b *Talk) int { return cmp.Compare(a.ID, b.ID) })
	return list
}
