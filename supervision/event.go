package supervision

import (
	"time"

	"supervisiond/forwarding"
)

// Event is something that happened. Each carries the moment it happened at: nothing in this package asks a clock.
type Event interface{ at() time.Time }

// MomentOf says when an event happened.
func MomentOf(e Event) time.Time { return e.at() }

// Started begins the life of the state: who there is.
type Started struct {
	At         time.Time
	Directory  *Directory
	Forwarding forwarding.Policy
	// PickupTimeout bounds an attempt by way of a phone that is called (P3).
	PickupTimeout time.Duration
	// Logins are what the daemon itself remembers of mutual-aid groups. They hold until EpochBegun says what is on disk:
	// until then nobody logs in or out, and who is logged out stays unseen (G4, G9). Who is not among them is as if new.
	Logins []StoredLogin
}

// Configured says that the configuration has changed (G10). A PBXSynced should follow, so that phones which somebody new
// has are known.
type Configured struct {
	At         time.Time
	Directory  *Directory
	Forwarding forwarding.Policy
	// PickupTimeout bounds an attempt by way of a phone that is called (P3).
	PickupTimeout time.Duration
}

// Commanded says that somebody asks for something. One Reply with the same ID follows, now or when what had to be
// written is written.
type Commanded struct {
	At      time.Time
	ID      string
	Actor   PersonID
	Via     Way
	Command Command
}

// CodeDialled says that a phone dialled a feature code other than a pickup. Its channel waits for Confirm or Refuse.
type CodeDialled struct {
	At          time.Time
	Channel     string
	Endpoint    string // who dials: the authenticated endpoint, never the caller id
	Code        FeatureCode
	GroupNumber string
	Extension   string // whom it is about; empty: who dials
}

// FeatureCode is what a code asks for.
type FeatureCode string

const (
	CodeJoin             FeatureCode = "join"
	CodeLeave            FeatureCode = "leave"
	CodeToggle           FeatureCode = "toggle"
	CodeCancelForwarding FeatureCode = "cancel-forwarding"
)

// LoginSaved says that a SaveLogin is on disk, or (Failed) that it could not be put there.
type LoginSaved struct {
	At     time.Time
	Write  uint64
	Failed bool
}

// StoreRead carries what the PBX's store says of forwards and do-not-disturb, by extension: of all people and of the
// lines that forwards may lead to (Whole), or of some. Who is not in a whole one has nothing there.
type StoreRead struct {
	At    time.Time
	Lines map[string]forwarding.Stored
	Whole bool
}

// StoreWritten says that a WriteStore was confirmed by reading it back, or (Failed) was not. If what the line had before
// is news, a StoreRead of that comes first.
type StoreWritten struct {
	At     time.Time
	Write  uint64
	Failed bool
	// Unknown: it has failed, and may have been written nevertheless.
	Unknown bool
	// Read: the PBX has told what the line had Before, and what it has Now.
	Read        bool
	Extension   string
	Before, Now forwarding.Stored
}

// PhoneRedirected says that a phone itself sent a caller on (SIP 302).
type PhoneRedirected struct {
	At       time.Time
	Endpoint string
	Target   string
}

// PhoneAnswered says that a phone took a call that came to it without having rung.
type PhoneAnswered struct {
	At       time.Time
	Endpoint string
}

// EpochBegun says that the state is now published under this epoch, and which calls an earlier life of the daemon
// announced as ringing without saying how they ended.
type EpochBegun struct {
	At    time.Time
	Epoch uint64
	Open  []*CallDocument
	// Logins are the states on disk of mutual-aid groups. Who is not in it is new (G9).
	Logins []StoredLogin
}

// NATSSeen says whether NATS, on whose disk the logins are, is there. The first time EpochBegun says it.
type NATSSeen struct {
	At    time.Time
	Alive bool
}

// StoredLogin is a login state on disk.
type StoredLogin struct {
	Group    GroupID
	Person   PersonID
	LoggedIn bool
}

// PBXSynced carries what the PBX itself reports at the moment the daemon has attached to it: all that rings and all
// that is known of endpoints. What is not in it is over.
type PBXSynced struct {
	At        time.Time
	Version   string
	Rings     []Ring
	Endpoints map[string]EndpointState
	// Up are the channels of phones that have answered or called.
	Up []string
}

// PBXLost says that the PBX is out of sight.
type PBXLost struct{ At time.Time }

// SIPSeen says whether the PBX's SIP side answers.
type SIPSeen struct {
	At    time.Time
	Alive bool
}

// RingBegan says that a phone began to ring, or that more is known of one that rings.
type RingBegan struct {
	At   time.Time
	Ring Ring
}

// RingEnded says that a phone no longer rings. It comes once for each leg that began to.
type RingEnded struct {
	At         time.Time
	Leg        string
	CallerCall string
	Endpoint   string
	How        RingEnd
}

// CallerHungUp says that the caller gave up; the phones fall silent a moment later.
type CallerHungUp struct {
	At         time.Time
	CallerCall string
}

// EndpointChanged says that a device came, went, or is in a call or no longer.
type EndpointChanged struct {
	At       time.Time
	Endpoint string
	State    EndpointState
}

// PickupDialled says that a phone dialled a pickup code. Its channel waits for PickUp or Refuse.
type PickupDialled struct {
	At       time.Time
	Channel  string
	Endpoint string // who dials: the authenticated endpoint, never the caller id
	Ask      PickupAsk
}

// PickupAsk is what was dialled behind the code: an extension, a group's number, or nothing.
type PickupAsk struct {
	Extension   string
	GroupNumber string
}

// PickupFailed says that the PBX did not carry out a PickUp: the target no longer rang, or (Unavailable) the PBX did
// not take the request.
type PickupFailed struct {
	At          time.Time
	Channel     string
	Unavailable bool
}

// PickerAnswered says that a phone that was called by CallSupervisor is up, and waits.
type PickerAnswered struct {
	At      time.Time
	Channel string
}

// PickerUnreached says that a phone could not be called by CallSupervisor, or did not take the call.
type PickerUnreached struct {
	At      time.Time
	Channel string
	Why     PhoneRefusal
}

// PhoneRefusal is why a phone did not take a call.
type PhoneRefusal string

const (
	PhoneAway       PhoneRefusal = "away"
	PhoneBusy       PhoneRefusal = "busy"
	PhoneDeclined   PhoneRefusal = "declined"
	PhoneRedirects  PhoneRefusal = "redirects"
	PhoneUnanswered PhoneRefusal = "unanswered"
	PBXAway         PhoneRefusal = "pbx"
)

// PickerJoined says that the PBX has joined the phone that dialled a pickup code to the caller.
type PickerJoined struct {
	At      time.Time
	Channel string
}

// AnswerPickedUp says that somebody who was picking up has taken the place of a phone that had just answered.
type AnswerPickedUp struct {
	At         time.Time
	CallerCall string
}

// PickerGone says that the channel is gone of a phone that dialled a pickup code: it hung up, or (Dropped) the PBX let go
// of it.
type PickerGone struct {
	At      time.Time
	Channel string
	Dropped bool
}

// TimerFired says that the moment of an Arm effect has come.
type TimerFired struct {
	At    time.Time
	Timer string
}

func (e Started) at() time.Time         { return e.At }
func (e EpochBegun) at() time.Time      { return e.At }
func (e Configured) at() time.Time      { return e.At }
func (e Commanded) at() time.Time       { return e.At }
func (e CodeDialled) at() time.Time     { return e.At }
func (e LoginSaved) at() time.Time      { return e.At }
func (e StoreRead) at() time.Time       { return e.At }
func (e StoreWritten) at() time.Time    { return e.At }
func (e PhoneAnswered) at() time.Time   { return e.At }
func (e PhoneRedirected) at() time.Time { return e.At }
func (e PBXSynced) at() time.Time       { return e.At }
func (e PBXLost) at() time.Time         { return e.At }
func (e NATSSeen) at() time.Time        { return e.At }
func (e SIPSeen) at() time.Time         { return e.At }
func (e RingBegan) at() time.Time       { return e.At }
func (e RingEnded) at() time.Time       { return e.At }
func (e CallerHungUp) at() time.Time    { return e.At }
func (e EndpointChanged) at() time.Time { return e.At }
func (e PickupDialled) at() time.Time   { return e.At }
func (e PickupFailed) at() time.Time    { return e.At }
func (e PickerAnswered) at() time.Time  { return e.At }
func (e PickerUnreached) at() time.Time { return e.At }
func (e PickerJoined) at() time.Time    { return e.At }
func (e AnswerPickedUp) at() time.Time  { return e.At }
func (e PickerGone) at() time.Time      { return e.At }
func (e TimerFired) at() time.Time      { return e.At }

// Ring is one phone that rings.
type Ring struct {
	Leg            string // the channel that rings
	Endpoint       string // whose device it is: PJSIP/102
	CallerCall     string // the caller's own channel: what all legs of one call have in common
	CallerEndpoint string // the caller's device, where it is one of the PBX's
	Caller         Caller
	Dialled        string // the number first dialled
	Route          []Hop  // the stations between the caller and the phone, in order
	Since          time.Time
}

// Hop is a station at which the PBX dialled on.
type Hop struct {
	Kind HopKind
	// Number is the extension at which the PBX dialled.
	Number string
	// Name is the queue's name.
	Name string
	// Endpoint is whose phone sent the caller on (HopRedirect).
	Endpoint string
}

// HopKind tells stations apart as far as the PBX says; whether a number is a person's is for this package to know.
type HopKind string

const (
	HopDial     HopKind = "dial"     // one destination
	HopFork     HopKind = "fork"     // several at once
	HopQueue    HopKind = "queue"    // a queue
	HopRedirect HopKind = "redirect" // a phone sent the caller on
)

// RingEnd is how a phone fell silent.
type RingEnd string

const (
	RingAnswered   RingEnd = "answered"   // it was answered
	RingPickedUp   RingEnd = "picked_up"  // the daemon's pickup took it
	RingElsewhere  RingEnd = "elsewhere"  // answered elsewhere
	RingDeclined   RingEnd = "declined"   // the phone refused
	RingRedirected RingEnd = "redirected" // the phone sent the caller on
	RingTimedOut   RingEnd = "timed_out"  // the PBX gave up waiting
	RingCancelled  RingEnd = "cancelled"  // the PBX stopped ringing it for another reason
)

// EndpointState is what the PBX says of a device.
type EndpointState struct {
	// Reachable: a contact is available or not qualified.
	Reachable bool
	// InCall: it rings or talks.
	InCall bool
}
