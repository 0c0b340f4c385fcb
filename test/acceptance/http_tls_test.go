package acceptance

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// With a certificate the daemon speaks TLS and HTTP/2, the stream included; cookies are Secure; who comes without TLS is told so
// and no more; a renewed certificate counts from the next connection on, and one that is half written not at all.
func TestHTTPOverTLS(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	cert, key := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	renew := func() *x509.CertPool {
		c, k, pool := newCertificate(t)
		must(t, os.WriteFile(cert, c, 0o600))
		must(t, os.WriteFile(key, k, 0o600))
		return pool
	}
	first := renew()
	s := startAlone(t, func(yaml string) string {
		return strings.Replace(yaml, `http: {`, fmt.Sprintf(`http: {tls: {cert_file: %q, key_file: %q}, `, cert, key), 1)
	})
	anna := s.overTLS(first)
	if a := anna.do("POST", "/session", `{"person":"anna","password":"anna-secret"}`); a.Status != http.StatusOK || a.Proto != "HTTP/2.0" ||
		!strings.Contains(a.Header.Get("Set-Cookie"), "Secure") || a.Header.Get("Strict-Transport-Security") == "" {
		t.Errorf("%d %s %v", a.Status, a.Proto, a.Header)
	}
	annas := anna.stream("")
	annas.await("view")
	if a := anna.do("PUT", "/me/presence", `{"state":"away","source":"desk"}`); a.Status != http.StatusOK {
		t.Errorf("%d %s", a.Status, a.Body)
	}
	annas.await("person", `"away"`)
	anna.do("PUT", "/me/presence", `{"state":"away","state":"busy","source":"passw0rd"}`).is(t, http.StatusUnprocessableEntity, "invalid")
	anna.do("PUT", "/me/presence", `{"state":"away","source":"`+strings.Repeat("s3cr3t", 4000)+`"}`).is(t, http.StatusRequestEntityTooLarge, "invalid")

	plain := s.wire()
	plain.say("GET /api/v1/me HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer crm-token\r\n\r\n")
	if status, _, body := plain.answered("GET"); status != http.StatusBadRequest || !strings.Contains(string(body), "HTTPS") {
		t.Errorf("without TLS: %d %s", status, body)
	}
	plain.closes("without TLS")
	silent, old := s.wire(), s.wire()
	old.say("\x16\x03\x01\x00\x05s3cr3")
	silent.closes("without a handshake")
	old.closes("a handshake of garbage")

	second := renew()
	if _, err := s.overTLS(first).try("GET", "/me", ""); err == nil {
		t.Error("the old certificate is still in use")
	}
	s.overTLS(second).do("GET", "/me", "").is(t, http.StatusUnauthorized, "unauthorized")
	must(t, os.WriteFile(key, []byte("half"), 0o600))
	s.overTLS(second).do("GET", "/me", "").is(t, http.StatusUnauthorized, "unauthorized")
	s.daemon.logged("certificate cannot be used")
	s.overTLS(renew()).do("GET", "/me", "").is(t, http.StatusUnauthorized, "unauthorized")
	anna.do("DELETE", "/session", "") // on the connection that it had
	annas.over()
	s.keptQuiet()
}

// overTLS is a stranger who trusts a certificate.
func (s *site) overTLS(trusted *x509.CertPool) *browser {
	b := s.stranger()
	b.tls = true
	b.client.Transport = &http.Transport{TLSClientConfig: &tls.Config{RootCAs: trusted, MinVersion: tls.VersionTLS12}, ForceAttemptHTTP2: true}
	s.t.Cleanup(b.client.CloseIdleConnections)
	return b
}

// newCertificate is one of an authority of its own, for 127.0.0.1.
func newCertificate(t *testing.T) (cert, key []byte, trusted *x509.CertPool) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	c := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, c, c, private.Public(), private)
	must(t, err)
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	must(t, err)
	cert = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	trusted = x509.NewCertPool()
	trusted.AppendCertsFromPEM(cert)
	return cert, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8}), trusted
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
