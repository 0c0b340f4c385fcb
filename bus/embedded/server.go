package embedded

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strconv"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"supervisiond/bus/subject"
	"supervisiond/certificate"
)

// Options says how the server runs.
type Options struct {
	Site     string
	Listen   string // host:port; port 0 takes a free one
	StoreDir string
	// Users may log in over the network. Without any, whoever reaches the port reads, and nobody commands or writes.
	Users []User
	// CertFile and KeyFile turn TLS on. They are read again at each handshake, so that a renewed certificate needs no
	// restart.
	CertFile, KeyFile string
	// MaxStore and MaxMemory limit what is kept on disk and in memory, in bytes. 0: 1 GiB and 256 MiB.
	MaxStore, MaxMemory int64
	Log                 *slog.Logger
}

const (
	defaultMaxStore  = 1 << 30
	defaultMaxMemory = 256 << 20
	startTimeout     = 10 * time.Second
)

// Server is a running server.
type Server struct {
	ns     *server.Server
	secret string
}

// Start starts a server and returns when it takes connections.
func Start(o Options) (*Server, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	secret := rand.Text()
	so, err := options(o, secret)
	if err != nil {
		return nil, err
	}
	ns, err := server.NewServer(so)
	if err != nil {
		return nil, fmt.Errorf("embedded NATS server: %w", err)
	}
	l := &logger{log: o.Log, fatal: make(chan string, 1)}
	ns.SetLoggerV2(l, false, false, false)

	ready := make(chan bool, 1)
	go func() {
		ns.Start()
		ready <- ns.ReadyForConnections(startTimeout)
	}()
	var failure string
	select {
	case failure = <-l.fatal:
	case ok := <-ready:
		if ok && ns.JetStreamEnabled() {
			return &Server{ns: ns, secret: secret}, nil
		}
		failure = "it did not begin to listen in time"
		select {
		case failure = <-l.fatal:
		default:
		}
	}
	ns.Shutdown()
	return nil, fmt.Errorf("embedded NATS server on %s with its store in %s: %s: "+
		"choose a free nats.embedded.listen and a nats.embedded.store_dir that the daemon may write to", o.Listen, o.StoreDir, failure)
}

func options(o Options, secret string) (*server.Options, error) {
	host, portText, err := net.SplitHostPort(o.Listen)
	if err != nil {
		return nil, fmt.Errorf("nats.embedded.listen %q: write host:port, as in 127.0.0.1:4222", o.Listen)
	}
	port, err := strconv.ParseUint(portText, 10, 16)
	if err != nil {
		return nil, fmt.Errorf("nats.embedded.listen %q: the port is not a number below 65536", o.Listen)
	}
	if o.StoreDir == "" {
		return nil, errors.New("nats.embedded.store_dir is empty: name a directory for what is kept")
	}
	secure := o.CertFile != "" || o.KeyFile != ""
	if !loopback(host) && (len(o.Users) == 0 || !secure) {
		return nil, fmt.Errorf("nats.embedded.listen %q is reached from other machines: that needs nats.embedded.users and TLS; otherwise listen on 127.0.0.1", o.Listen)
	}
	list, err := users(o.Site, secret, o.Users)
	if err != nil {
		return nil, err
	}
	so := &server.Options{
		ServerName: subject.Daemon + "-" + o.Site,
		Host:       host,
		Port:       int(port),
		Users:      list,
		// A signal is the daemon's business: the server would exit the process.
		NoSigs:                 true,
		DisableJetStreamBanner: true,
		JetStream:              true,
		StoreDir:               o.StoreDir,
		JetStreamMaxStore:      o.MaxStore,
		JetStreamMaxMemory:     o.MaxMemory,
		// Otherwise what is written is synced every two minutes.
		SyncAlways: true,
	}
	if so.Port == 0 {
		so.Port = server.RANDOM_PORT
	}
	if so.JetStreamMaxStore == 0 {
		so.JetStreamMaxStore = defaultMaxStore
	}
	if so.JetStreamMaxMemory == 0 {
		so.JetStreamMaxMemory = defaultMaxMemory
	}
	if len(o.Users) == 0 {
		so.NoAuthUser = anonymous
	}
	if secure {
		if so.TLSConfig, err = certificate.TLS("nats.embedded.tls", o.CertFile, o.KeyFile, o.Log); err != nil {
			return nil, err
		}
		so.TLS, so.TLSTimeout = true, 5
	}
	return so, nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// Addr is where the server listens.
func (s *Server) Addr() net.Addr { return s.ns.Addr() }

// ClientURL is where the server is reached, as a nats:// or tls:// URL.
func (s *Server) ClientURL() string { return s.ns.ClientURL() }

// InProcessConn opens a connection through memory. It makes Server a nats.InProcessConnProvider.
func (s *Server) InProcessConn() (net.Conn, error) { return s.ns.InProcessConn() }

// Login is the daemon's own user and password. They are good for connections through memory only.
func (s *Server) Login() (user, password string) { return subject.Daemon, s.secret }

// Shutdown ends the server and waits until what it keeps is written, or until ctx is done.
func (s *Server) Shutdown(ctx context.Context) error {
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.ns.Shutdown()
		s.ns.WaitForShutdown()
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("embedded NATS server still shutting down: %w", ctx.Err())
	}
}
