package console

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/go-chi/chi/v5"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"supervisiond/console/web"
)

var script = strings.Repeat("console.log('assets are the same for a year');\n", 100)

// paged is a desk whose console is made of a few files.
func paged(t *testing.T) *desk {
	t.Helper()
	d := newDesk(t)
	p, err := newPage(fstest.MapFS{
		"index.html":           {Data: []byte("<!doctype html><title>supervisiond</title>")},
		"sw.js":                {Data: []byte("self.skipWaiting()")},
		"manifest.webmanifest": {Data: []byte("{}")},
		"assets/main-1a2b.js":  {Data: []byte(script)},
	})
	if err != nil {
		t.Fatal(err)
	}
	router := chi.NewRouter()
	router.NotFound(p.serve)
	router.Use(d.metrics.count, d.guard)
	p.register(router)
	d.http.Handler = router
	return d
}

func (d *desk) get(path string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, path, nil)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	return d.ask(r)
}

// Which path gives which file, and for how long a browser may keep it.
func TestPageFiles(t *testing.T) {
	d := paged(t)
	const always, asked = "public, max-age=31536000, immutable", "no-cache"
	for path, want := range map[string]struct{ media, cache, body string }{
		"/":                     {"text/html; charset=utf-8", asked, "<!doctype"},
		"/index.html":           {"text/html; charset=utf-8", asked, "<!doctype"},
		"/sw.js":                {"text/javascript; charset=utf-8", asked, "self."},
		"/manifest.webmanifest": {"application/manifest+json", asked, "{}"},
		"/assets/main-1a2b.js":  {"text/javascript; charset=utf-8", always, "console.log"},
	} {
		w := d.get(path)
		header := w.Header()
		if w.Code != http.StatusOK || header.Get("Content-Type") != want.media || header.Get("Cache-Control") != want.cache || !strings.HasPrefix(w.Body.String(), want.body) {
			t.Errorf("%s: %d %v %.40q", path, w.Code, header, w.Body)
		}
		for name, value := range map[string]string{
			"Permissions-Policy": pagePermissions, "X-Content-Type-Options": "nosniff",
			"X-Frame-Options": "DENY", "Referrer-Policy": "no-referrer", "Cross-Origin-Resource-Policy": "same-origin", "Cross-Origin-Opener-Policy": "same-origin",
		} {
			if header.Get(name) != value {
				t.Errorf("%s: %s is %q", path, name, header.Get(name))
			}
		}
		keepsOthersOut(t, path, header.Get("Content-Security-Policy"))
		tag := header.Get("ETag")
		if again := d.get(path, "If-None-Match", tag); tag == "" || again.Code != http.StatusNotModified || again.Body.Len() > 0 {
			t.Errorf("%s with %s: %d", path, tag, again.Code)
		}
		head := httptest.NewRequest(http.MethodHead, path, nil)
		if h := d.ask(head); h.Code != http.StatusOK || h.Body.Len() > 0 || h.Header().Get("Content-Length") != header.Get("Content-Length") {
			t.Errorf("HEAD %s: %d %v", path, h.Code, h.Header())
		}
	}
}

// keepsOthersOut reads a policy as browsers do (CSP Level 3): nothing is allowed but what the daemon itself serves, nothing that stands
// in a document is carried out, and no other site has the page in a frame of its own.
func keepsOthersOut(t *testing.T, path, policy string) {
	t.Helper()
	allowed := make(map[string][]string)
	for directive := range strings.SplitSeq(policy, ";") {
		words := strings.Fields(directive)
		if len(words) < 2 || allowed[words[0]] != nil {
			t.Errorf("%s: the policy says %q", path, directive)
			continue
		}
		allowed[words[0]] = words[1:]
	}
	// These either stand for what is not named, or are not meant by default-src.
	for _, name := range []string{"default-src", "base-uri", "frame-ancestors"} {
		if !slices.Equal(allowed[name], []string{"'none'"}) {
			t.Errorf("%s: %s is %q", path, name, allowed[name])
		}
	}
	for _, name := range []string{"script-src", "style-src", "connect-src", "worker-src", "form-action"} {
		if !slices.Equal(allowed[name], []string{"'self'"}) {
			t.Errorf("%s: %s is %q", path, name, allowed[name])
		}
	}
	for name, sources := range allowed {
		for _, source := range sources {
			// A picture cannot do anything: the icon in the tab is drawn by the page.
			if source != "'none'" && source != "'self'" && (name != "img-src" || source != "data:") {
				t.Errorf("%s: %s allows %s", path, name, source)
			}
		}
	}
}

// No path gives anything but the console's files.
func TestPagePathTricks(t *testing.T) {
	d := paged(t)
	for _, path := range []string{
		"/history", "/index", "/groups/sales?all=1", "/api", "/api/", "/api/v1", "/api/v1/nothing", "/api/v2/me", "/%61pi/v1/me", "//api/v1/me", "/x/../api/v1/me", "/x/%2e%2e/api/v1/me",
		"/assets", "/assets/", "/assets/main", "/assets/other.js", "/assets/../sw.js", "/assets/..%2fsw.js", "/assets/%2e%2e/%2e%2e/etc/passwd", "/x/../assets/x",
		"/favicon.ico", "/.git", "/.env", "/sw.js/", "/sw.js%00", "/sw.js.map", `/..\..\x.js`, "/etc/passwd.txt",
		"//example.com/x", "/../../etc/passwd", "/%2e%2e/etc/passwd", "/a//b",
	} {
		if w := d.get(path); w.Code == http.StatusOK {
			t.Errorf("%s: %d %.40q", path, w.Code, w.Body)
		} else {
			isProblem(t, w, w.Code)
		}
	}
	for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodDelete, http.MethodOptions} {
		if w := d.ask(httptest.NewRequest(method, "/history", nil)); w.Code != http.StatusNotFound {
			t.Errorf("%s: %d", method, w.Code)
		}
	}
}

// Who takes gzip gets it, with an ETag of its own.
func TestPageCompressed(t *testing.T) {
	d := paged(t)
	plain := d.get("/assets/main-1a2b.js")
	for accept, want := range map[string]bool{
		"gzip": true, "br, GZIP ;q=0.5": true, "deflate, gzip, br, zstd": true, "gzip;q=1.0": true,
		"": false, "*": false, "identity": false, "gzip;q=0": false, "br, gzip; q=0.000": false, "gzip;q=x": false, "xgzip": false,
	} {
		w := d.get("/assets/main-1a2b.js", "Accept-Encoding", accept)
		if got := w.Header().Get("Content-Encoding") == "gzip"; got != want || w.Header().Get("Vary") != "Accept-Encoding" {
			t.Errorf("%q: %v", accept, w.Header())
		}
		if !want {
			continue
		}
		z, err := gzip.NewReader(bytes.NewReader(w.Body.Bytes()))
		if err != nil {
			t.Fatalf("%q: %v", accept, err)
		}
		if body, err := io.ReadAll(z); err != nil || string(body) != script || w.Header().Get("ETag") == plain.Header().Get("ETag") {
			t.Errorf("%q: %v, %s, %d bytes", accept, err, w.Header().Get("ETag"), len(body))
		}
	}
	if w := d.get("/", "Accept-Encoding", "gzip"); w.Header().Get("Content-Encoding") != "" || w.Header().Get("Vary") != "" {
		t.Errorf("a small file: %v", w.Header())
	}
}

// However many paths somebody asks for, they are three in the metrics.
func TestPageMetrics(t *testing.T) {
	d := paged(t)
	for _, path := range []string{"/", "/assets/main-1a2b.js", "/assets/a.js", "/assets/b/c.js", "/a", "/b/c", "/x.js"} {
		d.get(path)
	}
	for path, want := range map[[2]string]float64{{"/", "200"}: 1, {"/assets/*", "200"}: 1, {"/assets/*", "404"}: 2, {"other", "404"}: 3} {
		if n := testutil.ToFloat64(d.metrics.requests.WithLabelValues(path[0], path[1])); n != want {
			t.Errorf("%v: %v", path, n)
		}
	}
	if n := testutil.CollectAndCount(d.metrics.requests); n != 4 {
		t.Errorf("%d series", n)
	}
}

// What is embedded can be served, and a file of an unknown kind is noticed by who builds.
func TestPageIsBuilt(t *testing.T) {
	files, err := web.Files()
	if err == nil {
		_, err = newPage(files)
	}
	if err != nil {
		t.Error(err)
	}
	if _, err := newPage(fstest.MapFS{"index.html": {}, "assets/x.exe": {}}); err == nil {
		t.Error("a file of an unknown kind is served")
	}
	if _, err := newPage(fstest.MapFS{"sw.js": {}}); err == nil {
		t.Error("there is no page")
	}
}
