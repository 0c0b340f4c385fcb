package pushservice

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"supervisiond/test/pushservice/gcm"
)

// vendors are the hosts of Chromium's push service. One of them, with a path, is what Chromium puts before each token that it gets: the
// second if it is of no stable channel, as that of Debian, unless its fields say otherwise (push_messaging_utils.cc). No switch changes it.
var vendors = []string{"fcm.googleapis.com", "jmt17.google.com"}

// Vendor is the push service of Chromium's vendor, in the house: real Chromiums subscribe at it, and decrypt what comes. It has the names of
// the real one: whoever is to reach it under them, and nothing else, takes Environment.
type Vendor struct {
	*Service
	stream *gcm.Server
	proxy  *httptest.Server
	ways   sync.WaitGroup // through the proxy
	// subscribed are those of browsers, until Subscribed gives them.
	subscribed chan *Subscription
}

// maxSubscribed is how many subscriptions of browsers may wait for the test to ask for them; it is at fault who lets more wait.
const maxSubscribed = 16

// StartVendor starts the push service of Chromium's vendor on 127.0.0.1. It ends with the test.
func StartVendor(t testing.TB) *Vendor {
	t.Helper()
	own := certificate(t)
	v := &Vendor{subscribed: make(chan *Subscription, maxSubscribed)}
	t.Cleanup(v.ways.Wait) // once the service has ended
	v.Service = start(t, &tls.Config{Certificates: []tls.Certificate{own}, MinVersion: tls.VersionTLS12})
	v.stream = gcm.Start(t, gcm.Options{Certificate: own, Registered: v.subscribe, Unregistered: v.unsubscribe})
	v.proxy = httptest.NewServer(http.HandlerFunc(v.connect))
	t.Cleanup(v.proxy.Close)
	return v
}

// certificate is one for the vendor's names and for 127.0.0.1, signed by itself.
func certificate(t testing.TB) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	sheet := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		DNSNames: vendors, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true, IsCA: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, sheet, sheet, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}

// Switches are those with which a Chromium is started that is to subscribe here.
func (v *Vendor) Switches() map[string]string { return v.stream.Switches() }

// Environment is that of a program that is to send here, as NAME=value.
func (v *Vendor) Environment() []string {
	return []string{"SSL_CERT_FILE=" + v.CAFile(), "HTTPS_PROXY=" + v.proxy.URL, "NO_PROXY="}
}

// Faults are the requests that the service turned away, and what browsers did that it does not know.
func (v *Vendor) Faults() []string { return append(v.Service.Faults(), v.stream.Faults()...) }

// Subscribed waits for the next subscription of a browser.
func (v *Vendor) Subscribed(ctx context.Context) (*Subscription, error) {
	select {
	case u := <-v.subscribed:
		return u, nil
	case <-ctx.Done():
		return nil, fmt.Errorf("no browser subscribes (turned away: %q): %w", v.Faults(), ctx.Err())
	}
}

func (v *Vendor) subscribe(r gcm.Registration) {
	u := &Subscription{service: v.Service, name: r.Token, applicationKey: r.Sender, news: make(chan struct{})}
	u.browser = func(m Message) { v.stream.Deliver(r.Token, m.Body, m.TTL) }
	v.mu.Lock()
	v.subscriptions[u.name] = u
	v.mu.Unlock()
	select {
	case v.subscribed <- u:
	default:
		v.fault(fmt.Errorf("more than %d subscriptions wait", maxSubscribed))
	}
}

func (v *Vendor) unsubscribe(r gcm.Registration) {
	v.mu.Lock()
	defer v.mu.Unlock()
	delete(v.subscriptions, r.Token)
}

// connect is a proxy that knows one way only: to the service, when the vendor's is asked for.
func (v *Vendor) connect(w http.ResponseWriter, r *http.Request) {
	host, port, _ := net.SplitHostPort(r.Host)
	if r.Method != http.MethodConnect || port != "443" || !slices.Contains(vendors, host) {
		v.fault(fmt.Errorf("somebody asks for %s %s", r.Method, r.Host))
		http.Error(w, "no such way", http.StatusForbidden)
		return
	}
	there, err := new(net.Dialer).DialContext(r.Context(), "tcp", v.server.Listener.Addr().String())
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	defer func() { _ = there.Close() }()
	w.WriteHeader(http.StatusOK)
	here, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		v.fault(err)
		return
	}
	v.ways.Go(func() {
		_, _ = io.Copy(there, buffered)
		_ = there.Close()
	})
	_, _ = io.Copy(here, there)
	_ = here.Close()
}
