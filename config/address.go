package config

import (
	"net"
	"net/netip"
	"regexp"
	"strconv"
)

var hostname = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9.-]{0,252})$`)

// listen returns an address to listen on, or the default.
func (c *checker) listen(t text, standard string) string {
	if !t.given {
		return standard
	}
	return c.address(t, t.value)
}

// address checks host:port. No host means every interface, and port 0 one that is free.
func (c *checker) address(t text, address string) string {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		c.add(t.place, "%s is not possible: write host:port, such as 127.0.0.1:8080", quote(t.value))
		return address
	}
	if !isPort(port) {
		c.add(t.place, "%s is not possible: a port is a number from 0 to 65535", quote(t.value))
	}
	if _, err := netip.ParseAddr(host); err != nil && host != "" && !hostname.MatchString(host) {
		c.add(t.place, "%s is not possible: the host is an IP address or a name", quote(t.value))
	}
	return address
}

func isPort(port string) bool {
	_, err := strconv.ParseUint(port, 10, 16)
	return err == nil
}

func isLoopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	return err != nil || isLoopbackHost(host) // what is no address has been reported
}

func isLoopbackHost(host string) bool {
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback() || host == "localhost"
}
