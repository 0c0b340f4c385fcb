// Package chrome has a real Chromium, without a window, for tests of the attendant console. What is on a page is found as a
// screen reader finds it: by role and name.
package chrome

import (
	"context"
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// patience bounds every wait. It is long because the machine may be busy; nothing waits for it to pass.
const patience = 20 * time.Second

// tellsEval has a page complain of what its Content Security Policy keeps it from evaluating: where the page catches that, Chromium
// writes nothing to the console.
const tellsEval = `addEventListener("securitypolicyviolation", e => e.blockedURI === "eval" && console.error("Content Security Policy: eval"))`

// Options say what a person has before them. The zero value is a light screen in English.
type Options struct {
	// Width and Height are those of the window, in CSS pixels; 1,280 by 800 by default.
	Width, Height int64
	Dark          bool
	// Still is for people whom motion disturbs.
	Still bool
	// Forced is for people whose system chooses all colours, of which there are few.
	Forced bool
	// Language is the browser's, as Accept-Language has it: de.
	Language string
}

// chromium is the one process that all tests share; each page has cookies and storage of its own.
var chromium struct {
	sync.Mutex
	ctx  context.Context
	stop context.CancelFunc
}

// start gives the browser, and starts it if it does not run.
func start() (context.Context, error) {
	chromium.Lock()
	defer chromium.Unlock()
	if chromium.ctx != nil {
		return chromium.ctx, nil
	}
	ctx, stop, err := launch(nil)
	if err != nil {
		return nil, err
	}
	chromium.ctx, chromium.stop = ctx, stop
	return ctx, nil
}

// launch starts a Chromium with some switches besides those that all have.
func launch(switches map[string]string) (context.Context, context.CancelFunc, error) {
	options := chromedp.DefaultExecAllocatorOptions[:]
	if os.Geteuid() == 0 {
		options = append(options, chromedp.NoSandbox) // it refuses to run as root with one
	}
	for name, value := range switches {
		options = append(options, chromedp.Flag(name, value))
	}
	all, stopAll := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, stop := chromedp.NewContext(all)
	if err := chromedp.Do(ctx); err != nil {
		stop()
		stopAll()
		return nil, nil, fmt.Errorf("there is no Chromium that starts; test/setup installs one: %w", err)
	}
	return ctx, func() {
		stop()
		stopAll()
	}, nil
}

// Stop ends the browser, if it runs. TestMain calls it when all tests are over.
func Stop() {
	chromium.Lock()
	defer chromium.Unlock()
	if chromium.ctx != nil {
		chromium.stop()
		chromium.ctx = nil
	}
}

// Open gives an empty page in a browser of its own. It fails the test if Chromium cannot be had, and at the test's end if the
// page has complained.
func Open(t testing.TB, o Options) *Page {
	t.Helper()
	browser, err := start()
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := chromedp.NewContext(browser, chromedp.WithNewBrowserContext())
	return open(ctx, t, stop, o)
}

// Alone gives an empty page in a Chromium process of its own, started with some switches, which ends with the test. Its profile is one
// that keeps things, as a person's is, and so has Web Push: those of the other pages are private ones, which have none.
func Alone(t testing.TB, o Options, switches map[string]string) *Page {
	t.Helper()
	browser, end, err := launch(switches)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(end)
	ctx, stop := chromedp.NewContext(browser)
	return open(ctx, t, stop, o)
}

// Tab gives another tab of the same browser: it has the same cookies and the same storage.
func (p *Page) Tab(o Options) *Page {
	p.t.Helper()
	ctx, stop := chromedp.NewContext(p.ctx)
	return open(ctx, p.t, stop, o)
}

func open(ctx context.Context, t testing.TB, stop func(), o Options) *Page {
	t.Helper()
	p := &Page{t: t, ctx: ctx}
	p.Place = Place{page: p}
	t.Cleanup(func() { // the last to run
		stop()
		p.done.Wait()
		for _, c := range p.Complaints() {
			t.Errorf("the page complains: %s", c)
		}
	})
	p.must("open a page", chromedp.Do(ctx))
	p.listen()
	t.Cleanup(p.lastLook)
	p.must("set the window", chromedp.Do(ctx, chromedp.Func(o.apply)))
	p.Before(tellsEval)
	return p
}

func (o Options) apply(ctx context.Context, tab *chromedp.Target) error {
	if o.Width == 0 {
		o.Width, o.Height = 1280, 800
	}
	window := emulation.SetDeviceMetricsOverrideParams{Width: o.Width, Height: o.Height, DeviceScaleFactor: 1}
	if _, err := cdp.Call(ctx, tab, emulation.SetDeviceMetricsOverride, window); err != nil {
		return err
	}
	scheme := "light"
	if o.Dark {
		scheme = "dark"
	}
	motion := "no-preference"
	if o.Still {
		motion = "reduce"
	}
	colors := "none"
	if o.Forced {
		colors = "active"
	}
	media := emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
		{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: motion}, {Name: "forced-colors", Value: colors},
	}}
	if _, err := cdp.Call(ctx, tab, emulation.SetEmulatedMedia, media); err != nil {
		return err
	}
	if o.Language == "" {
		o.Language = "en"
	}
	agent, err := chromedp.Evaluate[string](`navigator.userAgent`)(ctx, tab)
	if err != nil {
		return err
	}
	_, err = cdp.Call(ctx, tab, emulation.SetUserAgentOverride, emulation.SetUserAgentOverrideParams{UserAgent: agent, AcceptLanguage: o.Language})
	return err
}
