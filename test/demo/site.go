package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"golang.org/x/crypto/bcrypt"

	"supervisiond/app"
	"supervisiond/ari"
	"supervisiond/config"
	"supervisiond/test/lab"
	"supervisiond/test/softphone"
)

// people of the demo. Anna is whoever reads this, in the console; her phone answers by itself. Emil picks up by codes on his phone.
// The calls to Reception are left to Anna.
const people = `
people:
  anna:  {name: Anna Berger, extension: "101", password_hash: HASH, endpoints: [{endpoint: PJSIP/101, auto_answer: yealink}]}
  ben:   {name: Ben Okafor, extension: "102", password_hash: HASH, endpoints: [PJSIP/102]}
  carla: {name: Carla Diaz, extension: "103", endpoints: [PJSIP/103]}
  dora:  {name: Dora Lind, extension: "104", endpoints: [PJSIP/104]}
  emil:  {name: Emil Novak, extension: "105", endpoints: [PJSIP/105]}
  fatma: {name: Fatma Aydin, extension: "106", endpoints: [PJSIP/106]}
  georg: {name: Georg Huber, extension: "107", endpoints: [PJSIP/107]}
  hana:  {name: Hana Sato, extension: "108", password_hash: HASH, endpoints: [PJSIP/108], admin: true}
  igor:  {name: Igor Petrov, extension: "109", endpoints: [PJSIP/109]}
  julia: {name: Julia Costa, extension: "110", endpoints: [PJSIP/110]}
groups:
  sales:
    name: Sales
    number: "1"
    type: mutual_aid
    supervisors: [{person: anna, admin: true}, emil]
    members: [ben, carla, dora]
  reception:
    name: Reception
    number: "2"
    supervisors: [anna]
    members: [igor, julia]
forwarding: {allowed_destinations: ["^1[0-9]{2}$"]}
`

// password is that of everybody who may sign in. The daemon of the demo is reached from this machine only.
const password = "demo"

// site is a PBX, the daemon beside it, and the phones.
type site struct {
	dir    string
	pbx    *lab.Asterisk
	daemon *app.App
	stop   context.CancelFunc
	done   chan error
	phones map[string]*softphone.Phone
	// figures are the daemon's metrics.
	figures *prometheus.Registry
}

func newSite(ctx context.Context, verbose bool) (s *site, err error) {
	s = &site{phones: make(map[string]*softphone.Phone), figures: prometheus.NewRegistry()}
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
	if s.daemon, err = app.New(cfg, app.Options{Log: log, Metrics: s.figures}); err != nil {
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
	hash, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.DefaultCost)
	if err != nil {
		return nil, err
	}
	file := filepath.Join(s.dir, "config.yml")
	text := fmt.Sprintf(`site: demo
asterisk:
  ari: {url: %s, username: %s, password: lab}
nats: {embedded: {listen: "127.0.0.1:0", store_dir: nats}}
http: {listen: "127.0.0.1:0"}
`, ariURL, lab.ARIUser) + strings.ReplaceAll(people, "HASH", strconv.Quote(string(hash)))
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		return nil, err
	}
	return config.Load(file)
}

func (s *site) connectPhones(ctx context.Context) error {
	connect := func(o softphone.Options) error {
		o.Password, o.Server = lab.Password(o.User), s.pbx.SIPAddr()
		phone, err := softphone.New(ctx, o)
		if err != nil {
			return fmt.Errorf("phone %s: %w", o.User, err)
		}
		s.phones[o.User] = phone
		return nil
	}
	err := errors.Join(
		connect(softphone.Options{User: "101", Behaviour: softphone.AutoAnswer()}),
		connect(softphone.Options{User: lab.Trunk, NoRegister: true}),
	)
	for user := 102; user <= 110; user++ {
		err = errors.Join(err, connect(softphone.Options{User: strconv.Itoa(user)}))
	}
	return err
}

func (s *site) introduce(out io.Writer) {
	fmt.Fprintf(out, `
  The attendant console:  http://%[1]s/

  user   password
  anna   %[2]s       supervises Sales and Reception: sign in as her, and pick up what rings
  ben    %[2]s       is a member of Sales: logs in to it and out
  hana   %[2]s       administers the company: logs others in and out, sets their forwards

  Somebody calls Reception all the time, and waits for you. Press "Pick up", or the key P: your phone,
  which is a program here, answers by itself, and you have the call. Emil may be faster in Sales.

  For programs: NATS at %[3]s (nats sub 'supervision.v1.demo.>'), metrics at http://%[1]s/metrics.
  Ctrl-C ends it. What happens:

`, s.daemon.HTTPAddr(), password, s.daemon.NATSURL())
}

// visited tells whether somebody has signed in to the console, who may do with the calls what they like.
func (s *site) visited() bool {
	families, err := s.figures.Gather()
	if err != nil {
		return false
	}
	for _, f := range families {
		if f.GetName() == "supervisiond_http_sign_ins_total" {
			return slices.ContainsFunc(f.GetMetric(), func(m *dto.Metric) bool {
				return m.GetLabel()[0].GetValue() == "ok" && m.GetCounter().GetValue() > 0
			})
		}
	}
	return false
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
