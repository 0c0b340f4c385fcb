package oidc

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

// longestID is what an id of ours may have, in characters.
const longestID = 32

// errInvalid marks an answer that came and does not count.
var errInvalid = errors.New("invalid")

// claimError says why the claim names nobody. The provider is all right then.
type claimError struct{ claim, why string }

func (e *claimError) Error() string { return fmt.Sprintf("the claim %q %s", e.claim, e.why) }

// redeem gives the claim's value for the code. Its error is a *claimError or a *Problem.
func (rp *relyingParty) redeem(ctx context.Context, f flow, code string) (who string, err error) {
	ctx, cancel := context.WithTimeout(oidc.ClientContext(ctx, rp.client), redeemTime)
	defer cancel()
	claims, err := rp.claims(ctx, f, code)
	if err != nil {
		return "", tokenProblem(rp.o.Issuer, err)
	}
	return person(rp.o.Claim, claims)
}

// claims gives what the provider vouches for.
func (rp *relyingParty) claims(ctx context.Context, f flow, code string) (map[string]json.RawMessage, error) {
	if code == "" {
		return nil, fmt.Errorf("%w: there is no code", errInvalid)
	}
	token, err := rp.config(f.redirect).Exchange(ctx, code, oauth2.VerifierOption(f.verifier))
	if err != nil {
		return nil, err
	}
	id, err := rp.verify(ctx, token, f.nonce)
	if err != nil {
		return nil, err
	}
	var claims map[string]json.RawMessage
	if err := id.Claims(&claims); err != nil {
		return nil, fmt.Errorf("%w: %w", errInvalid, err)
	}
	if text(claims["azp"]) != "" && text(claims["azp"]) != rp.o.ClientID {
		return nil, fmt.Errorf("%w: it was issued to another client", errInvalid)
	}
	// Core 1.0, section 5.4: where there is an access token, the claims of a scope may be at the UserInfo endpoint only.
	if _, given := claims[rp.o.Claim]; given || rp.provider.UserInfoEndpoint() == "" {
		return claims, nil
	}
	return rp.userInfo(ctx, token, id.Subject)
}

// verify checks the ID token as Core 1.0, section 3.1.3.7, has it.
func (rp *relyingParty) verify(ctx context.Context, token *oauth2.Token, nonce string) (*oidc.IDToken, error) {
	raw, given := token.Extra("id_token").(string)
	if !given {
		return nil, fmt.Errorf("%w: there is no ID token", errInvalid)
	}
	var unreachable error
	id, err := rp.verifier.Verify(context.WithValue(ctx, keysKey{}, &unreachable), raw)
	switch {
	case unreachable != nil:
		return nil, unreachable
	case err != nil:
		return nil, fmt.Errorf("%w: %w", errInvalid, err)
	case subtle.ConstantTimeCompare([]byte(id.Nonce), []byte(nonce)) != 1:
		return nil, fmt.Errorf("%w: it belongs to another sign-in (its nonce is not ours)", errInvalid)
	}
	return id, nil
}

func (rp *relyingParty) userInfo(ctx context.Context, token *oauth2.Token, subject string) (map[string]json.RawMessage, error) {
	info, err := rp.provider.UserInfo(ctx, oauth2.StaticTokenSource(token))
	switch {
	case isUnreachable(err):
		return nil, err
	case err != nil: // has the whole answer in it
		return nil, fmt.Errorf("%w: the UserInfo endpoint does not answer as it should", errInvalid)
	case info.Subject != subject: // section 5.3.2
		return nil, fmt.Errorf("%w: the UserInfo endpoint speaks of somebody else", errInvalid)
	}
	var claims map[string]json.RawMessage
	if err := info.Claims(&claims); err != nil {
		return nil, fmt.Errorf("%w: %w", errInvalid, err)
	}
	return claims, nil
}

// person gives the claim's value, if it can be an id.
func person(claim string, claims map[string]json.RawMessage) (string, error) {
	who := text(claims[claim])
	switch verified := claims["email_verified"]; {
	case claims[claim] == nil:
		return "", &claimError{claim, "is missing"}
	case who == "":
		return "", &claimError{claim, "is no text, or an empty one"}
	case utf8.RuneCountInString(who) > longestID:
		return "", &claimError{claim, fmt.Sprintf("has more than %d characters", longestID)}
	case claim == "email" && string(verified) != "true" && text(verified) != "true":
		return "", &claimError{claim, "was not verified by the provider"}
	}
	return who, nil
}

// text is a claim's value if it is one, otherwise empty.
func text(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) != nil {
		return ""
	}
	return s
}
