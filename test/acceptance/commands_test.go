package acceptance

import (
	"encoding/json"
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"golang.org/x/crypto/bcrypt"

	"supervisiond/test/lab"
)

// withCommanders lets programs command: crm as everybody, phonebook as ben.
func withCommanders(t *testing.T, more func(yaml string) string) options {
	t.Helper()
	hash, err := bcrypt.GenerateFromPassword([]byte("crm-secret"), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	return options{
		configure: func(yaml string) string {
			users := fmt.Sprintf(`users: {crm: {password_hash: %q, acts_as: ["*"]}, phonebook: {password_hash: %q, acts_as: [ben]}},`, hash, hash)
			return more(strings.Replace(yaml, `listen: "127.0.0.1:0",`, `listen: "127.0.0.1:0", `+users, 1))
		},
		nats: []nats.Option{nats.UserInfo("crm", "crm-secret"), nats.CustomInboxPrefix("_INBOX_crm")},
	}
}

// reply is what a program gets for a command.
type reply struct {
	OK, Changed   bool
	Code, Message string
	Details       map[string]string
	Call          string // of call.pickup, as OnBehalfOf
	OnBehalfOf    string `json:"on_behalf_of"`
	View          struct {
		Seq    int
		Groups []struct{ ID string }
		People []struct{ ID string }
	}
	Events []struct {
		Type, Subject, ID string
		Time              time.Time
		Person            string
		By                struct{ Person, Via string }
		Forced            bool
		Document          json.RawMessage
	}
}

// command asks as a program would.
func (s *site) command(actor, verb, body string) reply {
	s.t.Helper()
	r, err := commandOn(s.watch.conn, actor, verb, body)
	s.must(verb+" "+body, err)
	return r
}

func commandOn(nc *nats.Conn, actor, verb, body string) (reply, error) {
	m, err := nc.Request(prefix+"cmd."+actor+"."+verb, []byte(body), patience)
	if err != nil {
		return reply{}, err
	}
	var r reply
	if err := json.Unmarshal(m.Data, &r); err != nil {
		return r, fmt.Errorf("%w: %s", err, m.Data)
	}
	if r.Code != m.Header.Get("Nats-Service-Error-Code") || r.OK != (r.Code == "") || r.OK == (m.Header.Get("Nats-Service-Error") != "") {
		return r, fmt.Errorf("header %v does not fit %s", m.Header, m.Data)
	}
	return r, nil
}

// done proves that a command is carried out, and whether that changes anything.
func (s *site) done(actor, verb, body string, changed bool) {
	s.t.Helper()
	if r := s.command(actor, verb, body); !r.OK || r.Changed != changed {
		s.t.Errorf("%s as %s: %+v", verb, actor, r)
	}
}

func (s *site) refusedWith(code, actor, verb, body string) reply {
	s.t.Helper()
	r := s.command(actor, verb, body)
	if r.Code != code || r.Message == "" {
		s.t.Errorf("%s %s as %s: %+v, want %s", verb, body, actor, r, code)
	}
	return r
}

// login proves what the event of a login and the group's document say.
func (s *site) login(mark int, kind, person, by string, forced bool) {
	s.t.Helper()
	_, m := s.watch.event(mark, kind, "sales")
	var body struct {
		Person string
		By     struct{ Person, Via string }
		Forced bool
	}
	s.must("the event", json.Unmarshal(m.data, &body))
	if body.Person != person || body.By.Person != by || body.By.Via != "nats" || body.Forced != forced {
		s.t.Errorf("%s says %s", m.subject, m.data)
	}
	s.loggedIn(mark, "sales", person, kind == "group.joined")
}

// TestCommands gives commands as programs do that know NATS and nothing else.
func TestCommands(t *testing.T) {
	t.Parallel()
	testCommands(t, lab.Options{})
}

func testCommands(t *testing.T, layout lab.Options) {
	o := withCommanders(t, func(yaml string) string {
		return strings.Replace(yaml, "members: [ben, carla, dora]", "members: [ben, carla, {person: dora, may_leave: false}]", 1)
	})
	o.lab = layout
	all := newSite(t, o)
	all.phone("101")
	ben, fatma := all.phone("102"), all.phone("106")
	const sales = `{"group":"sales"}`
	test := func(name string, run func(*testing.T, *site)) {
		t.Run(name, func(t *testing.T) { run(t, all.in(t)) })
	}

	test("G4 leaving and joining", func(t *testing.T, s *site) {
		mark := s.watch.mark()
		s.done("ben", "group.leave", sales, true)
		s.login(mark, "group.left", "ben", "ben", false)
		mark = s.watch.mark()
		s.done("ben", "group.leave", sales, false)
		// Logged out: what rings him is nobody's business.
		caller := s.dial(fatma, "102")
		s.rings(ben)
		busy := func(want bool) func(personDocument) bool {
			return func(d personDocument) bool { return (d.Presence.State == "busy") == want }
		}
		document(s.watch, mark, "person.ben", "busy", busy(true))
		rang := s.watch.mark()
		s.must("hang up", caller.Hangup(s.ctx()))
		document(s.watch, rang, "person.ben", "no longer busy", busy(false))
		s.done("ben", "group.join", sales, true)
		s.login(mark, "group.joined", "ben", "ben", false)
		s.done("ben", "group.join", sales, false)
		for _, m := range s.watch.since(mark) {
			if strings.HasPrefix(m.subject, "event.call.") || strings.HasPrefix(m.subject, "event.group.left.") {
				t.Errorf("published: %s %s", m.subject, m.data)
			}
		}
		s.refusedWith("not_participant", "fatma", "group.leave", sales)
		s.refusedWith("not_found", "ben", "group.join", `{"group":"marketing"}`)
		s.refusedWith("not_found", "nobody", "group.join", sales)
	})
	test("G3 a standard group", func(_ *testing.T, s *site) {
		s.refusedWith("not_mutual_aid", "igor", "group.leave", `{"group":"desk"}`)
	})
	test("G5 who may not leave", func(_ *testing.T, s *site) {
		s.refusedWith("may_not_leave", "dora", "group.leave", sales)
		s.refusedWith("may_not_leave", "anna", "group.force_out", `{"group":"sales","person":"dora"}`)
	})
	test("G8 by force", func(_ *testing.T, s *site) {
		mark := s.watch.mark()
		s.done("anna", "group.force_out", `{"group":"sales","person":"carla"}`, true)
		s.login(mark, "group.left", "carla", "anna", true)
		mark = s.watch.mark()
		s.done("anna", "group.force_in", `{"group":"sales","person":"carla"}`, true)
		s.login(mark, "group.joined", "carla", "anna", true)
		s.refusedWith("not_admin", "emil", "group.force_out", `{"group":"sales","person":"ben"}`)
	})
	test("S3 presence that a client reports", func(_ *testing.T, s *site) {
		s.done("carla", "presence.set", `{"state":"away","source":"teams","ttl_seconds":60}`, true)
		s.watch.awaitPerson("carla", "away", func(d personDocument) bool { return d.Presence.State == "away" })
		s.done("carla", "presence.set", `{"state":"online","source":"teams"}`, true)
		s.refusedWith("invalid", "carla", "presence.set", `{"state":"asleep","source":"teams"}`)
	})
	test("S7 view", func(t *testing.T, s *site) {
		v := s.command("anna", "view.get", "").View
		if len(v.Groups) != 1 || v.Groups[0].ID != "sales" || len(v.People) != 3 {
			t.Errorf("anna sees %+v", v)
		}
		if v := s.command("fatma", "view.get", "{}").View; len(v.Groups)+len(v.People) != 0 {
			t.Errorf("fatma sees %+v", v)
		}
	})
	test("H1 history", func(t *testing.T, s *site) {
		s.watch.kept("group.joined", "sales")
		events := s.command("emil", "history.get", `{"limit":2}`).Events
		if len(events) != 2 || events[0].Type != "group.joined" || events[1].Type != "group.left" ||
			events[1].Person != "carla" || events[1].By.Person != "anna" || !events[1].Forced {
			t.Errorf("emil reads %+v", events)
		}
		for _, e := range s.command("carla", "history.get", "").Events {
			if e.Person != "carla" {
				t.Errorf("carla reads %+v", e)
			}
		}
		if events := s.command("fatma", "history.get", "").Events; len(events) != 0 {
			t.Errorf("fatma reads %+v", events)
		}
	})
	test("who may", func(t *testing.T, s *site) {
		url := fmt.Sprint(s.daemon.logged("started")["nats"])
		refused := make(chan error, 8)
		phonebook, err := nats.Connect(url, nats.UserInfo("phonebook", "crm-secret"), nats.CustomInboxPrefix("_INBOX_phonebook"),
			nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { refused <- err }))
		s.must("connect", err)
		defer phonebook.Close()
		if r, err := commandOn(phonebook, "ben", "group.join", sales); err != nil || !r.OK {
			t.Errorf("as ben: %+v, %v", r, err)
		}
		s.must("ask", phonebook.Publish(prefix+"cmd.anna.group.leave", []byte(sales)))
		s.refusedBy(refused, prefix+"cmd.anna.group.leave")
		m, err := phonebook.Request("$SRV.INFO.supervision", nil, patience)
		if err != nil || !strings.Contains(string(m.Data), prefix+"cmd.*.group.join") {
			t.Errorf("discovered: %v", err)
		}
	})
	test("G9 a login outlives a kill and a stop", func(_ *testing.T, s *site) {
		for _, signal := range []syscall.Signal{syscall.SIGKILL, syscall.SIGTERM} {
			s.done("carla", "group.leave", sales, true)
			s.daemon.stop(signal)
			s.start()
			s.loggedIn(0, "sales", "carla", false)
			s.loggedIn(0, "sales", "ben", true)
			s.done("carla", "group.join", sales, true)
		}
	})
}
