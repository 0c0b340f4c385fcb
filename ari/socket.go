package ari

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"
)

// frame is one event as it came, and when.
type frame struct {
	at   time.Time
	data []byte
}

// Reasons why a socket ended. They are wrapped; test with errors.Is.
var (
	errOverflow = errors.New("events came faster than they were handled, and the buffer is full")
	errSilent   = errors.New("the PBX has not answered a ping in time")
	errClosed   = errors.New("the connection was closed on our side")
)

// limits are what a socket keeps to. The numbers have tests in mind, which have no time for real ones.
type limits struct {
	handshake   time.Duration
	pingEvery   time.Duration
	pingTimeout time.Duration
	frameBytes  int64 // of one frame
	frames      int   // in the buffer
	bytes       int   // in the buffer
}

var usualLimits = limits{
	handshake:   requestTimeout,
	pingEvery:   5 * time.Second,
	pingTimeout: 5 * time.Second,
	frameBytes:  1 << 20,
	frames:      65536,
	bytes:       64 << 20,
}

// socket is one websocket connection to Asterisk's events, for one application.
//
// It reads without pause into a bounded buffer, whatever its user does: Asterisk itself suffers when its events are not
// read (websocket_write_timeout). It never drops a frame in silence. When the buffer is full, the PBX does not answer
// pings, or the connection breaks, it ends; then Frames is closed and Err says why. The frames that came before a break
// are handed out first.
type socket struct {
	conn    *websocket.Conn
	limits  limits
	queue   *frameQueue
	out     chan frame
	stop    context.CancelCauseFunc
	running sync.WaitGroup
	arrived atomic.Uint64

	mu  sync.Mutex
	err error
}

// openSocket connects an application. subscribeAll is off: closing a socket that has it can stop Asterisk's ARI for good
// (asterisk#2170); what is wanted must be subscribed to, once the socket is open. The socket ends with its context.
func openSocket(ctx context.Context, server Server, app string) (*socket, error) {
	return openLimited(ctx, server, app, usualLimits)
}

func openLimited(ctx context.Context, server Server, app string, l limits) (*socket, error) {
	conn, err := dial(ctx, server, app, l.handshake)
	if err != nil {
		return nil, err
	}
	conn.SetReadLimit(l.frameBytes)
	ctx, stop := context.WithCancelCause(ctx)
	s := &socket{
		conn: conn, limits: l, queue: newFrameQueue(l.frames, l.bytes), out: make(chan frame, 64), stop: stop,
	}
	s.running.Go(func() { s.read(ctx) })
	s.running.Go(func() { s.hand(ctx) })
	s.running.Go(func() { s.ping(ctx) })
	return s, nil
}

// dial makes the handshake. The password goes into a header: URLs end up in logs.
func dial(ctx context.Context, server Server, app string, timeout time.Duration) (*websocket.Conn, error) {
	const path = "/events"
	base, err := server.base()
	if err != nil {
		return nil, err
	}
	client, err := server.client()
	if err != nil {
		return nil, err
	}
	defer client.CloseIdleConnections() // what an attempt that failed leaves behind; the websocket is none of them
	credentials := base64.StdEncoding.EncodeToString([]byte(server.Username + ":" + server.Password))
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	conn, resp, err := websocket.Dial(ctx,
		base.String()+path+"?"+url.Values{"app": {app}, "subscribeAll": {"false"}}.Encode(),
		&websocket.DialOptions{
			HTTPClient:   client,
			HTTPHeader:   http.Header{"Authorization": {"Basic " + credentials}},
			Subprotocols: []string{"ari"},
		})
	switch {
	case err == nil:
		return conn, nil
	case resp == nil:
		return nil, transportError(http.MethodGet, path, base.Host, err)
	case resp.StatusCode >= 300:
		return nil, statusError(http.MethodGet, path, resp.StatusCode, bodyOf(resp))
	}
	return nil, &Error{Method: http.MethodGet, Path: path, Status: resp.StatusCode, Code: BadAnswer, err: err}
}

// bodyOf reads the little that the websocket library keeps of an answer.
func bodyOf(resp *http.Response) []byte {
	var b bytes.Buffer
	if resp.Body != nil {
		_, _ = b.ReadFrom(resp.Body)
	}
	return b.Bytes()
}

// Frames hands out the frames in the order in which they came. It is closed when the socket has ended.
func (s *socket) Frames() <-chan frame { return s.out }

// Arrived counts the frames that have come from the network. Whoever counts those that Frames has given knows when all
// that had come at some moment is handled; an empty channel does not tell it, for frames may be on their way there.
func (s *socket) Arrived() uint64 { return s.arrived.Load() }

// Err says why the socket ended; nil while it has not.
func (s *socket) Err() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

// Close ends the socket and waits until all of it has. It says farewell, for Asterisk logs a warning about whoever does
// not; but an Asterisk that hangs must not hold up the daemon's end.
func (s *socket) Close() {
	ended := s.Err() != nil
	s.fail(errClosed)
	if !ended {
		patience := time.AfterFunc(farewell, func() { _ = s.conn.CloseNow() })
		_ = s.conn.Close(websocket.StatusNormalClosure, "")
		patience.Stop()
	}
	s.stop(errClosed)
	_ = s.conn.CloseNow()
	s.running.Wait()
}

// farewell is how long Close waits for Asterisk's answer.
const farewell = 250 * time.Millisecond

// fail notes the first reason.
func (s *socket) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err == nil {
		s.err = fmt.Errorf("the event connection ended: %w", err)
	}
}

// read takes frames from the network until there are no more.
func (s *socket) read(ctx context.Context) {
	defer s.queue.close()
	var scratch bytes.Buffer
	for {
		_, r, err := s.conn.Reader(ctx)
		if err == nil {
			scratch.Reset()
			_, err = scratch.ReadFrom(r)
		}
		if err != nil {
			s.fail(readError(ctx, err))
			return
		}
		if !s.queue.put(frame{at: time.Now(), data: bytes.Clone(scratch.Bytes())}) {
			s.fail(errOverflow)
			s.stop(errOverflow)
			return
		}
		s.arrived.Add(1)
	}
}

// readError says what the websocket library's error means for us.
func readError(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	if code := websocket.CloseStatus(err); code >= 0 {
		return fmt.Errorf("closed by Asterisk (%v)", code)
	}
	return err
}

// hand passes frames on. It ends when all are passed on that came before the end, or when nobody wants them any more.
func (s *socket) hand(ctx context.Context) {
	defer close(s.out)
	defer func() { _ = s.conn.CloseNow() }()
	for {
		f, ok := s.queue.take(ctx)
		if !ok {
			if ctx.Err() != nil {
				s.fail(context.Cause(ctx))
			}
			return
		}
		select {
		case s.out <- f:
		case <-ctx.Done():
			s.fail(context.Cause(ctx))
			return
		}
	}
}

// ping finds out whether the PBX is still there: a silently cut connection looks like a quiet one.
func (s *socket) ping(ctx context.Context) {
	tick := time.NewTicker(s.limits.pingEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-s.queue.closed:
			return
		case <-ctx.Done():
			return
		}
		limited, cancel := context.WithTimeout(ctx, s.limits.pingTimeout)
		err := s.conn.Ping(limited)
		late := limited.Err() != nil && ctx.Err() == nil
		cancel()
		if late {
			s.fail(errSilent)
			s.stop(errSilent)
			_ = s.conn.CloseNow()
			return
		}
		if err != nil {
			return // the reader knows better why
		}
	}
}
