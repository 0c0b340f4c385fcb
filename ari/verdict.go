package ari

import (
	"context"
	"errors"
	"slices"
	"strconv"

	"supervisiond/supervision"
)

// Causes of Q.850; behind each what chan_pjsip answers.
const (
	causeUnallocated   = 1  // 404
	causeNormal        = 16 // BYE
	causeCallRejected  = 21 // 403
	causeInvalidNumber = 28 // 484
	causeUnspecified   = 31 // 480
	causeCongestion    = 34 // 503
	causeFailure       = 38 // 500
)

// reason is how the generated dialplan turns a phone away: with a cause, which phones render as a tone, and a text for
// its display. The texts are ours, and short enough for a desk phone; nothing that anybody dials or is called gets into
// the dialplan.
type reason struct {
	Code  supervision.Code
	Cause int
	Text  string
}

var reasons = []reason{
	{supervision.Invalid, causeInvalidNumber, "Invalid"},
	{supervision.NotFound, causeUnallocated, "Not known"},
	{supervision.NotSupervisor, causeCallRejected, "Not a supervisor"},
	{supervision.NotAdmin, causeCallRejected, "Not administrator"},
	{supervision.NotParticipant, causeCallRejected, "Not in this group"},
	{supervision.NotLoggedIn, causeCallRejected, "Not logged in"},
	{supervision.NotSupervised, causeCallRejected, "Not supervised"},
	{supervision.AlreadyTaken, causeCongestion, "Already taken"},
	{supervision.NotRinging, causeUnspecified, "Nothing rings"},
	{supervision.NotMutualAid, causeCallRejected, "Always logged in"},
	{supervision.MayNotLeave, causeCallRejected, "May not leave"},
	{supervision.LastMember, causeCallRejected, "Last one must stay"},
	{supervision.SetOnPhone, causeCallRejected, "Set on the phone"},
	{supervision.DestinationRefused, causeCallRejected, "Number not allowed"},
	{supervision.Unavailable, causeFailure, "Not now, try again"},
	{supervision.PBXUnavailable, causeFailure, "PBX does not answer"},
}

// refusedExtension is where in the refused context a code leads. One without a place of its own is a plain refusal.
func refusedExtension(code supervision.Code) (exten string, cause int) {
	i := slices.IndexFunc(reasons, func(r reason) bool { return r.Code == code })
	if i < 0 {
		return "c" + strconv.Itoa(causeCallRejected), causeCallRejected
	}
	return string(code), reasons[i].Cause
}

// refuse sends the waiting channel on into the helper context that ends it. It is not answered for that; if the PBX
// already had, when the pickup failed at the last moment, it hears congestion.
func (p *PBX) refuse(ctx context.Context, e supervision.Refuse) {
	p.log.Info("feature code refused", "actor", e.Actor, "code", e.Refusal.Code, "reason", e.Refusal.Message)
	exten, cause := refusedExtension(e.Refusal.Code)
	if err := p.rest.Continue(ctx, e.Channel, refusedContext, exten, 1); err != nil && stillWaits(err) {
		p.hangup(ctx, e.Channel, cause)
	}
}

// stillWaits: a channel that could not be sent on waits in the application all the same. One that has left it may be
// talking to a caller by now, and one of which nothing is known is let go by the dialplan's own timeout.
func stillWaits(err error) bool {
	var e *Error
	return errors.As(err, &e) && notDone(err) && e.Code != Conflict && e.Code != NotFound
}

// confirm lets the waiting channel hear that its code was obeyed. What was done stays done where it cannot.
func (p *PBX) confirm(ctx context.Context, e supervision.Confirm) {
	exten := "off"
	if e.On {
		exten = "on"
	}
	if err := p.rest.Continue(ctx, e.Channel, confirmedContext, exten, 1); err != nil {
		p.log.Warn("a feature code was obeyed, but the phone does not hear that", "channel", e.Channel, "error", err)
		if stillWaits(err) {
			p.hangup(ctx, e.Channel, causeNormal)
		}
	}
}
