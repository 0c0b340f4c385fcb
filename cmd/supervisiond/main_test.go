package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/crypto/bcrypt"
)

// program is the built binary.
var program string

func TestMain(m *testing.M) { os.Exit(buildAndRun(m)) }

func buildAndRun(m *testing.M) int {
	dir, err := os.MkdirTemp("", "supervisiond")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	program = filepath.Join(dir, "supervisiond")
	if out, err := exec.Command("go", "build", "-o", program, ".").CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "%s\n%s", err, out)
		return 1
	}
	return m.Run()
}

// outcome is what a run of the program left behind.
type outcome struct {
	stdout, stderr string
	exit           int
}

func supervisiond(t *testing.T, stdin string, args ...string) outcome {
	t.Helper()
	var stdout, stderr bytes.Buffer
	cmd := exec.Command(program, args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(stdin), &stdout, &stderr
	if err := cmd.Run(); cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return outcome{stdout.String(), stderr.String(), cmd.ProcessState.ExitCode()}
}

func writeConfig(t *testing.T, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "config.yml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestCheck(t *testing.T) {
	const ari = "site: hq\nasterisk: {ari: {username: u, password: p}}\n"
	for _, x := range []struct{ name, text, stdout, stderr string }{
		{"nobody", ari, "FILE: ok: 0 people, 0 groups\n", ""},
		{"one", ari + "people: {anna: {extension: 101}}\ngroups: {sales: {supervisors: [anna]}}\n", "FILE: ok: 1 person, 1 group\n", ""},
		{"mistakes", "sites: hq\nasterisk: {ari: {username: u}}\n", "",
			"FILE:1:1: unknown key \"sites\"; did you mean \"site\"?\n" +
				"FILE:2:12: asterisk.ari.password: missing: write it, or ${NAME} for an environment variable, or a file's name as password_file\n"},
	} {
		t.Run(x.name, func(t *testing.T) {
			file := writeConfig(t, x.text)
			got := supervisiond(t, "", "check", "--config", file)
			want := outcome{strings.ReplaceAll(x.stdout, "FILE", file), strings.ReplaceAll(x.stderr, "FILE", file), 0}
			if x.stderr != "" {
				want.exit = 1
			}
			if got != want {
				t.Errorf("got %+v, want %+v", got, want)
			}
		})
	}
}

func TestNoConfig(t *testing.T) {
	for _, command := range []string{"check", "run", "doctor", "watch"} {
		file := filepath.Join(t.TempDir(), "nowhere.yml")
		got := supervisiond(t, "", command, "--config", file)
		want := outcome{"", file + ":1:1: cannot be read: no such file or directory\n", 1}
		if got != want {
			t.Errorf("%s: got %+v, want %+v", command, got, want)
		}
	}
}

func TestHashPassword(t *testing.T) {
	for name, stdin := range map[string]string{
		"line":          "correct horse\n",
		"no line end":   "correct horse",
		"CRLF":          "correct horse\r\n",
		"several lines": "correct horse\nbattery staple\n",
	} {
		t.Run(name, func(t *testing.T) {
			got := supervisiond(t, stdin, "hash-password")
			if got.exit != 0 || got.stderr != "" || strings.Count(got.stdout, "\n") != 1 {
				t.Fatalf("got %+v", got)
			}
			if err := bcrypt.CompareHashAndPassword([]byte(strings.TrimSpace(got.stdout)), []byte("correct horse")); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestHashPasswordLength(t *testing.T) {
	for _, x := range []struct{ stdin, stderr string }{
		{"", "the password is empty"},
		{"\nsecond line\n", "the password is empty"},
		{strings.Repeat("x", 73), "the password has 73 bytes, and bcrypt takes 72"},
		{strings.Repeat("ä", 37), "the password has 74 bytes, and bcrypt takes 72"},
		{strings.Repeat("x", 72), ""},
	} {
		got := supervisiond(t, x.stdin, "hash-password")
		if refused := x.stderr != ""; (got.exit == 1) != refused || (got.stdout == "") != refused || !strings.Contains(got.stderr, x.stderr) {
			t.Errorf("%q: got %+v", x.stdin, got)
		}
	}
}

func TestVersion(t *testing.T) {
	got := supervisiond(t, "", "version")
	form := regexp.MustCompile(`^supervisiond \S+ \(commit \w+(, changed since)?, ` + regexp.QuoteMeta(runtime.Version()) + `\)\n$`)
	if got.exit != 0 || !form.MatchString(got.stdout) {
		t.Errorf("got %+v", got)
	}
}

func TestUsage(t *testing.T) {
	for _, args := range [][]string{{"chek"}, {"check", "file.yml"}, {"run", "--cnfig", "x"}} {
		got := supervisiond(t, "", args...)
		if got.exit != 1 || got.stdout != "" || !strings.HasPrefix(got.stderr, "supervisiond: unknown ") {
			t.Errorf("%v: got %+v", args, got)
		}
	}
}
