package certificate

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"log/slog"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// A renewed certificate counts from the next handshake on. One that cannot be used does not, and the log says so once.
func TestRenewal(t *testing.T) {
	dir := t.TempDir()
	cert, key := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	renew(t, cert, key, 1)
	var said bytes.Buffer
	config, err := TLS("http.tls", cert, key, slog.New(slog.NewTextHandler(&said, nil)))
	if err != nil {
		t.Fatal(err)
	}
	shown := func(want int64) {
		t.Helper()
		if got := shake(t, config); got != want {
			t.Errorf("certificate %d, want %d", got, want)
		}
	}
	shown(1)
	renew(t, cert, key, 2)
	shown(2)
	if said.Len() > 0 {
		t.Errorf("of a good certificate the log says %q", said.String())
	}
	if err := os.WriteFile(key, []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	shown(2)
	shown(2)
	if strings.Count(said.String(), "the certificate cannot be used") != 1 || !strings.Contains(said.String(), "setting=http.tls") {
		t.Errorf("the log says %q", said.String())
	}
	renew(t, cert, key, 3)
	shown(3)
}

func TestNoCertificate(t *testing.T) {
	if c, err := TLS("sip.tls", "", "", nil); c != nil || err != nil {
		t.Errorf("without files: %v, %v", c, err)
	}
	for _, files := range [][2]string{{"", "key.pem"}, {"cert.pem", ""}, {"cert.pem", "key.pem"}} {
		if c, err := TLS("sip.tls", files[0], files[1], nil); c != nil || err == nil || !strings.HasPrefix(err.Error(), "sip.tls: ") {
			t.Errorf("%q: %v, %v", files, c, err)
		}
	}
}

// shake is the serial number of the certificate that a client is shown.
func shake(t *testing.T, config *tls.Config) int64 {
	t.Helper()
	here, there := net.Pipe()
	server := tls.Server(here, config)
	done := make(chan error, 1)
	go func() { done <- server.HandshakeContext(t.Context()) }()
	client := tls.Client(there, &tls.Config{InsecureSkipVerify: true}) // whose it is is not the question here
	if err := client.HandshakeContext(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	return client.ConnectionState().PeerCertificates[0].SerialNumber.Int64()
}

func renew(t *testing.T, cert, key string, serial int64) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(serial), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	for file, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "PRIVATE KEY", Bytes: pkcs8}} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}
