package schemas

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

func read(t *testing.T, name string) object {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(folder, name))
	if err != nil {
		t.Fatal(err)
	}
	var s object
	if err := json.Unmarshal(text, &s); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return s
}

// Every file is a schema, its references lead somewhere, and every property of it is described.
func TestSchemasAreSchemas(t *testing.T) {
	names, err := filepath.Glob(folder + "/*.json")
	if err != nil || len(names) < 40 {
		t.Fatalf("%d schemas: %v", len(names), err)
	}
	compiler := jsonschema.NewCompiler()
	for _, name := range names {
		if _, err := compiler.Compile(name); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		s := read(t, filepath.Base(name))
		described(t, filepath.Base(name), s)
		if definitions, ok := s["$defs"].(object); ok {
			for d, of := range definitions {
				described(t, filepath.Base(name)+" "+d, of.(object))
			}
		}
	}
}

func described(t *testing.T, where string, s object) {
	t.Helper()
	properties, _ := s["properties"].(object)
	for name, p := range properties {
		if says, _ := p.(object)["description"].(string); says == "" {
			t.Errorf("%s: %s is not described", where, name)
		}
	}
}
