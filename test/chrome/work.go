package chrome

import (
	"bytes"
	"context"
	"encoding/json"
	"slices"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/tracing"
	"github.com/chromedp/chromedp"
)

// Work is what a page has cost, in processor time: what else the machine does meanwhile hardly matters.
type Work struct {
	// Tasks are those of the page's main thread, the shortest first: script, styles, layout, and what is to be painted where. As long
	// as one runs the page answers to nothing.
	Tasks []time.Duration
	// Script, Style and Layout are parts of them.
	Script, Style, Layout time.Duration
	// Raster is the painting itself, by Chromium's other threads, which a graphics card spares most people.
	Raster time.Duration
}

// All is what the main thread has done.
func (w Work) All() time.Duration {
	var all time.Duration
	for _, task := range w.Tasks {
		all += task
	}
	return all
}

// Longest is the longest task.
func (w Work) Longest() time.Duration {
	if len(w.Tasks) == 0 {
		return 0
	}
	return w.Tasks[len(w.Tasks)-1]
}

// traced is an event as Chromium traces it, with the processor time in µs.
type traced struct {
	Name     string
	PID, TID int64
	Spent    int64 `json:"tdur"`
}

// workNames are the events that count. A page at work makes thousands of others a second.
var workNames = []string{workMark, "RunTask", "RasterTask", "FunctionCall", "UpdateLayoutTree", "Layout"}

func counts(raw []byte) bool {
	return slices.ContainsFunc(workNames, func(name string) bool { return bytes.Contains(raw, []byte(`"`+name+`"`)) })
}

// workMark stands in the trace for the thread that runs the page's scripts.
const workMark = "work"

// Work watches what the page does during a time. One page at a time can be watched.
func (p *Page) Work(during func()) Work {
	p.t.Helper()
	var events []traced
	over := make(chan *tracing.EventTracingComplete, 1)
	listening, stop := context.WithCancel(p.ctx)
	defer stop()
	p.must("listen", chromedp.Listen(listening, func(ev any) {
		switch e := ev.(type) {
		case *tracing.EventDataCollected:
			for _, raw := range e.Value {
				var one traced
				if counts(raw) && json.Unmarshal(raw, &one) == nil {
					events = append(events, one)
				}
			}
		case *tracing.EventTracingComplete:
			over <- e
		}
	}))
	p.do("trace", func(ctx context.Context, tab *chromedp.Target) error {
		categories := []string{"devtools.timeline", "disabled-by-default-devtools.timeline", "blink.user_timing"}
		_, err := cdp.Call(ctx, tab, tracing.Start, tracing.StartParams{
			TraceConfig: &tracing.TraceConfig{IncludedCategories: categories, ExcludedCategories: []string{"*"}},
		})
		return err
	})
	Eval[bool](p, `performance.mark("`+workMark+`"), true`)
	during()
	p.do("end the trace", func(ctx context.Context, tab *chromedp.Target) error {
		if _, err := cdp.Call(ctx, tab, tracing.End, cdp.Empty{}); err != nil {
			return err
		}
		select {
		case end := <-over:
			if end.DataLossOccurred {
				p.t.Error("a part of the trace is lost")
			}
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	})
	return p.workIn(events)
}

func (p *Page) workIn(events []traced) Work {
	p.t.Helper()
	main := slices.IndexFunc(events, func(e traced) bool { return e.Name == workMark })
	if main < 0 {
		p.t.Fatal("the page's thread is not in the trace")
	}
	var w Work
	for _, e := range events {
		spent := time.Duration(e.Spent) * time.Microsecond
		mine := e.PID == events[main].PID && e.TID == events[main].TID
		switch {
		case e.PID == events[main].PID && e.Name == "RasterTask":
			w.Raster += spent
		case mine && e.Name == "RunTask":
			w.Tasks = append(w.Tasks, spent)
		case mine && e.Name == "FunctionCall":
			w.Script += spent
		case mine && e.Name == "UpdateLayoutTree":
			w.Style += spent
		case mine && e.Name == "Layout":
			w.Layout += spent
		}
	}
	slices.Sort(w.Tasks)
	return w
}
