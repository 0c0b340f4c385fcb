package console

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"supervisiond/forwarding"
	"supervisiond/supervision"
)

// Me is who asks, as the configuration has them.
type Me struct {
	ID        supervision.PersonID `json:"id"`
	Name      string               `json:"name"`
	Extension string               `json:"extension"`
	Language  string               `json:"language" doc:"A language tag, such as de or en_GB; empty: the configuration does not say."`
	Admin     bool                 `json:"admin" doc:"Whether this is a company administrator."`
	Endpoints []MyPhone            `json:"endpoints" doc:"One's own phones, of which a pickup calls one."`
	// Forwarding and DND say what can be set here: by oneself, and of forwards by administrators too.
	Forwarding Forwarding `json:"forwarding" doc:"What forwards can be set here at all."`
	DND        bool       `json:"dnd" doc:"Whether the PBX has a place for do-not-disturb, so that it can be turned on and off."`
	// SignedIn says by what.
	SignedIn  string            `json:"signed_in" enum:"session,token" doc:"By what the request is known."`
	ExpiresAt supervision.Stamp `json:"expires_at" doc:"When the session ends at the latest; before that, if it is not used for 7 days. Empty for a token."`
}

// Forwarding is what forwards can be set.
type Forwarding struct {
	Kinds        []forwarding.Kind `json:"kinds" enum:"always,busy,no_answer" doc:"The kinds that the PBX has a place for; none where no destination is allowed (forwarding.allowed_destinations)."`
	AfterSeconds bool              `json:"after_seconds" doc:"Whether no_answer can be given its seconds."`
}

// MyPhone is a phone of one's own.
type MyPhone struct {
	Endpoint   string `json:"endpoint" doc:"As the PBX names it: PJSIP/101."`
	Label      string `json:"label"`
	Default    bool   `json:"default" doc:"Whether a pickup calls it if none is chosen."`
	AutoAnswer string `json:"auto_answer" doc:"The make, if it is to answer pickups by itself; otherwise empty."`
}

type meOutput struct{ Body Me }

func (s *Server) me(id identity) Me {
	p := s.options.Directory().Person(id.person)
	policy := s.options.Forwarding()
	me := Me{
		ID: p.ID, Name: p.Name, Extension: p.Extension, Language: p.Language, Admin: p.Admin, Endpoints: []MyPhone{},
		Forwarding: Forwarding{Kinds: policy.CanSet(), AfterSeconds: policy.CanSetSeconds()}, DND: policy.Families.DND != "",
		SignedIn: "session", ExpiresAt: supervision.Stamp{Time: id.expires},
	}
	if id.token != "" {
		me.SignedIn = "token"
	}
	for _, e := range p.Endpoints {
		me.Endpoints = append(me.Endpoints, MyPhone{Endpoint: e.Name, Label: e.Label, Default: e.Default, AutoAnswer: e.AutoAnswer})
	}
	return me
}

type (
	viewOutput   struct{ Body *supervision.View }
	historyInput struct {
		Since  time.Time `query:"since" doc:"Nothing older than that."`
		Before string    `query:"before" pattern:"^([1-9][0-9]{0,18})?$" doc:"Only what is older than an earlier answer: its next."`
		Limit  int       `query:"limit" minimum:"1" maximum:"1000" default:"100" doc:"How many events at most."`
	}
	historyOutput struct{ Body History }
)

// History is what happened, the newest first.
type History struct {
	Events []supervision.HistoryEvent `json:"events"`
	More   bool                       `json:"more" doc:"Whether there are older ones, or may be."`
	Next   string                     `json:"next" doc:"What to ask with as before for the older ones; empty: there are none."`
}

func (s *Server) registerReading(api huma.API) {
	huma.Register(api, operation(http.MethodGet, "/me", "me", "Who I am", ""),
		func(ctx context.Context, _ *struct{}) (*meOutput, error) {
			return &meOutput{s.me(identityOf(ctx))}, nil
		})
	huma.Register(api, operation(http.MethodGet, "/view", "view.get", "All that I may see",
		"As it is now (S7). To follow it, take the stream: that begins with the same.", http.StatusServiceUnavailable),
		func(ctx context.Context, _ *struct{}) (*viewOutput, error) {
			r, err := s.asks.ask(ctx, identityOf(ctx).person, supervision.GetView{})
			if err != nil {
				return nil, err
			}
			view, _ := r.Result.(*supervision.View)
			return &viewOutput{view}, nil
		})
	huma.Register(api, operation(http.MethodGet, "/history", "history.get", "What happened",
		"Calls, logins, forwards and refused pickups, as far as one may see them, the newest first (H1).", http.StatusServiceUnavailable),
		s.history)

	stream := operation(http.MethodGet, "/stream", "stream", "Follow what I may see",
		"First a view, then each change. A stream that breaks off goes on with Last-Event-ID. Every 15 s at most there is an event or a comment; a client that does not read loses its connection.",
		http.StatusServiceUnavailable)
	stream.Responses = map[string]*huma.Response{"200": {
		Description: "Events until the client goes.",
		Content:     map[string]*huma.MediaType{"text/event-stream": {Schema: streamSchema(api.OpenAPI().Components.Schemas)}},
	}}
	huma.Register(api, stream, s.stream)
}

func (s *Server) history(ctx context.Context, in *historyInput) (*historyOutput, error) {
	r, err := s.asks.ask(ctx, identityOf(ctx).person, supervision.GetHistory{})
	if err != nil {
		return nil, err
	}
	reader, _ := r.Result.(*supervision.Reader)
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	page, err := s.options.History(ctx, reader, supervision.HistoryQuery{Since: in.Since, Before: in.Before, Limit: in.Limit})
	if err != nil {
		return nil, unavailable(err.Error())
	}
	return &historyOutput{History{Events: page.Events, More: page.Next != "", Next: page.Next}}, nil
}
