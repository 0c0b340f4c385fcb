package sip

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
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"supervisiond/sip/front"
	"supervisiond/supervision"
	"supervisiond/test/ports"
)

// lines is a Report.
type lines struct{ text string }

func (l *lines) Pass(what string)       { l.text += "PASS " + what + "\n" }
func (l *lines) Warn(what, mend string) { l.text += "WARN " + what + " > " + mend + "\n" }
func (l *lines) Fail(what, mend string) { l.text += "FAIL " + what + " > " + mend + "\n" }

func directory() *supervision.Directory {
	return supervision.NewDirectory("hq", []supervision.Person{{ID: "anna", Extension: "101"}, {ID: "ben", Extension: "102"}},
		[]supervision.Group{{
			ID: "sales", Type: supervision.Standard,
			Supervisors: []supervision.Participant{{Person: "anna"}}, Members: []supervision.Participant{{Person: "ben"}},
		}})
}

// serve runs an event server, and gives its addresses in the order of o.Listen.
func serve(t *testing.T, o Options) []string {
	t.Helper()
	o.Log, o.Metrics = slog.New(slog.DiscardHandler), prometheus.NewRegistry()
	if o.PBXURI == "" {
		o.PBXURI = "sip:127.0.0.1:9"
	}
	o.Directory = directory
	if o.Accounts == nil {
		o.Accounts = func() map[string]Account { return nil }
	}
	o.Alive = func(context.Context, bool) {}
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, end := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { s.Run(ctx); close(done) }()
	t.Cleanup(func() { end(); <-done })
	var all []string
	for _, l := range s.front.Addrs() {
		all = append(all, l.Address)
	}
	return all
}

// stranger is a program on a UDP port that answers whatever comes with a status line and headers; with none it is mute.
func stranger(t *testing.T, answer string) string {
	t.Helper()
	c, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	go func() {
		buffer := make([]byte, 4096)
		for {
			n, from, err := c.ReadFrom(buffer)
			if err != nil {
				return
			}
			if answer == "" {
				continue
			}
			text := "SIP/2.0 " + answer + "\r\n"
			for _, line := range strings.Split(string(buffer[:n]), "\r\n") {
				for _, name := range []string{"Via:", "From:", "To:", "Call-ID:", "CSeq:"} {
					if strings.HasPrefix(line, name) {
						text += line + "\r\n"
					}
				}
			}
			_, _ = c.WriteTo([]byte(text+"Content-Length: 0\r\n\r\n"), from)
		}
	}()
	return c.LocalAddr().String()
}

// certificate makes one for a span of time.
func certificate(t *testing.T, from, to time.Time) (certFile, keyFile string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "pbx.example"}, NotBefore: from, NotAfter: to}
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

func listener(network, address string) []front.Listener {
	return []front.Listener{{Network: network, Address: address}}
}

// Who has the addresses, and who answers as the PBX.
func TestDiagnoseAddresses(t *testing.T) {
	now := time.Now()
	certFile, keyFile := certificate(t, now.Add(-time.Hour), now.Add(90*24*time.Hour))
	daemon := serve(t, Options{
		Listen: []front.Listener{{Network: "udp", Address: "127.0.0.1:0"}, {Network: "tcp", Address: "127.0.0.1:0"}, {Network: "tls", Address: "127.0.0.1:0"}},
		Realm:  "hq", CertFile: certFile, KeyFile: keyFile,
	})
	branch := serve(t, Options{Listen: listener("udp", "127.0.0.1:0"), Realm: "branch"})
	const challenge = "401 Unauthorized\r\nServer: Other 1\r\nWWW-Authenticate: Digest realm=\"other\", nonce=\"n\", algorithm=MD5"
	other, mute, pbx := stranger(t, challenge), stranger(t, ""), stranger(t, "404 Not Found")
	const any = "127.0.0.1:0"
	for name, x := range map[string]struct {
		listen  []front.Listener
		running bool
		pbx     string
		want    string
	}{
		"any port":              {listener("udp", any), false, pbx, "PASS sip.listen udp://127.0.0.1:0: any free port\n"},
		"ours over UDP":         {listener("udp", daemon[0]), true, pbx, "PASS sip.listen udp://" + daemon[0] + ": the daemon that runs here answers\n"},
		"ours over TCP":         {listener("tcp", daemon[1]), true, pbx, "PASS sip.listen tcp://" + daemon[1] + ": the daemon that runs here answers\n"},
		"ours over TLS":         {listener("tls", daemon[2]), true, pbx, "PASS sip.listen tls://" + daemon[2] + ": the daemon that runs here answers\n"},
		"free":                  {listener("tcp", ports.Address(t)), false, pbx, ": free\n"},
		"free beside a daemon":  {listener("tcp", ports.Address(t)), true, pbx, ": free, though the daemon runs here > restart the daemon"},
		"another site's":        {listener("udp", branch[0]), false, pbx, `FAIL sip.listen udp://` + branch[0] + ` is taken by a SIP server, of the realm "branch" > choose another port`},
		"a stranger's":          {listener("udp", other), false, pbx, `is taken by a SIP server that calls itself "Other 1", of the realm "other" > choose`},
		"a mute program's":      {listener("udp", mute), false, pbx, "FAIL sip.listen udp://" + mute + " is taken by a program that answers no SIP > choose"},
		"not of this machine":   {listener("udp", "192.0.2.1:5070"), false, pbx, "FAIL sip.listen udp://192.0.2.1:5070 cannot be used: "},
		"the PBX answers":       {listener("udp", any), false, pbx, "PASS sip.pbx_uri sip:" + pbx + ": the PBX answers SIP in "},
		"the PBX does not":      {listener("udp", any), false, mute, "FAIL sip.pbx_uri sip:" + mute + ": nobody answers SIP there > see that Asterisk runs"},
		"the PBX is ourselves":  {listener("udp", daemon[0]), true, daemon[0], "FAIL sip.pbx_uri sip:" + daemon[0] + " is the event server itself > "},
		"sent to themselves":    {listener("udp", "0.0.0.0:0"), false, pbx, "WARN sip.pbx_uri sip:" + pbx + ": phones that come to udp://0.0.0.0:0 are sent there"},
		"all on this machine":   {listener("udp", any), false, pbx, "-are sent there"},
		"PBX's certificate":     {listener("udp", any), false, daemon[2] + ";transport=tls", "the certificate there is not trusted: "},
		"PBX's transport is up": {listener("udp", any), false, daemon[1] + ";transport=tcp", "is the event server itself"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var l lines
			Diagnose(t.Context(), Diagnosis{
				Listen: x.listen, Realm: "hq", PBXURI: "sip:" + x.pbx, Directory: directory(), Running: x.running,
				Accounts: map[string]Account{"anna": {Person: "anna", Password: "secret"}},
			}, &l)
			if lack, no := strings.CutPrefix(x.want, "-"); no == strings.Contains(l.text, lack) {
				t.Errorf("want %q in\n%s", x.want, l.text)
			}
		})
	}
}

func TestDiagnoseCertificate(t *testing.T) {
	now := time.Now()
	const day = 24 * time.Hour
	good, key := certificate(t, now.Add(-day), now.Add(90*day))
	_, otherKey := certificate(t, now.Add(-day), now.Add(90*day))
	over, overKey := certificate(t, now.Add(-9*day), now.Add(-day))
	soon, soonKey := certificate(t, now.Add(-day), now.Add(2*day))
	early, earlyKey := certificate(t, now.Add(day), now.Add(90*day))
	for name, x := range map[string]struct{ cert, key, want string }{
		"good":          {good, key, "PASS sip.tls.cert_file " + good + " fits its key, and is good until "},
		"another key":   {good, otherKey, "FAIL sip.tls.cert_file " + good + " cannot be used: tls: private key does not match"},
		"not there":     {good + "x", key, "no such file"},
		"over":          {over, overKey, "FAIL sip.tls.cert_file " + over + " ended on "},
		"over soon":     {soon, soonKey, "WARN sip.tls.cert_file " + soon + " ends on "},
		"not begun yet": {early, earlyKey, "FAIL sip.tls.cert_file " + early + " begins on "},
	} {
		t.Run(name, func(t *testing.T) {
			var l lines
			diagnoseCertificate(x.cert, x.key, now, &l)
			if !strings.Contains(l.text, x.want) {
				t.Errorf("want %q in\n%s", x.want, l.text)
			}
		})
	}
}

// Who is let in, by which algorithms, and who is alerted.
func TestDiagnosePeople(t *testing.T) {
	here := listener("udp", "127.0.0.1:0")
	for name, x := range map[string]struct {
		listen   []front.Listener
		accounts map[string]Account
		want     string
	}{
		"nothing":             {nil, nil, ""},
		"secrets, no section": {nil, map[string]Account{"ben": {Person: "ben", Password: "p"}}, "WARN people have a secret for SIP, and there is no sip section: ben > "},
		"section, no secrets": {here, nil, "WARN nobody has a secret for SIP: no phone is let in > "},
		"passwords":           {here, map[string]Account{"anna": {Person: "anna", Password: "p"}}, "PASS phones of 1 person are let in, by MD5 or SHA-256\n"},
		"MD5": {here, map[string]Account{"anna": {Person: "anna", Password: "p"}, "b": {Person: "ben", HA1MD5: "m"}},
			"PASS phones of 2 people are let in, by MD5 or SHA-256; by MD5 only ben\n"},
		"SHA-256": {here, map[string]Account{"anna": {Person: "anna", Password: "p"}, "b": {Person: "ben", HA1SHA256: "s"}},
			"WARN only SHA-256 is known of ben, and many phones know only MD5 > "},
		"alerts in vain": {here, map[string]Account{"anna": {Person: "anna", Password: "p", Alerts: true}, "b": {Person: "ben", Password: "p", Alerts: true}},
			"WARN alerts are wanted by who supervises no group, and never get one: ben > "},
	} {
		t.Run(name, func(t *testing.T) {
			var l lines
			Diagnosis{Listen: x.listen, Directory: directory(), Accounts: x.accounts}.people(&l)
			if !strings.Contains(l.text, x.want) || x.want == "" && l.text != "" {
				t.Errorf("want %q in\n%s", x.want, l.text)
			}
		})
	}
}
