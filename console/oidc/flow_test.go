package oidc

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"runtime"
	"strings"
	"testing"
)

func mustParse(t *testing.T, address string) *url.URL {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func TestReturnIsLocal(t *testing.T) {
	for path, want := range map[string]string{
		"/": "/", "/console?group=sales&x=%2F#here": "/console?group=sales&x=%2F#here", "/a/b;c=d,e='f'": "/a/b;c=d,e='f'",
		"": "/", "x": "/", "https://evil.example/": "/", "//evil.example": "/", "///evil.example": "/", `/\evil.example`: "/",
		`\\evil.example`: "/", `/x\..\y`: "/", "/\t/evil.example": "/", "/\n/evil.example": "/", "\t//evil.example": "/",
		"/.//evil.example": "/", "/x//y": "/", "/a b": "/", "/\x00": "/", "/\x7f": "/", "/ü": "/", "javascript:alert(1)": "/",
		"http:evil.example": "/", "/" + strings.Repeat("a", longestReturn): "/", "/api/v1/oidc/start": "/",
	} {
		if got := local(path); got != want {
			t.Errorf("%q: %q, want %q", path, got, want)
		}
	}
}

// What local lets through leads to ours, read as browsers read it, and gets through the page as it is.
func TestReturnOnThePage(t *testing.T) {
	s, _ := realSite(t)
	for back, want := range map[string]string{
		"//evil.example": "/", "https://evil.example": "/", "/\t/evil.example": "/", `/x"><script>alert(1)</script>`: `/x%22%3E%3Cscript%3Ealert%281%29%3C/script%3E`,
		"/x?a=1&b='2';url=https:%2F%2Fevil.example": "/x?a=1&b='2';url=https:%2F%2Fevil.example",
	} {
		b := s.browser()
		b.visit(http.MethodGet, s.URL+StartPath+"?"+url.Values{"return": {back}}.Encode(), nil)
		b.login("anna", "right")
		b.shows(http.StatusOK)
		b.forward()
		if b.at.Host != s.Listener.Addr().String() || b.at.RequestURI() != want {
			t.Errorf("%q led to %s", back, b.at)
		}
	}
}

func TestCookie(t *testing.T) {
	s, _ := realSite(t, func(o *Options) { o.External = func(*http.Request) string { return "https://pbx.example" } })
	w := httptest.NewRecorder()
	s.p.Start(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, StartPath, nil))
	c := w.Result().Cookies()
	if len(c) != 1 || c[0].Name != "__Secure-supervision-oidc" || !c[0].Secure || !c[0].HttpOnly || c[0].SameSite != http.SameSiteLaxMode ||
		c[0].Path != "/api/v1/oidc" || c[0].MaxAge != 600 || len(c[0].Value) != 43 {
		t.Errorf("%+v", c)
	}
	q := mustParse(t, w.Header().Get("Location")).Query()
	for name, want := range map[string]string{
		"redirect_uri": "https://pbx.example" + CallbackPath, "response_type": "code", "client_id": "supervisiond",
		"code_challenge_method": "S256", "scope": "openid profile",
	} {
		if q.Get(name) != want {
			t.Errorf("%s: %q, want %q", name, q.Get(name), want)
		}
	}
	if len(q.Get("state")) != 43 || len(q.Get("nonce")) != 43 || len(q.Get("code_challenge")) != 43 || q.Get("state") == q.Get("nonce") {
		t.Errorf("%v", q)
	}
}

func TestOnlyGet(t *testing.T) {
	s, _ := realSite(t)
	for _, method := range []string{http.MethodHead, http.MethodPost, http.MethodOptions} {
		for _, handler := range []http.HandlerFunc{s.p.Start, s.p.Callback} {
			w := httptest.NewRecorder()
			handler(w, httptest.NewRequestWithContext(t.Context(), method, StartPath, nil))
			if w.Code != http.StatusMethodNotAllowed || w.Header().Get("Set-Cookie") != "" {
				t.Errorf("%s: %d", method, w.Code)
			}
		}
	}
}

// A flood of sign-ins costs what a thousand cost, and one line of the log a minute.
func TestFlood(t *testing.T) {
	s, _ := realSite(t)
	start := func(n int) uint64 {
		for range n {
			w := httptest.NewRecorder()
			s.p.Start(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, StartPath+"?return=/"+strings.Repeat("x", longestReturn-1), nil))
			if w.Code != http.StatusFound {
				t.Fatalf("status %d", w.Code)
			}
		}
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := start(2 * maxFlows)
	after := start(100_000)
	if n := s.p.flows.byState.Len(); n != maxFlows {
		t.Errorf("%d are kept", n)
	}
	t.Logf("%d KiB after %d, %d KiB after 100,000 more", before>>10, 2*maxFlows, after>>10)
	if after > before+1<<20 {
		t.Errorf("the memory has grown from %d to %d", before, after)
	}
	if n := strings.Count(s.log.String(), "too many sign-ins"); n < 1 || n > 3 {
		t.Errorf("%d lines", n)
	}
}
