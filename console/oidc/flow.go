package oidc

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
)

const (
	// maxFlows bounds the sign-ins that have begun and not ended. Beyond it the oldest is forgotten.
	maxFlows = 1_000
	// flowTime is how long one may take.
	flowTime = 10 * time.Minute
	// longestReturn bounds the path that a sign-in ends at, in bytes.
	longestReturn = 512
	// crowdQuiet is between two lines of the log about too many sign-ins.
	crowdQuiet = time.Minute
)

// flow is a sign-in that has begun.
type flow struct {
	rp                       *relyingParty
	redirect, back           string
	nonce, verifier, browser string
	until                    time.Time
}

// flows are those that have begun, by their state.
type flows struct {
	now func() time.Time
	log *slog.Logger

	mu      sync.Mutex
	byState *lru.Cache[[sha256.Size]byte, flow]
	told    time.Time
}

func newFlows(now func() time.Time, log *slog.Logger) *flows {
	byState, _ := lru.New[[sha256.Size]byte, flow](maxFlows) // fails for sizes below one only
	return &flows{now: now, log: log, byState: byState}
}

// begin keeps a flow and gives its state.
func (s *flows) begin(f flow) (state string) {
	state = random()
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	f.until = now.Add(flowTime)
	_, oldest, full := s.byState.GetOldest()
	full = full && s.byState.Len() == maxFlows && oldest.until.After(now)
	s.byState.Add(sha256.Sum256([]byte(state)), f)
	if full && now.Sub(s.told) >= crowdQuiet {
		s.told = now
		s.log.Warn("too many sign-ins by OpenID Connect have begun and not ended; the oldest are forgotten", "limit", maxFlows,
			"mend", "if nobody does this on purpose, see which address asks for "+StartPath+" so often")
	}
	return state
}

// take gives the flow of this state, once, and only to the browser that began it.
func (s *flows) take(state, browser string) (flow, bool) {
	key := sha256.Sum256([]byte(state))
	s.mu.Lock()
	defer s.mu.Unlock()
	// Peek: who knows a state by hearsay must neither keep it alive nor use it up.
	f, known := s.byState.Peek(key)
	if !known || subtle.ConstantTimeCompare([]byte(f.browser), []byte(browser)) != 1 {
		return flow{}, false
	}
	s.byState.Remove(key)
	return f, f.until.After(s.now())
}

// random is a fresh secret of 256 bits.
func random() string {
	var b [32]byte
	_, _ = rand.Read(b[:]) // never fails
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// cookieName has a prefix under TLS that keeps others on the same domain from setting it over plain HTTP.
func cookieName(secure bool) string {
	if secure {
		return "__Secure-supervision-oidc"
	}
	return "supervision-oidc"
}

// setCookie ties a flow to the browser; an empty value ends that. Lax, because the provider's redirect is another site's
// navigation, which carries no Strict cookie.
func setCookie(w http.ResponseWriter, value string, secure bool) {
	age := int(flowTime / time.Second)
	if value == "" {
		age = -1
	}
	http.SetCookie(w, &http.Cookie{
		Name: cookieName(secure), Value: value, Path: "/api/v1/oidc", MaxAge: age,
		Secure: secure, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	})
}

func cookie(r *http.Request, secure bool) string {
	c, err := r.Cookie(cookieName(secure))
	if err != nil {
		return ""
	}
	return c.Value
}

// local gives a path of ours, and "/" for whatever a browser might take for another place: //host, /\host, a path with
// control characters, which browsers drop before they look. Nor does a sign-in end at the API, which has nothing to see.
func local(path string) string {
	strange := func(c rune) bool { return c <= ' ' || c > '~' || c == '\\' }
	if !strings.HasPrefix(path, "/") || strings.Contains(path, "//") || len(path) > longestReturn ||
		strings.ContainsFunc(path, strange) || strings.HasPrefix(path, "/api/") {
		return "/"
	}
	return path
}
