package feed

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"

	"supervisiond/bus/subject"
	"supervisiond/supervision"
	"supervisiond/watch/screen"
)

// told is a message on supervision.v1.<site>.view.<person>.
type told struct {
	ID    string          `json:"id"` // epoch:number
	Event string          `json:"event"`
	Data  json.RawMessage `json:"data"`
}

// position is how far a view has been followed: the epoch, and the number in it.
type position struct{ epoch, seq uint64 }

func parsePosition(id string) (position, error) {
	epoch, seq, ok := strings.Cut(id, ":")
	if !ok {
		return position{}, fmt.Errorf("%q is not epoch:number", id)
	}
	e, err := strconv.ParseUint(epoch, 10, 64)
	n, err2 := strconv.ParseUint(seq, 10, 64)
	return position{e, n}, errors.Join(err, err2)
}

// step says what a message at another position is: old, the next one, or one after a gap.
func (p position) step(next position) (old, gap bool) {
	if next.epoch != p.epoch {
		return next.epoch < p.epoch, true
	}
	return next.seq <= p.seq, next.seq > p.seq+1
}

// followView follows what the person may see: subscribe first, then ask for all, leave out what that has in it already,
// and begin anew when a number is missing.
func (f *Feed) followView(ctx context.Context, tell func(screen.Msg)) error {
	changes, err := f.subscribe(subject.View(f.options.Site, string(f.options.As)))
	if err != nil {
		return err
	}
	defer func() { _ = changes.Unsubscribe() }()
	v, err := f.view(ctx)
	if err != nil {
		return err
	}
	if v.Seq == 0 {
		_ = changes.Unsubscribe()
		return f.askAgain(ctx, tell)
	}
	tell(screen.Whole{At: time.Now(), Picture: screen.PictureOf(v)})
	for at := (position{v.Site.Epoch, v.Seq}); ; {
		m, err := changes.NextMsgWithContext(ctx)
		if err != nil {
			return missed(err)
		}
		var t told
		if err := json.Unmarshal(m.Data, &t); err != nil {
			return fmt.Errorf("%s cannot be read: %w", m.Subject, err)
		}
		next, err := parsePosition(t.ID)
		if err != nil {
			return fmt.Errorf("%s cannot be read: %w", m.Subject, err)
		}
		old, gap := at.step(next)
		switch {
		case old:
			continue
		case t.Event == "view": // all there is: whatever was missed before
		case gap:
			return errGap
		}
		at = next
		msg, err := t.read(time.Now())
		if err != nil {
			return fmt.Errorf("%s cannot be read: %w", m.Subject, err)
		}
		if msg != nil {
			tell(msg)
		}
	}
}

// missed makes of a reader that was too slow one that has missed something.
func missed(err error) error {
	if errors.Is(err, nats.ErrSlowConsumer) {
		return errGap
	}
	return err
}

// askAgain is for users who may act as everybody, and whose people nobody tells of what they may see: whenever anything
// changes in the state, and so at each heartbeat, all is asked for again. What changes while an answer is on its way makes
// one more question.
func (f *Feed) askAgain(ctx context.Context, tell func(screen.Msg)) error {
	changes, err := f.subscribe(subject.State(f.options.Site) + ">")
	if err != nil {
		return err
	}
	defer func() { _ = changes.Unsubscribe() }()
	for {
		v, err := f.view(ctx)
		if err != nil {
			return err
		}
		tell(screen.Whole{At: time.Now(), Picture: screen.PictureOf(v)})
		if _, err = changes.NextMsgWithContext(ctx); err != nil && !errors.Is(missed(err), errGap) {
			return missed(err)
		}
		for n, _, _ := changes.Pending(); n > 0; n-- {
			if _, err := changes.NextMsgWithContext(ctx); err != nil {
				break
			}
		}
	}
}

// read makes of a message what the screen is told. Nil: it is of a kind that nobody knows yet.
func (t told) read(at time.Time) (screen.Msg, error) {
	kind, gone := strings.CutSuffix(t.Event, "_gone")
	if gone {
		var what struct {
			ID string `json:"id"`
		}
		err := json.Unmarshal(t.Data, &what)
		return screen.Changed{At: at, Kind: supervision.ShownKind(kind), ID: what.ID}, err
	}
	switch kind {
	case "view":
		v := new(supervision.View)
		err := json.Unmarshal(t.Data, v)
		return screen.Whole{At: at, Picture: screen.PictureOf(v)}, err
	case string(supervision.ShownNotice):
		var n struct {
			Type     supervision.EventType `json:"type"`
			By       *supervision.By       `json:"by"`
			Document screen.About          `json:"document"`
		}
		err := json.Unmarshal(t.Data, &n)
		told := screen.Told{At: at, Type: n.Type, About: n.Document}
		if n.By != nil {
			told.By = *n.By
		}
		return told, err
	}
	doc := document(kind)
	if doc == nil {
		return nil, nil
	}
	err := json.Unmarshal(t.Data, doc)
	return screen.Changed{At: at, Kind: supervision.ShownKind(kind), Document: doc}, err
}

// document is an empty document of a kind; nil: nobody knows that kind.
func document(kind string) any {
	switch supervision.ShownKind(kind) {
	case supervision.ShownSite:
		return new(supervision.SiteDocument)
	case supervision.ShownPerson:
		return new(supervision.PersonDocument)
	case supervision.ShownGroup:
		return new(supervision.GroupDocument)
	case supervision.ShownMembership:
		return new(supervision.Membership)
	case supervision.ShownCall:
		return new(supervision.CallDocument)
	}
	return nil
}
