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

		PushServices: c.origins(&raw.push.services),
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

// origins are those of https addresses, as browsers write them.
func (c *checker) origins(list *texts) []string {
	var origins []string
	for _, t := range list.items {
		if !c.required(t) {
			continue
		}
		u := c.url(t, t.value, "https")
		if u == nil {
			continue
		}
		if u.RequestURI() != "/" || u.Fragment != "" {
			c.add(t.place, "%s must be https:// and a host, with a port where it is not 443, and nothing after it", quote(t.value))
		}
		origins = append(origins, "https://"+strings.TrimSuffix(strings.ToLower(u.Host), ":443"))
	}
	return origins
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
