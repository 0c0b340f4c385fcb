package bus

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"supervisiond/test/ports"
)

// book is a Report to be read.
type book struct{ lines []string }

func (b *book) Pass(what string)       { b.lines = append(b.lines, "PASS "+what) }
func (b *book) Warn(what, mend string) { b.lines = append(b.lines, "WARN "+what+" > "+mend) }
func (b *book) Fail(what, mend string) { b.lines = append(b.lines, "FAIL "+what+" > "+mend) }

// want wants these verdicts, in this order, each with its words and its mend.
func (b *book) want(t *testing.T, lines ...[3]string) {
	t.Helper()
	if len(b.lines) != len(lines) {
		t.Fatalf("%d lines, want %d:\n%s", len(b.lines), len(lines), strings.Join(b.lines, "\n"))
	}
	for i, want := range lines {
		what, mend, _ := strings.Cut(b.lines[i], " > ")
		if !strings.HasPrefix(what, want[0]+" ") || !strings.Contains(what, want[1]) || !strings.Contains(mend, want[2]) {
			t.Errorf("%s\nwant %q", b.lines[i], want)
		}
	}
}

func diagnosed(t *testing.T, o Diagnosis) *book {
	t.Helper()
	b := &book{}
	o.Site = site
	Diagnose(t.Context(), o, b)
	return b
}

func TestDiagnoseTheEmbeddedServer(t *testing.T) {
	dir := t.TempDir()
	o := Diagnosis{Listen: "127.0.0.1:0", StoreDir: filepath.Join(dir, "not", "yet"), History: History{MaxBytes: 1 << 20}}
	diagnosed(t, o).want(t, [3]string{"PASS", "any free port"}, [3]string{"PASS", "can be made"}, [3]string{"PASS", "room for the history"})
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}

	s := startEmbedded(t, dir)
	o = Diagnosis{Listen: s.Addr().String(), StoreDir: dir, History: History{MaxBytes: 1 << 60}}
	diagnosed(t, o).want(t, [3]string{"PASS", "the daemon that runs here answers"}, [3]string{"PASS", dir + " can be written to"},
		[3]string{"WARN", "free, and the history may take", "lower history.max_bytes"})

	o = Diagnosis{Listen: "192.0.2.1:4222", StoreDir: dir}
	diagnosed(t, o).want(t, [3]string{"FAIL", "cannot be used", "an address of this machine"}, [3]string{"PASS", "can be written to"})

	stranger := startExternal(t, server.Options{ServerName: "stranger"})
	o.Listen = stranger.Addr().String()
	diagnosed(t, o).want(t, [3]string{"FAIL", `the NATS server "stranger"`, "nats.url: nats://" + o.Listen}, [3]string{"PASS", "can be written to"})
}

func TestDiagnoseAFolderThatIsNone(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{file, filepath.Join(file, "below")} {
		diagnosed(t, Diagnosis{Listen: "127.0.0.1:0", StoreDir: dir}).want(t, [3]string{"PASS", "any free port"},
			[3]string{"FAIL", dir + " cannot be written to", "install -d -o USER -m 700 " + dir})
	}
}

// Somebody on the port who says what is no greeting of a NATS server, or says nothing.
func TestDiagnoseAPortThatIsTaken(t *testing.T) {
	for _, greeting := range []string{"SSH-2.0-OpenSSH_9.9\r\n", "INFO no JSON\r\n", strings.Repeat("x", 70_000), ""} {
		t.Run(fmt.Sprintf("%.4s", greeting), func(t *testing.T) {
			t.Parallel()
			listen := greeter(t, greeting)
			b := &book{}
			diagnosePort(t.Context(), Diagnosis{Site: site, Listen: listen}, b)
			b.want(t, [3]string{"FAIL", "taken by a program that is no NATS server", "ss -ltnp"})
		})
	}
}

// greeter says the same to whoever comes, and then nothing more.
func greeter(t *testing.T, greeting string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			t.Cleanup(func() { _ = c.Close() })
			_, _ = c.Write([]byte(greeting))
		}
	}()
	return l.Addr().String()
}

// externally diagnoses a server with the daemon's rights.
func externally(t *testing.T, address string, h History, o ...nats.Option) *book {
	t.Helper()
	return diagnosed(t, Diagnosis{History: h, Connect: URL("nats://"+address, o...), URL: "nats://" + address})
}

var answers, recentVersion = [3]string{"PASS", "takes the credentials"}, [3]string{"PASS", "NATS is version 2."}

func TestDiagnoseAnExternalServer(t *testing.T) {
	s := startExternal(t, server.Options{JetStream: true})
	seen := subscribe(t, dial(t, s.ClientURL()), "supervision.v1.hq.event.>")
	good := [][3]string{
		answers, recentVersion, {"PASS", "permits"}, {"PASS", "has JetStream"}, {"PASS", "can be made, read and removed"},
		{"WARN", "logins are kept by one server", "sync_interval: always"},
	}
	externally(t, s.Addr().String(), History{MaxBytes: 1 << 20}).want(t, good...)
	js := jetStream(t, s)
	for name := range js.StreamNames(t.Context()).Name() {
		t.Errorf("the stream %s was left", name)
	}

	// Beside a daemon, of whose streams it changes nothing.
	newBus(t, URL(s.ClientURL())).waitReady(t)
	before := messages(t, js)
	externally(t, s.Addr().String(), History{MaxBytes: 1 << 20}).want(t, good...)
	if after := messages(t, js); after != before {
		t.Errorf("the streams have %s, and had %s", after, before)
	}
	if n, _, err := seen.Pending(); err != nil || n > 0 {
		t.Errorf("%d events were published, %v", n, err)
	}
}

func jetStream(t *testing.T, s *server.Server) jetstream.JetStream {
	t.Helper()
	js, err := jetstream.New(dial(t, s.ClientURL()))
	if err != nil {
		t.Fatal(err)
	}
	return js
}

// messages says what streams there are, and how much is in them.
func messages(t *testing.T, js jetstream.JetStream) string {
	t.Helper()
	var list []string
	for info := range js.ListStreams(t.Context()).Info() {
		if info.Config.Name != "KV_SUPERVISION_hq" { // it has a heartbeat
			list = append(list, fmt.Sprint(info.Config.Name, " ", info.State.Msgs, " ", info.State.LastSeq))
		}
	}
	slices.Sort(list)
	return strings.Join(list, ", ")
}

func TestDiagnoseAnExternalServerThatIsNotRight(t *testing.T) {
	untried := [3]string{"WARN", "not tried: NATS "}
	t.Run("old", func(t *testing.T) {
		t.Parallel()
		externally(t, oldServer(t), History{}).want(t, answers, [3]string{"FAIL", "the NATS server is version 2.9.4", "2.11 or newer"}, untried)
	})
	t.Run("mute", func(t *testing.T) {
		t.Parallel()
		began := time.Now()
		externally(t, greeter(t, ""), History{}).want(t, [3]string{"FAIL", "nobody answers", "nats.url"}, untried)
		if took := time.Since(began); took > diagnoseTime {
			t.Errorf("it took %v", took)
		}
	})
	t.Run("no room", func(t *testing.T) {
		t.Parallel()
		s := startExternal(t, server.Options{JetStream: true, JetStreamMaxStore: 1 << 20})
		externally(t, s.Addr().String(), History{MaxBytes: 1 << 30}).want(t, answers, recentVersion, [3]string{"PASS", "permits"}, [3]string{"PASS", "has JetStream"},
			[3]string{"FAIL", "a stream cannot be made", "1024 MiB for the history (history.max_bytes)"})
	})
	t.Run("wrong storage", func(t *testing.T) {
		t.Parallel()
		s := startExternal(t, server.Options{JetStream: true})
		c := loginsConfig(site)
		c.Storage = jetstream.MemoryStorage
		if _, err := jetStream(t, s).CreateStream(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		externally(t, s.Addr().String(), History{}).want(t, answers, recentVersion, [3]string{"PASS", "permits"}, [3]string{"PASS", "has JetStream"},
			[3]string{"FAIL", "KV_SUPERVISION_hq_LOGINS is stored in Memory and must be in File", "nats stream rm KV_SUPERVISION_hq_LOGINS"})
	})
	t.Run("no inbox", func(t *testing.T) {
		t.Parallel()
		s := startExternal(t, server.Options{JetStream: true, Users: []*server.User{{Username: "x", Password: "y", Permissions: &server.Permissions{
			Subscribe: &server.SubjectPermission{Deny: []string{"_INBOX_supervisiond.>"}},
		}}}})
		externally(t, s.Addr().String(), History{}, nats.UserInfo("x", "y")).want(t, answers, recentVersion,
			[3]string{"FAIL", "subscribing to _INBOX_supervisiond.doctor", "docs/nats.md"}, untried)
	})
}

// oldServer speaks enough of NATS to be connected to.
func oldServer(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		c, err := l.Accept()
		if err != nil {
			return
		}
		defer func() { _ = c.Close() }()
		_, _ = c.Write([]byte(`INFO {"server_name":"old","version":"2.9.4","headers":true,"max_payload":1048576}` + "\r\n"))
		for lines := bufio.NewScanner(c); lines.Scan(); {
			if strings.HasPrefix(lines.Text(), "PING") {
				_, _ = c.Write([]byte("PONG\r\n"))
			}
		}
	}()
	return l.Addr().String()
}

// Logins that three servers keep need no warning.
func TestDiagnoseACluster(t *testing.T) {
	servers := cluster(t, 3)
	js := jetStream(t, servers[0])
	c := loginsConfig(site)
	c.Replicas = 3
	eventually(t, "the cluster makes a stream", func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := js.CreateOrUpdateStream(ctx, c)
		return err == nil
	})
	externally(t, servers[1].Addr().String(), History{MaxBytes: 1 << 20}).want(t, answers, recentVersion, [3]string{"PASS", "permits"},
		[3]string{"PASS", "has JetStream"}, [3]string{"PASS", "can be made"}, [3]string{"PASS", "logins are kept by 3 servers"})
}

// cluster starts servers that know each other: none is ready before most are there.
func cluster(t *testing.T, n int) []*server.Server {
	t.Helper()
	var routes []*url.URL
	var between []int
	for range n {
		port := ports.Take(t)
		routes = append(routes, &url.URL{Scheme: "nats", Host: fmt.Sprintf("127.0.0.1:%d", port)})
		between = append(between, port)
	}
	var servers []*server.Server
	for i, port := range between {
		s, err := server.NewServer(&server.Options{
			ServerName: fmt.Sprint("s", i), Host: "127.0.0.1", Port: server.RANDOM_PORT, NoSigs: true, NoLog: true,
			JetStream: true, StoreDir: t.TempDir(), Routes: routes,
			Cluster: server.ClusterOpts{Name: "c", Host: "127.0.0.1", Port: port},
		})
		if err != nil {
			t.Fatal(err)
		}
		s.Start()
		t.Cleanup(func() { stopExternal(s) })
		servers = append(servers, s)
	}
	for _, s := range servers {
		if !s.ReadyForConnections(patience) {
			t.Fatal("the cluster does not come up")
		}
	}
	return servers
}

// A diagnosis that is cut short ends at once.
func TestDiagnoseIsCutShort(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	listen := greeter(t, "")
	done := make(chan struct{})
	go func() {
		defer close(done)
		Diagnose(ctx, Diagnosis{Site: site, Connect: URL("nats://" + listen), URL: "nats://" + listen}, &book{})
	}()
	cancel()
	select {
	case <-done:
	case <-time.After(diagnoseStep - 100*time.Millisecond): // it waits as long for an answer
		t.Error("it goes on")
	}
}
