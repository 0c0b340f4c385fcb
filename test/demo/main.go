// Command demo runs the main job for real: an Asterisk of its own, the daemon with its embedded NATS, people who call each
// other, a supervisor who picks up by codes on her phone, and one for the reader to be, in the console. It begins with the
// console's address, users and passwords, goes on with what another program would read on NATS, and ends with Ctrl-C, or by
// itself after -seconds. Its exit code is 0 if calls were picked up and nothing went wrong.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() { os.Exit(run()) }

func run() int {
	seconds := flag.Int("seconds", 0, "end after so many `seconds`; 0: at Ctrl-C")
	verbose := flag.Bool("v", false, "show the daemon's own log, too")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if *seconds > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, time.Duration(*seconds)*time.Second)
		defer cancel()
	}
	if err := demo(ctx, os.Stdout, *verbose); err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		return 1
	}
	return 0
}

func demo(ctx context.Context, out io.Writer, verbose bool) (err error) {
	s, err := newSite(ctx, verbose)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	s.introduce(out)
	watched, err := watch(s.daemon.NATSURL(), out)
	if err != nil {
		return err
	}
	err = s.live(ctx)
	watched.close()
	if err != nil {
		return err
	}
	rang, pickedUp := watched.counts()
	fmt.Fprintf(out, "\n%d calls rang, %d were picked up.\n", rang, pickedUp)
	if pickedUp == 0 {
		return errors.New("no call was picked up")
	}
	return nil
}
