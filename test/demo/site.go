package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"supervisiond/app"
	"supervisiond/ari"
	"supervisiond/config"
	"supervisiond/test/lab"
	"supervisiond/test/softphone"
)

// people of the demo. Anna supervises; Ben, Carla and Dora are supervised; Fatma and Georg call.
const people = `
people:
  anna:  {name: Anna Berger, extension: "101", endpoints: [PJSIP/101]}
  ben:   {name: Ben Okafor, extension: "102", endpoints: [PJSIP/102]}
  carla: {name: Carla Diaz, extension: "103", endpoints: [PJSIP/103]}
  dora:  {name: Dora Lind, extension: "104", endpoints: [PJSIP/104]}
  fatma: {name: Fatma Aydin, extension: "106", endpoints: [PJSIP/106]}
  georg: {name: Georg Huber, extension: "107", endpoints: [PJSIP/107]}
groups:
  sales:
    name: Vertrieb
    number: "1"
    type: mutual_aid
    supervisors: [{person: anna, admin: true}]
    members: [ben, carla, dora]
`

// site is a PBX, the daemon beside it, and the phones.
type site struct {
	dir    string
	pbx    *lab.Asterisk
	daemon *app.App
	stop   context.CancelFunc
	done   chan error
	phones map[string]*softphone.Phone
}

func newSite(ctx context.Context, out io.Writer, verbose bool) (s *site, err error) {
	s = &site{phones: make(map[string]*softphone.Phone)}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close())
		}
	}()
	if s.dir, err = os.MkdirTemp("", "supervisiond-demo-"); err != nil {
		return s, err
	}
	cfg, err := s.configure("http://127.0.0.1:8088/ari")
	if err != nil {
		return s, err
	}
	dialplan, err := ari.Dialplan(app.DialplanOptions(cfg))
	if err != nil {
		return s, err
	}
	fmt.Fprintln(out, "Starting an Asterisk …")
	if s.pbx, err = lab.Run(ctx, lab.Options{Dialplan: dialplan}); err != nil {
		return s, err
	}
	if cfg, err = s.configure(s.pbx.ARIURL()); err != nil {
		return s, err
	}
	log := slog.New(slog.DiscardHandler)
	if verbose {
		log = slog.New(slog.NewTextHandler(os.Stderr, nil))
	}
	fmt.Fprintln(out, "Starting supervisiond …")
	if s.daemon, err = app.New(cfg, app.Options{Log: log}); err != nil {
		return s, err
	}
	var running context.Context
	running, s.stop = context.WithCancel(context.WithoutCancel(ctx))
	s.done = make(chan error, 1)
	go func() { s.done <- s.daemon.Run(running) }()
	return s, s.connectPhones(ctx)
}

// configure writes the configuration that a person would write, and reads it as the daemon does.
func (s *site) configure(ariURL string) (*config.Config, error) {
	file := filepath.Join(s.dir, "config.yml")
	text := fmt.Sprintf(`site: demo
asterisk:
  ari: {url: %s, username: %s, password: lab}
nats: {embedded: {listen: "127.0.0.1:0", store_dir: nats}}
http: {listen: "127.0.0.1:0"}
`, ariURL, lab.ARIUser) + people
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		return nil, err
	}
	return config.Load(file)
}

func (s *site) connectPhones(ctx context.Context) error {
	for _, user := range []string{"101", "102", "103", "104", "106", "107"} {
		phone, err := softphone.New(ctx, softphone.Options{User: user, Password: lab.Password(user), Server: s.pbx.SIPAddr()})
		if err != nil {
			return fmt.Errorf("phone %s: %w", user, err)
		}
		s.phones[user] = phone
	}
	return nil
}

func (s *site) introduce(out io.Writer) {
	fmt.Fprintf(out, `
Anna supervises Ben, Carla and Dora. Whoever calls one of them is told below, as any program reads it:

  NATS     %s    (nats sub 'supervision.v1.demo.>')
  metrics  http://%s/metrics

Ctrl-C ends it.

`, s.daemon.NATSURL(), s.daemon.HTTPAddr())
}

// close puts everything away, the last first.
func (s *site) close() error {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	var errs []error
	for _, p := range s.phones {
		errs = append(errs, p.Close(ctx))
	}
	if s.stop != nil {
		s.stop()
		errs = append(errs, <-s.done)
	}
	if s.pbx != nil {
		errs = append(errs, s.pbx.Stop())
	}
	if s.dir != "" {
		errs = append(errs, os.RemoveAll(s.dir))
	}
	return errors.Join(errs...)
}
