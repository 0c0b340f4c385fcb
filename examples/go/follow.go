package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
)

// follow prints each call that begins to ring and each that rings no more, and misses none. Whenever something may have
// been missed it takes a new snapshot and prints what is different from what it has printed so far.
func (s *site) follow(ctx context.Context) error {
	shown := make(map[string]bool) // calls that were printed as ringing, and not as over
	for said := ""; ctx.Err() == nil; {
		if why := s.session(ctx, shown).Error(); why != said {
			said = why
			fmt.Fprintln(os.Stderr, "looking again:", why)
		}
		select {
		case <-time.After(250 * time.Millisecond): // the bucket may not be there yet, as after a restart
		case <-ctx.Done():
		}
	}
	return ctx.Err()
}

// siteDocument is what is used here of docs/schemas/site.json.
type siteDocument struct {
	Epoch      int       `json:"epoch"`
	AliveUntil time.Time `json:"alive_until"`
	PBX        struct {
		Connected bool `json:"connected"`
	} `json:"pbx"`
}

// session follows until something was missed, and says what.
func (s *site) session(ctx context.Context, shown map[string]bool) error {
	// 1. Subscribe. What changes from here on waits in the subscription while the bucket is read.
	prefix := "supervision.v1." + s.name + ".state."
	changes := make(chan *nats.Msg, 1024)
	subscription, err := s.nc.ChanSubscribe(prefix+">", changes)
	if err != nil {
		return err
	}
	defer func() { _ = subscription.Unsubscribe() }()
	// 2. Read all that is there.
	state, err := s.snapshot(ctx)
	if err != nil {
		return err
	}
	var site siteDocument
	if err := json.Unmarshal(state["site"].value, &site); err != nil {
		return errors.New("no daemon has written the state yet") // it writes this key last
	}
	if site.PBX.Connected { // otherwise nobody knows what has become of the calls
		if err := compare(state, shown); err != nil {
			return err
		}
	}
	// 3. Replay what has changed since, and go on with what changes.
	for last := uint64(0); ; {
		var m *nats.Msg
		select {
		case m = <-changes:
		case <-s.reconnected:
			return errors.New("the connection was lost for a while")
		case <-time.After(time.Until(site.AliveUntil)):
			return errors.New("no daemon looks after the state now; all of it is unknown")
		case <-ctx.Done():
			return ctx.Err()
		}
		// Each change has the bucket's next sequence. A step that is not one is a gap.
		sequence, err := strconv.ParseUint(m.Header.Get("Nats-Sequence"), 10, 64)
		if err != nil || last != 0 && sequence != last+1 {
			return fmt.Errorf("a gap after change %d", last)
		}
		last = sequence
		key := strings.TrimPrefix(m.Subject, prefix)
		switch {
		case sequence <= state[key].revision: // known from the snapshot
		case key == "site":
			before := site
			if err := json.Unmarshal(m.Data, &site); err != nil {
				return err
			}
			// A new epoch is a new life of the daemon. The bucket is in memory and is written anew, its sequences may
			// begin again, and calls may have ended unseen. A call that rings on keeps its id.
			if site.Epoch != before.Epoch {
				return fmt.Errorf("epoch %d has begun", site.Epoch)
			}
			if site.PBX.Connected && !before.PBX.Connected {
				return errors.New("the PBX is there again")
			}
		case strings.HasPrefix(key, "call."):
			if err := show(strings.TrimPrefix(key, "call."), m.Data, shown); err != nil {
				return err
			}
		}
	}
}

// compare prints what is different in a snapshot from what was printed.
func compare(state map[string]entry, shown map[string]bool) error {
	for id := range shown {
		if err := show(id, state["call."+id].value, shown); err != nil {
			return err
		}
	}
	calls, err := ringing(state)
	for _, c := range slices.DeleteFunc(calls, func(c call) bool { return shown[c.ID] }) {
		shown[c.ID] = true
		fmt.Fprintln(os.Stdout, "ringing", c)
	}
	return err
}

// show prints what is new about a call. Without a document it is gone: how it ended was said before, or was missed.
func show(id string, document []byte, shown map[string]bool) error {
	c := call{ID: id, State: "unseen"}
	if len(document) > 0 {
		if err := json.Unmarshal(document, &c); err != nil {
			return err
		}
	}
	switch {
	case c.State == "ringing" && !shown[id]:
		shown[id] = true
		fmt.Fprintln(os.Stdout, "ringing", c)
	case c.State != "ringing" && shown[id]:
		delete(shown, id)
		fmt.Fprintf(os.Stdout, "over    %s  %s\n", id, c.State)
	}
	return nil
}
