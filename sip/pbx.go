package sip

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/emiago/sipgo"
	gosip "github.com/emiago/sipgo/sip"
	"github.com/prometheus/client_golang/prometheus"
)

const (
	// askEvery is how often the PBX is asked whether its SIP side lives, askAgain how soon after a question without an answer, and
	// askTime how long an answer may take.
	askEvery = 10 * time.Second
	askAgain = 2 * time.Second
	askTime  = 3 * time.Second
	// silentAfter is how many questions in a row are not answered before it counts as silent: a datagram may be lost, although
	// each question is repeated.
	silentAfter = 2
)

// pbxHealth asks the PBX's SIP side whether it lives (OPTIONS, RFC 3261, 11). Any answer will do: who refuses is alive.
type pbxHealth struct {
	uri    gosip.Uri
	client *sipgo.Client
	tell   func(context.Context, bool)
	log    *slog.Logger
	alive  prometheus.Gauge
	took   prometheus.Histogram
}

func newHealth(uri gosip.Uri, client *sipgo.Client, o Options) *pbxHealth {
	h := &pbxHealth{
		uri: uri, client: client, tell: o.Alive, log: o.Log,
		alive: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "supervisiond_sip_pbx_alive", Help: "Whether the PBX answers SIP (OPTIONS): 1, or 0.",
		}),
		took: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "supervisiond_sip_pbx_answer_seconds", Help: "How long the PBX takes to answer SIP (OPTIONS), in seconds.",
			Buckets: []float64{.001, .003, .01, .03, .1, .3, 1, 3},
		}),
	}
	o.Metrics.MustRegister(h.alive, h.took)
	return h
}

// run asks until the context ends.
func (h *pbxHealth) run(ctx context.Context) {
	missed, known := 0, false
	was := false
	for {
		err := h.ask(ctx)
		if ctx.Err() != nil {
			return
		}
		missed++
		if err == nil {
			missed = 0
		}
		alive := missed < silentAfter
		if err == nil || !alive {
			if !known || alive != was {
				h.changed(ctx, err)
			}
			known, was = true, alive
		}
		pause := askEvery
		if missed > 0 {
			pause = askAgain
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return
		}
	}
}

// changed tells that the PBX answers, or why it does not.
func (h *pbxHealth) changed(ctx context.Context, err error) {
	h.alive.Set(0)
	switch {
	case err == nil:
		h.alive.Set(1)
		h.log.Info("the PBX answers SIP", "address", h.uri.HostPort())
	case distrusted(err):
		h.log.Warn("the PBX's SIP certificate is not trusted, so nobody knows whether phones ring; "+trustMend, "address", h.uri.HostPort(), "error", err)
	default:
		h.log.Warn("the PBX does not answer SIP, so phones may not ring; see that it runs, that sip.pbx_uri is its address, and that nothing filters what comes from here",
			"address", h.uri.HostPort(), "error", err)
	}
	h.tell(ctx, err == nil)
}

// trustMend is what helps where a certificate is not trusted: docs/sip.md.
const trustMend = "have this machine's store trust its authority (Debian: update-ca-certificates), and see that the certificate is for the host of sip.pbx_uri"

// distrusted: somebody answers over TLS who may be anybody.
func distrusted(err error) bool {
	var e *tls.CertificateVerificationError
	return errors.As(err, &e)
}

func (h *pbxHealth) ask(ctx context.Context) error {
	network, address := pbxAddress(h.uri)
	_, took, err := ask(ctx, h.client, h.uri, network, address)
	if err == nil {
		h.took.Observe(took.Seconds())
	}
	return err
}

// pbxAddress says how the PBX is reached.
func pbxAddress(uri gosip.Uri) (network, address string) {
	network = "udp"
	if t, ok := uri.UriParams.Get("transport"); ok {
		network = strings.ToLower(t)
	}
	if uri.IsEncrypted() {
		network = "tls"
	}
	port := uri.Port
	if port == 0 {
		port = gosip.DefaultPort(network)
	}
	return network, net.JoinHostPort(strings.Trim(uri.Host, "[]"), strconv.Itoa(port))
}

// ask sends one question to an address, and says how long the answer took.
func ask(ctx context.Context, client *sipgo.Client, uri gosip.Uri, network, address string) (*gosip.Response, time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	from, err := addressTowards(ctx, address)
	if err != nil {
		return nil, 0, err
	}
	req := gosip.NewRequest(gosip.OPTIONS, *uri.Clone())
	req.SetTransport(strings.ToUpper(network))
	req.SetDestination(address)
	via := &gosip.ViaHeader{
		ProtocolName: "SIP", ProtocolVersion: "2.0", Transport: strings.ToUpper(network), Host: from, Params: gosip.NewParams(),
	}
	via.Params.Add("rport", "")
	via.Params.Add("branch", gosip.GenerateBranch())
	req.AppendHeader(via)
	sender := &gosip.FromHeader{Address: gosip.Uri{Scheme: uri.Scheme, User: "supervisiond", Host: from}, Params: gosip.NewParams()}
	sender.Params.Add("tag", gosip.GenerateTagN(16))
	req.AppendHeader(sender)
	req.AppendHeader(gosip.NewHeader("Accept", "application/sdp"))
	began := time.Now()
	res, err := client.Do(ctx, req)
	return res, time.Since(began), err
}

// addressTowards is our own address as somebody sees it.
func addressTowards(ctx context.Context, them string) (string, error) {
	c, err := new(net.Dialer).DialContext(ctx, "udp", them) // nothing is sent
	if err != nil {
		return "", err
	}
	defer func() { _ = c.Close() }()
	host, _, err := net.SplitHostPort(c.LocalAddr().String())
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	return host, err
}
