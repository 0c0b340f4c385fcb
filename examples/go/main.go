// Command go is a complete client of supervisiond: it lists ringing calls, follows them without missing one, and picks one
// up. It shows how to do that, and needs nothing of supervisiond's own code.
//
//	export NATS_URL=nats://127.0.0.1:4222 NATS_USER=crm NATS_PASSWORD=...
//	go run ./examples/go list
//	go run ./examples/go follow
//	go run ./examples/go pickup anna             # the oldest call that anna may take
//	go run ./examples/go pickup anna c1a2b3c4    # that one
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"time"

	"github.com/nats-io/nats.go"
)

func main() {
	if err := run(os.Args[1:]); err != nil && !errors.Is(err, context.Canceled) {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if len(args) == 0 {
		return errors.New("say list, follow, or pickup PERSON [CALL]")
	}
	s := site{name: env("SUPERVISION_SITE", "hq"), reconnected: make(chan struct{}, 1)}
	var err error
	if s.nc, err = connect(s.reconnected); err != nil {
		return err
	}
	defer s.nc.Close()
	switch {
	case args[0] == "list":
		return s.list(ctx)
	case args[0] == "follow":
		return s.follow(ctx)
	case args[0] == "pickup" && len(args) == 2:
		return s.pickup(args[1], "")
	case args[0] == "pickup" && len(args) == 3:
		return s.pickup(args[1], args[2])
	}
	return errors.New("say list, follow, or pickup PERSON [CALL]")
}

// connect logs in. The client reconnects by itself for ever, and reconnected says when it has.
func connect(reconnected chan<- struct{}) (*nats.Conn, error) {
	options := []nats.Option{
		nats.MaxReconnects(-1), nats.ReconnectWait(250 * time.Millisecond),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			if err != nil { // not closed by us
				fmt.Fprintln(os.Stderr, "connection lost, what is shown may be old:", err)
			}
		}),
		nats.ReconnectHandler(func(*nats.Conn) {
			select {
			case reconnected <- struct{}{}:
			default: // it knows already
			}
		}),
	}
	if user := os.Getenv("NATS_USER"); user != "" {
		// Users get their answers in an inbox of their own: docs/nats.md, "Who may".
		options = append(options, nats.UserInfo(user, os.Getenv("NATS_PASSWORD")), nats.CustomInboxPrefix("_INBOX_"+user))
	}
	return nats.Connect(env("NATS_URL", nats.DefaultURL), options...)
}

func env(name, otherwise string) string {
	if v := os.Getenv(name); v != "" {
		return v
	}
	return otherwise
}
