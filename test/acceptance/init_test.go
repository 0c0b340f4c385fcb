package acceptance

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"supervisiond/test/lab"
	"supervisiond/test/softphone"
)

// strangers are endpoints with names that mean something to YAML and to a terminal, and one that logs in elsewhere.
const strangers = `
[200]
type = endpoint
context = lobby
callerid = "x\"}: [{# é" <200>
[provider]
type = endpoint
context = lobby
outbound_auth = provider
[provider]
type = auth
username = we
password = hush
`

var sampleGroup = regexp.MustCompile(`(?m)^# ((groups:|  ).*)$`)

// A site's first day: init asks the PBX, check takes what it writes, and with its group uncommented the daemon supervises.
// The password is in the environment. These tests cannot be parallel, for the environment is everybody's.
func testInit(t *testing.T, o lab.Options) {
	const password = "hush hush"
	o.ExtraPJSIP, o.ARIPassword = strangers+o.ExtraPJSIP, password
	t.Setenv("ARI_PASSWORD", password)
	dir := t.TempDir()
	s := &site{t: t, pbx: lab.Start(t, o), config: filepath.Join(dir, "config.yml")}
	said := supervisiond(t, "init", "--ari", s.pbx.ARIURL(), "--output", s.config)
	if !strings.HasPrefix(said, s.config+": written: 11 people with ") {
		t.Error(said)
	}
	s.leftNothing()
	text, err := os.ReadFile(s.config)
	s.must("read the configuration", err)
	yaml := string(text)
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(yaml)
		}
	})
	for _, part := range []string{
		"phone_context: \"" + o.PhoneContext() + "\"\n", `In "lobby" dial PJSIP/200: `, `  x-e: {name: "x\"}: [{# é", extension: "200", endpoints: [PJSIP/200]}`,
		`  ben-okafor: {name: "Ben Okafor", extension: "102", endpoints: [PJSIP/102, PJSIP/102-web]}`,
		`#   "PJSIP/trunk": calls come in from outside`, `#   "PJSIP/provider": it logs in elsewhere`,
	} {
		if !strings.Contains(yaml, part) {
			t.Errorf("the configuration is without %s", part)
		}
	}
	if strings.Contains(yaml, "hush") {
		t.Error("the configuration has a password")
	}
	if again := supervisiond(t, "init", "--ari", s.pbx.ARIURL()); again != yaml {
		t.Errorf("asked again it is\n%s", again)
	}
	if said := supervisiond(t, "check", "--config", s.config); said != s.config+": ok: 11 people, 0 groups\n" {
		t.Error(said)
	}

	// What an administrator does next, and ports and a folder that this machine has.
	yaml = strings.Replace(yaml, "{store_dir: /var/lib/supervisiond}", `{listen: "127.0.0.1:0", store_dir: "`+filepath.Join(dir, "nats")+`"}`, 1)
	head, sample, found := strings.Cut(yaml, "# groups:")
	sample, left, _ := strings.Cut(sample, "\n\n")
	if !found {
		t.Fatal("there is no group to begin with")
	}
	yaml = head + sampleGroup.ReplaceAllString("# groups:"+sample, "$1") + "\n\n" + left + "http: {listen: \"127.0.0.1:0\"}\nlog: {format: json}\n"
	s.must("write the configuration", os.WriteFile(s.config, []byte(yaml), 0o600))
	s.doctor(nil).has("PASS", "11 extensions can be dialled in "+o.PhoneContext(), "")
	s.start()
	ben := softphone.Start(t, softphone.Options{User: "102", Password: lab.Password("102"), Server: s.pbx.SIPAddr()})
	s.watch.awaitPerson("ben-okafor", "reachable", func(d personDocument) bool { return d.Reachable })
	mark := s.watch.mark()
	call := s.dial(s.phone("110", func(o *softphone.Options) { o.NoRegister = true }), "102")
	s.rings(ben)
	d := s.watch.awaitCall(mark, "rings", func(d callDocument) bool { return d.State == "ringing" })
	if len(d.Ringing) != 1 || d.Ringing[0].Person != "ben-okafor" || !slices.Equal(d.Ringing[0].Groups, []string{"sales"}) || d.Caller.Name != "Julia Costa" {
		t.Errorf("the call is %+v", d)
	}
	s.must("hang up", call.Hangup(s.ctx()))
	s.quiet()
}

func TestInit(t *testing.T) {
	testInit(t, lab.Options{ExtraExtensions: "[internal](+)\nexten => 200,1,Dial(PJSIP/200)\n"})
}

func TestInitOnFreePBX(t *testing.T) {
	testInit(t, lab.Options{Layout: lab.FreePBX, ExtraExtensions: "[lab](+)\nexten => 200,1,Dial(PJSIP/200)\n", ExtraPJSIP: `
[99103]
type = endpoint
context = from-internal
callerid = "Carla Diaz" <103>
`})
}

func TestInitOnAsterisk16(t *testing.T) {
	o := asterisk16(t, "")
	o.ExtraExtensions = "[internal](+)\nexten => 200,1,Dial(PJSIP/200)\n"
	testInit(t, o)
}

// Who may not ask is told what doctor tells, and nothing is written.
func TestInitWithAWrongPassword(t *testing.T) {
	t.Setenv("ARI_PASSWORD", "wrong")
	pbx := lab.Start(t, lab.Options{})
	file := filepath.Join(t.TempDir(), "config.yml")
	var stderr bytes.Buffer
	cmd := exec.CommandContext(t.Context(), daemonBinary, "init", "--ari", pbx.ARIURL(), "--output", file)
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err == nil || len(out) > 0 || !strings.Contains(stderr.String(), "401 Authentication required: wrong user name or password: --user must be") {
		t.Errorf("%v, it says %s%s", err, out, stderr.String())
	}
	if _, err := os.Lstat(file); err == nil {
		t.Error("a file was written")
	}
}
