package console

import (
	"context"
	"crypto/sha256"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"

	"supervisiond/supervision"
)

// identity is on whose behalf a request is made.
type identity struct {
	person supervision.PersonID
	// token is the name of the program's token; empty: it is a session's.
	token   string
	session string
	expires time.Time
}

// who names an identity for limits.
func (i identity) who() string {
	if i.token != "" {
		return "token " + i.token + " " + string(i.person)
	}
	return "session " + i.session
}

type identityKey struct{}

func identityOf(ctx context.Context) identity {
	id, _ := ctx.Value(identityKey{}).(identity)
	return id
}

type controllerKey struct{}

// patient lets a request take longer than others may.
func patient(ctx context.Context, d time.Duration) {
	if c, ok := ctx.Value(controllerKey{}).(*http.ResponseController); ok {
		// What does not know deadlines has none. To read there is none any more (readBody).
		_ = c.SetWriteDeadline(time.Now().Add(d + writeTime))
	}
}

// actAs is the header that names whom a program acts as.
const actAs = "X-Act-As"

// authenticate finds out on whose behalf a request is made. The error is a problem.
func (s *Server) authenticate(r *http.Request) (identity, error) {
	id, err := s.recognise(r)
	if err != nil {
		return identity{}, err
	}
	if s.options.Directory().Person(id.person) == nil {
		if id.token == "" {
			return identity{}, unauthorized("there is no such person any more")
		}
		return identity{}, problem(http.StatusNotFound, supervision.NotFound, "there is no person "+string(id.person))
	}
	if !s.allowance.allows(id.who()) {
		return identity{}, problem(http.StatusTooManyRequests, codeTooManyRequests, "too many requests; try again").after(time.Second)
	}
	return id, nil
}

func unauthorized(why string) *Problem {
	return problem(http.StatusUnauthorized, codeUnauthorized, why)
}

func (s *Server) recognise(r *http.Request) (identity, error) {
	header := r.Header.Get("Authorization")
	if header == "" {
		id, ok := s.sessions.find(r)
		if !ok {
			return identity{}, unauthorized("sign in first, or send a bearer token")
		}
		if as := r.Header.Get(actAs); as != "" && as != string(id.person) {
			return identity{}, problem(http.StatusForbidden, codeForbidden, "a session acts as who signed in, and as nobody else")
		}
		s.sessions.used(id)
		return id, nil
	}
	scheme, bearer, _ := strings.Cut(header, " ")
	if bearer = strings.TrimSpace(bearer); !strings.EqualFold(scheme, "Bearer") || bearer == "" {
		return identity{}, unauthorized("the Authorization header must be: Bearer and a token")
	}
	token, err := s.tokenOf(r, bearer)
	if err != nil {
		return identity{}, err
	}
	return actingAs(token, r.Header.Get(actAs))
}

// tokenOf recognises a token. Who guesses is slowed down.
func (s *Server) tokenOf(r *http.Request, bearer string) (*Token, error) {
	token, known := s.tokens.known(bearer)
	if !known {
		var err error
		if token, err = s.compareOnce(r, bearer); err != nil {
			return nil, err
		}
	}
	if token == nil {
		return nil, unauthorized("the token is not known; http.tokens in the configuration has those that are")
	}
	return token, nil
}

// compareOnce compares a token once for all requests that come with it at the same time, as after a restart of the daemon when
// the programs on many walls come back.
func (s *Server) compareOnce(r *http.Request, bearer string) (*Token, error) {
	sum := sha256.Sum256([]byte(bearer))
	token, err, _ := s.tokens.comparing.Do(string(sum[:]), func() (any, error) { return s.compareToken(r, bearer) })
	if err != nil {
		return nil, err
	}
	return token.(*Token), nil
}

func (s *Server) compareToken(r *http.Request, bearer string) (*Token, error) {
	from := attempt{source: network(source(r))}
	leave, err := s.enter(context.WithoutCancel(r.Context()), from) // others wait for it too
	if err != nil {
		return nil, err
	}
	defer leave()
	if token, known := s.tokens.known(bearer); known {
		return token, nil // another request with it was faster
	}
	token := s.tokens.recognise(bearer)
	if token == nil {
		s.attempts.failed(from)
		s.log.Warn("a bearer token is not known", "from", source(r))
	}
	return token, nil
}

// enter waits until an attempt may be made: what came of those before it from the same network is known by then.
func (s *Server) enter(ctx context.Context, t attempt) (leave func(), err error) {
	if wait := s.attempts.mayTry(t); wait > 0 {
		return nil, tooManyAttempts(wait)
	}
	if leave, err = s.hashing.enter(ctx, t.source); err != nil {
		return nil, err
	}
	if wait := s.attempts.mayTry(t); wait > 0 {
		leave()
		return nil, tooManyAttempts(wait)
	}
	return leave, nil
}

func tooManyAttempts(wait time.Duration) *Problem {
	return problem(http.StatusTooManyRequests, codeTooManyAttempts, "too many wrong attempts; try again in "+seconds(wait)+" s").after(wait)
}

// actingAs is whom a token's program acts as: the one that it may, or the one of them whom it names.
func actingAs(t *Token, as string) (identity, error) {
	id := identity{token: t.Name, person: supervision.PersonID(as)}
	switch {
	case as == "" && !t.Anyone && len(t.People) == 1:
		id.person = t.People[0]
	case as == "":
		return identity{}, problem(http.StatusUnprocessableEntity, supervision.Invalid,
			"this token acts as several people: name one in the header "+actAs)
	case !t.Anyone && !slices.Contains(t.People, id.person):
		return identity{}, problem(http.StatusForbidden, codeForbidden, "this token may not act as "+as)
	}
	return id, nil
}

// holds says whether somebody still is who they were when their stream began.
func (s *Server) holds(ctx context.Context, id identity) bool {
	if s.options.Directory().Person(id.person) == nil {
		return false
	}
	if id.token != "" {
		return true // tokens change with a restart only
	}
	now, ok := s.sessions.holds(ctx, id.session)
	return ok && now.person == id.person
}

// source is the address that a request came from. A proxy on this machine is believed when it says whom it speaks for.
func source(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	if !fromHere(r) {
		return host
	}
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	if last, err := netip.ParseAddr(strings.TrimSpace(hops[len(hops)-1])); err == nil {
		return last.Unmap().WithZone("").String()
	}
	return host
}

func fromHere(r *http.Request) bool {
	from, err := netip.ParseAddrPort(r.RemoteAddr)
	return err == nil && from.Addr().Unmap().IsLoopback()
}

// secure says whether the browser came over TLS.
func secure(r *http.Request) bool {
	return r.TLS != nil || fromHere(r) && r.Header.Get("X-Forwarded-Proto") == "https"
}
