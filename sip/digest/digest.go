// Package digest is the server's side of digest authentication for SIP (RFC 3261, 22; RFC 7616; RFC 8760): challenges for SHA-256
// and MD5, nonces that cost nothing until somebody has proved who they are, and nonce counts, so that nothing that was overheard
// counts twice. It has no clock: whoever asks says what time it is.
package digest

import (
	"crypto/hmac"
	"crypto/md5" //nolint:gosec // many phones know nothing else, and RFC 8760 keeps it for them
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/icholy/digest"
)

// Lifetime is how long a nonce is good for. A phone that uses an older one is told so (stale) and tries again by itself.
const Lifetime = 5 * time.Minute

// Algorithms, as they are named in headers.
const (
	SHA256 = "SHA-256"
	MD5    = "MD5"
)

// User holds what is hashed with a request: H(username:realm:password) in lower-case hex, for each algorithm that is known.
type User struct {
	MD5, SHA256 string
}

// UserOf takes either a password or the hashes.
func UserOf(username, realm, password, ha1MD5, ha1SHA256 string) User {
	if password == "" {
		return User{MD5: ha1MD5, SHA256: ha1SHA256}
	}
	secret := username + ":" + realm + ":" + password
	return User{MD5: hash(MD5, secret), SHA256: hash(SHA256, secret)}
}

func (u User) secret(algorithm string) string {
	if algorithm == MD5 {
		return u.MD5
	}
	return u.SHA256
}

// Result is what becomes of a request's credentials.
type Result string

// Results. All but OK, Again and Merged want a new challenge; with Stale the secret was right.
const (
	OK Result = "ok"
	// Again is a request that was let in before and comes once more: the transaction layer knows its answer.
	Again Result = "again"
	// Merged is a request that came on another way before (RFC 3261, 8.2.2.2).
	Merged  Result = "merged"
	Missing Result = "missing" // there are no credentials for this realm
	Invalid Result = "invalid" // they cannot be read, or lack what RFC 7616 asks for
	Stale   Result = "stale"   // the nonce is too old, of another run of the daemon, or was used with this count
	Wrong   Result = "wrong"   // nobody is called so, or the secret is another
)

// Request is what is to be let in.
type Request struct {
	// Authorization holds the values of all headers of that name.
	Authorization []string
	Method, URI   string
	// Branch is its transaction with where it came from, Origin whatever stays when a proxy sends it on several ways. They tell a
	// repeated request from a repeated nonce count. Reliable transports repeat nothing.
	Branch, Origin string
	Reliable       bool
}

// Realm lets people in. It is safe for use by several goroutines.
type Realm struct {
	name   string
	key    []byte
	nonces nonces

	mu    sync.RWMutex
	users map[string]User
}

// New wants a secret key of 32 bytes, another one at each start.
func New(realm string, key []byte) *Realm {
	return &Realm{name: realm, key: key, nonces: newNonces(key)}
}

// SetUsers says by username who there is.
func (r *Realm) SetUsers(users map[string]User) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.users = users
}

// Challenges are the values of WWW-Authenticate headers for who calls themself name: what that user's secrets allow, and to anybody
// else both algorithms. MD5 comes first: many phones know nothing else, and some of those look no further than the first (RFC 8760 2.3
// has them go on). A phone that gives up where there is more is offered onlyMD5. Whose secret is known for SHA-256 alone is offered
// nothing weaker.
func (r *Realm) Challenges(name string, now time.Time, stale, onlyMD5 bool) []string {
	r.mu.RLock()
	user, known := r.users[name]
	r.mu.RUnlock()
	nonce := r.nonces.issue(now)
	var all []string
	for _, algorithm := range []string{MD5, SHA256} {
		if known && user.secret(algorithm) == "" || onlyMD5 && algorithm != MD5 && (!known || user.MD5 != "") {
			continue
		}
		c := digest.Challenge{Realm: r.name, Nonce: nonce, Algorithm: algorithm, QOP: []string{"auth"}, Stale: stale}
		all = append(all, c.String())
	}
	return all
}

// Check says who sent a request, and notes that its nonce count has been used.
func (r *Realm) Check(req Request, now time.Time) (username string, result Result) {
	username, c, result := r.prove(req)
	if result != OK {
		return username, result
	}
	return username, r.nonces.use(c.Nonce, uint32(c.Nc), req, now) //nolint:gosec // parsed from 8 digits of hex, above 0
}

// Proves says whose secret a request was made with. It leaves out what Check has looked at: how old the nonce is and how often it was
// used.
func (r *Realm) Proves(req Request) (username string, ok bool) {
	username, _, result := r.prove(req)
	return username, result == OK
}

func (r *Realm) prove(req Request) (string, *digest.Credentials, Result) {
	c, result := r.credentials(req.Authorization)
	if result != OK {
		return "", nil, result
	}
	algorithm := strings.ToUpper(c.Algorithm)
	if algorithm == "" {
		algorithm = MD5
	}
	if algorithm != MD5 && algorithm != SHA256 || c.QOP != "auth" || c.Cnonce == "" || c.Nc <= 0 || c.Userhash {
		return c.Username, c, Invalid
	}
	if !sameResource(c.URI, req.URI) {
		return c.Username, c, Invalid
	}
	r.mu.RLock()
	user := r.users[c.Username]
	r.mu.RUnlock()
	secret := user.secret(algorithm)
	known := secret != ""
	if !known {
		secret = r.nobody(algorithm, c.Username)
	}
	right := subtle.ConstantTimeCompare([]byte(response(algorithm, secret, req.Method, c)), []byte(strings.ToLower(c.Response))) == 1
	switch {
	case !right || !known:
		return c.Username, c, Wrong
	case !r.nonces.ours(c.Nonce):
		return c.Username, c, Stale
	}
	return c.Username, c, OK
}

// credentials takes those of our realm.
func (r *Realm) credentials(headers []string) (*digest.Credentials, Result) {
	result := Missing
	for _, h := range headers {
		if !digest.IsDigest(h) {
			continue
		}
		c, err := parse(h)
		if err != nil {
			result = Invalid
			continue
		}
		if c.Realm == r.name {
			return c, OK
		}
	}
	return nil, result
}

// nobody has a secret too, so that an unknown name costs the time of a known one.
func (r *Realm) nobody(algorithm, username string) string {
	m := hmac.New(sha256.New, r.key)
	m.Write([]byte(username))
	secret := hex.EncodeToString(m.Sum(nil))
	if algorithm == MD5 {
		return secret[:2*md5.Size]
	}
	return secret
}

// response is what the phone must have computed (RFC 7616, 3.4.1).
func response(algorithm, secret, method string, c *digest.Credentials) string {
	count := "00000000" + hexOf(c.Nc)
	return hash(algorithm, strings.Join([]string{
		secret, c.Nonce, count[len(count)-8:], c.Cnonce, c.QOP, hash(algorithm, method+":"+c.URI),
	}, ":"))
}

func hash(algorithm, text string) string {
	if algorithm == MD5 {
		sum := md5.Sum([]byte(text)) //nolint:gosec // see the import
		return hex.EncodeToString(sum[:])
	}
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

// sameResource compares the URI that was hashed with the one that is asked for. Proxies and phones rewrite host, port and
// parameters, so only the user part has to be the same.
func sameResource(hashed, asked string) bool {
	return hashed == asked || userOf(hashed) == userOf(asked)
}

func userOf(uri string) string {
	_, rest, _ := strings.Cut(uri, ":")
	user, _, found := strings.Cut(rest, "@")
	if !found {
		return ""
	}
	user, _, _ = strings.Cut(user, ";")
	if plain, err := url.PathUnescape(user); err == nil {
		return plain
	}
	return user
}

// Named is the username that credentials for this realm give; empty: there are none.
func (r *Realm) Named(authorization []string) string {
	c, result := r.credentials(authorization)
	if result != OK {
		return ""
	}
	return c.Username
}
