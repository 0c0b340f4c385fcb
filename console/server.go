package console

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Options are what a server is made of.
type Options struct {
	Site              string
	Listen            string // host:port; port 0 takes any
	CertFile, KeyFile string // both or none
	Log               *slog.Logger
	Metrics           prometheus.Gatherer
	// Ready says by name what the daemon needs and whether it is there.
	Ready func() map[string]bool
}

// Server answers on one address.
type Server struct {
	listener net.Listener
	http     *http.Server
}

// serverName is how the daemon is told from other programs. Its site stands behind it, in parentheses.
const serverName = "supervisiond"

// New binds the address, so that a port that is taken is known before anything else begins.
func New(o Options) (*Server, error) {
	listener, err := net.Listen("tcp", o.Listen)
	if err != nil {
		return nil, fmt.Errorf("http.listen: %w", err)
	}
	if o.CertFile != "" {
		if _, err := tls.LoadX509KeyPair(o.CertFile, o.KeyFile); err != nil {
			return nil, errors.Join(fmt.Errorf("http.tls: %w", err), listener.Close())
		}
		// Read at each handshake, so that a renewed certificate needs no restart.
		renewed := func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
			cert, err := tls.LoadX509KeyPair(o.CertFile, o.KeyFile)
			return &cert, err
		}
		listener = tls.NewListener(listener, &tls.Config{GetCertificate: renewed, MinVersion: tls.VersionTLS12})
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = w.Write([]byte("ok\n"))
	})
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Server", serverName+" ("+o.Site+")")
		ready(w, o.Ready())
	})
	mux.Handle("GET /metrics", promhttp.HandlerFor(o.Metrics, promhttp.HandlerOpts{
		ErrorLog: slog.NewLogLogger(o.Log.Handler(), slog.LevelError),
	}))
	return &Server{
		listener: listener,
		http: &http.Server{
			Handler: mux, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second,
			WriteTimeout: 30 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 16 << 10,
			ErrorLog: slog.NewLogLogger(o.Log.Handler(), slog.LevelDebug),
		},
	}, nil
}

// ready answers 200 when everything is there, otherwise 503, and says in either case what is.
func ready(w http.ResponseWriter, parts map[string]bool) {
	status := http.StatusOK
	for _, there := range parts {
		if !there {
			status = http.StatusServiceUnavailable
		}
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(parts)
}

// Addr is where the server answers.
func (s *Server) Addr() net.Addr { return s.listener.Addr() }

// Serve answers until Shutdown.
func (s *Server) Serve() error {
	if err := s.http.Serve(s.listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("http: %w", err)
	}
	return nil
}

// Shutdown lets running requests end, until the context does.
func (s *Server) Shutdown(ctx context.Context) error {
	if err := s.http.Shutdown(ctx); err != nil {
		return errors.Join(err, s.http.Close())
	}
	return nil
}
