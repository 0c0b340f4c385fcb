package lab

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
)

// folder is where one Asterisk keeps everything that is its own.
type folder struct {
	host   string   // its path on this machine
	inside string   // its path as Asterisk sees it
	lock   *os.File // held while it is in use
}

// makeFolder makes a new one, and removes those of processes that were killed
// before they could.
func (t *tree) makeFolder() (*folder, error) {
	parent := "/srv/lab"
	if t.root == "/" {
		parent = filepath.Join(os.TempDir(), "supervisiond-lab-"+strconv.Itoa(os.Geteuid()))
	}
	host := filepath.Join(t.root, parent)
	if err := os.MkdirAll(host, 0o755); err != nil {
		return nil, fmt.Errorf("lab: %w", err)
	}

	// Between a folder's making and its locking nobody may sweep.
	door, err := lockFile(filepath.Join(host, ".lock"), syscall.LOCK_EX)
	if err != nil {
		return nil, err
	}
	defer door.Close()
	sweep(host)

	dir, err := os.MkdirTemp(host, "")
	if err != nil {
		return nil, fmt.Errorf("lab: %w", err)
	}
	f := &folder{host: dir, inside: filepath.Join(parent, filepath.Base(dir))}
	if f.lock, err = lockFile(filepath.Join(dir, ".lock"), syscall.LOCK_EX); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	for _, sub := range []string{"etc", "run", "db", "log", "log/cdr-csv", "spool", "lib", "lib/keys"} {
		if err := os.Mkdir(filepath.Join(dir, sub), 0o755); err != nil {
			return nil, errors.Join(fmt.Errorf("lab: %w", err), f.remove())
		}
	}
	return f, nil
}

func (f *folder) remove() error {
	return errors.Join(os.RemoveAll(f.host), f.lock.Close())
}

func (f *folder) path(elem ...string) string {
	return filepath.Join(append([]string{f.host}, elem...)...)
}

// sweep removes the folders that nobody holds any more. What it cannot remove
// harms nobody, so it says nothing.
func sweep(parent string) {
	entries, err := os.ReadDir(parent)
	if err != nil {
		return
	}
	for _, e := range entries {
		if !e.IsDir() {
			continue
		}
		dir := filepath.Join(parent, e.Name())
		lock, err := lockFile(filepath.Join(dir, ".lock"), syscall.LOCK_EX|syscall.LOCK_NB)
		if err != nil {
			continue
		}
		_ = os.RemoveAll(dir)
		_ = lock.Close()
	}
}

func lockFile(name string, how int) (*os.File, error) {
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, fmt.Errorf("lab: %w", err)
	}
	for {
		err = syscall.Flock(int(f.Fd()), how)
		if !errors.Is(err, syscall.EINTR) {
			break
		}
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("lab: lock %s: %w", name, err), f.Close())
	}
	return f, nil
}
