package console

import (
	"crypto/sha256"

	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/sync/singleflight"

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
	// knownTokens is how many right tokens, and how many wrong ones, are recognised without comparing them anew.
	knownTokens  = 1024
	longestToken = 72 // as far as bcrypt looks
)

// tokens recognises bearer tokens. A comparison takes bcrypt tens of milliseconds, so its outcome is kept, by the token's digest:
// that of a right one, which nobody who guesses at the same address can then keep out, and, so that a program with a wrong one
// costs little, of a wrong one too. Neither changes while the daemon runs.
type tokens struct {
	list  []Token
	right *lru.Cache[[sha256.Size]byte, *Token]
	wrong *lru.Cache[[sha256.Size]byte, struct{}]
	// comparing holds the comparisons under way, by digest.
	comparing singleflight.Group
}

func newTokens(list []Token) (*tokens, error) {
	right, err := lru.New[[sha256.Size]byte, *Token](knownTokens)
	if err != nil {
		return nil, err
	}
	wrong, err := lru.New[[sha256.Size]byte, struct{}](knownTokens)
	return &tokens{list: list, right: right, wrong: wrong}, err
}

// known is a token that was compared before, and whether anything is known of it at all.
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
func (t *tokens) recognise(bearer string) *Token {
	sum := sha256.Sum256([]byte(bearer))
	for i := range t.list {
		if same(t.list[i].Hash, bearer) {
			t.right.Add(sum, &t.list[i])
			return &t.list[i]
		}
	}
	t.wrong.Add(sum, struct{}{})
	return nil
}
