package ari

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"supervisiond/forwarding"
)

const (
	// storeTimeout bounds one run through a helper context. Asterisk needs milliseconds, or is in trouble.
	storeTimeout = 3 * time.Second
	// storeChannelPrefix begins the ids of the store's channels.
	storeChannelPrefix = "supervision-store-"
)

// Reasons why the store was not read or written.
var (
	errNoStoreContexts = errors.New("the PBX's dialplan has no contexts for it")
	errStoreLost       = errors.New("the PBX was lost meanwhile")
	errStoreSilent     = errors.New("the PBX did not tell of every line")
	errStoreOther      = errors.New("it has something else than was written")
	errNotAsked        = errors.New("nothing was asked of the PBX")
	errStoreTimeout    = fmt.Errorf("no answer within %v", storeTimeout)
)

// isStoreChannel tells the channels of the store, whichever life of the daemon made them: Local channels that run
// through the helper contexts. They are nobody's call.
func isStoreChannel(name string) bool {
	if !strings.HasPrefix(name, "Local/") {
		return false
	}
	_, at, _ := strings.Cut(name, "@")
	return strings.HasPrefix(at, storeReadContext+"-") || strings.HasPrefix(at, storeWriteContext+"-")
}

// errand is one channel that runs through a helper context, and what it has told.
type errand struct {
	id   string
	done chan struct{} // closed at its end

	// Valid once done is closed.
	err    error
	lines  map[string]forwarding.Stored // with an entry for each that was asked for
	before map[string]forwarding.Stored // likewise of what is written, before it was
	keys   map[string]bool              // which lines have anything, and whether that is a forward
	cut    bool                         // there are more keys than the PBX could tell
}

// tells: every one of the lines.
func (e *errand) tells(lines ...string) bool {
	for _, ext := range lines {
		if _, told := e.lines[ext]; !told {
			return false
		}
	}
	return true
}

// run lets a channel run through a helper context, and waits for what it tells.
//
// The near half of the Local channel runs nothing, as the far half never answers. A call record of it is prevented by a
// function among its variables; of the far half, by the dialplan.
func (s *store) run(ctx context.Context, dialplanContext, exten string, vars map[string]string) (*errand, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, storeTimeout, errStoreTimeout)
	defer cancel()
	e, err := s.begin()
	if err != nil {
		return nil, err
	}
	defer s.end(e, nil)
	vars[storeVarRead] = e.id
	vars["CDR_PROP(disable)"] = "1"
	if err := s.rest.runDialplan(ctx, e.id, dialplanContext, exten, vars); err != nil {
		return nil, err
	}
	select {
	case <-e.done:
		return e, e.err
	case <-ctx.Done():
		// Whatever holds it up, it must not be left there.
		s.hangup(e.id)
		return nil, context.Cause(ctx)
	}
}

func (s *store) begin() (*errand, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.attached {
		return nil, errStoreLost
	}
	s.count++
	s.errand = &errand{
		id: storeChannelPrefix + s.life + "-" + strconv.FormatUint(s.count, 10), done: make(chan struct{}),
		lines: make(map[string]forwarding.Stored), before: make(map[string]forwarding.Stored), keys: make(map[string]bool),
	}
	return s.errand, nil
}

// end closes an errand, if it is the one that runs. What it tells later is not heard.
func (s *store) end(e *errand, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.endLocked(e, err)
}

func (s *store) endLocked(e *errand, err error) {
	if e == nil || s.errand != e {
		return
	}
	s.errand = nil
	e.err = err
	close(e.done)
}

// hears takes what frames tell of the store. It reports whether that was all that the frame is about.
func (s *store) hears(e *event) bool {
	switch {
	case e.Type == "ChannelUserevent":
		s.heard(&e.UserEvent)
		return true
	case e.Type == "Dial":
		return isStoreChannel(e.Peer.Name)
	case !isStoreChannel(e.Channel.Name):
		return false
	case e.Type == "ChannelDestroyed":
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.errand != nil && s.errand.id == e.Channel.ID {
			s.endLocked(s.errand, errNoStoreContexts) // it ended before it told of its end
		}
	}
	return true
}

func (s *store) heard(u *userEvent) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if u.Name == storeChangedEvent {
		s.touch(strings.TrimSpace(u.Extension))
		return
	}
	e := s.errand
	if e == nil || u.Read != e.id {
		return
	}
	switch u.Name {
	case storeKeysEvent:
		for i, list := range []string{u.DND, u.Always, u.Busy, u.NoAnswer} {
			e.cut = e.cut || len(list) >= maxKeys
			for key := range strings.SplitSeq(plain(list), ",") {
				if isLine(key) {
					e.keys[key] = e.keys[key] || i > 0
				}
			}
		}
	case storeBeforeEvent:
		e.before[u.Extension] = storedOf(u)
	case storeLineEvent:
		e.lines[u.Extension] = storedOf(u)
	case storeEndEvent:
		s.endLocked(e, nil)
	}
}

// hangup ends a channel whose time is up, if it is there.
func (s *store) hangup(id string) {
	ctx, cancel := context.WithTimeout(context.Background(), orderTimeout)
	defer cancel()
	_ = s.rest.Hangup(ctx, id, causeNormal)
}

// runDialplan makes a Local channel, with an id of its own, whose far half runs through the dialplan from an extension
// on, with variables.
func (c *Client) runDialplan(ctx context.Context, id, dialplanContext, exten string, vars map[string]string) error {
	_, err := c.do(ctx, http.MethodPost, "/channels", url.Values{
		"endpoint":  {"Local/" + exten + "@" + dialplanContext + "/n"},
		"channelId": {id}, "otherChannelId": {id + "-far"},
		// Where the near half would go if the far one answered: nowhere.
		"context": {dialplanContext}, "extension": {"none"}, "priority": {"1"}, "timeout": {"3"},
	}, map[string]any{"variables": vars})
	return err
}
