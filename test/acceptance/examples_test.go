package acceptance

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"supervisiond/test/lab"
	"supervisiond/test/npm"
	"supervisiond/test/softphone"
)

// example is one of examples/, as its user starts it.
type example struct {
	command []string
	// env says where the server is, and who asks. Port is the daemon's that the example speaks to.
	env  func(addr string) []string
	port func(*site) string
	// person is who picks up, where that has to be said.
	person []string
	// resumes: it is told what happened while it was away, and not only what is different.
	resumes bool

	environment []string
}

// start starts it with arguments, behind a cable.
func (e example) start(ctx context.Context, args ...string) (*exec.Cmd, *bytes.Buffer) {
	cmd := exec.CommandContext(ctx, e.command[0], append(e.command[1:], args...)...)
	cmd.Env = append(os.Environ(), e.environment...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	errors := new(bytes.Buffer)
	cmd.Stderr = errors
	return cmd, errors
}

// run gives what it prints, and what it complains of if it fails.
func (e example) run(t *testing.T, args ...string) (printed, complaint string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd, said := e.start(ctx, args...)
	out, err := cmd.Output()
	var exit *exec.ExitError
	switch {
	case err == nil:
		return string(out), ""
	case errors.As(err, &exit) && ctx.Err() == nil:
		return string(out), said.String()
	}
	t.Fatalf("%v %v: %v\n%s%s", e.command, args, err, out, said)
	return "", ""
}

// following is an example that follows.
type following struct {
	t     *testing.T
	said  *bytes.Buffer
	lines chan string
}

func (e example) follow(t *testing.T) *following {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	cmd, said := e.start(ctx, "follow")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatalf("%v: %v", e.command, err)
	}
	f := &following{t: t, said: said, lines: make(chan string, 100)}
	var reading sync.WaitGroup
	reading.Go(func() {
		for s := bufio.NewScanner(out); s.Scan(); {
			f.lines <- s.Text()
		}
	})
	t.Cleanup(func() {
		cancel()
		reading.Wait()
		_ = cmd.Wait() // it was killed
		if t.Failed() {
			t.Logf("it says\n%s", said)
		}
	})
	return f
}

// next is what it prints next: words that stand in that line in this order.
func (f *following) next(words ...string) {
	f.t.Helper()
	select {
	case line := <-f.lines:
		rest := line
		for _, w := range words {
			_, after, found := strings.Cut(rest, w)
			if !found {
				f.t.Fatalf("it prints %q, want %q", line, words)
			}
			rest = after
		}
	case <-time.After(patience):
		f.t.Fatalf("it does not print %q", words)
	}
}

// overNATS is an example that speaks NATS.
func overNATS(command ...string) example {
	return example{
		command: command,
		env: func(addr string) []string {
			return []string{"NATS_URL=nats://" + addr, "NATS_USER=crm", "NATS_PASSWORD=crm-secret"}
		},
		port: func(s *site) string {
			return strings.TrimPrefix(fmt.Sprint(s.daemon.logged("started")["nats"]), "nats://")
		},
		person: []string{"anna"},
	}
}

// TestExamples runs the clients of examples/.
func TestExamples(t *testing.T) {
	t.Parallel()
	program := filepath.Join(t.TempDir(), "calls")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", program, "supervisiond/examples/go").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	t.Run("go", func(t *testing.T) {
		t.Parallel()
		testExample(t, overNATS(program))
	})
	t.Run("javascript", func(t *testing.T) {
		t.Parallel()
		testExample(t, overNATS("node", javaScript(t)))
	})
}

// TestExampleOverHTTP runs the one that needs nothing but its language.
func TestExampleOverHTTP(t *testing.T) {
	t.Parallel()
	testExample(t, example{
		command: []string{"python3", "../../examples/python/calls.py"},
		env: func(addr string) []string {
			return []string{"SUPERVISION_URL=http://" + addr, "SUPERVISION_TOKEN=wallboard-token"}
		},
		port:    func(s *site) string { return fmt.Sprint(s.daemon.logged("started")["http"]) },
		resumes: true,
	})
}

// javaScript gives the example beside what it imports.
func javaScript(t *testing.T) string {
	t.Helper()
	const dir = "../../examples/javascript"
	modules, there := npm.Install(t, dir), t.TempDir()
	for _, name := range []string{"calls.js", "package.json"} {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(there, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(modules, filepath.Join(there, "node_modules")); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(there, "calls.js")
}

// testExample: a call that rings is listed; what happens while the connection is cut, or the daemon is replaced, is told
// afterwards, and nothing else; a pickup connects the supervisor's phone with the caller.
func testExample(t *testing.T, e example) {
	s := httpSite(t, lab.Options{})
	cable := startCutter(t, e.port(s))
	e.environment = e.env(cable.addr())
	desk := s.phone("101", func(o *softphone.Options) { o.Behaviour = softphone.AutoAnswer() })
	ben, carla, fatma, georg := s.phone("102"), s.phone("103"), s.phone("106"), s.phone("107")
	ring := func(from *softphone.Phone, number string, member *softphone.Phone) (*softphone.Call, callDocument) {
		mark := s.watch.mark()
		caller := s.dial(from, number)
		s.rings(member)
		return caller, s.watch.awaitCall(mark, "rings", func(d callDocument) bool { return d.State == "ringing" })
	}
	hangUp := func(caller *softphone.Call, call callDocument) {
		mark := s.watch.mark()
		s.must("hang up", caller.Hangup(s.ctx()))
		s.watch.await(mark, "the purge of "+call.ID, func(m message) bool { return m.subject == "state.call."+call.ID && len(m.data) == 0 })
	}

	if printed, complaint := e.run(t, "list"); printed != "" || complaint != "" {
		t.Errorf("nothing rings, and it lists %q, %q", printed, complaint)
	}
	first, call := ring(fatma, "102", ben)
	if printed, complaint := e.run(t, "list"); !strings.HasPrefix(printed, call.ID+"  106 Fatma Aydin rings ben\n") || complaint != "" {
		t.Errorf("it lists %q, %q", printed, complaint)
	}
	follow := e.follow(t)
	follow.next("ringing", call.ID, "106 Fatma Aydin", "ben")

	// One ends, one begins, and one comes and goes unseen.
	cable.cut()
	hangUp(first, call)
	brief, unseen := ring(fatma, "102", ben)
	hangUp(brief, unseen)
	second, next := ring(georg, "103", carla)
	cable.mend(e.port(s))
	follow.next("over", call.ID)
	if e.resumes {
		follow.next("ringing", unseen.ID)
		follow.next("over", unseen.ID)
	}
	follow.next("ringing", next.ID, "107 Georg Huber", "carla")

	// A new epoch: one call rings on, one ends.
	third, lost := ring(fatma, "102", ben)
	follow.next("ringing", lost.ID)
	s.watch.kept("call.ringing", lost.ID)
	cable.cut()
	s.daemon.stop(killed)
	s.must("hang up", third.Hangup(s.ctx()))
	s.start()
	cable.mend(e.port(s))
	follow.next("over", lost.ID)
	hangUp(second, next)
	follow.next("over", next.ID, "abandoned")
	s.quiet()

	if printed, complaint := e.run(t, append([]string{"pickup"}, e.person...)...); printed != "" || !strings.Contains(complaint, "not_ringing") {
		t.Errorf("nothing rings, and it prints %q, %q", printed, complaint)
	}
	caller, call := ring(fatma, "102", ben)
	follow.next("ringing", call.ID)
	if printed, complaint := e.run(t, append(append([]string{"pickup"}, e.person...), call.ID)...); printed != call.ID+"  picked up for ben\n" {
		t.Errorf("it prints %q, %q", printed, complaint)
	}
	s.talk(caller, s.rings(desk))
	follow.next("over", call.ID, "picked_up")
	s.must("hang up", caller.Hangup(s.ctx()))
	s.quiet()
	select {
	case line := <-follow.lines:
		t.Errorf("it also prints %q", line)
	default:
	}
}
