package console

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"supervisiond/forwarding"
	"supervisiond/supervision"
)

// Done says that a command was carried out.
type Done struct {
	OK      bool `json:"ok" doc:"Always true."`
	Changed bool `json:"changed" doc:"Whether that changed anything: what holds already may be asked for again."`
}

// PickedUp says that the supervisor has the call.
type PickedUp struct {
	Done
	Call           supervision.CallID   `json:"call" doc:"The call that was picked up."`
	OnBehalfOf     supervision.PersonID `json:"on_behalf_of" doc:"Whose call it was."`
	OnBehalfOfName string               `json:"on_behalf_of_name" doc:"The name of whose call it was."`
}

// What is asked for stands in each input by itself: the library does not fill what one without an exported name embeds.
type (
	doneOutput     struct{ Body Done }
	pickedUpOutput struct{ Body PickedUp }

	groupInput struct {
		Group supervision.GroupID `path:"group" doc:"The group's id."`
	}
	groupPersonInput struct {
		Group  supervision.GroupID  `path:"group" doc:"The group's id."`
		Person supervision.PersonID `path:"person" doc:"The person's id."`
	}
	personInput struct {
		Person supervision.PersonID `path:"person" doc:"The person's id."`
	}
	forwardInput struct {
		Person supervision.PersonID `path:"person" doc:"The person's id."`
		Kind   forwarding.Kind      `path:"kind" enum:"always,busy,no_answer,phone" doc:"The kind of forward. One of phone was set on the phone itself, and can only be seen."`
	}
	setForwardInput struct {
		Person supervision.PersonID `path:"person" doc:"The person's id."`
		Kind   forwarding.Kind      `path:"kind" enum:"always,busy,no_answer,phone" doc:"The kind of forward. One of phone was set on the phone itself, and can only be seen."`
		Body   struct {
			Target       string `json:"target" doc:"The number to which calls go."`
			AfterSeconds int    `json:"after_seconds,omitempty" minimum:"0" maximum:"3600" doc:"For no_answer: after how many seconds; 0: as the PBX has it."`
		}
	}
	dndInput struct {
		Person supervision.PersonID `path:"person" doc:"The person's id."`
		Body   struct {
			On bool `json:"on" doc:"Whether the line is in do-not-disturb."`
		}
	}
	presenceInput struct {
		Body struct {
			State  supervision.PresenceState `json:"state" enum:"online,away,busy,dnd" doc:"online takes the report of this source back."`
			Source string                    `json:"source" pattern:"^[A-Za-z0-9._-]{1,64}$" doc:"Who reports: there is one report of each source."`
			TTL    int                       `json:"ttl_seconds,omitempty" minimum:"1" maximum:"86400" doc:"For how many seconds it holds; by default 300."`
		}
	}
	pickupInput struct {
		Body *struct {
			Call     supervision.CallID   `json:"call,omitempty" doc:"This call."`
			Person   supervision.PersonID `json:"person,omitempty" doc:"This member's oldest call."`
			Group    supervision.GroupID  `json:"group,omitempty" doc:"The oldest call of this group."`
			Endpoint string               `json:"endpoint,omitempty" doc:"Which of one's own phones is to be called; by default the default one."`
		}
	}
	pickupCallInput struct {
		Call supervision.CallID `path:"call" doc:"The call's id."`
		Body *struct {
			Endpoint string `json:"endpoint,omitempty" doc:"Which of one's own phones is to be called; by default the default one."`
		}
	}
)

// registerCommands has the API take what people ask for, each with a name that says which verb it is.
func (s *Server) registerCommands(api huma.API) {
	const forbidden, missing, conflict, away = http.StatusForbidden, http.StatusNotFound, http.StatusConflict, http.StatusServiceUnavailable
	inGroup := func(verb, id, summary, description string, command func(supervision.GroupID) supervision.Command) {
		huma.Register(api, operation(http.MethodPost, "/groups/{group}/"+verb, id, summary, description, forbidden, missing, conflict, away),
			func(ctx context.Context, in *groupInput) (*doneOutput, error) { return s.do(ctx, command(in.Group)) })
	}
	inGroup("join", "group.join", "Log in to a group", "Joining where one is logged in succeeds and changes nothing (G4).",
		func(g supervision.GroupID) supervision.Command { return supervision.JoinGroup{Group: g} })
	inGroup("leave", "group.leave", "Log out of a group", "Refused with last_member where nobody would be left (G6).",
		func(g supervision.GroupID) supervision.Command { return supervision.LeaveGroup{Group: g} })

	byForce := func(verb, id, summary string, command func(supervision.GroupID, supervision.PersonID) supervision.Command) {
		huma.Register(api, operation(http.MethodPost, "/groups/{group}/people/{person}/"+verb, id, summary,
			"For administrators of the group and of the company. The person is told who did it (G8).", forbidden, missing, conflict, away),
			func(ctx context.Context, in *groupPersonInput) (*doneOutput, error) {
				return s.do(ctx, command(in.Group, in.Person))
			})
	}
	byForce("force_in", "group.force_in", "Log somebody in", func(g supervision.GroupID, p supervision.PersonID) supervision.Command {
		return supervision.ForceIn{Group: g, Person: p}
	})
	byForce("force_out", "group.force_out", "Log somebody out", func(g supervision.GroupID, p supervision.PersonID) supervision.Command {
		return supervision.ForceOut{Group: g, Person: p}
	})

	huma.Register(api, operation(http.MethodPut, "/people/{person}/forwarding/{kind}", "forwarding.set", "Set a forward",
		"One's own, or as administrator of a group that of its members (F4). It is done when the PBX has confirmed it.", forbidden, missing, conflict, away),
		func(ctx context.Context, in *setForwardInput) (*doneOutput, error) {
			return s.do(ctx, supervision.SetForwarding{
				Person: in.Person, Kind: in.Kind, Target: in.Body.Target, AfterSeconds: in.Body.AfterSeconds,
			})
		})
	huma.Register(api, operation(http.MethodDelete, "/people/{person}/forwarding/{kind}", "forwarding.cancel_kind", "Cancel a forward",
		"One's own, or a member's (F4).", forbidden, missing, conflict, away),
		func(ctx context.Context, in *forwardInput) (*doneOutput, error) {
			return s.do(ctx, supervision.CancelForwarding{Person: in.Person, Kind: in.Kind})
		})
	huma.Register(api, operation(http.MethodDelete, "/people/{person}/forwarding", "forwarding.cancel", "Cancel all forwards",
		"One's own, or a member's (F4).", forbidden, missing, conflict, away),
		func(ctx context.Context, in *personInput) (*doneOutput, error) {
			return s.do(ctx, supervision.CancelForwarding{Person: in.Person})
		})
	huma.Register(api, operation(http.MethodPut, "/people/{person}/dnd", "dnd.set", "Turn do-not-disturb on or off",
		"One's own, at the PBX (F4).", forbidden, missing, conflict, away),
		func(ctx context.Context, in *dndInput) (*doneOutput, error) {
			return s.do(ctx, supervision.SetDND{Person: in.Person, On: in.Body.On})
		})
	huma.Register(api, operation(http.MethodPut, "/me/presence", "presence.set", "Report one's presence",
		"What a client knows: away, busy with a web call, do-not-disturb. It holds for a while and has to be repeated (S3).", away),
		func(ctx context.Context, in *presenceInput) (*doneOutput, error) {
			return s.do(ctx, supervision.ReportPresence{
				State: in.Body.State, Source: in.Body.Source, TTL: time.Duration(in.Body.TTL) * time.Second,
			})
		})
	s.registerPickups(api)
}

const pickupText = "The daemon calls one's phone and joins it to the caller; until it is up the member's rings on (P3). The answer says what came " +
	"of it, at most pickup.timeout later; how far it has come is on the stream. Asking again joins the attempt that runs."

func (s *Server) registerPickups(api huma.API) {
	problems := []int{http.StatusForbidden, http.StatusNotFound, http.StatusConflict, http.StatusServiceUnavailable, http.StatusGatewayTimeout}
	huma.Register(api, operation(http.MethodPost, "/pickup", "call.pickup", "Pick up a call",
		"Without a body the oldest call of all groups; with one that of a person or a group, or a certain call. "+pickupText, problems...),
		func(ctx context.Context, in *pickupInput) (*pickedUpOutput, error) {
			var c supervision.PickUpCall
			if b := in.Body; b != nil {
				c = supervision.PickUpCall{Call: b.Call, Person: b.Person, Group: b.Group, Endpoint: b.Endpoint}
			}
			return s.pickUp(ctx, c)
		})
	huma.Register(api, operation(http.MethodPost, "/calls/{call}/pickup", "call.pickup_call", "Pick up this call", pickupText, problems...),
		func(ctx context.Context, in *pickupCallInput) (*pickedUpOutput, error) {
			c := supervision.PickUpCall{Call: in.Call}
			if in.Body != nil {
				c.Endpoint = in.Body.Endpoint
			}
			return s.pickUp(ctx, c)
		})
}

func (s *Server) do(ctx context.Context, c supervision.Command) (*doneOutput, error) {
	r, err := s.asks.ask(ctx, identityOf(ctx).person, c)
	if err != nil {
		return nil, err
	}
	return &doneOutput{Done{OK: true, Changed: r.Changed}}, nil
}

func (s *Server) pickUp(ctx context.Context, c supervision.PickUpCall) (*pickedUpOutput, error) {
	patient(ctx, pickupTime)
	r, err := s.asks.ask(ctx, identityOf(ctx).person, c)
	if err != nil {
		return nil, err
	}
	out := &pickedUpOutput{PickedUp{Done: Done{OK: true, Changed: r.Changed}}}
	if taken, ok := r.Result.(*supervision.Taken); ok {
		out.Body.Call, out.Body.OnBehalfOf, out.Body.OnBehalfOfName = taken.Call, taken.OnBehalfOf, taken.OnBehalfOfName
	}
	return out, nil
}
