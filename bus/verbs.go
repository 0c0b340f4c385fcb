package bus

import (
	"regexp"
	"time"

	"supervisiond/forwarding"
	"supervisiond/supervision"
)

// verb is one thing that can be asked for.
type verb struct {
	name string
	// body is what the body looks like, for those who discover the service.
	body string
	read func(*body) supervision.Command
}

const (
	maxTTLSeconds   = 86400
	maxAfterSeconds = 3600
)

var sourceName = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)

// verbs are all that is served, as docs/nats.md lists them.
var verbs = []verb{
	{"call.pickup", `{"call"|"person"|"group"?,"endpoint"?}`, func(b *body) supervision.Command {
		return supervision.PickUpCall{
			Call: supervision.CallID(b.text("call", false)), Person: supervision.PersonID(b.text("person", false)),
			Group: supervision.GroupID(b.text("group", false)), Endpoint: b.text("endpoint", false),
		}
	}},
	{"group.join", `{"group"}`, func(b *body) supervision.Command {
		return supervision.JoinGroup{Group: group(b)}
	}},
	{"group.leave", `{"group"}`, func(b *body) supervision.Command {
		return supervision.LeaveGroup{Group: group(b)}
	}},
	{"group.force_in", `{"group","person"}`, func(b *body) supervision.Command {
		return supervision.ForceIn{Group: group(b), Person: person(b)}
	}},
	{"group.force_out", `{"group","person"}`, func(b *body) supervision.Command {
		return supervision.ForceOut{Group: group(b), Person: person(b)}
	}},
	{"forwarding.set", `{"person","kind","target","after_seconds"?}`, func(b *body) supervision.Command {
		return supervision.SetForwarding{
			Person: person(b), Kind: kind(b, true), Target: b.text("target", true),
			AfterSeconds: b.number("after_seconds", 0, maxAfterSeconds, 0),
		}
	}},
	{"forwarding.cancel", `{"person","kind"?}`, func(b *body) supervision.Command {
		return supervision.CancelForwarding{Person: person(b), Kind: kind(b, false)}
	}},
	{"dnd.set", `{"person","on"}`, func(b *body) supervision.Command {
		return supervision.SetDND{Person: person(b), On: b.flag("on")}
	}},
	{"presence.set", `{"state":"online|away|busy|dnd","source","ttl_seconds"?}`, reportPresence},
	{"view.get", `{}`, func(*body) supervision.Command { return supervision.GetView{} }},
	{historyVerb, `{"since"?,"before"?,"limit"?}`, func(*body) supervision.Command { return supervision.GetHistory{} }},
}

const (
	pickupVerb  = "call.pickup"
	historyVerb = "history.get"
)

// longestPickup is more than pickup.timeout may be: the engine answers when the supervisor's phone has, or has not.
const longestPickup = 5 * time.Minute

func group(b *body) supervision.GroupID   { return supervision.GroupID(b.text("group", true)) }
func person(b *body) supervision.PersonID { return supervision.PersonID(b.text("person", true)) }

func kind(b *body, required bool) forwarding.Kind {
	return oneOf(b, "kind", required, forwarding.Always, forwarding.Busy, forwarding.NoAnswer, forwarding.Phone)
}

func reportPresence(b *body) supervision.Command {
	r := supervision.ReportPresence{
		State:  oneOf(b, "state", true, supervision.Online, supervision.Away, supervision.BusyNow, supervision.DND),
		Source: b.text("source", true),
		TTL:    time.Duration(b.number("ttl_seconds", 1, maxTTLSeconds, 0)) * time.Second,
	}
	if r.Source != "" && !sourceName.MatchString(r.Source) {
		b.fail(`field "source" must be 1 to 64 letters, digits, dots, - or _`)
	}
	return r
}

// before is where an earlier answer ended.
func before(b *body) uint64 {
	s := b.text("before", false)
	if s != "" && !place.MatchString(s) {
		b.fail(`field "before" must be what an answer had as "next"`)
	}
	return placeOf(s)
}

// parse reads what is asked for. The query is that of the history alone: the domain only says who may read what of it.
func (v *verb) parse(data []byte) (supervision.Command, historyQuery, *supervision.Refusal) {
	b := readBody(data)
	if b.err != nil {
		return nil, historyQuery{}, b.refusal()
	}
	var query historyQuery
	if v.name == historyVerb {
		query = historyQuery{since: b.moment("since"), before: before(b), limit: b.number("limit", 1, maxHistory, defaultHistory)}
	}
	command := v.read(b)
	return command, query, b.refusal()
}
