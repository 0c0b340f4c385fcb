package acceptance

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"supervisiond/test/lab"
	"supervisiond/test/softphone"
)

// A wrong ARI password is said with its mend, is not repeated in any log, and the daemon goes on trying.
func TestWrongARIPassword(t *testing.T) {
	t.Parallel()
	s := &site{t: t, config: filepath.Join(t.TempDir(), "config.yml")}
	s.pbx = lab.Start(t, lab.Options{ARIPassword: "right-one"})
	s.write(options{configure: func(yaml string) string {
		return strings.Replace(yaml, "password: lab", "password: wrong-one", 1)
	}}, s.pbx.ARIURL(), t.TempDir())
	s.daemon = startDaemon(t, s.config)
	line := fmt.Sprint(s.daemon.logged("out of sight")["error"])
	if !strings.Contains(line, "401") || !strings.Contains(line, "ari.conf") {
		t.Errorf("the log says %s", line)
	}
	if status := get(t, s.url("/readyz")); status != http.StatusServiceUnavailable {
		t.Errorf("readyz answers %d", status)
	}
	if status := get(t, s.url("/healthz")); status != http.StatusOK {
		t.Errorf("healthz answers %d", status)
	}
	if strings.Contains(strings.Join(s.daemon.log(), "\n"), "wrong-one") {
		t.Error("the log gives away the password")
	}
	// The administrator mends it, and the daemon comes by itself.
	s.must("mend", s.pbx.WriteConfig("ari.conf", strings.Replace(s.read("ari.conf"), "right-one", "wrong-one", 1)))
	s.must("reload", s.pbx.Reload(s.ctx(), "res_ari.so"))
	s.daemon.logged("attached to the PBX")
	if status := get(t, s.url("/readyz")); status != http.StatusOK {
		t.Errorf("readyz answers %d", status)
	}
}

func (s *site) read(name string) string {
	s.t.Helper()
	text, err := s.pbx.ReadConfig(name)
	s.must("read "+name, err)
	return text
}

func get(t *testing.T, url string) int {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, resp.Body)
	_ = resp.Body.Close()
	return resp.StatusCode
}

// run waits for a PBX that is not there yet.
func TestPBXComesLater(t *testing.T) {
	t.Parallel()
	s := newSite(t, options{})
	s.pbx.Halt()
	s.watch.event(s.watch.mark()-1, "pbx.disconnected", "hq")
	s.daemon.stop(killed)
	s.daemon = startDaemon(t, s.config)
	s.daemon.logged("out of sight")
	s.must("boot", s.pbx.Boot(s.ctx()))
	s.watch = watch(t, fmt.Sprint(s.daemon.logged("started")["nats"]))
	s.watch.awaitSite("the PBX is connected", func(d siteDocument) bool { return d.PBX.Connected })
}

// Without the generated dialplan calls flow and are seen, the codes do not exist, and the log says what to do.
func TestMissingDialplan(t *testing.T) {
	t.Parallel()
	s := newSite(t, options{noDialplan: true})
	anna, ben, fatma := s.phone("101"), s.phone("102"), s.phone("106")
	mark := s.watch.mark()
	caller := s.dial(fatma, "102")
	ringing := s.rings(ben)
	s.watch.awaitCall(mark, "rings", func(d callDocument) bool { return d.State == "ringing" })
	if line := fmt.Sprint(s.daemon.logged("generated dialplan")["msg"]); !strings.Contains(line, "supervisiond dialplan") {
		t.Errorf("the log says %s", line)
	}
	if end := s.ended(s.dial(anna, "*20")); end.Code != 404 {
		t.Errorf("*20: %+v", end)
	}
	s.must("answer", ringing.Answer())
	s.talk(caller, ringing)
}

// P8: with the daemon down calls flow as if it were not there, and the codes do what the configuration says.
func TestDaemonDown(t *testing.T) {
	t.Parallel()
	testDaemonDown(t, lab.Options{})
}

func testDaemonDown(t *testing.T, o lab.Options) {
	s := newSite(t, options{lab: o})
	anna, ben, fatma := s.phone("101"), s.phone("102"), s.phone("106")
	s.daemon.stop(killed)
	caller := s.dial(fatma, "102")
	ringing := s.rings(ben)
	if end := s.ended(s.dial(anna, "*20")); end.How != softphone.Declined || end.Code != 480 {
		t.Errorf("*20: %+v", end)
	}
	s.must("answer", ringing.Answer())
	s.talk(caller, ringing)
}

// R4 on a PBX whose ari.conf has no channelvars: the daemon asks about each caller, and what it may not show stays out.
func TestWithoutChannelVars(t *testing.T) {
	t.Parallel()
	s := newSite(t, options{lab: lab.Options{NoChannelVars: true}})
	anna, ben, fatma := s.phone("101"), s.phone("102"), s.phone("106")
	mark := s.watch.mark()
	caller := s.dial(fatma, "6102")
	s.rings(ben)
	hidden := s.watch.awaitCall(mark, "rings", func(d callDocument) bool { return d.State == "ringing" })
	if !hidden.Caller.Withheld || hidden.Caller.Number+hidden.Caller.Name != "" {
		t.Errorf("the caller should be withheld: %+v", hidden.Caller)
	}
	checkNowhere(t, s, mark, "Fatma")
	s.must("hang up", caller.Hangup(s.ctx()))

	mark = s.watch.mark()
	caller = s.dial(fatma, "102")
	shown := s.watch.awaitCall(mark, "rings", func(d callDocument) bool { return d.State == "ringing" })
	if shown.Caller.Withheld || shown.Caller.Number != "106" || shown.Caller.Name != "Fatma Aydin" || shown.Dialled != "102" {
		t.Errorf("the caller should be shown: %+v", shown)
	}
	s.talk(caller, s.dial(anna, "*20"))
}

// Somebody else's dialplan sends a channel into the application with arguments of its own: it is turned away, the log
// says why, and nothing else suffers.
func TestStrangeArgumentsInTheApplication(t *testing.T) {
	t.Parallel()
	s := newSite(t, options{lab: lab.Options{ExtraExtensions: `
[internal](+)
exten => 773,1,Stasis(supervision,delete,everything)
 same => n,Hangup()
exten => 774,1,Stasis(supervision,pickup,person,102 or 103)
 same => n,Hangup()
`}})
	anna, ben, fatma := s.phone("101"), s.phone("102"), s.phone("106")
	for number, status := range map[string]int{"773": 484, "774": 404} {
		if end := s.ended(s.dial(fatma, number)); end.How != softphone.Declined || end.Code != status {
			t.Errorf("%s: %+v, want %d", number, end, status)
		}
	}
	s.daemon.logged("arguments that the generated dialplan does not use")
	mark := s.watch.mark()
	caller := s.dial(fatma, "102")
	s.rings(ben)
	s.watch.awaitCall(mark, "rings", func(d callDocument) bool { return d.State == "ringing" })
	s.talk(caller, s.dial(anna, "*20"))
}

// Another program attaches with the same application name: the daemon says so, and takes its place back.
func TestApplicationReplaced(t *testing.T) {
	t.Parallel()
	s := newSite(t, options{})
	thief := startThief(t, s)
	line := fmt.Sprint(s.daemon.logged("out of sight")["error"])
	if !strings.Contains(line, "same application name") {
		t.Errorf("the log says %s", line)
	}
	thief()
	s.daemon.loggedFrom(s.lineOf("out of sight"), "attached to the PBX")
	ben, fatma := s.phone("102"), s.phone("106")
	mark := s.watch.mark()
	s.dial(fatma, "102")
	s.rings(ben)
	s.watch.awaitCall(mark, "rings", func(d callDocument) bool { return d.State == "ringing" })
}

// lineOf is the number of the first line of the daemon's log that has a text.
func (s *site) lineOf(text string) int {
	for i, line := range s.daemon.log() {
		if strings.Contains(line, text) {
			return i
		}
	}
	return 0
}

// A configuration with mistakes names each with its place, and the daemon does not start.
func TestWrongConfiguration(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "config.yml")
	text := "site: hq\nasterisk:\n  ari: {url: \"http://127.0.0.1:8088/ari\", usrname: supervisiond, password: x}\npeople:\n  anna: {name: Anna, extension: \"1x1\"}\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, command := range []string{"run", "check", "dialplan"} {
		cmd := exec.CommandContext(t.Context(), daemonBinary, command, "--config", file)
		out, err := cmd.CombinedOutput()
		if cmd.ProcessState.ExitCode() != 1 {
			t.Errorf("%s: %v", command, err)
		}
		for _, want := range []string{file + ":3:", `"username"`, file + ":5:"} {
			if !strings.Contains(string(out), want) {
				t.Errorf("%s does not say %s:\n%s", command, want, out)
			}
		}
	}
}

// The figures that an operator needs are there and right.
func TestMetrics(t *testing.T) {
	t.Parallel()
	s := newSite(t, options{})
	anna, ben, fatma := s.phone("101"), s.phone("102"), s.phone("106")
	mark := s.watch.mark()
	caller := s.dial(fatma, "102")
	s.rings(ben)
	s.watch.awaitCall(mark, "rings", func(d callDocument) bool { return d.State == "ringing" })
	s.figure("supervisiond_ringing_calls 1")
	s.ended(s.dial(anna, "*20199"))
	s.talk(caller, s.dial(anna, "*20"))
	for _, want := range []string{
		"supervisiond_ringing_calls 0", `supervisiond_pickups_total{result="ok"} 1`, `supervisiond_pickups_total{result="not_found"} 1`,
		"supervisiond_pbx_connected 1", "supervisiond_dialplan_ok 1", "supervisiond_pbx_reconnects_total 0",
		`supervisiond_events_total{kind="ring_began"}`, `supervisiond_ari_frames_total{type="Dial"}`, "supervisiond_mailbox_depth",
		"supervisiond_publish_seconds_bucket", "supervisiond_pickup_seconds_count 1", "supervisiond_nats_connected 1", "go_goroutines",
	} {
		s.figure(want)
	}
}

// figure waits until the metrics have a line that begins so.
func (s *site) figure(want string) {
	s.t.Helper()
	deadline := time.Now().Add(patience)
	for {
		resp, err := http.Get(s.url("/metrics"))
		s.must("metrics", err)
		body, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		s.must("metrics", err)
		if strings.Contains("\n"+string(body), "\n"+want) {
			return
		}
		if time.Now().After(deadline) {
			s.t.Fatalf("no figure %s", want)
		}
	}
}
