package front

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/emiago/sipgo"
	gosip "github.com/emiago/sipgo/sip"
	"github.com/prometheus/client_golang/prometheus"

	"supervisiond/certificate"
	"supervisiond/sip/digest"
	"supervisiond/supervision"
)

// Config is what a front is made of.
type Config struct {
	Listen []Listener
	// CertFile and KeyFile are for listeners of network tls.
	CertFile, KeyFile string
	// Realm is what phones are asked a secret for.
	Realm   string
	Log     *slog.Logger
	Metrics prometheus.Registerer
}

// Person is somebody who may come in, by a username of their own.
type Person struct {
	ID     supervision.PersonID
	Secret digest.User
}

// Request is one whose sender has proved who they are.
type Request struct {
	*gosip.Request
	Person supervision.PersonID
	// Transport is UDP, TCP or TLS.
	Transport string
	// Source is where it came from, Local the address of ours that it came to; over UDP that is the listener's, which may be
	// unspecified.
	Source, Local netip.AddrPort
}

// Handler answers a request; without an answer it is 500. What then is to be called once the answer is on its way; it may be nil.
// Several may run at once, also for one phone and in another order than they were sent. A panic costs the one request.
type Handler func(ctx context.Context, r *Request) (res *gosip.Response, then func())

// Front is the SIP side as the network sees it.
type Front struct {
	log    *slog.Logger
	realm  *digest.Realm
	gate   *gate
	open   *connections
	tls    *tls.Config
	ua     *sipgo.UserAgent
	server *sipgo.Server
	bound  []*bound

	people   atomic.Pointer[map[string]Person]
	handlers map[gosip.RequestMethod]Handler

	ctx  context.Context //nolint:containedctx // the life of what Serve starts
	end  context.CancelFunc
	work sync.WaitGroup
	// handling is held by each handler, and for good once Serve has waited for them.
	handling sync.RWMutex
}

// New takes all addresses, so that one that is not to be had is known at once. Nothing is read before Serve.
func New(c Config) (*Front, error) {
	key := make([]byte, 32)
	_, _ = rand.Read(key) // never fails
	f := &Front{log: c.Log, realm: digest.New(c.Realm, key), open: newConnections(), handlers: make(map[gosip.RequestMethod]Handler)}
	f.gate = newGate(key, f.realm, newMetrics(c.Metrics))
	f.SetPeople(nil)
	f.gate.wrong = f.strangers()
	var err error
	if f.tls, err = certificate.TLS("sip.tls", c.CertFile, c.KeyFile, c.Log); err != nil {
		return nil, err
	}
	if f.ua, err = UserAgent(); err != nil {
		return nil, fmt.Errorf("sip: %w", err)
	}
	if f.server, err = sipgo.NewServer(f.ua, sipgo.WithServerLogger(silent)); err != nil {
		return nil, fmt.Errorf("sip: %w", err)
	}
	f.server.OnNoRoute(f.handle)
	f.ctx, f.end = context.WithCancel(context.Background())
	for _, l := range c.Listen {
		b, err := f.bind(f.ctx, l)
		if err != nil {
			f.close()
			return nil, err
		}
		f.bound = append(f.bound, b)
	}
	return f, nil
}

// silent: what the library logs, it logs for each bad message. The metrics count those.
var silent = slog.New(slog.DiscardHandler)

var silence = sync.OnceFunc(func() { gosip.SetDefaultLogger(silent) })

// UserAgent is one that logs nothing, with more options.
func UserAgent(o ...sipgo.UserAgentOption) (*sipgo.UserAgent, error) {
	silence()
	return sipgo.NewUA(append([]sipgo.UserAgentOption{
		sipgo.WithUserAgent("supervisiond"),
		sipgo.WithUserAgentParser(parser),
		sipgo.WithUserAgentTransportLayerOptions(gosip.WithTransportLayerLogger(silent)),
		sipgo.WithUserAgentTransactionLayerOptions(
			gosip.WithTransactionLayerLogger(silent), gosip.WithTransactionLayerTerminateOnConnClose(),
		),
	}, o...)...)
}

// UserAgent is what sends requests. They leave from the listeners' sockets if their Laddr says so, and over connections that are there.
func (f *Front) UserAgent() *sipgo.UserAgent { return f.ua }

// Addrs are the addresses that are taken, in the order of Config.Listen.
func (f *Front) Addrs() []Listener {
	var all []Listener
	for _, b := range f.bound {
		all = append(all, Listener{Network: b.network, Address: b.address.String()})
	}
	return all
}

// SetPeople says by username who may come in.
func (f *Front) SetPeople(people map[string]Person) {
	users := make(map[string]digest.User, len(people))
	for name, p := range people {
		users[name] = p.Secret
	}
	f.realm.SetUsers(users)
	f.people.Store(&people)
}

// Handle says who answers requests of a method; all others are answered 405. It is called before Serve.
func (f *Front) Handle(method string, h Handler) {
	f.handlers[gosip.RequestMethod(method)] = h
	f.gate.allowed = allowed(f.handlers)
}

// Allowed are the methods that there are.
func (f *Front) Allowed() []string { return f.gate.allowed }

func allowed(handlers map[gosip.RequestMethod]Handler) []string {
	all := []string{ack, cancel}
	for m := range maps.Keys(handlers) {
		all = append(all, string(m))
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// Serve reads and answers until the context ends, gives the addresses back, and waits for all that runs. It is called once.
func (f *Front) Serve(ctx context.Context) {
	for _, b := range f.bound {
		if b.socket != nil {
			f.serve(b)
		} else {
			f.work.Go(func() { f.serve(b) })
		}
	}
	<-ctx.Done()
	f.close()
	f.work.Wait()
	f.handling.Lock()
}

func (f *Front) close() {
	f.end()
	for _, b := range f.bound {
		b.close()
	}
	f.open.end()
	_ = f.ua.Close() // what was open is closed
}

// handle answers what the gate has let in.
func (f *Front) handle(req *gosip.Request, tx gosip.ServerTransaction) {
	if !f.handling.TryRLock() {
		return // the end has come
	}
	defer f.handling.RUnlock()
	defer func() {
		if p := recover(); p != nil {
			f.gate.metrics.panics.Inc()
			f.log.Error("sip: a request could not be handled by a fault of the daemon", "method", req.Method.String(), "source", req.Source(), "fault", p)
			f.respond(tx, req, plainResponse(req, http.StatusInternalServerError, "Server Internal Error"))
		}
	}()
	switch req.Method {
	case ack:
		return
	case cancel:
		f.respond(tx, req, plainResponse(req, gosip.StatusCallTransactionDoesNotExists, "Call/Transaction Does Not Exist"))
		return
	}
	r, err := f.identified(req, tx)
	if err != nil {
		f.gate.metrics.refused(unknown)
		f.respond(tx, req, plainResponse(req, gosip.StatusForbidden, "Forbidden"))
		return
	}
	h, has := f.handlers[req.Method]
	if !has {
		f.respond(tx, req, f.notAllowed(req))
		return
	}
	res, then := h(f.ctx, r)
	if res == nil {
		res = plainResponse(req, http.StatusInternalServerError, "Server Internal Error")
	}
	f.respond(tx, req, res)
	if then != nil {
		then()
	}
}

func (f *Front) notAllowed(req *gosip.Request) *gosip.Response {
	res := plainResponse(req, http.StatusMethodNotAllowed, "Method Not Allowed")
	res.AppendHeader(gosip.NewHeader("Allow", strings.Join(f.gate.allowed, ", ")))
	return res
}

func plainResponse(req *gosip.Request, code int, reason string) *gosip.Response {
	return gosip.NewResponseFromRequest(req, code, reason, nil)
}

func (f *Front) respond(tx gosip.ServerTransaction, req *gosip.Request, res *gosip.Response) {
	method := "other"
	if slices.Contains(f.gate.allowed, string(req.Method)) {
		method = string(req.Method)
	}
	f.gate.metrics.answered(method, res.StatusCode)
	noteSource(req, res)
	if err := tx.Respond(res); err != nil {
		f.log.Debug("sip: an answer could not be sent", "to", res.Destination(), "error", err)
	}
}

// noteSource says in an answer where its request came from, unless that is where it says it was sent from (RFC 3261, 18.2.1).
func noteSource(req *gosip.Request, res *gosip.Response) {
	top := res.Via()
	host, _, err := net.SplitHostPort(req.Source())
	if top == nil || err != nil || strings.Trim(top.Host, "[]") == host || top.Params.Has("received") {
		return
	}
	top.Params.Add("received", host)
}

var (
	errBackDoor = errors.New("sip: the request came over a connection that nobody watches")
	errNobody   = errors.New("sip: the request is nobody's")
)

// identified says whose request it is. The gate has let it in, so its nonce is new; what can have changed is who there is.
func (f *Front) identified(req *gosip.Request, tx gosip.ServerTransaction) (*Request, error) {
	r := &Request{Request: req, Transport: transportOf(req.Transport())}
	own, ok := tx.(*gosip.ServerTx)
	if !ok {
		return nil, errBackDoor
	}
	switch c := own.Connection().(type) {
	case *gosip.UDPConnection:
		if _, ok := c.PacketConn.(*reader); !ok {
			return nil, errBackDoor
		}
		r.Local = addrPort(c.LocalAddr())
	case *gosip.TCPConnection:
		if _, ok := c.Conn.(*stream); !ok {
			return nil, errBackDoor
		}
		r.Local = addrPort(c.LocalAddr())
	default:
		return nil, errBackDoor
	}
	r.Source, _ = netip.ParseAddrPort(req.Source()) // it is the socket's
	proof := digest.Request{Method: req.Method.String(), URI: req.Recipient.String()}
	for _, h := range req.GetHeaders("Authorization") {
		proof.Authorization = append(proof.Authorization, h.Value())
	}
	username, proved := f.realm.Proves(proof)
	person, known := (*f.people.Load())[username]
	if !proved || !known {
		return nil, errNobody
	}
	r.Person = person.ID
	return r, nil
}
