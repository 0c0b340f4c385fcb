package config

import (
	"slices"
	"strings"
)

func (c *checker) http(raw *rawHTTP) HTTP {
	h := HTTP{
		Listen: c.listen(raw.listen, "127.0.0.1:8080"),
		TLS:    c.serverTLS(raw.tls),
		OIDC:   c.oidc(&raw.oidc),
	}
	for i := range raw.tokens.items {
		key, r := raw.tokens.items[i].key, &raw.tokens.items[i].value
		if !clientName.MatchString(key.value) {
			c.add(key.place, "%s is not possible: %s", quote(key.value), clientNameRule)
		}
		if len(r.actsAs.items) == 0 {
			c.add(r.actsAs.place, `missing: a token acts as somebody; list people, or "*" for everybody`)
		}
		h.Tokens = append(h.Tokens, Token{
			Name:   key.value,
			Hash:   c.passwordHash(r.hash, c.requiredSecret(r.hash)),
			ActsAs: c.actsAs(&r.actsAs),
		})
	}
	slices.SortFunc(h.Tokens, func(a, b Token) int { return strings.Compare(a.Name, b.Name) })
	return h
}

func (c *checker) oidc(raw *rawOIDC) *OIDC {
	if !raw.given {
		return nil
	}
	o := &OIDC{ClientSecret: c.requiredSecret(raw.clientSecret), Claim: "preferred_username"}
	if c.required(raw.issuer) {
		o.Issuer = raw.issuer.value
		// Identity tokens over plain HTTP prove nothing, unless nobody is in between.
		if u := c.url(raw.issuer, o.Issuer, "https", "http"); u != nil && u.Scheme == "http" && !isLoopbackHost(u.Hostname()) {
			c.add(raw.issuer.place, "%s must begin with https://", quote(o.Issuer))
		}
	}
	if c.required(raw.clientID) {
		o.ClientID = raw.clientID.value
	}
	if raw.claim.given && c.required(raw.claim) {
		o.Claim = raw.claim.value
	}
	return o
}
