package console

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"golang.org/x/net/netutil"
	"golang.org/x/time/rate"

	"supervisiond/certificate"
	"supervisiond/console/oidc"
	"supervisiond/console/push"
	"supervisiond/forwarding"
	"supervisiond/supervision"
)

// Options are what a server is made of.
type Options struct {
	Site              string
	Listen            string // host:port; port 0 takes any
	CertFile, KeyFile string // both or none
	Log               *slog.Logger
	Metrics           *prometheus.Registry
	// Ready says by name what the daemon needs and whether it is there.
	Ready func() map[string]bool

	Tokens []Token
	// Provider is one that people may sign in with; nil: by password only.
	Provider *Provider
	// SessionFile is where sessions outlive the daemon, and PushFile where push subscriptions do.
	SessionFile, PushFile string
	// PushServices are the origins of the only push services that are told. None: all at public addresses.
	PushServices []string
	// Directory is who there is now, and PasswordHash a person's password as bcrypt has it; empty: they have none.
	Directory    func() *supervision.Directory
	PasswordHash func(supervision.PersonID) string
	// Forwarding is what the PBX can keep of forwards, and where they may lead, now.
	Forwarding func() *forwarding.Policy

	// Command takes what was asked for; a supervision.Reply with its ID is to be among the effects that Take gets. An error
	// says that it cannot be taken now.
	Command func(supervision.Commanded) error
	// Watch has a person's view shown (supervision.Show) or not any more, before any command that is given later.
	Watch func(context.Context, supervision.PersonID, bool) error
	// History reads what happened.
	History func(context.Context, *supervision.Reader, supervision.HistoryQuery) (supervision.HistoryPage, error)
	// Now is the clock; time.Now by default.
	Now func() time.Time
}

// Server answers on one address.
type Server struct {
	options   Options
	log       *slog.Logger
	listener  net.Listener
	http      *http.Server
	metrics   *metrics
	asks      *asks
	hub       *hub
	push      *push.Service
	provider  *oidc.Provider // nil: none
	sessions  *sessions
	tokens    *tokens
	hashing   *hashing
	attempts  *attempts
	allowance *allowance
	begins    *allowance    // sessions
	heartbeat time.Duration // heartbeatTime; less in tests
}

// serverName is how the daemon is told from other programs. Its site stands behind it, in parentheses.
const serverName = "supervisiond"

// New binds the address, so that a port that is taken is known before anything else begins.
func New(o Options) (*Server, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	listener, err := net.Listen("tcp", o.Listen)
	if err != nil {
		return nil, fmt.Errorf("http.listen: %w", err)
	}
	security, err := certificate.TLS("http.tls", o.CertFile, o.KeyFile, o.Log)
	if err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	s := &Server{
		options: o, log: o.Log, listener: netutil.LimitListener(frugal{listener}, maxConnections), heartbeat: heartbeatTime,
		metrics: newMetrics(o.Metrics), asks: newAsks(o.Command, o.Now),
		attempts: newAttempts(o.Now), allowance: newAllowance(o.Now, requestRate, requestBurst),
		sessions: newSessions(o.SessionFile, o.PasswordHash, o.Now, o.Log),
	}
	s.hashing, s.begins = newHashing(), newAllowance(o.Now, rate.Every(refillSession), burstOfSessions)
	if s.tokens, err = newTokens(o.Tokens); err != nil {
		return nil, errors.Join(err, listener.Close(), s.sessions.close())
	}
	s.hub = newHub(o, s.metrics, o.Log)
	if s.push, err = s.newPush(); err != nil {
		return nil, errors.Join(err, listener.Close(), s.sessions.close())
	}
	s.provider = s.newProvider()
	handler, err := s.handler()
	if err != nil {
		return nil, errors.Join(err, listener.Close(), s.push.Close(), s.sessions.close())
	}
	s.http = &http.Server{
		Handler: handler, TLSConfig: security, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second,
		WriteTimeout: 30 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 16 << 10,
		ErrorLog: slog.NewLogLogger(o.Log.Handler(), slog.LevelDebug), ConnState: newConnections().changed,
	}
	return s, nil
}

func (s *Server) handler() (http.Handler, error) {
	console, err := builtPage()
	if err != nil {
		return nil, err
	}
	router := chi.NewRouter()
	router.NotFound(console.serve)
	router.MethodNotAllowed(func(w http.ResponseWriter, r *http.Request) {
		for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodDelete} {
			if router.Match(chi.NewRouteContext(), method, r.URL.EscapedPath()) {
				w.Header().Add("Allow", method) // RFC 9110, 15.5.6
			}
		}
		tell(w, problem(http.StatusMethodNotAllowed, supervision.Invalid, "this address does not take this method"))
	})
	router.Use(s.metrics.count, s.guard)
	router.Get("/healthz", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = w.Write([]byte("ok\n"))
	})
	router.Get("/readyz", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Server", serverName+" ("+s.options.Site+")")
		ready(w, s.options.Ready())
	})
	router.Method(http.MethodGet, "/metrics", promhttp.HandlerFor(s.options.Metrics, promhttp.HandlerOpts{
		ErrorLog: slog.NewLogLogger(s.log.Handler(), slog.LevelError),
	}))
	if s.provider != nil {
		router.Get(oidc.StartPath, s.startAtProvider())
		router.Get(oidc.CallbackPath, s.provider.Callback)
	}
	console.register(router)
	api := s.newAPI(router)
	s.registerSessions(api)
	s.registerReading(api)
	s.registerCommands(api)
	s.registerPush(api)
	openUp(api.OpenAPI())
	// The library would write it when it is first asked for, and twice at a time if it is asked for so.
	description, err := json.Marshal(api.OpenAPI())
	router.Get(apiRoot+"/openapi.json", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/openapi+json")
		_, _ = w.Write(description)
	})
	return router, err
}

func nothingHere(w http.ResponseWriter) {
	tell(w, problem(http.StatusNotFound, supervision.NotFound, "there is nothing at this address"))
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

// Take takes the replies to commands and what people are shown. It never blocks.
func (s *Server) Take(at time.Time, effects []supervision.Effect) {
	for _, effect := range effects {
		if r, ok := effect.(supervision.Reply); ok {
			s.asks.replied(r)
		}
	}
	s.hub.take(at, effects)
}

// Reconfigured ends the streams and the push subscriptions of those who are no longer who they were.
func (s *Server) Reconfigured() {
	s.push.Sweep()
	s.hub.cutThose(func(id identity) bool { return !s.holds(context.Background(), id) })
}

// Addr is where the server answers.
func (s *Server) Addr() net.Addr { return s.listener.Addr() }

// Serve answers until Shutdown.
func (s *Server) Serve() error {
	serve := s.http.Serve
	if s.http.TLSConfig != nil {
		serve = func(l net.Listener) error { return s.http.ServeTLS(l, "", "") }
	}
	if err := serve(s.listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("http: %w", err)
	}
	return nil
}

// Run hands on what people are shown until the context ends. Then all streams are over.
func (s *Server) Run(ctx context.Context) {
	var beside sync.WaitGroup
	beside.Go(func() { s.sessions.sweep(ctx, s.log) })
	beside.Go(func() { s.push.Run(ctx) })
	beside.Go(func() { s.followForPush(ctx) })
	s.hub.run(ctx)
	beside.Wait()
}

// StopCommands takes no more commands, and returns when those that run are answered.
func (s *Server) StopCommands(ctx context.Context) error { return s.asks.stop(ctx) }

// Shutdown lets running requests end, until the context does.
func (s *Server) Shutdown(ctx context.Context) error {
	err := s.http.Shutdown(ctx)
	if err != nil {
		err = errors.Join(err, s.http.Close())
	}
	return errors.Join(err, s.push.Close(), s.sessions.close())
}
