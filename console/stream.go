package console

import (
	"context"
	"errors"
	"net/http"
	"os"
	"reflect"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humachi"

	"supervisiond/supervision"
)

const (
	// heartbeatTime is how often a stream that has nothing to say proves that it is alive, with a comment.
	heartbeatTime = 15 * time.Second
	// writeTime is how long a client may take to take what is written.
	writeTime = 10 * time.Second
	// batchBytes is about how much is written at once, and idleBatch how much room is kept for that.
	batchBytes = 64 << 10
	idleBatch  = 8 << 10
)

type streamInput struct {
	LastEventID string `header:"Last-Event-ID" doc:"The id of the last event that was seen. What came after it is told, if it is still known; otherwise all begins with a view."`
}

// stream answers GET /api/v1/stream: server-sent events (HTML Living Standard, 9.2).
func (s *Server) stream(ctx context.Context, in *streamInput) (*huma.StreamResponse, error) {
	id := identityOf(ctx)
	c, err := s.hub.join(ctx, id, parsePosition(in.LastEventID))
	if err != nil {
		return nil, err
	}
	return &huma.StreamResponse{Body: func(hc huma.Context) {
		defer s.hub.leave(c)
		r, w := humachi.Unwrap(hc)
		header := w.Header()
		header.Set("Content-Type", "text/event-stream")
		header.Set("Cache-Control", "no-store")
		header.Set("X-Accel-Buffering", "no") // nginx would keep events back
		s.follow(r.Context(), w, c)
	}}, nil
}

// follow writes a client's events until it is gone, is cut, or is no longer who it was.
func (s *Server) follow(ctx context.Context, w http.ResponseWriter, c *client) {
	out := http.NewResponseController(w)
	if out.SetReadDeadline(time.Time{}) != nil {
		return
	}
	write := func(b []byte) bool {
		if out.SetWriteDeadline(time.Now().Add(writeTime)) != nil {
			return false
		}
		_, err := w.Write(b)
		if err == nil {
			err = out.Flush()
		}
		if errors.Is(err, os.ErrDeadlineExceeded) {
			s.hub.tooSlow(c)
		}
		return err == nil
	}
	if !write([]byte("retry: 1000\n\n")) {
		return
	}
	heartbeat := time.NewTicker(s.heartbeat)
	defer heartbeat.Stop()
	var batch []byte
	for {
		select {
		case b := <-c.frames:
			if len(c.frames) > 0 {
				batch = c.gather(append(batch[:0], b...))
				b = batch
			}
			if !write(b) {
				return
			}
			if cap(batch) > idleBatch {
				batch = nil
			}
		case <-heartbeat.C:
			if !s.holds(ctx, c.id) {
				s.hub.cutThose(func(id identity) bool { return id == c.id })
				continue // until it is
			}
			if c.id.token == "" {
				s.sessions.used(c.id) // an open page is a use
			}
			if !write([]byte(":\n\n")) {
				return
			}
		case <-c.cut:
			return
		case <-ctx.Done():
			return
		}
	}
}

// gather appends what else waits.
func (c *client) gather(batch []byte) []byte {
	for len(batch) < batchBytes {
		select {
		case b := <-c.frames:
			batch = append(batch, b...)
		default:
			return batch
		}
	}
	return batch
}

// streamEvents are the events of a stream and what their data is.
var streamEvents = []struct {
	name, doc string
	data      any
}{
	{"view", "All that there is to see: at the beginning, and after a change of the configuration.", supervision.View{}},
	{"person", "A person as they are now: a member of the groups, or oneself.", supervision.PersonDocument{}},
	{"person_gone", "Nothing is to be seen of this person any more.", gone{}},
	{"group", "A group that is supervised.", supervision.GroupDocument{}},
	{"group_gone", "The group is there no more, or not for this person.", gone{}},
	{"membership", "A mutual-aid group that the person is in.", supervision.Membership{}},
	{"membership_gone", "The person is not in this group any more.", gone{}},
	{"call", "A call that rings, or how it ended.", supervision.CallDocument{}},
	{"call_gone", "The call is over, or no longer for this person.", gone{}},
	{"notice", "What somebody else did that concerns the person, how far a pickup has come, or why it was refused.", supervision.Notice{}},
	{"site", "The PBX and how long what is told holds: every 5 s.", supervision.SiteDocument{}},
}

// streamSchema describes the stream in the way in which huma's own package for server-sent events does.
func streamSchema(r huma.Registry) *huma.Schema {
	var kinds []*huma.Schema
	for _, e := range streamEvents {
		kinds = append(kinds, &huma.Schema{
			Title: "Event " + e.name, Description: e.doc, Type: huma.TypeObject, Required: []string{"id", "event", "data"},
			Properties: map[string]*huma.Schema{
				"id":    {Type: huma.TypeString, Description: "Epoch and number, which goes up by one: 7:43."},
				"event": {Type: huma.TypeString, Extensions: map[string]any{"const": e.name}},
				"data":  r.Schema(reflect.TypeOf(e.data), true, e.name),
			},
		})
	}
	return &huma.Schema{
		Title: "Server-sent events", Description: "Each element stands for one event of the stream, which is no JSON array itself.",
		Type: huma.TypeArray, Items: &huma.Schema{OneOf: kinds},
	}
}
