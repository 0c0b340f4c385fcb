//go:build linux || darwin

package bus

import "syscall"

// freeBytes is what a user without privileges may still write.
func freeBytes(dir string) (int64, bool) {
	var s syscall.Statfs_t
	if syscall.Statfs(dir, &s) != nil {
		return 0, false
	}
	return int64(s.Bavail) * int64(s.Bsize), true //nolint:unconvert // not everywhere is it of this type
}
