package schemas

import (
	"flag"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
)

var update = flag.Bool("update", false, "write docs/schemas and docs/asyncapi.yaml anew")

const (
	root   = "../.."
	folder = root + "/docs/schemas"
)

// constants are the values of a type's constants in a package of ours, in their order.
func constants(t *testing.T, dir, name string) []string {
	t.Helper()
	sources, err := filepath.Glob(filepath.Join(root, dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	var values []string
	for _, source := range sources {
		f, err := parser.ParseFile(token.NewFileSet(), source, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, func(n ast.Node) bool {
			spec, ok := n.(*ast.ValueSpec)
			if !ok || len(spec.Values) != 1 {
				return true
			}
			of, ok := spec.Type.(*ast.Ident)
			value, isText := spec.Values[0].(*ast.BasicLit)
			if ok && isText && of.Name == name {
				v, err := strconv.Unquote(value.Value)
				if err != nil {
					t.Fatal(err)
				}
				values = append(values, v)
			}
			return true
		})
	}
	if len(values) == 0 {
		t.Fatalf("%s has no constants of type %s", dir, name)
	}
	return values
}

// write writes a file anew, if it is asked for, or says that it is not current.
func current(t *testing.T, name string, want []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(name, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(name)
	if err != nil || string(got) != string(want) {
		t.Errorf("%s is not what the code says (%v): go test ./test/schemas -update", name, err)
	}
}

// The files are what the types say, no more and no less.
func TestSchemasAreCurrent(t *testing.T) {
	all, err := Schemas(constants(t, "supervision", "Code"))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range all {
		current(t, filepath.Join(folder, name), want)
	}
	there, err := filepath.Glob(folder + "/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range there {
		if all[filepath.Base(name)] != nil {
			continue
		}
		if *update {
			err = os.Remove(name)
		}
		if !*update || err != nil {
			t.Errorf("%s is made of nothing (%v): go test ./test/schemas -update", name, err)
		}
	}
}

// What stands in a tag is what the code has, and each event has its schema.
func TestEnumerationsAreThoseOfTheCode(t *testing.T) {
	enum := func(file string, path ...string) []string {
		t.Helper()
		var v any = read(t, file)
		for _, step := range path {
			v = v.(object)[step]
		}
		var values []string
		for _, x := range v.([]any) {
			values = append(values, x.(string))
		}
		return values
	}
	of := func(path ...string) []string { return append(append([]string{"properties"}, path...), "enum") }
	for _, x := range []struct {
		dir, name string
		has       []string
	}{
		{"supervision", "CallState", enum("call.json", of("state")...)},
		{"supervision", "PresenceState", enum("person.json", append([]string{"$defs", "Presence"}, of("state")...)...)},
		{"supervision", "GroupType", enum("group.json", of("type")...)},
		{"supervision", "Lock", enum("group.json", of("lock_last")...)},
		{"supervision", "Lock", enum("group-record.json", of("lock_last")...)},
		{"supervision", "Lock", enum("membership.json", of("lock_last")...)},
		{"supervision", "ViaKind", enum("call.json", append([]string{"$defs", "Via"}, of("kind")...)...)},
		{"supervision", "Way", enum("by.json", of("via")...)},
		{"supervision", "Code", enum("reply.refusal.json", of("code")...)},
		{"forwarding", "Kind", enum("forward.json", of("kind")...)},
		{"forwarding", "Reason", enum("reply.refusal.json", "properties", "details", "properties", "reason", "enum")},
	} {
		if code := constants(t, x.dir, x.name); !sameSet(code, x.has) {
			t.Errorf("%s.%s is one of %q, and its schema says %q", x.dir, x.name, code, x.has)
		}
	}
	var described []string
	for _, e := range events {
		described = append(described, string(e.kind))
	}
	announced := slices.DeleteFunc(constants(t, "supervision", "EventType"), func(s string) bool {
		return s == "pickup.calling" || s == "pickup.connecting" // notices
	})
	if !sameSet(announced, described) {
		t.Errorf("events are %q, and schemas have %q", announced, described)
	}
}

func sameSet(a, b []string) bool {
	return slices.Equal(slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b)))
}
