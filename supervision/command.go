package supervision

import (
	"time"

	"supervisiond/forwarding"
)

// Command is something that a person asks for, on whatever way. Who may is judged here and nowhere else.
type Command interface{ command() }

// JoinGroup logs the actor in (G4).
type JoinGroup struct{ Group GroupID }

// LeaveGroup logs the actor out (G4).
type LeaveGroup struct{ Group GroupID }

// ForceIn logs somebody else in (G8).
type ForceIn struct {
	Group  GroupID
	Person PersonID
}

// ForceOut logs somebody else out (G8).
type ForceOut struct {
	Group  GroupID
	Person PersonID
}

// SetForwarding sets or changes a forward of a line (F4). AfterSeconds is for no_answer only; 0: as the PBX has it.
type SetForwarding struct {
	Person       PersonID
	Kind         forwarding.Kind
	Target       string
	AfterSeconds int
}

// CancelForwarding cancels one forward of a line, or with no kind all of them (F4).
type CancelForwarding struct {
	Person PersonID
	Kind   forwarding.Kind
}

// SetDND turns do-not-disturb at the PBX on or off.
type SetDND struct {
	Person PersonID
	On     bool
}

// ReportPresence is what a client knows of the actor: away, busy with a web call, do-not-disturb; online takes the
// source's report back (S3). TTL 0: five minutes.
type ReportPresence struct {
	State  PresenceState
	Source string
	TTL    time.Duration
}

// PickUpCall asks for a call to be picked up by way of a phone of the actor's that the daemon calls (P3). One of Call,
// Person and Group may be named; none: the oldest call. Endpoint empty: the actor's default phone. The Reply's Result is
// a *Taken.
type PickUpCall struct {
	Call     CallID
	Person   PersonID
	Group    GroupID
	Endpoint string
}

// GetView asks for all that the actor may see (S7). The Reply's Result is a *View.
type GetView struct{}

// GetHistory asks for what happened. The Reply's Result is a *Reader: what of the history the actor may read (H1, S7).
type GetHistory struct{}

func (JoinGroup) command()        {}
func (LeaveGroup) command()       {}
func (ForceIn) command()          {}
func (ForceOut) command()         {}
func (SetForwarding) command()    {}
func (CancelForwarding) command() {}
func (SetDND) command()           {}
func (ReportPresence) command()   {}
func (PickUpCall) command()       {}
func (GetView) command()          {}
func (GetHistory) command()       {}
