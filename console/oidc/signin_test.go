package oidc

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/zitadel/oidc/v3/example/server/exampleop"
	"github.com/zitadel/oidc/v3/example/server/storage"
)

// idp is a provider that nobody here wrote. It is on another site than ours: localhost, and not 127.0.0.1.
type idp struct {
	t       *testing.T
	issuer  string
	down    atomic.Bool
	handler atomic.Value
	asked   atomic.Int32 // for its discovery document
	users   string
}

func newIDP(t *testing.T) *idp {
	t.Helper()
	p := &idp{t: t}
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/openid-configuration") {
			p.asked.Add(1)
		}
		if p.down.Load() {
			panic(http.ErrAbortHandler) // the connection ends, as with a provider that is being restarted
		}
		p.handler.Load().(http.Handler).ServeHTTP(w, r)
	}))
	t.Cleanup(front.Close)
	p.issuer = strings.Replace(front.URL, "127.0.0.1", "localhost", 1)
	users := map[string]storage.User{}
	for _, name := range []string{"anna", "zoe", "busy", "far-too-long-a-name-to-be-the-id-of-anybody"} {
		users[name] = storage.User{ID: name, Username: name, Password: "right", FirstName: name, Email: name + "@example.com"}
	}
	text, err := json.Marshal(users)
	if err != nil {
		t.Fatal(err)
	}
	p.users = filepath.Join(t.TempDir(), "users.json")
	if err := os.WriteFile(p.users, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return p
}

// serve lets people of the site sign in, with new keys each time.
func (p *idp) serve(s *site) {
	p.t.Helper()
	users, err := storage.StoreFromFile(p.users)
	if err != nil {
		p.t.Fatal(err)
	}
	client := storage.WebClient("supervisiond", clientSecret, s.URL+CallbackPath)
	store := storage.NewStorageWithClients(users, map[string]*storage.Client{"supervisiond": client})
	p.handler.Store(http.Handler(exampleop.SetupServer(p.issuer, store, slog.New(slog.DiscardHandler), false)))
}

func realSite(t *testing.T, mend ...func(*Options)) (*site, *idp) {
	t.Helper()
	p := newIDP(t)
	s := newSite(t, p.issuer, mend...)
	p.serve(s)
	return s, p
}

func TestSignIn(t *testing.T) {
	s, _ := realSite(t)
	b := s.browser()
	b.visit(http.MethodGet, s.URL+"/console?group=sales", nil)
	if b.status != http.StatusUnauthorized {
		t.Fatalf("status %d", b.status)
	}
	b.visit(http.MethodGet, StartPath+"?return=/console%3Fgroup%3Dsales%26x%3D1", nil)
	b.login("anna", "wrong")
	if !strings.Contains(b.body, "password wrong") || s.calls.Load() != 0 {
		t.Fatalf("a wrong password: %s", b.body)
	}
	b.login("anna", "right")
	b.shows(http.StatusOK, "<h1>Signed in</h1>", `<html lang="en">`)
	callback := b.at.String()
	if b.at.Hostname() != "127.0.0.1" || !strings.HasPrefix(b.at.Path, CallbackPath) {
		t.Errorf("the way ended at %s", b.at)
	}
	b.forward()
	if want := "anna sees /console?group=sales&x=1"; b.body != want {
		t.Errorf("%q, want %q", b.body, want)
	}
	// Used once.
	b.visit(http.MethodGet, callback, nil)
	b.shows(http.StatusBadRequest, "This sign-in no longer counts")
	if n := s.calls.Load(); n != 1 {
		t.Errorf("signed in %d times", n)
	}
}

// Why the callback does not redirect: the browser would send no Strict cookie along.
func TestARedirectCarriesNoStrictCookie(t *testing.T) {
	s, _ := realSite(t)
	b := s.browser()
	b.visit(http.MethodGet, s.URL+StartPath, nil)
	b.login("anna", "right")
	began := b.passed[0] // the provider's form
	b.request(http.MethodGet, b.at.ResolveReference(began), nil, began)
	home := *b.at
	home.Path, home.RawQuery = "/", ""
	b.request(http.MethodGet, &home, nil, began)
	if b.status != http.StatusUnauthorized {
		t.Errorf("the Strict cookie went along: %d %s", b.status, b.body)
	}
}

func TestGerman(t *testing.T) {
	s, _ := realSite(t)
	b := s.browser()
	b.language = "de-AT,de;q=0.9,en;q=0.5"
	b.visit(http.MethodGet, s.URL+CallbackPath+"?state=x&code=y", nil)
	b.shows(http.StatusBadRequest, "Diese Anmeldung gilt nicht mehr", `<html lang="de">`)
	b.click()
	b.login("anna", "right")
	b.shows(http.StatusOK, "<h1>Angemeldet</h1>")
	b.forward()
	if b.body != "anna sees /" {
		t.Error(b.body)
	}
}

// Who is known and cannot be signed in at the moment is not told to be somebody else.
func TestNotNow(t *testing.T) {
	s, _ := realSite(t)
	b := s.browser()
	b.visit(http.MethodGet, s.URL+StartPath, nil)
	b.login("busy", "right")
	b.shows(http.StatusServiceUnavailable, "You cannot be signed in now")
	if strings.Contains(b.body, "too many sessions") || strings.Contains(b.body, "another account") {
		t.Error(b.body)
	}
}

func TestNobodyHere(t *testing.T) {
	s, _ := realSite(t)
	b := s.browser()
	b.visit(http.MethodGet, s.URL+StartPath+"?return=/x", nil)
	b.login("zoe", "right")
	b.shows(http.StatusForbidden, "there is nobody called zoe &lt;here&gt;")
	b.click()
	if q := b.passed[1].Query(); q.Get("prompt") != "login" {
		t.Errorf("the provider would give the same account again: %v", q)
	}
	b.login("anna", "right")
	b.forward()
	if b.body != "anna sees /x" {
		t.Error(b.body)
	}
}

func TestClaimTooLong(t *testing.T) {
	s, _ := realSite(t)
	b := s.browser()
	b.visit(http.MethodGet, s.URL+StartPath, nil)
	b.login("far-too-long-a-name-to-be-the-id-of-anybody", "right")
	b.shows(http.StatusForbidden, "preferred_username")
	s.logged("has more than 32 characters", "http.oidc.claim")
	if s.calls.Load() != 0 {
		t.Error("signed in")
	}
}

func TestUnverifiedEmail(t *testing.T) {
	s, _ := realSite(t, func(o *Options) { o.Claim = "email" })
	b := s.browser()
	b.visit(http.MethodGet, s.URL+StartPath, nil)
	b.login("anna", "right")
	b.shows(http.StatusForbidden, "email")
	s.logged("was not verified by the provider")
	if s.calls.Load() != 0 {
		t.Error("signed in")
	}
}

// A state counts in the browser that it was given to, and is not used up by another's.
func TestStateOfAnotherBrowser(t *testing.T) {
	s, _ := realSite(t)
	b, other := s.browser(), s.browser()
	b.halt = CallbackPath
	b.visit(http.MethodGet, s.URL+StartPath, nil)
	b.login("anna", "right")
	callback := b.passed[len(b.passed)-1].String()
	other.visit(http.MethodGet, callback, nil)
	other.shows(http.StatusBadRequest, "This sign-in no longer counts")
	if n := s.calls.Load(); n != 0 {
		t.Errorf("another browser is signed in")
	}
	b.visit(http.MethodGet, callback, nil)
	b.shows(http.StatusOK, "Signed in")

	// Nor is it of use to one with a sign-in of its own.
	first, thief := s.browser(), s.browser()
	first.visit(http.MethodGet, s.URL+StartPath, nil)
	state := first.passed[1].Query().Get("state")
	for range 2 {
		thief.visit(http.MethodGet, s.URL+CallbackPath+"?code=c&state="+state, nil)
		thief.shows(http.StatusBadRequest, "This sign-in no longer counts")
		thief.visit(http.MethodGet, s.URL+StartPath, nil)
	}
	first.visit(http.MethodGet, s.URL+CallbackPath+"?code=c&state="+anotherLetter(state[:1])+state[1:], nil)
	first.shows(http.StatusBadRequest, "This sign-in no longer counts")
	first.visit(http.MethodGet, s.URL+CallbackPath+"?code=c&state="+state, nil)
	first.shows(http.StatusBadGateway, "wrong answer") // it counts: the provider is asked for a code that is none
	s.logged("does not take its own code: 400 invalid_grant")
	if n := s.calls.Load(); n != 1 {
		t.Errorf("signed in %d times", n)
	}
}

// anotherLetter is not that one.
func anotherLetter(letter string) string {
	if letter == "x" {
		return "y"
	}
	return "x"
}

func TestExpiredFlow(t *testing.T) {
	s, _ := realSite(t)
	b := s.browser()
	b.visit(http.MethodGet, s.URL+StartPath, nil)
	s.later.Store(int64(flowTime + time.Second))
	b.login("anna", "right")
	b.shows(http.StatusBadRequest, "longer than ten minutes")
	if s.calls.Load() != 0 {
		t.Error("signed in")
	}
}

func TestProviderComesLater(t *testing.T) {
	s, p := realSite(t)
	p.down.Store(true)
	b := s.browser()
	b.visit(http.MethodGet, s.URL+StartPath+"?return=/x", nil)
	b.shows(http.StatusBadGateway, "cannot be reached")
	if b.header.Get("Retry-After") != "2" || b.header.Get("Set-Cookie") != "" {
		t.Errorf("%v", b.header)
	}
	s.logged("does not answer", "curl "+p.issuer+"/.well-known/openid-configuration")
	p.down.Store(false)
	s.later.Store(int64(discoveryPause))
	b.click()
	b.login("anna", "right")
	b.forward()
	if b.body != "anna sees /x" {
		t.Error(b.body)
	}
}

func TestProviderGoesAwayMeanwhile(t *testing.T) {
	s, p := realSite(t)
	b := s.browser()
	b.visit(http.MethodGet, s.URL+StartPath, nil)
	state := b.passed[1].Query().Get("state")
	p.down.Store(true)
	b.visit(http.MethodGet, s.URL+CallbackPath+"?code=abcdefgh&state="+state, nil)
	b.shows(http.StatusBadGateway, "cannot be reached")
	s.logged("does not answer")
}

// New keys are found without a restart.
func TestRotatedKeys(t *testing.T) {
	s, p := realSite(t)
	for range 3 {
		b := s.browser()
		b.visit(http.MethodGet, s.URL+StartPath, nil)
		b.login("anna", "right")
		b.shows(http.StatusOK, "Signed in")
		p.serve(s)
	}
	if n := p.asked.Load(); n != 1 {
		t.Errorf("discovered %d times", n)
	}
	s.later.Store(int64(discoveryAge))
	b := s.browser()
	b.visit(http.MethodGet, s.URL+StartPath, nil)
	if n := p.asked.Load(); n != 2 {
		t.Errorf("discovered %d times after %v", n, discoveryAge)
	}
}

// However many callbacks there are at once with one state, one counts.
func TestReplayedAtOnce(t *testing.T) {
	s, _ := realSite(t)
	b := s.browser()
	b.visit(http.MethodGet, s.URL+StartPath, nil)
	cookies := b.client.Jar.Cookies(mustParse(t, s.URL+CallbackPath))
	state := b.passed[1].Query().Get("state")
	b.site.secret(cookies[0].Value)
	var counted atomic.Int32
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+CallbackPath+"?code=c&state="+state, nil)
			r.AddCookie(cookies[0])
			w := httptest.NewRecorder()
			s.p.Callback(w, r)
			if w.Code != http.StatusBadRequest {
				counted.Add(1)
			}
		})
	}
	all.Wait()
	if counted.Load() != 1 {
		t.Errorf("%d counted", counted.Load())
	}
}

// However many sign in while the provider is away, it is asked once.
func TestManyAskOnce(t *testing.T) {
	s, p := realSite(t)
	p.down.Store(true)
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			w := httptest.NewRecorder()
			s.p.Start(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+StartPath, nil))
			if w.Code != http.StatusBadGateway {
				t.Errorf("status %d", w.Code)
			}
		})
	}
	all.Wait()
	if n := p.asked.Load(); n > 2 { // Go's client repeats a GET on a connection that ends
		t.Errorf("asked %d times", n)
	}
}
