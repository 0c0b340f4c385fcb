package acceptance

import (
	"bytes"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"supervisiond/test/chrome"
)

// upgraded is a daemon that is updated, and its address: behind it stands a younger one each time, whose page and service worker are
// others.
type upgraded struct {
	t       *testing.T
	server  *httptest.Server
	address string
	version atomic.Int32
}

func newUpgraded(t *testing.T, daemon string) *upgraded {
	t.Helper()
	to, err := url.Parse(daemon)
	if err != nil {
		t.Fatal(err)
	}
	u := &upgraded{t: t}
	younger := regexp.MustCompile(`-younger[0-9]*\.js$`)
	u.server = httptest.NewServer(&httputil.ReverseProxy{
		FlushInterval: -1,
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(to)
			r.Out.Host = r.In.Host
			r.Out.URL.Path = younger.ReplaceAllString(r.Out.URL.Path, ".js")
			r.Out.Header.Del("Accept-Encoding")
			r.Out.Header.Del("If-None-Match")
		},
		ModifyResponse: u.rejuvenate,
		ErrorLog:       log.New(io.Discard, "", 0), // of who is cut
	})
	t.Cleanup(u.server.Close)
	u.address = u.server.URL
	return u
}

// rejuvenate gives what the page is made of another name, and the worker another version.
func (u *upgraded) rejuvenate(r *http.Response) error {
	version := u.version.Load()
	if path := r.Request.URL.Path; version == 0 || path != "/sw.js" && path != "/" && path != "/index.html" {
		return nil
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return err
	}
	mark := "${1}-younger"
	if version > 1 {
		mark += fmt.Sprint(version)
	}
	for part, after := range map[string]string{"(version:`[0-9a-f]+)": "", "(/assets/[^`\"]+)\\.js": ".js"} {
		found := regexp.MustCompile(part)
		if !found.Match(body) && r.Request.URL.Path == "/sw.js" {
			u.t.Errorf("the worker has no %s", part)
		}
		body = found.ReplaceAll(body, []byte(mark+after))
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	r.Header.Set("Content-Length", strconv.Itoa(len(body)))
	r.Header.Del("ETag")
	r.ContentLength = int64(len(body))
	return nil
}

// update puts a younger daemon in the place of the one that is there. Cut ends all connections, as its restart does.
func (u *upgraded) update() { u.version.Add(1) }
func (u *upgraded) cut()    { u.server.CloseClientConnections() }

// A younger daemon brings another service worker. It takes over while a page is open, which goes on; a notification that the old one
// has shown is withdrawn by the new one, and what is stored of the old version goes.
func TestPageWorkerIsReplaced(t *testing.T) {
	t.Parallel()
	s := pageSite(t)
	ben, fatma := s.phone("102"), s.phone("106")
	s.phone("101")
	daemon := newUpgraded(t, strings.TrimSuffix(s.url("/"), "/"))
	b := s.behindAt(daemon.address, chrome.Options{})
	p := b.console("anna")
	stored := func() string {
		return chrome.Eval[string](p, `caches.keys().then(all => all.filter(n => n.startsWith("shell-")).join(" "))`)
	}
	old := stored()
	b.stage.Front()
	caller := s.dial(fatma, "102")
	member := s.rings(ben)
	b.noticed("Fatma Aydin")

	daemon.update()
	chrome.Eval[bool](p, `(window.replaced = new Promise(yes => navigator.serviceWorker.addEventListener("controllerchange", () => yes(true))),
		navigator.serviceWorker.getRegistration("/").then(r => r.update()).then(() => true))`)
	chrome.Eval[bool](p, `replaced`)
	p.AwaitTrue(`caches.keys().then(all => all.filter(n => n.startsWith("shell-")).length === 1)`)
	if now := stored(); now != old+"-younger" {
		t.Errorf("of %s is stored %s", old, now)
	}
	b.noticed("Fatma Aydin")
	s.must("answer", member.Answer())
	b.unnoticed()
	s.must("hang up", caller.Hangup(s.ctx()))
	s.quiet()

	caller = s.dial(fatma, "102")
	s.rings(ben)
	b.noticed("Fatma Aydin")
	p.AwaitElement(`[data-standing="live"]`)
	s.must("hang up", caller.Hangup(s.ctx()))
	b.unnoticed()
	s.quiet()
}

// A page that is open while its daemon is updated says that there is a newer one. It loads that by itself when nobody looks and nothing
// rings, and by a click; what somebody looks for stays.
func TestPageIsUpdated(t *testing.T) {
	t.Parallel()
	s := pageSite(t)
	ben, fatma := s.phone("102"), s.phone("106")
	s.phone("101")
	daemon := newUpgraded(t, strings.TrimSuffix(s.url("/"), "/"))
	b := s.behindAt(daemon.address, chrome.Options{})
	p := b.console("anna", listening)
	p.Type(`[data-testid="search"]`, "okafor")
	chrome.Eval[bool](p, `window.before = true`)
	runs := func(version string) {
		t.Helper()
		p.AwaitTrue(`window.before === undefined`)
		p.AwaitElement(`[data-standing="live"]`)
		p.AwaitTrue(`document.querySelector("script[src]").getAttribute("src").endsWith("` + version + `.js")`)
		p.AwaitTrue(`document.querySelector("[data-testid=search]").value === "okafor"`)
		p.ReadsNot("There is a newer version of this page.")
	}

	daemon.cut()
	p.Reads("Reconnecting")
	p.AwaitElement(`[data-standing="live"]`)
	p.ReadsNot("There is a newer version of this page.")
	daemon.update()
	daemon.cut()
	p.Reads("There is a newer version of this page.")
	usable(t, p, "a newer version")

	caller := s.dial(fatma, "102")
	member := s.rings(ben)
	calls(p).Await("listitem", "Fatma Aydin")
	p.ReadsNot("There is a newer version of this page.")
	b.stage.Front()
	b.noticed("Fatma Aydin")
	if !chrome.Eval[bool](p, `window.before === true`) {
		t.Error("it is loaded while a call rings")
	}
	s.must("hang up", caller.Hangup(s.ctx()))
	s.ended(member)
	runs("-younger")

	// Nobody has clicked in this one, and yet it sounds.
	caller = s.dial(fatma, "102")
	member = s.rings(ben)
	b.sounds(p)
	s.must("hang up", caller.Hangup(s.ctx()))
	s.ended(member)
	s.quiet()

	p.Front()
	daemon.update()
	chrome.Eval[bool](p, `window.before = true`)
	p.Press("x") // nothing; but somebody is there
	daemon.cut()
	p.Await("button", "Load it now").Click()
	runs("-younger2")
}
