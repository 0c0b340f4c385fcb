package acceptance

import (
	"errors"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
)

// inNetwork names, to a test that runs in a network of its own, the daemon's binary.
const inNetwork = "SUPERVISIOND_TEST_IN_NETWORK"

// ownNetwork runs the test once more in a network namespace of its own, where no other process is and its addresses are the loopback
// device's: so a test can be many machines, and whatever it leaves is gone with it. True: this is that run.
func ownNetwork(t *testing.T, addresses ...string) bool {
	t.Helper()
	if os.Getenv(inNetwork) != "" {
		commands := [][]string{{"link", "set", "lo", "up"}}
		for _, a := range addresses {
			commands = append(commands, []string{"address", "add", a, "dev", "lo"})
		}
		for _, c := range commands {
			if out, err := exec.CommandContext(t.Context(), "ip", c...).CombinedOutput(); err != nil {
				t.Fatalf("ip %s (Debian: iproute2, as test/setup installs it): %v\n%s", strings.Join(c, " "), err, out)
			}
		}
		return true
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v", "-test.timeout=5m")
	cmd.Env = append(os.Environ(), inNetwork+"="+daemonBinary)
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET, Pdeathsig: syscall.SIGKILL}
	if os.Geteuid() != 0 { // whoever is not root is so in a user namespace
		cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{HostID: os.Geteuid(), Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{HostID: os.Getegid(), Size: 1}}
	}
	out, err := cmd.CombinedOutput()
	switch {
	case errors.Is(err, syscall.EPERM):
		t.Fatalf("no network namespace can be made here: this needs root, or user namespaces that anybody may make: %v", err)
	case err != nil || !strings.Contains(string(out), "--- PASS: "+t.Name()):
		t.Errorf("in a network of its own: %v\n%s", err, out)
	}
	return false
}
