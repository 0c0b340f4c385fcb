package acceptance

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"supervisiond/test/lab"
)

// finding is a line that doctor prints, with its mend.
type finding struct{ verdict, what, mend string }

// findings are all of one run.
type findings struct {
	t    *testing.T
	list []finding
	text string
	exit int
}

var ariPort = regexp.MustCompile(`127\.0\.0\.1:(\d+)/ari`)

// fixedPorts gives the daemon ports that belong to its PBX and that the PBX does not use: doctor finds it by them.
func fixedPorts(yaml string) string {
	port, _ := strconv.Atoi(ariPort.FindStringSubmatch(yaml)[1])
	yaml = strings.Replace(yaml, `embedded: {listen: "127.0.0.1:0"`, fmt.Sprintf(`embedded: {listen: "127.0.0.1:%d"`, port+1), 1)
	return strings.Replace(yaml, `http: {listen: "127.0.0.1:0"}`, fmt.Sprintf(`http: {listen: "127.0.0.1:%d"}`, port+2), 1)
}

// withEventServer gives the daemon the next ports for SIP, and somebody a secret.
func withEventServer(yaml string) string {
	port, _ := strconv.Atoi(ariPort.FindStringSubmatch(yaml)[1])
	listen := fmt.Sprintf("127.0.0.1:%d", port+3)
	return withSecret(yaml, "anna") + "sip: {listen: [\"udp://" + listen + "\", \"tcp://" + listen + "\"], pbx_uri: \"sip:" + pbxSIP + "\"}\n"
}

// port is one of the daemon's: http or nats.
func (s *site) port(part string) int {
	s.t.Helper()
	text, err := os.ReadFile(s.config)
	s.must("read the configuration", err)
	port, err := strconv.Atoi(ariPort.FindStringSubmatch(string(text))[1])
	s.must("ARI's port", err)
	return port + map[string]int{"nats": 1, "http": 2}[part]
}

// doctorCommand is doctor with an edited copy of the configuration.
func (s *site) doctorCommand(edit func(yaml string) string) *exec.Cmd {
	s.t.Helper()
	text, err := os.ReadFile(s.config)
	s.must("read the configuration", err)
	yaml := string(text)
	if edit != nil {
		if yaml = edit(yaml); yaml == string(text) {
			s.t.Fatal("the edit changes nothing")
		}
	}
	file := filepath.Join(s.t.TempDir(), "config.yml")
	s.must("write the configuration", os.WriteFile(file, []byte(yaml), 0o600))
	cmd := exec.CommandContext(s.t.Context(), daemonBinary, "doctor", "--config", file)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	return cmd
}

// doctor runs it and takes apart what it prints.
func (s *site) doctor(edit func(yaml string) string) *findings {
	s.t.Helper()
	cmd := s.doctorCommand(edit)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	began := time.Now()
	out, err := cmd.Output()
	if cmd.ProcessState == nil || stderr.Len() > 0 {
		s.t.Fatalf("doctor: %v\n%s", err, stderr.String())
	}
	if took := time.Since(began); took > 30*time.Second {
		s.t.Errorf("doctor takes %v", took)
	}
	f := &findings{t: s.t, text: string(out), exit: cmd.ProcessState.ExitCode()}
	f.parse()
	return f
}

func (f *findings) parse() {
	f.t.Helper()
	lines := strings.Split(strings.TrimSuffix(f.text, "\n"), "\n")
	counts := map[string]int{}
	for _, line := range lines[:len(lines)-1] {
		// What is to be copied is not cut.
		if len(line) > 100 && strings.Count(line, "'") < 2 && strings.Contains(strings.TrimSpace(line), " ") {
			f.t.Errorf("a line has %d characters: %s", len(line), line)
		}
		label, text := line[:6], line[6:]
		switch {
		case slices.Contains([]string{"PASS  ", "WARN  ", "FAIL  "}, label):
			f.list = append(f.list, finding{verdict: label[:4], what: text})
			counts[label[:4]]++
			continue
		case label != "      " || len(f.list) == 0:
			f.t.Errorf("a strange line: %q", line)
			continue
		}
		last := &f.list[len(f.list)-1]
		if mend, begins := strings.CutPrefix(text, "> "); begins {
			last.mend = mend
		} else if last.mend != "" {
			last.mend += " " + strings.TrimSpace(text)
		} else {
			last.what += " " + text
		}
	}
	warnings := "warnings"
	if counts["WARN"] == 1 {
		warnings = "warning"
	}
	if want := fmt.Sprintf("%d passed, %d %s, %d failed", counts["PASS"], counts["WARN"], warnings, counts["FAIL"]); lines[len(lines)-1] != want {
		f.t.Errorf("the last line is %q, want %q", lines[len(lines)-1], want)
	}
	if failed := counts["FAIL"] > 0; failed != (f.exit == 1) || !failed && f.exit != 0 {
		f.t.Errorf("exit %d", f.exit)
	}
	for _, x := range f.list {
		if (x.verdict == "PASS") != (x.mend == "") {
			f.t.Errorf("a mend is missing, or too much: %+v", x)
		}
	}
	f.t.Cleanup(func() {
		if f.t.Failed() {
			f.t.Logf("doctor says (exit %d):\n%s", f.exit, f.text)
		}
	})
}

// has wants a finding with these words, and a mend with those.
func (f *findings) has(verdict, what, mend string) {
	f.t.Helper()
	for _, x := range f.list {
		if x.verdict == verdict && strings.Contains(x.what, what) && strings.Contains(x.mend, mend) {
			return
		}
	}
	f.t.Errorf("no %s with %q and the mend %q", verdict, what, mend)
}

// only wants no other verdict than PASS, but on what is named.
func (f *findings) only(but ...string) {
	f.t.Helper()
	for _, x := range f.list {
		if x.verdict != "PASS" && !slices.ContainsFunc(but, func(b string) bool { return strings.Contains(x.what, b) }) {
			f.t.Errorf("unexpected: %+v", x)
		}
	}
}

const notRegistered = "not registered at the moment"

// unregistered is what doctor says of a site without phones.
func (f *findings) unregistered(but ...string) { f.t.Helper(); f.only(append(but, notRegistered)...) }

// leftNothing waits until the PBX is as it was: no channel, no call record, and no application but these.
func (s *site) leftNothing(apps ...string) {
	s.t.Helper()
	s.quiet()
	records, err := s.pbx.CallRecords()
	s.must("call records", err)
	if len(records) > 0 {
		s.t.Errorf("call records: %+v", records)
	}
	ctx := s.ctx()
	for {
		var names []string
		for _, a := range s.applications(ctx) {
			names = append(names, a.Name)
		}
		if slices.Equal(names, apps) {
			return
		}
		if ctx.Err() != nil {
			s.t.Fatalf("applications %v, want %v", names, apps)
		}
	}
}

func (s *site) applications(ctx context.Context) (list []struct{ Name string }) {
	s.t.Helper()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.pbx.ARIURL()+"/applications", nil)
	s.must("applications", err)
	req.SetBasicAuth(lab.ARIUser, s.pbx.ARIPassword())
	resp, err := http.DefaultClient.Do(req)
	s.must("applications", err)
	defer func() { _ = resp.Body.Close() }()
	s.must("applications", json.NewDecoder(resp.Body).Decode(&list))
	return list
}

// A site in good order: doctor says so, beside the daemon and without it, and nobody notices.
func testDoctor(t *testing.T, o lab.Options) {
	s := newSite(t, options{lab: o, configure: func(yaml string) string { return withEventServer(fixedPorts(yaml)) }})
	phones := []string{"102-web"}
	for user := range personOf {
		phones = append(phones, user)
	}
	for _, user := range phones {
		s.phone(user)
		if person := personOf[user]; person != "" {
			s.watch.event(0, "reachability.changed", person)
		}
	}
	// 102-web's registration is no news, so it is waited for another way.
	s.registered("102-web")
	mark, line := s.watch.mark(), len(s.daemon.log())
	f := s.doctor(nil)
	f.only()
	f.has("PASS", "the daemon runs and is ready", "")
	f.has("PASS", "is used by the daemon that runs here", "")
	f.has("PASS", "sip.listen udp://", "")
	f.has("PASS", ": the PBX answers SIP in ", "")
	f.has("PASS", "phones of 1 person are let in, by MD5 or SHA-256", "")
	if len(f.list) < 21 || strings.Count(f.text, "\n") > 28 {
		t.Errorf("%d findings in %d lines", len(f.list), strings.Count(f.text, "\n"))
	}
	s.leftNothing("supervision")
	for _, m := range s.watch.since(mark) {
		if m.subject != "state.site" {
			t.Errorf("published meanwhile: %s %s", m.subject, m.data)
		}
	}
	for _, l := range s.daemon.log()[line:] {
		if !strings.Contains(l, "the PBX has the generated dialplan") {
			t.Errorf("the daemon says %s", l)
		}
	}

	s.daemon.stop(syscall.SIGTERM)
	f = s.doctor(nil)
	f.has("PASS", "no daemon runs here", "")
	if o.Suite == "bullseye" { // Asterisk 16 keeps the daemon's application
		f.only("supervision is used, or was before")
		s.leftNothing("supervision")
		return
	}
	f.only()
	f.has("PASS", "supervision is free", "")
	s.leftNothing()
}

// registered waits until a phone is.
func (s *site) registered(user string) {
	s.t.Helper()
	ctx := s.ctx()
	for {
		out, err := s.pbx.CLI(ctx, "pjsip show contacts")
		s.must("contacts", err)
		if strings.Contains(out, " "+user+"/sip:") {
			return
		}
	}
}

func TestDoctor(t *testing.T) {
	t.Parallel()
	testDoctor(t, lab.Options{})
}

func TestDoctorOnFreePBX(t *testing.T) {
	t.Parallel()
	testDoctor(t, lab.Options{Layout: lab.FreePBX})
}

func TestDoctorOnAsterisk16(t *testing.T) {
	t.Parallel()
	testDoctor(t, asterisk16(t, ""))
}

func TestDoctorOnFreePBXAndAsterisk16(t *testing.T) {
	t.Parallel()
	testDoctor(t, asterisk16(t, lab.FreePBX))
}
