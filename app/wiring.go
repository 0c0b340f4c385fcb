package app

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/nats-io/nats.go"

	"supervisiond/ari"
	"supervisiond/bus"
	"supervisiond/bus/embedded"
	"supervisiond/config"
	"supervisiond/supervision"
)

// natsConnect says how the bus reaches NATS, and starts the embedded server where the configuration names no other.
func (a *App) natsConnect() (func(...nats.Option) (*nats.Conn, error), error) {
	c := a.config.NATS
	if c.URL != "" {
		options, err := natsOptions(c)
		return bus.URL(c.URL, options...), err
	}
	e := c.Embedded
	users := make([]embedded.User, len(e.Users))
	for i, u := range e.Users {
		users[i] = embedded.User{Name: u.Name, PasswordHash: u.PasswordHash.Reveal(), ActsAs: actsAs(u.ActsAs)}
	}
	server, err := embedded.Start(embedded.Options{
		Site: a.config.Site, Listen: e.Listen, StoreDir: e.StoreDir, Users: users,
		CertFile: e.TLS.CertFile, KeyFile: e.TLS.KeyFile, Log: a.log.With("part", "nats server"),
		MaxStore: a.config.History.MaxBytes + storeHeadroom,
	})
	if err != nil {
		return nil, fmt.Errorf("nats.embedded: %w", err)
	}
	a.nats = server
	return func(own ...nats.Option) (*nats.Conn, error) {
		user, password := server.Login()
		// No URL: the connection is made in memory, and TLS is for those who come over the network.
		return nats.Connect("", append(own, nats.InProcessServer(server), nats.UserInfo(user, password))...)
	}, nil
}

// command hands what was asked for on NATS or over HTTP to the engine.
func (a *App) command(c supervision.Commanded) error {
	if !a.engine.Offer(c) {
		return errors.New("it has too much to do")
	}
	return nil
}

// post tells the engine what came of its orders. It waits for room: the engine waits for the outcome.
func (a *App) post(e supervision.Event) { _ = a.engine.Post(context.Background(), e) }

// storeHeadroom is what the embedded server may keep on disk besides the history.
const storeHeadroom = 256 << 20

func actsAs(a config.ActsAs) []string {
	if a.Anyone {
		return []string{"*"}
	}
	names := make([]string, len(a.People))
	for i, p := range a.People {
		names[i] = string(p)
	}
	return names
}

func natsOptions(c config.NATS) ([]nats.Option, error) {
	var o []nats.Option
	switch {
	case c.CredentialsFile != "":
		o = append(o, nats.UserCredentials(c.CredentialsFile))
	case c.User != "":
		o = append(o, nats.UserInfo(c.User, c.Password.Reveal()))
	case c.NKeySeed.Reveal() != "":
		option, err := nkey(c.NKeySeed.Reveal())
		if err != nil {
			return nil, fmt.Errorf("nats.nkey: %w", err)
		}
		o = append(o, option)
	}
	if c.TLS.CAFile != "" {
		o = append(o, nats.RootCAs(c.TLS.CAFile))
	}
	if c.TLS.CertFile != "" {
		o = append(o, nats.ClientCert(c.TLS.CertFile, c.TLS.KeyFile))
	}
	return o, nil
}

func (a *App) ariOptions(o Options) ari.Options {
	c := a.config.Asterisk
	return ari.Options{
		ARI: ariServer(a.config), App: c.ARI.App, Mailbox: a.engine, Log: o.Log.With("part", "pbx"), Metrics: o.Metrics,
		Dialplan: DialplanOptions(a.config), PhoneContext: c.PhoneContext,
		Extensions: a.extensions, StorePoll: func() time.Duration { return a.current.Load().Forwarding.Poll },
	}
}

func ariServer(cfg *config.Config) ari.Server {
	c := cfg.Asterisk.ARI
	return ari.Server{URL: c.URL, Username: c.Username, Password: c.Password.Reveal(), CAFile: c.CAFile}
}

func history(cfg *config.Config) bus.History {
	return bus.History{Keep: cfg.History.Keep, MaxBytes: cfg.History.MaxBytes}
}

// loginCopy is the file of the daemon's own copy of the logins: beside what the embedded server stores, and in the same
// folder where there is none.
func loginCopy(cfg *config.Config) string {
	return filepath.Join(cfg.NATS.Embedded.StoreDir, "logins-"+cfg.Site+".json")
}

// newcomers are all who have a login, as they start.
func (a *App) newcomers() []supervision.StoredLogin {
	return a.current.Load().Directory.InitialLogins()
}

// extensions are those of all people, as the configuration has them now.
func (a *App) extensions() []string {
	directory := a.current.Load().Directory
	list := make([]string, 0, len(directory.People()))
	for _, id := range directory.People() {
		list = append(list, directory.Person(id).Extension)
	}
	return list
}

// DialplanOptions are what the generated dialplan depends on.
func DialplanOptions(cfg *config.Config) ari.DialplanOptions {
	return ari.DialplanOptions{
		App: cfg.Asterisk.ARI.App, FeaturesContext: cfg.Asterisk.FeaturesContext,
		Pickup: cfg.Features.Pickup, PickupGroup: cfg.Features.PickupGroup,
		Join: cfg.Features.Join, Leave: cfg.Features.Leave, Toggle: cfg.Features.Toggle,
		CancelForwarding: cfg.Features.CancelForwarding,
		WhenDown:         string(cfg.Features.WhenDown),
		Families:         cfg.Forwarding.Families,
	}
}

// natsName says for the log where NATS is.
func (a *App) natsName() string {
	if a.nats != nil {
		return a.nats.ClientURL()
	}
	return natsServers(a.config.NATS.URL)
}

// natsServers are those of a URL, without what it may hold of secrets.
func natsServers(url string) string {
	servers := strings.Split(url, ",")
	for i, s := range servers {
		if at := strings.LastIndexByte(s, '@'); at >= 0 {
			scheme, _, _ := strings.Cut(s, "://")
			servers[i] = scheme + "://" + s[at+1:]
		}
	}
	return strings.Join(servers, ",")
}
