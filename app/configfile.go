package app

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/fsnotify/fsnotify"
)

// configFile notices that the configuration is another one: its file was written or replaced, or a symbolic link on the way to
// it leads elsewhere now, as when Kubernetes or a deployment switches a whole folder. What is behind a link that is the file
// itself is not looked at: whoever writes there sends SIGHUP.
type configFile struct {
	*fsnotify.Watcher
	path string
	// decide are the names that decide what the path leads to, each with its folder.
	decide []string
}

func watchFile(path string) (*configFile, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	watcher, err := fsnotify.NewWatcher()
	if err != nil {
		return nil, err
	}
	f := &configFile{Watcher: watcher, path: path}
	if err := f.follow(); err != nil {
		return nil, errors.Join(err, watcher.Close())
	}
	return f, nil
}

// follow goes the way to the file anew. The folders are watched, and not the names themselves: these get replaced.
func (f *configFile) follow() error {
	f.decide = deciding(f.path)
	var folders []string
	for _, name := range f.decide {
		folders = append(folders, filepath.Dir(name))
	}
	for _, gone := range f.WatchList() {
		if !slices.Contains(folders, gone) {
			_ = f.Remove(gone) // nor is it watched any more if it was removed
		}
	}
	for _, folder := range folders {
		if err := f.Add(folder); err != nil {
			return err
		}
	}
	return nil
}

// changed says whether an event may be news of the configuration. An error is why changes may not be noticed from now on.
func (f *configFile) changed(e fsnotify.Event) (bool, error) {
	if e.Op == fsnotify.Chmod || !slices.Contains(f.decide, filepath.Clean(e.Name)) {
		return false, nil
	}
	return true, f.follow()
}

// deciding are the names on the way to a file of which a change makes it another one: the links, and the file.
func deciding(file string) []string {
	names, folder := links("/", filepath.Dir(file))
	file = filepath.Join(folder, filepath.Base(file))
	names = append(names, file)
	if target, err := os.Readlink(file); err == nil {
		more, _ := links(folder, target)
		names = append(names, more...)
	}
	return names
}

// maxLinks is how many links there may be on a way, as in Linux itself.
const maxLinks = 40

// links are the symbolic links on the way from a folder to a path, and where that ends.
func links(from, path string) (names []string, end string) {
	at, rest := from, path
	for rest != "" && len(names) < maxLinks {
		if filepath.IsAbs(rest) {
			at = "/"
		}
		var name string
		name, rest, _ = strings.Cut(strings.TrimLeft(rest, "/"), "/")
		at = filepath.Join(at, name)
		if target, err := os.Readlink(at); err == nil {
			names = append(names, at)
			at, rest = filepath.Dir(at), target+"/"+rest
		}
	}
	return names, at
}
