package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const initPassword = "hush+hush&hush"

// fakePBX has two endpoints, and tells of them whoever knows the password.
func fakePBX(t *testing.T) (ari string) {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, password, _ := r.BasicAuth(); password != initPassword {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		switch r.URL.Path {
		case "/ari/endpoints":
			_, _ = io.WriteString(w, `[{"technology":"PJSIP","resource":"trunk"},{"technology":"PJSIP","resource":"101"}]`)
		case "/ari/asterisk/config/dynamic/res_pjsip/endpoint/101":
			_, _ = io.WriteString(w, `[{"attribute":"context","value":"phones"},{"attribute":"callerid","value":"\"Anna Berger\" <101>"}]`)
		default:
			w.WriteHeader(http.StatusNotFound)
		}
	}))
	t.Cleanup(s.Close)
	return s.URL + "/ari"
}

// What init writes is what check takes; the password is not in it.
func TestInit(t *testing.T) {
	ari, dir := fakePBX(t), t.TempDir()
	t.Setenv("ARI_PASSWORD", initPassword)
	printed := supervisiond(t, "", "init", "--ari", ari)
	if printed.exit != 0 || printed.stderr != "" || !strings.Contains(printed.stdout, `anna-berger: {name: "Anna Berger", extension: "101", endpoints: [PJSIP/101]}`) ||
		!strings.Contains(printed.stdout, `password: "${ARI_PASSWORD}"`) || !strings.Contains(printed.stdout, `phone_context: "phones"`) {
		t.Errorf("got %+v", printed)
	}

	file := filepath.Join(dir, "config.yml")
	got := supervisiond(t, "", "init", "--ari", ari, "--output", file)
	text, err := os.ReadFile(file)
	if want := file + ": written: 1 person with 1 endpoint; 1 left out, and the file says why. Look it over, then: supervisiond check --config " + file + "\n"; err != nil || got != (outcome{stdout: want}) || string(text) != printed.stdout {
		t.Errorf("got %+v and %v, %s", got, err, text)
	}
	if got = supervisiond(t, "", "check", "--config", file); got != (outcome{stdout: file + ": ok: 1 person, 0 groups\n"}) {
		t.Errorf("got %+v", got)
	}

	t.Setenv("ARI_PASSWORD", "")
	secret := filepath.Join(dir, "secret")
	if err := os.WriteFile(secret, []byte(initPassword+"\r\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Chdir(dir)
	got = supervisiond(t, "", "init", "--ari", ari, "--password-file", "secret", "--site", "berlin", "--phone-context", "internal")
	for _, part := range []string{`site: "berlin"`, "password_file: \"" + secret + "\"", `phone_context: "internal"`, `In "phones" dial PJSIP/101`} {
		if !strings.Contains(got.stdout, part) {
			t.Errorf("without %s: %+v", part, got)
		}
	}
	if all := printed.stdout + got.stdout + got.stderr; got.exit != 0 || strings.Contains(all, "hush") {
		t.Errorf("exit %d, or the password is in\n%s", got.exit, all)
	}
}

// No file is overwritten, whatever it is, and nothing is left of what did not succeed.
func TestInitOverwritesNothing(t *testing.T) {
	ari, dir := fakePBX(t), t.TempDir()
	t.Setenv("ARI_PASSWORD", initPassword)
	for name, make := range map[string]func(string) error{
		"file":   func(name string) error { return os.WriteFile(name, []byte("mine"), 0o600) },
		"folder": func(name string) error { return os.Mkdir(name, 0o700) },
		"link":   func(name string) error { return os.Symlink(filepath.Join(dir, "nowhere"), name) },
	} {
		file := filepath.Join(dir, name)
		if err := make(file); err != nil {
			t.Fatal(err)
		}
		got := supervisiond(t, "", "init", "--ari", ari, "--output", file)
		if got.exit != 1 || got.stdout != "" || !strings.Contains(got.stderr, file+" is there already, and init overwrites nothing: name another file") {
			t.Errorf("got %+v", got)
		}
	}
	if text, err := os.ReadFile(filepath.Join(dir, "file")); err != nil || string(text) != "mine" {
		t.Errorf("the file has %q, %v", text, err)
	}
	if _, err := os.Lstat(filepath.Join(dir, "nowhere")); err == nil {
		t.Error("it was written where a link led")
	}
	for output, ari := range map[string]string{filepath.Join(dir, "new"): "http://127.0.0.1:1/ari", filepath.Join(dir, "no", "folder"): ari} {
		if got := supervisiond(t, "", "init", "--ari", ari, "--output", output); got.exit != 1 || got.stdout != "" {
			t.Errorf("got %+v", got)
		}
		if _, err := os.Lstat(output); err == nil {
			t.Errorf("%s was written", output)
		}
	}
}

// What keeps init from asking is said with what to do about it, in terms of its flags.
func TestInitSaysWhatToDo(t *testing.T) {
	ari := fakePBX(t)
	for _, x := range []struct {
		password, want string
		args           []string
	}{
		{"", "the password of supervisiond is missing: put it into the variable ARI_PASSWORD, or name a file with --password-file", nil},
		{"wrong", "ARI GET /endpoints: 401 Unauthorized: wrong user name or password: --user must be the name of a section of ari.conf with " +
			"type = user, and --password-file (or ARI_PASSWORD) its password", nil},
		{initPassword, "nothing listens at 127.0.0.1:1: is Asterisk running, and are enabled = yes, bindaddr and bindport in http.conf what --ari says?",
			[]string{"--ari", "http://127.0.0.1:1/ari"}},
		{initPassword, "there is a web server, but no ARI: does --ari end with /ari", []string{"--ari", strings.TrimSuffix(ari, "/ari")}},
		{initPassword, "--ari: no user or password in a URL", []string{"--ari", "http://u:" + initPassword + "@pbx/ari"}},
		{initPassword, `--site: "Ü" is not possible`, []string{"--site", "Ü"}},
		{initPassword, `--user: "a b" is not possible: no colon and no white space`, []string{"--user", "a b"}},
		{initPassword, `--phone-context: "a b" is not possible`, []string{"--phone-context", "a b"}},
		{"", `--password-file: "/nowhere" cannot be read`, []string{"--password-file", "/nowhere"}},
		{initPassword, "--ca-file: ", []string{"--ari", "https://127.0.0.1:1/ari", "--ca-file", "/nowhere"}},
	} {
		t.Setenv("ARI_PASSWORD", x.password)
		got := supervisiond(t, "", append([]string{"init", "--ari", ari}, x.args...)...)
		if got.exit != 1 || got.stdout != "" || !strings.HasPrefix(got.stderr, "supervisiond: ") || !strings.Contains(got.stderr, x.want) ||
			strings.Contains(got.stderr, "hush") || strings.Contains(got.stderr, "asterisk.ari") {
			t.Errorf("%v: got %+v, want %q", x.args, got, x.want)
		}
	}
}
