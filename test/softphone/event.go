package softphone

import (
	"fmt"
	"time"
)

// Kind is what happened in an [Event].
type Kind string

const (
	Invite      Kind = "invite"       // the call's INVITE was sent, or came
	Provisional Kind = "provisional"  // 1xx (but 100), with Code
	Alert       Kind = "alert"        // the phone rings, whatever it told
	Final       Kind = "final"        // the final response to INVITE, with Code
	Ack         Kind = "ack"          // ACK of 200
	Cancel      Kind = "cancel"       // CANCEL, with Reason
	Bye         Kind = "bye"          // BYE, with Reason
	Reinvite    Kind = "re-invite"    // a later INVITE of the other side
	Update      Kind = "update"       // UPDATE of the other side
	Shown       Kind = "display"      // Party is shown from now on
	Heard       Kind = "heard"        // Mark was heard for the first time
	OutOfOrder  Kind = "out of order" // a request that came too late, with our Code
)

// Event is one step of a call.
type Event struct {
	At     time.Time
	Kind   Kind
	Sent   bool // by this phone
	Code   int
	Reason string // the Reason header
	Party  Party
	Mark   string
}

func (e Event) String() string {
	direction := "<-"
	if e.Sent {
		direction = "->"
	}
	s := fmt.Sprintf("%s %s %s", e.At.Format("15:04:05.000000"), direction, e.Kind)
	if e.Code != 0 {
		s += fmt.Sprintf(" %d", e.Code)
	}
	if e.Reason != "" {
		s += " reason " + e.Reason
	}
	if e.Party != (Party{}) {
		s += " " + e.Party.String()
	}
	if e.Mark != "" {
		s += " " + e.Mark
	}
	return s
}

// State is how far a call has come. It only grows.
type State int

const (
	Calling State = iota // INVITE is on its way
	Ringing              // 180 or 183 was sent or came
	Talking              // 200 was sent or came
	Ended
)

func (s State) String() string {
	return [...]string{"calling", "ringing", "talking", "ended"}[s]
}

// How is the way in which a call ended.
type How string

const (
	Cancelled    How = "cancelled" // the caller gave up before an answer; or another phone answered
	Declined     How = "declined"  // a final response that is not 200: Code
	HungUp       How = "hung up"   // by this phone, with BYE
	HungUpByPeer How = "hung up by peer"
	Lost         How = "lost" // no message ended it: a transport, a timeout, or the phone was closed
)

// End tells how a call ended.
type End struct {
	How  How
	Code int // the final response to INVITE, if there was one
	// Reason is the Reason header of what ended the call: CANCEL, BYE or the
	// final response. A phone that shows no missed call looks for "Call
	// completed elsewhere" (cause 200) here.
	Reason string
	// Contact is where a 3xx sends the caller: the values of its Contact headers.
	Contact []string
	// Err is why a call was lost.
	Err error
}
