// Package registrar keeps where people's phones can be reached (RFC 3261, 10; RFC 3327 for Path). It is in memory: phones come back by
// themselves within [Expiry] after a restart.
package registrar

import (
	"context"
	"errors"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	gosip "github.com/emiago/sipgo/sip"
	"github.com/prometheus/client_golang/prometheus"

	"supervisiond/sip/front"
	"supervisiond/supervision"
)

const (
	// Expiry is how long a phone is registered; a longer time is cut to this. Shorter is possible, but not below MinExpiry.
	Expiry    = 5 * time.Minute
	MinExpiry = 60 * time.Second
	// maxOf is how many phones one person may register: one more takes the place of the one that would expire first.
	maxOf = 16
	// maxAll is how many there may be in all; more are refused.
	maxAll = 20_000
	// maxContact is how long a Contact or a Path may be, in bytes.
	maxContact = 512
	// maxPath is how many proxies there may be on the way to a phone.
	maxPath = 8
)

// Binding is a phone as it can be reached until it expires.
type Binding struct {
	// Contact is as the phone has written it, headers and all; those are for who looks at the list (RFC 4475, 3.3.14).
	Contact gosip.Uri
	// Path are the proxies on the way to it, the nearest to us first, as values of Route headers.
	Path []string
	// Transport, Source and Local say how the phone reached us: behind a translator of addresses this is the only way back, and over
	// TCP and TLS it is the connection.
	Transport     string
	Source, Local netip.AddrPort
	Expires       time.Time

	params gosip.HeaderParams
	key    string
	callID string
	cseq   uint32
}

// Registrar answers REGISTER.
type Registrar struct {
	person func(user string) (supervision.PersonID, bool)
	now    func() time.Time

	mu    sync.Mutex
	of    map[supervision.PersonID][]Binding
	count int
	swept time.Time
}

// New wants to know whose user part, such as an extension or an id, somebody has.
func New(person func(user string) (supervision.PersonID, bool), metrics prometheus.Registerer) *Registrar {
	r := &Registrar{person: person, now: time.Now, of: make(map[supervision.PersonID][]Binding)}
	metrics.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "supervisiond_sip_registrations",
		Help: "Phones that are registered.",
	}, func() float64 { return float64(r.size()) }))
	return r
}

func (r *Registrar) size() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sweep(r.now())
	return r.count
}

// Bindings are a person's phones, the newest last.
func (r *Registrar) Bindings(person supervision.PersonID) []Binding {
	r.mu.Lock()
	defer r.mu.Unlock()
	return alive(r.of[person], r.now())
}

// Forget ends the registrations of somebody.
func (r *Registrar) Forget(person supervision.PersonID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.count -= len(r.of[person])
	delete(r.of, person)
}

// refusal ends a registration: nothing of it counts.
type refusal struct {
	code    int
	reason  string
	headers []gosip.Header
}

func (r *refusal) Error() string { return r.reason }

func bad(what string) error {
	return &refusal{code: http.StatusBadRequest, reason: "Bad " + what}
}

// Register is a front.Handler.
func (r *Registrar) Register(_ context.Context, req *front.Request) (*gosip.Response, func()) {
	all, err := r.register(req)
	if err != nil {
		var no *refusal
		if !errors.As(err, &no) {
			no = &refusal{code: http.StatusInternalServerError, reason: "Server Internal Error"}
		}
		res := gosip.NewResponseFromRequest(req.Request, no.code, no.reason, nil)
		for _, h := range no.headers {
			res.AppendHeader(h)
		}
		return res, nil
	}
	now := r.now()
	res := gosip.NewResponseFromRequest(req.Request, http.StatusOK, "OK", nil)
	for _, b := range all {
		res.AppendHeader(b.header(now))
	}
	for _, p := range req.GetHeaders("Path") {
		res.AppendHeader(gosip.NewHeader("Path", p.Value()))
	}
	res.AppendHeader(gosip.NewHeader("Date", now.UTC().Format(http.TimeFormat)))
	return res, nil
}

func (b *Binding) header(now time.Time) gosip.Header {
	h := &gosip.ContactHeader{Address: b.Contact, Params: b.params.Clone()}
	h.Params.Add("expires", strconv.Itoa(int((b.Expires.Sub(now)+time.Second-1)/time.Second)))
	return h
}

// register does what a request asks for, all of it or nothing (RFC 3261, 10.3).
func (r *Registrar) register(req *front.Request) ([]Binding, error) {
	to := req.To()
	if scheme := to.Address.Scheme; scheme != "sip" && scheme != "sips" { // RFC 3261, 10.2
		return nil, bad("To")
	}
	whose, known := r.person(unescaped(to.Address.User))
	if !known || whose != req.Person {
		return nil, &refusal{code: http.StatusForbidden, reason: "Forbidden"}
	}
	w, err := wishOf(req)
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.now()
	r.sweep(now)
	before := alive(r.of[whose], now)
	after, err := w.apply(before, now)
	if err != nil {
		return nil, err
	}
	others := r.count - len(r.of[whose])
	if len(after) > len(before) && others+len(after) > maxAll {
		return nil, &refusal{
			code: http.StatusServiceUnavailable, reason: "Too Many Phones", headers: []gosip.Header{gosip.NewHeader("Retry-After", "60")},
		}
	}
	r.count = others + len(after)
	if r.of[whose] = after; len(after) == 0 {
		delete(r.of, whose)
	}
	return after, nil
}

// sweep forgets, once a minute, what has expired.
func (r *Registrar) sweep(now time.Time) {
	if now.Sub(r.swept) < time.Minute && now.After(r.swept) {
		return
	}
	r.swept, r.count = now, 0
	for person, all := range r.of {
		left := alive(all, now)
		if r.of[person] = left; len(left) == 0 {
			delete(r.of, person)
		}
		r.count += len(left)
	}
}

func alive(all []Binding, now time.Time) []Binding {
	var left []Binding
	for _, b := range all {
		if b.Expires.After(now) {
			left = append(left, b)
		}
	}
	return left
}

// add puts a phone in the place of what it was before, or behind the others.
func add(all []Binding, b Binding) []Binding {
	if i := slices.IndexFunc(all, func(o Binding) bool { return o.key == b.key }); i >= 0 {
		all = slices.Delete(all, i, i+1)
	}
	if len(all) >= maxOf {
		oldest := 0
		for i := range all {
			if all[i].Expires.Before(all[oldest].Expires) {
				oldest = i
			}
		}
		all = slices.Delete(all, oldest, oldest+1)
	}
	return append(all, b)
}

// keyOf is what makes a phone the same: its instance where it tells one (RFC 5626), otherwise its URI (RFC 3261, 19.1.4, as far as it
// matters here).
func keyOf(c *gosip.ContactHeader) string {
	if instance, has := c.Params.Get("+sip.instance"); has && instance != "" {
		id, _ := c.Params.Get("reg-id")
		return "instance " + instance + " " + id
	}
	u := c.Address
	port := u.Port
	transport, _ := u.UriParams.Get("transport")
	return strings.Join([]string{u.Scheme, unescaped(u.User), strings.ToLower(u.Host), strconv.Itoa(port), strings.ToLower(transport)}, " ")
}
