package schemas

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"gopkg.in/yaml.v3"

	"supervisiond/test/npm"
)

const asyncAPI = root + "/docs/asyncapi.yaml"

func TestAsyncAPIIsCurrent(t *testing.T) {
	want, err := AsyncAPI()
	if err != nil {
		t.Fatal(err)
	}
	current(t, asyncAPI, want)
}

// The document is one by the schema of those who define AsyncAPI.
func TestAsyncAPIIsAsyncAPI(t *testing.T) {
	text, err := os.ReadFile(asyncAPI)
	if err != nil {
		t.Fatal(err)
	}
	var document any
	if err := yaml.Unmarshal(text, &document); err != nil {
		t.Fatal(err)
	}
	official := filepath.Join(npm.Install(t, "testdata"), "@asyncapi", "specs", "schemas", "3.0.0.json")
	schema, err := jsonschema.NewCompiler().Compile(official)
	if err != nil {
		t.Fatal(err)
	}
	if err := schema.Validate(document); err != nil {
		t.Errorf("%#v", err)
	}
}

// Every reference leads somewhere, and every schema of a message is on some channel.
func TestAsyncAPIRefersToWhatThereIs(t *testing.T) {
	text, err := os.ReadFile(asyncAPI)
	if err != nil {
		t.Fatal(err)
	}
	var document object
	if err := yaml.Unmarshal(text, &document); err != nil {
		t.Fatal(err)
	}
	used := make(map[string]bool)
	for _, m := range regexp.MustCompile(`\$ref: '?"?([^\s'"]+)`).FindAllStringSubmatch(string(text), -1) {
		target, inside := strings.CutPrefix(m[1], "#/")
		if !inside {
			used[filepath.Base(m[1])] = true
			if _, err := os.Stat(filepath.Join(root, "docs", m[1])); err != nil {
				t.Errorf("%s leads nowhere", m[1])
			}
			continue
		}
		var at any = document
		for _, step := range strings.Split(target, "/") {
			at, _ = at.(object)[step]
		}
		if at == nil {
			t.Errorf("%s leads nowhere", m[1])
		}
	}
	all, err := filepath.Glob(folder + "/*.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range all {
		name = filepath.Base(name)
		if (strings.HasPrefix(name, "event.") || strings.HasPrefix(name, "command.") || strings.HasPrefix(name, "reply.")) && !used[name] {
			t.Errorf("%s is on no channel", name)
		}
	}
}
