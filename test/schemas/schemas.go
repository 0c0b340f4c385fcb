package schemas

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"supervisiond/bus/message"
	"supervisiond/forwarding"
	"supervisiond/supervision"
)

type object = map[string]any

func sorted[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// file is a schema that has a file of its own, made of a Go type.
type file struct {
	name, title, says string
	of                any
}

var files = []file{
	{"site.json", "Site", "The state under the key site.", supervision.SiteDocument{}},
	{"person.json", "Person", "The state under the key person.<id>.", supervision.PersonDocument{}},
	{"group.json", "Group", "The state under the key group.<id>.", supervision.GroupDocument{}},
	{"call.json", "Call", "The state under the key call.<id>: one ring of one call.", supervision.CallDocument{}},
	{"membership.json", "Membership", "What a participant sees of a mutual-aid group.", supervision.Membership{}},
	{"view.json", "View", "All that a person may see.", supervision.View{}},
	{"notice.json", "Notice", "What somebody else did to a person, how far a pickup of that person's has come, or why it was refused.", supervision.Notice{}},
	{"pickup-progress.json", "Progress of a pickup", "How far a pickup has come whose phone the daemon calls.", supervision.PickupProgress{}},
	{"forward.json", "Forward", "One forward of a line.", forwarding.Document{}},
	{"forwarding.json", "Forwards of a person", "What forwarding.changed says of a person.", supervision.ForwardingDocument{}},
	{"group-record.json", "Record of a group", "A group as group.joined and group.left have it: of nobody it is said whether they are connected.", supervision.GroupRecord{}},
	{"pickup-refusal.json", "Refused pickup", "What pickup.refused says: never who called.", supervision.RefusalDocument{}},
	{"by.json", "Author", "Who did something.", supervision.By{}},
	{"history-event.json", "Event in the history", "An event as history.get tells it.", supervision.HistoryEvent{}},
	{"view-message.json", "Message of a view", "One message that tells what a person sees.", message.View{}},
	{"gone.json", "Gone", "Something is not there any more, or not for this person.", message.Gone{}},
	{"reply.done.json", "Done", "The answer to a command that was carried out.", message.Done{}},
	{"reply.view.json", "View (answer)", "The answer to view.get.", message.Done{}},
	{"reply.pickup.json", "Picked up", "The answer to a pickup that succeeded.", message.Taken{}},
	{"reply.history.json", "History", "The answer to history.get.", message.History{}},
	{"reply.refusal.json", "Refusal", "The answer to a command that was not carried out.", message.Refused{}},
}

// shared are the types that others refer to by their file.
func shared() map[string]string {
	byType := make(map[string]string)
	for _, f := range files {
		if !strings.HasPrefix(f.name, "reply.") {
			byType[nameOf(reflect.TypeOf(f.of), "")] = f.name
		}
	}
	return byType
}

// nameOf names a type in $defs; package forwarding calls a forward Document.
func nameOf(t reflect.Type, _ string) string {
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice {
		t = t.Elem()
	}
	if t == reflect.TypeFor[forwarding.Document]() {
		return "Forward"
	}
	return t.Name()
}

// Schemas are all schemas by the names of their files in docs/schemas.
func Schemas(codes []string) (map[string][]byte, error) {
	all := make(map[string]object)
	for _, f := range files {
		all[f.name] = schemaOf(f.title, f.says, f.of)
	}
	for _, c := range commands {
		s := schemaOf(c.verb, "The body of the command "+c.verb+": "+c.does+". Nothing at all stands for {}.", c.body)
		s["additionalProperties"] = false
		all["command."+c.verb+".json"] = s
	}
	all["command.call.pickup.json"]["description"] = all["command.call.pickup.json"]["description"].(string) + " One of call, person and group at most."
	all["command.call.pickup.json"]["not"] = object{"anyOf": []any{
		object{"required": []string{"call", "person"}}, object{"required": []string{"call", "group"}}, object{"required": []string{"person", "group"}},
	}}
	for _, e := range events {
		all["event."+string(e.kind)+".json"] = e.schema()
	}
	complete(all, codes)
	out := make(map[string][]byte)
	for name, s := range all {
		text, err := json.MarshalIndent(s, "", "  ")
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		out[name] = append(unescape(text), '\n')
	}
	return out, nil
}

// unescape writes < and > as they are.
func unescape(text []byte) []byte {
	return []byte(strings.NewReplacer(`\u003c`, "<", `\u003e`, ">", `\u0026`, "&").Replace(string(text)))
}

// schemaOf makes the schema of a Go type, in which other types of ours are references.
func schemaOf(title, says string, of any) object {
	huma.DefaultArrayNullable = false // an empty list is [], never null
	registry := huma.NewMapRegistry("#/$defs/", nameOf)
	main := registry.Schema(reflect.TypeOf(of), false, "")
	own := nameOf(reflect.TypeOf(of), "")
	s, _ := plain(main).(object)
	s["$schema"], s["title"], s["description"] = "https://json-schema.org/draft/2020-12/schema", title, says
	definitions := object{}
	for _, name := range sorted(registry.Map()) {
		if name != own && shared()[name] == "" && strings.Contains(text(s)+text(definitions), `"#/$defs/`+name+`"`) {
			definitions[name] = plain(registry.Map()[name])
		}
	}
	// A definition may be used by one that comes before it.
	for _, name := range sorted(registry.Map()) {
		if definitions[name] == nil && name != own && shared()[name] == "" && strings.Contains(text(definitions), `"#/$defs/`+name+`"`) {
			definitions[name] = plain(registry.Map()[name])
		}
	}
	if len(definitions) > 0 {
		s["$defs"] = definitions
	}
	return s
}

func text(v any) string {
	b, _ := json.Marshal(v) // of strings, maps and lists
	return string(b)
}

// plain turns a schema into maps and lists, and does what tags cannot say.
func plain(s *huma.Schema) any {
	var v any
	if err := json.Unmarshal([]byte(text(s)), &v); err != nil {
		return err.Error()
	}
	return tidy(v)
}

// tidy lets others add fields, which is free, and leads references to files.
func tidy(v any) any {
	switch v := v.(type) {
	case object:
		if v["additionalProperties"] == false {
			delete(v, "additionalProperties")
		}
		if ref, ok := v["$ref"].(string); ok {
			if f := shared()[strings.TrimPrefix(ref, "#/$defs/")]; f != "" {
				v["$ref"] = f
			}
		}
		if f := v["format"]; f == "int64" || f == "int32" {
			delete(v, "format")
		}
		for k, x := range v {
			v[k] = tidy(x)
		}
	case []any:
		for i, x := range v {
			v[i] = tidy(x)
		}
	}
	return v
}

// schema is that of an event's body.
func (e event) schema() object {
	s := schemaOf(string(e.kind), e.tells+" The body of an event in CloudEvents' binary mode; the id of the "+e.entity+" is the last token of the subject.", message.Event{})
	properties := s["properties"].(object)
	for name := range properties {
		if name != "document" && !slices.Contains(e.always, name) && !slices.Contains(e.sometimes, name) {
			delete(properties, name)
		}
	}
	for _, name := range []string{"document", "before"} {
		if p, ok := properties[name].(object); ok {
			p["$ref"] = e.file
		}
	}
	s["required"] = append([]string{"document"}, e.always...)
	return s
}
