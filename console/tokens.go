package console

import (
	"context"
	"crypto/sha256"
	"time"

	"github.com/hashicorp/golang-lru/v2/expirable"
	"golang.org/x/crypto/bcrypt"

	"supervisiond/supervision"
)

// Token is a bearer token of a program.
type Token struct {
	Name string
	Hash string // bcrypt
	// Anyone: it may act as everybody; otherwise as People.
	Anyone bool
	People []supervision.PersonID
}

const (
	// knownTokens is how many tokens are recognised without comparing them anew, and for how long.
	knownTokens  = 1024
	knownFor     = 5 * time.Minute
	longestToken = 72 // as far as bcrypt looks
)

// tokens recognises bearer tokens. A comparison takes bcrypt tens of milliseconds, so its outcome is kept for a while, by the
// token's digest: that of a right one and, so that a program with a wrong one costs little, of a wrong one too.
type tokens struct {
	list    []Token
	hashing *hashing
	right   *expirable.LRU[[sha256.Size]byte, *Token]
	wrong   *expirable.LRU[[sha256.Size]byte, struct{}]
}

func newTokens(list []Token, h *hashing) *tokens {
	return &tokens{
		list: list, hashing: h,
		right: expirable.NewLRU[[sha256.Size]byte, *Token](knownTokens, nil, knownFor),
		wrong: expirable.NewLRU[[sha256.Size]byte, struct{}](knownTokens, nil, knownFor),
	}
}

// known is a token that was recognised a moment ago, and whether anything is known of it at all.
func (t *tokens) known(bearer string) (token *Token, known bool) {
	sum := sha256.Sum256([]byte(bearer))
	if token, known = t.right.Get(sum); known {
		return token, true
	}
	if _, known = t.wrong.Get(sum); known || len(bearer) > longestToken {
		return nil, true
	}
	return nil, false
}

// recognise compares a token with all there are. Nil: it is none of them.
func (t *tokens) recognise(ctx context.Context, bearer string) (*Token, error) {
	sum := sha256.Sum256([]byte(bearer))
	for i := range t.list {
		same, err := t.hashing.same(ctx, t.list[i].Hash, bearer)
		if err != nil {
			return nil, err
		}
		if same {
			t.right.Add(sum, &t.list[i])
			return &t.list[i], nil
		}
	}
	t.wrong.Add(sum, struct{}{})
	return nil, nil
}

// hashing compares passwords with their hashes, two at a time: a flood of attempts leaves the machine to the PBX.
type hashing struct {
	places chan struct{}
	// nobody is the hash that is compared with where there is none, so that both take as long.
	nobody string
}

const (
	hashesAtATime = 2
	// hashWait is how long an attempt waits for its turn.
	hashWait = 3 * time.Second
)

func newHashing() (*hashing, error) {
	nobody, err := bcrypt.GenerateFromPassword([]byte("nobody"), bcrypt.DefaultCost)
	return &hashing{places: make(chan struct{}, hashesAtATime), nobody: string(nobody)}, err
}

// same says whether a password is the one of a hash. With no hash it never is, and takes as long.
func (h *hashing) same(ctx context.Context, hash, password string) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, hashWait)
	defer cancel()
	select {
	case h.places <- struct{}{}:
		defer func() { <-h.places }()
	case <-ctx.Done():
		return false, unavailable("too many sign in at the same time; try again").after(hashWait)
	}
	against := hash
	if hash == "" {
		against = h.nobody
	}
	same := bcrypt.CompareHashAndPassword([]byte(against), []byte(password)) == nil
	return same && hash != "" && len(password) <= longestToken, nil
}
