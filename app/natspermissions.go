package app

import (
	"fmt"
	"slices"
	"strings"

	"golang.org/x/crypto/bcrypt"

	"supervisiond/bus/permissions"
	"supervisiond/bus/subject"
	"supervisiond/config"
)

// passwordVariable is where an external server finds the daemon's password when the configuration does not have it.
const passwordVariable = "$SUPERVISIOND_PASSWORD"

// NATSPermissions writes users and permissions for an external NATS server: the daemon, the programs that the
// configuration names, and each person who has a password. It holds hashes, and no password.
func NATSPermissions(cfg *config.Config) (string, error) {
	daemon, err := daemonAccount(cfg)
	if err != nil {
		return "", err
	}
	accounts := []permissions.Account{daemon}
	taken := map[string]bool{daemon.Name: true}
	for _, u := range cfg.NATS.Embedded.Users {
		if taken[u.Name] {
			return "", fmt.Errorf("nats.embedded.users.%s: the daemon has this name, choose another", u.Name)
		}
		taken[u.Name] = true
		actors := actsAs(u.ActsAs)
		comment := "a program that acts as " + strings.Join(actors, ", ")
		if slices.Contains(actors, permissions.Everyone) {
			comment = "a program that sees everything and acts as anybody"
		}
		accounts = append(accounts, permissions.Account{
			Name: u.Name, Password: u.PasswordHash.Reveal(), Comment: comment, Set: permissions.User(cfg.Site, u.Name, actors),
		})
	}
	var without []string
	for _, id := range cfg.Directory.People() {
		hash := cfg.Credentials[id].PasswordHash.Reveal()
		if hash == "" || taken[string(id)] {
			without = append(without, string(id))
			continue
		}
		accounts = append(accounts, permissions.Account{
			Name: string(id), Password: hash, Comment: cfg.Directory.Person(id).Name,
			Set: permissions.User(cfg.Site, string(id), []string{string(id)}),
		})
	}
	return head(cfg, without) + permissions.Configuration(accounts), nil
}

func head(cfg *config.Config, without []string) string {
	text := "# Users and permissions of the site " + cfg.Site + ", by \"supervisiond nats-permissions\". The server needs JetStream besides: jetstream {}\n" +
		"# Each client sets its inbox prefix to _INBOX_<user>.\n"
	if len(without) > 0 {
		text += "# Without a password of their own (people.<id>.password_hash): " + strings.Join(without, ", ") + "\n"
	}
	return text
}

func daemonAccount(cfg *config.Config) (permissions.Account, error) {
	a := permissions.Account{
		Name: subject.Daemon, Password: passwordVariable, Set: permissions.Daemon(cfg.Site),
		Comment: "the daemon; its password is in the server's environment, and nats.password in the daemon's configuration",
	}
	if cfg.NATS.User == "" {
		return a, nil
	}
	hash, err := bcrypt.GenerateFromPassword([]byte(cfg.NATS.Password.Reveal()), bcrypt.DefaultCost)
	a.Name, a.Password, a.Comment = cfg.NATS.User, string(hash), "the daemon, as nats.user and nats.password"
	return a, err
}
