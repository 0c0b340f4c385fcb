package app

import (
	"context"
	"errors"
	"slices"

	"supervisiond/ari"
	"supervisiond/bus"
	"supervisiond/config"
	"supervisiond/console"
	"supervisiond/console/oidc"
	"supervisiond/sip"
)

// Report takes what Doctor finds. What says how it is, mend what the administrator can do about it.
type Report interface {
	Pass(what string)
	Warn(what, mend string)
	Fail(what, mend string)
}

// Doctor tries for real all that a daemon with this configuration needs, and leaves nothing behind. It may run beside
// the daemon. When the context ends early, what is found after that is not told, and the error is the context's.
func Doctor(ctx context.Context, cfg *config.Config, r Report) error {
	r = &untilDone{ctx, r}
	found := console.Diagnose(ctx, console.Diagnosis{
		Site: cfg.Site, Listen: cfg.HTTP.Listen, TLS: cfg.HTTP.TLS.CertFile != "",
	}, r)
	if cfg.HTTP.OIDC != nil {
		diagnoseOIDC(ctx, cfg.HTTP.OIDC.Issuer, r)
	}
	sip.Diagnose(ctx, sip.Diagnosis{
		Listen: sipListeners(cfg), CertFile: cfg.SIP.TLS.CertFile, KeyFile: cfg.SIP.TLS.KeyFile, Realm: cfg.SIP.Realm,
		PBXURI: cfg.SIP.PBXURI, Directory: cfg.Directory, Accounts: sipAccounts(cfg), Running: found.Running,
	}, r)
	diagnoseNATS(ctx, cfg, r)
	ari.Diagnose(ctx, ariDiagnosis(cfg, found), r)
	return ctx.Err()
}

// untilDone passes a report on until the context is done: what fails then fails for that reason.
type untilDone struct {
	ctx context.Context
	to  Report
}

func (u *untilDone) Pass(what string) {
	if u.ctx.Err() == nil {
		u.to.Pass(what)
	}
}

func (u *untilDone) Warn(what, mend string) {
	if u.ctx.Err() == nil {
		u.to.Warn(what, mend)
	}
}

func (u *untilDone) Fail(what, mend string) {
	if u.ctx.Err() == nil {
		u.to.Fail(what, mend)
	}
}

// diagnoseOIDC finds out whether people could sign in at the provider.
func diagnoseOIDC(ctx context.Context, issuer string, r Report) {
	var problem *oidc.Problem
	if err := oidc.Diagnose(ctx, issuer); errors.As(err, &problem) {
		r.Fail(problem.What, problem.Mend)
		return
	}
	r.Pass("http.oidc.issuer " + issuer + ": the provider answers to this name")
}

func diagnoseNATS(ctx context.Context, cfg *config.Config, r Report) {
	o := bus.Diagnosis{
		Site: cfg.Site, History: history(cfg), Listen: cfg.NATS.Embedded.Listen, StoreDir: cfg.NATS.Embedded.StoreDir,
	}
	if cfg.NATS.URL != "" {
		options, err := natsOptions(cfg.NATS)
		if err != nil {
			r.Fail(err.Error(), "correct it in the configuration")
			return
		}
		o.Connect, o.URL = bus.URL(cfg.NATS.URL, options...), natsServers(cfg.NATS.URL)
	}
	bus.Diagnose(ctx, o, r)
}

func ariDiagnosis(cfg *config.Config, found console.Found) ari.Diagnosis {
	o := ari.Diagnosis{
		ARI: ariServer(cfg), App: cfg.Asterisk.ARI.App, Dialplan: DialplanOptions(cfg), PhoneContext: cfg.Asterisk.PhoneContext,
		Running: found.Running, Attached: found.Ready[readyPBX], Unseen: found.Unseen,
	}
	for _, id := range cfg.Directory.People() {
		p := cfg.Directory.Person(id)
		endpoints := slices.Clone(p.Unsupervised)
		for _, e := range p.Endpoints {
			endpoints = append(endpoints, e.Name)
		}
		o.People = append(o.People, ari.DiagnosedPerson{ID: string(id), Extension: p.Extension, Endpoints: endpoints})
	}
	for _, id := range cfg.Directory.Groups() {
		if number := cfg.Directory.Group(id).Number; number != "" {
			o.Groups = append(o.Groups, number)
		}
	}
	return o
}
