// Package watch is `supervisiond watch`: a live view of a site in a terminal, read over NATS, with keys to pick up, join and
// leave. What is shown is made in package screen, what is known comes from package feed; here is the terminal.
package watch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	tea "charm.land/bubbletea/v2"
	"golang.org/x/term"

	"supervisiond/watch/feed"
	"supervisiond/watch/screen"
)

// Options say what is watched, and where it is shown.
type Options struct {
	Feed feed.Options
	In   *os.File
	Out  *os.File
	// Env are the variables that say what the terminal can do.
	Env []string
}

// Run shows a site until the person quits or ctx ends. Where the output is no terminal, or one that cannot be redrawn, it is
// shown once, as it is now.
func Run(ctx context.Context, o Options) error {
	f, err := feed.Open(o.Feed)
	if err != nil {
		return err
	}
	defer f.Close()
	ascii := !utf8Locale(o.Env) || variable(o.Env, "TERM") == "linux"
	s := screen.New(screen.Options{Site: o.Feed.Site, As: o.Feed.As, PickupTime: o.Feed.PickupTime, ASCII: ascii}, time.Now())
	if !term.IsTerminal(int(o.Out.Fd())) || variable(o.Env, "TERM") == "dumb" {
		return once(ctx, f, s, o.Out)
	}
	return live(ctx, f, s, o)
}

// once prints how things are now. That nobody knows it is an error.
func once(ctx context.Context, f *feed.Feed, s *screen.Screen, out io.Writer) error {
	picture, err := f.Once(ctx)
	if err != nil {
		return err
	}
	s.Update(screen.Whole{At: time.Now(), Picture: picture})
	if !s.Certain() {
		return errors.New(s.Banner())
	}
	_, err = fmt.Fprint(out, s.Plain())
	return err
}

// live draws until the end. The feed and the commands run beside it and end before it returns.
func live(ctx context.Context, f *feed.Feed, s *screen.Screen, o Options) error {
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	defer running.Wait()
	defer cancel()
	m := &model{ctx: ctx, screen: s, feed: f, running: &running}
	p := tea.NewProgram(m, tea.WithContext(ctx), tea.WithInput(o.In), tea.WithOutput(o.Out), tea.WithEnvironment(o.Env))
	m.send = p.Send
	var failure error
	running.Go(func() {
		// Send waits until the program takes it, or has ended.
		if failure = f.Run(ctx, func(m screen.Msg) { p.Send(m) }); failure != nil {
			p.Quit()
		}
	})
	_, err := p.Run()
	cancel()
	running.Wait()
	switch {
	case failure != nil:
		return failure
	case errors.Is(err, tea.ErrProgramKilled), errors.Is(err, tea.ErrInterrupted):
		return nil
	}
	return err
}

// variable is the value of an environment variable.
func variable(env []string, name string) string {
	for i := len(env) - 1; i >= 0; i-- {
		if value, ok := strings.CutPrefix(env[i], name+"="); ok {
			return value
		}
	}
	return ""
}

// utf8Locale says whether the terminal has more than letters. The first of the variables that is set counts (POSIX 8.2).
func utf8Locale(env []string) bool {
	for _, name := range []string{"LC_ALL", "LC_CTYPE", "LANG"} {
		if value := strings.ToLower(variable(env, name)); value != "" {
			return strings.Contains(value, "utf-8") || strings.Contains(value, "utf8")
		}
	}
	return false
}
