package lab

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

// ErrMissing says that there is no Asterisk to run here.
var ErrMissing = errors.New("no Asterisk: make one with 'make lab' (test/lab/get-asterisk)")

// tree is a root file system that has Asterisk; "/" is this machine itself.
type tree struct {
	root       string
	asterisk   string // inside the tree
	modulesDir string // inside the tree
	dataDir    string // inside the tree
}

// findTree looks where get-asterisk puts it, by the same rules.
func findTree(options Options) (tree, error) {
	const asterisk = "/usr/sbin/asterisk"
	if options.Tree != "" {
		return openTree(options.Tree, asterisk)
	}
	suite := options.Suite
	if suite == "" {
		if host, err := exec.LookPath("asterisk"); err == nil {
			return openTree("/", host)
		}
		suite = "forky"
	}
	cache, err := cacheDir()
	if err != nil {
		return tree{}, err
	}
	return openTree(filepath.Join(cache, "asterisk-"+suite), asterisk)
}

// Installed says whether there is the Asterisk that options ask for: nil, or an
// error that is [ErrMissing].
func Installed(options Options) error {
	_, err := findTree(options)
	return err
}

func cacheDir() (string, error) {
	if dir := os.Getenv("SUPERVISIOND_LAB_CACHE"); dir != "" {
		return dir, nil
	}
	if dir := os.Getenv("XDG_CACHE_HOME"); dir != "" {
		return filepath.Join(dir, "supervisiond", "lab"), nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", fmt.Errorf("lab: no place for the cache: %w", err)
	}
	return filepath.Join(home, ".cache", "supervisiond", "lab"), nil
}

func openTree(root, asterisk string) (tree, error) {
	t := tree{root: root, asterisk: asterisk}
	if _, err := os.Stat(filepath.Join(root, asterisk)); err != nil {
		return tree{}, fmt.Errorf("lab: %s: %w", root, ErrMissing)
	}
	if err := t.readDirectories(); err != nil {
		return tree{}, err
	}
	if root == "/" {
		return t, nil
	}
	return t, t.knowHostname()
}

// readDirectories learns where the distribution put modules and data; the file
// it ships names both, active or not.
func (t *tree) readDirectories() error {
	t.dataDir = "/usr/share/asterisk"
	f, err := os.Open(filepath.Join(t.root, "etc/asterisk/asterisk.conf"))
	if err != nil {
		return fmt.Errorf("lab: %w", err)
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		key, value, ok := strings.Cut(strings.TrimLeft(lines.Text(), "; "), "=")
		if !ok {
			continue
		}
		value = strings.TrimSpace(strings.TrimPrefix(value, ">"))
		switch strings.TrimSpace(key) {
		case "astmoddir":
			t.modulesDir = value
		case "astdatadir":
			t.dataDir = value
		}
	}
	if t.modulesDir == "" {
		return fmt.Errorf("lab: %s names no astmoddir", f.Name())
	}
	return nil
}

// knowHostname makes the tree resolve this machine's name. Asterisk looks it up
// for each new session, and a name that nobody answers for costs it seconds.
func (t *tree) knowHostname() error {
	name, err := os.Hostname()
	if err != nil {
		return fmt.Errorf("lab: %w", err)
	}
	hosts := filepath.Join(t.root, "etc/hosts")
	text, err := os.ReadFile(hosts)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("lab: %w", err)
	}
	if slices.Contains(strings.Fields(string(text)), name) {
		return nil
	}
	f, err := os.OpenFile(hosts, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o644)
	if err != nil {
		return fmt.Errorf("lab: %w", err)
	}
	_, err = fmt.Fprintf(f, "\n127.0.0.1\tlocalhost %s\n", name)
	return errors.Join(err, f.Close())
}

// command runs a program of the tree, at the tree's root.
//
// Root changes root itself. Anybody else does so in a user namespace where they
// are root, with the machine's devices, since they cannot make any.
func (t *tree) command(name string, args ...string) *exec.Cmd {
	attr := &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	var cmd *exec.Cmd
	switch {
	case t.root == "/":
		cmd = exec.Command(name, args...)
	case os.Geteuid() == 0:
		cmd = exec.Command(name, args...)
		attr.Chroot = t.root
	default:
		const enter = `mount --rbind /dev "$0/dev" && exec chroot "$0" "$@"`
		cmd = exec.Command("/bin/sh", append([]string{"-c", enter, t.root, name}, args...)...)
		attr.Cloneflags = syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS
		attr.UidMappings = []syscall.SysProcIDMap{{HostID: os.Geteuid(), Size: 1}}
		attr.GidMappings = []syscall.SysProcIDMap{{HostID: os.Getegid(), Size: 1}}
	}
	cmd.Dir = "/"
	cmd.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/", "LANG=C.UTF-8", "TZ=UTC"}
	cmd.SysProcAttr = attr
	return cmd
}
