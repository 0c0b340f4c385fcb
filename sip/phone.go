package sip

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	gosip "github.com/emiago/sipgo/sip"

	"supervisiond/sip/notifier"
	"supervisiond/sip/registrar"
	"supervisiond/supervision"
)

// phone is the other side of a dialog (RFC 3261, 12.1.1), and how it is reached.
type phone struct {
	transport string // UDP, TCP or TLS
	// local is the listener that the phone spoke to; ours is its address as the phone can reach it.
	local, ours string
	source      string // where it spoke from
	target      gosip.Uri
	routes      []string
	// from and to are those of our requests, without tags.
	from gosip.FromHeader
	to   gosip.ToHeader
	// hop is where our requests go to.
	hop string
}

// Address implements notifier.Peer. Over TCP it has the connection, so that a phone that has connected anew is another one; of phones
// behind one proxy each is one.
func (p *phone) Address() string {
	if at := p.target.HostPort(); at != p.hop {
		return p.transport + " " + p.hop + " for " + at
	}
	return p.transport + " " + p.hop
}

// Within implements notifier.Peer. A dialog's route set and addresses are those of its first request; the Contact, and whence the
// phone speaks, are those of the latest (RFC 3261, 12.2).
func (p *phone) Within(began notifier.Peer) notifier.Peer {
	first, ok := began.(*phone)
	if !ok {
		return p
	}
	next := *p
	next.routes, next.from, next.to = first.routes, first.from, first.to
	next.hop = next.nextHop()
	next.ours = reachedAt(next.local, next.hop)
	return &next
}

// phoneOf reads from a request in a dialog, or one that begins it, how to reach who sent it.
func phoneOf(req *gosip.Request, local string) (*phone, error) {
	contact := req.Contact()
	if contact == nil || contact.Address.Wildcard || contact.Address.Host == "" {
		return nil, fmt.Errorf("no Contact says where to reach the phone")
	}
	p := &phone{
		transport: strings.ToUpper(req.Transport()), local: local, source: req.Source(), target: *contact.Address.Clone(),
		from: req.To().AsFrom(), to: req.From().AsTo(),
	}
	p.target.Headers = nil
	for _, h := range req.GetHeaders("Record-Route") {
		p.routes = append(p.routes, h.Value())
	}
	p.hop = p.nextHop()
	p.ours = reachedAt(local, p.hop)
	return p, nil
}

// registered is a phone as it has registered.
func registered(b *registrar.Binding, person supervision.PersonID) *phone {
	p := &phone{transport: b.Transport, local: b.Local.String(), source: b.Source.String(), target: *b.Contact.Clone(), routes: b.Path}
	p.target.Headers = nil
	p.hop = p.nextHop()
	p.ours = reachedAt(p.local, p.hop)
	host, _, _ := net.SplitHostPort(p.ours)
	p.from = gosip.FromHeader{DisplayName: "Supervision", Address: gosip.Uri{Scheme: "sip", User: string(person), Host: host}}
	p.to = gosip.ToHeader{Address: gosip.Uri{Scheme: "sip", User: string(person), Host: host}}
	return p
}

// nextHop is where requests to the phone go: to the first proxy that wants to stay on the way, otherwise to its Contact if that is
// where it spoke from. Any other Contact is behind something that translates addresses, or somebody else's: what is sent there
// would not arrive, or should not.
func (p *phone) nextHop() string {
	if len(p.routes) > 0 {
		uri := p.target
		if first, ok := routeURI(p.routes[0]); ok {
			uri = first
		}
		return addressOf(&uri, p.transport)
	}
	if at := p.listensAt(); p.transport == "UDP" && at != "" {
		return at
	}
	return p.source
}

// listensAt is the address of the phone's Contact, if that is where it spoke from.
func (p *phone) listensAt() string {
	address := addressOf(&p.target, p.transport)
	there, err := netip.ParseAddrPort(address)
	from, err2 := netip.ParseAddrPort(p.source)
	if err != nil || err2 != nil || there.Addr().Unmap() != from.Addr().Unmap() {
		return ""
	}
	return address
}

func addressOf(uri *gosip.Uri, transport string) string {
	port := uri.Port
	if port == 0 {
		port = gosip.DefaultPort(transport)
	}
	return net.JoinHostPort(strings.Trim(uri.Host, "[]"), strconv.Itoa(port))
}

// wantsTCP: the phone asks over UDP to be told over TCP (RFC 3261, 19.1.1).
func (p *phone) wantsTCP() bool {
	transport, _ := p.target.UriParams.Get("transport")
	return strings.EqualFold(transport, "tcp") && p.hop == p.listensAt()
}

// takesConnectionsAt is where a connection may be made to the phone, or the proxy before it, when there is none. Over TLS nobody there
// has a certificate to be known by.
func (p *phone) takesConnectionsAt(transport string) string {
	switch {
	case transport != "TCP":
		return ""
	case p.transport == "UDP", len(p.routes) > 0:
		return p.hop
	}
	return p.listensAt()
}

// routeURI is the address in a Route.
func routeURI(route string) (gosip.Uri, bool) {
	plain := strings.SplitN(route, ">", 2)[0]
	var uri gosip.Uri
	err := gosip.ParseUri(plain[strings.IndexByte(plain, '<')+1:], &uri)
	return uri, err == nil
}

// way is where a request in a dialog is for, and over which proxies it goes. One that does not know loose routing takes what the
// request is for as the next way, so its own address stands there (RFC 3261, 12.2.1.1).
func (p *phone) way() (gosip.Uri, []string) {
	if len(p.routes) == 0 {
		return p.target, nil
	}
	first, ok := routeURI(p.routes[0])
	if !ok || first.UriParams.Has("lr") {
		return p.target, p.routes
	}
	return first, append(slices.Clone(p.routes[1:]), "<"+p.target.String()+">")
}

// reachedAt is a listener's address as somebody sees it: of one that listens everywhere it is the one from which the system would
// speak to them.
func reachedAt(local, them string) string {
	listener, err := netip.ParseAddrPort(local)
	if err != nil || !listener.Addr().IsUnspecified() {
		return local
	}
	c, err := net.Dial("udp", them) // nothing is sent
	if err != nil {
		return local
	}
	defer func() { _ = c.Close() }()
	host, _, err := net.SplitHostPort(c.LocalAddr().String())
	if err != nil {
		return local
	}
	return net.JoinHostPort(host, strconv.Itoa(int(listener.Port())))
}

// byConnection says whether the phone's requests came over a connection of a proxy's. It goes both ways, and over TLS, or to a proxy
// that names itself as the phones know it, it is the only one (RFC 5923).
func (p *phone) byConnection() bool { return p.transport != "UDP" && len(p.routes) > 0 }

// contact is our side of the dialog.
func (p *phone) contact(user string) string {
	uri := "sip:" + user + "@" + p.ours
	if p.transport != "UDP" {
		uri += ";transport=" + strings.ToLower(p.transport)
	}
	return "<" + uri + ">"
}
