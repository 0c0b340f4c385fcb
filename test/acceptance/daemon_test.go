package acceptance

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// daemon is supervisiond as a process of its own.
type daemon struct {
	t    *testing.T
	cmd  *exec.Cmd
	done chan struct{}
	err  error // of Wait; valid once done is closed

	mu    sync.Mutex
	lines []string
	news  chan struct{} // closed and replaced at each line
}

// startDaemon starts `supervisiond run`, with some more of an environment (NAME=value). The test's end stops it and, if the test
// failed, shows its log.
func startDaemon(t *testing.T, configFile string, environment ...string) *daemon {
	t.Helper()
	d := &daemon{t: t, done: make(chan struct{}), news: make(chan struct{})}
	d.cmd = exec.Command(daemonBinary, "run", "--config", configFile)
	d.cmd.Env = append(os.Environ(), environment...)
	d.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	stderr, err := d.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := d.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(d.done)
		for s := bufio.NewScanner(stderr); s.Scan(); {
			d.hear(s.Text())
		}
		d.err = d.cmd.Wait()
	}()
	t.Cleanup(func() {
		d.stop(syscall.SIGTERM)
		if t.Failed() {
			t.Logf("the daemon's log:\n%s", strings.Join(d.log(), "\n"))
		}
		for _, line := range d.log() {
			if strings.Contains(line, "DATA RACE") {
				t.Errorf("the daemon has a data race")
			}
		}
	})
	return d
}

func (d *daemon) hear(line string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.lines = append(d.lines, line)
	close(d.news)
	d.news = make(chan struct{})
}

func (d *daemon) log() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return append([]string(nil), d.lines...)
}

// stop ends the process and waits for it: SIGTERM as an administrator would, SIGKILL as the kernel would.
func (d *daemon) stop(s syscall.Signal) {
	d.t.Helper()
	_ = d.cmd.Process.Signal(s)
	select {
	case <-d.done:
	case <-time.After(patience):
		d.t.Errorf("the daemon did not stop after %v", s)
		_ = d.cmd.Process.Kill()
		<-d.done
	}
}

// logged waits for a line of the log with a message, and gives its fields.
func (d *daemon) logged(message string) map[string]any {
	d.t.Helper()
	return d.loggedFrom(0, message)
}

// loggedFrom is logged for lines after the first so many.
func (d *daemon) loggedFrom(line int, message string) map[string]any {
	d.t.Helper()
	return d.loggedTimes(line, message, 1)[0]
}

// loggedTimes waits for so many lines with a message, and gives their fields.
func (d *daemon) loggedTimes(line int, message string, times int) []map[string]any {
	d.t.Helper()
	var found []map[string]any
	deadline := time.After(patience)
	for {
		d.mu.Lock()
		lines, news := d.lines, d.news
		d.mu.Unlock()
		for ; line < len(lines); line++ {
			var fields map[string]any
			if json.Unmarshal([]byte(lines[line]), &fields) == nil && strings.Contains(fmt.Sprint(fields["msg"]), message) {
				if found = append(found, fields); len(found) == times {
					return found
				}
			}
		}
		select {
		case <-news:
		case <-d.done:
			d.t.Fatalf("the daemon ended (%v) without saying %q:\n%s", d.err, message, strings.Join(d.log(), "\n"))
		case <-deadline:
			d.t.Fatalf("the daemon does not say %q:\n%s", message, strings.Join(d.log(), "\n"))
		}
	}
}

// supervisiond runs another of its commands and gives what it printed.
func supervisiond(t *testing.T, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), daemonBinary, args...)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("supervisiond %s: %v", strings.Join(args, " "), err)
	}
	return string(out)
}
