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
// has one may keep it. No field is ever absent or null. What their tags say stands in the schemas: docs/schemas.

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
	State  PresenceState `json:"state" enum:"online,busy,away,dnd,offline" doc:"how the person is"`
	Since  Stamp         `json:"since" format:"date-time" doc:"when that state began"`
	Source string        `json:"source" enum:"call,unsupervised_endpoint,web_call,dnd,client,endpoint" doc:"what it is known from: a business call, a call on an unsupervised endpoint, a web call that a client reported, do-not-disturb at the PBX, another report of a client, or whether a phone is reachable"`
}

// PersonDocument is `person.<id>`.
type PersonDocument struct {
	ID         PersonID              `json:"id" doc:"as configured"`
	Name       string                `json:"name" doc:"as configured"`
	Extension  string                `json:"extension" doc:"as configured"`
	Reachable  bool                  `json:"reachable" doc:"a supervised endpoint has a contact"`
	Phones     []PhoneDocument       `json:"phones" doc:"the supervised endpoints, with which the person picks up from a screen, in the order of the configuration; of others than oneself a view has none"`
	Presence   Presence              `json:"presence" doc:"how the person is, since when, and from which source"`
	DND        bool                  `json:"dnd" doc:"do-not-disturb at the PBX; what a client reports is presence only"`
	Forwarding []forwarding.Document `json:"forwarding" doc:"the line's forwards: always, busy, no_answer, then those of phones; empty: none"`
	Calls      []CallID              `json:"calls" doc:"ids of the supervised calls that ring this person, the oldest first"`
}

// PhoneDocument is one of a person's supervised endpoints. Which of them is there is for the person to know, who chooses one to pick
// up with: where people are is nobody else's business (S7).
type PhoneDocument struct {
	Endpoint  string `json:"endpoint" doc:"as configured: PJSIP/101"`
	Reachable bool   `json:"reachable" doc:"it has a contact"`
}

// ForwardingDocument is what `forwarding.changed` says of a person. It is kept in the history, which holds no presence,
// reachability or do-not-disturb (H1).
type ForwardingDocument struct {
	ID         PersonID              `json:"id" doc:"as configured"`
	Name       string                `json:"name" doc:"as configured"`
	Extension  string                `json:"extension" doc:"as configured"`
	Forwarding []forwarding.Document `json:"forwarding" doc:"the line's forwards: always, busy, no_answer, then those of phones; empty: none"`
	// Groups are those through which the person is supervised at that moment, and through which it may be seen (G4, S7).
	Groups []GroupID `json:"groups" doc:"ids of the groups through which the person is supervised at that moment"`
}

// GroupDocument is `group.<id>`.
type GroupDocument struct {
	ID          GroupID              `json:"id" doc:"as configured"`
	Name        string               `json:"name" doc:"as configured"`
	Number      string               `json:"number" doc:"for feature codes; empty: none"`
	Type        GroupType            `json:"type" enum:"standard,mutual_aid" doc:"whether people log in and out (mutual_aid) or are always logged in (standard)"`
	LockLast    Lock                 `json:"lock_last" enum:"off,person,role" doc:"who must stay logged in: nobody in particular, the last person, or the last of each role"`
	Unstaffed   bool                 `json:"unstaffed" doc:"nobody in it is logged in and reachable"`
	Supervisors []SupervisorDocument `json:"supervisors" doc:"who supervises, in the order of the configuration"`
	Members     []MemberDocument     `json:"members" doc:"who is supervised, in the order of the configuration"`
	Ringing     []CallID             `json:"ringing" doc:"ids of the calls that ring in this group, the oldest first"`
}

// SupervisorDocument is a supervisor in a group's document.
type SupervisorDocument struct {
	Person   PersonID `json:"person" doc:"the person's id"`
	Name     string   `json:"name" doc:"the person's name, as configured"`
	Admin    bool     `json:"admin" doc:"administers the group"`
	MayLeave bool     `json:"may_leave" doc:"false: always logged in, as everybody in a standard group"`
	LoggedIn bool     `json:"logged_in" doc:"whether this person is logged in"`
	Warning  string   `json:"warning" enum:",not_connected" doc:"not_connected: logged in, and no phone is reachable; otherwise empty"`
	Bar      Code     `json:"bar" enum:",not_mutual_aid,may_not_leave,last_member,unavailable" doc:"why this person cannot be logged out now if logged in, or be logged in otherwise: the code with which it would be refused; empty: nothing stands against it"`
}

// MemberDocument is a member in a group's document.
type MemberDocument struct {
	Person   PersonID `json:"person" doc:"the person's id"`
	Name     string   `json:"name" doc:"the person's name, as configured"`
	MayLeave bool     `json:"may_leave" doc:"false: always logged in, as everybody in a standard group"`
	LoggedIn bool     `json:"logged_in" doc:"whether this person is logged in"`
	Status   string   `json:"status" enum:"logged_out,logged_in,ringing" doc:"logged out, logged in, or a call rings this person in this group"`
	Warning  string   `json:"warning" enum:",not_connected" doc:"not_connected: logged in, and no phone is reachable; otherwise empty"`
	Bar      Code     `json:"bar" enum:",not_mutual_aid,may_not_leave,last_member,unavailable" doc:"why this person cannot be logged out now if logged in, or be logged in otherwise: the code with which it would be refused; empty: nothing stands against it"`
}

// GroupRecord is a group as `group.joined` and `group.left` have it, which are kept in the history. It says of nobody
// whether they were connected (H1); the rest is as in GroupDocument.
type GroupRecord struct {
	ID          GroupID            `json:"id" doc:"as configured"`
	Name        string             `json:"name" doc:"as configured"`
	Number      string             `json:"number" doc:"for feature codes; empty: none"`
	Type        GroupType          `json:"type" enum:"standard,mutual_aid" doc:"whether people log in and out (mutual_aid) or are always logged in (standard)"`
	LockLast    Lock               `json:"lock_last" enum:"off,person,role" doc:"who must stay logged in: nobody in particular, the last person, or the last of each role"`
	Unstaffed   bool               `json:"unstaffed" doc:"nobody in it is logged in and reachable"`
	Supervisors []SupervisorRecord `json:"supervisors" doc:"who supervises, in the order of the configuration"`
	Members     []MemberRecord     `json:"members" doc:"who is supervised, in the order of the configuration"`
	Ringing     []CallID           `json:"ringing" doc:"ids of the calls that ring in this group, the oldest first"`
}

// SupervisorRecord is a supervisor in a group's record.
type SupervisorRecord struct {
	Person   PersonID `json:"person" doc:"the person's id"`
	Name     string   `json:"name" doc:"the person's name, as configured"`
	Admin    bool     `json:"admin" doc:"administers the group"`
	MayLeave bool     `json:"may_leave" doc:"false: always logged in, as everybody in a standard group"`
	LoggedIn bool     `json:"logged_in" doc:"whether this person is logged in"`
}

// MemberRecord is a member in a group's record.
type MemberRecord struct {
	Person   PersonID `json:"person" doc:"the person's id"`
	Name     string   `json:"name" doc:"the person's name, as configured"`
	MayLeave bool     `json:"may_leave" doc:"false: always logged in, as everybody in a standard group"`
	LoggedIn bool     `json:"logged_in" doc:"whether this person is logged in"`
	Status   string   `json:"status" enum:"logged_out,logged_in,ringing" doc:"logged out, logged in, or a call rings this person in this group"`
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
	ID         CallID        `json:"id" doc:"of this ring; a later ring of the same caller's call is another id"`
	CallerCall string        `json:"caller_call" doc:"the id of the caller's channel at Asterisk (Uniqueid), the same for all rings of one caller's call"`
	State      CallState     `json:"state" enum:"ringing,answered,picked_up,answered_elsewhere,declined,abandoned,diverted,no_answer,withdrawn,lost" doc:"ringing, or how the ringing ended"`
	Since      Stamp         `json:"since" format:"date-time" doc:"when it began to ring"`
	EndedAt    Stamp         `json:"ended_at" doc:"when it ended; empty while it rings"`
	Caller     Caller        `json:"caller" doc:"who calls"`
	Dialled    string        `json:"dialled" doc:"the number that was dialled first"`
	Via        []Via         `json:"via" doc:"the stations of the call's way to the phones that ring"`
	Ringing    []RingingPart `json:"ringing" doc:"who rings, in the order in which they began; of an ended call: who did at the end"`
	// Rang are all who rang, in the order in which they began: those of Ringing and those who fell silent before.
	Rang       []RingingPart `json:"rang" doc:"all who rang at any time, in the order in which they began"`
	AnsweredBy PersonID      `json:"answered_by" doc:"id of the member who answered; otherwise empty"`
	PickedUpBy PersonID      `json:"picked_up_by" doc:"id of the supervisor who picked it up; otherwise empty"`
	OnBehalfOf PersonID      `json:"on_behalf_of" doc:"id of the member for whom it was picked up: the one named, otherwise the one who rang longest; otherwise empty"`
	// PickingUpBy: an attempt by code, which the PBX carries out in milliseconds, is not told.
	PickingUpBy PersonID `json:"picking_up_by" doc:"id of the supervisor who is picking it up, while their phone is called and joined: nobody else can meanwhile; otherwise empty"`
	// The names are those at the time, for who reads it need not see these people otherwise.
	AnsweredByName  string `json:"answered_by_name" doc:"name of the member who answered; otherwise empty"`
	PickedUpByName  string `json:"picked_up_by_name" doc:"name of the supervisor who picked it up; otherwise empty"`
	OnBehalfOfName  string `json:"on_behalf_of_name" doc:"name of the member for whom it was picked up; otherwise empty"`
	PickingUpByName string `json:"picking_up_by_name" doc:"name of the supervisor who is picking it up; otherwise empty"`
}

// Caller is who calls. A withheld caller has neither number nor name (rule R4).
type Caller struct {
	Number   string `json:"number" doc:"empty when withheld or not known"`
	Name     string `json:"name" doc:"empty when withheld or not known"`
	Withheld bool   `json:"withheld" doc:"the caller wishes not to be shown, or the PBX cannot say that they may be"`
}

// Via is one station of a call's way to the phone that rings.
type Via struct {
	Kind   ViaKind `json:"kind" enum:"ring_group,queue,forward" doc:"what kind of station"`
	Number string  `json:"number" doc:"the number of the ring group or queue, or the one that sent the caller on"`
	// Name is the queue's name; otherwise empty.
	Name string `json:"name" doc:"the queue's name; otherwise empty"`
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
	Person PersonID `json:"person" doc:"the person's id"`
	// Name is the one at the time, as those of who answered are.
	Name   string    `json:"name" doc:"the person's name; empty in what was recorded before names were"`
	Groups []GroupID `json:"groups" doc:"ids of the groups through which that is supervised"`
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
	ID         string       `json:"id" doc:"as configured"`
	PBX        PBXDocument  `json:"pbx" doc:"the PBX"`
	NATS       NATSDocument `json:"nats" doc:"NATS, which has the logins and the history"`
	Epoch      uint64       `json:"epoch" doc:"counts the lives of the daemon at this site"`
	AliveUntil Stamp        `json:"alive_until" format:"date-time" doc:"after this moment everything else in the state is unknown; 15 seconds ahead when written"`
}

// PBXDocument says whether the PBX is attached, since when that is so, and its version.
type PBXDocument struct {
	Connected bool   `json:"connected" doc:"the daemon is attached to the PBX"`
	Since     Stamp  `json:"since" doc:"since when that is so; empty: the PBX has not been seen yet"`
	Version   string `json:"version" doc:"Asterisk's version; empty: the PBX has not been seen yet"`
	// SIP is apart from Connected: either may live without the other.
	SIP SIPState `json:"sip" enum:"unknown,alive,silent" doc:"whether the PBX answers SIP (OPTIONS, every 10 s); unknown: nobody asks, for there is no sip section in the configuration, or nothing is known yet"`
}

// NATSDocument says whether NATS is there, and since when that is so.
type NATSDocument struct {
	Connected bool  `json:"connected" doc:"logins can be stored and the history can be read; false is told over HTTP alone"`
	Since     Stamp `json:"since" doc:"since when that is so; empty: NATS has not been reached yet"`
}

// SIPState is whether the PBX's SIP side answers.
type SIPState string

const (
	SIPUnknown SIPState = "unknown"
	SIPAlive   SIPState = "alive"
	SIPSilent  SIPState = "silent"
)

// RefusalDocument is what `pickup.refused` says: never who called.
type RefusalDocument struct {
	Actor   PersonID `json:"actor" doc:"id of the person who wanted to pick up"`
	Code    Code     `json:"code" doc:"why"`
	Message string   `json:"message" doc:"the same for people to read, in English"`
	Target  Target   `json:"target" doc:"what was asked for"`
}

// Target is what a pickup names: a member, a group, a call, or nothing (the oldest call). Person and Group are ids,
// or, when nobody has it, the extension or number as it was dialled.
type Target struct {
	Call   CallID `json:"call,omitempty" doc:"a call's id"`
	Person string `json:"person,omitempty" doc:"the member's id, or what was dialled if nobody has it"`
	Group  string `json:"group,omitempty" doc:"the group's id, or what was dialled if none has it"`
}
