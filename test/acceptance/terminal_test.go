package acceptance

import (
	"io"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/charmbracelet/x/vt"
	"github.com/creack/pty"
)

// terminal is a program in a pseudo-terminal, and the screen that a person would see.
type terminal struct {
	t    *testing.T
	cmd  *exec.Cmd
	keys *os.File
	done chan struct{} // closed when the program has ended

	mu   sync.Mutex
	emu  *vt.Emulator
	raw  strings.Builder // all that the program wrote
	news chan struct{}   // closed and replaced at each change
}

// startTerminal starts supervisiond in a terminal of so many columns and rows.
func startTerminal(t *testing.T, columns, rows uint16, env []string, args ...string) *terminal {
	t.Helper()
	x := &terminal{t: t, done: make(chan struct{}), emu: vt.NewEmulator(int(columns), int(rows)), news: make(chan struct{})}
	x.cmd = exec.Command(daemonBinary, args...)
	x.cmd.Env = append(append(os.Environ(), "TERM=xterm-256color", "LC_ALL=C.UTF-8"), env...)
	var err error
	x.keys, err = pty.StartWithAttrs(x.cmd, &pty.Winsize{Cols: columns, Rows: rows},
		&syscall.SysProcAttr{Setsid: true, Setctty: true, Pdeathsig: syscall.SIGKILL})
	if err != nil {
		t.Fatal(err)
	}
	// What the program asks of its terminal is answered, until the emulator's pipe is closed.
	answered := make(chan struct{})
	go func() {
		defer close(answered)
		_, _ = io.Copy(x.keys, x.emu)
	}()
	read := make(chan struct{})
	go func() {
		defer close(read)
		buffer := make([]byte, 64<<10)
		for {
			n, err := x.keys.Read(buffer)
			x.show(buffer[:n])
			if err != nil {
				return // the other side is closed
			}
		}
	}()
	go func() {
		defer close(x.done)
		_ = x.cmd.Wait()
		<-read
	}()
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the terminal shows:\n%s", x.screen())
		}
		_ = x.cmd.Process.Kill()
		<-x.done
		if pipe, ok := x.emu.InputPipe().(io.Closer); ok {
			_ = pipe.Close()
		}
		<-answered
		_ = x.keys.Close()
	})
	return x
}

func (x *terminal) show(data []byte) {
	x.mu.Lock()
	defer x.mu.Unlock()
	_, _ = x.emu.Write(data)
	x.raw.Write(data)
	close(x.news)
	x.news = make(chan struct{})
}

// screen is what can be seen, without the spaces at the ends of lines.
func (x *terminal) screen() string {
	x.mu.Lock()
	defer x.mu.Unlock()
	return trailing.ReplaceAllString(x.emu.String(), "\n")
}

var trailing = regexp.MustCompile(`[ \r]*\n`)

// press types keys.
func (x *terminal) press(keys string) {
	x.t.Helper()
	if _, err := x.keys.WriteString(keys); err != nil {
		x.t.Fatalf("typing: %v", err)
	}
}

// sees waits until a line of the screen matches each of the patterns.
func (x *terminal) sees(patterns ...string) {
	x.t.Helper()
	x.until(strings.Join(patterns, " and "), func(screen string) bool {
		for _, p := range patterns {
			if !regexp.MustCompile("(?m)" + p).MatchString(screen) {
				return false
			}
		}
		return true
	})
}

// seesNo waits until no line matches.
func (x *terminal) seesNo(pattern string) {
	x.t.Helper()
	x.until("no "+pattern, func(screen string) bool { return !regexp.MustCompile("(?m)" + pattern).MatchString(screen) })
}

func (x *terminal) until(what string, want func(screen string) bool) {
	x.t.Helper()
	deadline := time.After(patience)
	for {
		x.mu.Lock()
		news := x.news
		x.mu.Unlock()
		screen := x.screen()
		if want(screen) {
			return
		}
		select {
		case <-news:
		case <-x.done:
			x.t.Fatalf("the program ended; not seen: %s. The terminal shows:\n%s", what, screen)
		case <-deadline:
			x.t.Fatalf("not seen: %s. The terminal shows:\n%s", what, screen)
		}
	}
}

// resize makes the terminal another size.
func (x *terminal) resize(columns, rows uint16) {
	x.t.Helper()
	x.mu.Lock()
	x.emu.Resize(int(columns), int(rows))
	x.mu.Unlock()
	if err := pty.Setsize(x.keys, &pty.Winsize{Cols: columns, Rows: rows}); err != nil {
		x.t.Fatal(err)
	}
}

// ends waits for the program's end and gives its exit code.
func (x *terminal) ends() int {
	x.t.Helper()
	select {
	case <-x.done:
	case <-time.After(patience):
		x.t.Fatalf("the program does not end. The terminal shows:\n%s", x.screen())
	}
	return x.cmd.ProcessState.ExitCode()
}
