package docs

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// said are all texts of what doctor is made of, cut where something is put in.
func said(t *testing.T) []string {
	t.Helper()
	var list []string
	verb := regexp.MustCompile(`%[a-z]`)
	for name, text := range sources(t, false) {
		if !strings.Contains(name, "diagnose") && !strings.HasSuffix(name, "/doctor.go") && name != "ari/rest_error.go" {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), filepath.Base(name), text, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
				text, _ := strconv.Unquote(lit.Value)
				list = append(list, verb.Split(text, -1)...)
			}
			return true
		})
	}
	slices.SortFunc(list, func(a, b string) int { return len(b) - len(a) })
	return list
}

// values are what a configuration or a PBX puts into doctor's texts.
var values = regexp.MustCompile(`^(internal|supervision|supervision-hints|supervisiond|yml|asterisk|PBX|ben|Authentication|required|people|groups|CALLERID\(pres\)|.*[0-9/_=(&].*|)$`)

// Whatever the examples of doctor say, the program can say; and their last lines count right.
func TestDoctorExamples(t *testing.T) {
	texts := said(t)
	examples := blocks(t, "docs/doctor.md", "text")
	if len(examples) < 3 {
		t.Fatalf("%d examples", len(examples))
	}
	for _, b := range examples {
		counts := map[string]int{}
		var sentences []string
		lines := strings.Split(strings.TrimSpace(b.text), "\n")
		for _, line := range lines[:len(lines)-1] {
			if line == "..." {
				counts["..."]++
				continue
			}
			label, text := line[:6], strings.TrimSpace(line[6:])
			switch {
			case label != "      ":
				counts[strings.TrimSpace(label)]++
				sentences = append(sentences, text)
			case strings.HasPrefix(text, "> "):
				sentences = append(sentences, text[2:])
			default:
				sentences[len(sentences)-1] += " " + text
			}
		}
		for _, sentence := range sentences {
			rest := sentence
			for _, part := range texts {
				if len(strings.TrimSpace(part)) >= 3 {
					rest = strings.ReplaceAll(rest, part, " ")
				}
			}
			for word := range strings.FieldsSeq(rest) {
				if word = strings.Trim(word, ",.:;'\""); len(word) > 2 && !values.MatchString(word) {
					t.Errorf("%q: nothing says %q", sentence, word)
				}
			}
		}
		warnings := "warnings"
		if counts["WARN"] == 1 {
			warnings = "warning"
		}
		want := fmt.Sprintf("%d passed, %d %s, %d failed", counts["PASS"], counts["WARN"], warnings, counts["FAIL"])
		if counts["..."] > 0 {
			want = lines[len(lines)-1]
		}
		if lines[len(lines)-1] != want {
			t.Errorf("the last line is %q, want %q", lines[len(lines)-1], want)
		}
	}
}
