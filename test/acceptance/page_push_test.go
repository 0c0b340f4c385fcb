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
	sub, next, last := service.Subscribe(daemon.PublicKey), service.Subscribe(daemon.PublicKey), service.Subscribe(daemon.PublicKey)

	b := s.behind(chrome.Options{})
	inHouse := fmt.Sprintf(inTheHouse, "["+sub.JSON()+","+next.JSON()+"]", daemon.PublicKey)
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

	// Who opens the page again still has it on. What its push service has ended is begun anew, by the page as soon as it is looked at, and
	// by the worker when the browser says so.
	p = b.console("anna", inHouse)
	has := func(u *pushservice.Subscription) string {
		return fmt.Sprintf(`fetch("/api/v1/me/push").then(r => r.json()).then(s => String(s.endpoints) === %q)`, u.Endpoint())
	}
	p.AwaitTrue(has(sub))
	sub.Revoke()
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

	// Who signs out has it no more, on either side.
	p.Await("button", "Abmelden").Click()
	p.AwaitElement(`[data-testid="sign-in"]`)
	if left := chrome.Eval[string](p, `String(localStorage.getItem("test-push-subscription"))`); left != "null" {
		t.Error("the browser keeps its subscription")
	}
	s.must("what is left", json.Unmarshal(anna.do("GET", "/me/push", "").Body, &daemon))
	if faults := service.Faults(); daemon.Subscriptions != 0 || len(faults) > 0 {
		t.Errorf("%d are left; the push service turned away %s", daemon.Subscriptions, strings.Join(faults, ", "))
	}
}
