package front

import (
	"context"
	"crypto/tls"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"time"
)

const (
	// maxConnections is how many there may be in all: the library has a buffer of 32 KiB for each.
	maxConnections = 2_048
	// maxConnectionsOf is how many there may be from one network. A proxy on this machine has as many as it likes.
	maxConnectionsOf = 256
)

// connections counts those that are open.
type connections struct {
	mu  sync.Mutex
	all map[*stream]struct{}
	of  map[netip.Addr]int
}

func newConnections() *connections {
	return &connections{all: make(map[*stream]struct{}), of: make(map[netip.Addr]int)}
}

func (c *connections) enter(s *stream) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	whose := network(s.from.Addr())
	if len(c.all) >= maxConnections || c.of[whose] >= maxConnectionsOf && !whose.IsLoopback() {
		return false
	}
	c.all[s] = struct{}{}
	c.of[whose]++
	return true
}

func (c *connections) leave(s *stream) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.all, s)
	whose := network(s.from.Addr())
	if c.of[whose]--; c.of[whose] <= 0 {
		delete(c.of, whose)
	}
}

// end ends them all.
func (c *connections) end() {
	c.mu.Lock()
	all := make([]*stream, 0, len(c.all))
	for s := range c.all {
		all = append(all, s)
	}
	c.mu.Unlock()
	for _, s := range all {
		_ = s.Close()
	}
}

// listener gives out connections that are watched over.
type listener struct {
	net.Listener
	ctx       context.Context
	transport string
	tls       *tls.Config // nil for plain TCP
	gate      *gate
	open      *connections
	log       *slog.Logger
}

// Accept implements net.Listener. It ends with the listener only: a fault, such as too many open files, ends nothing.
func (l *listener) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			if l.ctx.Err() != nil {
				return nil, err
			}
			l.log.Error("sip: a connection cannot be accepted", "listener", l.Addr().String(), "error", err)
			select {
			case <-time.After(breath):
				continue
			case <-l.ctx.Done():
				return nil, err
			}
		}
		if s := l.watched(c); s != nil {
			return s, nil
		}
	}
}

func (l *listener) watched(c net.Conn) *stream {
	s := &stream{Conn: c, gate: l.gate, from: addrPort(c.RemoteAddr()), began: time.Now()}
	if tcp, ok := c.(*net.TCPConn); ok {
		_ = tcp.SetWriteBuffer(sendBuffer) // what cannot be set stays as it is
	}
	if l.tls != nil {
		s.Conn = tls.Server(c, l.tls) // shakes hands at the first read, within the same time
	}
	if !l.open.enter(s) {
		l.gate.metrics.refused(crowded)
		_ = c.Close()
		return nil
	}
	gauge := l.gate.metrics.connections.WithLabelValues(l.transport)
	gauge.Inc()
	s.ended = func() {
		l.open.leave(s)
		gauge.Dec()
	}
	return s
}
