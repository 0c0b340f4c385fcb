package softphone

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"time"
)

// Ring is what a phone tells the PBX when a call comes in.
type Ring int

const (
	// Rings answers 180 Ringing.
	Rings Ring = iota
	// Progresses answers 183 Session Progress with early media, and never 180.
	Progresses
	// Silent answers nothing before the final response.
	Silent
)

// Options say who a phone is and how it behaves.
type Options struct {
	User     string
	Password string
	Server   string // host:port of the PBX
	// DisplayName stands beside User in From.
	DisplayName string
	// Transport is "udp" (the default) or "tcp".
	Transport string
	// Mark is what the phone says in its audio; the default is User. It may not
	// contain '|'.
	Mark string
	// Ring is the provisional response to a call.
	Ring Ring
	// Behaviour handles each incoming call, as a person would: see
	// [AnswerAfter], [Decline], [Redirect]. nil leaves them to the test.
	Behaviour Behaviour
	// Host is the address of this machine from which the phone speaks; the
	// default is 127.0.0.1.
	Host string
	// Behind is where the phone believes to be reached, host:port, as one that
	// stands behind a router does; empty means where it is.
	Behind string
	// NoRegister makes a phone that only calls.
	NoRegister bool
	// Expires is for how long the phone registers; it does so again at half
	// time. The default is two minutes.
	Expires time.Duration
	// Logger hears what the SIP library has to say; nil means nothing.
	Logger *slog.Logger
}

// Behaviour is what a phone does with an incoming call by itself. It runs in a
// goroutine of its own; its context ends with the call and with the phone.
type Behaviour func(ctx context.Context, call *Call)

// AnswerAfter answers when the phone has rung for so long.
func AnswerAfter(d time.Duration) Behaviour {
	return after(d, func(call *Call) { _ = call.Answer() })
}

// Decline refuses with a status code, as 486 (busy) or 603 (declined).
func Decline(code int) Behaviour {
	return after(0, func(call *Call) { _ = call.Decline(code) })
}

// Redirect sends the caller on to another number of the PBX, with 302.
func Redirect(number string) Behaviour {
	return after(0, func(call *Call) { _ = call.Redirect(number) })
}

// AutoAnswer answers calls that ask for it in Call-Info or Alert-Info, as a
// desk phone does, and rings for all others.
func AutoAnswer() Behaviour {
	return func(_ context.Context, call *Call) {
		for _, header := range []string{"Call-Info", "Alert-Info"} {
			for _, value := range call.Header(header) {
				value = strings.ToLower(value)
				if strings.Contains(value, "answer-after=0") || strings.Contains(value, "auto answer") ||
					strings.Contains(value, "auto-answer") || strings.Contains(value, "alert-autoanswer") {
					_ = call.Answer()
					return
				}
			}
		}
	}
}

// after's errors are that the call ended meanwhile, which its End tells.
func after(d time.Duration, do func(*Call)) Behaviour {
	return func(ctx context.Context, call *Call) {
		timer := time.NewTimer(d)
		defer timer.Stop()
		select {
		case <-ctx.Done():
		case <-timer.C:
			do(call)
		}
	}
}

func (o Options) complete() (Options, error) {
	if o.User == "" {
		return o, errors.New("softphone: User is missing")
	}
	if _, _, err := net.SplitHostPort(o.Server); err != nil {
		return o, fmt.Errorf("softphone: Server: %w", err)
	}
	if o.Host == "" {
		o.Host = "127.0.0.1"
	}
	if o.Behind != "" {
		if _, _, err := net.SplitHostPort(o.Behind); err != nil {
			return o, fmt.Errorf("softphone: Behind: %w", err)
		}
	}
	if o.Transport == "" {
		o.Transport = "udp"
	}
	if o.Transport != "udp" && o.Transport != "tcp" {
		return o, fmt.Errorf("softphone: transport %q", o.Transport)
	}
	if o.Mark == "" {
		o.Mark = o.User
	}
	if strings.Contains(o.Mark, "|") || len(o.Mark) > samples/2 {
		return o, fmt.Errorf("softphone: mark %q", o.Mark)
	}
	if o.Expires <= 0 {
		o.Expires = 2 * time.Minute
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o, nil
}
