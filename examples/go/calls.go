package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// site is a site of supervisiond. All subjects are below supervision.v1.<name>.
type site struct {
	name        string
	nc          *nats.Conn
	reconnected chan struct{}
}

// call is what is used here of docs/schemas/call.json.
type call struct {
	ID     string `json:"id"`
	State  string `json:"state"`
	Since  string `json:"since"`
	Caller struct {
		Number string `json:"number"`
		Name   string `json:"name"`
	} `json:"caller"`
	Ringing []struct {
		Person string `json:"person"`
	} `json:"ringing"`
}

func (c call) String() string {
	people := make([]string, len(c.Ringing))
	for i, r := range c.Ringing {
		people[i] = r.Person
	}
	caller := strings.TrimSpace(c.Caller.Number + " " + c.Caller.Name)
	return fmt.Sprintf("%s  %s rings %s", c.ID, cmp.Or(caller, "withheld"), strings.Join(people, ", "))
}

// entry is a key of the state bucket with its revision, which is the bucket's sequence.
type entry struct {
	value    []byte
	revision uint64
}

// snapshot reads the state as it is now.
func (s *site) snapshot(ctx context.Context) (map[string]entry, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	js, err := jetstream.New(s.nc)
	if err != nil {
		return nil, err
	}
	bucket, err := js.KeyValue(ctx, "SUPERVISION_"+s.name)
	if err != nil {
		return nil, fmt.Errorf("the state of site %s: %w", s.name, err)
	}
	watcher, err := bucket.WatchAll(ctx, jetstream.IgnoreDeletes())
	if err != nil {
		return nil, err
	}
	defer func() { _ = watcher.Stop() }()
	state := make(map[string]entry)
	for {
		select {
		case e := <-watcher.Updates():
			if e == nil { // that was all
				return state, nil
			}
			state[e.Key()] = entry{e.Value(), e.Revision()}
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// ringing are the calls of a state that ring, the oldest first. Others have just ended: for 3 s it is said how.
func ringing(state map[string]entry) ([]call, error) {
	var calls []call
	for key, e := range state {
		if !strings.HasPrefix(key, "call.") {
			continue
		}
		var c call
		if err := json.Unmarshal(e.value, &c); err != nil {
			return nil, fmt.Errorf("%s: %w", key, err)
		}
		if c.State == "ringing" {
			calls = append(calls, c)
		}
	}
	slices.SortFunc(calls, func(a, b call) int { return cmp.Or(strings.Compare(a.Since, b.Since), strings.Compare(a.ID, b.ID)) })
	return calls, nil
}

func (s *site) list(ctx context.Context) error {
	state, err := s.snapshot(ctx)
	if err != nil {
		return err
	}
	calls, err := ringing(state)
	for _, c := range calls {
		fmt.Fprintln(os.Stdout, c)
	}
	return err
}

// pickup lets the daemon call a phone of the person's and join it to the caller. The answer comes when that is done, or
// cannot be: at most pickup.timeout and 2 s later.
func (s *site) pickup(person, id string) error {
	request := map[string]string{} // nothing named: the oldest
	if id != "" {
		request["call"] = id
	}
	body, err := json.Marshal(request)
	if err != nil {
		return err
	}
	m, err := s.nc.Request("supervision.v1."+s.name+".cmd."+person+".call.pickup", body, time.Minute)
	if errors.Is(err, nats.ErrNoResponders) {
		return errors.New("no daemon serves this site now")
	} else if err != nil {
		return err
	}
	var answer struct {
		OK         bool   `json:"ok"`
		Code       string `json:"code"`
		Message    string `json:"message"`
		Call       string `json:"call"`
		OnBehalfOf string `json:"on_behalf_of"`
	}
	if err := json.Unmarshal(m.Data, &answer); err != nil {
		return err
	}
	if !answer.OK {
		return fmt.Errorf("%s (%s)", answer.Message, answer.Code)
	}
	fmt.Fprintf(os.Stdout, "%s  picked up for %s\n", answer.Call, answer.OnBehalfOf)
	return nil
}
