package embedded

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"golang.org/x/crypto/bcrypt"
)

func start(t *testing.T, o Options) *Server {
	t.Helper()
	s, err := Start(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := s.Shutdown(ctx); err != nil {
			t.Error(err)
		}
	})
	return s
}

func hash(t *testing.T, password string) string {
	t.Helper()
	h, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	return string(h)
}

func TestOptionsAreChecked(t *testing.T) {
	good := hash(t, "x")
	dir := t.TempDir()
	for part, o := range map[string]Options{
		"write host:port":               {Listen: "4222", StoreDir: dir},
		"below 65536":                   {Listen: "127.0.0.1:70000", StoreDir: dir},
		"store_dir is empty":            {Listen: "127.0.0.1:0"},
		"needs nats.embedded.users and": {Listen: "0.0.0.0:0", StoreDir: dir},
		"otherwise listen on 127.0.0.1": {Listen: ":0", StoreDir: dir, Users: []User{{Name: "a", PasswordHash: good}}},
		"not bcrypt's":                  {Listen: "127.0.0.1:0", StoreDir: dir, Users: []User{{Name: "a", PasswordHash: "secret"}}},
		"a name is made of":             {Listen: "127.0.0.1:0", StoreDir: dir, Users: []User{{Name: "a.>", PasswordHash: good}}},
		"the name is taken":             {Listen: "127.0.0.1:0", StoreDir: dir, Users: []User{{Name: "supervisiond", PasswordHash: good}}},
		"neither a person's id":         {Listen: "127.0.0.1:0", StoreDir: dir, Users: []User{{Name: "a", PasswordHash: good, ActsAs: []string{">"}}}},
		"check the certificate file":    {Listen: "127.0.0.1:0", StoreDir: dir, CertFile: "none", KeyFile: "none"},
	} {
		o.Site = "hq"
		if s, err := Start(o); err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("%q expected, got %v", part, err)
			if s != nil {
				_ = s.Shutdown(t.Context())
			}
		}
	}
}

func TestAPortThatIsTakenIsSaid(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	began := time.Now()
	_, err = Start(Options{Site: "hq", Listen: l.Addr().String(), StoreDir: t.TempDir()})
	if err == nil || !strings.Contains(err.Error(), "choose a free nats.embedded.listen") || !strings.Contains(err.Error(), "in use") {
		t.Error(err)
	}
	if time.Since(began) > 5*time.Second {
		t.Errorf("it took %v to notice", time.Since(began))
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err = Start(Options{Site: "hq", Listen: "127.0.0.1:0", StoreDir: file}); err == nil || !strings.Contains(err.Error(), "store_dir") {
		t.Error(err)
	}
}

func TestNobodyIsTheDaemonOverTheNetwork(t *testing.T) {
	for name, users := range map[string][]User{"without users": nil, "with users": {{Name: "crm", PasswordHash: hash(t, "x"), ActsAs: []string{"*"}}}} {
		t.Run(name, func(t *testing.T) {
			s := start(t, Options{Site: "hq", Listen: "127.0.0.1:0", StoreDir: t.TempDir(), Users: users})
			user, password := s.Login()
			nc, err := nats.Connect("", nats.InProcessServer(s), nats.UserInfo(user, password))
			if err != nil {
				t.Fatal(err)
			}
			nc.Close()
			for _, login := range [][2]string{{user, password}, {user, "guess"}, {"crm", "guess"}, {"anonymous", ""}} {
				if nc, err := nats.Connect(s.ClientURL(), nats.UserInfo(login[0], login[1])); !errors.Is(err, nats.ErrAuthorization) {
					t.Errorf("%s: %v", login[0], err)
					if nc != nil {
						nc.Close()
					}
				}
			}
			nc, err = nats.Connect(s.ClientURL())
			if (err == nil) != (users == nil) {
				t.Errorf("nobody in particular: %v", err)
			}
			if nc != nil {
				nc.Close()
			}
		})
	}
}

func TestTLS(t *testing.T) {
	dir := t.TempDir()
	certFile, keyFile := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	newCertificate(t, certFile, keyFile, 1)
	s := start(t, Options{
		Site: "hq", Listen: "0.0.0.0:0", StoreDir: t.TempDir(), CertFile: certFile, KeyFile: keyFile,
		Users: []User{{Name: "crm", PasswordHash: hash(t, "x"), ActsAs: []string{"*"}}},
	})
	serial := func() int64 {
		t.Helper()
		var got int64
		nc, err := nats.Connect("tls://127.0.0.1:"+portOf(s), nats.UserInfo("crm", "x"), nats.Secure(&tls.Config{
			InsecureSkipVerify: true, // what the certificate is worth is not the question here
			VerifyConnection: func(c tls.ConnectionState) error {
				got = c.PeerCertificates[0].SerialNumber.Int64()
				return nil
			},
		}))
		if err != nil {
			t.Fatal(err)
		}
		nc.Close()
		return got
	}
	if n := serial(); n != 1 {
		t.Errorf("certificate %d", n)
	}
	newCertificate(t, certFile, keyFile, 2)
	if n := serial(); n != 2 {
		t.Errorf("certificate %d after it was renewed", n)
	}
	if err := os.Remove(keyFile); err != nil {
		t.Fatal(err)
	}
	if n := serial(); n != 2 {
		t.Errorf("certificate %d while the next one is being put in place", n)
	}
	user, password := s.Login()
	nc, err := nats.Connect("", nats.InProcessServer(s), nats.UserInfo(user, password))
	if err != nil {
		t.Fatalf("through memory: %v", err)
	}
	nc.Close()
}

func portOf(s *Server) string {
	_, port, _ := net.SplitHostPort(s.Addr().String())
	return port
}

func newCertificate(t *testing.T, certFile, keyFile string, serial int64) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: "nats"}, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for file, block := range map[string]*pem.Block{certFile: {Type: "CERTIFICATE", Bytes: der}, keyFile: {Type: "PRIVATE KEY", Bytes: keyDER}} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}
