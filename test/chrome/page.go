package chrome

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// Page is a tab of a browser of its own. The Place is all of it. It is used by one goroutine.
type Page struct {
	Place
	t   testing.TB
	ctx context.Context
	// worker is the connection to the service worker of the page's site, if there is one.
	worker   context.Context
	workerID target.ID
	done     sync.WaitGroup

	mu         sync.Mutex
	complaints []string
}

// Keys that have no letter.
const (
	Enter  = kb.Enter
	Escape = kb.Escape
	Tab    = kb.Tab
	Down   = kb.ArrowDown
)

// bounded bounds one wait.
func (p *Page) bounded() (context.Context, context.CancelFunc) {
	return context.WithTimeout(p.ctx, patience)
}

func (p *Page) must(what string, err error) {
	p.t.Helper()
	if err != nil {
		p.t.Fatalf("%s: %v", what, err)
	}
}

// listen notes what the page complains of: exceptions that nobody caught, what breaks the Content Security Policy, and whatever
// else is written to the console as a warning or an error. That a server is away is no complaint.
func (p *Page) listen() {
	messages := chromedp.Console(p.ctx)
	p.done.Go(func() {
		for m, err := range messages {
			if err != nil {
				return // the page is closed
			}
			serious := m.IsException() || m.Type == chromedp.ConsoleError || m.Type == chromedp.ConsoleWarning
			if serious && m.Source != "network" {
				p.mu.Lock()
				p.complaints = append(p.complaints, m.String())
				p.mu.Unlock()
			}
		}
	})
}

// Complaints are those of the page until now.
func (p *Page) Complaints() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.complaints)
}

// Forgive forgets the complaints until now that have a text.
func (p *Page) Forgive(text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.complaints = slices.DeleteFunc(p.complaints, func(c string) bool { return strings.Contains(c, text) })
}

// Go loads an address.
func (p *Page) Go(url string) {
	p.t.Helper()
	ctx, cancel := p.bounded()
	defer cancel()
	p.must("go to "+url, chromedp.Do(ctx, chromedp.Navigate(url)))
}

// Press presses keys, one after the other, wherever the focus is.
func (p *Page) Press(keys string) {
	p.t.Helper()
	for _, key := range keys {
		p.do("press "+string(key), func(ctx context.Context, tab *chromedp.Target) error { return press(ctx, tab, key) })
	}
}

// press sends the letter with the key, as a keyboard does: a page that takes the key for itself gets no letter.
func press(ctx context.Context, tab *chromedp.Target, key rune) error {
	events := kb.Encode(key)
	down, up := events[0], events[len(events)-1]
	if len(events) == 3 {
		down.Text, down.UnmodifiedText = events[1].Text, events[1].UnmodifiedText
	}
	for _, e := range []*input.DispatchKeyEventParams{down, up} {
		if _, err := cdp.Call(ctx, tab, input.DispatchKeyEvent, *e); err != nil {
			return err
		}
	}
	return nil
}

// Type gives the one element that a CSS selector finds a text, as if it were typed.
func (p *Page) Type(selector, text string) {
	p.t.Helper()
	ctx, cancel := p.bounded()
	defer cancel()
	p.must("type into "+selector, chromedp.Do(ctx, chromedp.SendKeys(chromedp.CSS(selector), text)))
}

// AwaitElement waits until a CSS selector finds something.
func (p *Page) AwaitElement(selector string) {
	p.t.Helper()
	ctx, cancel := p.bounded()
	defer cancel()
	p.must("wait for "+selector, chromedp.Do(ctx, chromedp.WaitReady(chromedp.CSS(selector))))
}

// Title is that of the window.
func (p *Page) Title() string {
	p.t.Helper()
	ctx, cancel := p.bounded()
	defer cancel()
	title, err := chromedp.Run(ctx, chromedp.Title())
	p.must("title", err)
	return title
}

// AwaitTitle waits until the title has a text.
func (p *Page) AwaitTitle(text string) {
	p.t.Helper()
	p.until(fmt.Sprintf("the title has %q", text), func() bool { return strings.Contains(p.Title(), text) })
}

// Eval gives the value of an expression, or of its promise.
func Eval[T any](p *Page, expression string) T {
	p.t.Helper()
	ctx, cancel := p.bounded()
	defer cancel()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	p.must("evaluate", err)
	return v
}

// AwaitTrue waits until an expression is true. A page that is about to be another one by itself has nothing that is.
func (p *Page) AwaitTrue(expression string) {
	p.t.Helper()
	p.until(expression, func() bool {
		ctx, cancel := p.bounded()
		defer cancel()
		is, err := chromedp.Run(ctx, chromedp.Evaluate[bool](expression, chromedp.EvalAwaitPromise))
		if err != nil && strings.Contains(err.Error(), "navigated") {
			return false
		}
		p.must("evaluate", err)
		return is
	})
}

// Until waits until something is so that concerns several pages.
func (p *Page) Until(what string, so func() bool) {
	p.t.Helper()
	p.until(what, so)
}

// Shot takes a picture of what is in the window, for the folder of `go test -artifacts`.
func (p *Page) Shot(name string) {
	p.t.Helper()
	ctx, cancel := p.bounded()
	defer cancel()
	p.must("screenshot", p.shoot(ctx, name))
}

func (p *Page) shoot(ctx context.Context, name string) error {
	png, err := chromedp.Run(ctx, chromedp.CaptureScreenshot())
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(p.t.ArtifactDir(), name+".png"), png, 0o644)
}

// lastLook shows what a test that failed has seen last.
func (p *Page) lastLook() {
	if !p.t.Failed() {
		return
	}
	ctx, cancel := p.bounded()
	defer cancel()
	text, err := chromedp.Run(ctx, chromedp.Evaluate[string](`document.title + "\n" + document.body.innerText`))
	if err == nil {
		err = p.shoot(ctx, "failed")
	}
	p.t.Logf("the page at the end (%v):\n%s", err, text)
}

// Barriers is what keeps people from using the page as it is (WCAG 2.2 AA), as axe-core finds it, whose script it takes.
func (p *Page) Barriers(axe string) []string {
	p.t.Helper()
	ctx, cancel := p.bounded()
	defer cancel()
	_, err := chromedp.Run(ctx, chromedp.Evaluate[bool](axe+"; true"))
	p.must("axe", err)
	found := Eval[json.RawMessage](p, `axe.run(document, {preload: false, runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}).then(
		r => r.violations.map(v => v.id + ": " + v.help + v.nodes.map(n => "\n  " + n.html + "\n  " + n.failureSummary).join("")))`)
	var barriers []string
	p.must("axe", json.Unmarshal(found, &barriers))
	return barriers
}

// until looks again and again until something is so, and fails the test if it does not come.
func (p *Page) until(what string, so func() bool) {
	p.t.Helper()
	p.within(patience, what, so)
}

func (p *Page) within(limit time.Duration, what string, so func() bool) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, limit)
	defer cancel()
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for !so() {
		select {
		case <-again.C:
		case <-ctx.Done():
			p.t.Fatalf("it does not come that %s", what)
		}
	}
}
