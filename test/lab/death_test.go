package lab_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"supervisiond/test/lab"
)

// childEnv makes this test binary a program that runs an Asterisk until its
// standard input ends.
const childEnv = "SUPERVISIOND_LAB_TEST_CHILD"

func TestMain(m *testing.M) {
	if os.Getenv(childEnv) == "" {
		os.Exit(m.Run())
	}
	pbx, err := lab.Run(context.Background(), lab.Options{})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(pbx.Dir(), pbx.SIPAddr())
	_, _ = io.Copy(io.Discard, os.Stdin)
	if err := pbx.Stop(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// TestDiesWithItsProcess kills a process that runs an Asterisk.
func TestDiesWithItsProcess(t *testing.T) {
	t.Parallel()
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), childEnv+"=1")
	child.Stderr = os.Stderr
	stdin, err := child.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer stdin.Close()
	stdout, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	dir, sip, _ := strings.Cut(strings.TrimSpace(line), " ")
	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = child.Wait() // killed

	ctx := within(t)
	for {
		conn, err := new(net.Dialer).DialContext(ctx, "tcp", sip)
		if errors.Is(err, syscall.ECONNREFUSED) {
			break
		}
		if ctx.Err() != nil {
			t.Fatalf("Asterisk at %s outlives who started it: %v", sip, err)
		}
		if err == nil {
			conn.Close()
		}
	}

	lab.Start(t, lab.Options{}) // sweeps
	if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("what the killed process left is still there: %s: %v", dir, err)
	}
}
