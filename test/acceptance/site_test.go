package acceptance

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"supervisiond/test/lab"
	"supervisiond/test/softphone"
)

// patience bounds every wait. It is long because the machine may be busy; nothing waits for it to pass.
const patience = 20 * time.Second

// slack is what a busy machine may add to a time that is promised. Whoever relies on it must wait for much longer where the promise
// is not kept.
const slack = 3 * time.Second

// people and groups of the site: anna and emil supervise sales; hana supervises the desk; fatma, georg and julia have
// nothing to do with either.
const people = `
people:
  anna:  {name: Anna Berger, extension: "101", endpoints: [PJSIP/101, PJSIP/101-home]}
  ben:   {name: Ben Okafor, extension: "102", endpoints: [PJSIP/102], unsupervised_endpoints: [PJSIP/102-web]}
  carla: {name: Carla Diaz, extension: "103", endpoints: [PJSIP/103]}
  dora:  {name: Dora Lind, extension: "104", endpoints: [PJSIP/104]}
  emil:  {name: Emil Novak, extension: "105", endpoints: [PJSIP/105]}
  fatma: {name: Fatma Aydin, extension: "106", endpoints: [PJSIP/106]}
  georg: {name: Georg Huber, extension: "107", endpoints: [PJSIP/107]}
  hana:  {name: Hana Sato, extension: "108", endpoints: [PJSIP/108]}
  igor:  {name: Igor Petrov, extension: "109", endpoints: [PJSIP/109]}
  julia: {name: Julia Costa, extension: "110", endpoints: [PJSIP/110]}
groups:
  sales:
    name: Vertrieb
    number: "1"
    type: mutual_aid
    supervisors: [{person: anna, admin: true}, emil]
    members: [ben, carla, dora]
  desk:
    name: Empfang
    number: "2"
    type: standard
    supervisors: [hana]
    members: [igor]
`

// site is a PBX with the daemon beside it and somebody who watches both.
type site struct {
	t      *testing.T
	pbx    *lab.Asterisk
	daemon *daemon
	config string // the file
	nats   []nats.Option
	watch  *watcher
	// environment is what the daemon has besides the test's own: NAME=value.
	environment []string
}

// pbxSIP stands in a configuration for where the PBX answers SIP.
const pbxSIP = "127.0.0.1:9"

// options say what is special about a site.
type options struct {
	lab        lab.Options
	noDialplan bool
	// configure may change the configuration.
	configure func(yaml string) string
	// linked puts the configuration behind a link, where nobody notices a change of it.
	linked bool
	// route may lead the daemon to ARI by another way.
	route func(ari string) string
	// nats is how to log in to NATS.
	nats []nats.Option
	// environment is what the daemon has besides the test's own: NAME=value.
	environment []string
}

func newSite(t *testing.T, o options) *site {
	t.Helper()
	dir := t.TempDir()
	s := &site{t: t, config: filepath.Join(dir, "config.yml")}
	if o.linked {
		file := filepath.Join(t.TempDir(), "elsewhere.yml")
		s.must("link", os.Symlink(file, s.config))
	}
	// The dialplan depends on nothing that only the PBX can tell, so it can be there before it.
	s.write(o, "http://127.0.0.1:1/ari", dir)
	if !o.noDialplan {
		o.lab.Dialplan = supervisiond(t, "dialplan", "--config", s.config)
	}
	s.pbx = lab.Start(t, o.lab)
	ari := s.pbx.ARIURL()
	if o.route != nil {
		ari = o.route(ari)
	}
	s.write(o, ari, dir)
	s.nats, s.environment = o.nats, o.environment
	s.start()
	return s
}

func (s *site) write(o options, ari, dir string) {
	s.t.Helper()
	yaml := fmt.Sprintf(`
site: hq
asterisk:
  ari: {url: %s, username: %s, password: lab}
  phone_context: %s
nats: {embedded: {listen: "127.0.0.1:0", store_dir: %s}}
http: {listen: "127.0.0.1:0"}
log: {format: json, level: info}
`, ari, lab.ARIUser, o.lab.PhoneContext(), filepath.Join(dir, "nats")) + people
	if o.configure != nil {
		yaml = o.configure(yaml)
	}
	if s.pbx != nil {
		yaml = strings.ReplaceAll(yaml, pbxSIP, s.pbx.SIPAddr())
	}
	if err := os.WriteFile(s.config, []byte(yaml), 0o600); err != nil {
		s.t.Fatal(err)
	}
}

// start starts the daemon, watches it from its first document on, and waits until it takes commands.
func (s *site) start() {
	s.t.Helper()
	s.daemon = startDaemon(s.t, s.config, s.environment...)
	s.watch = watch(s.t, fmt.Sprint(s.daemon.logged("started")["nats"]), s.nats...)
	s.watch.awaitSite("the PBX is connected", func(d siteDocument) bool { return d.PBX.Connected })
	s.ready()
}

// ready waits until the daemon says that it is.
func (s *site) ready() {
	s.t.Helper()
	ctx := s.ctx()
	for get(s.t, s.url("/readyz")) != http.StatusOK {
		if ctx.Err() != nil {
			s.t.Fatal("the daemon is not ready")
		}
	}
}

// url is where the daemon's HTTP side answers.
func (s *site) url(path string) string {
	return "http://" + fmt.Sprint(s.daemon.logged("started")["http"]) + path
}

// phone registers a person's phone, and waits until the daemon knows it.
func (s *site) phone(user string, o ...func(*softphone.Options)) *softphone.Phone {
	s.t.Helper()
	options := softphone.Options{User: user, Password: lab.Password(user), Server: s.pbx.SIPAddr()}
	for _, f := range o {
		f(&options)
	}
	p := softphone.Start(s.t, options)
	if person := personOf[user]; person != "" && !options.NoRegister {
		s.watch.awaitPerson(person, "reachable", func(d personDocument) bool { return d.Reachable })
	}
	return p
}

// personOf says whose phone a user is.
var personOf = map[string]string{
	"101": "anna", "101-home": "anna", "102": "ben", "103": "carla", "104": "dora", "105": "emil", "106": "fatma",
	"107": "georg", "108": "hana", "109": "igor", "110": "julia",
}

// outside is the trunk.
func (s *site) outside() *softphone.Phone {
	return s.phone(lab.Trunk, func(o *softphone.Options) { o.NoRegister = true })
}

// ctx bounds one wait.
func (s *site) ctx() context.Context {
	ctx, cancel := context.WithTimeout(s.t.Context(), patience)
	s.t.Cleanup(cancel)
	return ctx
}

// dial calls a number and fails the test if the INVITE could not be sent.
func (s *site) dial(p *softphone.Phone, number string, o ...softphone.DialOption) *softphone.Call {
	s.t.Helper()
	c, err := p.Dial(s.ctx(), number, o...)
	if err != nil {
		s.t.Fatalf("%s dials %s: %v", p.User(), number, err)
	}
	return c
}

// rings waits until a phone rings.
func (s *site) rings(p *softphone.Phone) *softphone.Call {
	s.t.Helper()
	c, err := p.Incoming(s.ctx())
	if err != nil {
		s.t.Fatalf("%s does not ring: %v", p.User(), err)
	}
	return c
}

func (s *site) must(what string, err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatalf("%s: %v", what, err)
	}
}

// ended waits for a call's end.
func (s *site) ended(c *softphone.Call) softphone.End {
	s.t.Helper()
	end, err := c.Ended(s.ctx())
	s.must(c.String()+" should end", err)
	return end
}

// talk proves that two phones hear each other, and nobody else.
func (s *site) talk(a, b *softphone.Call) {
	s.t.Helper()
	s.must("the caller hears", a.Hears(s.ctx(), b.Phone().Mark()))
	s.must("the other hears", b.Hears(s.ctx(), a.Phone().Mark()))
}

// quiet waits until the PBX has no channel left, and fails if that does not come.
func (s *site) quiet() {
	s.t.Helper()
	ctx := s.ctx()
	var left string
	for {
		out, err := s.pbx.CLI(ctx, "core show channels concise")
		if err == nil && strings.TrimSpace(out) == "" {
			return
		}
		if ctx.Err() != nil {
			s.t.Fatalf("channels are left on the PBX:\n%s", left)
		}
		left = out
	}
}
