package acceptance

import (
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/zitadel/oidc/v3/example/server/exampleop"
	"github.com/zitadel/oidc/v3/example/server/storage"

	"supervisiond/test/lab"
)

// provider is one that nobody here wrote, on a site of its own: localhost, and not 127.0.0.1.
type provider struct {
	t       *testing.T
	issuer  string
	handler atomic.Value
}

func startProvider(t *testing.T) *provider {
	t.Helper()
	p := &provider{t: t}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.handler.Load().(http.Handler).ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	p.issuer = strings.Replace(server.URL, "127.0.0.1", "localhost", 1)
	return p
}

// configured has a daemon send people to it.
func (p *provider) configured(yaml string) string {
	return strings.Replace(yaml, `http: {`, `http: {oidc: {issuer: "`+p.issuer+`", client_id: supervisiond, client_secret: client-secret}, `, 1)
}

// knows lets people sign in at the daemon, whose origin is known by now.
func (p *provider) knows(s *site, origin string, people ...string) {
	p.t.Helper()
	users := map[string]storage.User{}
	for _, name := range people {
		users[name] = storage.User{ID: name, Username: name, Password: "right", FirstName: name}
	}
	text, err := json.Marshal(users)
	s.must("users", err)
	file := filepath.Join(p.t.TempDir(), "users.json")
	s.must("users", os.WriteFile(file, text, 0o600))
	store, err := storage.StoreFromFile(file)
	s.must("users", err)
	client := storage.WebClient("supervisiond", "client-secret", origin+"/api/v1/oidc/callback")
	p.handler.Store(http.Handler(exampleop.SetupServer(p.issuer,
		storage.NewStorageWithClients(store, map[string]*storage.Client{"supervisiond": client}), slog.New(slog.DiscardHandler), false)))
}

var flowID = regexp.MustCompile(`name="id" value="([^"]*)"`)

// signsIn goes the way that a browser goes, and gives the page at its end.
func (b *browser) signsIn(user, password string) (status int, page string) {
	b.t.Helper()
	read := func(resp *http.Response, err error) (*http.Response, string) {
		b.t.Helper()
		b.s.must("sign in", err)
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		b.s.must("sign in", err)
		return resp, string(body)
	}
	form, text := read(b.client.Get(b.s.url("/api/v1/oidc/start?return=/console"))) //nolint:bodyclose // read does
	id := flowID.FindStringSubmatch(text)
	if id == nil {
		b.t.Fatalf("%s shows no form: %s", form.Request.URL, text)
	}
	end, text := read(b.client.PostForm(form.Request.URL.String(), url.Values{"id": {id[1]}, "username": {user}, "password": {password}})) //nolint:bodyclose // read does
	return end.StatusCode, text
}

// People sign in at a provider. Whom it vouches for and nobody here knows does not get in, nor who is wrong there.
func TestHTTPSignInByProvider(t *testing.T) {
	t.Parallel()
	p := startProvider(t)
	o := withPasswords(t, screenOptions(t))
	o.lab = lab.Options{}
	before := o.configure
	o.configure = func(yaml string) string { return p.configured(before(yaml)) }
	s := newSite(t, o)
	p.knows(s, strings.TrimSuffix(s.url("/"), "/"), "anna", "zoe")

	anna := s.stranger()
	if ways := anna.do("GET", "/sign-in", ""); !strings.Contains(string(ways.Body), `"provider":"/api/v1/oidc/start"`) {
		t.Errorf("the ways to sign in: %s", ways.Body)
	}
	if status, page := anna.signsIn("anna", "wrong"); status != http.StatusOK || !strings.Contains(page, "password wrong") {
		t.Errorf("a wrong password: %d %s", status, page)
	}
	anna.do("GET", "/me", "").is(t, http.StatusUnauthorized, "unauthorized")
	if status, page := anna.signsIn("anna", "right"); status != http.StatusOK || !strings.Contains(page, `url=/console`) {
		t.Errorf("%d %s", status, page)
	}
	if me := anna.do("GET", "/me", ""); !strings.Contains(string(me.Body), `"id":"anna"`) || !strings.Contains(string(me.Body), `"signed_in":"session"`) {
		t.Errorf("anna is %d %s", me.Status, me.Body)
	}
	anna.stream("").await("view", `"sales"`)
	anna.do("DELETE", "/session", "")
	anna.do("GET", "/me", "").is(t, http.StatusUnauthorized, "unauthorized")

	zoe := s.stranger()
	if status, page := zoe.signsIn("zoe", "right"); status != http.StatusForbidden || !strings.Contains(page, "zoe") {
		t.Errorf("%d %s", status, page)
	}
	zoe.do("GET", "/me", "").is(t, http.StatusUnauthorized, "unauthorized")
	for _, line := range s.daemon.log() {
		if strings.Contains(line, "client-secret") || strings.Contains(line, `"right"`) {
			t.Errorf("a secret is logged: %s", line)
		}
	}
}
