package chrome

import (
	"context"
	"encoding/json"
	"strings"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/serviceworker"
	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"
)

// Beside opens another tab in the same window, with the same cookies and storage. It is in front, and the first is hidden.
func (p *Page) Beside() *Page {
	p.t.Helper()
	return p.beside(chromedp.WithNewWindow(false))
}

// Opened gives the tab that the page opens by itself, or by a link, when something is done there.
func (p *Page) Opened(by func()) *Page {
	p.t.Helper()
	before := p.tabs()
	by()
	var opened target.ID
	p.until("a tab is opened", func() bool {
		for id := range p.tabs() {
			if !before[id] {
				opened = id
			}
		}
		return opened != ""
	})
	return p.beside(chromedp.WithTargetID(opened))
}

// tabs are those of the page's browser.
func (p *Page) tabs() map[target.ID]bool {
	p.t.Helper()
	all, err := chromedp.Targets(p.ctx)
	p.must("list the targets", err)
	found := make(map[target.ID]bool)
	for _, info := range all {
		if info.Type == "page" && info.BrowserContextID == chromedp.FromContext(p.ctx).BrowserContextID {
			found[info.TargetID] = true
		}
	}
	return found
}

func (p *Page) beside(which chromedp.ContextOption) *Page {
	p.t.Helper()
	ctx, stop := chromedp.NewContext(p.ctx, which)
	other := &Page{t: p.t, ctx: ctx}
	other.Place = Place{page: other}
	p.t.Cleanup(func() {
		stop()
		other.done.Wait()
		for _, c := range other.Complaints() {
			p.t.Errorf("the page beside complains: %s", c)
		}
	})
	p.must("open a page beside", chromedp.Do(ctx))
	other.listen()
	p.t.Cleanup(other.lastLook)
	return other
}

// Close closes a tab that Beside has opened.
func (p *Page) Close() {
	p.t.Helper()
	p.must("close", chromedp.Cancel(p.ctx))
}

// Front brings the tab to the front of its window.
func (p *Page) Front() {
	p.t.Helper()
	p.do("bring to front", func(ctx context.Context, tab *chromedp.Target) error {
		_, err := cdp.Call(ctx, tab, page.BringToFront, cdp.Empty{})
		return err
	})
}

// Before has a script run in every document of the tab before any other.
func (p *Page) Before(script string) {
	p.t.Helper()
	p.do("add a script", func(ctx context.Context, tab *chromedp.Target) error {
		_, err := cdp.Call(ctx, tab, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: script})
		return err
	})
}

// Permit answers for a person who is asked for a permission: granted, denied or prompt, which is not answered yet.
func (p *Page) Permit(name, setting string) {
	p.t.Helper()
	ctx, cancel := p.bounded()
	defer cancel()
	of := chromedp.FromContext(p.ctx)
	_, err := cdp.Call(ctx, of.Browser, browser.SetPermission, browser.SetPermissionParams{
		Permission: &browser.PermissionDescriptor{Name: name}, Setting: browser.PermissionSetting(setting), BrowserContextID: of.BrowserContextID,
	})
	p.must("set a permission", err)
}

// InstallErrors is what keeps the page from being installed as an app.
func (p *Page) InstallErrors() []string {
	p.t.Helper()
	var found []string
	p.do("ask whether it can be installed", func(ctx context.Context, tab *chromedp.Target) error {
		answer, err := cdp.Call(ctx, tab, page.GetInstallabilityErrors, cdp.Empty{})
		for _, e := range answer.InstallabilityErrors {
			found = append(found, e.ErrorID)
		}
		return err
	})
	return found
}

// Deliver gives the service worker of the page's site a push message, as the browser's push service does. No page has to be open
// for that: origin is the site's.
func (p *Page) Deliver(origin string, data []byte) {
	p.t.Helper()
	p.do("deliver a push message", func(ctx context.Context, tab *chromedp.Target) error {
		found := make(chan serviceworker.RegistrationID, 1)
		listening, stop := context.WithCancel(ctx)
		defer stop()
		err := chromedp.Listen(listening, func(ev any) {
			e, ok := ev.(*serviceworker.EventWorkerRegistrationUpdated)
			for i := 0; ok && i < len(e.Registrations); i++ {
				if r := e.Registrations[i]; r.ScopeURL == origin+"/" && !r.IsDeleted {
					select {
					case found <- r.RegistrationID:
					default:
					}
				}
			}
		})
		if err != nil {
			return err
		}
		if _, err := cdp.Call(ctx, tab, serviceworker.Enable, cdp.Empty{}); err != nil {
			return err
		}
		defer func() { _, _ = cdp.Call(ctx, tab, serviceworker.Disable, cdp.Empty{}) }()
		select {
		case id := <-found:
			_, err = cdp.Call(ctx, tab, serviceworker.DeliverPushMessage, serviceworker.DeliverPushMessageParams{Origin: origin, RegistrationID: id, Data: string(data)})
			return err
		case <-ctx.Done():
			return ctx.Err()
		}
	})
}

// InWorker gives the value of an expression, or of its promise, in the service worker of a site.
func InWorker[T any](p *Page, origin, expression string) T {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.workerOf(origin), patience)
	defer cancel()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	p.must("evaluate in the worker", err)
	return v
}

// workerOf waits until the service worker of a site runs. As long as it does there is one connection to it.
func (p *Page) workerOf(origin string) context.Context {
	p.t.Helper()
	of := chromedp.FromContext(p.ctx)
	p.until("the service worker runs", func() bool {
		all, err := chromedp.Targets(p.ctx)
		p.must("list the targets", err)
		for _, info := range all {
			// Whose context has no name is alone in its browser.
			mine := of.BrowserContextID == "" || info.BrowserContextID == of.BrowserContextID
			if info.Type != "service_worker" || !mine || !strings.HasPrefix(info.URL, origin+"/") {
				continue
			}
			if p.worker == nil || p.workerID != info.TargetID {
				p.workerID = info.TargetID
				p.worker, _ = chromedp.NewContext(p.ctx, chromedp.WithTargetID(info.TargetID), chromedp.WithDetachOnCancel(), chromedp.WithListener(p.hears)) //nolint:govet // it ends with the page
				// Without a bound of its own: the connection lasts as long as the context that it is made with.
				p.must("connect to the worker", chromedp.Do(p.worker))
			}
			return true
		}
		return false
	})
	return p.worker
}

// hears notes what in the worker breaks the Content Security Policy, also before anybody has listened to it.
func (p *Page) hears(ev any) {
	if e, ok := ev.(*log.EventEntryAdded); ok && e.Entry.Source == log.EntrySourceSecurity {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.complaints = append(p.complaints, "the worker: "+e.Entry.Text)
	}
}

// Notification is one that the browser shows for the site.
type Notification struct {
	Tag, Title, Body, Lang string
	Actions                []string
	Silent                 bool
}

// shown gives the notifications of the worker that it runs in, none of which is just being shown: Chromium forgets one that is looked for
// when it has been written and is not displayed yet, and it is never found, clicked or closed again (content/browser/notifications/
// platform_notification_context_impl.cc; 17 to 27 of 300 were lost so while another page looked on, and none while none did). So the
// worker counts what it is showing from the first look on.
const shown = `(async () => {
	const all = self.showing ??= (() => {
		const all = {now: 0}, {prototype} = ServiceWorkerRegistration, show = prototype.showNotification;
		prototype.showNotification = function (...what) {
			all.now++;
			return show.apply(this, what).finally(() => all.now--);
		};
		return all;
	})();
	while (all.now > 0) await new Promise(later => setTimeout(later, 1));
	return self.registration.getNotifications();
})()`

// Notifications are those that are shown for the site of the page, whose service worker runs. Whoever wants to look for one looks once
// before it is shown.
func (p *Page) Notifications() []Notification {
	p.t.Helper()
	return p.NotificationsOf(p.origin())
}

// NotificationsOf are those of a site of which no page needs to be open.
func (p *Page) NotificationsOf(origin string) []Notification {
	p.t.Helper()
	return InWorker[[]Notification](p, origin, shown+`.then(all => all.map(n =>
		({Tag: n.tag, Title: n.title, Body: n.body, Lang: n.lang, Silent: n.silent === true, Actions: n.actions.map(a => a.title)})))`)
}

func (p *Page) origin() string {
	p.t.Helper()
	return Eval[string](p, `location.origin`)
}

// AwaitNotifications waits until those that are shown are as they should be.
func (p *Page) AwaitNotifications(what string, so func([]Notification) bool) []Notification {
	p.t.Helper()
	var all []Notification
	p.t.Cleanup(func() {
		if p.t.Failed() {
			p.t.Logf("notifications when %s was waited for: %+v", what, all)
		}
	})
	p.until(what, func() bool {
		all = p.Notifications()
		return so(all)
	})
	return all
}

// ClickNotification clicks on the notification with a tag, or on the action of it that has a name.
func (p *Page) ClickNotification(origin, tag, action string) {
	p.t.Helper()
	which, _ := json.Marshal([]string{tag, action})
	found := InWorker[bool](p, origin, shown+`.then(all => { const [tag, action] = `+string(which)+`;
		const notification = all.find(n => n.tag === tag);
		return notification !== undefined && (self.dispatchEvent(new NotificationEvent("notificationclick", {notification, action})), true) })`)
	if !found {
		p.t.Fatalf("there is no notification %s", tag)
	}
}
