package schemas

import "supervisiond/forwarding"

// The bodies of commands. The daemon reads them by hand, to the letter and with a message for people; the acceptance tests
// hold what it takes and refuses against these.
type (
	pickup struct {
		Call     string `json:"call,omitempty" minLength:"1" doc:"that call, by its id"`
		Person   string `json:"person,omitempty" minLength:"1" doc:"the oldest call that rings this member, by id"`
		Group    string `json:"group,omitempty" minLength:"1" doc:"the oldest call of this group, by id"`
		Endpoint string `json:"endpoint,omitempty" minLength:"1" doc:"the phone of the actor's that is to be called, as configured; absent: the default one"`
	}
	ofGroup struct {
		Group string `json:"group" minLength:"1" doc:"the group's id"`
	}
	ofParticipant struct {
		Group  string `json:"group" minLength:"1" doc:"the group's id"`
		Person string `json:"person" minLength:"1" doc:"the participant's id"`
	}
	setForwarding struct {
		Person       string          `json:"person" minLength:"1" doc:"whose line, by id"`
		Kind         forwarding.Kind `json:"kind" enum:"always,busy,no_answer" doc:"when the line is to be forwarded"`
		Target       string          `json:"target" minLength:"1" doc:"where to: digits, * and #, and + at the beginning; a pattern of forwarding.allowed_destinations must match"`
		AfterSeconds int             `json:"after_seconds,omitempty" minimum:"0" maximum:"300" doc:"of no_answer: after how many seconds of ringing; absent or 0: as the PBX has it"`
	}
	cancelForwarding struct {
		Person string          `json:"person" minLength:"1" doc:"whose line, by id"`
		Kind   forwarding.Kind `json:"kind,omitempty" enum:"always,busy,no_answer,phone" doc:"which forward (phone is refused: only the phone can cancel it); absent: all that the PBX keeps"`
	}
	setDND struct {
		Person string `json:"person" minLength:"1" doc:"the actor's own id"`
		On     bool   `json:"on" doc:"on or off"`
	}
	setPresence struct {
		State      string `json:"state" enum:"online,away,busy,dnd" doc:"busy: in a web call; online takes back what this source has reported"`
		Source     string `json:"source" pattern:"^[A-Za-z0-9._-]{1,64}$" doc:"which client reports; one report each"`
		TTLSeconds int    `json:"ttl_seconds,omitempty" minimum:"1" maximum:"86400" doc:"for how many seconds it holds; absent: 300"`
	}
	nothing    struct{}
	getHistory struct {
		Since  string `json:"since,omitempty" format:"date-time" doc:"not what happened before; absent: from the beginning"`
		Before string `json:"before,omitempty" pattern:"^[1-9][0-9]{0,18}$" doc:"only what is older than an earlier answer: its next; absent: from the newest on"`
		Limit  int    `json:"limit,omitempty" minimum:"1" maximum:"1000" doc:"how many events at most; absent: 100"`
	}
)

// command is a verb with its body and its answer.
type command struct {
	verb, does string
	body       any
	reply      string // the file of what it is answered with when it was done
}

var commands = []command{
	{"call.pickup", "calls a phone of the actor's and joins it to the caller; with no name: to the oldest call", pickup{}, "reply.pickup.json"},
	{"group.join", "logs the actor in to a mutual-aid group", ofGroup{}, "reply.done.json"},
	{"group.leave", "logs the actor out of a mutual-aid group", ofGroup{}, "reply.done.json"},
	{"group.force_in", "logs somebody in, as an administrator of the group", ofParticipant{}, "reply.done.json"},
	{"group.force_out", "logs somebody out, as an administrator of the group", ofParticipant{}, "reply.done.json"},
	{"forwarding.set", "sets or changes a forward of a line", setForwarding{}, "reply.done.json"},
	{"forwarding.cancel", "cancels one forward of a line, or all", cancelForwarding{}, "reply.done.json"},
	{"dnd.set", "turns the actor's own do-not-disturb at the PBX on or off", setDND{}, "reply.done.json"},
	{"presence.set", "reports what a client knows of the actor", setPresence{}, "reply.done.json"},
	{"view.get", "tells all that the actor may see", nothing{}, "reply.view.json"},
	{"history.get", "tells what happened, as far as the actor may read it", getHistory{}, "reply.history.json"},
}
