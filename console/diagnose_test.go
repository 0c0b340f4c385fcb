package console

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"log/slog"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"supervisiond/test/ports"
)

// line is a Report that takes one finding.
type line struct{ verdict, what, mend string }

func (l *line) Pass(what string)       { *l = line{"PASS", what, ""} }
func (l *line) Warn(what, mend string) { *l = line{"WARN", what, mend} }
func (l *line) Fail(what, mend string) { *l = line{"FAIL", what, mend} }

// serve runs the daemon's HTTP side.
func serve(t *testing.T, o Options) (address string) {
	t.Helper()
	o.Listen, o.Log, o.Metrics = "127.0.0.1:0", slog.New(slog.DiscardHandler), prometheus.NewRegistry()
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- s.Serve() }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if err := s.Shutdown(ctx); err != nil {
			t.Error(err)
		}
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return s.Addr().String()
}

func always(pbx, nats bool) func() map[string]bool {
	return func() map[string]bool { return map[string]bool{"pbx": pbx, "nats": nats} }
}

// certificate makes one that names nobody.
func newCertificate(t *testing.T) (certFile, keyFile string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "pbx.example"}, NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for name, block := range map[string]*pem.Block{
		"cert.pem": {Type: "CERTIFICATE", Bytes: der}, "key.pem": {Type: "PRIVATE KEY", Bytes: secret},
	} {
		if err := os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
}

func TestDiagnose(t *testing.T) {
	certFile, keyFile := newCertificate(t)
	stranger := httptest.NewServer(http.NotFoundHandler())
	defer stranger.Close()
	redirect := httptest.NewServer(http.RedirectHandler("http://"+serve(t, Options{Site: "hq", Ready: always(true, true)})+"/readyz", http.StatusFound))
	defer redirect.Close()
	garbled := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Server", "supervisiond (hq)")
		_, _ = w.Write([]byte("[" + strings.Repeat("1,", longestReady)))
	}))
	defer garbled.Close()
	of := func(s *httptest.Server) string { return s.Listener.Addr().String() }
	for _, x := range []struct {
		name              string
		o                 Diagnosis
		verdict           string
		what, mend        string
		running, attached bool
	}{
		{"any port", Diagnosis{Listen: "127.0.0.1:0"}, "PASS", "any free port", "", false, false},
		{"free", Diagnosis{Listen: ports.Address(t)}, "PASS", "no daemon runs here", "", false, false},
		{"ready", Diagnosis{Listen: serve(t, Options{Site: "hq", Ready: always(true, true)})}, "PASS", "the daemon runs and is ready", "", true, true},
		{"ready with TLS", Diagnosis{Listen: serve(t, Options{Site: "hq", CertFile: certFile, KeyFile: keyFile, Ready: always(true, true)}), TLS: true},
			"PASS", "the daemon runs and is ready", "", true, true},
		{"lacks all", Diagnosis{Listen: serve(t, Options{Site: "hq", Ready: always(false, false)})}, "WARN", "it lacks: nats, pbx", "log", true, false},
		{"other site", Diagnosis{Listen: serve(t, Options{Site: "branch", Ready: always(true, true)})}, "FAIL", "the daemon of the site branch", "http.listen of its own", false, false},
		{"stranger", Diagnosis{Listen: of(stranger)}, "FAIL", "taken by another program", "ss -ltnp", false, false},
		{"stranger without TLS", Diagnosis{Listen: of(stranger), TLS: true}, "FAIL", "taken by another program", "ss -ltnp", false, false},
		{"stranger who points to a daemon", Diagnosis{Listen: of(redirect)}, "FAIL", "taken by another program", "ss -ltnp", false, false},
		{"stranger in disguise", Diagnosis{Listen: of(garbled)}, "FAIL", "taken by another program", "ss -ltnp", false, false},
		{"not of this machine", Diagnosis{Listen: "192.0.2.1:8080"}, "FAIL", "cannot be used", "an address of this machine", false, false},
	} {
		t.Run(x.name, func(t *testing.T) {
			var l line
			x.o.Site = "hq"
			found := Diagnose(t.Context(), x.o, &l)
			if l.verdict != x.verdict || !strings.Contains(l.what, x.what) || !strings.Contains(l.mend, x.mend) || !strings.Contains(l.what, x.o.Listen) {
				t.Errorf("got %+v", l)
			}
			if found.Running != x.running || found.Ready["pbx"] != x.attached || found.Unseen != (x.name == "any port") {
				t.Errorf("found %+v", found)
			}
		})
	}
}

// Who listens on more than this machine without TLS is told what that means.
func TestDiagnoseInTheClear(t *testing.T) {
	for listen, warned := range map[string]bool{
		":0": true, "0.0.0.0:0": true, "[::]:0": true, "192.0.2.7:0": true, "pbx.example:0": true,
		"127.0.0.1:0": false, "[::1]:0": false, "localhost:0": false,
	} {
		for _, secured := range []bool{false, true} {
			var all lines
			Diagnose(t.Context(), Diagnosis{Site: "hq", Listen: listen, TLS: secured}, &all)
			if got := strings.Contains(all.text, "WARN http.listen "+listen+": passwords"); got != (warned && !secured) {
				t.Errorf("%s, TLS %t: %s", listen, secured, all.text)
			}
		}
	}
}

// lines is a Report that takes all findings.
type lines struct{ text string }

func (l *lines) Pass(what string)       { l.text += "PASS " + what + "\n" }
func (l *lines) Warn(what, mend string) { l.text += "WARN " + what + " > " + mend + "\n" }
func (l *lines) Fail(what, mend string) { l.text += "FAIL " + what + " > " + mend + "\n" }
