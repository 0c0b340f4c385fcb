package front

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"
)

// Listener is an address that SIP is served on.
type Listener struct {
	Network string // udp, tcp or tls
	Address string // host:port; port 0 is any that is free
}

// bound is an address that is taken: one of socket and listener is set.
type bound struct {
	network  string
	address  netip.AddrPort
	socket   *socket
	listener *listener
}

// bind takes an address.
func (f *Front) bind(ctx context.Context, l Listener) (*bound, error) {
	b := &bound{network: l.Network}
	config := net.ListenConfig{KeepAliveConfig: net.KeepAliveConfig{Enable: true}}
	switch l.Network {
	case "udp":
		c, err := config.ListenPacket(ctx, "udp", l.Address)
		if err != nil {
			return nil, cannotListen(l, err)
		}
		b.socket = &socket{PacketConn: c, gate: f.gate, limit: maxSources, linger: linger}
		b.address = addrPort(c.LocalAddr())
	case "tcp", "tls":
		c, err := config.Listen(ctx, "tcp", l.Address)
		if err != nil {
			return nil, cannotListen(l, err)
		}
		b.address = addrPort(c.Addr())
		b.listener = &listener{
			Listener: c, ctx: f.ctx, transport: transportOf(l.Network), gate: f.gate, open: f.open, log: f.log,
		}
		if l.Network == "tls" {
			b.listener.tls = f.tls
		}
	default:
		return nil, fmt.Errorf("sip.listen: %s is not udp, tcp or tls", l.Network)
	}
	return b, nil
}

func cannotListen(l Listener, err error) error {
	return fmt.Errorf("sip.listen: cannot listen on %s://%s; free the address or choose another: %w", l.Network, l.Address, err)
}

// close gives the address back.
func (b *bound) close() {
	if b.socket != nil {
		_ = b.socket.PacketConn.Close()
		return
	}
	_ = b.listener.Close()
}

// serve reads from an address until the front is shut down.
func (f *Front) serve(b *bound) {
	if b.socket != nil {
		f.read(b.socket)
		return
	}
	serve := f.server.ServeTCP
	if b.network == "tls" {
		serve = f.server.ServeTLS
	}
	_ = serve(b.listener) // ends with the listener only; see Accept
}

// read begins to read from a socket, and returns when that has begun. What the library remembers of sources goes when a reader
// ends, so one that has seen many lets another one follow, without a gap in which nobody reads. One that ends by a fault is
// followed too.
func (f *Front) read(s *socket) {
	var follow sync.Once
	var r *reader
	next := func() { follow.Do(func() { f.read(s) }) }
	r = s.reader(func() {
		next()
		f.pause(s.linger)
	})
	f.work.Go(func() {
		f.readUntilEnd(r)
		if len(r.sources) < r.limit && !f.pause(breath) {
			return
		}
		next() // it is there already, but after a fault
	})
	select {
	case <-r.begun:
	case <-f.ctx.Done():
	}
}

// pause waits; false: the end has come.
func (f *Front) pause(d time.Duration) bool {
	select {
	case <-time.After(d):
		return f.ctx.Err() == nil
	case <-f.ctx.Done():
		return false
	}
}

func (f *Front) readUntilEnd(r *reader) {
	defer func() {
		if p := recover(); p != nil {
			f.gate.metrics.panics.Inc()
			f.log.Error("sip: reading failed by a fault of the daemon and begins anew", "listener", r.LocalAddr().String(), "fault", p)
		}
	}()
	f.gate.metrics.begun.Inc()
	_ = f.server.ServeUDP(r) // says nothing of how it ended
}
