package config

import (
	"regexp"
	"strings"
)

var (
	pbxURI      = regexp.MustCompile(`^sips?:([A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?(;[A-Za-z0-9._=-]+)*$`)
	realm       = regexp.MustCompile(`^[A-Za-z0-9 ._@:/-]{1,80}$`)
	sipUsername = regexp.MustCompile(`^[A-Za-z0-9_.@+-]{1,64}$`)
)

func (c *checker) sip(raw *rawSIP) SIP {
	s := SIP{
		TLS:    c.serverTLS(raw.tls),
		PBXURI: c.matching(raw.pbxURI, "sip:127.0.0.1:5060", pbxURI, "write host and port, such as sip:127.0.0.1:5060"),
		Realm:  c.matching(raw.realm, "", realm, "a realm is 1 to 80 letters, digits, spaces and ._@:/-"),
		List:   oneOf(c, raw.list, ListFixed, ListCompact),
	}
	if !raw.given {
		return s
	}
	for _, t := range raw.listen.items {
		if !c.required(t) {
			continue
		}
		network, address, _ := strings.Cut(t.value, "://")
		switch network {
		case "tls":
			if !raw.tls.given() {
				c.add(t.place, "%s needs sip.tls", quote(t.value))
			}
		case "udp", "tcp":
		default:
			c.add(t.place, "%s is not possible: write udp://, tcp:// or tls:// and host:port", quote(t.value))
			continue
		}
		s.Listen = append(s.Listen, Listener{Network: network, Address: c.address(t, address)})
	}
	switch {
	case raw.listen.given && len(raw.listen.items) == 0:
		c.add(raw.listen.place, "empty: list an address, or leave the whole sip section out")
	case !raw.listen.given:
		s.Listen = []Listener{{"udp", "127.0.0.1:5070"}, {"tcp", "127.0.0.1:5070"}}
	}
	return s
}

// credentials reads what a person's phone proves itself with.
func (c *checker) credentials(raw *rawCredentials, usernames owned, owner string) SIPCredentials {
	if !raw.given {
		return SIPCredentials{}
	}
	if !raw.username.given {
		raw.username.value = owner
	}
	s := SIPCredentials{
		Username:  c.matching(raw.username, owner, sipUsername, "a username is 1 to 64 letters, digits and _.@+-"),
		Password:  c.secret(raw.password),
		HA1MD5:    c.ha1(raw.ha1MD5, md5Hex, "32 hexadecimal digits, the MD5"),
		HA1SHA256: c.ha1(raw.ha1SHA256, sha256Hex, "64 hexadecimal digits, the SHA-256"),
		Alerts:    c.boolean(raw.alerts, false),
	}
	c.claim(usernames, raw.username, "SIP username", owner)
	hashed := raw.ha1MD5.given() || raw.ha1SHA256.given()
	switch {
	case raw.password.given() && hashed:
		c.add(raw.password.place(), "one of password and ha1_… is enough: keep the hash")
	case !raw.password.given() && !hashed:
		c.add(raw.place, "needs a password, ha1_sha256 or ha1_md5")
	}
	return s
}
