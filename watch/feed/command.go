package feed

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"

	"supervisiond/bus/subject"
	"supervisiond/supervision"
	"supervisiond/watch/screen"
)

// reply is the answer to a command.
type reply struct {
	OK         bool                 `json:"ok"`
	Changed    bool                 `json:"changed"`
	Code       supervision.Code     `json:"code"`
	Message    string               `json:"message"`
	OnBehalfOf supervision.PersonID `json:"on_behalf_of"`
	View       *supervision.View    `json:"view"`
}

// errNobody: nothing was done.
var errNobody = errors.New("no daemon takes commands: is supervisiond running?")

// ask sends a command and waits for its answer, as long as the connection is there.
func (f *Feed) ask(ctx context.Context, verb string, body any, patience time.Duration) (reply, error) {
	data, err := json.Marshal(body)
	if err != nil {
		return reply{}, err
	}
	limited, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	m, err := f.nc.RequestWithContext(limited, subject.Command(f.options.Site)+string(f.options.As)+"."+verb, data)
	switch {
	case context.Cause(ctx) != nil:
		return reply{}, context.Cause(ctx)
	case errors.Is(err, nats.ErrNoResponders):
		return reply{}, errNobody
	case errors.Is(err, context.DeadlineExceeded):
		return reply{}, errors.New("the daemon does not answer in time")
	case err != nil:
		return reply{}, err
	}
	var r reply
	if err := json.Unmarshal(m.Data, &r); err != nil {
		return reply{}, fmt.Errorf("the answer cannot be read: %w", err)
	}
	return r, nil
}

// view asks for all that the person may see.
func (f *Feed) view(ctx context.Context) (*supervision.View, error) {
	r, err := f.ask(ctx, "view.get", struct{}{}, askTime)
	switch {
	case err != nil:
		return nil, err
	case r.Code == supervision.NotFound:
		return nil, Fatal{fmt.Errorf("there is no person %s at site %s", f.options.As, f.options.Site)}
	case !r.OK:
		return nil, fmt.Errorf("%s (%s)", r.Message, r.Code)
	case r.View == nil:
		return nil, errors.New("the answer has no view in it")
	}
	return r.View, nil
}

// Do carries out a command. Where no answer comes it is not known whether it was done, and the answer says so.
func (f *Feed) Do(ctx context.Context, c screen.Command) screen.Answer {
	ctx, cancel := f.alive(ctx)
	defer cancel()
	patience := askTime
	if c.Verb == screen.Pickup {
		patience = f.options.PickupTime
	}
	r, err := f.ask(ctx, string(c.Verb), body(c), patience)
	a := screen.Answer{
		At: time.Now(), Command: c, OK: r.OK, Changed: r.Changed, Code: r.Code, Message: r.Message, OnBehalfOf: r.OnBehalfOf,
	}
	switch {
	case errors.Is(err, errNobody), errors.Is(err, nats.ErrReconnectBufExceeded):
		a.Message = err.Error()
	case err != nil:
		a.Message = err.Error() + "; whether it was done is not known"
	}
	return a
}

// body is what a command says, without what it does not name.
func body(c screen.Command) map[string]string {
	b := make(map[string]string)
	for name, value := range map[string]string{"call": string(c.Call), "person": string(c.Person), "group": string(c.Group)} {
		if value != "" {
			b[name] = value
		}
	}
	return b
}
