package bench

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// streamClient follows GET /api/v1/stream over a connection of its own. As a browser does, it comes back when it was cut.
type streamClient struct {
	follower
	addr  string
	who   string // the headers that say who asks
	body  io.ReadCloser
	ended chan struct{} // closed when it is gone

	mu    sync.Mutex
	conn  net.Conn
	leave bool // the client itself goes
}

// open connects and waits for the beginning of the answer. A small window: what the client does not read waits at the server.
func (c *streamClient) open(ctx context.Context, window int) error {
	d := net.Dialer{}
	if window > 0 {
		d.Control = func(_, _ string, raw syscall.RawConn) error {
			var err error
			return errors.Join(raw.Control(func(fd uintptr) {
				err = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, window)
			}), err)
		}
	}
	conn, err := d.DialContext(ctx, "tcp", c.addr)
	if err != nil {
		return err
	}
	c.use(conn)
	request := "GET /api/v1/stream HTTP/1.1\r\nHost: " + c.addr + "\r\n" + c.who
	if c.seq > 0 {
		request += "Last-Event-ID: " + c.lastEventID() + "\r\n"
	}
	if _, err := io.WriteString(conn, request+"\r\n"); err != nil {
		return err
	}
	answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return err
	}
	c.body = answer.Body
	if answer.StatusCode != http.StatusOK {
		return errors.Join(fmt.Errorf("%s: %s", c.name, answer.Status), answer.Body.Close())
	}
	return nil
}

// follow takes events until the client leaves.
func (c *streamClient) follow(ctx context.Context) {
	c.ended = make(chan struct{})
	go func() {
		defer close(c.ended)
		for {
			c.read()
			_ = c.body.Close()
			if c.leaves() {
				return
			}
			if err := c.open(ctx, 0); err != nil {
				if !c.leaves() {
					c.fail(err)
				}
				return
			}
		}
	}()
}

// use makes a connection the client's.
func (c *streamClient) use(conn net.Conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.conn = conn
	if c.leave {
		_ = conn.Close()
	}
}

func (c *streamClient) leaves() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.leave
}

// read takes events until the stream ends.
func (c *streamClient) read() {
	lines := bufio.NewReader(c.body)
	var id, event string
	for {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			return // what is missing will be missed
		}
		if v, ok := field(line, "id"); ok {
			id = v
		} else if v, ok := field(line, "event"); ok {
			event = v
		} else if data, ok := bytes.CutPrefix(line, []byte("data: ")); ok {
			c.take(id, event, data)
		}
	}
}

// cut breaks the connection.
func (c *streamClient) cut() {
	c.mu.Lock()
	c.leave = true
	_ = c.conn.Close()
	c.mu.Unlock()
	<-c.ended
	c.leave = false
}

// streamClients are five for each person: two with sessions, three with a token.
func streamClients(b testing.TB, addr string, progress chan<- struct{}) []*streamClient {
	b.Helper()
	var list []*streamClient
	for p := range loadPeople {
		for n := range 5 {
			c := &streamClient{addr: addr, follower: follower{
				name: fmt.Sprintf("stream %d of %s", n, personID(p)), person: p, progress: progress,
			}}
			c.who = "Authorization: Bearer " + loadToken + "\r\nX-Act-As: " + personID(p) + "\r\n"
			if n < 2 {
				c.who = "Cookie: " + signIn(b, addr, personID(p)) + "\r\n"
			}
			list = append(list, c)
		}
	}
	return list
}

// signIn gives the cookie of a new session.
func signIn(b testing.TB, addr, person string) string {
	b.Helper()
	body := fmt.Sprintf(`{"person":%q,"password":%q}`, person, loadPassword)
	ctx, cancel := context.WithTimeout(b.Context(), patience)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+addr+"/api/v1/session", strings.NewReader(body))
	if err != nil {
		b.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		b.Fatal(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK || len(answer.Cookies()) != 1 {
		b.Fatalf("%s cannot sign in: %s", person, answer.Status)
	}
	return answer.Cookies()[0].Name + "=" + answer.Cookies()[0].Value
}
