// Package oidc signs people in by OpenID Connect: the authorization code flow with PKCE (RFC 7636), state and nonce
// (OpenID Connect Core 1.0, section 3.1). It knows no people and no sessions: who asks for it gets the value of one claim,
// once the provider has vouched for it.
package oidc
