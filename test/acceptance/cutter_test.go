package acceptance

import (
	"io"
	"net"
	"sync"
	"testing"
)

// cutter is a cable between a client and a server that can be cut and mended.
type cutter struct {
	listener net.Listener

	mu    sync.Mutex
	to    string // the server; empty: cut
	pairs map[net.Conn]net.Conn
	done  sync.WaitGroup
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
	_, _ = io.Copy(to, from)
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

// mend leads to a server again.
func (c *cutter) mend(to string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.to = to
}
