package sip

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/emiago/sipgo"
	gosip "github.com/emiago/sipgo/sip"
	"github.com/icholy/digest"

	"supervisiond/sip/front"
	"supervisiond/supervision"
)

// Report takes what a diagnosis finds. What says how it is, mend what the administrator can do about it.
type Report interface {
	Pass(what string)
	Warn(what, mend string)
	Fail(what, mend string)
}

// Diagnosis is what Diagnose is to try.
type Diagnosis struct {
	// Listen is empty if there is to be no event server.
	Listen            []front.Listener
	CertFile, KeyFile string
	Realm, PBXURI     string
	Directory         *supervision.Directory
	Accounts          map[string]Account
	// Running: a daemon of this site was found already.
	Running bool
}

// renewTime is how long before its end a certificate should have been renewed.
const renewTime = 7 * 24 * time.Hour

// Diagnose finds out whether the addresses are free, or who has them, whether the PBX answers, and whether anybody is let in.
func Diagnose(ctx context.Context, o Diagnosis, r Report) {
	if len(o.Listen) > 0 {
		if o.CertFile != "" {
			diagnoseCertificate(o.CertFile, o.KeyFile, time.Now(), r)
		}
		for _, l := range o.Listen {
			o.listener(ctx, l, r)
		}
		o.pbx(ctx, r)
	}
	o.people(r)
}

func diagnoseCertificate(cert, key string, now time.Time, r Report) {
	what := "sip.tls.cert_file " + cert
	pair, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		r.Fail(what+" cannot be used: "+err.Error(),
			"cert_file has the certificate and those between it and the authority, key_file its key, both PEM, and the daemon's user may read them")
		return
	}
	leaf, err := x509.ParseCertificate(pair.Certificate[0])
	switch {
	case err != nil:
		r.Fail(what+" cannot be used: "+err.Error(), "have it issued anew")
	case now.After(leaf.NotAfter):
		r.Fail(what+" ended on "+leaf.NotAfter.UTC().Format(time.DateOnly)+": phones refuse it", "renew it; no restart is needed")
	case now.Before(leaf.NotBefore):
		r.Fail(what+" begins on "+leaf.NotBefore.UTC().Format(time.DateOnly)+" only", "look at the clock of this machine, or wait")
	case leaf.NotAfter.Sub(now) < renewTime:
		r.Warn(what+" ends on "+leaf.NotAfter.UTC().Format(time.DateOnly), "renew it; no restart is needed")
	default:
		r.Pass(what + " fits its key, and is good until " + leaf.NotAfter.UTC().Format(time.DateOnly))
	}
}

// listener takes an address for a moment, or asks whoever has it.
func (o Diagnosis) listener(ctx context.Context, l front.Listener, r Report) {
	what := fmt.Sprintf("sip.listen %s://%s", l.Network, l.Address)
	if _, port, _ := net.SplitHostPort(l.Address); port == "0" {
		r.Pass(what + ": any free port")
		return
	}
	err := take(ctx, l)
	switch {
	case err == nil && o.Running:
		r.Warn(what+": free, though the daemon runs here", "restart the daemon: the sip section counts from a start on")
	case err == nil:
		r.Pass(what + ": free")
	case errors.Is(err, syscall.EADDRINUSE):
		o.owner(ctx, l, what, r)
	default:
		r.Fail(what+" cannot be used: "+reason(err), "choose an address of this machine, and a port above 1023")
	}
}

func take(ctx context.Context, l front.Listener) error {
	if l.Network == "udp" {
		c, err := new(net.ListenConfig).ListenPacket(ctx, "udp", l.Address)
		if err != nil {
			return err
		}
		return c.Close()
	}
	c, err := new(net.ListenConfig).Listen(ctx, "tcp", l.Address)
	if err != nil {
		return err
	}
	return c.Close()
}

// reason is an error without the operation and the address that are told already.
func reason(err error) string {
	var number syscall.Errno
	if errors.As(err, &number) {
		return number.Error()
	}
	return err.Error()
}

// owner asks who has an address. This site's daemon is known by the realm that it asks secrets for.
func (o Diagnosis) owner(ctx context.Context, l front.Listener, what string, r Report) {
	const mend = "choose another port for sip.listen, or stop that program: ss -lntup says which it is"
	host, port, _ := net.SplitHostPort(l.Address)
	if ip, err := netip.ParseAddr(host); host == "" || err == nil && ip.IsUnspecified() {
		host = "localhost"
	}
	number, _ := strconv.Atoi(port)
	uri := gosip.Uri{Scheme: "sip", Host: host, Port: number}
	// The certificate may name the machine as others see it. Nothing is told to whoever answers.
	res, _, err := askOnce(ctx, uri, l.Network, net.JoinHostPort(host, port), &tls.Config{InsecureSkipVerify: true}) //nolint:gosec // as said
	switch {
	case err != nil:
		r.Fail(what+" is taken by a program that answers no SIP", mend)
	case realmOf(res) == o.Realm:
		r.Pass(what + ": the daemon that runs here answers")
	default:
		r.Fail(what+" is taken by "+nameOf(res), mend)
	}
}

// askOnce asks with a client of its own.
func askOnce(ctx context.Context, uri gosip.Uri, network, address string, trust *tls.Config) (*gosip.Response, time.Duration, error) {
	ua, err := front.UserAgent(sipgo.WithUserAgenTLSConfig(trust))
	if err != nil {
		return nil, 0, err
	}
	defer func() { _ = ua.Close() }()
	client, err := sipgo.NewClient(ua)
	if err != nil {
		return nil, 0, err
	}
	return ask(ctx, client, uri, network, address)
}

// realmOf is what an answer wants a secret for, if it does.
func realmOf(res *gosip.Response) string {
	for _, h := range res.GetHeaders("WWW-Authenticate") {
		if c, err := digest.ParseChallenge(h.Value()); err == nil {
			return c.Realm
		}
	}
	return ""
}

// nameOf says who answers.
func nameOf(res *gosip.Response) string {
	name := "a SIP server"
	if h := res.GetHeader("Server"); h != nil {
		name += fmt.Sprintf(" that calls itself %q", short(h.Value()))
	}
	if realm := realmOf(res); realm != "" {
		name += fmt.Sprintf(", of the realm %q", short(realm))
	}
	return name
}

// short is what a stranger says, for a line.
func short(text string) string { return text[:min(len(text), 40)] }

// pbx asks the PBX as the daemon does.
func (o Diagnosis) pbx(ctx context.Context, r Report) {
	what := "sip.pbx_uri " + o.PBXURI
	var uri gosip.Uri
	if err := gosip.ParseUri(o.PBXURI, &uri); err != nil {
		r.Fail(what+" cannot be read: "+err.Error(), "write host and port, such as sip:192.0.2.10:5060")
		return
	}
	if ip, err := netip.ParseAddr(strings.Trim(uri.Host, "[]")); uri.Host == "localhost" || err == nil && ip.IsLoopback() {
		if l, public := o.public(); public {
			r.Warn(fmt.Sprintf("%s: phones that come to %s://%s are sent there with what their keys dial, and for a phone that is itself", what, l.Network, l.Address),
				"write the PBX's address as phones reach it")
		}
	}
	network, address := pbxAddress(uri)
	res, took, err := askOnce(ctx, uri, network, address, nil)
	switch {
	case distrusted(err):
		r.Fail(fmt.Sprintf("%s: the certificate there is not trusted: %v", what, err), trustMend)
	case err != nil:
		r.Fail(what+": nobody answers SIP there", "see that Asterisk runs, and where it listens: asterisk -rx 'pjsip show transports'; and that nothing filters what comes from here")
	case realmOf(res) == o.Realm:
		r.Fail(what+" is the event server itself", "write the address where the PBX takes phones, such as sip:192.0.2.10:5060")
	default:
		r.Pass(fmt.Sprintf("%s: the PBX answers SIP in %d ms", what, max(1, took.Milliseconds())))
	}
}

// public gives a listener that others than this machine reach.
func (o Diagnosis) public() (front.Listener, bool) {
	for _, l := range o.Listen {
		host, _, _ := net.SplitHostPort(l.Address)
		ip, err := netip.ParseAddr(host)
		if host != "localhost" && (err != nil || !ip.IsLoopback()) {
			return l, true
		}
	}
	return front.Listener{}, false
}
