package acceptance

import (
	"crypto/tls"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// encrypted is a TLS front for the PBX's SIP side, with a certificate that no system trusts.
type encrypted struct {
	net.Listener
	work sync.WaitGroup
}

func startEncrypted(t *testing.T, certificate tls.Certificate) *encrypted {
	t.Helper()
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12})
	must(t, err)
	e := &encrypted{Listener: l}
	t.Cleanup(e.work.Wait)
	t.Cleanup(func() { _ = l.Close() })
	return e
}

// serve takes connections to the PBX until the listener is closed.
func (e *encrypted) serve(t *testing.T, back string) {
	e.work.Go(func() {
		for {
			c, err := e.Accept()
			if err != nil {
				return
			}
			to, err := net.Dial("tcp", back)
			if err != nil {
				_ = c.Close()
				continue
			}
			t.Cleanup(func() { _, _ = c.Close(), to.Close() })
			both := func(a, b net.Conn) { _, _ = io.Copy(a, b); _, _ = a.Close(), b.Close() }
			e.work.Go(func() { both(c, to) })
			e.work.Go(func() { both(to, c) })
		}
	})
}

// A PBX whose certificate is by an authority of its own: it is alive for who trusts that, as docs/sip.md says how, and for anybody else
// it is silent, with the reason.
func TestSIPOfThePBXOverTLS(t *testing.T) {
	t.Parallel()
	cert, key, _ := newCertificate(t)
	pair, err := tls.X509KeyPair(cert, key)
	must(t, err)
	authority := filepath.Join(t.TempDir(), "authority.pem")
	must(t, os.WriteFile(authority, cert, 0o600))
	pbx := startEncrypted(t, pair)
	o := options{configure: func(yaml string) string {
		return yaml + "sip: {listen: [\"udp://127.0.0.1:0\"], pbx_uri: \"sips:" + pbx.Addr().String() + "\"}\n"
	}}
	s := newSite(t, o)
	pbx.serve(t, s.pbx.SIPAddr())
	is := func(sip string) {
		t.Helper()
		document(s.watch, 0, "site", sip, func(d siteDocument) bool { return d.PBX.Connected && d.PBX.SIP == sip })
	}
	is("silent")
	why := s.daemon.logged("the PBX's SIP certificate is not trusted")
	if e, _ := why["error"].(string); !strings.Contains(e, "unknown authority") {
		t.Errorf("the log says %v", why)
	}
	s.doctor(nil).has("FAIL", "the certificate there is not trusted", "update-ca-certificates")

	s.daemon.stop(syscall.SIGTERM)
	s.environment = []string{"SSL_CERT_FILE=" + authority}
	s.start()
	is("alive")
}
