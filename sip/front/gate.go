package front

import (
	"cmp"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"

	"supervisiond/sip/digest"
)

const (
	ack    = "ACK"
	cancel = "CANCEL"
)

// gate says what of all that arrives goes to the transaction layer: requests whose sender has proved who they are, and whatever
// belongs to a transaction from where somebody is known to be. Everything else is answered here without a trace, or not at all.
type gate struct {
	key     []byte
	realm   *digest.Realm
	allowed []string
	known   *sources
	limits  *limits
	offers  *offers
	metrics *metrics
	now     func() time.Time
	// wrong is told of each name whose secret is wrong; it is cheap.
	wrong func(name string, from netip.Addr)
}

func newGate(key []byte, realm *digest.Realm, m *metrics) *gate {
	return &gate{key: key, realm: realm, known: newSources(), limits: newLimits(), offers: newOffers(), metrics: m, now: time.Now, wrong: func(string, netip.Addr) {}}
}

// origin is where a message came from.
type origin struct {
	from     netip.AddrPort
	reliable bool // TCP or TLS
	known    bool // the connection is somebody's
}

// verdict is what becomes of a message: pass it on, as data has it, or send an answer if there is one.
type verdict struct {
	pass   bool
	data   []byte
	answer []byte
	to     netip.AddrPort
}

// judge looks at one message.
func (g *gate) judge(data []byte, o origin) verdict {
	m := scan(data)
	if m == nil {
		g.metrics.refused(junk)
		return verdict{}
	}
	known := o.known || !o.reliable && g.known.has(o.from, g.now())
	var text []byte // a stranger's is not worth it
	if known || len(m.all("authorization")) > 0 {
		text = m.bytes()
	}
	v := g.verdict(m, o, known, text)
	if v.pass {
		v.data = text
	}
	return v
}

// verdict is the one on a message, which the library is to read as text.
func (g *gate) verdict(m *message, o origin, known bool, text []byte) verdict {
	if !m.request() {
		return g.onlyKnown(known && m.flaw == "" && parses(text))
	}
	refused := m.check(g.allowed)
	if refused == nil && text != nil && !parses(text) {
		refused = bad("Request")
	}
	switch {
	case m.method == ack: // is never answered
		return g.onlyKnown(known && refused == nil)
	case refused != nil:
		return g.refuse(m, o, refused, malformed)
	case m.method == cancel && known:
		return verdict{pass: true}
	case m.method == cancel: // its INVITE was not let in
		return g.refuse(m, o, &refusal{code: 481, reason: "Call/Transaction Does Not Exist"}, unknown)
	}
	return g.identify(m, o)
}

func (g *gate) onlyKnown(known bool) verdict {
	if !known {
		g.metrics.refused(unknown)
	}
	return verdict{pass: known}
}

// identify lets a request in if it has the secret of somebody.
func (g *gate) identify(m *message, o origin) verdict {
	now, from := g.now(), o.from.Addr()
	req := m.proof(o)
	name := g.realm.Named(req.Authorization)
	if name != "" && !g.limits.mayTry(name, from, now) {
		g.metrics.refused(guessing)
		return verdict{}
	}
	if name != "" {
		g.offers.taken(m.sender(), from)
	}
	username, result := g.realm.Check(req, now)
	switch result {
	case digest.OK, digest.Again:
		if !g.limits.people.take(username, now) {
			g.metrics.refused(tooMany)
			return verdict{}
		}
		g.known.add(o.from, now)
		return verdict{pass: true}
	case digest.Merged:
		return g.refuse(m, o, &refusal{code: 482, reason: "Loop Detected"}, merged)
	case digest.Wrong:
		g.limits.wrong(name, from, now)
		g.wrong(name, from)
	}
	return g.refuse(m, o, g.challenge(m, name, from, result), string(result))
}

// challenge asks for a secret. The name is that of the secret that was no good; empty: there was none.
func (g *gate) challenge(m *message, name string, from netip.Addr, result digest.Result) *refusal {
	now := g.now()
	r := &refusal{code: http.StatusUnauthorized, reason: "Unauthorized"}
	sender := m.sender()
	onlyMD5 := g.offers.onlyMD5(m, sender, from, result != digest.Missing, now)
	for _, c := range g.realm.Challenges(cmp.Or(name, sender), now, result == digest.Stale, onlyMD5) {
		r.headers = append(r.headers, "WWW-Authenticate: "+c)
	}
	return r
}

// sender is who the request says it is from: the user part of From. Most phones have their username there.
func (m *message) sender() string {
	from, _ := m.get("from")
	_, rest, _ := strings.Cut(from, ":")
	user, _, found := strings.Cut(rest, "@")
	if !found {
		return ""
	}
	return user
}

// proof is what the secret is tried on.
func (m *message) proof(o origin) digest.Request {
	top, _ := m.topVia()
	id, _ := m.get("call-id")
	cseq, _ := m.get("cseq")
	from, _ := m.get("from")
	to, _ := m.get("to")
	tag, _ := param(afterAddress(from), "tag")
	req := digest.Request{
		Authorization: m.all("authorization"), Method: m.method, URI: m.uri,
		Branch: top.branch + "\n" + o.from.String(), Origin: strings.Join([]string{id, cseq, tag}, "\n"), Reliable: o.reliable,
	}
	if tagged(to) {
		req.Origin += "\n" + top.branch // what belongs to a dialog is never merged
	}
	return req
}

// refuse answers within what is allowed.
func (g *gate) refuse(m *message, o origin, r *refusal, why string) verdict {
	g.metrics.refused(why)
	if !o.reliable && !g.limits.answers(o.from.Addr(), g.now()) {
		g.metrics.silenced()
		return verdict{}
	}
	g.metrics.answered(m.methodLabel(g.allowed), r.code)
	return verdict{answer: m.answer(r, o.from, g.key), to: m.back(o.from)}
}

// methodLabel keeps strangers' inventions out of the metrics.
func (m *message) methodLabel(allowed []string) string {
	if slices.Contains(allowed, m.method) {
		return m.method
	}
	return "other"
}
