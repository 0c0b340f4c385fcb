package console

import (
	"net"
	"net/http"
	"net/netip"
	"sync"
)

const (
	// maxConnections is how many connections there may be; more wait.
	maxConnections = 4096
	// maxConnectionsOf is how many there may be from one network; more are closed. A proxy on this machine has as many as it
	// likes.
	maxConnectionsOf = 512
	// sendBuffer is about how many bytes the system keeps for a client that does not read. It would take megabytes by itself.
	sendBuffer = 131_072
)

// frugal gives each connection that it accepts a bounded buffer.
type frugal struct{ net.Listener }

// Accept implements net.Listener.
func (l frugal) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if tcp, ok := c.(*net.TCPConn); ok {
		_ = tcp.SetWriteBuffer(sendBuffer) // what cannot be set stays as it is
	}
	return c, err
}

// connections counts those of each network, so that nobody has all the places by holding connections open.
type connections struct {
	mu sync.Mutex
	of map[string]int
}

func newConnections() *connections { return &connections{of: make(map[string]int)} }

// changed is told what becomes of each connection, and closes what is too much.
func (c *connections) changed(conn net.Conn, state http.ConnState) {
	from, err := netip.ParseAddrPort(conn.RemoteAddr().String())
	if err != nil || from.Addr().Unmap().IsLoopback() {
		return
	}
	if c.count(network(from.Addr().Unmap().String()), state) > maxConnectionsOf {
		_ = conn.Close() // and StateClosed follows
	}
}

// count gives how many there are once one more has come; 0: none has.
func (c *connections) count(network string, state http.ConnState) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch state {
	case http.StateNew:
		c.of[network]++
		return c.of[network]
	case http.StateClosed, http.StateHijacked:
		if c.of[network]--; c.of[network] == 0 {
			delete(c.of, network)
		}
	}
	return 0
}
