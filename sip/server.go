package sip

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"time"

	gosip "github.com/emiago/sipgo/sip"
	"github.com/prometheus/client_golang/prometheus"

	"supervisiond/sip/body"
	"supervisiond/sip/digest"
	"supervisiond/sip/front"
	"supervisiond/sip/notifier"
	"supervisiond/sip/publication"
	"supervisiond/sip/registrar"
	"supervisiond/supervision"
)

// Options are what a server is made of.
type Options struct {
	Listen            []front.Listener
	CertFile, KeyFile string
	Realm             string
	// PBXURI is where calls to us are redirected to, and who is asked whether SIP lives at the PBX.
	PBXURI string
	// Compact: who logged out of a group is left out of its list; otherwise their line goes dark.
	Compact bool
	// AfterSeconds: the PBX has a place for after how long a forward on no answer forwards.
	AfterSeconds bool
	// PickupGroup is the code before a group's number that picks up its oldest call.
	PickupGroup string
	Log         *slog.Logger
	Metrics     *prometheus.Registry

	// Directory is who there is now, and Accounts who may come in, by username.
	Directory func() *supervision.Directory
	Accounts  func() map[string]Account
	// Watch has a person's view shown or not any more, before any command that is given later.
	Watch func(context.Context, supervision.PersonID, bool) error
	// Command takes what was asked for; a supervision.Reply with its ID is to be among the effects that Take gets.
	Command func(supervision.Commanded) error
	// Alive is told whether the PBX's SIP side answers. It may block for a moment.
	Alive func(context.Context, bool)
}

// Account is one person's at the event server. A password, or the hashes that are known.
type Account struct {
	Person                      supervision.PersonID
	Password, HA1MD5, HA1SHA256 string
	// Alerts: a text message says that a call rings which the person may pick up.
	Alerts bool
}

// Server is the event server.
type Server struct {
	o            Options
	front        *front.Front
	notifier     *notifier.Notifier
	outbound     *outbound
	publications *publications
	registrar    *registrar.Registrar
	alerts       *alerts
	alerting     atomic.Pointer[map[supervision.PersonID]bool] // who wants alerts
	secrets      map[supervision.PersonID]secret               // Reconfigured's: one runs at a time
	health       *pbxHealth
}

// New takes all addresses, so that one that is not to be had is known at once.
func New(o Options) (*Server, error) {
	f, err := front.New(front.Config{
		Listen: o.Listen, CertFile: o.CertFile, KeyFile: o.KeyFile, Realm: o.Realm, Log: o.Log, Metrics: o.Metrics,
	})
	if err != nil {
		return nil, err
	}
	s := &Server{o: o, front: f, publications: &publications{command: o.Command, store: publication.NewStore()}}
	if s.outbound, err = newOutbound(f.UserAgent()); err != nil {
		return nil, err
	}
	var pbx gosip.Uri
	if err := gosip.ParseUri(o.PBXURI, &pbx); err != nil {
		return nil, fmt.Errorf("sip.pbx_uri: %w", err)
	}
	s.registrar = registrar.New(s.personOf, o.Metrics)
	s.alerts = newAlerts(o, s.alerted, s.outbound.send)
	s.notifier = notifier.New(notifier.Options{
		Directory: o.Directory, Watch: o.Watch, Command: o.Command, Send: s.outbound.notify, Alert: s.alerts.add, Host: pbx.Host,
		AfterSeconds: o.AfterSeconds, Compact: o.Compact, Metrics: notifier.NewMetrics(o.Metrics), Log: o.Log,
	})
	s.health = newHealth(pbx, s.outbound.client, o)
	s.Reconfigured()
	f.Handle("SUBSCRIBE", s.subscribe)
	f.Handle("PUBLISH", s.publish)
	f.Handle("REGISTER", s.register)
	f.Handle("INVITE", front.Redirect(pbx, s.dialled))
	f.Handle("OPTIONS", f.Options([]string{body.PIDFType, body.FeatureType}, strings.Split(notifier.AllowEvents, ", ")))
	return s, nil
}

// personOf is who has a user part: an id, an extension, or a username here.
func (s *Server) personOf(user string) (supervision.PersonID, bool) {
	dir := s.o.Directory()
	if p := dir.Person(supervision.PersonID(strings.ToLower(user))); p != nil {
		return p.ID, true
	}
	if p := dir.PersonByExtension(user); p != nil {
		return p.ID, true
	}
	a, ok := s.o.Accounts()[user]
	return a.Person, ok
}

// dialled is what the PBX has instead of an id: a person's extension, or the code that picks up a group's calls. A group without a number
// has none.
func (s *Server) dialled(user string) (number string, known bool) {
	dir, id := s.o.Directory(), strings.ToLower(user)
	if p := dir.Person(supervision.PersonID(id)); p != nil {
		return p.Extension, true
	}
	g := dir.Group(supervision.GroupID(id))
	if g == nil || g.Number == "" {
		return "", g != nil
	}
	return s.o.PickupGroup + g.Number, true
}

// register answers REGISTER. Whose phones can be reached can be alerted.
func (s *Server) register(ctx context.Context, r *front.Request) (*gosip.Response, func()) {
	res, then := s.registrar.Register(ctx, r)
	if (*s.alerting.Load())[r.Person] && len(s.registrar.Bindings(r.Person)) > 0 {
		s.notifier.Alerts(r.Person, true)
	}
	return res, then
}

// alerted are the phones on which somebody is alerted. Who has none is not followed for that any longer.
func (s *Server) alerted(person supervision.PersonID) []*phone {
	var list []*phone
	for _, b := range s.registrar.Bindings(person) {
		list = append(list, registered(&b, person))
	}
	if len(list) == 0 {
		s.notifier.Alerts(person, false)
	}
	return list
}

// Addrs are the addresses that are taken, as the configuration writes them.
func (s *Server) Addrs() []string {
	var all []string
	for _, l := range s.front.Addrs() {
		all = append(all, l.Network+"://"+l.Address)
	}
	return all
}

// secret is by what somebody comes in.
type secret struct {
	username string
	digest.User
}

// Reconfigured looks anew at who may come in, and who wants alerts. What was made with a secret that no longer holds is over: whoever
// still has it would be told for as long as they have subscribed.
func (s *Server) Reconfigured() {
	people := make(map[string]front.Person)
	alerting := make(map[supervision.PersonID]bool)
	secrets := make(map[supervision.PersonID]secret)
	for name, a := range s.o.Accounts() {
		user := digest.UserOf(name, s.o.Realm, a.Password, strings.ToLower(a.HA1MD5), strings.ToLower(a.HA1SHA256))
		people[name] = front.Person{ID: a.Person, Secret: user}
		alerting[a.Person], secrets[a.Person] = a.Alerts, secret{name, user}
	}
	before := s.alerting.Swap(&alerting)
	s.front.SetPeople(people)
	s.expel(secrets)
	for person, wants := range alerting {
		s.notifier.Alerts(person, wants && len(s.registrar.Bindings(person)) > 0)
	}
	if before == nil {
		return
	}
	for person := range *before {
		if !alerting[person] {
			s.notifier.Alerts(person, false)
		}
	}
}

// expel ends what people have here whose secret is another one from now on, or who have none any more.
func (s *Server) expel(now map[supervision.PersonID]secret) {
	over := make(map[supervision.PersonID]string)
	for person, was := range s.secrets {
		is, there := now[person]
		switch {
		case !there:
			over[person] = notifier.Rejected
		case is != was:
			over[person] = notifier.Deactivated
		default:
			continue
		}
		s.registrar.Forget(person)
	}
	s.secrets = now
	if len(over) > 0 {
		s.notifier.Expel(over)
	}
}

// Take takes what people are shown, and the replies to commands. It never blocks.
func (s *Server) Take(at time.Time, effects []supervision.Effect) { s.notifier.Take(at, effects) }

// Close gives the addresses of a server back that never ran.
func (s *Server) Close() {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	s.front.Serve(ctx)
}

// Run answers phones until the context ends. Before it gives its addresses back it tells them that they should come again.
func (s *Server) Run(ctx context.Context) {
	serving, end := context.WithCancel(context.WithoutCancel(ctx))
	served := make(chan struct{})
	go func() {
		defer close(served)
		s.front.Serve(serving)
	}()
	background := make(chan struct{}, 2)
	go func() { s.health.run(ctx); background <- struct{}{} }()
	go func() { s.alerts.run(ctx); background <- struct{}{} }()
	s.notifier.Run(ctx)
	for range cap(background) {
		<-background
	}
	end()
	<-served
}
