package acceptance

import (
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"golang.org/x/crypto/bcrypt"

	"supervisiond/test/ports"
)

// startNATS starts a real server that has an empty store. One that goes and comes back wants a port of test/ports.
func startNATS(t *testing.T, port int) *server.Server {
	t.Helper()
	return startNATSIn(t, port, t.TempDir())
}

// startNATSIn starts one with a store that may be an earlier one's.
func startNATSIn(t *testing.T, port int, dir string) *server.Server {
	t.Helper()
	s, err := server.NewServer(&server.Options{
		Host: "127.0.0.1", Port: port, NoSigs: true, JetStream: true, StoreDir: dir,
		Username: "daemon", Password: "nats-secret",
	})
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	if !s.ReadyForConnections(patience) {
		t.Fatal("the NATS server does not start")
	}
	t.Cleanup(func() {
		s.Shutdown()
		s.WaitForShutdown()
	})
	return s
}

func portOf(t *testing.T, s *server.Server) int {
	t.Helper()
	addr, ok := s.Addr().(*net.TCPAddr)
	if !ok {
		t.Fatalf("the NATS server listens at %v", s.Addr())
	}
	return addr.Port
}

// withNATS lets the daemon use a server of startNATS.
func withNATS(port int, more func(yaml string) string) options {
	return options{
		configure: func(yaml string) string {
			from := strings.Index(yaml, "nats:")
			to := from + strings.Index(yaml[from:], "\n")
			return more(yaml[:from] + fmt.Sprintf("nats: {url: \"nats://127.0.0.1:%d\", user: daemon, password: nats-secret}", port) + yaml[to:])
		},
		nats: []nats.Option{nats.UserInfo("daemon", "nats-secret")},
	}
}

// An external NATS server by configuration; while it is away pickups by phone go on, and when it is back, empty, it gets
// the whole state anew.
func TestExternalNATS(t *testing.T) {
	t.Parallel()
	port := ports.Take(t)
	nc := startNATS(t, port)
	s := newSite(t, withNATS(port, func(yaml string) string { return yaml }))
	anna, ben, fatma := s.phone("101"), s.phone("102"), s.phone("106")
	mark := s.watch.mark()
	caller := s.dial(fatma, "102")
	s.rings(ben)
	s.watch.awaitCall(mark, "rings", func(d callDocument) bool { return d.State == "ringing" })

	nc.Shutdown()
	nc.WaitForShutdown()
	line := len(s.daemon.log())
	s.talk(caller, s.dial(anna, "*20"))

	startNATS(t, port)
	s.daemon.loggedFrom(line, "writing the whole state")
	s.watch = watch(t, fmt.Sprint(s.daemon.logged("started")["nats"]), s.nats...)
	s.watch.awaitSite("is there again", func(d siteDocument) bool { return d.PBX.Connected && d.AliveUntil.After(time.Now()) })
	s.watch.awaitPerson("anna", "talks", func(d personDocument) bool { return d.Presence.State == "busy" && d.Reachable })
	if strings.Contains(strings.Join(s.daemon.log(), "\n"), "nats-secret") {
		t.Error("the log gives away the password")
	}

	// Who has a user there since a reload has a view from then on.
	sub, err := s.watch.conn.SubscribeSync(prefix + "view.carla")
	s.must("follow carla", err)
	s.must("flush", s.watch.conn.Flush())
	s.reloadedWith(s.with("carla: {", fmt.Sprintf("carla: {password_hash: %q, ", hashed(t, "carla-secret"))))
	s.phone("103")
	(&views{t: t, sub: sub}).await("person", `"id":"carla"`, `"reachable":true`)
}

// The embedded server's users: a program that acts for one person reads its inbox and nothing of the state; one that
// acts for all reads it; nobody but the daemon writes it; without a password nobody gets in.
func TestEmbeddedNATSUsers(t *testing.T) {
	t.Parallel()
	hash, err := bcrypt.GenerateFromPassword([]byte("crm-secret"), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	s := newSite(t, options{configure: func(yaml string) string {
		return strings.Replace(yaml, `listen: "127.0.0.1:0",`, fmt.Sprintf(`listen: "127.0.0.1:0", users: {crm: {password_hash: %q, acts_as: ["*"]}, phonebook: {password_hash: %q, acts_as: [anna]}},`, hash, hash), 1)
	}, nats: []nats.Option{nats.UserInfo("crm", "crm-secret"), nats.CustomInboxPrefix("_INBOX_crm")}})
	url := fmt.Sprint(s.daemon.logged("started")["nats"])
	if c, err := nats.Connect(url); err == nil {
		c.Close()
		t.Error("somebody without a password gets in")
	}
	if c, err := nats.Connect(url, nats.UserInfo("crm", "wrong")); err == nil {
		c.Close()
		t.Error("somebody with a wrong password gets in")
	}
	refused := make(chan error, 8)
	anna, err := nats.Connect(url, nats.UserInfo("phonebook", "crm-secret"), nats.CustomInboxPrefix("_INBOX_phonebook"),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { refused <- err }))
	if err != nil {
		t.Fatal(err)
	}
	defer anna.Close()
	for _, subject := range []string{prefix + "state.>", prefix + "event.>", prefix + "view.ben"} {
		if _, err := anna.SubscribeSync(subject); err != nil {
			t.Fatal(err)
		}
		s.refusedBy(refused, subject)
	}
	if err := anna.Publish("$KV.SUPERVISION_hq.person.ben", []byte("{}")); err != nil {
		t.Fatal(err)
	}
	s.refusedBy(refused, "$KV.SUPERVISION_hq.person.ben")
}

func (s *site) refusedBy(refused <-chan error, subject string) {
	s.t.Helper()
	select {
	case err := <-refused:
		if !strings.Contains(err.Error(), subject) {
			s.t.Errorf("%s: %v", subject, err)
		}
	case <-time.After(patience):
		s.t.Errorf("%s is not refused", subject)
	}
}
