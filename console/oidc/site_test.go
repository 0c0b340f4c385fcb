package oidc

import (
	"bytes"
	"fmt"
	"html"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// patience bounds every wait.
const patience = 20 * time.Second

const clientSecret = "s3cret-of-the-client"

// site is a program that people sign in to.
type site struct {
	t *testing.T
	*httptest.Server
	p     *Provider
	log   *logBuffer
	later atomic.Int64 // by how much the clock is ahead
	calls atomic.Int32 // of Done

	mu      sync.Mutex
	secrets []string
}

// newSite makes one where anna is somebody. mend may change its options.
func newSite(t *testing.T, issuer string, mend ...func(*Options)) *site {
	t.Helper()
	s := &site{t: t, log: &logBuffer{}, secrets: []string{clientSecret}}
	o := Options{
		Issuer: issuer, ClientID: "supervisiond", ClientSecret: clientSecret, Claim: "preferred_username",
		Log: slog.New(slog.NewTextHandler(s.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Now: func() time.Time { return time.Now().Add(time.Duration(s.later.Load())) },
		Done: func(w http.ResponseWriter, _ *http.Request, who string) error {
			s.calls.Add(1)
			if who == "busy" {
				return fmt.Errorf("%w: too many sessions", ErrNotNow)
			}
			if who != "anna" {
				return fmt.Errorf("there is nobody called %s <here>", who)
			}
			http.SetCookie(w, &http.Cookie{Name: "session", Value: who, Path: "/", HttpOnly: true, SameSite: http.SameSiteStrictMode})
			return nil
		},
		External: func(r *http.Request) string { return "http://" + r.Host },
	}
	for _, m := range mend {
		m(&o)
	}
	s.p = New(o)
	mux := http.NewServeMux()
	mux.HandleFunc(StartPath, s.p.Start)
	mux.HandleFunc(CallbackPath, s.p.Callback)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		if c, err := r.Cookie("session"); err == nil {
			_, _ = fmt.Fprintf(w, "%s sees %s", c.Value, r.URL)
			return
		}
		w.WriteHeader(http.StatusUnauthorized)
	})
	s.Server = httptest.NewServer(mux)
	t.Cleanup(func() {
		s.Close()
		s.mu.Lock()
		defer s.mu.Unlock()
		for _, secret := range s.secrets {
			if len(secret) > 8 && strings.Contains(s.log.String(), secret) {
				t.Errorf("%q is in the log", secret)
			}
		}
		if t.Failed() {
			t.Logf("the log:\n%s", s.log)
		}
	})
	return s
}

// secret may not be in the log.
func (s *site) secret(values ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.secrets = append(s.secrets, values...)
}

// logged wants these words in the log.
func (s *site) logged(words ...string) {
	s.t.Helper()
	for _, w := range words {
		if !strings.Contains(s.log.String(), w) {
			s.t.Errorf("the log does not say %q", w)
		}
	}
}

type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// browser does with cookies what browsers do: one that is SameSite=Strict goes only with what a page of the same site began,
// however many redirections lie in between.
type browser struct {
	t        *testing.T
	site     *site
	client   *http.Client
	strict   map[string]bool
	language string
	halt     string // the path that it is not redirected to

	at     *url.URL // nil: nothing was opened yet
	status int
	header http.Header
	body   string
	passed []*url.URL
}

func (s *site) browser() *browser {
	jar, err := cookiejar.New(nil)
	if err != nil {
		s.t.Fatal(err)
	}
	transport := &http.Transport{}
	s.t.Cleanup(transport.CloseIdleConnections)
	return &browser{
		t: s.t, site: s, strict: map[string]bool{},
		client: &http.Client{Jar: jar, Timeout: patience, Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }},
	}
}

// visit follows a way until a page is there.
func (b *browser) visit(method, address string, form url.Values) {
	b.t.Helper()
	began := b.at
	target, err := url.Parse(address)
	if err != nil {
		b.t.Fatal(err)
	}
	if began != nil {
		target = began.ResolveReference(target)
	}
	b.passed = nil
	for range 10 {
		b.passed = append(b.passed, target)
		b.request(method, target, form, began)
		next := b.header.Get("Location")
		if b.status/100 != 3 || next == "" {
			b.at = target
			return
		}
		method, form = http.MethodGet, nil
		if target, err = target.Parse(next); err != nil {
			b.t.Fatal(err)
		}
		if b.halt != "" && target.Path == b.halt {
			b.passed = append(b.passed, target)
			return
		}
	}
	b.t.Fatal("redirected for ever")
}

func (b *browser) request(method string, target *url.URL, form url.Values, began *url.URL) {
	b.t.Helper()
	req, err := http.NewRequestWithContext(b.t.Context(), method, target.String(), strings.NewReader(form.Encode()))
	if err != nil {
		b.t.Fatal(err)
	}
	if form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if b.language != "" {
		req.Header.Set("Accept-Language", b.language)
	}
	client := *b.client
	client.Jar = nil
	for _, c := range b.client.Jar.Cookies(target) {
		if !b.strict[c.Name] || began == nil || began.Hostname() == target.Hostname() {
			req.AddCookie(c)
		}
	}
	resp, err := client.Do(req)
	if err != nil {
		b.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		b.t.Fatal(err)
	}
	for _, c := range resp.Cookies() {
		b.strict[c.Name] = c.SameSite == http.SameSiteStrictMode
	}
	b.client.Jar.SetCookies(target, resp.Cookies())
	b.status, b.header, b.body = resp.StatusCode, resp.Header, string(body)
	q := target.Query()
	b.site.secret(q.Get("state"), q.Get("code"), q.Get("nonce"))
}

var (
	refresh = regexp.MustCompile(`<meta http-equiv="refresh" content="0;url=([^"]*)">`)
	anchor  = regexp.MustCompile(`<a href="([^"]*)">`)
	hidden  = regexp.MustCompile(`name="id" value="([^"]*)"`)
)

// forward does what the page says without being asked.
func (b *browser) forward() {
	b.t.Helper()
	m := refresh.FindStringSubmatch(b.body)
	if m == nil {
		b.t.Fatalf("the page does not lead on: %d %s", b.status, b.body)
	}
	b.visit(http.MethodGet, html.UnescapeString(m[1]), nil)
}

// click follows the only link.
func (b *browser) click() {
	b.t.Helper()
	m := anchor.FindAllStringSubmatch(b.body, -1)
	if len(m) != 1 {
		b.t.Fatalf("%d links: %s", len(m), b.body)
	}
	b.visit(http.MethodGet, html.UnescapeString(m[0][1]), nil)
}

// login fills the provider's form in.
func (b *browser) login(user, password string) {
	b.t.Helper()
	m := hidden.FindStringSubmatch(b.body)
	if m == nil {
		b.t.Fatalf("there is no form: %d %s", b.status, b.body)
	}
	b.visit(http.MethodPost, "/login/username", url.Values{"id": {m[1]}, "username": {user}, "password": {password}})
}

// shows wants a page of ours with this status and these words, on which nothing runs.
func (b *browser) shows(status int, words ...string) {
	b.t.Helper()
	if b.status != status {
		b.t.Errorf("status %d, want %d", b.status, status)
	}
	for _, w := range words {
		if !strings.Contains(b.body, w) {
			b.t.Errorf("the page does not say %q:\n%s", w, b.body)
		}
	}
	for name, want := range map[string]string{
		"Cache-Control": "no-store", "Referrer-Policy": "no-referrer", "X-Content-Type-Options": "nosniff",
		"Content-Security-Policy": "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
	} {
		if got := b.header.Get(name); got != want {
			b.t.Errorf("%s: %q", name, got)
		}
	}
	if strings.Contains(b.body, "<script") || strings.Contains(b.body, "<here>") {
		b.t.Errorf("the page is not escaped:\n%s", b.body)
	}
}
