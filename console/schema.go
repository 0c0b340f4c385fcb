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

// newRegistry knows how the documents' own types are written.
func newRegistry() huma.Registry {
	r := huma.NewMapRegistry("#/components/schemas/", schemaName)
	for of, written := range map[reflect.Type]reflect.Type{
		reflect.TypeFor[supervision.Stamp]():         reflect.TypeFor[stamp](),
		reflect.TypeFor[supervision.PresenceState](): reflect.TypeFor[presenceState](),
		reflect.TypeFor[supervision.GroupType]():     reflect.TypeFor[groupType](),
		reflect.TypeFor[supervision.Lock]():          reflect.TypeFor[lockLast](),
		reflect.TypeFor[supervision.CallState]():     reflect.TypeFor[callState](),
		reflect.TypeFor[supervision.Way]():           reflect.TypeFor[way](),
		reflect.TypeFor[forwarding.Kind]():           reflect.TypeFor[forwardKind](),
	} {
		r.RegisterTypeAlias(of, written)
	}
	return r
}

// Types that only say how a value looks. They implement huma.SchemaProvider.
type (
	stamp         string
	presenceState string
	groupType     string
	lockLast      string
	callState     string
	way           string
	forwardKind   string
)

func (stamp) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{
		Type: huma.TypeString, Pattern: `^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z)?$`,
		Description: "A moment in UTC, in milliseconds (RFC 3339), or empty if there is none.", Examples: []any{"2026-03-01T12:00:00.000Z"},
	}
}

func oneOf[T ~string](values ...T) *huma.Schema {
	s := &huma.Schema{Type: huma.TypeString}
	for _, v := range values {
		s.Enum = append(s.Enum, string(v))
	}
	return s
}

func (presenceState) Schema(huma.Registry) *huma.Schema {
	return oneOf(supervision.Online, supervision.BusyNow, supervision.Away, supervision.DND, supervision.Offline)
}

func (groupType) Schema(huma.Registry) *huma.Schema {
	return oneOf(supervision.Standard, supervision.MutualAid)
}

func (lockLast) Schema(huma.Registry) *huma.Schema {
	return oneOf(supervision.LockOff, supervision.LockPerson, supervision.LockRole)
}

func (callState) Schema(huma.Registry) *huma.Schema {
	return oneOf(supervision.CallRinging, supervision.CallAnswered, supervision.CallPickedUp, supervision.CallAnsweredElsewhere,
		supervision.CallDeclined, supervision.CallAbandoned, supervision.CallDiverted, supervision.CallNoAnswer,
		supervision.CallWithdrawn, supervision.CallLost)
}

func (way) Schema(huma.Registry) *huma.Schema {
	return oneOf(supervision.ViaPhone, supervision.ViaHTTP, supervision.ViaNATS, supervision.ViaConfig)
}

func (forwardKind) Schema(huma.Registry) *huma.Schema {
	return oneOf(forwarding.Always, forwarding.Busy, forwarding.NoAnswer, forwarding.Phone)
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
