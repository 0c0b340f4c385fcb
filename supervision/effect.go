package supervision

import (
	"time"

	"supervisiond/forwarding"
)

// Effect is something to be done as the result of an event. Effects of one event come in this order: documents by key,
// announcements in the order in which things happened, what to do on the PBX, timers.
type Effect interface{ effect() }

// Put publishes a document under a key of the state (`person.ben`). Document is a pointer to one of this package's
// document types and is never changed afterwards.
type Put struct {
	Key      string
	Document any
}

// Forget removes a document.
type Forget struct{ Key string }

// Announce publishes an event.
type Announce struct {
	Seq      uint64 // counts from 1 in each life of the daemon
	At       time.Time
	Type     EventType
	Entity   string // id of the call, group, person or site
	Document any    // after the change
	Before   any    // nil: there was none
	Person   PersonID
	By       *By
	Forced   bool
}

// By says who did something, and on which way.
type By struct {
	Person PersonID `json:"person" doc:"id of the person who did it; empty when the configuration did"`
	Name   string   `json:"name" doc:"that person's name at the time; empty when the configuration did it"`
	Via    Way      `json:"via" enum:"phone,http,nats,config" doc:"on which way"`
}

// Way is a way in.
type Way string

const (
	ViaPhone  Way = "phone"
	ViaHTTP   Way = "http"
	ViaNATS   Way = "nats"
	ViaConfig Way = "config"
)

// EventType is the type of an announcement.
type EventType string

const (
	EventCallRinging         EventType = "call.ringing"
	EventCallAnswered        EventType = "call.answered"
	EventCallPickedUp        EventType = "call.picked_up"
	EventCallEnded           EventType = "call.ended"
	EventGroupJoined         EventType = "group.joined"
	EventGroupLeft           EventType = "group.left"
	EventForwardingChanged   EventType = "forwarding.changed"
	EventDNDChanged          EventType = "dnd.changed"
	EventGroupUnstaffed      EventType = "group.unstaffed"
	EventGroupStaffed        EventType = "group.staffed"
	EventPresenceChanged     EventType = "presence.changed"
	EventReachabilityChanged EventType = "reachability.changed"
	EventPickupRefused       EventType = "pickup.refused"
	EventPBXConnected        EventType = "pbx.connected"
	EventPBXDisconnected     EventType = "pbx.disconnected"
)

// PickUp asks the PBX to join the waiting channel to the caller of the first of the targets that still rings.
type PickUp struct {
	Channel string
	Targets []string
}

// CallSupervisor asks the PBX to call a phone, and to let it wait for PickUp or Refuse when it is up: PickerAnswered
// says so, PickerUnreached that it does not come to that.
type CallSupervisor struct {
	Channel    string // what the channel is to be named
	Endpoint   string
	AutoAnswer string // the phone's make; empty: it rings
	Timeout    time.Duration
	CallerCall string // on whose behalf
	Caller     Caller // for the display
}

// CancelCall asks the PBX to stop calling a phone: somebody else has the call, or it is over.
type CancelCall struct{ Channel string }

// Refuse asks the PBX to turn the waiting channel away.
type Refuse struct {
	Channel string
	Actor   PersonID // empty: the phone is nobody's
	Refusal *Refusal
}

// RenewAudio asks the PBX to lay anew the way on which it passes a channel's audio.
type RenewAudio struct{ Channel string }

// Reply answers a Commanded. Refusal nil: it was done, and Changed says whether that changed anything.
type Reply struct {
	ID      string
	Refusal *Refusal
	Changed bool
	Result  any // *View, *Reader, or nil
}

// Confirm asks the PBX to let the waiting channel hear that its code was obeyed.
type Confirm struct {
	Channel string
	// On: logged in; otherwise logged out, or cancelled.
	On bool
}

// SaveLogin asks for a login state to be put on disk, synced. LoginSaved with the same Write follows.
type SaveLogin struct {
	Write    uint64
	Group    GroupID
	Person   PersonID
	LoggedIn bool
}

// ForgetLogin removes a login state from disk: the person, the group or its kind is gone. Nobody waits for it.
type ForgetLogin struct {
	Group  GroupID
	Person PersonID
}

// WriteStore asks the PBX to write into its store of forwards and do-not-disturb, and to read it back. StoreWritten with
// the same Write follows.
type WriteStore struct {
	Write     uint64
	Extension string
	Changes   []forwarding.Change
}

// StoreKnown says that what the PBX's store says is known: from here on a person's document without forwards is one of a
// line that has none.
type StoreKnown struct{}

// PickupDone says how a pickup went. It is for the log and the metrics.
type PickupDone struct {
	Actor PersonID
	// Code is empty when it succeeded.
	Code Code
	Took time.Duration
}

// Arm asks for TimerFired at a moment. Timers are not disarmed: one that no longer means anything does nothing.
type Arm struct {
	Timer string
	At    time.Time
}

func (Put) effect()            {}
func (Forget) effect()         {}
func (Announce) effect()       {}
func (PickUp) effect()         {}
func (Refuse) effect()         {}
func (PickupDone) effect()     {}
func (Arm) effect()            {}
func (RenewAudio) effect()     {}
func (CallSupervisor) effect() {}
func (CancelCall) effect()     {}
func (Reply) effect()          {}
func (Confirm) effect()        {}
func (SaveLogin) effect()      {}
func (ForgetLogin) effect()    {}
func (WriteStore) effect()     {}
func (StoreKnown) effect()     {}
