package chrome

import (
	"context"
	"slices"
	"strings"
	"sync"

	"github.com/chromedp/cdproto/backgroundservice"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/serviceworker"
	"github.com/chromedp/chromedp"
)

// Happening is something that the browser did for a site, whether one of its pages is open or not: a push message received, a
// notification displayed.
type Happening struct {
	What string
	// Details are what the browser says of it, by name.
	Details map[string]string
}

func (h Happening) says(words []string) bool {
	for _, word := range words {
		found := false
		for _, detail := range h.Details {
			found = found || strings.Contains(detail, word)
		}
		if !found {
			return false
		}
	}
	return true
}

// Background is what a browser does in the background, from the moment on when it was asked for. Looking at it wakes no worker.
type Background struct {
	page *Page

	mu   sync.Mutex
	all  []Happening
	read int
}

// Background has the browser tell what becomes of push messages and notifications (Chromium's "background services").
func (p *Page) Background() *Background {
	p.t.Helper()
	b := &Background{page: p}
	p.must("listen to what happens", chromedp.Listen(p.ctx, func(ev any) {
		if e, ok := ev.(*backgroundservice.EventBackgroundServiceEventReceived); ok {
			h := Happening{What: e.BackgroundServiceEvent.EventName, Details: make(map[string]string)}
			for _, d := range e.BackgroundServiceEvent.EventMetadata {
				h.Details[d.Key] = d.Value
			}
			b.mu.Lock()
			b.all = append(b.all, h)
			b.mu.Unlock()
		}
	}))
	p.do("observe what happens", func(ctx context.Context, tab *chromedp.Target) error {
		for _, s := range []backgroundservice.ServiceName{backgroundservice.ServiceNamePushMessaging, backgroundservice.ServiceNameNotifications} {
			if _, err := cdp.Call(ctx, tab, backgroundservice.StartObserving, backgroundservice.StartObservingParams{Service: s}); err != nil {
				return err
			}
			if _, err := cdp.Call(ctx, tab, backgroundservice.SetRecording, backgroundservice.SetRecordingParams{ShouldRecord: true, Service: s}); err != nil {
				return err
			}
		}
		return nil
	})
	p.t.Cleanup(func() {
		if p.t.Failed() {
			p.t.Logf("in the background: %+v", b.All())
		}
	})
	return b
}

// All is what has happened until now.
func (b *Background) All() []Happening {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.all)
}

// PushPatience bounds a wait for what goes through Chromium's push service. Where the machine's network changes while it checks in,
// registers or connects there, Chromium rests for 20 to 40 s before it tries again (components/fcm/base/fcm_backoff_policy.cc).
const PushPatience = 3 * patience

// Await waits until something has happened of which the browser says some words, and passes over what was before it.
func (b *Background) Await(what string, words ...string) Happening {
	b.page.t.Helper()
	var found Happening
	b.page.within(PushPatience, "there is: "+what+" "+strings.Join(words, ", "), func() bool {
		b.mu.Lock()
		defer b.mu.Unlock()
		for i, h := range b.all[b.read:] {
			if h.What == what && h.says(words) {
				found, b.read = h, b.read+i+1
				return true
			}
		}
		return false
	})
	return found
}

// Asleep stops the service workers of all sites, as a browser does with those that have nothing to do, and waits until that of one has.
func (p *Page) Asleep(origin string) {
	p.t.Helper()
	p.do("enable service workers", func(ctx context.Context, tab *chromedp.Target) error {
		_, err := cdp.Call(ctx, tab, serviceworker.Enable, cdp.Empty{})
		return err
	})
	p.until("no service worker runs", func() bool {
		p.do("stop the service workers", func(ctx context.Context, tab *chromedp.Target) error {
			_, err := cdp.Call(ctx, tab, serviceworker.StopAllWorkers, cdp.Empty{})
			return err
		})
		return len(p.targetsOf(origin)) == 0
	})
	p.do("disable service workers", func(ctx context.Context, tab *chromedp.Target) error {
		_, err := cdp.Call(ctx, tab, serviceworker.Disable, cdp.Empty{})
		return err
	})
}

// targetsOf are the pages and workers of a site that the browser has.
func (p *Page) targetsOf(origin string) []string {
	p.t.Helper()
	all, err := chromedp.Targets(p.ctx)
	p.must("list the targets", err)
	var found []string
	for _, info := range all {
		if strings.HasPrefix(info.URL, origin+"/") {
			found = append(found, info.Type+" "+info.URL)
		}
	}
	return found
}
