package acceptance

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"supervisiond/test/pushservice"
	"supervisiond/test/softphone"
)

// pushed is what a browser that sleeps is told.
type pushed struct {
	Type, Site, Language string
	Call                 callDocument
	Names                map[string]string
	Pickup               *bool
}

// pushSite is a site that tells browsers through one push service, in the house.
func pushSite(t *testing.T, service *pushservice.Service) *site {
	t.Helper()
	return newSite(t, withPasswords(t, options{
		environment: []string{"SSL_CERT_FILE=" + service.CAFile()},
		configure: func(yaml string) string {
			yaml = strings.Replace(yaml, `http: {listen: "127.0.0.1:0"`, fmt.Sprintf(`http: {listen: "127.0.0.1:0", push: {services: [%q]}`, service.Origin()), 1)
			return strings.Replace(yaml, `name: Anna Berger, `, `name: Anna Berger, language: de, `, 1)
		},
	}, "anna", "ben", "emil"))
}

// subscribes has a browser of its own at the push service.
func (b *browser) subscribes(service *pushservice.Service) *pushservice.Subscription {
	b.t.Helper()
	var state struct {
		PublicKey string `json:"public_key"`
	}
	b.s.must("the key", json.Unmarshal(b.do("GET", "/me/push", "").Body, &state))
	sub := service.Subscribe(state.PublicKey)
	if a := b.do("PUT", "/me/push", sub.JSON()); a.Status != http.StatusOK || !a.OK || !a.Changed {
		b.t.Fatalf("%d %s", a.Status, a.Body)
	}
	return sub
}

// told waits for the next message of a subscription.
func (s *site) told(sub *pushservice.Subscription) (pushed, pushservice.Message) {
	s.t.Helper()
	m, err := sub.Next(s.ctx())
	s.must("a push message", err)
	var p pushed
	s.must(string(m.Body), json.Unmarshal(m.Body, &p))
	return p, m
}

// A supervisor's phone that sleeps is told of a ringing call and that it is over, of nothing that its owner may not see, after a
// restart of the daemon too, and not any more once they have signed out (R4, R5, S7).
func TestPush(t *testing.T) {
	t.Parallel()
	service := pushservice.Start(t)
	s := pushSite(t, service)
	ben, fatma := s.phone("102"), s.phone("106")
	s.phone("101") // with which anna could take a call
	anna, bens := s.signedIn("anna"), s.signedIn("ben")
	annas, own := anna.subscribes(service), bens.subscribes(service)
	if a := anna.do("PUT", "/me/push", annas.JSON()); a.Status != http.StatusOK || a.Changed {
		t.Errorf("once more: %d %s", a.Status, a.Body)
	}

	caller := s.dial(fatma, "102")
	member := s.rings(ben)
	ring, first := s.told(annas)
	if ring.Type != "ringing" || ring.Site != "hq" || ring.Language != "de" || ring.Pickup == nil || !*ring.Pickup ||
		ring.Call.State != "ringing" || ring.Call.Caller.Name != "Fatma Aydin" || ring.Call.people() != "ben" || ring.Names["ben"] != "Ben Okafor" {
		t.Errorf("the ring: %s", first.Body)
	}
	if first.TTL <= 0 || first.TTL > time.Minute || first.Urgency != "high" || len(first.Topic) != 32 || first.Contact != "https://"+s.host() {
		t.Errorf("%+v", first)
	}
	s.must("answer", member.Answer())
	end, second := s.told(annas)
	if end.Type != "over" || end.Call.ID != ring.Call.ID || end.Call.State != "answered" || end.Call.AnsweredBy != "ben" || end.Names["ben"] != "Ben Okafor" ||
		second.Topic != first.Topic || second.Urgency != "high" {
		t.Errorf("the end: %+v %s", second, second.Body)
	}
	s.must("hang up", caller.Hangup(s.ctx()))
	s.ended(member)
	if n := len(own.Messages()); n != 0 {
		t.Errorf("ben is told of his own call %d times", n)
	}

	s.withheldInPush(annas, ben)
	s.pushSurvivesRestart(annas, ben, fatma)

	// Who signs out is told no more: the next call is told to who has signed in there since.
	anna.do("DELETE", "/session", "")
	emil := s.signedIn("emil")
	if a := emil.do("PUT", "/me/push", annas.JSON()); a.Status != http.StatusOK || !a.Changed {
		t.Errorf("emil takes it over: %d %s", a.Status, a.Body)
	}
	if p := s.ringsInPush(annas, fatma, ben); p.Language != "" {
		t.Errorf("emil is told %+v", p)
	}
	emil.do("DELETE", "/me/push", "")
	asked := annas.Asked()
	s.ringsInPush(emil.subscribes(service), fatma, ben)
	if annas.Asked() != asked {
		t.Error("a subscription that is gone is told")
	}
	if faults := service.Faults(); len(faults) != 0 {
		t.Errorf("the push service turned away: %q", faults)
	}
}

// host is where the daemon's HTTP side answers.
func (s *site) host() string { return fmt.Sprint(s.daemon.logged("started")["http"]) }

// ringsInPush has a phone ring another, and gives what a subscription is told of it.
func (s *site) ringsInPush(sub *pushservice.Subscription, from, to *softphone.Phone) pushed {
	s.t.Helper()
	caller := s.dial(from, "102")
	member := s.rings(to)
	ring, m := s.told(sub)
	s.must("hang up", caller.Hangup(s.ctx()))
	s.ended(member)
	if over, n := s.told(sub); ring.Type != "ringing" || over.Type != "over" || over.Call.ID != ring.Call.ID || over.Call.State != "abandoned" {
		s.t.Errorf("%s, and then %s", m.Body, n.Body)
	}
	return ring
}

// withheldInPush proves that a caller who is withheld is so in what browsers are told (R4).
func (s *site) withheldInPush(sub *pushservice.Subscription, ben *softphone.Phone) {
	s.t.Helper()
	caller := s.dial(s.phone("107"), "6102")
	member := s.rings(ben)
	ring, m := s.told(sub)
	if !ring.Call.Caller.Withheld || strings.Contains(string(m.Body), "Georg") || mentions(string(m.Body), "107") {
		s.t.Errorf("a caller who is withheld: %s", m.Body)
	}
	s.must("hang up", caller.Hangup(s.ctx()))
	s.ended(member)
	if over, m := s.told(sub); over.Type != "over" || over.Call.State != "abandoned" || strings.Contains(string(m.Body), "Georg") {
		s.t.Errorf("its end: %s", m.Body)
	}
}

// pushSurvivesRestart proves that a daemon that starts anew takes back what its last life has told, and goes on with the same key.
func (s *site) pushSurvivesRestart(sub *pushservice.Subscription, ben, fatma *softphone.Phone) {
	s.t.Helper()
	caller := s.dial(fatma, "102")
	member := s.rings(ben)
	ring, _ := s.told(sub)
	s.daemon.stop(syscall.SIGTERM)
	s.must("hang up", caller.Hangup(s.ctx()))
	s.ended(member)
	s.start()
	if over, m := s.told(sub); over.Type != "over" || over.Call.ID != ring.Call.ID {
		s.t.Errorf("after the restart: %s", m.Body)
	}
	if again := s.ringsInPush(sub, fatma, ben); again.Call.ID == ring.Call.ID {
		s.t.Errorf("after the restart: %+v", again)
	}
	info, err := os.Stat(filepath.Join(filepath.Dir(s.config), "nats", "push-hq.db"))
	s.must("the file", err)
	if info.Mode().Perm() != 0o600 {
		s.t.Errorf("the file has %v", info.Mode())
	}
}
