package main

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"
)

const watched = `
site: hq
asterisk: {ari: {url: "http://127.0.0.1:1/ari", username: u, password: p}}
http: {listen: 127.0.0.1:0}
log: {format: json}
people: {anna: {name: Anna Berger, extension: "101"}, ben: {name: Ben Okafor, extension: "102", endpoints: [PJSIP/102]}}
groups: {sales: {name: Vertrieb, type: mutual_aid, supervisors: [anna], members: [ben]}}
`

func hash(t *testing.T, password string) string {
	t.Helper()
	h, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	return string(h)
}

// What keeps somebody from watching is said with what to do about it.
func TestWatchSaysWhatToDo(t *testing.T) {
	users := fmt.Sprintf(`users: {crm: {password_hash: %q, acts_as: ["*"]}, phonebook: {password_hash: %q, acts_as: [ben]}}`, hash(t, "secret"), hash(t, "secret"))
	t.Setenv("SUPERVISIOND_NATS_PASSWORD", "")
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, x := range []struct {
		nats, want string
		args       []string
	}{
		{`{embedded: {listen: "127.0.0.1:0"}}`, "nats.embedded.listen has port 0", nil},
		{`{embedded: {listen: "127.0.0.1:1"}}`, "nobody answers at nats://127.0.0.1:1: is supervisiond running", nil},
		{`{embedded: {listen: "127.0.0.1:1"}}`, "no user may act as anna: add one to nats.embedded.users, with acts_as: [anna]", []string{"--as", "anna"}},
		{`{embedded: {` + users + `}}`, "there is no person ana in ", []string{"--as", "ana"}},
		{`{embedded: {` + users + `}}`, "who acts as ben logs in: --user crm or --user phonebook --password-file FILE", []string{"--as", "ben"}},
		{`{embedded: {` + users + `}}`, "the user phonebook may not act as anna: crm may; or name anna in its acts_as",
			[]string{"--as", "anna", "--user", "phonebook", "--password-file", secret}},
		{`{embedded: {` + users + `}}`, "the password of crm is missing: put it into the variable SUPERVISIOND_NATS_PASSWORD", []string{"--user", "crm"}},
		{`{embedded: {` + users + `}}`, "--password-file is for --user", []string{"--password-file", secret}},
		{`{url: "nats://127.0.0.1:1", user: daemon, password: p}`, "the daemon's own user acts as nobody: name one with --user", []string{"--as", "anna"}},
		{`{url: "nats://127.0.0.1:1", user: daemon, password: p}`, "nobody answers at nats://127.0.0.1:1", nil},
	} {
		file := writeConfig(t, watched+"nats: "+x.nats+"\n")
		got := supervisiond(t, "", append([]string{"watch", "--config", file}, x.args...)...)
		if got.exit != 1 || got.stdout != "" || !strings.HasPrefix(got.stderr, "supervisiond: ") || !strings.Contains(got.stderr, x.want) {
			t.Errorf("%s %v: got %+v, want %q", x.nats, x.args, got, x.want)
		}
	}
}

// The embedded server with TLS has the certificate that the configuration names, whoever signed it: it is trusted, and no
// other is. Where nobody looks it is printed once how things are.
func TestWatchOverTLS(t *testing.T) {
	cert, key := certificate(t)
	configuration := func(cert, key string) string {
		return writeConfig(t, watched+fmt.Sprintf(`nats: {embedded: {listen: "127.0.0.1:0", tls: {cert_file: %s, key_file: %s}, users: {crm: {password_hash: %q, acts_as: ["*"]}}}}
`, cert, key, hash(t, "secret")))
	}
	file := configuration(cert, key)
	url := startDaemon(t, file)
	t.Setenv("SUPERVISIOND_NATS_PASSWORD", "secret")
	got := supervisiond(t, "", "watch", "--config", file, "--nats", url, "--user", "crm")
	for _, part := range []string{"hq at 2", "The PBX is away since ", "RINGING  0\n", "  Vertrieb  UNSTAFFED  2 logged in, 0 connected\n", "Ben Okafor", "! not connected"} {
		if !strings.Contains(got.stdout, part) {
			t.Errorf("not printed: %q", part)
		}
	}
	if got.exit != 0 || got.stderr != "" || strings.Contains(got.stdout, "\x1b") {
		t.Errorf("got %+v", got)
	}
	for _, x := range []struct {
		password string
		file     string
		want     string
	}{
		{"wrong", file, "does not let crm in: is the password right?"},
		{"secret", configuration(certificate(t)), "the server has another certificate than "},
	} {
		t.Setenv("SUPERVISIOND_NATS_PASSWORD", x.password)
		got := supervisiond(t, "", "watch", "--config", x.file, "--nats", url, "--user", "crm")
		if got.exit != 1 || got.stdout != "" || !strings.Contains(got.stderr, x.want) {
			t.Errorf("got %+v, want %q", got, x.want)
		}
	}
	got = supervisiond(t, "", "watch", "--config", file, "--nats", url)
	if got.exit != 1 || !strings.Contains(got.stderr, "lets in only its users (crm): --user NAME --password-file FILE") {
		t.Errorf("got %+v", got)
	}
}

// startDaemon starts the daemon without a PBX, waits until the state is on NATS, and gives the URL of its server.
func startDaemon(t *testing.T, file string) string {
	t.Helper()
	cmd := exec.Command(program, "run", "--config", file)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait()
	})
	lines := bufio.NewScanner(stderr)
	url := ""
	for written := false; url == "" || !written; {
		if !lines.Scan() {
			t.Fatal("the daemon ended")
		}
		var l struct{ Msg, NATS string }
		_ = json.Unmarshal(lines.Bytes(), &l)
		written = written || strings.HasPrefix(l.Msg, "writing the whole state")
		if l.Msg == "started" {
			url = l.NATS
		}
	}
	go func() {
		for lines.Scan() {
		}
	}()
	return url
}

// certificate makes one that nobody trusts, for a name that nobody has.
func certificate(t *testing.T) (certFile, keyFile string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), DNSNames: []string{"pbx.example"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	certFile, keyFile = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for name, block := range map[string]*pem.Block{certFile: {Type: "CERTIFICATE", Bytes: der}, keyFile: {Type: "PRIVATE KEY", Bytes: private}} {
		if err := os.WriteFile(name, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return certFile, keyFile
}
