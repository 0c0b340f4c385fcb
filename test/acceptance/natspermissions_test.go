package acceptance

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"golang.org/x/crypto/bcrypt"
)

// What nats-permissions prints is put before a real NATS server: the daemon works with it, each user may what is theirs
// and nothing else (who may, S7).
func TestNATSPermissions(t *testing.T) {
	t.Parallel()
	hash := func(password string) string {
		h, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.MinCost)
		if err != nil {
			t.Fatal(err)
		}
		return string(h)
	}
	url := "nats://127.0.0.1:1" // the server is not there yet
	site := func(yaml string) string {
		from := strings.Index(yaml, "nats:")
		to := from + strings.Index(yaml[from:], "\n")
		yaml = yaml[:from] + fmt.Sprintf("nats: {url: %q, user: daemon, password: nats-secret, embedded: {users: {crm: {password_hash: %q, acts_as: [\"*\"]}}}}",
			url, hash("crm-secret")) + yaml[to:]
		return strings.Replace(yaml, "anna:  {", fmt.Sprintf("anna:  {password_hash: %q, ", hash("anna-secret")), 1)
	}
	file := filepath.Join(t.TempDir(), "config.yml")
	yaml := site("site: hq\nasterisk: {ari: {username: u, password: p}}\nnats:\n" + people)
	if err := os.WriteFile(file, []byte(yaml), 0o600); err != nil {
		t.Fatal(err)
	}
	printed := supervisiond(t, "nats-permissions", "--config", file)
	if strings.Contains(printed, "secret") {
		t.Errorf("a password is printed:\n%s", printed)
	}
	conf := filepath.Join(t.TempDir(), "nats.conf")
	if err := os.WriteFile(conf, []byte("port: -1\nhost: 127.0.0.1\njetstream {}\n"+printed), 0o600); err != nil {
		t.Fatal(err)
	}
	o, err := server.ProcessConfigFile(conf)
	if err != nil {
		t.Fatalf("the server does not read it: %v\n%s", err, printed)
	}
	o.JetStream = true
	url = startServer(t, *o).ClientURL()
	s := newSite(t, options{configure: site, nats: []nats.Option{nats.UserInfo("crm", "crm-secret"), nats.CustomInboxPrefix("_INBOX_crm")}})

	s.ready()
	s.done("anna", "presence.set", `{"state":"away","source":"test"}`, true) // as crm, which acts as anybody
	anna, err := nats.Connect(url, nats.UserInfo("anna", "anna-secret"), nats.CustomInboxPrefix("_INBOX_anna"))
	s.must("log in as anna", err)
	defer anna.Close()
	if r, err := commandOn(anna, "anna", "view.get", "{}"); err != nil || !r.OK || len(r.View.Groups) != 1 {
		t.Errorf("anna's own view: %+v, %v", r, err)
	}
	for _, forbidden := range []string{
		"supervision.v1.hq.cmd.ben.view.get", "supervision.v1.hq.cmd.emil.group.leave", "$KV.SUPERVISION_hq.person.anna",
		"$JS.API.STREAM.INFO.KV_SUPERVISION_hq", "$JS.API.DIRECT.GET.KV_SUPERVISION_hq.$KV.SUPERVISION_hq.site",
		"$JS.API.CONSUMER.CREATE.SUPERVISION_EVENTS_hq", "supervision.v1.hq.event.call.ended.c1",
	} {
		s.forbidden(anna, "publish to", forbidden, func() error { return anna.Publish(forbidden, []byte("{}")) })
	}
	for _, forbidden := range []string{
		"supervision.v1.hq.>", "supervision.v1.hq.view.ben", "supervision.v1.hq.state.>", "_INBOX_crm.>", "_INBOX_supervisiond.>",
		"supervision.v1.hq.cmd.>",
	} {
		s.forbidden(anna, "subscribe to", forbidden, func() error {
			_, err := anna.SubscribeSync(forbidden)
			return err
		})
	}
	crm := s.watch.conn
	for _, forbidden := range []string{"$KV.SUPERVISION_hq.person.anna", "$KV.SUPERVISION_hq_LOGINS.epoch", "$JS.API.STREAM.DELETE.KV_SUPERVISION_hq"} {
		s.forbidden(crm, "publish to", forbidden, func() error { return crm.Publish(forbidden, []byte("{}")) })
	}
}

// forbidden proves that the server turns something away.
func (s *site) forbidden(nc *nats.Conn, what, subject string, try func() error) {
	s.t.Helper()
	err := try()
	if err == nil {
		err = nc.Flush() // the refusal comes before the answer
	}
	s.must(what+" "+subject, err)
	if last := nc.LastError(); last == nil || !strings.Contains(last.Error(), `"`+subject+`"`) {
		s.t.Errorf("%s may %s %s", nc.Opts.User, what, subject)
	}
}
