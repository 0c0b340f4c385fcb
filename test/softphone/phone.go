package softphone

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/emiago/sipgo"
	"github.com/emiago/sipgo/sip"
)

// ErrClosed says that the phone was closed.
var ErrClosed = errors.New("softphone: the phone is closed")

// Phone is one SIP phone with a port of its own.
type Phone struct {
	options Options
	host    string // of our port
	port    int
	ua      *sipgo.UserAgent
	client  *sipgo.Client
	socket  interface{ Close() error }

	ctx     context.Context // ends when the phone closes
	stop    context.CancelFunc
	running sync.WaitGroup // all goroutines and all message handlers

	registration registration

	mu      sync.Mutex
	closing bool // no new calls
	closed  bool // no new goroutines
	calls   map[dialog]*Call
	waiting []*Call       // incoming calls that Incoming has not returned yet
	arrived chan struct{} // closed and made anew when one comes

	subscriptions map[string]*Subscription // by Call-ID
}

// dialog is what names a call in a message: the other side's tag may not be
// known yet.
type dialog struct{ callID, localTag string }

// New makes a phone and registers it. Close must be called at the end; ctx
// bounds the start only.
func New(ctx context.Context, options Options) (*Phone, error) {
	options, err := options.complete()
	if err != nil {
		return nil, err
	}
	p := &Phone{options: options, calls: map[dialog]*Call{}, arrived: make(chan struct{}),
		subscriptions: map[string]*Subscription{}}
	p.ctx, p.stop = context.WithCancel(context.Background())
	if err := p.listen(ctx); err != nil {
		return nil, errors.Join(err, p.Close(ctx))
	}
	if options.NoRegister {
		return p, nil
	}
	if err := p.Register(ctx); err != nil {
		return nil, errors.Join(err, p.Close(ctx))
	}
	p.spawn(p.keepRegistered)
	return p, nil
}

// listen binds our port and waits until the library reads from it.
func (p *Phone) listen(ctx context.Context) error {
	var err error
	p.ua, err = sipgo.NewUA(
		sipgo.WithUserAgent(p.options.User),
		sipgo.WithUserAgentHostname(serverHost(p.options.Server)),
		sipgo.WithUserAgentTransportLayerOptions(sip.WithTransportLayerLogger(p.options.Logger)),
		sipgo.WithUserAgentTransactionLayerOptions(
			sip.WithTransactionLayerLogger(p.options.Logger),
			// A repeated final response of a transaction that has ended.
			sip.WithTransactionLayerUnhandledResponseHandler(func(*sip.Response) {}),
		),
	)
	if err != nil {
		return fmt.Errorf("softphone: %w", err)
	}
	server, err := sipgo.NewServer(p.ua, sipgo.WithServerLogger(p.options.Logger))
	if err != nil {
		return fmt.Errorf("softphone: %w", err)
	}
	p.handle(server)

	reading := make(chan struct{})
	var address net.Addr
	var serve func()
	if p.options.Transport == "udp" {
		conn, err := net.ListenPacket("udp4", p.options.Host+":0")
		if err != nil {
			return fmt.Errorf("softphone: %w", err)
		}
		p.socket, address = conn, conn.LocalAddr()
		serve = func() { _ = server.ServeUDP(&packetSocket{PacketConn: conn, reading: reading}) }
	} else {
		l, err := net.Listen("tcp4", p.options.Host+":0")
		if err != nil {
			return fmt.Errorf("softphone: %w", err)
		}
		p.socket, address = l, l.Addr()
		serve = func() { _ = server.ServeTCP(&listener{Listener: l, reading: reading}) }
	}
	host, port, err := net.SplitHostPort(address.String())
	if err != nil {
		return fmt.Errorf("softphone: %w", err)
	}
	p.host = host
	if p.port, err = strconv.Atoi(port); err != nil {
		return fmt.Errorf("softphone: %w", err)
	}

	client := []sipgo.ClientOption{
		sipgo.WithClientAddr(address.String()),
		sipgo.WithClientLogger(p.options.Logger),
	}
	if p.options.Transport == "udp" {
		client = append(client, sipgo.WithClientConnectionAddr(address.String()))
	} else {
		client = append(client, sipgo.WithClientConnectionAddr(p.options.Host+":0"))
	}
	if p.client, err = sipgo.NewClient(p.ua, client...); err != nil {
		return fmt.Errorf("softphone: %w", err)
	}
	p.spawn(serve)
	select {
	case <-reading:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("softphone: listen: %w", context.Cause(ctx))
	}
}

func serverHost(server string) string {
	host, _, _ := strings.Cut(server, ":")
	return host
}

// User is who the phone is registered as.
func (p *Phone) User() string { return p.options.User }

// Mark is what the phone says in its audio.
func (p *Phone) Mark() string { return p.options.Mark }

// Addr is the host and port of the phone.
func (p *Phone) Addr() string { return net.JoinHostPort(p.host, strconv.Itoa(p.port)) }

// Incoming returns the next call that came in and was not returned yet.
func (p *Phone) Incoming(ctx context.Context) (*Call, error) {
	for {
		p.mu.Lock()
		if len(p.waiting) > 0 {
			c := p.waiting[0]
			p.waiting = p.waiting[1:]
			p.mu.Unlock()
			return c, nil
		}
		arrived := p.arrived
		p.mu.Unlock()
		select {
		case <-arrived:
		case <-p.ctx.Done():
			return nil, ErrClosed
		case <-ctx.Done():
			return nil, fmt.Errorf("softphone: %s: nobody calls: %w", p.options.User, context.Cause(ctx))
		}
	}
}

// polite is how long a PBX may take to hear that a phone goes; one that was
// stopped never does.
const polite = 2 * time.Second

// Close hangs up, unregisters and ends everything that the phone started. What
// the PBX does not answer soon is left to it.
func (p *Phone) Close(ctx context.Context) error {
	p.mu.Lock()
	if p.closing {
		p.mu.Unlock()
		return p.ended(ctx)
	}
	p.closing = true
	calls := p.live()
	lamps := slices.Collect(maps.Values(p.subscriptions))
	p.mu.Unlock()

	goodbye, cancel := context.WithTimeout(ctx, polite)
	defer cancel()
	var hangups sync.WaitGroup
	for _, c := range calls {
		hangups.Go(func() { _ = c.Hangup(goodbye) }) // a call that cannot be hung up is lost below
	}
	for _, s := range lamps {
		hangups.Go(func() { _ = s.Unsubscribe(goodbye) }) // a PBX that knows nothing of it any more need not be told
	}
	hangups.Wait()
	err := p.unregister(goodbye)

	p.mu.Lock()
	p.closed = true
	calls = p.live()
	p.mu.Unlock()
	p.stop()
	for _, c := range calls {
		c.lose(ErrClosed)
	}
	if p.socket != nil {
		err = errors.Join(err, p.socket.Close())
	}
	if p.ua != nil {
		err = errors.Join(err, p.ua.Close())
	}
	return errors.Join(err, p.ended(ctx))
}

// ended waits for every goroutine.
func (p *Phone) ended(ctx context.Context) error {
	done := make(chan struct{})
	go func() { p.running.Wait(); close(done) }()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("softphone: %s: something still runs: %w", p.options.User, context.Cause(ctx))
	}
}

// live are the calls that have not ended. Callers hold mu.
func (p *Phone) live() []*Call {
	var live []*Call
	for _, c := range p.calls {
		select {
		case <-c.done:
		default:
			live = append(live, c)
		}
	}
	return live
}

// enter is for whoever begins to run, and leave for when it ends: Close waits
// for them. After it nothing may begin.
func (p *Phone) enter() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return false
	}
	p.running.Add(1)
	return true
}

func (p *Phone) leave() { p.running.Done() }

func (p *Phone) spawn(run func()) {
	if !p.enter() {
		return
	}
	go func() {
		defer p.leave()
		run()
	}()
}

func (p *Phone) remember(c *Call) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.calls[dialog{c.callID, c.localTag}] = c
}

func (p *Phone) forget(c *Call) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.calls, dialog{c.callID, c.localTag})
}

// arrive hands a call to Incoming.
func (p *Phone) arrive(c *Call) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.waiting = append(slices.Clip(p.waiting), c)
	close(p.arrived)
	p.arrived = make(chan struct{})
}

// contact is where the PBX reaches us.
func (p *Phone) contact() *sip.ContactHeader {
	uri := sip.Uri{Scheme: "sip", User: p.options.User, Host: p.host, Port: p.port}
	if p.options.Behind != "" {
		uri.Host, uri.Port, _ = sip.ParseAddr(p.options.Behind) // checked by New
	}
	if p.options.Transport == "tcp" {
		uri.UriParams = sip.HeaderParams{{K: "transport", V: "tcp"}}
	}
	return &sip.ContactHeader{Address: uri}
}

// request makes a request to the PBX.
func (p *Phone) request(method sip.RequestMethod, to sip.Uri) *sip.Request {
	req := sip.NewRequest(method, to)
	req.SetTransport(strings.ToUpper(p.options.Transport))
	req.SetDestination(p.options.Server)
	return req
}

// uri is an address at the PBX.
func (p *Phone) uri(user string) sip.Uri {
	host, port, _ := sip.ParseAddr(p.options.Server) // checked by New
	return sip.Uri{Scheme: "sip", User: user, Host: host, Port: port}
}
