package acceptance

import (
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"
)

// cutter is a cable between a client and a server that can be cut and mended, or swallow for a while what goes through it.
type cutter struct {
	listener net.Listener

	mu    sync.Mutex
	to    string // the server; empty: cut
	pairs map[net.Conn]net.Conn
	done  sync.WaitGroup

	swallows atomic.Bool
}

func startCutter(t *testing.T, to string) *cutter {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &cutter{listener: listener, to: to, pairs: make(map[net.Conn]net.Conn)}
	c.done.Go(c.run)
	t.Cleanup(func() {
		_ = listener.Close()
		c.cut()
		c.done.Wait()
	})
	return c
}

func (c *cutter) addr() string { return c.listener.Addr().String() }

func (c *cutter) run() {
	for {
		client, err := c.listener.Accept()
		if err != nil {
			return
		}
		c.mu.Lock()
		server, err := net.Dial("tcp", c.to) // nowhere, when it is cut
		if c.to == "" || err != nil {
			c.mu.Unlock()
			_ = client.Close()
			continue
		}
		c.pairs[client] = server
		c.mu.Unlock()
		c.done.Go(func() { c.pass(client, client, server) })
		c.done.Go(func() { c.pass(client, server, client) })
	}
}

func (c *cutter) pass(pair net.Conn, from io.Reader, to io.Writer) {
	_, _ = io.Copy(&swallower{cable: c, to: to}, from)
	c.mu.Lock()
	defer c.mu.Unlock()
	if server := c.pairs[pair]; server != nil {
		_ = pair.Close()
		_ = server.Close()
		delete(c.pairs, pair)
	}
}

// cut ends all connections and lets none come.
func (c *cutter) cut() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.to = ""
	for client, server := range c.pairs {
		_ = client.Close()
		_ = server.Close()
	}
}

// stall has nothing go through any more, on any connection, and ends none: a network that is gone without a word.
func (c *cutter) stall() { c.swallows.Store(true) }

// flow lets through again what is sent from now on. Of connections on which something was lost nothing more is heard, as of those whose
// other end has been forgotten on the way.
func (c *cutter) flow() { c.swallows.Store(false) }

type swallower struct {
	cable *cutter
	to    io.Writer
	lost  bool
}

func (s *swallower) Write(b []byte) (int, error) {
	if s.lost = s.lost || s.cable.swallows.Load(); s.lost {
		return len(b), nil
	}
	return s.to.Write(b)
}

// mend leads to a server again.
func (c *cutter) mend(to string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.to = to
}
