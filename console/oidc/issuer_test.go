package oidc

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"supervisiond/test/ports"
)

// forger is a provider that answers as it is told to: real ones give no wrong tokens.
type forger struct {
	t      *testing.T
	url    string
	key    *rsa.PrivateKey
	nonce  string
	claims map[string]any
	info   map[string]any // nil: there is no UserInfo endpoint
	// sign makes the token, token and keys and discovery answer for it where they are not nil.
	sign                   func(payload []byte) string
	token, keys, discovery http.HandlerFunc
	methods                []string
	asked                  url.Values // what the token endpoint was asked
	basic                  string
}

func newForger(t *testing.T) *forger {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	f := &forger{t: t, key: key, methods: []string{"client_secret_basic"}}
	f.sign = f.signWith(key)
	server := httptest.NewServer(http.HandlerFunc(f.serve))
	t.Cleanup(server.Close)
	f.url = server.URL
	now := time.Now()
	f.claims = map[string]any{
		"iss": f.url, "aud": "supervisiond", "sub": "1", "iat": now.Unix(), "exp": now.Add(time.Minute).Unix(), "preferred_username": "anna",
	}
	return f
}

func (f *forger) signWith(key *rsa.PrivateKey) func([]byte) string {
	return func(payload []byte) string {
		signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: jose.JSONWebKey{Key: key, KeyID: "1"}}, nil)
		if err != nil {
			f.t.Error(err)
			return ""
		}
		signed, err := signer.Sign(payload)
		if err != nil {
			f.t.Error(err)
			return ""
		}
		token, _ := signed.CompactSerialize()
		return token
	}
}

const (
	accessToken = "access-token-that-nobody-may-see"
	fakeCode    = "code-that-nobody-may-see"
)

func (f *forger) serve(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	answer := func(v any) { _ = json.NewEncoder(w).Encode(v) }
	override := map[string]http.HandlerFunc{"/token": f.token, "/keys": f.keys, "/.well-known/openid-configuration": f.discovery}[r.URL.Path]
	if override != nil {
		override(w, r)
		return
	}
	switch r.URL.Path {
	case "/.well-known/openid-configuration":
		document := map[string]any{
			"issuer": f.url, "authorization_endpoint": f.url + "/auth", "token_endpoint": f.url + "/token", "jwks_uri": f.url + "/keys",
			"id_token_signing_alg_values_supported": []string{"RS256", "HS256", "none"}, "token_endpoint_auth_methods_supported": f.methods,
		}
		if f.info != nil {
			document["userinfo_endpoint"] = f.url + "/userinfo"
		}
		answer(document)
	case "/keys":
		answer(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: &f.key.PublicKey, KeyID: "1", Algorithm: "RS256", Use: "sig"}}})
	case "/token":
		_ = r.ParseForm()
		f.asked = r.PostForm
		_, f.basic, _ = r.BasicAuth()
		if f.claims["nonce"] == nil {
			f.claims["nonce"] = f.nonce
		}
		payload, _ := json.Marshal(f.claims)
		answer(map[string]any{"access_token": accessToken, "token_type": "Bearer", "id_token": f.sign(payload)})
	case "/userinfo":
		if r.Header.Get("Authorization") != "Bearer "+accessToken {
			f.t.Error("UserInfo without the token")
		}
		answer(f.info)
	}
}

// signIn goes through a sign-in, and gives the browser on its last page.
func (f *forger) signIn(s *site) (b *browser, challenge string) {
	f.t.Helper()
	b = s.browser()
	b.visit(http.MethodGet, s.URL+StartPath+"?return=/x", nil)
	if len(b.passed) < 2 {
		return b, ""
	}
	q := b.passed[1].Query()
	f.nonce = q.Get("nonce")
	s.secret(accessToken, fakeCode, b.client.Jar.Cookies(mustParse(f.t, s.URL+CallbackPath))[0].Value)
	b.visit(http.MethodGet, s.URL+CallbackPath+"?"+url.Values{"code": {fakeCode}, "state": {q.Get("state")}}.Encode(), nil)
	return b, q.Get("code_challenge")
}

func unsigned(header string) func([]byte) string {
	return func(payload []byte) string {
		e := base64.RawURLEncoding
		return e.EncodeToString([]byte(header)) + "." + e.EncodeToString(payload) + "."
	}
}

func TestTokens(t *testing.T) {
	stranger, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range []struct {
		name   string
		forge  func(f *forger)
		status int
		logged string
	}{
		{"good", func(*forger) {}, http.StatusOK, ""},
		{"two audiences", func(f *forger) { f.claims["aud"] = []string{"x", "supervisiond"}; f.claims["azp"] = "supervisiond" }, http.StatusOK, ""},
		{"expired", func(f *forger) { f.claims["exp"] = time.Now().Add(-time.Second).Unix() }, http.StatusBadGateway, "token is expired"},
		{"without expiry", func(f *forger) { delete(f.claims, "exp") }, http.StatusBadGateway, "token is expired"},
		{"not yet valid", func(f *forger) { f.claims["nbf"] = time.Now().Add(time.Hour).Unix() }, http.StatusBadGateway, "before the nbf"},
		{"wrong audience", func(f *forger) { f.claims["aud"] = "other" }, http.StatusBadGateway, "expected audience"},
		{"issued to another client", func(f *forger) { f.claims["aud"] = []string{"x", "supervisiond"}; f.claims["azp"] = "x" }, http.StatusBadGateway, "another client"},
		{"wrong issuer", func(f *forger) { f.claims["iss"] = "https://evil.example" }, http.StatusBadGateway, "different provider"},
		{"wrong nonce", func(f *forger) { f.claims["nonce"] = random() }, http.StatusBadGateway, "nonce"},
		{"no nonce", func(f *forger) { f.claims["nonce"] = "" }, http.StatusBadGateway, "nonce"},
		{"signed by a stranger", func(f *forger) { f.sign = f.signWith(stranger) }, http.StatusBadGateway, "verify"},
		{"tampered", func(f *forger) {
			good := f.sign
			f.sign = func(payload []byte) string {
				part := strings.Split(good(payload), ".")
				changed := strings.Replace(string(payload), `"anna"`, `"ANNA"`, 1)
				return part[0] + "." + base64.RawURLEncoding.EncodeToString([]byte(changed)) + "." + part[2]
			}
		}, http.StatusBadGateway, "verify"},
		{"alg none", func(f *forger) { f.sign = unsigned(`{"alg":"none"}`) }, http.StatusBadGateway, "unexpected signature algorithm"},
		{"alg None", func(f *forger) { f.sign = unsigned(`{"alg":"None","kid":"1"}`) }, http.StatusBadGateway, "unexpected signature algorithm"},
		{"signed with the public key as a secret", func(f *forger) {
			f.sign = func(payload []byte) string {
				signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.HS256, Key: f.key.N.Bytes()}, nil)
				if err != nil {
					t.Fatal(err)
				}
				signed, _ := signer.Sign(payload)
				token, _ := signed.CompactSerialize()
				return token
			}
		}, http.StatusBadGateway, "unexpected signature algorithm"},
		{"no token", func(f *forger) { f.sign = func([]byte) string { return "" } }, http.StatusBadGateway, "malformed"},
		{"garbage", func(f *forger) { f.sign = func([]byte) string { return "a.b.c.d" } }, http.StatusBadGateway, "malformed"},
		{"claim missing", func(f *forger) { delete(f.claims, "preferred_username") }, http.StatusForbidden, "is missing"},
		{"claim null", func(f *forger) { f.claims["preferred_username"] = nil }, http.StatusForbidden, "is no text"},
		{"claim no text", func(f *forger) { f.claims["preferred_username"] = []string{"anna"} }, http.StatusForbidden, "is no text"},
		{"claim a number", func(f *forger) { f.claims["preferred_username"] = 7 }, http.StatusForbidden, "is no text"},
		{"claim empty", func(f *forger) { f.claims["preferred_username"] = "" }, http.StatusForbidden, "an empty one"},
		{"claim long", func(f *forger) { f.claims["preferred_username"] = strings.Repeat("ü", 33) }, http.StatusForbidden, "more than 32"},
		{"claim at the UserInfo endpoint", func(f *forger) {
			delete(f.claims, "preferred_username")
			f.info = map[string]any{"sub": "1", "preferred_username": "anna"}
		}, http.StatusOK, ""},
		{"claim of somebody else at the UserInfo endpoint", func(f *forger) {
			delete(f.claims, "preferred_username")
			f.info = map[string]any{"sub": "2", "preferred_username": "anna"}
		}, http.StatusBadGateway, "somebody else"},
		{"keys away", func(f *forger) { f.keys = func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) } }, http.StatusBadGateway, "does not answer"},
		{"endless keys", func(f *forger) { f.keys = endless }, http.StatusBadGateway, "does not count"},
		{"endless token", func(f *forger) { f.token = endless }, http.StatusBadGateway, "does not count"},
		{"token endpoint elsewhere", func(f *forger) { f.token = elsewhere(t) }, http.StatusBadGateway, "not followed"},
		{"wrong secret", func(f *forger) { f.token = failing(http.StatusUnauthorized, "invalid_client") }, http.StatusBadGateway, "client_secret"},
		{"code not taken", func(f *forger) { f.token = failing(http.StatusBadRequest, "invalid_grant") }, http.StatusBadGateway, "invalid_grant"},
		{"an error that is none", func(f *forger) { f.token = failing(http.StatusBadRequest, fakeCode) }, http.StatusBadGateway, "(not a code)"},
		{"out of order", func(f *forger) {
			f.token = func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(http.StatusServiceUnavailable)
				_, _ = w.Write([]byte("you sent " + fakeCode))
			}
		}, http.StatusBadGateway, "is out of order"},
	} {
		t.Run(x.name, func(t *testing.T) {
			f := newForger(t)
			x.forge(f)
			s := newSite(t, f.url)
			b, challenge := f.signIn(s)
			s.secret(f.asked.Get("code_verifier"))
			if x.status == http.StatusOK {
				b.shows(http.StatusOK, "Signed in")
				b.forward()
				if b.body != "anna sees /x" {
					t.Error(b.body)
				}
				if sum := sha256.Sum256([]byte(f.asked.Get("code_verifier"))); base64.RawURLEncoding.EncodeToString(sum[:]) != challenge {
					t.Error("PKCE: the verifier does not fit the challenge")
				}
				if f.basic != clientSecret || f.asked.Get("redirect_uri") != s.URL+CallbackPath {
					t.Errorf("asked %v", f.asked)
				}
				return
			}
			b.shows(x.status, `<a href="/api/v1/oidc/start?`)
			s.logged(x.logged, "mend=")
			if s.calls.Load() != 0 {
				t.Error("signed in")
			}
		})
	}
}

// endless writes more than anybody wants to read.
func endless(w http.ResponseWriter, _ *http.Request) {
	_, _ = w.Write([]byte(`{"keys":["`))
	for part := []byte(strings.Repeat("a", 64<<10)); ; {
		if _, err := w.Write(part); err != nil {
			return
		}
	}
}

// elsewhere sends to a server that must not be asked.
func elsewhere(t *testing.T) http.HandlerFunc {
	trap := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the secret was taken elsewhere") }))
	t.Cleanup(trap.Close)
	return func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, trap.URL, http.StatusTemporaryRedirect)
	}
}

func failing(status int, code string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(map[string]string{"error": code, "error_description": "you sent " + fakeCode})
	}
}

func TestVerifiedEmail(t *testing.T) {
	for _, x := range []struct {
		verified any
		status   int
	}{{true, http.StatusOK}, {"true", http.StatusOK}, {false, http.StatusForbidden}, {"false", http.StatusForbidden}, {1, http.StatusForbidden}, {nil, http.StatusForbidden}} {
		f := newForger(t)
		f.claims["email"], f.claims["email_verified"] = "anna", x.verified
		b, _ := f.signIn(newSite(t, f.url, func(o *Options) { o.Claim = "email" }))
		b.shows(x.status)
	}
}

// A provider that takes the secret in the body only gets it there, and the code once.
func TestSecretInTheBody(t *testing.T) {
	f := newForger(t)
	f.methods = []string{"private_key_jwt", "client_secret_post"}
	b, _ := f.signIn(newSite(t, f.url))
	b.shows(http.StatusOK)
	if f.basic != "" || f.asked.Get("client_secret") != clientSecret {
		t.Errorf("asked %v", f.asked)
	}
}

// What the provider says instead of vouching is shown to who began the sign-in, as text, and to nobody else.
func TestProviderRefuses(t *testing.T) {
	f := newForger(t)
	s := newSite(t, f.url)
	for _, x := range []struct {
		code   string
		status int
		says   string
		logged string
	}{
		{"access_denied", http.StatusForbidden, "You were not signed in", ""},
		{"server_error", http.StatusBadGateway, "The sign-in service refused", "error=server_error"},
		{"<b>", http.StatusBadGateway, "The sign-in service refused", "(not a code)"},
	} {
		b := s.browser()
		b.visit(http.MethodGet, s.URL+StartPath, nil)
		q := url.Values{
			"error": {x.code}, "state": {b.passed[1].Query().Get("state")},
			"error_description": {"<script>alert(1)</script> AADSTS50011 " + strings.Repeat("x", 5000)},
		}
		s.browser().visit(http.MethodGet, s.URL+CallbackPath+"?"+q.Encode(), nil)
		stranger := s.browser()
		stranger.visit(http.MethodGet, s.URL+CallbackPath+"?"+q.Encode(), nil)
		stranger.shows(http.StatusBadRequest, "This sign-in no longer counts")
		if strings.Contains(stranger.body, "AADSTS") {
			t.Error("anybody can put words on the page")
		}
		b.visit(http.MethodGet, s.URL+CallbackPath+"?"+q.Encode(), nil)
		b.shows(x.status, x.says, "&lt;script&gt;alert(1)&lt;/script&gt; AADSTS50011")
		if len(b.body) > 2000 {
			t.Errorf("the page has %d bytes", len(b.body))
		}
		s.logged(x.logged)
		b.visit(http.MethodGet, s.URL+CallbackPath+"?code=x&state="+q.Get("state"), nil)
		b.shows(http.StatusBadRequest)
	}
	if strings.Contains(s.log.String(), "AADSTS") {
		t.Error("the log has the provider's words")
	}
}

// Tokens expire by the clock that Options name.
func TestExpiredByOurClock(t *testing.T) {
	f := newForger(t)
	s := newSite(t, f.url)
	s.later.Store(int64(2 * time.Minute))
	b, _ := f.signIn(s)
	b.shows(http.StatusBadGateway, "wrong answer")
	s.logged("token is expired")
}

func TestNoCode(t *testing.T) {
	f := newForger(t)
	s := newSite(t, f.url)
	b := s.browser()
	b.visit(http.MethodGet, s.URL+StartPath, nil)
	b.visit(http.MethodGet, s.URL+CallbackPath+"?state="+b.passed[1].Query().Get("state"), nil)
	b.shows(http.StatusBadGateway, "wrong answer")
	s.logged("there is no code")
}

// A provider that takes a connection and says nothing costs a bounded time.
func TestSilentProvider(t *testing.T) {
	gone := make(chan struct{})
	var silent atomic.Bool
	f := newForger(t)
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if silent.Load() {
			<-gone
			return
		}
		f.serve(w, r)
	}))
	defer front.Close()
	defer close(gone)
	f.url = front.URL
	s := newSite(t, front.URL)
	b := s.browser()
	b.visit(http.MethodGet, s.URL+StartPath, nil)
	state := b.passed[1].Query().Get("state")

	silent.Store(true)
	s.p.discovery.client.Timeout = 50 * time.Millisecond
	b.visit(http.MethodGet, s.URL+CallbackPath+"?code="+fakeCode+"&state="+state, nil)
	b.shows(http.StatusBadGateway, "cannot be reached")
	s.later.Store(int64(discoveryAge))
	b.visit(http.MethodGet, s.URL+StartPath, nil)
	b.shows(http.StatusBadGateway, "cannot be reached")
	if n := strings.Count(s.log.String(), "does not answer"); n != 2 {
		t.Errorf("%d lines of the log", n)
	}
}

func TestDiagnose(t *testing.T) {
	closed := "http://" + ports.Address(t)
	notFound := httptest.NewServer(http.NotFoundHandler())
	defer notFound.Close()
	untrusted := httptest.NewTLSServer(http.NotFoundHandler())
	defer untrusted.Close()
	document := func(text string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = w.Write([]byte(text))
		}
	}
	forged := func(h http.HandlerFunc) string {
		f := newForger(t)
		f.discovery = h
		return f.url
	}
	for _, x := range []struct{ name, issuer, what, mend string }{
		{"good", newForger(t).url, "", ""},
		{"good, by nobody here", func() string { _, p := realSite(t); return p.issuer }(), "", ""},
		{"away", closed, "does not answer: ", "firewall"},
		{"no such host", "https://id.invalid", "is not found", "correct the host"},
		{"not there", notFound.URL, "404 Not Found", "is the address below which"},
		{"not trusted", untrusted.URL, "not trusted", "update-ca-certificates"},
		{"another", forged(document(`{"issuer":"https://other.example"}`)), "says that its name is https://other.example", "exactly what the provider calls itself"},
		{"elsewhere", forged(elsewhere(t)), "another address", "curl -i"},
		{"endless", forged(endless), "gives no description", "look at it"},
		{"no document", forged(document("<html>")), "gives no description", "look at it"},
	} {
		t.Run(x.name, func(t *testing.T) {
			err := Diagnose(t.Context(), x.issuer)
			if x.what == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			p, ok := err.(*Problem) //nolint:errorlint // the promise is that it is one
			if !ok || !strings.Contains(p.What, x.what) || !strings.Contains(p.Mend, x.mend) || !strings.Contains(p.What, x.issuer) {
				t.Errorf("%v", err)
			}
		})
	}
	mixed := httptest.NewUnstartedServer(nil)
	mixed.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		document(fmt.Sprintf(`{"issuer":%q,"authorization_endpoint":"https://a","token_endpoint":"http://a","jwks_uri":"https://a"}`, mixed.URL))(w, r)
	})
	mixed.StartTLS()
	defer mixed.Close()
	if _, err := discover(t.Context(), mixed.Client(), Options{Issuer: mixed.URL}); err == nil || !strings.Contains(err.Error(), "without it: http://a") {
		t.Error(err)
	}
	f := newForger(t)
	f.discovery = document(`{"issuer":"` + f.url + `"}`)
	if err := Diagnose(t.Context(), f.url); err == nil || !strings.Contains(err.Error(), "lacks an endpoint") {
		t.Error(err)
	}
}
