package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"supervisiond/test/lab"
	"supervisiond/test/softphone"
)

// scene is one call from its beginning to its end.
type scene struct {
	caller, number string
	// rings is whose phone rings and is waited for.
	rings string
	// then is what happens while it rings.
	then func(ctx context.Context, s *site, caller, ringing *softphone.Call) error
}

var scenes = []scene{
	{"106", "102", "102", pickUp("*20")},
	{"107", "103", "103", memberAnswers},
	{"106", "700", "104", pickUp("*221")},
	{"107", "104", "104", callerGivesUp},
	{"106", "103", "103", pickUp("*20103")},
	{"107", "800", "102", pickUp("*20")},
	{"106", "102", "102", strangerTries},
}

// live plays the scenes again and again, and beside them calls for whoever is at the console, until the context ends.
func (s *site) live(ctx context.Context) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	visitors := make(chan error, 1)
	go func() {
		visitors <- s.callVisitors(ctx)
		stop()
	}()
	err := s.playScenes(ctx)
	stop()
	return errors.Join(err, <-visitors)
}

func (s *site) playScenes(ctx context.Context) error {
	for i := 0; ctx.Err() == nil; i++ {
		x := scenes[i%len(scenes)]
		if err := s.play(ctx, x); err != nil && ctx.Err() == nil && !s.visited() {
			return fmt.Errorf("%s calls %s: %w", x.caller, x.number, err)
		}
		pause(ctx, 1500*time.Millisecond)
	}
	return nil
}

// play plays one scene, unless whoever is at the console takes the call before.
func (s *site) play(ctx context.Context, x scene) (err error) {
	ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	caller, err := s.phones[x.caller].Dial(ctx, x.number)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, hangUp(ctx, caller)) }()
	ringing, err := s.ringing(ctx, x.rings, caller)
	if err != nil {
		return err
	}
	if !answered(ctx, caller, 2*time.Second) {
		err = x.then(ctx, s, caller, ringing)
		if err == nil || caller.State() != softphone.Talking {
			return err
		}
	}
	pause(ctx, 4*time.Second)
	return nil
}

// outside are those who call Reception.
var outside = []struct{ number, name, calls string }{
	{"+493055501", "Dr. Weiß", "4930109"}, {"+493055502", "Bakery Krüger", "4930110"}, {"+493055503", "Lena Vogel", "4930109"},
}

// callVisitors has somebody from outside call Reception, again and again, and wait for whoever is at the console.
func (s *site) callVisitors(ctx context.Context) error {
	for i := 0; ctx.Err() == nil; i++ {
		x := outside[i%len(outside)]
		caller, err := s.phones[lab.Trunk].Dial(ctx, x.calls, softphone.From(x.number, x.name))
		if err == nil {
			if answered(ctx, caller, 15*time.Second) {
				pause(ctx, 4*time.Second)
			}
			err = hangUp(ctx, caller)
		}
		if err != nil && ctx.Err() == nil && !s.visited() {
			return fmt.Errorf("%s calls %s: %w", x.name, x.calls, err)
		}
		pause(ctx, 2*time.Second)
	}
	return nil
}

// answered tells whether somebody answers a call within that time.
func answered(ctx context.Context, c *softphone.Call, within time.Duration) bool {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	return c.Wait(ctx, softphone.Talking) == nil
}

// hangUp ends a call also when the demo has ended.
func hangUp(ctx context.Context, c *softphone.Call) error {
	limit, done := context.WithTimeout(context.WithoutCancel(ctx), 3*time.Second)
	defer done()
	return c.Hangup(limit)
}

// ringing waits until a phone rings for this call; one that rang in an earlier scene, and was not asked about, is over.
func (s *site) ringing(ctx context.Context, user string, caller *softphone.Call) (*softphone.Call, error) {
	if err := caller.Wait(ctx, softphone.Ringing); err != nil {
		return nil, err
	}
	for {
		call, err := s.phones[user].Incoming(ctx)
		if err != nil || call.State() != softphone.Ended {
			return call, err
		}
	}
}

func pickUp(code string) func(context.Context, *site, *softphone.Call, *softphone.Call) error {
	return func(ctx context.Context, s *site, caller, _ *softphone.Call) error {
		emil, err := s.phones["105"].Dial(ctx, code)
		if err != nil {
			return err
		}
		return talk(ctx, caller, emil)
	}
}

func memberAnswers(ctx context.Context, _ *site, caller, ringing *softphone.Call) error {
	if err := ringing.Answer(); err != nil {
		return err
	}
	return talk(ctx, caller, ringing)
}

func callerGivesUp(ctx context.Context, _ *site, caller, _ *softphone.Call) error {
	return caller.Hangup(ctx)
}

// strangerTries: Georg supervises nobody. He is refused, and Ben's phone rings on until Ben answers.
func strangerTries(ctx context.Context, s *site, caller, ringing *softphone.Call) error {
	georg, err := s.phones["107"].Dial(ctx, "*20102")
	if err != nil {
		return err
	}
	if end, err := georg.Ended(ctx); err != nil || end.How != softphone.Declined {
		return fmt.Errorf("a person who supervises nobody was not refused: %+v %w", end, err)
	}
	return memberAnswers(ctx, s, caller, ringing)
}

// talk makes sure that both hear each other, for a second.
func talk(ctx context.Context, a, b *softphone.Call) error {
	if err := errors.Join(a.Hears(ctx, b.Phone().Mark()), b.Hears(ctx, a.Phone().Mark())); err != nil {
		return err
	}
	pause(ctx, time.Second)
	return nil
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}
