package acceptance

import (
	"bytes"
	"io"
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

// upgraded gives the address of a daemon behind which, once updated, a younger one stands: its service worker is another.
func upgraded(t *testing.T, daemon string) (address string, update func()) {
	t.Helper()
	u, err := url.Parse(daemon)
	if err != nil {
		t.Fatal(err)
	}
	var younger atomic.Bool
	version := regexp.MustCompile("version:`[0-9a-f]+")
	proxy := &httputil.ReverseProxy{
		FlushInterval: -1,
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(u)
			r.Out.Host = r.In.Host
			r.Out.Header.Del("Accept-Encoding")
			r.Out.Header.Del("If-None-Match")
		},
		ModifyResponse: func(r *http.Response) error {
			if r.Request.URL.Path != "/sw.js" || !younger.Load() {
				return nil
			}
			body, err := io.ReadAll(r.Body)
			if err != nil {
				return err
			}
			if !version.Match(body) {
				t.Error("the worker names no version")
			}
			body = version.ReplaceAll(body, []byte("${0}-younger"))
			r.Body = io.NopCloser(bytes.NewReader(body))
			r.Header.Set("Content-Length", strconv.Itoa(len(body)))
			r.Header.Del("ETag")
			r.ContentLength = int64(len(body))
			return nil
		},
	}
	server := httptest.NewServer(proxy)
	t.Cleanup(server.Close)
	return server.URL, func() { younger.Store(true) }
}

// A younger daemon brings another service worker. It takes over while a page is open, which goes on; a notification that the old one
// has shown is withdrawn by the new one, and what is stored of the old version goes.
func TestPageWorkerIsReplaced(t *testing.T) {
	t.Parallel()
	s := pageSite(t)
	ben, fatma := s.phone("102"), s.phone("106")
	s.phone("101")
	address, update := upgraded(t, strings.TrimSuffix(s.url("/"), "/"))
	b := s.behindAt(address, chrome.Options{})
	p := b.console("anna")
	stored := func() string {
		return chrome.Eval[string](p, `caches.keys().then(all => all.filter(n => n.startsWith("shell-")).join(" "))`)
	}
	old := stored()
	b.stage.Front()
	caller := s.dial(fatma, "102")
	member := s.rings(ben)
	b.noticed("Fatma Aydin")

	update()
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
