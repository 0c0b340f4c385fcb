package bus

import (
	"strconv"

	"github.com/nats-io/nats.go"

	"supervisiond/bus/message"
	"supervisiond/bus/subject"
	"supervisiond/supervision"
)

// shownView is one message on supervision.v1.<site>.view.<person>.
type shownView struct {
	to   supervision.PersonID
	seq  uint64
	kind string
	data any
}

// viewWhole is the kind of a message that has all.
const viewWhole = "view"

// shownViews are the messages that tell what somebody sees: the same as the event stream has them.
func shownViews(s supervision.Show) []*shownView {
	if s.View != nil {
		return []*shownView{{to: s.To, seq: s.Seq, kind: viewWhole, data: s.View}}
	}
	list := make([]*shownView, len(s.Changes))
	for i, c := range s.Changes {
		v := &shownView{to: s.To, seq: s.Seq + uint64(i), kind: string(c.Kind), data: c.Document}
		if c.Document == nil {
			v.kind += "_gone"
			v.data = message.Gone{ID: c.ID}
		}
		list[i] = v
	}
	return list
}

func (e *encoder) view(v *shownView) (*nats.Msg, error) {
	data, err := e.encode(message.View{ID: e.epoch + ":" + strconv.FormatUint(v.seq, 10), Event: v.kind, Data: v.data})
	return &nats.Msg{Subject: subject.View(e.site, string(v.to)), Data: data}, err
}
