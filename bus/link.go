package bus

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"supervisiond/bus/subject"
)

const (
	reconnectWait   = 500 * time.Millisecond
	reconnectJitter = 500 * time.Millisecond
	connectTimeout  = 3 * time.Second
	// writeTimeout is how long a server may take nothing before the connection is given up.
	writeTimeout = 2 * time.Second
	pingInterval = 5 * time.Second
)

// link tells when the connection is there. Each time it comes, up gets a context that ends when it goes.
type link struct {
	up     chan context.Context // holds one: the newest
	closed chan struct{}

	mu  sync.Mutex
	end context.CancelCauseFunc
}

func newLink() *link {
	return &link{up: make(chan context.Context, 1), closed: make(chan struct{})}
}

func (l *link) rise() {
	l.fall(errors.New("reconnected"))
	ctx, cancel := context.WithCancelCause(context.Background())
	l.mu.Lock()
	l.end = cancel
	l.mu.Unlock()
	select {
	case <-l.up:
	default:
	}
	l.up <- ctx
}

func (l *link) fall(why error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.end != nil {
		l.end(why)
		l.end = nil
	}
}

// connect opens the connection, or begins to try. It goes on trying for ever: the daemon outlives its NATS server.
func (b *Bus) connect(l *link) (*nats.Conn, error) {
	first := true
	up := func(nc *nats.Conn) {
		b.metrics.connected.Set(1)
		if !first {
			b.metrics.reconnects.Inc()
		}
		first = false // callbacks come one after the other
		b.complaints.settle()
		b.log.Info("connected to NATS", "server", nc.ConnectedUrlRedacted(), "version", nc.ConnectedServerVersion())
		b.queue.link(true)
		l.rise()
	}
	return b.options.Connect(
		nats.Name("supervisiond "+b.options.Site),
		nats.CustomInboxPrefix(subject.Inbox(subject.Daemon)),
		nats.RetryOnFailedConnect(true),
		nats.MaxReconnects(-1),
		nats.ReconnectWait(reconnectWait),
		nats.ReconnectJitter(reconnectJitter, reconnectJitter),
		nats.Timeout(connectTimeout),
		nats.FlusherTimeout(writeTimeout),
		nats.PingInterval(pingInterval),
		nats.MaxPingsOutstanding(2),
		// Nothing is buffered for a server that is away: when it comes back it gets the state as it is then.
		nats.ReconnectBufSize(-1),
		// A password that is wrong today may be mended tomorrow, on the server.
		nats.IgnoreAuthErrorAbort(),
		nats.ConnectHandler(up),
		nats.ReconnectHandler(up),
		nats.DisconnectErrHandler(func(nc *nats.Conn, err error) {
			if nc.IsClosed() {
				return // by us
			}
			if err == nil {
				err = errors.New("the server ended the connection")
			}
			b.down()
			l.fall(fmt.Errorf("NATS is away: %w", err))
			b.log.Warn("NATS is away; publishing goes on when it is back", "error", err)
		}),
		nats.ReconnectErrHandler(func(_ *nats.Conn, err error) {
			b.complaints.say("cannot connect to NATS, trying on", explain(err))
		}),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
			b.complaints.say("NATS reports an error", explain(err))
		}),
		nats.ClosedHandler(func(*nats.Conn) {
			b.down()
			l.fall(nats.ErrConnectionClosed)
			close(l.closed)
		}),
	)
}

// down notes that nothing can be published.
func (b *Bus) down() {
	b.ready.Store(false)
	b.metrics.connected.Set(0)
	b.queue.link(false)
}

// explain adds the mend to what the client says.
func explain(err error) error {
	switch {
	case errors.Is(err, nats.ErrAuthorization), errors.Is(err, nats.ErrAuthExpired), errors.Is(err, nats.ErrAuthRevoked),
		strings.Contains(strings.ToLower(err.Error()), "authorization violation"):
		return fmt.Errorf("%w: the server refuses the daemon's credentials; check nats.user and nats.password, or nats.credentials_file", err)
	case errors.Is(err, nats.ErrPermissionViolation):
		return fmt.Errorf("%w: docs/nats.md says what the daemon's user needs", err)
	case errors.Is(err, nats.ErrNoServers):
		return fmt.Errorf("%w: nobody answers at nats.url; is the server running there?", err)
	}
	return err
}
