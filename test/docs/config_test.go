package docs

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"supervisiond/config"
)

// schema is what config/raw.go says of its sections: the type of each field, and the keys that each type reads.
type schema struct {
	fields  map[string]map[string]ast.Expr // of struct types
	aliases map[string]ast.Expr            // of other types
	keys    map[string]map[string]string   // key → field
}

func parseSchema(t *testing.T) *schema {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root, "config", "raw.go"), nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	s := &schema{
		fields: map[string]map[string]ast.Expr{}, aliases: map[string]ast.Expr{}, keys: map[string]map[string]string{},
	}
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.TypeSpec:
			s.addType(n)
		case *ast.FuncDecl:
			if n.Recv != nil && n.Name.Name == "read" {
				s.addKeys(n.Recv.List[0].Type.(*ast.StarExpr).X.(*ast.Ident).Name, n.Body)
			}
		}
		return true
	})
	return s
}

func (s *schema) addType(n *ast.TypeSpec) {
	structure, ok := n.Type.(*ast.StructType)
	if !ok {
		s.aliases[n.Name.Name] = n.Type
		return
	}
	fields := map[string]ast.Expr{}
	for _, f := range structure.Fields.List {
		for _, name := range f.Names {
			fields[name.Name] = f.Type
		}
	}
	s.fields[n.Name.Name] = fields
}

// addKeys takes the keys of a read method: the literal keys{…}, .secret("name", …) and d.short(…, "name", …).
func (s *schema) addKeys(owner string, body *ast.BlockStmt) {
	keys := map[string]string{}
	field := func(e ast.Expr) string { return e.(*ast.UnaryExpr).X.(*ast.SelectorExpr).Sel.Name }
	ast.Inspect(body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.KeyValueExpr:
			keys[unquote(n.Key)] = field(n.Value)
		case *ast.CallExpr:
			switch f, _ := n.Fun.(*ast.SelectorExpr); {
			case f == nil:
			case f.Sel.Name == "secret":
				keys[unquote(n.Args[0])], keys[unquote(n.Args[0])+"_file"] = "", ""
			case f.Sel.Name == "short":
				keys[unquote(n.Args[2])] = field(n.Args[3])
			}
		}
		return true
	})
	s.keys[owner] = keys
}

func unquote(e ast.Expr) string {
	text, _ := strconv.Unquote(e.(*ast.BasicLit).Value)
	return text
}

// walk gives the path of every key below a value of some type.
func (s *schema) walk(e ast.Expr, path, name string, give func(string)) {
	switch e := e.(type) {
	case *ast.IndexListExpr: // list[rawX, *rawX], entries[rawX, *rawX]
		item := e.Indices[0]
		if e.X.(*ast.Ident).Name == "entries" {
			s.walk(item, path+".<"+name+">", "", give)
			return
		}
		give(path)
		if id, ok := item.(*ast.Ident); ok && id.Name != "text" {
			s.walk(item, path+"[]", "", give)
		}
	case *ast.Ident:
		if alias, ok := s.aliases[e.Name]; ok {
			if e.Name != "people" && e.Name != "groups" {
				name = "name"
			} else {
				name = "id"
			}
			s.walk(alias, path, name, give)
			return
		}
		keys, ok := s.keys[e.Name]
		if !ok {
			give(path) // text
			return
		}
		for key, field := range keys {
			child := strings.TrimPrefix(path+"."+key, ".")
			if field == "" {
				give(child)
				continue
			}
			s.walk(s.fields[e.Name][field], child, "", give)
		}
	}
}

// Every key that the configuration reads is in docs/configuration.md, and the other way round.
func TestEveryKeyIsDocumented(t *testing.T) {
	var inCode, inDocs []string
	parseSchema(t).walk(ast.NewIdent("rawConfig"), "", "", func(path string) { inCode = append(inCode, path) })
	if len(inCode) < 90 {
		t.Fatalf("only %d keys were found in config/raw.go: does this test still understand it?", len(inCode))
	}
	for _, row := range cells(t, "docs/configuration.md") {
		if len(row) == 3 && strings.HasPrefix(row[0], "`") {
			inDocs = append(inDocs, code(row[0]))
		}
	}
	differences(t, "key", inCode, inDocs)
}

func parse(name, text string) (*config.Config, error) {
	env := func(string) (string, bool) { return "from the environment", true }
	return config.Parse(name, []byte(text), env, func(string) ([]byte, error) { return nil, os.ErrNotExist })
}

// Every configuration that the docs show is one.
func TestExamplesAreConfigurations(t *testing.T) {
	n := 0
	for _, page := range pages(t) {
		for _, b := range blocks(t, page, "yaml") {
			n++
			if _, err := parse(page, b.text); err != nil {
				t.Errorf("%s: %v\n%s", page, err, b.text)
			}
		}
	}
	if n < 4 {
		t.Errorf("only %d examples", n)
	}
	if _, err := parse("docs/docker/config.yml", read(t, "docs/docker/config.yml")); err != nil {
		t.Error(err)
	}
}

// What is said to be meant by leaving a key out is.
func TestDefaultsAreAsDocumented(t *testing.T) {
	list := blocks(t, "docs/configuration.md", "yaml")
	smallest, err := parse("config.yml", list[0].text)
	if err != nil {
		t.Fatal(err)
	}
	if list[1].info != "defaults" {
		t.Fatal("the second example should be the defaults")
	}
	written, err := parse("config.yml", list[1].text)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(smallest, written) {
		t.Errorf("left out: %+v\nwritten:  %+v", smallest, written)
	}
	// And every default that a table shows is that of the block, but for those of people and groups.
	for _, row := range cells(t, "docs/configuration.md") {
		if len(row) != 3 || !strings.HasPrefix(row[0], "`") || strings.Contains(row[0], "<") {
			continue
		}
		key, value := code(row[0]), code(row[2])
		key = key[strings.LastIndexByte(key, '.')+1:]
		if !strings.HasPrefix(row[2], "`") || key == "claim" || strings.HasPrefix(code(row[0]), "sip.") {
			continue
		}
		if !strings.Contains(list[1].text, key+": "+value) && !strings.Contains(list[1].text, key+`: "`+value) {
			t.Errorf("%s: the default %s is not in the example of the defaults", code(row[0]), value)
		}
	}
}
