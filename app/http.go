package app

import (
	"context"
	"path/filepath"

	"supervisiond/console"
	"supervisiond/forwarding"
	"supervisiond/supervision"
)

func (a *App) consoleOptions(o Options) console.Options {
	cfg := a.config
	tokens := make([]console.Token, len(cfg.HTTP.Tokens))
	for i, t := range cfg.HTTP.Tokens {
		tokens[i] = console.Token{Name: t.Name, Hash: t.Hash.Reveal(), Anyone: t.ActsAs.Anyone, People: t.ActsAs.People}
	}
	var provider *console.Provider
	if p := cfg.HTTP.OIDC; p != nil {
		provider = &console.Provider{Issuer: p.Issuer, ClientID: p.ClientID, ClientSecret: p.ClientSecret.Reveal(), Claim: p.Claim}
	}
	return console.Options{
		Site: cfg.Site, Listen: cfg.HTTP.Listen, CertFile: cfg.HTTP.TLS.CertFile, KeyFile: cfg.HTTP.TLS.KeyFile,
		Log: o.Log.With("part", "http"), Metrics: o.Metrics, Ready: a.ready, Tokens: tokens, Provider: provider,
		SessionFile: filepath.Join(cfg.NATS.Embedded.StoreDir, "sessions-"+cfg.Site+".db"),
		PushFile:    filepath.Join(cfg.NATS.Embedded.StoreDir, "push-"+cfg.Site+".db"), PushServices: cfg.HTTP.PushServices,
		Directory:  func() *supervision.Directory { return a.current.Load().Directory },
		Forwarding: func() *forwarding.Policy { return &a.current.Load().Forwarding },
		PasswordHash: func(p supervision.PersonID) string {
			return a.current.Load().Credentials[p].PasswordHash.Reveal()
		},
		Command: a.command, Watch: a.watch(byStreams),
		History: func(ctx context.Context, r *supervision.Reader, q supervision.HistoryQuery) (supervision.HistoryPage, error) {
			return a.bus.ReadHistory(ctx, r, q)
		},
	}
}
