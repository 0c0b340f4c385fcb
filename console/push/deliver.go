package push

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"syscall"
	"time"

	webpush "github.com/SherClockHolmes/webpush-go"
	"golang.org/x/net/http/httpproxy"
)

const (
	// sendTime bounds one request to a push service.
	sendTime = 10 * time.Second
	// maxAnswer is how much of an answer is read, in bytes.
	maxAnswer = 1024
	// connections to one push service, and those that are kept without a request; so long.
	maxConns     = 32
	maxIdleConns = 4
	idleTime     = 5 * time.Minute
	// answerHead is how long the head of an answer may be, in bytes.
	answerHead = 16 << 10
	// complaintQuiet is how long the same complaint about a push service is not repeated.
	complaintQuiet = 60 * time.Minute
)

// result is what has come of a message.
type result string

const (
	sent      result = "sent"      // the push service has it
	overtaken result = "overtaken" // something newer was to be told before it was sent
	expired   result = "expired"   // its turn came when it was worth nothing any more
	failed    result = "failed"    // the push service could not be reached, or wished to be asked later than that
	refused   result = "refused"   // the push service does not take it
	unwanted  result = "unwanted"  // the subscription is gone
)

var results = []result{sent, overtaken, expired, failed, refused, unwanted}

// outcome is what has come of one request.
type outcome struct {
	what  result
	again bool          // it is to be tried again
	after time.Duration // but not before that
	// unsure: the service may have it all the same.
	unsure bool
}

// newClient asks services that are listed wherever they are, and others at public addresses only, unless a proxy of the
// environment does the asking: that is the administrator's.
func newClient(a allowed) *http.Client {
	proxy := httpproxy.FromEnvironment().ProxyFunc()
	c := &chooser{
		allowed: a, proxy: func(r *http.Request) (*url.URL, error) { return proxy(r.URL) },
		free: newTransport(&net.Dialer{Timeout: sendTime}), guarded: newTransport(guardedDialer()),
	}
	c.free.Proxy = c.proxy
	return &http.Client{
		Transport:     c,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// guardedDialer reaches public addresses only.
func guardedDialer() *net.Dialer {
	return &net.Dialer{
		Timeout: sendTime,
		Control: func(network, address string, _ syscall.RawConn) error { return publicOnly(network, address) },
	}
}

// chooser sends each request on the way that it may take.
type chooser struct {
	allowed       allowed
	proxy         func(*http.Request) (*url.URL, error)
	free, guarded *http.Transport
}

// RoundTrip implements http.RoundTripper.
func (c *chooser) RoundTrip(r *http.Request) (*http.Response, error) {
	by, err := c.proxy(r)
	if err != nil {
		return nil, err
	}
	if by != nil || c.allowed.listed(r.URL) {
		return c.free.RoundTrip(r)
	}
	return c.guarded.RoundTrip(r)
}

// CloseIdleConnections is what http.Client calls.
func (c *chooser) CloseIdleConnections() {
	c.free.CloseIdleConnections()
	c.guarded.CloseIdleConnections()
}

func newTransport(d *net.Dialer) *http.Transport {
	return &http.Transport{
		DialContext: d.DialContext, ForceAttemptHTTP2: true, TLSHandshakeTimeout: sendTime, DisableCompression: true,
		MaxConnsPerHost: maxConns, MaxIdleConnsPerHost: maxIdleConns, MaxIdleConns: maxFlying, IdleConnTimeout: idleTime,
		MaxResponseHeaderBytes: answerHead,
	}
}

// deliver sends a message to a subscription, if it still is one.
func (s *Service) deliver(ctx context.Context, sub *Subscription, m *message) outcome {
	switch {
	case m.kind == ended:
		if s.book.taken(sub.Endpoint) {
			return outcome{what: unwanted} // somebody has signed in there meanwhile
		}
	case !s.book.holds(sub):
		return outcome{what: unwanted}
	case !s.options.Holds(sub):
		if s.drop(func(x *Subscription) bool { return x == sub }) {
			s.farewell(sub)
		}
		return outcome{what: unwanted}
	}
	text, err := m.text(s.options.Directory())
	if err != nil {
		s.log.Error("a push message cannot be made; please report this", "error", err)
		return outcome{what: refused}
	}
	ctx, cancel := context.WithTimeout(ctx, sendTime)
	defer cancel()
	resp, err := webpush.SendNotificationWithContext(ctx, text, &webpush.Subscription{
		Endpoint: sub.Endpoint, Keys: webpush.Keys{P256dh: sub.P256DH, Auth: sub.Auth},
	}, &webpush.Options{
		HTTPClient: s.client, RecordSize: recordSize, Subscriber: sub.Contact, Topic: topic(s.key.Bytes(), sub.Endpoint, m.call),
		TTL: ttl(m.until.Sub(s.now())), Urgency: webpush.UrgencyHigh,
		VAPIDPublicKey: s.PublicKey(), VAPIDPrivateKey: encodeKey(s.key.Bytes()),
	})
	if err != nil {
		return s.unreachable(ctx, sub, err)
	}
	defer func() { _ = resp.Body.Close() }()
	answer, _ := io.ReadAll(io.LimitReader(resp.Body, maxAnswer)) // it is for the log only
	what := s.answered(sub, resp, string(answer))
	if what.what == sent && (m.kind == ringing || m.kind == over) {
		s.metrics.seconds.Observe(s.now().Sub(m.at).Seconds())
	}
	return what
}

// ttl is in whole seconds, and at least one: at 0 a push service keeps nothing for a phone that is not there (RFC 8030, 5.2).
func ttl(d time.Duration) int { return max(int(d.Seconds()), 1) }

// unreachable is when no answer came.
func (s *Service) unreachable(ctx context.Context, sub *Subscription, err error) outcome {
	host := hostOf(sub.Endpoint)
	if errors.Is(err, errNotPublic) {
		s.complain(host, "a push service is at an address that is not public, and is told nothing; if it is one of the house, name it in http.push.services",
			"person", sub.Person)
		return outcome{what: refused}
	}
	var dial *net.OpError
	never := errors.As(err, &dial) && dial.Op == "dial"
	if ctx.Err() == nil || errors.Is(ctx.Err(), context.DeadlineExceeded) {
		s.complain(host, "a push service cannot be reached; browsers there are told nothing while they sleep", "error", cause(err))
	}
	return outcome{again: true, unsure: !never}
}

// cause is an error without the endpoint, which is a secret of the browser's.
func cause(err error) string {
	var at *url.Error
	if errors.As(err, &at) {
		err = at.Err
	}
	return err.Error()
}

func hostOf(endpoint string) string {
	u, err := url.Parse(endpoint)
	if err != nil {
		return ""
	}
	return u.Host
}

// answered is what an answer means (RFC 8030, 5 and 7.3; RFC 9110).
func (s *Service) answered(sub *Subscription, resp *http.Response, text string) outcome {
	host, status := hostOf(sub.Endpoint), resp.StatusCode
	switch {
	case status >= 200 && status < 300:
		return outcome{what: sent}
	case status == http.StatusNotFound || status == http.StatusGone:
		s.drop(func(x *Subscription) bool { return x == sub })
		return outcome{what: unwanted}
	case status == http.StatusTooManyRequests || status == http.StatusRequestTimeout || status >= 500:
		return outcome{again: true, after: retryAfter(resp.Header.Get("Retry-After"), s.now()), unsure: status == http.StatusRequestTimeout || status >= 500}
	case status == http.StatusUnauthorized || status == http.StatusForbidden:
		s.complain(host, "a push service does not take who we say we are: the console's name must be one that the Internet's DNS knows (Apple's "+
			"service asks), and this machine's clock must be right; a browser that subscribed under another key has to do so again",
			"contact", sub.Contact, "status", status, "answer", strings.TrimSpace(text))
	default:
		s.complain(host, "a push service refuses messages; please report this", "status", status, "answer", strings.TrimSpace(text))
	}
	return outcome{what: refused}
}

// retryAfter reads seconds or a moment (RFC 9110, 10.2.3).
func retryAfter(value string, now time.Time) time.Duration {
	if n, err := strconv.ParseUint(value, 10, 31); err == nil {
		return time.Duration(n) * time.Second
	}
	if at, err := http.ParseTime(value); err == nil {
		return max(at.Sub(now), 0)
	}
	return 0
}
