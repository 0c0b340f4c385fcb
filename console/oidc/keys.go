package oidc

import (
	"context"
	"errors"
	"net/url"
	"slices"

	"github.com/coreos/go-oidc/v3/oidc"
)

// signatures are those that a token may have: all of them by a key that only the provider has.
var signatures = []string{
	oidc.RS256, oidc.RS384, oidc.RS512, oidc.ES256, oidc.ES384, oidc.ES512, oidc.PS256, oidc.PS384, oidc.PS512, oidc.EdDSA,
}

// keys are the provider's. They tell a provider that is away from a signature that is wrong, which the verifier's error
// does not: where a context has a *error under keysKey, it is told there.
type keys struct{ oidc.KeySet }

type keysKey struct{}

func (k keys) VerifySignature(ctx context.Context, jwt string) ([]byte, error) {
	payload, err := k.KeySet.VerifySignature(ctx, jwt)
	if told, ok := ctx.Value(keysKey{}).(*error); ok && isUnreachable(err) {
		*told = err
	}
	return payload, err
}

// isUnreachable says whether no answer came.
func isUnreachable(err error) bool {
	var asked *url.Error
	return errors.As(err, &asked) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled)
}

// newVerifier checks tokens that are signed in one of the ways that the provider names.
func newVerifier(ctx context.Context, o Options, keysURL string, named []string) *oidc.IDTokenVerifier {
	named = slices.DeleteFunc(slices.Clone(named), func(s string) bool { return !slices.Contains(signatures, s) })
	return oidc.NewVerifier(o.Issuer, keys{oidc.NewRemoteKeySet(ctx, keysURL)}, &oidc.Config{
		ClientID: o.ClientID, SupportedSigningAlgs: named, Now: o.Now,
	})
}
