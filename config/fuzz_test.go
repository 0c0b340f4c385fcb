package config

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"golang.org/x/tools/txtar"
)

// FuzzParse: whatever the text is, Parse returns a Config or Errors, whose messages are one line each and whose
// positions are within the text and in order.
func FuzzParse(f *testing.F) {
	archives, err := filepath.Glob("testdata/*.txtar")
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range archives {
		archive, err := txtar.ParseFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(readCase(archive).text)
	}
	example, err := os.ReadFile("testdata/example.yml")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(example)

	f.Fuzz(func(t *testing.T, text []byte) {
		c := new(testCase)
		cfg, err := Parse("config.yml", text, c.lookup, c.readFile)
		if (cfg == nil) == (err == nil) {
			t.Fatalf("config %v, error %v", cfg, err)
		}
		if err == nil {
			return
		}
		mistakes, ok := errors.AsType[Errors](err)
		if !ok || len(mistakes) == 0 {
			t.Fatalf("not Errors: %v", err)
		}
		lines := splitLines(string(text))
		for _, m := range mistakes {
			if m.Line < 1 || m.Line > len(lines) || m.Col < 1 || m.Col > utf8.RuneCountInString(lines[m.Line-1])+1 {
				t.Errorf("outside of the file: %s", m)
			}
			if m.Message == "" || strings.ContainsAny(m.Message, "\r\n") {
				t.Errorf("not one line: %q", m.Message)
			}
		}
		if !slices.IsSortedFunc(mistakes, func(a, b Error) int {
			if a.Line != b.Line {
				return a.Line - b.Line
			}
			return a.Col - b.Col
		}) {
			t.Errorf("not in order: %v", err)
		}
	})
}
