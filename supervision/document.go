package supervision

import (
	"time"

	"supervisiond/forwarding"
)

// CallID names one ring of one call: from the moment somebody supervised begins to ring until nobody does.
type CallID string

// Stamp is a moment as the documents write it: RFC 3339 in UTC with milliseconds, or empty when there is none.
type Stamp struct{ time.Time }

const stampLayout = "2006-01-02T15:04:05.000Z"

func (s Stamp) String() string {
	if s.IsZero() {
		return ""
	}
	return s.UTC().Format(stampLayout)
}

// MarshalText implements encoding.TextMarshaler.
func (s Stamp) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (s *Stamp) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		*s = Stamp{}
		return nil
	}
	t, err := time.Parse(time.RFC3339Nano, string(text))
	*s = Stamp{t}
	return err
}

// MarshalJSON implements json.Marshaler: time.Time's own would otherwise be promoted.
func (s Stamp) MarshalJSON() ([]byte, error) {
	b := make([]byte, 0, len(stampLayout)+2)
	b = append(b, '"')
	b = append(b, s.String()...)
	return append(b, '"'), nil
}

// UnmarshalJSON implements json.Unmarshaler.
func (s *Stamp) UnmarshalJSON(b []byte) error {
	if len(b) < 2 || b[0] != '"' || b[len(b)-1] != '"' {
		return &time.ParseError{Layout: stampLayout, Value: string(b), Message: ": not a string"}
	}
	return s.UnmarshalText(b[1 : len(b)-1])
}

// The documents below are the public state, as docs/nats.md describes it. Once made they are never changed: whoever
// has one may keep it. No field is ever absent or null.

// PresenceState and its values are those of rule S3.
type PresenceState string

const (
	Online  PresenceState = "online"
	BusyNow PresenceState = "busy"
	Away    PresenceState = "away"
	DND     PresenceState = "dnd"
	Offline PresenceState = "offline"
)

// Presence says how somebody is, since when, and from which source that is known.
type Presence struct {
	State  PresenceState `json:"state"`
	Since  Stamp         `json:"since"`
	Source string        `json:"source"`
}

// PersonDocument is `person.<id>`.
type PersonDocument struct {
	ID         PersonID              `json:"id"`
	Name       string                `json:"name"`
	Extension  string                `json:"extension"`
	Reachable  bool                  `json:"reachable"`
	Presence   Presence              `json:"presence"`
	DND        bool                  `json:"dnd"`
	Forwarding []forwarding.Document `json:"forwarding"`
	Calls      []CallID              `json:"calls"`
}

// ForwardingDocument is what `forwarding.changed` says of a person. It is kept in the history, which holds no presence,
// reachability or do-not-disturb (H1).
type ForwardingDocument struct {
	ID         PersonID              `json:"id"`
	Name       string                `json:"name"`
	Extension  string                `json:"extension"`
	Forwarding []forwarding.Document `json:"forwarding"`
	// Groups are those through which the person is supervised at that moment, and through which it may be seen (G4, S7).
	Groups []GroupID `json:"groups"`
}

// GroupDocument is `group.<id>`.
type GroupDocument struct {
	ID          GroupID              `json:"id"`
	Name        string               `json:"name"`
	Number      string               `json:"number"`
	Type        GroupType            `json:"type"`
	LockLast    Lock                 `json:"lock_last"`
	Unstaffed   bool                 `json:"unstaffed"`
	Supervisors []SupervisorDocument `json:"supervisors"`
	Members     []MemberDocument     `json:"members"`
	Ringing     []CallID             `json:"ringing"`
}

// SupervisorDocument is a supervisor in a group's document.
type SupervisorDocument struct {
	Person   PersonID `json:"person"`
	Admin    bool     `json:"admin"`
	MayLeave bool     `json:"may_leave"`
	LoggedIn bool     `json:"logged_in"`
	Warning  string   `json:"warning"`
}

// MemberDocument is a member in a group's document.
type MemberDocument struct {
	Person   PersonID `json:"person"`
	MayLeave bool     `json:"may_leave"`
	LoggedIn bool     `json:"logged_in"`
	Status   string   `json:"status"`
	Warning  string   `json:"warning"`
}

// GroupRecord is a group as `group.joined` and `group.left` have it, which are kept in the history. It says of nobody
// whether they were connected (H1); the rest is as in GroupDocument.
type GroupRecord struct {
	ID          GroupID            `json:"id"`
	Name        string             `json:"name"`
	Number      string             `json:"number"`
	Type        GroupType          `json:"type"`
	LockLast    Lock               `json:"lock_last"`
	Unstaffed   bool               `json:"unstaffed"`
	Supervisors []SupervisorRecord `json:"supervisors"`
	Members     []MemberRecord     `json:"members"`
	Ringing     []CallID           `json:"ringing"`
}

// SupervisorRecord is a supervisor in a group's record.
type SupervisorRecord struct {
	Person   PersonID `json:"person"`
	Admin    bool     `json:"admin"`
	MayLeave bool     `json:"may_leave"`
	LoggedIn bool     `json:"logged_in"`
}

// MemberRecord is a member in a group's record.
type MemberRecord struct {
	Person   PersonID `json:"person"`
	MayLeave bool     `json:"may_leave"`
	LoggedIn bool     `json:"logged_in"`
	Status   string   `json:"status"`
}

// The values of MemberDocument.Status (rule S1) and the one warning (rule S2).
const (
	StatusLoggedOut = "logged_out"
	StatusLoggedIn  = "logged_in"
	StatusRinging   = "ringing"

	WarningNotConnected = "not_connected"
)

// CallDocument is `call.<id>`.
type CallDocument struct {
	ID         CallID        `json:"id"`
	CallerCall string        `json:"caller_call"`
	State      CallState     `json:"state"`
	Since      Stamp         `json:"since"`
	EndedAt    Stamp         `json:"ended_at"`
	Caller     Caller        `json:"caller"`
	Dialled    string        `json:"dialled"`
	Via        []Via         `json:"via"`
	Ringing    []RingingPart `json:"ringing"`
	// Rang are all who rang, in the order in which they began: those of Ringing and those who fell silent before.
	Rang       []RingingPart `json:"rang"`
	AnsweredBy PersonID      `json:"answered_by"`
	PickedUpBy PersonID      `json:"picked_up_by"`
	OnBehalfOf PersonID      `json:"on_behalf_of"`
}

// Caller is who calls. A withheld caller has neither number nor name (rule R4).
type Caller struct {
	Number   string `json:"number"`
	Name     string `json:"name"`
	Withheld bool   `json:"withheld"`
}

// Via is one station of a call's way to the phone that rings.
type Via struct {
	Kind   ViaKind `json:"kind"`
	Number string  `json:"number"`
	// Name is the queue's name; otherwise empty.
	Name string `json:"name"`
}

// ViaKind is the kind of a station.
type ViaKind string

const (
	ViaRingGroup ViaKind = "ring_group"
	ViaQueue     ViaKind = "queue"
	ViaForward   ViaKind = "forward"
)

// RingingPart is a person whose phone rings, and the groups through which that is supervised.
type RingingPart struct {
	Person PersonID  `json:"person"`
	Groups []GroupID `json:"groups"`
}

// CallState is `ringing` or how the ringing ended (rule R5).
type CallState string

const (
	CallRinging           CallState = "ringing"
	CallAnswered          CallState = "answered"           // by a member who rang
	CallPickedUp          CallState = "picked_up"          // by a supervisor, on a member's behalf
	CallAnsweredElsewhere CallState = "answered_elsewhere" // by somebody who is not supervised
	CallDeclined          CallState = "declined"           // all phones refused
	CallAbandoned         CallState = "abandoned"          // the caller hung up
	CallDiverted          CallState = "diverted"           // the PBX sent the caller on
	CallNoAnswer          CallState = "no_answer"          // ringing timed out
	CallWithdrawn         CallState = "withdrawn"          // nobody who rings is supervised any more
	CallLost              CallState = "lost"               // it ended unseen
)

// SiteDocument is `site`. After AliveUntil everything else in the state is unknown.
type SiteDocument struct {
	ID         string      `json:"id"`
	PBX        PBXDocument `json:"pbx"`
	Epoch      uint64      `json:"epoch"`
	AliveUntil Stamp       `json:"alive_until"`
}

// PBXDocument says whether the PBX is attached, since when that is so, and its version.
type PBXDocument struct {
	Connected bool   `json:"connected"`
	Since     Stamp  `json:"since"`
	Version   string `json:"version"`
}

// RefusalDocument is what `pickup.refused` says: never who called.
type RefusalDocument struct {
	Actor   PersonID `json:"actor"`
	Code    Code     `json:"code"`
	Message string   `json:"message"`
	Target  Target   `json:"target"`
}

// Target is what a pickup names: a member, a group, a call, or nothing (the oldest call). Person and Group are ids,
// or, when nobody has it, the extension or number as it was dialled.
type Target struct {
	Call   CallID `json:"call,omitempty"`
	Person string `json:"person,omitempty"`
	Group  string `json:"group,omitempty"`
}
