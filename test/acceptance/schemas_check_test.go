package acceptance

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"gopkg.in/yaml.v3"
)

type object = map[string]any

// documentation is what docs/asyncapi.yaml and docs/schemas promise, and what of it has been met.
type documentation struct {
	t        *testing.T
	api      object
	channels []channel
	schemas  map[string]object // by the names of their files, closed
	compiled map[string]*jsonschema.Schema
	met      map[string]bool // channels, properties as "person.json dnd", and values as "by.json via = nats"
}

type channel struct {
	name    string
	subject *regexp.Regexp
}

const docsFolder = "../../docs"

func readDocumentation(t *testing.T) *documentation {
	t.Helper()
	d := &documentation{
		t: t, schemas: make(map[string]object), compiled: make(map[string]*jsonschema.Schema), met: make(map[string]bool),
	}
	text, err := os.ReadFile(filepath.Join(docsFolder, "asyncapi.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(text, &d.api); err != nil {
		t.Fatal(err)
	}
	for name, c := range d.api["channels"].(object) {
		if address, ok := c.(object)["address"].(string); ok {
			pattern := regexp.MustCompile(`\\\{[a-z]+\\\}`).ReplaceAllString(regexp.QuoteMeta(address), `[^.]+`)
			d.channels = append(d.channels, channel{name, regexp.MustCompile("^" + pattern + "$")})
		}
	}
	files, err := filepath.Glob(filepath.Join(docsFolder, "schemas", "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var s object
		if err := json.Unmarshal(text, &s); err != nil {
			t.Fatal(err)
		}
		closeSchema(s)
		name := filepath.Base(file)
		d.schemas[name] = s
		if err := compiler.AddResource(schemaURL(name), s); err != nil {
			t.Fatal(err)
		}
	}
	for name := range d.schemas {
		if d.compiled[name], err = compiler.Compile(schemaURL(name)); err != nil {
			t.Fatal(err)
		}
	}
	return d
}

func schemaURL(name string) string { return "https://docs/schemas/" + name }

// closeSchema allows no field that is not described. For users adding fields is free; here each must be known.
func closeSchema(v any) {
	switch v := v.(type) {
	case object:
		if v["type"] == "object" && v["properties"] != nil {
			v["additionalProperties"] = false
		}
		for _, x := range v {
			closeSchema(x)
		}
	case []any:
		for _, x := range v {
			closeSchema(x)
		}
	}
}

// channelOf finds what the AsyncAPI document says of a subject.
func (d *documentation) channelOf(subject string) string {
	var found []string
	for _, c := range d.channels {
		if c.subject.MatchString(prefix + subject) {
			found = append(found, c.name)
		}
	}
	if len(found) != 1 {
		d.t.Errorf("%s is on the channels %q", subject, found)
		return ""
	}
	d.met["channel "+found[0]] = true
	return found[0]
}

// resolve follows a reference within the AsyncAPI document.
func (d *documentation) resolve(v any) object {
	o, _ := v.(object)
	if to, ok := o["$ref"].(string); ok && strings.HasPrefix(to, "#/") {
		var at any = d.api
		for step := range strings.SplitSeq(strings.TrimPrefix(to, "#/"), "/") {
			at = at.(object)[step]
		}
		return d.resolve(at)
	}
	return o
}

// message is one of a channel's messages: the schema of its body, and of its headers.
func (d *documentation) message(channel, name string) (payload string, headers object) {
	messages := d.api["channels"].(object)[channel].(object)["messages"].(object)
	m := d.resolve(messages[name])
	if body, ok := m["payload"].(object); ok {
		payload = filepath.Base(body["$ref"].(string))
	}
	return payload, d.resolve(m["headers"])
}

// body holds a body against a schema, and notes what of the schema it has.
func (d *documentation) body(schema, what string, data []byte) error {
	value, err := jsonschema.UnmarshalJSON(strings.NewReader(string(data)))
	if err != nil {
		return fmt.Errorf("%s: %w: %s", what, err, data)
	}
	if err := d.compiled[schema].Validate(value); err != nil {
		return fmt.Errorf("%s: %w\n%s", what, err, data)
	}
	d.note(schema, schema, d.schemas[schema], value)
	return nil
}

// note notes each property that a value has, by the place in the schemas where it is described.
func (d *documentation) note(file, where string, s object, value any) {
	if to, ok := s["$ref"].(string); ok {
		if name, inside := strings.CutPrefix(to, "#/$defs/"); inside {
			d.note(file, file+" "+name, d.schemas[file]["$defs"].(object)[name].(object), value)
		} else {
			d.note(to, to, d.schemas[to], value)
		}
	}
	conditions, _ := s["allOf"].([]any)
	for _, c := range conditions {
		if holds(c.(object)["if"].(object), value) {
			d.note(file, where, c.(object)["then"].(object), value)
		}
	}
	if _, ok := s["enum"]; ok {
		d.met[fmt.Sprint(where, " = ", value)] = true
	}
	switch value := value.(type) {
	case object:
		properties, _ := s["properties"].(object)
		for name, p := range properties {
			if v, there := value[name]; there {
				d.met[where+" "+name] = true
				d.note(file, where+" "+name, p.(object), v)
			}
		}
	case []any:
		for _, v := range value {
			if items, ok := s["items"].(object); ok {
				d.note(file, where, items, v)
			}
		}
	}
}

// holds is for conditions on one property.
func holds(condition object, value any) bool {
	for name, p := range condition["properties"].(object) {
		is := value.(object)[name]
		if enum, ok := p.(object)["enum"].([]any); ok && !slices.Contains(enum, is) {
			return false
		}
		if only, ok := p.(object)["const"]; ok && only != is {
			return false
		}
	}
	return true
}

// headers holds headers against their schema in the AsyncAPI document.
func (d *documentation) headers(schema object, what string, have map[string][]string) {
	d.t.Helper()
	names, _ := schema["required"].([]any)
	for _, name := range names {
		if len(have[name.(string)]) == 0 {
			d.t.Errorf("%s has no header %s: %v", what, name, have)
		}
	}
	properties, _ := schema["properties"].(object)
	for name, values := range have {
		p, known := properties[name].(object)
		if !known {
			d.t.Errorf("%s has the header %s, which is not described", what, name)
		}
		if pattern, ok := p["pattern"].(string); ok && !regexp.MustCompile(pattern).MatchString(values[0]) {
			d.t.Errorf("%s: header %s is %q", what, name, values[0])
		}
		if only, ok := p["const"]; ok && only != values[0] {
			d.t.Errorf("%s: header %s is %q", what, name, values[0])
		}
	}
}

// published checks what the daemon has sent by itself.
func (d *documentation) published(m message) {
	d.t.Helper()
	on := d.channelOf(m.subject)
	if on == "" {
		return
	}
	name := "document"
	switch {
	case on == "view":
		name = "shown"
	case strings.HasPrefix(on, "event."):
		name = "event"
	case len(m.data) == 0:
		name = "purged"
	}
	payload, headers := d.message(on, name)
	if m.header != nil || on == "view" { // what was read from the bucket has none
		d.headers(headers, m.subject, m.header)
	}
	if payload == "" {
		return
	}
	if err := d.body(payload, m.subject, m.data); err != nil {
		d.t.Error(err)
	}
}

// unmet are the channels and properties that nothing has been seen of, but for commands' bodies.
func (d *documentation) unmet() []string {
	all := make(map[string]bool)
	for _, c := range d.channels {
		all["channel "+c.name] = true
	}
	for name, s := range d.schemas {
		if !strings.HasPrefix(name, "command.") {
			described(all, name, name, s)
		}
	}
	return slices.DeleteFunc(slices.Sorted(maps.Keys(all)), func(k string) bool { return d.met[k] })
}

func described(all map[string]bool, file, where string, s object) {
	values, _ := s["enum"].([]any)
	for _, v := range values {
		all[fmt.Sprint(where, " = ", v)] = true
	}
	properties, _ := s["properties"].(object)
	for name, p := range properties {
		all[where+" "+name] = true
		described(all, file, where+" "+name, p.(object))
	}
	definitions, _ := s["$defs"].(object)
	for name, of := range definitions {
		described(all, file, file+" "+name, of.(object))
	}
}
