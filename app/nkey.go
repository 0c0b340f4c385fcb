package app

import (
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"
)

// nkey signs the server's challenge with a seed.
func nkey(seed string) (nats.Option, error) {
	pair, err := nkeys.FromSeed([]byte(seed))
	if err != nil {
		return nil, err
	}
	public, err := pair.PublicKey()
	if err != nil {
		return nil, err
	}
	return nats.Nkey(public, pair.Sign), nil
}
