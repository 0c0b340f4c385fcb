package supervision

import "fmt"

// Code is a refusal's name, as every interface gives it.
type Code string

const (
	Invalid        Code = "invalid"
	NotFound       Code = "not_found"
	NotSupervisor  Code = "not_supervisor"
	NotAdmin       Code = "not_admin"
	NotParticipant Code = "not_participant"
	NotLoggedIn    Code = "not_logged_in"
	NotSupervised  Code = "not_supervised"
	AlreadyTaken   Code = "already_taken"
	NotRinging     Code = "not_ringing"
	Conflict       Code = "conflict"
	Unreachable    Code = "unreachable"
	NotMutualAid   Code = "not_mutual_aid"
	MayNotLeave    Code = "may_not_leave"
	LastMember     Code = "last_member"
	SetOnPhone     Code = "set_on_phone"
	// DestinationRefused comes with details reason: one of package forwarding's.
	DestinationRefused Code = "destination_refused"
	Unavailable        Code = "unavailable"
	NoAnswer           Code = "no_answer"
	PBXUnavailable     Code = "pbx_unavailable"
)

// Refusal is why a command was not carried out.
type Refusal struct {
	Code    Code
	Message string
	Details map[string]string
}

func (r *Refusal) Error() string { return string(r.Code) + ": " + r.Message }

func refuse(code Code, format string, args ...any) *Refusal {
	return &Refusal{Code: code, Message: fmt.Sprintf(format, args...)}
}

// NoReply refuses a command to which no reply has come in time. Where it only reads nothing can have been done.
func NoReply(c Command) *Refusal {
	const why = "nothing came of it in time"
	switch c.(type) {
	case GetView, GetHistory:
		return refuse(Unavailable, why)
	}
	return notKnown(Unavailable, why)
}

// notKnown refuses what may have been done nevertheless. Details unknown says so to programs.
func notKnown(code Code, why string) *Refusal {
	return refuse(code, "%s; whether it was done is not known", why).with("unknown", "true")
}

func (r *Refusal) with(key, value string) *Refusal {
	if r.Details == nil {
		r.Details = make(map[string]string)
	}
	r.Details[key] = value
	return r
}
