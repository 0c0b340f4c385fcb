package acceptance

import (
	"bufio"
	"errors"
	"io"
	"io/fs"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// tool is a program that nobody here wrote, and what it prints.
type tool struct {
	t     *testing.T
	name  string
	stdin io.WriteCloser
	done  chan struct{}

	mu    sync.Mutex
	lines []string
	news  chan struct{} // closed and made anew at each line
}

// startTool starts one of Debian's programs that test/setup installs. The test's end stops it and, if the test failed, shows what
// it said.
func startTool(t *testing.T, cmd *exec.Cmd) *tool {
	t.Helper()
	p := &tool{t: t, name: filepath.Base(cmd.Path), done: make(chan struct{}), news: make(chan struct{})}
	// It may have children, whom only it ends.
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
	read, write := io.Pipe()
	cmd.Stdout, cmd.Stderr = write, write
	var err error
	if p.stdin, err = cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); errors.Is(err, exec.ErrNotFound) || errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("%v: test/setup installs it", err)
	} else if err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(p.done)
		s := bufio.NewScanner(read)
		for s.Buffer(nil, 1<<20); s.Scan(); {
			p.hear(s.Text())
		}
	}()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = cmd.Wait()
		_ = write.Close()
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-ended:
		case <-time.After(patience):
			t.Errorf("%s does not end", p.name)
			_ = cmd.Process.Kill()
			<-ended
		}
		<-p.done
		if t.Failed() {
			t.Logf("what %s said:\n%s", p.name, strings.Join(p.said(), "\n"))
		}
	})
	return p
}

func (p *tool) hear(line string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.lines = append(p.lines, line)
	close(p.news)
	p.news = make(chan struct{})
}

func (p *tool) said() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]string(nil), p.lines...)
}

// says waits for a line after the first so many that has all of some words, and gives it with the number of lines up to it.
func (p *tool) says(from int, words ...string) (line string, upTo int) {
	p.t.Helper()
	deadline := time.After(patience)
	for {
		p.mu.Lock()
		lines, news := p.lines, p.news
		p.mu.Unlock()
		for ; from < len(lines); from++ {
			if hasAll(lines[from], words) {
				return lines[from], from + 1
			}
		}
		select {
		case <-news:
		case <-p.done:
			p.t.Fatalf("%s has ended without saying %q", p.name, words)
		case <-deadline:
			p.t.Fatalf("%s does not say %q", p.name, words)
		}
	}
}

func hasAll(line string, words []string) bool {
	for _, w := range words {
		if !strings.Contains(line, w) {
			return false
		}
	}
	return true
}
