// Package npm has the packages of Node.js that tests need, by the lock file beside package.json, in a folder of the user's
// cache: each set is fetched once.
package npm

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// patience bounds the fetching.
const patience = 2 * time.Minute

// one installs at a time in a process, so that tests beside each other do not fetch the same into the same folder.
var one sync.Mutex

// Install gives the folder node_modules for the package.json and package-lock.json in dir. It fails the test if they
// cannot be had.
func Install(t *testing.T, dir string) string {
	t.Helper()
	one.Lock()
	defer one.Unlock()
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.New()
	files := make(map[string][]byte)
	for _, name := range []string{"package.json", "package-lock.json"} {
		if files[name], err = os.ReadFile(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
		sum.Write(files[name])
	}
	folder := filepath.Join(cache, "supervisiond", "npm", hex.EncodeToString(sum.Sum(nil)[:8]))
	modules := filepath.Join(folder, "node_modules")
	if _, err := os.Stat(modules); err == nil {
		return modules
	}
	// It gets its name when it is complete; of two that do this at a time one is thrown away.
	making := fmt.Sprintf("%s-making-%d", folder, os.Getpid())
	if err := os.MkdirAll(making, 0o755); err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(making)
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(making, name), text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	ci := exec.CommandContext(ctx, "npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts")
	ci.Dir = making
	if out, err := ci.CombinedOutput(); err != nil {
		t.Fatalf("npm ci for %s, which needs Node.js, npm and their registry of packages: %v\n%s", dir, err, out)
	}
	if err := os.Rename(making, folder); err != nil && !errors.Is(err, os.ErrExist) {
		t.Fatal(err)
	}
	return modules
}
