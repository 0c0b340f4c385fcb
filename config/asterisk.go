package config

import (
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// dialplanName is what may be written into a dialplan as the name of a context or of an application, without being
// able to mean anything else there. Asterisk takes 79 characters.
var (
	dialplanName     = regexp.MustCompile(`^[A-Za-z0-9_-]{1,79}$`)
	dialplanNameRule = "write 1 to 79 of A-Z, a-z, 0-9, - and _"
)

// ownContexts begin the names of the generated dialplan's other contexts.
const ownContexts = "supervision-"

func (c *checker) asterisk(raw *rawAsterisk) Asterisk {
	a := Asterisk{
		ARI:             c.ari(&raw.ari),
		FeaturesContext: c.matching(raw.featuresContext, "supervision", dialplanName, dialplanNameRule),
		PhoneContext:    c.matching(raw.phoneContext, "internal", dialplanName, dialplanNameRule),
	}
	for _, context := range []text{raw.featuresContext, raw.phoneContext} {
		if strings.HasPrefix(context.value, ownContexts) || context.value == "general" || context.value == "globals" {
			c.add(context.place, "%s has another meaning in the dialplan: choose another name", quote(context.value))
		}
	}
	if a.FeaturesContext == a.PhoneContext {
		t := raw.featuresContext
		if !t.given {
			t = raw.phoneContext
		}
		c.add(t.place, "features_context and phone_context cannot be the same: the second includes the first")
	}
	return a
}

func (c *checker) ari(raw *rawARI) ARI {
	a := ARI{
		URL:      "http://127.0.0.1:8088/ari",
		Password: c.requiredSecret(raw.password),
		App:      c.matching(raw.app, "supervision", dialplanName, dialplanNameRule),
		CAFile:   c.authorities(raw.tls.caFile),
	}
	if c.required(raw.username) {
		a.Username = raw.username.value
		if strings.ContainsAny(a.Username, ": \t\r\n") {
			c.add(raw.username.place, "%s is not possible: no colon and no white space", quote(a.Username))
		}
	}
	if raw.url.given {
		if u := c.url(raw.url, raw.url.value, "http", "https"); u != nil {
			a.URL = strings.TrimRight(raw.url.value, "/")
			if u.RawQuery != "" || u.Fragment != "" {
				c.add(raw.url.place, "%s must end with its path, such as /ari", quote(raw.url.value))
			}
		}
	}
	if raw.tls.caFile.given && !strings.HasPrefix(a.URL, "https:") {
		c.add(raw.tls.caFile.place, "means nothing without an https url")
	}
	return a
}

// url checks an absolute URL with a host and nothing secret in it. It returns nil if that is not so.
func (c *checker) url(t text, value string, schemes ...string) *url.URL {
	u, err := url.Parse(value)
	switch {
	case err != nil:
		// The error of net/url repeats the URL, with the password that may be in it.
		c.add(t.place, "not a URL: write one such as %s://host:port", schemes[0])
	case u.User != nil || strings.Contains(value, "@"):
		c.add(t.place, "no user or password in a URL, it gets into logs: they have keys of their own")
	case !slices.Contains(schemes, u.Scheme):
		c.add(t.place, "%s is not possible: the URL must begin with %s://", quote(value), strings.Join(schemes, ":// or "))
	case u.Port() != "" && !isPort(u.Port()):
		c.add(t.place, "%s is not possible: a port is a number from 0 to 65535", quote(value))
	case u.Hostname() == "":
		c.add(t.place, "%s has no host", quote(value))
	default:
		return u
	}
	return nil
}
