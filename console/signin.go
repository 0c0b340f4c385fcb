package console

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humachi"

	"supervisiond/console/oidc"
	"supervisiond/supervision"
)

type signInInput struct {
	Body struct {
		Person   supervision.PersonID `json:"person" maxLength:"64" doc:"The person's id."`
		Password string               `json:"password" maxLength:"256" doc:"The person's password."`
	}
}

// registerSessions has the API sign people in and out.
func (s *Server) registerSessions(api huma.API) {
	in := operation(http.MethodPost, "/session", "session.begin", "Sign in",
		"By id and password. The answer sets a cookie that is the session. It ends 30 days later, and before that when it is not used for 7 days. Who guesses has to wait.")
	in.Security = nil
	in.Middlewares = huma.Middlewares{withRequest}
	huma.Register(api, in, s.signIn)

	out := operation(http.MethodDelete, "/session", "session.end", "Sign out", "The session is over, and its streams with it.")
	out.Security, out.DefaultStatus = nil, http.StatusNoContent
	out.Middlewares = huma.Middlewares{withRequest}
	huma.Register(api, out, s.signOut)

	ways := operation(http.MethodGet, "/sign-in", "sign_in.ways", "How people sign in", "For pages that offer it.")
	ways.Security = nil
	huma.Register(api, ways, func(context.Context, *struct{}) (*waysOutput, error) {
		out := &waysOutput{SignInWays{Password: s.anyHash() != ""}}
		if s.provider != nil {
			out.Body.Provider = oidc.StartPath
		}
		return out, nil
	})
}

// SignInWays are the ways on which people sign in.
type SignInWays struct {
	Password bool   `json:"password" doc:"Whether anybody has a password, for POST /api/v1/session."`
	Provider string `json:"provider" doc:"Where a browser goes to sign in by OpenID Connect, with ?return=/path; empty: there is no provider."`
}

type waysOutput struct{ Body SignInWays }

// exchange is a request and the writer of its answer, for what deals in cookies.
type exchange struct {
	r *http.Request
	w http.ResponseWriter
}

type exchangeKey struct{}

func withRequest(hc huma.Context, next func(huma.Context)) {
	r, w := humachi.Unwrap(hc)
	next(huma.WithValue(hc, exchangeKey{}, exchange{r, w}))
}

// signIn begins a session for who knows the password. What is wrong, the person or the password, is not said.
func (s *Server) signIn(ctx context.Context, in *signInInput) (*meOutput, error) {
	x, _ := ctx.Value(exchangeKey{}).(exchange)
	try := attempt{person: in.Body.Person, source: network(source(x.r))}
	leave, err := s.enter(ctx, try)
	if err != nil {
		if p, ok := err.(*Problem); ok && p.Code == codeTooManyAttempts { //nolint:errorlint // as it was made
			s.metrics.signIns.WithLabelValues(signInLocked).Inc()
		}
		return nil, err
	}
	defer leave()
	hash, person := "", s.options.Directory().Person(try.person)
	if person != nil {
		hash = s.options.PasswordHash(try.person)
	}
	against := hash
	if hash == "" {
		against = s.anyHash() // so that it takes as long
	}
	if right := same(against, in.Body.Password); !right || hash == "" {
		s.attempts.failed(try)
		s.metrics.signIns.WithLabelValues(signInWrong).Inc()
		if person != nil { // what else was typed there may be a password
			s.log.Warn("a wrong password", "person", person.ID, "from", source(x.r))
		} else {
			s.log.Warn("a password for nobody who is configured", "from", source(x.r))
		}
		return nil, unauthorized("the person or the password is wrong")
	}
	s.attempts.succeeded(try)
	return s.welcome(x, try.person, proofOf(hash))
}

// anyHash is somebody's. If nobody has a password there is nothing to hide.
func (s *Server) anyHash() string {
	for _, p := range s.options.Directory().People() {
		if hash := s.options.PasswordHash(p); hash != "" {
			return hash
		}
	}
	return ""
}

// welcome begins a session for who has proved who they are.
func (s *Server) welcome(x exchange, person supervision.PersonID, proof string) (*meOutput, error) {
	if !s.begins.allows(string(person)) {
		return nil, problem(http.StatusTooManyRequests, codeTooManyRequests, "this person has signed in too often; try again later").after(refillSession)
	}
	// First the new one: who cannot have it keeps the one that they have.
	id, err := s.sessions.begin(x.r.Context(), person, proof)
	if err != nil {
		s.log.Error("a session cannot begin", "person", person, "error", err)
		return nil, asTold(err)
	}
	// The page of who signs in anew follows a stream of the session before. Cut now, it might come back before this answer has brought the
	// new cookie, and would take its person for signed out: the next heartbeat ends it.
	before, _ := s.sessions.find(x.r)
	end := s.endSession
	if before.person == person {
		end = s.replaceSession
	}
	if err := end(x.r); err != nil {
		return nil, err // nobody has the new one's cookie
	}
	http.SetCookie(x.w, cookie(x.r, id.session, id.expires))
	s.metrics.signIns.WithLabelValues(signInOK).Inc()
	s.log.Info("signed in", "person", person, "by", signedInBy(proof), "from", source(x.r))
	return &meOutput{s.me(id)}, nil
}

func signedInBy(proof string) string {
	if proof == byProvider {
		return byProvider
	}
	return "password"
}

func (s *Server) signOut(ctx context.Context, _ *struct{}) (*struct{}, error) {
	x, _ := ctx.Value(exchangeKey{}).(exchange)
	if err := s.endSession(x.r); err != nil {
		return nil, err
	}
	http.SetCookie(x.w, cookie(x.r, "", s.options.Now()))
	return nil, nil
}

// endSession ends the session of a request, if it has one, and its streams. The error is a problem.
func (s *Server) endSession(r *http.Request) error {
	token, err := s.leaveSession(r)
	if err == nil && token != "" {
		s.hub.cutThose(func(id identity) bool { return id.session == token })
	}
	return err
}

// replaceSession ends it as endSession does, but its streams only with their next heartbeat.
func (s *Server) replaceSession(r *http.Request) error {
	_, err := s.leaveSession(r)
	return err
}

// leaveSession ends the session of a request and its push, and gives its token; empty: it has none. The error is a problem.
func (s *Server) leaveSession(r *http.Request) (token string, err error) {
	token, err = s.sessions.end(r)
	if err != nil {
		s.log.Error("a session cannot be ended", "error", err)
		return "", unavailable("the session cannot be ended; try again")
	}
	if token != "" {
		s.endPush(token)
	}
	return token, nil
}
