package config

import (
	"strings"
	"testing"
	"time"
)

// TestHostileText parses what no txtar file can hold.
func TestHostileText(t *testing.T) {
	const ari = "site: hq\nasterisk: {ari: {username: u, password: p}}\n"
	for _, x := range []struct{ name, text, want string }{
		{"not UTF-8", "site: hq\n# Ver\xe4nderung\n", "config.yml:2:6: not UTF-8: save the file as UTF-8"},
		{"UTF-16", "\xff\xfes\x00i\x00", "config.yml:1:1: not UTF-8: save the file as UTF-8"},
		{"columns count characters", "# ä\nnäme: \"ü\"; \xff", "config.yml:2:12: not UTF-8: save the file as UTF-8"},
		{"NUL", "site: hq\nx: \x00\n", "config.yml:2:4: control character U+0000: YAML does not allow it"},
		{"escape", "site: \x1b[31m\n", "config.yml:1:7: control character U+001B: YAML does not allow it"},
		{"byte order mark", "\uFEFF" + ari, ""},
		{"byte order mark inside", "site: hq\n\uFEFF", "config.yml:2:1: control character U+FEFF: YAML does not allow it"},
		{"CRLF", strings.ReplaceAll(ari+"x: 1\n", "\n", "\r\n"), `config.yml:3:1: unknown key "x"`},
		{"huge", strings.Repeat("#", maxConfigSize+1), "config.yml:1:1: larger than 4 MiB: is this the configuration?"},
		{"deep flow", strings.Repeat("[", 20000), "config.yml:1:1: YAML syntax: exceeded max depth of 10000"},
		{"deep mappings", ari + "people: " + strings.Repeat("{a: ", 5000) + strings.Repeat("}", 5000), "config.yml:3:10: people.a.extension: missing\n" +
			`config.yml:3:14: people.a: unknown key "a"; known here: admin, endpoints, extension, language, name, password_hash, password_hash_file, sip, unsupervised_endpoints`},
		{"long values", ari + "log: {level: " + strings.Repeat("x", 1000) + "}", `config.yml:3:14: log.level: "` + strings.Repeat("x", 60) + `"… is not possible: write info or debug or warn or error`},
		{"long keys", ari + strings.Repeat("x", 1000) + ": 1", `config.yml:3:1: unknown key "` + strings.Repeat("x", 60) + `"…`},
	} {
		t.Run(x.name, func(t *testing.T) {
			t.Parallel()
			c, got := new(testCase), ""
			if _, err := Parse("config.yml", []byte(x.text), c.lookup, c.readFile); err != nil {
				got = err.Error()
			}
			if got != x.want {
				t.Errorf("got  %s\nwant %s", got, x.want)
			}
		})
	}
}

// TestLargeFilesAreQuick parses large files that take a careless parser minutes.
func TestLargeFilesAreQuick(t *testing.T) {
	const size, most = maxConfigSize / 8, 20 * time.Second // it is a tenth of a second on an idle machine
	for name, unit := range map[string]string{
		"unknown keys": "a%: 1\n", "comments": "# x\n", "list": "- a\n", "open": "[\n", "spaces": " \n", "block": "a%:\n  b: c\n d: e\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			text := strings.Repeat(unit, size/len(unit))
			start := time.Now()
			c := new(testCase)
			if _, err := Parse("config.yml", []byte(text), c.lookup, c.readFile); err == nil {
				t.Error("no error")
			}
			if took := time.Since(start); took > most {
				t.Errorf("took %s", took)
			}
		})
	}
}
