package schemas

import (
	"slices"
	"strings"

	"supervisiond/bus/subject"
	"supervisiond/supervision"
)

// event says what the body of an event of a type has.
type event struct {
	kind   supervision.EventType
	entity string
	tells  string
	file   string // of the document
	// Fields besides document: those that are always there, and those that may be.
	always, sometimes []string
}

var events = []event{
	{supervision.EventCallRinging, "call", "A call begins to ring somebody supervised.", "call.json", nil, nil},
	{supervision.EventCallAnswered, "call", "A member who rang has answered: person.", "call.json", []string{"before", "person"}, nil},
	{supervision.EventCallPickedUp, "call", "A supervisor (by) has picked the call up for a member (person).", "call.json", []string{"before", "person", "by"}, nil},
	{supervision.EventCallEnded, "call", "The call rings no more; its state says why.", "call.json", nil, []string{"before"}},
	{supervision.EventGroupJoined, "group", "Somebody (person) has logged in.", "group-record.json", []string{"person", "by"}, []string{"before", "forced"}},
	{supervision.EventGroupLeft, "group", "Somebody (person) has logged out.", "group-record.json", []string{"person", "by"}, []string{"before", "forced"}},
	{supervision.EventGroupUnstaffed, "group", "Nobody in the group is logged in and reachable any more.", "group.json", []string{"before"}, nil},
	{supervision.EventGroupStaffed, "group", "Somebody in the group is logged in and reachable again.", "group.json", []string{"before"}, nil},
	{supervision.EventForwardingChanged, "person", "The forwards of a person's line have changed.", "forwarding.json", []string{"before", "person"}, []string{"by"}},
	{supervision.EventPresenceChanged, "person", "A person's presence has changed.", "person.json", []string{"before", "person"}, nil},
	{supervision.EventDNDChanged, "person", "A person's do-not-disturb at the PBX has changed.", "person.json", []string{"before", "person"}, []string{"by"}},
	{supervision.EventReachabilityChanged, "person", "A person's phones have become reachable, or none is any more.", "person.json", []string{"before", "person"}, nil},
	{supervision.EventPickupRefused, "person", "A pickup was refused; the document never says who called.", "pickup-refusal.json", []string{"person", "by"}, nil},
	{supervision.EventPBXConnected, "site", "The daemon is attached to the PBX.", "site.json", nil, nil},
	{supervision.EventPBXDisconnected, "site", "The daemon has lost the PBX.", "site.json", nil, nil},
}

// kept says whether the history keeps an event.
func (e event) kept() bool {
	return slices.ContainsFunc(subject.Kept(""), func(s string) bool {
		return strings.HasPrefix(subject.Event("")+string(e.kind)+".", strings.TrimRight(s, "*>"))
	})
}

// byDocument makes a condition of each file: of these types, the fields hold such a document.
func byDocument(types map[string][]string, fields ...string) []any {
	var list []any
	for _, file := range sorted(types) {
		properties := object{}
		for _, f := range fields {
			properties[f] = object{"$ref": file}
		}
		list = append(list, object{
			"if":   object{"properties": object{"type": object{"enum": types[file]}}},
			"then": object{"properties": properties},
		})
	}
	return list
}
