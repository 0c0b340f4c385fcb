package pushservice

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	webpush "github.com/SherClockHolmes/webpush-go"

	"supervisiond/test/chrome"
)

// subscriber is a site whose worker shows what comes.
func subscriber(t *testing.T) string {
	t.Helper()
	const worker = `addEventListener("push", e => e.waitUntil(self.registration.showNotification(e.data.text(), {tag: "x"})))`
	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		kind, text := "text/html", "<!doctype html><html lang=en><title>x</title>"
		if r.URL.Path == "/worker.js" {
			kind, text = "text/javascript", worker
		}
		w.Header().Set("Content-Type", kind)
		_, _ = w.Write([]byte(text))
	}))
	t.Cleanup(site.Close)
	return site.URL
}

// through is a client that reaches a vendor as a program with its environment does.
func (v *Vendor) through(t *testing.T) *http.Client {
	t.Helper()
	transport, ok := v.Client().Transport.(*http.Transport)
	if !ok {
		t.Fatalf("the client is made of %T", v.Client().Transport)
	}
	transport = transport.Clone()
	transport.DialContext = nil
	transport.Proxy = func(*http.Request) (*url.URL, error) { return url.Parse(v.proxy.URL) }
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

// A real Chromium subscribes, and shows what was encrypted for it (RFC 8291) by a library that is not ours. Of what comes while it
// sleeps it gets the newest. Messages of others it does not get, and none once it has unsubscribed.
func TestRealChromium(t *testing.T) {
	t.Parallel()
	v := StartVendor(t)
	site, from, other := subscriber(t), vapid(t), vapid(t)
	p := chrome.Alone(t, chrome.Options{}, v.Switches())
	p.Permit("notifications", "granted")
	p.Go(site)
	chrome.Eval[bool](p, `navigator.serviceWorker.register("/worker.js").then(() => navigator.serviceWorker.ready).then(() => true)`)
	seen := p.Background()
	chrome.Eval[bool](p, fmt.Sprintf(`(window.subscribed = navigator.serviceWorker.ready.then(r =>
		r.pushManager.subscribe({userVisibleOnly: true, applicationServerKey: %q})), true)`, from.VAPIDPublicKey))
	ctx, cancel := context.WithTimeout(t.Context(), 3*chrome.PushPatience)
	defer cancel()
	u, err := v.Subscribed(ctx)
	if err != nil {
		t.Fatal(err)
	}
	var s webpush.Subscription
	if err := json.Unmarshal([]byte(chrome.Eval[string](p, `window.subscribed.then(JSON.stringify)`)), &s); err != nil {
		t.Fatal(err)
	}
	client := v.through(t)
	send := func(by webpush.Options, message string) int {
		t.Helper()
		by.HTTPClient, by.Topic, by.TTL, by.Subscriber, by.RecordSize = client, "topic", 60, "push@example.com", 2048
		resp, err := webpush.SendNotificationWithContext(ctx, []byte(message), &s, &by)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		return resp.StatusCode
	}
	if status := send(from, "one"); status != http.StatusCreated {
		t.Errorf("%d: %q", status, v.Faults())
	}
	seen.Await("Notification displayed", "one")
	if status := send(other, "of another"); status != http.StatusForbidden {
		t.Errorf("another sender: %d", status)
	}
	u.Sleep()
	send(from, "two")
	send(from, "three")
	u.Wake()
	seen.Await("Notification displayed", "three")
	if m := u.Messages(); len(m) != 2 {
		t.Errorf("%d messages", len(m))
	}
	if gone := chrome.Eval[bool](p, `navigator.serviceWorker.ready.then(r => r.pushManager.getSubscription()).then(s => s.unsubscribe())`); !gone {
		t.Error("it cannot unsubscribe")
	}
	p.Until("it is gone", func() bool { return send(from, "four") == http.StatusNotFound })
	if faults := v.Faults(); len(faults) != 1 {
		t.Errorf("faults: %q", faults)
	}
}

// vapid is a sender, as webpush-go has it.
func vapid(t *testing.T) webpush.Options {
	t.Helper()
	private, public, err := webpush.GenerateVAPIDKeys()
	if err != nil {
		t.Fatal(err)
	}
	return webpush.Options{VAPIDPrivateKey: private, VAPIDPublicKey: public}
}
