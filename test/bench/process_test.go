package bench

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// program is supervisiond as its users start it: a process of its own.
type program struct {
	b      testing.TB
	binary string
	config string
	sip    []string // where it answers SIP, as it says when it starts
}

// build builds it as the tests are: with the race detector when they have it.
func build(b testing.TB) *program {
	b.Helper()
	dir := b.TempDir()
	p := &program{b: b, binary: filepath.Join(dir, "supervisiond"), config: filepath.Join(dir, "config.yml")}
	args := []string{"build", "-o", p.binary}
	info, _ := debug.ReadBuildInfo()
	if slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"}) {
		args = append(args, "-race")
	}
	p.run("go", append(args, "supervisiond/cmd/supervisiond")...)
	return p
}

// run gives what a command prints.
func (p *program) run(name string, args ...string) string {
	p.b.Helper()
	cmd := exec.CommandContext(p.b.Context(), name, args...)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		p.b.Fatalf("%s %s: %v", name, strings.Join(args, " "), err)
	}
	return string(out)
}

func (p *program) configure(yaml string) {
	p.b.Helper()
	if err := os.WriteFile(p.config, []byte(yaml), 0o600); err != nil {
		p.b.Fatal(err)
	}
}

// dialplan is the one for the PBX.
func (p *program) dialplan() string { return p.run(p.binary, "dialplan", "--config", p.config) }

// start starts the daemon until the test ends, and gives the address of its HTTP side.
func (p *program) start() string {
	p.b.Helper()
	cmd := exec.Command(p.binary, "run", "--config", p.config)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	stderr, err := cmd.StderrPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		p.b.Fatal(err)
	}
	type start struct {
		Msg, HTTP string
		SIP       []string
	}
	started, ended := make(chan start, 1), make(chan []string, 1)
	go func() {
		var log []string
		for lines := bufio.NewScanner(stderr); lines.Scan(); log = append(log, lines.Text()) {
			var line start
			if json.Unmarshal(lines.Bytes(), &line) == nil && line.Msg == "started" {
				started <- line
			}
		}
		ended <- append(log, fmt.Sprint("it ended: ", cmd.Wait()))
	}()
	p.b.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		if log := <-ended; p.b.Failed() {
			p.b.Logf("the daemon's log:\n%s", strings.Join(log, "\n"))
		}
	})
	select {
	case line := <-started:
		p.sip = line.SIP
		return line.HTTP
	case log := <-ended:
		ended <- log
		p.b.Fatal("the daemon did not start")
	case <-time.After(patience):
		p.b.Fatal("the daemon does not start")
	}
	return ""
}
