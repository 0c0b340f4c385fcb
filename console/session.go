package console

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/alexedwards/scs/v2"
	"golang.org/x/time/rate"

	"supervisiond/supervision"
)

const (
	// sessionCookie is the name of the cookie that holds a session.
	sessionCookie = "supervisiond-session"
	// sessionIdle is how long a session lasts that is not used. Each use begins it anew.
	sessionIdle = 7 * 24 * time.Hour
	// sessionTime is how long one lasts however it is used: who signs in by password alone is to do so again every 30 days
	// (NIST SP 800-63B, 4.1.3). Of who has left a provider only the provider knows, so it is asked sooner.
	sessionTime  = 30 * 24 * time.Hour
	providerTime = 7 * 24 * time.Hour
	// renewEvery is how often at most it is written that a session is used.
	renewEvery = time.Hour
)

// What a session holds.
const (
	sessionPerson = "person"
	// sessionProof says by what the person signed in: by a password, whose digest this is, or by byProvider. A changed
	// password ends the sessions that it began.
	sessionProof = "proof"
	byProvider   = "oidc"
)

// sessions are those of browsers. They are in a store under the digest of their token, and never written without need.
type sessions struct {
	manager *scs.SessionManager
	// byDigest finds in the same store who says a token's digest in place of the token.
	byDigest *scs.SessionManager
	store    sessionKeeper
	close    func() error
	hash     func(supervision.PersonID) string
	now      func() time.Time
	log      *slog.Logger
	// complain keeps a disk that is full from filling the log.
	complain rate.Sometimes
}

// sessionKeeper is where sessions are. What it keeps ends when it is not used, and can last on only while it is there: a use that
// comes at the same moment as a sign-out does not bring the session back.
type sessionKeeper interface {
	scs.Store
	// ends is when a session ends if it is not used any more; the zero time: there is none.
	ends(digest string) time.Time
	renew(digest string, end time.Time) error
}

func newSessions(path string, hash func(supervision.PersonID) string, now func() time.Time, log *slog.Logger) *sessions {
	s := &sessions{hash: hash, now: now, log: log, complain: rate.Sometimes{Interval: renewEvery}}
	s.store, s.close = sessionStore(path, now, log)
	s.manager, s.byDigest = newManager(s.store), newManager(s.store)
	s.manager.HashTokenInStore = true
	return s
}

// newManager makes a manager of what a store has. What the library makes by itself would begin with a store of its own, and a
// goroutine that nobody ends.
func newManager(store scs.Store) *scs.SessionManager {
	return &scs.SessionManager{Lifetime: sessionTime, Store: store, Codec: scs.GobCodec{}}
}

// digest is that of a session's token, as the store has it: who knows it can be nobody by it.
func digest(token string) string {
	sum := sha256.Sum256([]byte(token))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

func proofOf(hash string) string {
	sum := sha256.Sum256([]byte(hash))
	return hex.EncodeToString(sum[:])
}

// begin makes a session, which is somebody's when a browser is given its cookie.
func (s *sessions) begin(ctx context.Context, person supervision.PersonID, proof string) (identity, error) {
	ctx, err := s.manager.Load(ctx, "")
	if err != nil {
		return identity{}, err
	}
	s.manager.Put(ctx, sessionPerson, string(person))
	s.manager.Put(ctx, sessionProof, proof)
	if proof == byProvider {
		s.manager.SetDeadline(ctx, time.Now().Add(providerTime).UTC())
	}
	token, expiry, err := s.manager.Commit(ctx)
	if errors.Is(err, errManySessions) {
		return identity{}, unavailable("too many are signed in; try again later").after(sweepEvery)
	}
	if err != nil {
		return identity{}, unavailable("the session cannot be stored")
	}
	return identity{person: person, session: token, expires: expiry}, nil
}

// cookie: it goes to this site only, and only when the browser comes from it (SameSite=Strict). The browser keeps it until the
// session ends at the latest: a page that is open for weeks has only its stream, with which no newer cookie could come.
func cookie(r *http.Request, token string, expiry time.Time) *http.Cookie {
	c := &http.Cookie{
		Name: sessionCookie, Value: token, Path: "/", HttpOnly: true, SameSite: http.SameSiteStrictMode, Secure: secure(r),
		Expires: expiry, MaxAge: -1,
	}
	if token != "" {
		c.MaxAge = int(time.Until(expiry).Seconds())
	}
	return c
}

// find gives who a request's session is of.
func (s *sessions) find(r *http.Request) (identity, bool) {
	c, err := r.Cookie(sessionCookie)
	if err != nil || c.Value == "" {
		return identity{}, false
	}
	return s.holds(r.Context(), c.Value)
}

// holds says who a session is of, if it still is one.
func (s *sessions) holds(ctx context.Context, token string) (identity, bool) {
	return s.look(ctx, s.manager, token)
}

// look finds a session by its token, or its token's digest, whichever the manager takes.
func (s *sessions) look(ctx context.Context, m *scs.SessionManager, token string) (identity, bool) {
	ctx, err := m.Load(ctx, token)
	if err != nil {
		return identity{}, false
	}
	id := identity{person: supervision.PersonID(m.GetString(ctx, sessionPerson)), session: token, expires: m.Deadline(ctx)}
	proof := m.GetString(ctx, sessionProof)
	good := id.person != "" && (proof == byProvider || proof == proofOf(s.hash(id.person)))
	return id, good
}

// used has a session last on that is used. What cannot be written turns nobody away now.
func (s *sessions) used(id identity) {
	key, until := digest(id.session), unused(s.now(), id.expires)
	if ends := s.store.ends(key); ends.IsZero() || until.Sub(ends) < renewEvery {
		return
	}
	if err := s.store.renew(key, until); err != nil {
		s.complain.Do(func() {
			s.log.Warn("it cannot be written that sessions are used, so people may have to sign in again", "error", err)
		})
	}
}

// end ends the session of a request, and gives its token; empty: it has none.
func (s *sessions) end(r *http.Request) (token string, err error) {
	c, none := r.Cookie(sessionCookie)
	if none != nil || c.Value == "" {
		return "", nil //nolint:nilerr // no cookie is no mistake
	}
	ctx, err := s.manager.Load(r.Context(), c.Value)
	if err != nil || s.manager.GetString(ctx, sessionPerson) == "" {
		return "", err
	}
	return c.Value, s.manager.Destroy(ctx)
}

// sweep removes what has ended, from time to time, until the context ends. What is in memory makes room by itself.
func (s *sessions) sweep(ctx context.Context, log *slog.Logger) {
	file, ok := s.store.(*sessionFile)
	if !ok {
		return
	}
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			if err := file.sweep(); err != nil {
				log.Warn("sessions that have ended cannot be removed", "error", err)
			}
		case <-ctx.Done():
			return
		}
	}
}
