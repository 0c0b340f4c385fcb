package push

import (
	"crypto/ecdh"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strings"
)

const (
	// maxEndpoint is how long an endpoint may be, in bytes. Those of browsers have 150 to 600.
	maxEndpoint = 1024
	// secretLength is that of a browser's authentication secret, in bytes (RFC 8291, 3.2).
	secretLength = 16
)

// allowed are the push services that may be told.
type allowed struct {
	services []string // origins; none: all at public addresses
}

// Origin gives the origin of a URL as browsers write it: in lower case, without the port that https has anyway.
func Origin(u *url.URL) string {
	host := strings.ToLower(u.Host)
	return strings.ToLower(u.Scheme) + "://" + strings.TrimSuffix(host, ":443")
}

// listed says whether the administrator has named the service of an address.
func (a allowed) listed(u *url.URL) bool { return slices.Contains(a.services, Origin(u)) }

// check says what is wrong with an endpoint, in words for who subscribes.
func (a allowed) check(endpoint string) error {
	u, err := url.Parse(endpoint)
	switch {
	case len(endpoint) > maxEndpoint:
		return fmt.Errorf("the endpoint is longer than %d bytes", maxEndpoint)
	case err != nil || u.Scheme != "https" || u.Hostname() == "" || u.Opaque != "":
		return errors.New("the endpoint must be an https address")
	case u.User != nil || u.Fragment != "" || strings.ContainsFunc(endpoint, func(r rune) bool { return r <= ' ' || r > '~' }):
		return errors.New("the endpoint has parts that no push service's has")
	case a.listed(u):
		return nil
	case len(a.services) > 0:
		return errors.New("this browser's push service is not among those of http.push.services")
	case u.Port() != "" && u.Port() != "443":
		return errors.New("the endpoint must be at port 443, unless http.push.services names its service")
	}
	return checkHost(u.Hostname())
}

// checkHost refuses what cannot be a push service on the Internet. What a name stands for is looked at when it is dialled.
func checkHost(host string) error {
	if ip, err := netip.ParseAddr(host); err == nil {
		if !public(ip) {
			return errNotPublic
		}
		return nil
	}
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	if !strings.Contains(host, ".") || strings.HasSuffix(host, ".localhost") || strings.HasSuffix(host, ".local") {
		return errNotPublic
	}
	return nil
}

var errNotPublic = errors.New("the push service is at no public address; http.push.services may name one that is in the house")

// reserved are addresses that look like public ones and are not (IANA special-purpose registries, RFC 6890).
var reserved = prefixes(
	"0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "198.18.0.0/15", "198.51.100.0/24",
	"203.0.113.0/24", "240.0.0.0/4",
	"2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20",
)

var (
	internet6 = netip.MustParsePrefix("2000::/3")
	// nat64 has the address of another network at its end (RFC 6052).
	nat64 = netip.MustParsePrefix("64:ff9b::/96")
)

func prefixes(list ...string) []netip.Prefix {
	all := make([]netip.Prefix, len(list))
	for i, one := range list {
		all[i] = netip.MustParsePrefix(one)
	}
	return all
}

// public says whether an address is one of the Internet.
func public(ip netip.Addr) bool {
	if ip.Zone() != "" {
		return false
	}
	if ip = ip.Unmap(); nat64.Contains(ip) {
		bytes := ip.As16()
		ip = netip.AddrFrom4([4]byte(bytes[12:]))
	}
	if !ip.IsGlobalUnicast() || ip.IsPrivate() || ip.Is6() && !internet6.Contains(ip) {
		return false
	}
	return !slices.ContainsFunc(reserved, func(p netip.Prefix) bool { return p.Contains(ip) })
}

// publicOnly lets a connection be made to the Internet only. It sees the very address that is dialled, whatever a name stood
// for before.
func publicOnly(_, address string) error {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return err
	}
	ip, err := netip.ParseAddr(host)
	if err != nil || !public(ip) {
		return errNotPublic
	}
	return nil
}

// checkKeys says what is wrong with a browser's keys.
func checkKeys(p256dh, auth string) error {
	point, err := decodeKey(p256dh)
	if err == nil {
		_, err = ecdh.P256().NewPublicKey(point)
	}
	if err != nil {
		return errors.New("keys.p256dh must be a point of P-256, uncompressed, in base64url")
	}
	if secret, err := decodeKey(auth); err != nil || len(secret) != secretLength {
		return fmt.Errorf("keys.auth must be %d bytes in base64url", secretLength)
	}
	return nil
}

// decodeKey reads base64url as browsers write it, and with padding as some programs do.
func decodeKey(text string) ([]byte, error) {
	return base64.RawURLEncoding.DecodeString(strings.TrimRight(text, "="))
}
