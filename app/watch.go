package app

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"

	"github.com/nats-io/nats.go"

	"supervisiond/bus/subject"
	"supervisiond/config"
	"supervisiond/supervision"
)

// Visitor is somebody who comes to the daemon's NATS server from outside the daemon.
type Visitor struct {
	// URL names the server in place of the configuration.
	URL string
	// User and Password log in. Without a user an external server gets the daemon's own credentials, and the embedded one
	// none.
	User, Password string
	// As is the person as whom to command. Empty: nobody.
	As supervision.PersonID
}

// VisitNATS says how a visitor connects, or why that cannot work and what to do.
func VisitNATS(cfg *config.Config, v Visitor) (func(...nats.Option) (*nats.Conn, error), error) {
	if err := mayVisit(cfg, v); err != nil {
		return nil, err
	}
	url, options, err := visited(cfg, v)
	if err != nil {
		return nil, err
	}
	inbox := subject.Daemon
	switch {
	case v.User != "":
		inbox = v.User
		options = append(options, nats.UserInfo(v.User, v.Password))
	case cfg.NATS.URL == "":
		inbox = ""
	}
	if inbox != "" {
		options = append(options, nats.CustomInboxPrefix(subject.Inbox(inbox)))
	}
	return func(own ...nats.Option) (*nats.Conn, error) {
		nc, err := nats.Connect(url, append(own, options...)...)
		return nc, notVisited(cfg, v, url, err)
	}, nil
}

// mayVisit finds what the configuration already says of who may act as whom.
func mayVisit(cfg *config.Config, v Visitor) error {
	if v.As == "" {
		return nil
	}
	if cfg.NATS.URL != "" {
		if v.User == "" {
			return fmt.Errorf("the daemon's own user acts as nobody: name one with --user; supervisiond nats-permissions prints one for each person with a password_hash")
		}
		return nil // the server knows
	}
	if cfg.Directory.Person(v.As) == nil {
		return fmt.Errorf("there is no person %s in %s", v.As, cfg.File)
	}
	var may []string
	for _, u := range cfg.NATS.Embedded.Users {
		if u.ActsAs.Allows(v.As) {
			may = append(may, u.Name)
		}
	}
	switch {
	case len(may) == 0:
		return fmt.Errorf("no user may act as %s: add one to nats.embedded.users, with acts_as: [%s]", v.As, v.As)
	case v.User == "":
		return fmt.Errorf("who acts as %s logs in: --user %s --password-file FILE, or the password in SUPERVISIOND_NATS_PASSWORD",
			v.As, strings.Join(may, " or --user "))
	case !slices.Contains(may, v.User):
		return fmt.Errorf("the user %s may not act as %s: %s may; or name %s in its acts_as, under nats.embedded.users",
			v.User, v.As, strings.Join(may, ", "), v.As)
	}
	return nil
}

// visited is where the server is, and what the connection needs besides the login.
func visited(cfg *config.Config, v Visitor) (string, []nats.Option, error) {
	if cfg.NATS.URL != "" {
		c := cfg.NATS
		if v.User != "" {
			c.CredentialsFile, c.User, c.NKeySeed = "", "", config.Secret{}
		}
		options, err := natsOptions(c)
		if v.URL != "" {
			return v.URL, options, err
		}
		return c.URL, options, err
	}
	e := cfg.NATS.Embedded
	if v.URL != "" && e.TLS.CertFile == "" {
		return v.URL, nil, nil
	}
	host, port, err := net.SplitHostPort(e.Listen)
	if err != nil {
		return "", nil, err
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "localhost"
	}
	url := v.URL
	if url == "" {
		url = "nats://" + net.JoinHostPort(host, port)
		if port == "0" {
			return "", nil, errors.New("nats.embedded.listen has port 0, which is another one at each start: set a port there, or name the server with --nats")
		}
	}
	if e.TLS.CertFile == "" {
		return url, nil, nil
	}
	return url, []nats.Option{nats.Secure(pinned(e.TLS.CertFile, e.TLS.KeyFile))}, nil
}

// pinned trusts the one certificate that the embedded server has, whoever signed it and whatever name it is for: both are in
// the same configuration. It is read anew at each connection, as the server does.
func pinned(certFile, keyFile string) *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12,
		// What is verified instead is that it is this certificate.
		InsecureSkipVerify: true, //nolint:gosec // as said
		VerifyConnection: func(s tls.ConnectionState) error {
			own, err := tls.LoadX509KeyPair(certFile, keyFile)
			if err != nil {
				return fmt.Errorf("nats.embedded.tls: %w", err)
			}
			leaf, err := x509.ParseCertificate(own.Certificate[0])
			if err != nil {
				return fmt.Errorf("nats.embedded.tls: %w", err)
			}
			if len(s.PeerCertificates) == 0 || !s.PeerCertificates[0].Equal(leaf) {
				return fmt.Errorf("the server has another certificate than %s: is it this daemon's?", certFile)
			}
			return nil
		},
	}
}

// notVisited says what to do where nobody answers, or nobody is let in.
func notVisited(cfg *config.Config, v Visitor, url string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, nats.ErrNoServers):
		return fmt.Errorf("nobody answers at %s: is supervisiond running, or the NATS server? (%w)", natsServers(url), err)
	case !errors.Is(err, nats.ErrAuthorization) && !strings.Contains(strings.ToLower(err.Error()), "authorization violation"):
		return fmt.Errorf("%s: %w", natsServers(url), err)
	case v.User != "":
		return fmt.Errorf("%s does not let %s in: is the password right? (%w)", natsServers(url), v.User, err)
	case cfg.NATS.URL != "":
		return fmt.Errorf("%s refuses the daemon's credentials: check nats.user and nats.password, or nats.credentials_file (%w)", natsServers(url), err)
	}
	names := make([]string, len(cfg.NATS.Embedded.Users))
	for i, u := range cfg.NATS.Embedded.Users {
		names[i] = u.Name
	}
	return fmt.Errorf("%s lets in only its users (%s): --user NAME --password-file FILE, or the password in SUPERVISIOND_NATS_PASSWORD",
		natsServers(url), strings.Join(names, ", "))
}
