package registrar

import (
	"context"
	"log/slog"
	"net"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"supervisiond/sip/digest"
	"supervisiond/sip/front"
)

// patience bounds every wait.
const patience = 30 * time.Second

// TestSIPpRegisters has a phone come in that nobody here wrote.
func TestSIPpRegisters(t *testing.T) {
	sipp, err := exec.LookPath("sipp")
	if err != nil {
		t.Fatal("SIPp is not here (Debian: sip-tester): ", err)
	}
	user := digest.User{MD5: digest.UserOf("anna", "hq", "secret", "", "").MD5} // SIPp looks at the first challenge, and knows no other
	for flag, network := range map[string]string{"u1": "udp", "t1": "tcp"} {
		t.Run(network, func(t *testing.T) {
			r, l := served(t, network, user)
			host, _, err := net.SplitHostPort(l.Address)
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			cmd := exec.CommandContext(ctx, sipp, "-sf", "testdata/register.xml", "-m", "5", "-r", "50", "-t", flag, "-i", host, "-nostdin",
				"-timeout", "20s", "-timeout_error", l.Address)
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			if b := r.Bindings("anna"); len(b) != 1 || b[0].Transport != strings.ToUpper(network) || b[0].Source.Addr().String() != host {
				t.Errorf("anna's phones are %+v", b)
			}
		})
	}
}

func served(t *testing.T, network string, user digest.User) (*Registrar, front.Listener) {
	t.Helper()
	metrics := prometheus.NewRegistry()
	f, err := front.New(front.Config{
		Listen: []front.Listener{{Network: network, Address: "127.0.0.1:0"}}, Realm: "hq", Log: slog.New(slog.DiscardHandler), Metrics: metrics,
	})
	if err != nil {
		t.Fatal(err)
	}
	f.SetPeople(map[string]front.Person{"anna": {ID: "anna", Secret: user}})
	r := New(own, metrics)
	f.Handle("REGISTER", r.Register)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		f.Serve(ctx)
	}()
	t.Cleanup(func() {
		cancel()
		select {
		case <-done:
		case <-time.After(patience):
			t.Error("Serve does not end")
		}
	})
	return r, f.Addrs()[0]
}
