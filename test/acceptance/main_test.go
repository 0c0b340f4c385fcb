// Package acceptance shows what supervisiond does on real parts: a real Asterisk, phones that ring, a real NATS, and the
// daemon as its users start it. Tests name the rules that they prove.
package acceptance

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"testing"

	"supervisiond/test/chrome"
)

// daemonBinary is supervisiond, built as the tests are: with the race detector when they have it.
var daemonBinary string

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	// Tests mostly wait, for phones and for timers: twice as many run at a time as there are cores. -parallel overrides it.
	if err := flag.Set("test.parallel", strconv.Itoa(2*runtime.GOMAXPROCS(0))); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	if daemonBinary = os.Getenv(inNetwork); daemonBinary != "" {
		return m.Run() // it is built
	}
	dir, err := os.MkdirTemp("", "supervisiond-acceptance-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() { _ = os.RemoveAll(dir) }()
	daemonBinary = filepath.Join(dir, "supervisiond")
	args := []string{"build", "-o", daemonBinary}
	if raceEnabled {
		args = append(args, "-race")
	}
	build := exec.Command("go", append(args, "supervisiond/cmd/supervisiond")...)
	build.Stderr = os.Stderr
	if err := build.Run(); err != nil {
		fmt.Fprintln(os.Stderr, "building supervisiond:", err)
		return 1
	}
	defer chrome.Stop()
	return m.Run()
}
