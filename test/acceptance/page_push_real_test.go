package acceptance

import (
	"bytes"
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"supervisiond/test/chrome"
	"supervisiond/test/pushservice"
	"supervisiond/test/softphone"
)

// sleeper is a browser that has subscribed at its vendor's push service, of which no page of the console is open, and whose worker
// sleeps.
type sleeper struct {
	*site
	stage  *chrome.Page // empty
	origin string
	sub    *pushservice.Subscription
	seen   *chrome.Background
}

// asleep waits until no page and no worker of the console is left in the browser.
func (b *sleeper) asleep() {
	b.t.Helper()
	b.stage.Asleep(b.origin)
}

// console opens the console in a page, in which anna signs in unless she still is.
func (b *sleeper) console() *chrome.Page {
	b.t.Helper()
	p := b.stage.Beside()
	p.Go(b.origin + "/")
	p.AwaitElement(`[data-testid="sign-in"], [data-testid="live"]`)
	if chrome.Eval[bool](p, `document.querySelector('[data-testid="sign-in"]') !== null`) {
		signIn(p, "anna", "anna-secret")
	}
	p.AwaitElement(`[data-standing="live"]`)
	chrome.Eval[bool](p, `navigator.serviceWorker.ready.then(() => true)`) // without it there is no push to turn on
	return p
}

// gets waits until the browser has decrypted the next message. What went over the push service says nothing.
func (b *sleeper) gets(kind string) {
	b.t.Helper()
	m, err := b.sub.Next(b.ctx())
	b.must("a push message", err)
	for _, secret := range []string{"Fatma Aydin", "Ben Okafor", `"type"`} {
		if bytes.Contains(m.Body, []byte(secret)) {
			b.t.Errorf("the push service reads %s", secret)
		}
	}
	if m.Contact != "https://"+b.host() || m.Urgency != "high" || m.TTL <= 0 {
		b.t.Errorf("%+v", m)
	}
	came := b.seen.Await("Push message received")
	if came.Details["Was Encrypted"] != "Yes" || came.Details["Success"] != "Yes" || !strings.Contains(came.Details["Payload"], `"type":"`+kind+`"`) {
		b.t.Errorf("the browser got %v", came.Details)
	}
}

// shows waits until the browser has shown what is said of a call.
func (b *sleeper) shows(words ...string) { b.seen.Await("Notification displayed", words...) }

// A supervisor's browser, of which no page is open, subscribes at its vendor's push service, is woken by it, decrypts what the daemon
// has encrypted, and shows who calls whom, until the call is over. The push service verifies who sends, and can read nothing of it
// (R5; RFC 8030, 8291, 8292). The daemon reaches it by the proxy of its environment, as nothing is said of push services.
func TestPagePushOfARealBrowser(t *testing.T) {
	t.Parallel()
	vendor := pushservice.StartVendor(t)
	s := newSite(t, withPasswords(t, options{environment: vendor.Environment()}, "anna"))
	desk, ben, fatma := s.phone("101"), s.phone("102"), s.phone("106")
	s.phone("101-home")
	b := &sleeper{site: s, stage: chrome.Alone(t, chrome.Options{}, vendor.Switches()), origin: strings.TrimSuffix(s.url("/"), "/")}
	b.stage.Permit("notifications", "granted")
	b.seen = b.stage.Background()

	p := b.console()
	p.Await("button", "Settings").Click()
	p.Await("switch", "Also when this page is closed").Click()
	ctx, cancel := context.WithTimeout(t.Context(), chrome.PushPatience)
	defer cancel()
	var err error
	b.sub, err = vendor.Subscribed(ctx)
	s.must("the subscription", err)
	p.Reads("This device is told until you sign out.")
	p.Close()

	b.asleep()
	b.answered(ben, fatma)
	b.sleepsThrough(ben, fatma)
	b.picksUp(ben, fatma, desk)

	// Who signs out is unsubscribed, at the push service too, and nothing is left to be seen.
	p = b.console()
	p.Await("button", "Sign out").Click()
	p.AwaitElement(`[data-testid="sign-in"]`)
	p.Until("the browser has unsubscribed", b.sub.Revoked)
	b.unnoticed()
	for _, h := range b.seen.All() {
		if h.What == "Generic notification shown" {
			t.Error("the browser has shown a notification of its own, because there was none of ours")
		}
	}
	if faults := vendor.Faults(); len(faults) > 0 {
		t.Errorf("faults: %q", faults)
	}
}

// shown are the notifications of the console. Whoever looks keeps its worker awake from then on.
func (b *sleeper) shown() []chrome.Notification {
	b.t.Helper()
	return b.stage.NotificationsOf(b.origin)
}

// unnoticed waits until nothing is shown: how a call has ended is shown for some seconds.
func (b *sleeper) unnoticed() {
	b.t.Helper()
	b.stage.Until("no notification is shown", func() bool { return len(b.shown()) == 0 })
}

// answered: a call rings while the browser sleeps, and is answered.
func (b *sleeper) answered(ben, fatma *softphone.Phone) {
	b.t.Helper()
	caller := b.dial(fatma, "102")
	member := b.rings(ben)
	rang := time.Now()
	b.gets("ringing")
	b.shows("Fatma Aydin (106)", "for Ben Okafor")
	b.t.Logf("shown %v after the phone rang", time.Since(rang))
	if all := b.shown(); len(all) != 1 || len(all[0].Actions) != 1 || all[0].Silent {
		b.t.Errorf("%+v", all)
	}
	b.must("answer", member.Answer())
	over := time.Now()
	b.gets("over")
	b.shows("Fatma Aydin (106)", "Ben Okafor")
	b.t.Logf("withdrawn %v after it was answered", time.Since(over))
	if all := b.shown(); len(all) != 1 || len(all[0].Actions) != 0 || !all[0].Silent {
		b.t.Errorf("%+v", all)
	}
	b.unnoticed()
	b.must("hang up", caller.Hangup(b.ctx()))
	b.quiet()
}

// sleepsThrough: a phone that its push service cannot reach while a call rings is told, when it can, that it is over, and no more.
func (b *sleeper) sleepsThrough(ben, fatma *softphone.Phone) {
	b.t.Helper()
	b.sub.Sleep()
	asked := b.sub.Asked()
	caller := b.dial(fatma, "102")
	member := b.rings(ben)
	b.stage.Until("the ring is at the push service", func() bool { return b.sub.Asked() == asked+1 })
	b.must("hang up", caller.Hangup(b.ctx()))
	b.ended(member)
	b.stage.Until("its end is at the push service", func() bool { return b.sub.Asked() == asked+2 })
	b.sub.Wake()
	b.gets("over")
	b.shows("Fatma Aydin (106)")
	b.unnoticed()
	b.quiet()
}

// picksUp: a call is picked up from its notification.
func (b *sleeper) picksUp(ben, fatma, desk *softphone.Phone) {
	b.t.Helper()
	caller := b.dial(fatma, "102")
	member := b.rings(ben)
	b.gets("ringing")
	b.shows("Fatma Aydin (106)", "for Ben Okafor")
	all := b.shown()
	if len(all) != 1 {
		b.t.Fatalf("%+v", all)
	}
	b.stage.ClickNotification(b.origin, all[0].Tag, "pickup")
	picker := b.rings(desk)
	b.must("answer", picker.Answer())
	b.talk(caller, picker)
	b.ended(member)
	b.gets("over")
	b.stage.Until("nothing is offered any more", func() bool {
		return !slices.ContainsFunc(b.shown(), func(n chrome.Notification) bool { return len(n.Actions) > 0 })
	})
	b.must("hang up", caller.Hangup(b.ctx()))
	b.ended(picker)
	b.quiet()
}
