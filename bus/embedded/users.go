package embedded

import (
	"crypto/rand"
	"errors"
	"fmt"
	"regexp"

	"github.com/nats-io/nats-server/v2/server"

	"supervisiond/bus/permissions"
	"supervisiond/bus/subject"
)

// User is a program that may log in over the network.
type User struct {
	Name         string
	PasswordHash string   // bcrypt
	ActsAs       []string // people, or permissions.Everyone
}

// anonymous is whom a connection without credentials becomes, on a server without users.
const anonymous = "anonymous"

var (
	userName   = regexp.MustCompile(`^[A-Za-z0-9_-]+$`)
	actorName  = regexp.MustCompile(`^(\*|[a-z0-9][a-z0-9_-]*)$`)
	bcryptHash = regexp.MustCompile(`^\$2[abxy]\$\d{2}\$.{53}$`)
)

// users returns all users of the server: the daemon first, then either those configured or the anonymous one.
func users(site, secret string, configured []User) ([]*server.User, error) {
	list := []*server.User{{
		Username:    subject.Daemon,
		Password:    secret,
		Permissions: rules(permissions.Daemon(site)),
		// Even with its password nobody is the daemon over the network.
		AllowedConnectionTypes: map[string]struct{}{"IN_PROCESS": {}},
	}}
	if len(configured) == 0 {
		return append(list, &server.User{
			Username:    anonymous,
			Password:    rand.Text(),
			Permissions: rules(permissions.Anonymous(site)),
		}), nil
	}
	seen := map[string]bool{subject.Daemon: true}
	var errs []error
	for _, u := range configured {
		switch {
		case !userName.MatchString(u.Name):
			errs = append(errs, fmt.Errorf("NATS user %q: a name is made of letters, digits, - and _", u.Name))
		case seen[u.Name]:
			errs = append(errs, fmt.Errorf("NATS user %q: the name is taken, choose another", u.Name))
		case !bcryptHash.MatchString(u.PasswordHash):
			errs = append(errs, fmt.Errorf("NATS user %q: the password hash is not bcrypt's; supervisiond hash-password makes one", u.Name))
		}
		for _, actor := range u.ActsAs {
			if !actorName.MatchString(actor) {
				errs = append(errs, fmt.Errorf("NATS user %q: acts_as %q is neither a person's id nor %q", u.Name, actor, permissions.Everyone))
			}
		}
		seen[u.Name] = true
		list = append(list, &server.User{
			Username:    u.Name,
			Password:    u.PasswordHash,
			Permissions: rules(permissions.User(site, u.Name, u.ActsAs)),
		})
	}
	return list, errors.Join(errs...)
}

func rules(set permissions.Set) *server.Permissions {
	p := &server.Permissions{
		Publish:   &server.SubjectPermission{Allow: set.Publish.Allow, Deny: set.Publish.Deny},
		Subscribe: &server.SubjectPermission{Allow: set.Subscribe.Allow, Deny: set.Subscribe.Deny},
	}
	if set.Respond {
		p.Response = &server.ResponsePermission{MaxMsgs: server.DEFAULT_ALLOW_RESPONSE_MAX_MSGS, Expires: server.DEFAULT_ALLOW_RESPONSE_EXPIRATION}
	}
	return p
}
