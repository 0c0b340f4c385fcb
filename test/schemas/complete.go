package schemas

import (
	"supervisiond/forwarding"
	"supervisiond/supervision"
)

// moment is a time as the daemon writes it.
const moment = `^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z$`

// complete says what depends on another field, or on a list that is somewhere else in the code.
func complete(all map[string]object, codes []string) {
	property := func(file, name string) object { return all[file]["properties"].(object)[name].(object) }

	property("pickup-refusal.json", "code")["enum"] = codes
	property("reply.refusal.json", "code")["enum"] = codes
	details := property("reply.refusal.json", "details")
	delete(details, "additionalProperties")
	details["properties"] = object{
		"by":       object{"type": "string", "description": "already_taken: id of the person who has the call"},
		"by_name":  object{"type": "string", "description": "already_taken: that person's name"},
		"lock":     object{"enum": []string{string(supervision.LockPerson), string(supervision.LockRole)}, "description": "last_member: which lock"},
		"reason":   object{"enum": reasons, "description": "of a forward: what is wrong with it"},
		"endpoint": object{"type": "string", "description": "unreachable, no_answer: which phone of the supervisor's; not of do-not-disturb"},
		"label":    object{"type": "string", "description": "unreachable, no_answer: what that phone is called, where the configuration says it"},
		"unknown":  object{"const": "true", "description": "it may have been done nevertheless"},
	}

	mayBeEmpty(property("call.json", "ended_at"))
	mayBeEmpty(property("forward.json", "since"))
	for _, part := range []string{"PBXDocument", "NATSDocument"} {
		mayBeEmpty(all["site.json"]["$defs"].(object)[part].(object)["properties"].(object)["since"].(object))
	}

	// Answers.
	delete(all["reply.done.json"]["properties"].(object), "view")
	property("reply.view.json", "view")["$ref"] = "view.json"
	all["reply.view.json"]["required"] = []string{"ok", "changed", "view"}

	var kept []string
	byFile := make(map[string][]string)
	for _, e := range events {
		if e.kept() {
			kept = append(kept, string(e.kind))
			byFile[e.file] = append(byFile[e.file], string(e.kind))
		}
	}
	property("history-event.json", "type")["enum"] = kept
	all["history-event.json"]["allOf"] = byDocument(byFile, "document", "before")
	all["notice.json"]["allOf"] = byDocument(map[string][]string{
		"call.json":            {string(supervision.EventCallPickedUp)},
		"group-record.json":    {string(supervision.EventGroupJoined), string(supervision.EventGroupLeft)},
		"forwarding.json":      {string(supervision.EventForwardingChanged)},
		"person.json":          {string(supervision.EventDNDChanged)},
		"pickup-refusal.json":  {string(supervision.EventPickupRefused)},
		"pickup-progress.json": {string(supervision.NoticePickupCalling), string(supervision.NoticePickupConnecting)},
	}, "document")
	completeViewMessage(all["view-message.json"])
	moments(all)
}

// viewEvents are the kinds of messages of a view, with the file of their data.
var viewEvents = [][2]string{
	{"view", "view.json"},
	{string(supervision.ShownSite), "site.json"},
	{string(supervision.ShownPerson), "person.json"},
	{string(supervision.ShownGroup), "group.json"},
	{string(supervision.ShownMembership), "membership.json"},
	{string(supervision.ShownCall), "call.json"},
	{string(supervision.ShownNotice), "notice.json"},
	{string(supervision.ShownPerson) + "_gone", "gone.json"},
	{string(supervision.ShownGroup) + "_gone", "gone.json"},
	{string(supervision.ShownMembership) + "_gone", "gone.json"},
	{string(supervision.ShownCall) + "_gone", "gone.json"},
}

func completeViewMessage(s object) {
	var names []string
	var conditions []any
	for _, e := range viewEvents {
		names = append(names, e[0])
		conditions = append(conditions, object{
			"if":   object{"properties": object{"event": object{"const": e[0]}}},
			"then": object{"properties": object{"data": object{"$ref": e[1]}}},
		})
	}
	s["properties"].(object)["event"].(object)["enum"] = names
	s["allOf"] = conditions
}

var reasons = []forwarding.Reason{
	forwarding.BadKind, forwarding.Unsupported, forwarding.BadSeconds, forwarding.NoTarget, forwarding.BadChars,
	forwarding.TooLong, forwarding.NotAllowed, forwarding.ToOneself, forwarding.WouldLoop,
}

// mayBeEmpty makes a moment of a string that is one or empty.
func mayBeEmpty(p object) {
	delete(p, "type")
	p["anyOf"] = []any{object{"const": ""}, object{"type": "string", "format": "date-time"}}
}

// moments lets all times be as the daemon writes them; in a command any of RFC 3339 will do.
func moments(all map[string]object) {
	var walk func(v any)
	walk = func(v any) {
		switch v := v.(type) {
		case object:
			if v["format"] == "date-time" {
				v["pattern"] = moment
			}
			for _, x := range v {
				walk(x)
			}
		case []any:
			for _, x := range v {
				walk(x)
			}
		}
	}
	for name, s := range all {
		if name != "command.history.get.json" {
			walk(s)
		}
	}
}
