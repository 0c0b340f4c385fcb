package console

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"supervisiond/console/push"
	"supervisiond/supervision"
)

type (
	pushInput struct {
		Body struct {
			_          struct{} `additionalProperties:"true"`
			Endpoint   string   `json:"endpoint" doc:"Where the browser's push service takes messages for it: an https address, of 1,024 bytes at most."`
			Expiration *float64 `json:"expirationTime,omitempty" nullable:"true" doc:"When the subscription ends, in milliseconds; it is not looked at: the push service tells."`
			Keys       pushKeys `json:"keys"`
		}
	}
	pushKeys struct {
		_      struct{} `additionalProperties:"true"`
		P256DH string   `json:"p256dh" maxLength:"128" doc:"The browser's public key, in base64url."`
		Auth   string   `json:"auth" maxLength:"64" doc:"The browser's authentication secret, in base64url."`
	}
	unpushInput struct {
		Body *struct {
			Endpoint string `json:"endpoint" maxLength:"1024" doc:"Of the subscription that is to go."`
		}
	}
	pushOutput struct{ Body PushState }
)

// PushState is what a browser has to know to subscribe.
type PushState struct {
	PublicKey     string `json:"public_key" doc:"The application server key for PushManager.subscribe, in base64url."`
	Subscriptions int    `json:"subscriptions" doc:"How many of the person's browsers are subscribed."`
	// Endpoints tell a browser whether its subscription is still one: a push service may have ended it.
	Endpoints []string `json:"endpoints" doc:"Of the subscriptions of this session; of a token: those that it made for this person."`
}

func (s *Server) newPush() (*push.Service, error) {
	return push.New(push.Options{
		File: s.options.PushFile, Services: s.options.PushServices, Log: s.log, Metrics: s.options.Metrics,
		Directory: s.options.Directory, Holds: s.holdsPush, Ends: s.endsPush, Now: s.options.Now,
	})
}

// registerPush has the API take browsers that are to be told of calls while they sleep.
func (s *Server) registerPush(api huma.API) {
	huma.Register(api, operation(http.MethodGet, "/me/push", "push.get", "What a browser has to know to subscribe", ""),
		func(ctx context.Context, _ *struct{}) (*pushOutput, error) {
			id := identityOf(ctx)
			return &pushOutput{PushState{s.push.PublicKey(), s.push.Count(id.person), s.push.Endpoints(id.person, pushOwner(id))}}, nil
		})
	put := operation(http.MethodPut, "/me/push", "push.subscribe", "Be told of calls while the browser sleeps",
		"The body is what PushSubscription.toJSON gives. It holds as long as the session, for this person alone.", http.StatusServiceUnavailable)
	put.Middlewares, put.Metadata = huma.Middlewares{withRequest}, map[string]any{takesNulls: true}
	huma.Register(api, put, s.subscribePush)
	huma.Register(api, operation(http.MethodDelete, "/me/push", "push.unsubscribe", "Be told no more",
		"Without a body: the subscriptions of this session; of a token: those that it made for this person.",
		http.StatusRequestTimeout, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType, http.StatusServiceUnavailable),
		s.unsubscribePush)
}

func (s *Server) subscribePush(ctx context.Context, in *pushInput) (*doneOutput, error) {
	x, _ := ctx.Value(exchangeKey{}).(exchange)
	id := identityOf(ctx)
	changed, err := s.push.Subscribe(push.Subscription{
		Endpoint: in.Body.Endpoint, P256DH: in.Body.Keys.P256DH, Auth: in.Body.Keys.Auth,
		Person: id.person, Owner: pushOwner(id), Contact: contact(x.r),
	})
	var invalid push.InvalidError
	switch {
	case errors.As(err, &invalid):
		return nil, problem(http.StatusUnprocessableEntity, supervision.Invalid, err.Error())
	case errors.Is(err, push.ErrFull):
		return nil, unavailable("too many browsers are subscribed; try again later").after(sweepEvery)
	case err != nil:
		s.log.Error("a push subscription cannot be stored", "error", err)
		return nil, unavailable("the subscription cannot be stored")
	}
	return &doneOutput{Done{OK: true, Changed: changed}}, nil
}

func (s *Server) unsubscribePush(ctx context.Context, in *unpushInput) (*doneOutput, error) {
	id := identityOf(ctx)
	changed, err := s.push.Unsubscribe(func(x *push.Subscription) bool {
		if in.Body != nil {
			return x.Person == id.person && x.Endpoint == in.Body.Endpoint
		}
		return x.Person == id.person && x.Owner == pushOwner(id)
	})
	if err != nil {
		s.log.Error("a push subscription cannot be removed from the file", "error", err)
		return nil, unavailable("the subscription is gone, and may be back after a restart of the daemon; try again")
	}
	return &doneOutput{Done{OK: true, Changed: changed}}, nil
}

// Who subscribed, as it is stored.
const (
	ownerSession = "session:"
	ownerToken   = "token:"
)

func pushOwner(id identity) string {
	if id.token != "" {
		return ownerToken + id.token
	}
	return ownerSession + digest(id.session)
}

// holdsPush says whether who subscribed is still known by what they were then.
func (s *Server) holdsPush(x *push.Subscription) bool {
	if s.options.Directory().Person(x.Person) == nil {
		return false
	}
	if of, ok := strings.CutPrefix(x.Owner, ownerSession); ok {
		id, good := s.sessions.look(context.Background(), s.sessions.byDigest, of)
		return good && id.person == x.Person
	}
	return slices.ContainsFunc(s.options.Tokens, func(t Token) bool {
		return ownerToken+t.Name == x.Owner && (t.Anyone || slices.Contains(t.People, x.Person))
	})
}

// endsPush is when that ends by itself.
func (s *Server) endsPush(x *push.Subscription) time.Time {
	if of, ok := strings.CutPrefix(x.Owner, ownerSession); ok {
		return s.sessions.store.ends(of)
	}
	return time.Time{}
}

// endPush removes the subscriptions of a session.
func (s *Server) endPush(session string) {
	owner := pushOwner(identity{session: session})
	if _, err := s.push.Unsubscribe(func(x *push.Subscription) bool { return x.Owner == owner }); err != nil {
		s.log.Warn("the push subscriptions of a session that has ended cannot be removed from the file", "error", err)
	}
}

// contact is whom a push service may turn to: the page that subscribes (RFC 8292, 2.1). Browsers say its origin; a program is at
// the address that it has asked for.
func contact(r *http.Request) string {
	if u, err := url.Parse(r.Header.Get("Origin")); err == nil && u.Scheme == "https" && u.Host != "" {
		return push.Origin(u)
	}
	return push.Origin(&url.URL{Scheme: "https", Host: r.Host})
}
