package acceptance

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"supervisiond/test/chrome"
	"supervisiond/test/pushservice"
)

// inTheHouse has a browser subscribe at a push service in the house: that of Chromium is on the Internet. Each time it gets the next of
// some subscriptions. The rest is real.
const inTheHouse = `(() => {
	const list = %s, key = %q, there = "test-push-subscription", taken = "test-push-taken";
	const json = () => list[Number(localStorage.getItem(there))];
	const bytes = Uint8Array.from(atob(key.replace(/-/g, "+").replace(/_/g, "/")), c => c.charCodeAt(0));
	const made = () => ({
		endpoint: json().endpoint, options: {applicationServerKey: bytes.buffer}, toJSON: json,
		unsubscribe: async () => (localStorage.removeItem(there), true),
	});
	PushManager.prototype.getSubscription = async () => localStorage.getItem(there) ? made() : null;
	PushManager.prototype.subscribe = async o => {
		if (!o.userVisibleOnly || String(new Uint8Array(o.applicationServerKey)) !== String(bytes)) throw new Error("not for this key");
		const next = Number(localStorage.getItem(taken) ?? 0);
		localStorage.setItem(there, next);
		localStorage.setItem(taken, Math.min(next + 1, list.length - 1));
		return made();
	};
})()`

// notTaken has the daemon take no subscription of a page's until that page is told that it does.
const notTaken = `(() => {
	const real = window.fetch;
	window.taken = false;
	window.refused = 0;
	window.fetch = (url, o) => !window.taken && o?.method === "PUT" && String(url).endsWith("/me/push")
		? (window.refused++, Promise.resolve(new Response("{}", {status: 503}))) : real(url, o);
})()`

// aMinuteLater has what waits for a minute come when minute() is called.
const aMinuteLater = `(() => {
	const real = window.setTimeout, wait = new Map();
	window.setTimeout = (f, ms, ...rest) => {
		const timer = real(ms === 60_000 ? () => undefined : f, ms, ...rest);
		if (ms === 60_000) wait.set(timer, f);
		return timer;
	};
	const clear = window.clearTimeout;
	window.clearTimeout = timer => (wait.delete(timer), clear(timer));
	window.minute = () => { const all = [...wait.values()]; wait.clear(); for (const f of all) f(); };
})()`

// A supervisor who has closed the page is told of a call by their browser, in their language, takes it from there, and is told when
// it is over; after signing out nothing more comes.
func TestPagePush(t *testing.T) {
	t.Parallel()
	service := pushservice.Start(t)
	s := pushSite(t, service)
	desk, ben, fatma := s.phone("101"), s.phone("102"), s.phone("106")
	s.phone("101-home")
	anna := s.signedIn("anna")
	var daemon struct {
		PublicKey     string `json:"public_key"`
		Subscriptions int
	}
	s.must("the key", json.Unmarshal(anna.do("GET", "/me/push", "").Body, &daemon))
	subscribe := func() *pushservice.Subscription { return service.Subscribe(daemon.PublicKey) }
	sub, again, next, last := subscribe(), subscribe(), subscribe(), subscribe()
	vain := subscribe().JSON() + "," + subscribe().JSON()

	b := s.behind(chrome.Options{})
	inHouse := fmt.Sprintf(inTheHouse, "["+sub.JSON()+","+vain+","+again.JSON()+","+next.JSON()+"]", daemon.PublicKey)
	p := b.console("anna", inHouse)
	p.Await("button", "Einstellungen").Click()
	p.Await("switch", "Auch wenn diese Seite geschlossen ist").Click()
	p.Reads("Dieses Gerät wird benachrichtigt, bis Sie sich abmelden.")
	p.Close()
	b.stage.Front()
	deliver := func() {
		t.Helper()
		_, m := s.told(sub)
		b.stage.Deliver(b.origin, m.Body)
	}

	caller := s.dial(fatma, "102")
	member := s.rings(ben)
	deliver()
	n := b.noticed("Fatma Aydin (106)", "für Ben Okafor")
	if len(n.Actions) != 1 || n.Lang != "de" || n.Silent {
		t.Errorf("%+v", n)
	}
	s.must("answer", member.Answer())
	deliver()
	if n := b.noticed("Fatma Aydin (106)", "Ben Okafor hat"); len(n.Actions) != 0 || !n.Silent {
		t.Errorf("%+v", n)
	}
	b.unnoticed()
	s.must("hang up", caller.Hangup(s.ctx()))
	s.quiet()

	caller = s.dial(fatma, "102")
	member = s.rings(ben)
	deliver()
	b.stage.ClickNotification(b.origin, b.noticed("Fatma Aydin").Tag, "pickup")
	picker := s.rings(desk)
	s.must("answer", picker.Answer())
	s.talk(caller, picker)
	s.ended(member)
	deliver()
	b.unnoticed()
	s.must("hang up", caller.Hangup(s.ctx()))
	s.ended(picker)
	s.quiet()

	// Who opens the page again still has it on. If the daemon does not take it just then that is said, and tried again. What its push service has ended is begun anew, by the page as soon as it is looked at, and
	// by the worker when the browser says so.
	p = b.console("anna", inHouse, notTaken, aMinuteLater)
	has := func(u *pushservice.Subscription) string {
		return fmt.Sprintf(`fetch("/api/v1/me/push").then(r => r.json()).then(s => s.endpoints.includes(%q))`, u.Endpoint())
	}
	const lost = "Ist diese Seite geschlossen, werden Ihnen auf diesem Gerät keine Anrufe gemeldet: Das ist im Augenblick nicht möglich."
	p.Reads(lost)
	usable(t, p, "push that is off against its person's will")
	p.AwaitTrue(`window.refused === 3 || (window.minute(), false)`) // minute after minute
	p.Reads(lost)
	chrome.Eval[bool](p, `window.taken = true`)
	p.Await("button", "Noch einmal versuchen").Click()
	p.AwaitTrue(has(again))
	p.ReadsNot(lost)
	sub.Revoke()
	again.Revoke()
	caller = s.dial(fatma, "102")
	s.rings(ben)
	p.AwaitTrue(`fetch("/api/v1/me/push").then(r => r.json()).then(s => s.endpoints.length === 0)`)
	s.must("hang up", caller.Hangup(s.ctx()))
	s.quiet()
	p.Await("button", "Einstellungen").Click()
	p.AwaitTrue(has(next))
	p.Reads("Dieses Gerät wird benachrichtigt, bis Sie sich abmelden.")
	p.Await("button", "Schließen").Click()
	p.Gone("dialog")
	chrome.InWorker[bool](p, b.origin, fmt.Sprintf(`(PushManager.prototype.subscribe = async () => ({endpoint: %q, toJSON: () => (%s)}),
		self.dispatchEvent(Object.assign(new ExtendableEvent("pushsubscriptionchange"), {oldSubscription: {endpoint: %q}})))`,
		last.Endpoint(), last.JSON(), next.Endpoint()))
	p.AwaitTrue(has(last))
	p.Front()

	// Who cannot be signed out has it still.
	chrome.Eval[bool](p, `(window.real = window.fetch,
		window.fetch = (url, o) => o?.method === "DELETE" ? Promise.reject(new TypeError("away")) : window.real(url, o), true)`)
	p.Await("button", "Abmelden").Click()
	p.Reads("Sie sind noch angemeldet")
	p.AwaitTrue(has(last))
	p.AwaitTrue(`localStorage.getItem("test-push-subscription") !== null`)
	chrome.Eval[bool](p, `(window.fetch = window.real, true)`)

	// Who signs out has it no more, on either side.
	p.Await("button", "Abmelden").Click()
	p.AwaitElement(`[data-testid="sign-in"]`)
	p.AwaitTrue(`localStorage.getItem("test-push-subscription") === null`)
	s.must("what is left", json.Unmarshal(anna.do("GET", "/me/push", "").Body, &daemon))
	if faults := service.Faults(); daemon.Subscriptions != 0 || len(faults) > 0 {
		t.Errorf("%d are left; the push service turned away %s", daemon.Subscriptions, strings.Join(faults, ", "))
	}
}
