package config

import (
	"regexp"
	"slices"
	"strings"

	"github.com/nats-io/nkeys"

	"supervisiond/supervision"
)

// clientName names a NATS user or an HTTP token. It is a token of NATS subjects.
var clientName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$`)

const clientNameRule = "a name is 1 to 64 of A-Z, a-z, 0-9, - and _, and begins with a letter or digit"

func (c *checker) nats(raw *rawNATS) NATS {
	n := NATS{
		Password: c.secret(raw.password),
		NKeySeed: c.secret(raw.nkey),
		TLS:      c.clientTLS(raw.tls),
		Embedded: c.embedded(&raw.embedded, raw.url.given),
	}
	if raw.url.given {
		n.URL = c.natsURL(raw.url)
	}
	if raw.user.given && c.required(raw.user) {
		n.User = raw.user.value
	}
	if _, ok := c.file(raw.credentialsFile); ok {
		n.CredentialsFile = c.path(raw.credentialsFile.value)
	}
	if !n.NKeySeed.IsEmpty() {
		if kind, _, err := nkeys.DecodeSeed([]byte(n.NKeySeed.Reveal())); err != nil || kind != nkeys.PrefixByteUser {
			c.add(raw.nkey.place(), "not the seed of a user's nkey: it begins with SU")
		}
	}
	switch {
	case raw.user.given && !raw.password.given():
		c.requiredSecret(raw.password)
	case raw.password.given() && !raw.user.given:
		c.required(raw.user)
	}
	c.oneIdentity(raw)
	return n
}

// oneIdentity reports ways of authentication that are too many, or that have no server to be shown to.
func (c *checker) oneIdentity(raw *rawNATS) {
	var ways []place
	if raw.credentialsFile.given {
		ways = append(ways, raw.credentialsFile.place)
	}
	if raw.user.given {
		ways = append(ways, raw.user.place)
	}
	if raw.nkey.given() {
		ways = append(ways, raw.nkey.place())
	}
	for _, at := range ways[min(1, len(ways)):] {
		c.add(at, "one way to authenticate is enough, and %s is another: keep one", ways[0].path)
	}
	if raw.url.given || raw.url.broken {
		return
	}
	for _, t := range []text{raw.tls.caFile, raw.tls.certFile, raw.tls.keyFile} {
		if t.given {
			ways = append(ways, t.place)
		}
	}
	for _, at := range ways {
		c.add(at, "means nothing without nats.url: the embedded server needs no identity of ours")
	}
}

func (c *checker) natsURL(t text) string {
	var urls []string
	for one := range strings.SplitSeq(t.value, ",") {
		one = strings.TrimSpace(one)
		if c.url(t, one, "nats", "tls", "ws", "wss") == nil {
			return ""
		}
		urls = append(urls, one)
	}
	return strings.Join(urls, ",")
}

func (c *checker) embedded(raw *rawEmbedded, unused bool) EmbeddedNATS {
	e := EmbeddedNATS{
		Listen:   c.listen(raw.listen, "127.0.0.1:4222"),
		StoreDir: c.path("data"),
		TLS:      c.serverTLS(raw.tls),
	}
	if raw.storeDir.given && c.required(raw.storeDir) {
		e.StoreDir = c.path(raw.storeDir.value)
	}
	for i := range raw.users.items {
		key, r := raw.users.items[i].key, &raw.users.items[i].value
		if !clientName.MatchString(key.value) {
			c.add(key.place, "%s is not possible: %s", quote(key.value), clientNameRule)
		}
		e.Users = append(e.Users, NATSUser{
			Name:         key.value,
			PasswordHash: c.passwordHash(r.passwordHash, c.requiredSecret(r.passwordHash)),
			ActsAs:       c.actsAs(&r.actsAs),
		})
	}
	slices.SortFunc(e.Users, func(a, b NATSUser) int { return strings.Compare(a.Name, b.Name) })
	if unused || isLoopback(e.Listen) {
		return e
	}
	if len(raw.users.items) == 0 {
		c.add(raw.listen.place, "%s can be reached from outside: that needs nats.embedded.users", quote(e.Listen))
	}
	if !raw.tls.given() {
		c.add(raw.listen.place, "%s can be reached from outside: that needs nats.embedded.tls", quote(e.Listen))
	}
	return e
}

// actsAs reads whom a program may act as: people, or * for everybody.
func (c *checker) actsAs(raw *texts) ActsAs {
	var a ActsAs
	for _, t := range raw.items {
		switch {
		case !c.required(t):
		case t.value == "*":
			a.Anyone = true
		default:
			c.knownPerson(t)
			a.People = append(a.People, supervision.PersonID(t.value))
		}
	}
	slices.Sort(a.People)
	a.People = slices.Compact(a.People)
	return a
}
