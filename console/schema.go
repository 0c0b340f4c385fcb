package console

import (
	"reflect"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"supervisiond/forwarding"
	"supervisiond/supervision"
)

func init() {
	// Lists are never null (interfaces: no field is).
	huma.DefaultArrayNullable = false
}

// newRegistry knows how the documents' own types are written; their tags say the rest.
func newRegistry() huma.Registry {
	r := huma.NewMapRegistry("#/components/schemas/", schemaName)
	r.RegisterTypeAlias(reflect.TypeFor[supervision.Stamp](), reflect.TypeFor[string]())
	return r
}

// schemaName names a document as the other interfaces do.
func schemaName(t reflect.Type, hint string) string {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t == reflect.TypeFor[forwarding.Document]() {
		return "Forward"
	}
	return strings.TrimSuffix(huma.DefaultSchemaNamer(t, hint), "Document")
}

// openUp lets what is answered have more than is described: adding is free, and clients that check must not break by it.
// What is sent to us stays as it is: a field that nobody knows is a mistake.
func openUp(spec *huma.OpenAPI) {
	sent := make(map[*huma.Schema]bool)
	all := spec.Components.Schemas.Map()
	for _, item := range spec.Paths {
		for _, op := range []*huma.Operation{item.Get, item.Put, item.Post, item.Delete} {
			if op == nil || op.RequestBody == nil {
				continue
			}
			for _, media := range op.RequestBody.Content {
				sent[media.Schema] = true
				sent[all[strings.TrimPrefix(media.Schema.Ref, "#/components/schemas/")]] = true
			}
		}
	}
	for _, s := range all {
		if !sent[s] {
			s.AdditionalProperties = nil
		}
	}
}
