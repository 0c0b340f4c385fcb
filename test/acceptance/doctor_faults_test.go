package acceptance

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"supervisiond/test/lab"
)

// doctorSite is a site without phones, whose daemon has ended.
func doctorSite(t *testing.T, o lab.Options) *site {
	t.Helper()
	s := newSite(t, options{lab: o, configure: fixedPorts})
	s.daemon.stop(syscall.SIGTERM)
	return s
}

// replace gives an edit of a configuration.
func replace(from, to string) func(string) string {
	return func(yaml string) string { return strings.Replace(yaml, from, to, 1) }
}

// alter changes a file of the PBX until the test's end.
func (s *site) alter(module, name string, edit func(text string) string) {
	s.t.Helper()
	before := s.read(name)
	after := edit(before)
	if after == before {
		s.t.Fatalf("%s is as it was", name)
	}
	s.must("alter "+name, s.pbx.WriteConfig(name, after))
	s.must("reload "+module, s.pbx.Reload(s.ctx(), module))
	s.t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		s.must("restore "+name, s.pbx.WriteConfig(name, before))
		s.must("reload "+module, s.pbx.Reload(ctx, module))
	})
}

// fault is something that is wrong, and what doctor says of it.
type fault struct {
	name string
	// configuration and PBX are what is wrong: either may be nil.
	configuration func(yaml string) string
	pbx           func(s *site)
	verdict       string
	what, mend    string
	// but are other things that cannot be right then.
	but []string
}

func (f fault) test(s *site) {
	if f.pbx != nil {
		f.pbx(s)
	}
	found := s.doctor(f.configuration)
	found.has(f.verdict, f.what, f.mend)
	found.unregistered(append(f.but, f.what)...)
	if !s.pbx.Running() {
		return
	}
	s.quiet()
	if records, err := s.pbx.CallRecords(); err != nil || len(records) > 0 {
		s.t.Errorf("call records: %+v, %v", records, err)
	}
}

// What is wrong with the PBX, one after the other, and each with its mend.
func TestDoctorOnThePBX(t *testing.T) {
	t.Parallel()
	s := doctorSite(t, lab.Options{})
	const untried = "not tried: "
	extensions := func(edit func(text string) string) func(*site) {
		return func(s *site) { s.alter("dialplan", "extensions.conf", edit) }
	}
	appended := func(text string) func(*site) { return extensions(func(old string) string { return old + text }) }
	for _, f := range []fault{
		{"wrong password", replace("password: lab", "password: wrong-one"), nil, "FAIL", "401", "ari.conf", []string{untried}},
		{"wrong path", replace("/ari,", "/nothing,"), nil, "FAIL", "404", "end with /ari", []string{untried}},
		{"read-only user", nil, func(s *site) { s.alter("res_ari.so", "ari.conf", replace("read_only = no", "read_only = yes")) },
			"FAIL", "may not write: 403", "read_only = no", []string{untried}},
		{"application in use", nil, func(s *site) { startThief(s.t, s) }, "FAIL", "the application name supervision is used", "asterisk.ari.app", nil},
		{"no channelvars", nil, func(s *site) { s.alter("res_ari.so", "ari.conf", replace("channelvars", "; channelvars")) },
			"WARN", "channelvars in ari.conf lacks CHANNEL(linkedid)", "channelvars = CHANNEL(linkedid),", nil},
		{"no dialplan", nil, func(s *site) { s.alter("dialplan", lab.SupervisionConf, func(string) string { return "" }) },
			"FAIL", "does not have the generated dialplan", "supervisiond dialplan > supervision.conf", []string{untried}},
		{"another dialplan", func(yaml string) string { return yaml + "features: {pickup: \"*30\"}\n" }, nil,
			"FAIL", "another configuration or version", "print it again", []string{untried}},
		{"dialplan not included", nil, extensions(replace("include => supervision\n", "")),
			"FAIL", "internal does not lead to supervision", "[internal] have: include => supervision", nil},
		{"unknown context", replace("phone_context: internal", "phone_context: phones"), nil,
			"FAIL", "no context phones", "asterisk.phone_context", []string{"10 extensions cannot be dialled"}},
		{"unknown endpoint", replace("PJSIP/103]", "PJSIP/nobody]"), nil,
			"FAIL", "1 endpoint is not known to the PBX: PJSIP/nobody of carla", "pjsip show endpoints", nil},
		{"unknown extension", replace(`extension: "103"`, `extension: "399"`), nil,
			"FAIL", "1 extension cannot be dialled in internal: carla (399)", "dialplan show internal", nil},
		{"a code taken by an extension", nil, appended("[ways](+)\nexten => *20,1,NoOp()\n same => n,Hangup()\n"),
			"WARN", "match feature codes: *20", "dialplan show *20@internal", nil},
		{"a code taken for one group", nil, appended("[internal](+)\nexten => *222,1,NoOp()\n same => n,Hangup()\n"),
			"WARN", "match feature codes: *222", "dialplan show *222@internal", nil},
		{"codes taken by a pattern", nil, appended("[ways](+)\nexten => _*2X,1,Dial(PJSIP/101)\n"),
			"WARN", "match feature codes: *20, *26", "Choose other codes", nil},
		{"a code taken with anything behind it", nil, appended("[internal](+)\nexten => _*22.,1,Dial(PJSIP/101)\n"),
			"WARN", "match feature codes: *221, *222", "take these out of the PBX's dialplan", nil},
		{"a context that takes every number", nil, appended("[internal](+)\nexten => _[0-9*#].,1,Hangup()\n"),
			"WARN", "internal takes every number", "dialplan show *20@internal", nil},
		{"no lamps", nil, func(s *site) {
			s.alter("dialplan", lab.SupervisionConf, func(text string) string { return strings.ReplaceAll(text, ",hint,", ",1,NoOp(") })
		}, "WARN", "no hints for lamps in supervision-hints", "dialplan reload", nil},
		{"AstDB not to be read", nil, func(s *site) { s.unload("func_db.so") },
			"FAIL", "cannot read AstDB", "func_db.so", nil},
		{"AstDB not to be told of", nil, func(s *site) { s.unload("func_base64.so") },
			"FAIL", "AstDB could not be read through the dialplan", "func_base64.so", nil},
		{"a program can stall the PBX", nil, func(s *site) { s.alter("res_pjsip.so", "pjsip.conf", replace("= pjsip_only", "= global")) },
			"WARN", "stands still can keep calls from coming in", "taskprocessor_overload_trigger = pjsip_only", nil},
		{"the caller not shown", nil, func(s *site) {
			s.alter("res_pjsip.so", "pjsip.conf", func(text string) string {
				return replace("send_rpid = yes", "send_rpid = no")(replace("send_pai = yes", "send_pai = no")(text))
			})
		}, "WARN", "does not see the caller on PJSIP/101, ", "send_pai = yes", nil},
		{"withheld numbers shown", nil, func(s *site) {
			s.alter("res_pjsip.so", "pjsip.conf", replace("trust_id_outbound = no", "trust_id_outbound = yes"))
		}, "WARN", "withheld numbers are sent to PJSIP/101, ", "trust_id_outbound = no", nil},
		// The last: it is not put right again.
		{"Asterisk away", nil, func(s *site) { s.pbx.Halt() }, "FAIL", "refused", "is Asterisk running", []string{untried}},
	} {
		t.Run(f.name, func(t *testing.T) { f.test(s.in(t)) })
	}
}

// unload takes a module out of the PBX until the test's end.
func (s *site) unload(module string) {
	s.t.Helper()
	out, err := s.pbx.CLI(s.ctx(), "module unload "+module)
	if err != nil || !strings.HasPrefix(out, "Unloaded ") {
		s.t.Fatalf("unload %s: %v: %s", module, err, out)
	}
	s.t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		_, err := s.pbx.CLI(ctx, "module load "+module)
		s.must("load "+module, err)
	})
}

// FreePBX's context for phones takes every number, which hides nothing of this.
func TestDoctorOnFreePBXFaults(t *testing.T) {
	t.Parallel()
	s := doctorSite(t, lab.Options{Layout: lab.FreePBX})
	appended := func(text string) func(*site) {
		return func(s *site) { s.alter("dialplan", "extensions.conf", func(old string) string { return old + text }) }
	}
	for _, f := range []fault{
		{"dialplan not included", nil, func(s *site) {
			s.alter("dialplan", "extensions.conf", replace("include => supervision\n", ""))
		}, "FAIL", "from-internal does not lead to supervision", "[from-internal-custom] in extensions_custom.conf have: include => supervision", nil},
		{"unknown extension", replace(`extension: "103"`, `extension: "399"`), nil,
			"FAIL", "1 extension cannot be dialled in from-internal: carla (399)", "dialplan show from-internal", nil},
		{"a code of FreePBX's own", nil, appended("[app-pickup](+)\nexten => *26,1,Goto(app-dnd-off,*79,1)\n"),
			"WARN", "match feature codes: *26", "dialplan show *26@from-internal", nil},
		{"a code of the administrator's", nil, appended("[lab](+)\nexten => _*23X,1,NoOp()\n same => n,Hangup()\n"),
			"WARN", "match feature codes: *231, *232", "dialplan show *231@from-internal", nil},
	} {
		t.Run(f.name, func(t *testing.T) { f.test(s.in(t)) })
	}
}

// What is wrong with the daemon's own addresses and folders, and with an external NATS server.
func TestDoctorOnTheDaemonsParts(t *testing.T) {
	t.Parallel()
	s := doctorSite(t, lab.Options{})
	file := filepath.Join(t.TempDir(), "file")
	s.must("make a file", os.WriteFile(file, nil, 0o600))
	natsPort := fmt.Sprintf("nats.embedded.listen 127.0.0.1:%d", s.port("nats"))
	httpPort := fmt.Sprintf("http.listen 127.0.0.1:%d", s.port("http"))
	var provider *httptest.Server
	provider = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = fmt.Fprintf(w, `{"issuer":%q}`, provider.URL)
	}))
	provider.Start()
	defer provider.Close()
	issuer := func(address string) func(string) string {
		return replace("http: {", "http: {oidc: {issuer: \""+address+"\", client_id: c, client_secret: s}, ")
	}
	for _, f := range []fault{
		{"NATS port taken by a mute program", nil, func(s *site) { s.listen("nats") }, "FAIL", natsPort + " is taken by a program that is no NATS server", "ss -ltnp", nil},
		{"NATS port taken by a NATS server", nil, func(s *site) { startServer(s.t, server.Options{Port: s.port("nats"), ServerName: "stranger"}) },
			"FAIL", natsPort + ` is taken by the NATS server "stranger"`, "nats.url: nats://", nil},
		{"store not writable", func(yaml string) string {
			from := strings.Index(yaml, "store_dir: ")
			return yaml[:from] + "store_dir: " + file + "}}\n" + yaml[from+strings.Index(yaml[from:], "\n"):]
		}, nil, "FAIL", "nats.embedded.store_dir " + file + " cannot be written to: ", "install -d -o USER", nil},
		{"HTTP port taken by a mute program", nil, func(s *site) { s.listen("http") }, "FAIL", httpPort + " is taken by another program", "ss -ltnp", nil},
		{"HTTP port taken by a web server", nil, func(s *site) { s.webServer() }, "FAIL", httpPort + " is taken by another program", "http.listen", nil},
		{"address of another machine", replace("http: {listen: \"127.0.0.1:", "http: {listen: \"192.0.2.1:"), nil,
			"FAIL", "cannot be used", "an address of this machine", []string{"go over the network in the clear"}},
		{"no OpenID Connect provider", issuer("http://127.0.0.1:1"), nil,
			"FAIL", "the OpenID Connect provider at http://127.0.0.1:1 does not answer: ", "curl http://127.0.0.1:1/.well-known/", nil},
		{"another OpenID Connect provider", issuer(provider.URL + "/"), nil,
			"FAIL", provider.URL + "/ says that its name is " + provider.URL, "to the last slash", nil},
		{"nobody may subscribe", sip("sip: {listen: [udp://127.0.0.1:0], pbx_uri: sip:" + s.pbx.SIPAddr() + "}"), nil,
			"WARN", "nobody has a secret for SIP", "people.ID.sip", nil},
		{"SIP port taken by the PBX", sip("sip: {listen: [udp://" + s.pbx.SIPAddr() + "], pbx_uri: sip:" + s.pbx.SIPAddr() + "}"), nil,
			"FAIL", "sip.listen udp://" + s.pbx.SIPAddr() + ` is taken by a SIP server`, "ss -lntup", []string{"nobody has a secret"}},
		{"the PBX answers no SIP there", sip("sip: {listen: [udp://127.0.0.1:0], pbx_uri: \"sip:127.0.0.1:9\"}"), nil,
			"FAIL", "sip.pbx_uri sip:127.0.0.1:9: nobody answers SIP there", "pjsip show transports", []string{"nobody has a secret"}},
		{"phones sent to themselves", sip("sip: {listen: [udp://0.0.0.0:0], pbx_uri: sip:" + s.pbx.SIPAddr() + "}"), nil,
			"WARN", "phones that come to udp://0.0.0.0:0 are sent there", "the PBX's address as phones reach it", []string{"nobody has a secret"}},
		{"a secret and no SIP", func(yaml string) string { return withSecret(yaml, "ben") }, nil,
			"WARN", "there is no sip section: ben", "sip: {listen: [", nil},
	} {
		t.Run(f.name, func(t *testing.T) { f.test(s.in(t)) })
	}
}

// sip adds a section.
func sip(section string) func(string) string {
	return func(yaml string) string { return yaml + section + "\n" }
}

// listen takes a port of the daemon's, and says nothing to who comes.
func (s *site) listen(part string) {
	s.t.Helper()
	l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", s.port(part)))
	s.must("listen", err)
	s.t.Cleanup(func() { _ = l.Close() })
}

func (s *site) webServer() {
	s.t.Helper()
	l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", s.port("http")))
	s.must("listen", err)
	web := &http.Server{Handler: http.NotFoundHandler(), ReadHeaderTimeout: patience}
	go func() { _ = web.Serve(l) }()
	s.t.Cleanup(func() { _ = web.Close() })
}

// The port is that of a daemon of another site, or of one that is not ready.
func TestDoctorBesideADaemon(t *testing.T) {
	t.Parallel()
	s := newSite(t, options{configure: fixedPorts})
	found := s.doctor(replace("site: hq", "site: branch"))
	found.has("FAIL", "is taken by the daemon of the site hq", "an http.listen of its own")
	found.has("FAIL", `is taken by the NATS server "supervisiond-hq"`, "choose another port")
	found.has("FAIL", "the application name supervision is used, and not by a daemon", "asterisk.ari.app")

	found = s.doctor(replace("username: supervisiond,", "username: supervisiond, app: another,"))
	found.has("WARN", "another is free, though the daemon that runs here is attached", "restart the daemon")

	s.pbx.Halt()
	s.watch.event(0, "pbx.disconnected", "hq")
	found = s.doctor(nil)
	found.has("WARN", "the daemon runs and says that it lacks: pbx", "its log says why")
	found.has("FAIL", "refused", "is Asterisk running")
}

// startServer starts a NATS server as an administrator might have it.
func startServer(t *testing.T, o server.Options) *server.Server {
	t.Helper()
	o.Host, o.NoSigs, o.NoLog, o.StoreDir = "127.0.0.1", true, true, t.TempDir()
	srv, err := server.NewServer(&o)
	if err != nil {
		t.Fatal(err)
	}
	srv.Start()
	if !srv.ReadyForConnections(patience) {
		t.Fatal("the NATS server does not start")
	}
	t.Cleanup(func() {
		srv.Shutdown()
		srv.WaitForShutdown()
	})
	return srv
}

// An external NATS server: in good order, with too few rights, without JetStream, with another password, and away.
func TestDoctorOnExternalNATS(t *testing.T) {
	t.Parallel()
	s := doctorSite(t, lab.Options{})
	may := &server.Permissions{
		Publish: &server.SubjectPermission{Allow: []string{
			"supervision.v1.hq.>", "$KV.SUPERVISION_hq.>", "$KV.SUPERVISION_hq_LOGINS.>", "$JS.API.>", "$JS.ACK.>", "$JS.FC.>",
		}},
		Subscribe: &server.SubjectPermission{Allow: []string{"supervision.v1.hq.>", "_INBOX_supervisiond.>", "$SRV.>"}},
	}
	few := &server.Permissions{Publish: &server.SubjectPermission{Allow: []string{"supervision.v1.hq.>", "$JS.API.>"}}}
	external := startServer(t, server.Options{Port: server.RANDOM_PORT, JetStream: true, Users: []*server.User{
		{Username: "daemon", Password: "nats-secret", Permissions: may}, {Username: "guest", Password: "nats-secret", Permissions: few},
	}})
	plain := startServer(t, server.Options{Port: server.RANDOM_PORT, Username: "daemon", Password: "nats-secret"})
	as := func(url, user, password string) func(string) string {
		return func(yaml string) string {
			from := strings.Index(yaml, "nats:")
			to := from + strings.Index(yaml[from:], "\n")
			return yaml[:from] + fmt.Sprintf("nats: {url: %q, user: %s, password: %s}", url, user, password) + yaml[to:]
		}
	}
	const logins = "logins are kept by one server"
	for _, f := range []fault{
		{"in good order", as(external.ClientURL(), "daemon", "nats-secret"), nil, "WARN", logins, "sync_interval: always", nil},
		{"too few rights", as(external.ClientURL(), "guest", "nats-secret"), nil, "FAIL",
			"does not permit what the daemon does: publishing to $KV.SUPERVISION_hq.doctor, publishing to $KV.SUPERVISION_hq_LOGINS.doctor", "docs/nats.md", []string{"not tried: NATS"}},
		{"wrong password", as(external.ClientURL(), "daemon", "wrong-one"), nil, "FAIL", "refuses the credentials", "nats.password", []string{"not tried: NATS"}},
		{"no JetStream", as(plain.ClientURL(), "daemon", "nats-secret"), nil, "FAIL", "no JetStream for this account", "jetstream {}", []string{"not tried: NATS"}},
		{"away", as("nats://127.0.0.1:1", "daemon", "nats-secret"), nil, "FAIL", "nobody answers at nats://127.0.0.1:1", "nats.url", []string{"not tried: NATS"}},
	} {
		t.Run(f.name, func(t *testing.T) { f.test(s.in(t)) })
	}
	conn, err := nats.Connect(external.ClientURL(), nats.UserInfo("daemon", "nats-secret"), nats.CustomInboxPrefix("_INBOX_supervisiond"))
	s.must("connect", err)
	defer conn.Close()
	js, err := conn.JetStream()
	s.must("JetStream", err)
	for name := range js.StreamNames() {
		t.Errorf("the stream %s was left", name)
	}
}

// A configuration with mistakes is said as check says it.
func TestDoctorOnAWrongConfiguration(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "config.yml")
	if err := os.WriteFile(file, []byte("sites: hq\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	said := map[string]string{}
	for _, command := range []string{"check", "doctor"} {
		cmd := exec.CommandContext(t.Context(), daemonBinary, command, "--config", file)
		out, err := cmd.CombinedOutput()
		if cmd.ProcessState.ExitCode() != 1 {
			t.Errorf("%s: %v", command, err)
		}
		said[command] = string(out)
	}
	if said["check"] != said["doctor"] || !strings.HasPrefix(said["doctor"], file+":1:1: ") {
		t.Errorf("check says\n%s\ndoctor says\n%s", said["check"], said["doctor"])
	}
}

// slowPBX stands before ARI, and holds back questions about the dialplan until the test's end.
func (s *site) slowPBX() (address string, held <-chan struct{}) {
	target, err := url.Parse(strings.TrimSuffix(s.pbx.ARIURL(), "/ari"))
	s.must("parse the URL", err)
	proxy := httputil.NewSingleHostReverseProxy(target)
	first, end := make(chan struct{}), make(chan struct{})
	var once atomic.Bool
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet && strings.HasSuffix(r.URL.Path, "/variable") {
			if once.CompareAndSwap(false, true) {
				close(first)
			}
			select {
			case <-r.Context().Done():
			case <-end:
			}
			return
		}
		proxy.ServeHTTP(w, r)
	}))
	s.t.Cleanup(func() {
		close(end)
		front.Close()
	})
	return front.URL + "/ari", first
}

// A signal ends it at once, and nothing is left on the PBX.
func TestDoctorInterrupted(t *testing.T) {
	t.Parallel()
	s := doctorSite(t, lab.Options{})
	address, held := s.slowPBX()
	cmd := s.doctorCommand(replace(s.pbx.ARIURL(), address))
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	s.must("start", cmd.Start())
	select {
	case <-held:
	case <-s.ctx().Done():
		t.Fatal("nothing is asked about the dialplan")
	}
	began := time.Now()
	s.must("interrupt", cmd.Process.Signal(os.Interrupt))
	var exit *exec.ExitError
	if err := cmd.Wait(); !errors.As(err, &exit) || exit.ExitCode() != 1 || !strings.Contains(stderr.String(), "interrupted") {
		t.Errorf("%v: %s", err, stderr.String())
	}
	if took := time.Since(began); took > 5*time.Second { // as long as it waits for the PBX
		t.Errorf("it took %v to end", took)
	}
	if strings.Contains(stdout.String(), "FAIL") {
		t.Errorf("what was interrupted is told:\n%s", stdout.String())
	}
	s.leftNothing()
}

// A PBX that stands still in the middle holds nothing up for long.
func TestDoctorOnASlowPBX(t *testing.T) {
	t.Parallel()
	s := doctorSite(t, lab.Options{})
	address, _ := s.slowPBX()
	found := s.doctor(replace(s.pbx.ARIURL(), address))
	found.has("FAIL", "the dialplan cannot be looked at: no answer", "is Asterisk overloaded")
	s.leftNothing()
}
