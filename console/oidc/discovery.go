package oidc

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

const (
	// requestTime bounds one request to the provider.
	requestTime = 5 * time.Second
	// redeemTime bounds all that a callback asks the provider for: tokens, keys, who it is.
	redeemTime = 8 * time.Second
	// maxAnswer bounds what is read of an answer, in bytes.
	maxAnswer = 1_048_576
	// maxConns bounds the requests to the provider at once.
	maxConns = 8
	// discoveryPause is how long the provider is not asked again after a failure.
	discoveryPause = 2 * time.Second
	// discoveryAge is after which time the provider's addresses and keys are read anew, so that a key which the provider has
	// withdrawn does not count for ever.
	discoveryAge = 60 * time.Minute
)

// discovery finds out what the provider says of itself, when it is needed, and remembers it.
type discovery struct {
	o      Options
	client *http.Client

	// turn is taken by who looks at or changes what follows: however many sign in at once, the provider is asked once.
	turn   chan struct{}
	rp     *relyingParty
	failed error
	at     time.Time // when rp was found, or the attempt failed
}

func newDiscovery(o Options) *discovery {
	return &discovery{o: o, client: newClient(), turn: make(chan struct{}, 1)}
}

// find gives the provider as it was found, or an error of type *Problem.
func (d *discovery) find(ctx context.Context) (*relyingParty, error) {
	select {
	case d.turn <- struct{}{}:
		defer func() { <-d.turn }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	age := d.o.Now().Sub(d.at)
	if d.rp != nil && age < discoveryAge {
		return d.rp, nil
	}
	if d.failed != nil && age < discoveryPause {
		return nil, d.failed
	}
	rp, err := discover(ctx, d.client, d.o)
	if ctx.Err() != nil { // says nothing about the provider
		return nil, ctx.Err()
	}
	d.rp, d.failed, d.at = rp, err, d.o.Now()
	return rp, err
}

// relyingParty is what we are to a provider that was found.
type relyingParty struct {
	o        Options
	client   *http.Client
	provider *oidc.Provider
	verifier *oidc.IDTokenVerifier
	style    oauth2.AuthStyle
}

// discover reads the provider's own description (OpenID Connect Discovery 1.0, section 4).
func discover(ctx context.Context, client *http.Client, o Options) (*relyingParty, error) {
	ctx = oidc.ClientContext(ctx, client)
	provider, err := oidc.NewProvider(ctx, o.Issuer)
	if err != nil {
		return nil, discoveryProblem(o.Issuer, err)
	}
	var has struct {
		Authorization string   `json:"authorization_endpoint"`
		Token         string   `json:"token_endpoint"`
		Keys          string   `json:"jwks_uri"`
		UserInfo      string   `json:"userinfo_endpoint"`
		Methods       []string `json:"token_endpoint_auth_methods_supported"`
		Signatures    []string `json:"id_token_signing_alg_values_supported"`
	}
	if err := provider.Claims(&has); err != nil {
		return nil, discoveryProblem(o.Issuer, err)
	}
	if has.Authorization == "" || has.Token == "" || has.Keys == "" {
		return nil, discoveryProblem(o.Issuer, errors.New("its discovery document lacks an endpoint that signing in needs"))
	}
	for _, endpoint := range []string{has.Authorization, has.Token, has.Keys, has.UserInfo} {
		if strings.HasPrefix(o.Issuer, "https://") && endpoint != "" && !strings.HasPrefix(endpoint, "https://") {
			return nil, discoveryProblem(o.Issuer, &plainError{endpoint})
		}
	}
	rp := &relyingParty{
		o: o, client: client, provider: provider, style: oauth2.AuthStyleInHeader,
		verifier: newVerifier(ctx, o, has.Keys, has.Signatures),
	}
	// Basic is what is meant where nothing is said. Trying both would show a code twice, which may revoke it.
	if len(has.Methods) > 0 && !slices.Contains(has.Methods, "client_secret_basic") && slices.Contains(has.Methods, "client_secret_post") {
		rp.style = oauth2.AuthStyleInParams
	}
	return rp, nil
}

func (rp *relyingParty) config(redirect string) *oauth2.Config {
	endpoint := rp.provider.Endpoint()
	endpoint.AuthStyle = rp.style
	scopes := []string{oidc.ScopeOpenID, "profile"}
	if rp.o.Claim == "email" {
		scopes = append(scopes, "email")
	}
	return &oauth2.Config{ClientID: rp.o.ClientID, ClientSecret: rp.o.ClientSecret, Endpoint: endpoint, RedirectURL: redirect, Scopes: scopes}
}

// newClient makes the one that talks to a provider. What it may cost is bounded, and it follows no redirection: the next
// request might hand the client's secret to whoever the provider names.
func newClient() *http.Client {
	transport, ok := http.DefaultTransport.(*http.Transport)
	if !ok {
		transport = &http.Transport{Proxy: http.ProxyFromEnvironment}
	}
	transport = transport.Clone()
	transport.MaxConnsPerHost, transport.MaxResponseHeaderBytes = maxConns, 64<<10
	return &http.Client{
		Timeout: requestTime, Transport: bounded{transport},
		CheckRedirect: func(*http.Request, []*http.Request) error { return errRedirect },
	}
}

// plainError is an endpoint without TLS of an issuer with it: secrets would go there for all to read.
type plainError struct{ endpoint string }

func (e *plainError) Error() string { return e.endpoint + " is no https address" }

var errRedirect = errors.New("it sends us to another address, which is not followed")

// bounded reads no more of an answer than maxAnswer.
type bounded struct{ http.RoundTripper }

func (b bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := b.RoundTripper.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	resp.Body = http.MaxBytesReader(nil, resp.Body, maxAnswer)
	return resp, nil
}

// Problem is why the provider cannot be used, and what the administrator can do about it. Neither has a secret in it.
type Problem struct {
	What, Mend string
	// invalid says that the provider is there, and its answer does not count.
	invalid bool
}

func (p *Problem) Error() string { return fmt.Sprintf("%s: %s", p.What, p.Mend) }
