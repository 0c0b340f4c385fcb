package app

import (
	"context"
	"time"

	"supervisiond/config"
	"supervisiond/sip"
	"supervisiond/sip/front"
	"supervisiond/supervision"
)

// newSIP makes the event server for phones; nil if there is to be none.
func (a *App) newSIP(o Options) (*sip.Server, error) {
	cfg := a.config
	if len(cfg.SIP.Listen) == 0 {
		return nil, nil
	}
	return sip.New(sip.Options{
		Listen: sipListeners(cfg), CertFile: cfg.SIP.TLS.CertFile, KeyFile: cfg.SIP.TLS.KeyFile, Realm: cfg.SIP.Realm, PBXURI: cfg.SIP.PBXURI,
		Compact: cfg.SIP.List == config.ListCompact, AfterSeconds: cfg.Forwarding.Families.NoAnswerSeconds != "",
		PickupGroup: cfg.Features.PickupGroup,
		Log:         o.Log.With("part", "sip"), Metrics: o.Metrics,
		Directory: func() *supervision.Directory { return a.current.Load().Directory },
		Accounts:  a.accounts, Watch: a.watch(byPhones), Command: a.command,
		Alive: func(ctx context.Context, alive bool) {
			_ = a.engine.Post(ctx, supervision.SIPSeen{At: time.Now(), Alive: alive}) // fails at the end only
		},
	})
}

func sipListeners(cfg *config.Config) (all []front.Listener) {
	for _, l := range cfg.SIP.Listen {
		all = append(all, front.Listener{Network: l.Network, Address: l.Address})
	}
	return all
}

// accounts are those whose phones may come in, by username.
func (a *App) accounts() map[string]sip.Account { return sipAccounts(a.current.Load()) }

func sipAccounts(cfg *config.Config) map[string]sip.Account {
	accounts := make(map[string]sip.Account)
	for person, c := range cfg.Credentials {
		if c.SIP.Username != "" {
			accounts[c.SIP.Username] = sip.Account{
				Person: person, Password: c.SIP.Password.Reveal(), HA1MD5: c.SIP.HA1MD5.Reveal(), HA1SHA256: c.SIP.HA1SHA256.Reveal(),
				Alerts: c.SIP.Alerts,
			}
		}
	}
	return accounts
}
