// Package screen is what `supervisiond watch` shows, as a function of what it was told: messages in, text out. It is
// pure: the time, the size of the terminal and the keys come as messages, and what is to be done goes out as an Effect.
package screen

import (
	"time"

	"supervisiond/supervision"
)

// Msg is one thing that a Screen is told.
type Msg interface{ msg() }

// Whole is all that there is to see. It takes the place of everything that was known.
type Whole struct {
	At      time.Time
	Picture Picture
}

// Changed is one document as it is now. Document is a pointer to a document of package supervision, or nil: it is gone.
type Changed struct {
	At       time.Time
	Kind     supervision.ShownKind
	ID       string
	Document any
}

// Told is what somebody else did to the person as whom one watches, or how far a pickup has come.
type Told struct {
	At    time.Time
	Type  supervision.EventType
	By    supervision.By
	About About
}

// About is what a notice's document says, whichever that is.
type About struct {
	Name     string             `json:"name"`     // of a group
	Message  string             `json:"message"`  // of a refusal
	Code     supervision.Code   `json:"code"`     // likewise
	Endpoint string             `json:"endpoint"` // the phone that is called for a pickup
	Caller   supervision.Caller `json:"caller"`
}

// Reading says that the state is being read anew, and why: until Whole comes nothing is certain.
type Reading struct {
	At  time.Time
	Why string
}

// Away says that NATS is not there.
type Away struct {
	At  time.Time
	Why string
}

// Answer is what came of a command.
type Answer struct {
	At         time.Time
	Command    Command
	OK         bool
	Changed    bool
	Code       supervision.Code
	Message    string
	OnBehalfOf supervision.PersonID
}

// Tick is the time.
type Tick struct{ At time.Time }

// Resize is the size of the terminal, in cells.
type Resize struct{ Width, Height int }

// Key is a key that was pressed: its name ("up", "esc", "ctrl+c"), and the text that it types, if any.
type Key struct{ Name, Text string }

// Paste is text that was pasted.
type Paste struct{ Text string }

func (Whole) msg()   {}
func (Changed) msg() {}
func (Told) msg()    {}
func (Reading) msg() {}
func (Away) msg()    {}
func (Answer) msg()  {}
func (Tick) msg()    {}
func (Resize) msg()  {}
func (Key) msg()     {}
func (Paste) msg()   {}

// Verb is a command that can be given from the screen.
type Verb string

// The verbs, as docs/nats.md names them.
const (
	Pickup Verb = "call.pickup"
	Join   Verb = "group.join"
	Leave  Verb = "group.leave"
)

// Command is what the person wants done. A pickup names a call, a person or a group, or nothing: the oldest call.
type Command struct {
	Verb   Verb
	Call   supervision.CallID
	Person supervision.PersonID
	Group  supervision.GroupID
}

// Effect is what follows from a message.
type Effect struct {
	Do   *Command
	Quit bool
}
