// Package structure proves that the house stands as ARCHITECTURE.md says: who may import whom, and that the pure
// packages are pure.
package structure

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "supervisiond"

// arrows says which packages of ours each may import, whole subtrees by their root. Tests are free, but for the pure.
var arrows = map[string][]string{
	"cmd/supervisiond": {"app", "config", "ari", "supervision", "watch"},
	"app":              {"config", "engine", "ari", "bus", "console", "sip", "supervision", "forwarding"},
	"config":           {"supervision", "forwarding"},
	"config/first":     {},
	"forwarding":       {},
	"supervision":      {"forwarding"},
	"engine":           {"supervision"},
	"ari":              {"supervision", "forwarding"},
	"bus":              {"bus", "supervision", "forwarding"},
	"bus/embedded":     {"bus", "certificate"},
	"certificate":      {},
	"console":          {"certificate", "console/oidc", "console/push", "console/web", "supervision", "forwarding"},
	"console/oidc":     {},
	"console/push":     {"supervision"},
	"console/web":      {},
	"examples":         {},
	"sip":              {"sip", "supervision", "forwarding"},
	"sip/body":         {},
	"sip/digest":       {},
	"sip/notifier":     {"sip/body", "sip/seen", "supervision", "forwarding"},
	"sip/publication":  {"supervision"},
	"sip/seen":         {"supervision"},
	"sip/front":        {"certificate", "sip/digest", "supervision"},
	"sip/registrar":    {"sip/front", "supervision"},
	"test":             {"app", "ari", "bus", "config", "engine", "supervision", "forwarding", "test"},
	"watch":            {"bus/subject", "supervision", "watch"},
	"watch/feed":       {"bus/subject", "supervision", "watch/screen"},
	"watch/screen":     {"supervision"},
}

type pkg struct {
	ImportPath string
	Dir        string
	Doc        string
	GoFiles    []string
	Imports    []string
}

func packages(t *testing.T) []pkg {
	t.Helper()
	cmd := exec.Command("go", "list", "-json", "./...")
	cmd.Dir = "../.."
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var list []pkg
	for d := json.NewDecoder(strings.NewReader(string(out))); d.More(); {
		var p pkg
		if err := d.Decode(&p); err != nil {
			t.Fatal(err)
		}
		list = append(list, p)
	}
	return list
}

// rules finds the longest entry of arrows that holds the package.
func rules(path string) (allowed []string, known bool) {
	for p := path; p != "."; p = filepath.Dir(p) {
		if allowed, known = arrows[p]; known {
			return allowed, true
		}
	}
	return nil, false
}

func TestImportArrows(t *testing.T) {
	for _, p := range packages(t) {
		path := strings.TrimPrefix(p.ImportPath, module+"/")
		allowed, known := rules(path)
		if !known {
			t.Errorf("%s has no place in the house; give it one in ARCHITECTURE.md and here", path)
			continue
		}
		for _, i := range p.Imports {
			of, ours := strings.CutPrefix(i, module+"/")
			if !ours || slices.ContainsFunc(allowed, func(a string) bool { return of == a || strings.HasPrefix(of, a+"/") }) {
				continue
			}
			t.Errorf("%s must not import %s", path, of)
		}
	}
}

// pureImports are the packages of the standard library that the pure packages may use: none does I/O, keeps time, logs
// or starts a goroutine. time is among them for its types; TestPure looks at what is called.
var pureImports = []string{
	"bytes", "cmp", "crypto/sha256", "encoding/hex", "encoding/xml", "errors", "fmt", "maps", "regexp", "slices", "strconv",
	"strings", "time", "unicode", "unicode/utf8",
}

// clocks are what package time offers to those who may ask for the time.
var clocks = []string{"Now", "Since", "Until", "After", "AfterFunc", "NewTimer", "NewTicker", "Tick", "Sleep"}

func TestPure(t *testing.T) {
	pure := []string{module + "/supervision", module + "/forwarding", module + "/sip/body"}
	for _, p := range packages(t) {
		if !slices.Contains(pure, p.ImportPath) {
			continue
		}
		for _, name := range p.GoFiles {
			files := token.NewFileSet()
			f, err := parser.ParseFile(files, filepath.Join(p.Dir, name), nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			for _, i := range f.Imports {
				path, _ := strconv.Unquote(i.Path.Value)
				if !slices.Contains(pureImports, path) && !slices.Contains(pure, path) {
					t.Errorf("%s: a pure package must not import %s", files.Position(i.Pos()), path)
				}
			}
			ast.Inspect(f, func(n ast.Node) bool {
				switch n := n.(type) {
				case *ast.GoStmt, *ast.SelectStmt, *ast.ChanType:
					t.Errorf("%s: no goroutine and no channel in a pure package", files.Position(n.Pos()))
				case *ast.SelectorExpr:
					if x, ok := n.X.(*ast.Ident); ok && x.Name == "time" && slices.Contains(clocks, n.Sel.Name) {
						t.Errorf("%s: time.%s: time enters a pure package as a field of an event", files.Position(n.Pos()), n.Sel.Name)
					}
				}
				return true
			})
		}
	}
}

func TestEveryPackageHasADoc(t *testing.T) {
	for _, p := range packages(t) {
		if p.Doc == "" && len(p.GoFiles) > 0 {
			t.Errorf("%s has no package comment", p.ImportPath)
		}
	}
}
