package app

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

// Ways in which a configuration becomes another one, twice each: what was followed the first time is not there the second.
func TestAnotherConfigurationIsNoticed(t *testing.T) {
	for name, c := range map[string]struct {
		// prepare makes a folder with the configuration, and gives its path and what makes it another one.
		prepare func(t *testing.T, dir string) (file string, change func(text string))
	}{
		"written in place": {func(t *testing.T, dir string) (string, func(string)) {
			file := filepath.Join(dir, "config.yml")
			return file, func(text string) { write(t, file, text) }
		}},
		"replaced": {func(t *testing.T, dir string) (string, func(string)) {
			file := filepath.Join(dir, "config.yml")
			return file, func(text string) {
				write(t, file+".new", text)
				must(t, os.Rename(file+".new", file))
			}
		}},
		"as Kubernetes mounts it": {func(t *testing.T, dir string) (string, func(string)) {
			must(t, os.Symlink("..data/config.yml", filepath.Join(dir, "config.yml")))
			return filepath.Join(dir, "config.yml"), func(text string) {
				before, _ := os.Readlink(filepath.Join(dir, "..data"))
				must(t, os.Mkdir(filepath.Join(dir, ".."+text), 0o700))
				write(t, filepath.Join(dir, ".."+text, "config.yml"), text)
				must(t, os.Symlink(".."+text, filepath.Join(dir, "..data_tmp")))
				must(t, os.Rename(filepath.Join(dir, "..data_tmp"), filepath.Join(dir, "..data")))
				if before != "" {
					must(t, os.RemoveAll(filepath.Join(dir, before)))
				}
			}
		}},
		"in a folder behind links": {func(t *testing.T, dir string) (string, func(string)) {
			must(t, os.Symlink(filepath.Join(dir, "current"), filepath.Join(dir, "etc")))
			return filepath.Join(dir, "etc", "config.yml"), func(text string) {
				must(t, os.Mkdir(filepath.Join(dir, text), 0o700))
				write(t, filepath.Join(dir, text, "config.yml"), text)
				must(t, os.Symlink(text, filepath.Join(dir, "next")))
				must(t, os.Rename(filepath.Join(dir, "next"), filepath.Join(dir, "current")))
			}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			file, change := c.prepare(t, t.TempDir())
			change("first")
			f, err := watchFile(file)
			must(t, err)
			t.Cleanup(func() { must(t, f.Close()) })
			for _, text := range []string{"second", "third"} {
				change(text)
				awaitChange(t, f, text)
			}
		})
	}
}

// awaitChange waits until it is noticed that the file has a text.
func awaitChange(t *testing.T, f *configFile, text string) {
	t.Helper()
	late := time.After(30 * time.Second)
	for {
		select {
		case e := <-f.Events:
			changed, err := f.changed(e)
			must(t, err)
			if now, err := os.ReadFile(f.path); changed && err == nil && string(now) == text {
				return
			}
		case <-late:
			t.Fatalf("nobody noticed the %s", text)
		}
	}
}

// What lies beside the configuration is nobody's news, and links that lead round end.
func TestWhatDecidesTheConfiguration(t *testing.T) {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	must(t, err)
	must(t, os.Symlink("round", filepath.Join(dir, "round")))
	if n := len(deciding(filepath.Join(dir, "round", "config.yml"))); n != maxLinks+1 {
		t.Errorf("%d names on the way round", n)
	}
	plain := filepath.Join(dir, "config.yml")
	if got := deciding(plain); len(got) != 1 || got[0] != plain {
		t.Errorf("a plain file is decided by %q", got)
	}
}

func write(t *testing.T, file, text string) {
	t.Helper()
	must(t, os.WriteFile(file, []byte(text), 0o600))
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
