package oidc

import (
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

// Where the browser begins a sign-in, and where the provider sends it back to.
const (
	StartPath    = "/api/v1/oidc/start"
	CallbackPath = "/api/v1/oidc/callback"
)

// ErrNotNow is what Options.Done wraps when the person is known, and cannot be signed in at the moment.
var ErrNotNow = errors.New("not now")

// Options are what a sign-in is made of.
type Options struct {
	Issuer, ClientID, ClientSecret string
	// Claim is the one whose value is the person's id.
	Claim string
	Log   *slog.Logger
	// Now is the clock; nil is time.Now.
	Now func() time.Time
	// Done signs the person in, once the provider has vouched for the claim's value: it sets the session's cookie on w's
	// header and writes nothing else. The text of its error is shown to the person as why nobody here has that name, unless
	// it is ErrNotNow.
	Done func(w http.ResponseWriter, r *http.Request, who string) error
	// External gives scheme://host of the request as the browser sees it, also through a proxy.
	External func(*http.Request) string
}

// Provider is the sign-in with one provider. It may be used by many at once.
type Provider struct {
	o         Options
	flows     *flows
	discovery *discovery
}

// New asks nobody for anything: the provider may be away, and is looked for when somebody signs in.
func New(o Options) *Provider {
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Provider{o: o, flows: newFlows(o.Now, o.Log), discovery: newDiscovery(o)}
}

// Start sends the browser to the provider. The query's return is the path of ours that it comes to in the end, and
// prompt=login asks the provider for another account than the one it knows the browser by.
func (p *Provider) Start(w http.ResponseWriter, r *http.Request) {
	if !onlyGet(w, r) {
		return
	}
	back := local(r.URL.Query().Get("return"))
	rp, err := p.discovery.find(r.Context())
	if err != nil {
		p.show(w, r, page{status: http.StatusBadGateway, text: p.failed(r, err), back: back})
		return
	}
	external := p.o.External(r)
	f := flow{rp: rp, redirect: external + CallbackPath, back: back, nonce: random(), verifier: oauth2.GenerateVerifier(), browser: random()}
	state := p.flows.begin(f)
	setCookie(w, f.browser, strings.HasPrefix(external, "https://"))
	ask := []oauth2.AuthCodeOption{oidc.Nonce(f.nonce), oauth2.S256ChallengeOption(f.verifier)}
	if r.URL.Query().Get("prompt") == "login" {
		ask = append(ask, oauth2.SetAuthURLParam("prompt", "login"))
	}
	header(w)
	http.Redirect(w, r, rp.config(f.redirect).AuthCodeURL(state, ask...), http.StatusFound)
}

// Callback takes the browser back from the provider.
func (p *Provider) Callback(w http.ResponseWriter, r *http.Request) {
	if !onlyGet(w, r) {
		return
	}
	secure := strings.HasPrefix(p.o.External(r), "https://")
	f, known := p.flows.take(r.URL.Query().Get("state"), cookie(r, secure))
	if !known {
		// Nothing else of such a request is looked at or shown: anybody can make people open it.
		p.show(w, r, page{status: http.StatusBadRequest, text: unknown, back: "/"})
		return
	}
	setCookie(w, "", secure)
	if code := r.URL.Query().Get("error"); code != "" {
		p.refused(w, r, f, code)
		return
	}
	who, err := f.rp.redeem(r.Context(), f, r.URL.Query().Get("code"))
	var lacks *claimError
	switch {
	case errors.As(err, &lacks):
		p.o.Log.Warn("somebody whom the OpenID Connect provider knows cannot sign in", "reason", lacks.Error(),
			"mend", "let the provider put the claim into its tokens for this client, or name another one as http.oidc.claim")
		p.show(w, r, page{status: http.StatusForbidden, text: claimLacks, says: p.o.Claim, back: f.back, other: true})
	case err != nil:
		p.show(w, r, page{status: http.StatusBadGateway, text: p.failed(r, err), back: f.back})
	default:
		p.signIn(w, r, f, who)
	}
}

// signIn tells who it is, and lets the browser go on by itself from a page of ours. The session's cookie is
// SameSite=Strict, and a redirect would still count as the provider's navigation, which carries no such cookie
// (draft-ietf-httpbis-rfc6265bis, section 5.2): what counts is the page that began it.
func (p *Provider) signIn(w http.ResponseWriter, r *http.Request, f flow, who string) {
	err := p.o.Done(w, r, who)
	switch {
	case errors.Is(err, ErrNotNow):
		p.show(w, r, page{status: http.StatusServiceUnavailable, text: notNow, back: f.back})
		return
	case err != nil:
		p.show(w, r, page{status: http.StatusForbidden, text: nobody, says: err.Error(), back: f.back, other: true})
		return
	}
	p.show(w, r, page{status: http.StatusOK, text: signedIn, back: f.back})
}

// refused shows what the provider says instead of vouching for somebody (RFC 6749, section 4.1.2.1).
func (p *Provider) refused(w http.ResponseWriter, r *http.Request, f flow, code string) {
	says := r.URL.Query().Get("error_description")
	if code == "access_denied" {
		p.show(w, r, page{status: http.StatusForbidden, text: denied, says: says, back: f.back, other: true})
		return
	}
	p.o.Log.Warn("the OpenID Connect provider refuses to sign anybody in", "error", errorCode(code),
		"mend", "the page that the browser shows has the provider's own words; compare the client there with http.oidc and its redirect URI with "+f.redirect)
	p.show(w, r, page{status: http.StatusBadGateway, text: refuses, says: says, back: f.back})
}

// failed tells the administrator why nobody can sign in, and what to do. It gives what the person is told.
func (p *Provider) failed(r *http.Request, err error) both {
	var problem *Problem
	if r.Context().Err() != nil || !errors.As(err, &problem) {
		return away // to a browser that is gone
	}
	p.o.Log.Warn("somebody could not sign in by OpenID Connect", "reason", problem.What, "mend", problem.Mend)
	if problem.invalid {
		return invalid
	}
	return away
}

// onlyGet refuses also HEAD, which programs send that look at links ahead of people: it would use a sign-in up.
func onlyGet(w http.ResponseWriter, r *http.Request) bool {
	if r.Method == http.MethodGet {
		return true
	}
	w.Header().Set("Allow", http.MethodGet)
	w.WriteHeader(http.StatusMethodNotAllowed)
	return false
}
