package console

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"supervisiond/supervision"
)

// Each command is answered by its own reply, by none in time, or by why it cannot be taken.
func TestAsks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var a *asks
		var last supervision.Commanded
		answer := func(c supervision.Commanded) error {
			last = c
			return nil
		}
		a = newAsks(func(c supervision.Commanded) error { return answer(c) }, time.Now)
		ask := func(c supervision.Command) (*supervision.Reply, error) { return a.ask(t.Context(), "anna", c) }
		fails := func(what string, err error, status int, took time.Duration, began time.Time) {
			t.Helper()
			if err == nil || asTold(err).Status != status || time.Since(began) != took {
				t.Errorf("%s: %v after %v", what, err, time.Since(began))
			}
		}

		began := time.Now()
		_, err := ask(supervision.GetView{})
		fails("no answer", err, http.StatusServiceUnavailable, askTime, began)
		if p := asTold(err); p.Details["unknown"] != "" {
			t.Errorf("nothing was to be done: %+v", p)
		}
		_, err = ask(supervision.JoinGroup{})
		if p := asTold(err); p.Details["unknown"] != "true" {
			t.Errorf("it may have been done: %+v", p)
		}
		a.replied(supervision.Reply{ID: last.ID}) // late, and nobody's any more
		began = time.Now()
		_, err = ask(supervision.PickUpCall{})
		fails("no answer to a pickup", err, http.StatusServiceUnavailable, pickupTime, began)

		answer = func(c supervision.Commanded) error {
			a.replied(supervision.Reply{ID: "http-0", Changed: true}) // somebody else's
			a.replied(supervision.Reply{ID: c.ID})
			a.replied(supervision.Reply{ID: c.ID, Changed: true}) // twice
			return nil
		}
		if r, err := ask(supervision.GetView{}); err != nil || r.Changed {
			t.Errorf("%+v, %v", r, err)
		}
		answer = func(c supervision.Commanded) error {
			a.replied(supervision.Reply{ID: c.ID, Refusal: &supervision.Refusal{Code: supervision.AlreadyTaken, Details: map[string]string{"by": "ben"}}})
			return nil
		}
		_, err = ask(supervision.GetView{})
		if p := asTold(err); p.Status != http.StatusConflict || p.Details["by"] != "ben" {
			t.Errorf("refused: %+v", p)
		}
		answer = func(supervision.Commanded) error { return errors.New("full") }
		_, err = ask(supervision.GetView{})
		fails("full", err, http.StatusServiceUnavailable, 0, time.Now())
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		answer = func(supervision.Commanded) error { return nil }
		_, err = a.ask(gone, "anna", supervision.GetView{})
		fails("who asked is gone", err, http.StatusServiceUnavailable, 0, time.Now())
		if len(a.waiting) != 0 || len(a.of) != 0 {
			t.Errorf("left: %v, %v", a.waiting, a.of)
		}
	})
}

// All people together, and each of them, have a bounded number of commands; a stop waits for those that run.
func TestAsksAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAsks(func(supervision.Commanded) error { return nil }, time.Now)
		for n := range maxAsks {
			go func() {
				_, _ = a.ask(t.Context(), supervision.PersonID(fmt.Sprint(n/maxAsksOf)), supervision.GetView{})
			}()
		}
		synctest.Wait()
		if _, err := a.ask(t.Context(), "anna", supervision.GetView{}); err == nil || asTold(err).Status != http.StatusServiceUnavailable {
			t.Errorf("one more than there may be: %v", err)
		}
		short, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := a.stop(short); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("it stops while commands run: %v", err)
		}
		if err := a.stop(t.Context()); err != nil || len(a.waiting) != 0 {
			t.Errorf("%v, and %d run", err, len(a.waiting))
		}
		if _, err := a.ask(t.Context(), "anna", supervision.GetView{}); err == nil {
			t.Error("it takes a command after the stop")
		}
	})
	synctest.Test(t, func(t *testing.T) {
		a := newAsks(func(supervision.Commanded) error { return nil }, time.Now)
		for range maxAsksOf {
			go func() { _, _ = a.ask(t.Context(), "anna", supervision.GetView{}) }()
		}
		synctest.Wait()
		if _, err := a.ask(t.Context(), "anna", supervision.GetView{}); err == nil || asTold(err).Status != http.StatusTooManyRequests {
			t.Errorf("one more of one person: %v", err)
		}
		began := time.Now()
		if _, _ = a.ask(t.Context(), "ben", supervision.GetView{}); time.Since(began) != askTime {
			t.Error("another person's is not taken")
		}
	})
}
