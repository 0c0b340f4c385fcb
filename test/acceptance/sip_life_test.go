package acceptance

import (
	"fmt"
	"strings"
	"syscall"
	"testing"

	"github.com/nats-io/nats-server/v2/server"

	"supervisiond/test/ports"
	"supervisiond/test/softphone"
)

// TestSIPLife: lamps are right while NATS is away, after the PBX, the configuration and the daemon have been replaced, and nobody is
// told any more who may not be.
func TestSIPLife(t *testing.T) {
	t.Parallel()
	port := ports.Take(t)
	nc := startNATS(t, port)
	o := withSIP(withNATS(port, same), "anna", "emil", "hana")
	before, udp := o.configure, ports.Address(t)
	o.configure = func(yaml string) string { return strings.Replace(before(yaml), "udp://127.0.0.1:0", "udp://"+udp, 1) }
	s := newSite(t, o)
	phones := map[string]*softphone.Phone{"102": s.phone("102"), "103": s.phone("103"), "106": s.phone("106")}
	anna, emil, hana := s.sipPhone("anna", "udp", nil), s.sipPhone("emil", "udp", nil), s.sipPhone("hana", "udp", nil)
	ben, list := anna.subscribes("102", "dialog", ""), anna.subscribes("sales", "presence", eventList)
	hana.subscribes("109", "dialog", "")
	hana.notified(0, "NOTIFY", "terminated")

	s.lampsWithoutNATS(nc, port, anna, emil, phones)
	s.lampsAfterPBX(anna, phones)
	hanas := hana.mark()
	s.lampsAfterReload(anna, emil, ben, list)
	if n := hana.mark(); n != hanas {
		t.Errorf("hana, whom no change concerns, is told %v", hana.all()[hanas:])
	}
	s.lampsAfterRestart(anna, phones)
}

// lamp waits for what a line shows, on the NOTIFYs of one dialog.
func (p *wirePhone) lamp(d *wireDialog, from int, words ...string) int {
	p.t.Helper()
	_, next := p.notified(from, "NOTIFY", append(words, d.callID)...)
	return next
}

func (s *site) lampsWithoutNATS(nc *server.Server, port int, anna, emil *wirePhone, phones map[string]*softphone.Phone) {
	s.t.Helper()
	call := s.dial(phones["106"], "102")
	ringing := s.rings(phones["102"])
	_, seen := anna.notified(0, "NOTIFY", "<state>early</state>", "Fatma Aydin")
	nc.Shutdown()
	nc.WaitForShutdown()
	line := len(s.daemon.log())
	s.must("answer", ringing.Answer())
	_, seen = anna.notified(seen, "NOTIFY", "<state>confirmed</state>", "Fatma Aydin")
	emil.subscribes("102", "dialog", "")
	emil.notified(0, "NOTIFY", "<state>confirmed</state>", "Fatma Aydin")
	s.must("hang up", call.Hangup(s.ctx()))
	_, seen = anna.notified(seen, "NOTIFY", "<state>terminated</state>", "-<state>confirmed</state>")
	call = s.dial(phones["106"], "102")
	s.rings(phones["102"])
	anna.notified(seen, "NOTIFY", "<state>early</state>")
	s.must("hang up", call.Hangup(s.ctx()))
	startNATS(s.t, port)
	s.daemon.loggedFrom(line, "writing the whole state")
	s.watch = watch(s.t, fmt.Sprint(s.daemon.logged("started")["nats"]), s.nats...)
}

func (s *site) lampsAfterPBX(anna *wirePhone, phones map[string]*softphone.Phone) {
	s.t.Helper()
	mark := anna.mark()
	s.dial(phones["106"], "102")
	s.rings(phones["102"])
	_, seen := anna.notified(mark, "NOTIFY", "<state>early</state>")
	s.must("restart", s.pbx.Restart(s.ctx()))
	_, seen = anna.notified(seen, "NOTIFY", "<state>terminated</state>", "-<state>early</state>", "-<state>confirmed</state>")
	for user, p := range phones {
		s.must("register "+user, p.Register(s.ctx()))
	}
	for _, person := range []string{"ben", "carla", "fatma"} {
		s.watch.awaitPerson(person, "is back", func(d personDocument) bool { return d.Reachable })
	}
	call := s.dial(phones["106"], "102")
	s.rings(phones["102"])
	_, seen = anna.notified(seen, "NOTIFY", "<state>early</state>", "Fatma Aydin")
	s.must("hang up", call.Hangup(s.ctx()))
	anna.notified(seen, "NOTIFY", "<state>terminated</state>", "-<state>early</state>")
}

// reloadedWith changes the configuration and waits until that is noticed.
func (s *site) reloadedWith(edit func(string) string) {
	s.t.Helper()
	line := len(s.daemon.log())
	s.change(edit)
	s.daemon.loggedFrom(line, reloaded)
}

// G10, S7: who may not see something any more is told so; a secret that was changed ends what was made with the old one.
func (s *site) lampsAfterReload(anna, emil *wirePhone, ben, list *wireDialog) {
	s.t.Helper()
	emils, mark := emil.mark(), anna.mark()
	s.reloadedWith(s.with("sip: {password: sip-anna}", "sip: {password: another}"))
	anna.lamp(ben, mark, "terminated;reason=deactivated")
	anna.lamp(list, mark, "terminated;reason=deactivated")
	for _, m := range emil.all()[emils:] {
		if strings.HasPrefix(m.header.Get("Subscription-State"), "terminated") {
			s.t.Errorf("emil, whose secret is what it was, is told %v", m)
		}
	}
	for _, d := range []*wireDialog{ben, anna.dialog("102")} {
		if m := anna.ask(d, "SUBSCRIBE", "Event: dialog\r\n"); m.status() != "401" {
			s.t.Errorf("with the old secret: %s", m)
		}
	}
	anna.password = "another"
	mark = anna.mark()
	ben, list = anna.subscribes("102", "dialog", ""), anna.subscribes("sales", "presence", eventList)
	anna.lamp(ben, mark, "active;")
	anna.lamp(list, mark, "active;", "Ben Okafor")

	mark = anna.mark()
	s.reloadedWith(s.with("members: [ben, carla, dora]", "members: [carla, dora]"))
	anna.lamp(ben, mark, "terminated;reason=rejected", "-<dialog ")
	anna.lamp(list, mark, `fullState="true"`, "Carla Diaz", "-Ben Okafor")
	if m := anna.ask(anna.dialog("102"), "SUBSCRIBE", "Event: dialog\r\n"); m.status() != "403" {
		s.t.Errorf("ben, who is no member any more: %s", m)
	}
	emil.notified(emils, "NOTIFY", "terminated;reason=rejected")

	carla := emil.subscribes("103", "dialog", "")
	emils = emil.mark()
	s.reloadedWith(func(yaml string) string {
		yaml = strings.Replace(yaml, "{person: anna, admin: true}, emil]", "{person: anna, admin: true}]", 1)
		from := strings.Index(yaml, "  emil:")
		return yaml[:from] + yaml[from+strings.Index(yaml[from:], "\n")+1:]
	})
	emil.lamp(carla, emils, "terminated;reason=rejected", "-<dialog ")
	if m := emil.ask(carla, "SUBSCRIBE", "Event: dialog\r\n"); m.status() != "401" {
		s.t.Errorf("emil, who is there no more: %s", m)
	}
}

// A daemon that stops says when to come again; one that was killed answers refreshes with 481. Either way the lamp is then right.
func (s *site) lampsAfterRestart(anna *wirePhone, phones map[string]*softphone.Phone) {
	s.t.Helper()
	carla := anna.subscribes("103", "dialog", "")
	call := s.dial(phones["106"], "103")
	s.rings(phones["103"])
	seen := anna.lamp(carla, 0, "<state>early</state>")
	for _, signal := range []syscall.Signal{syscall.SIGTERM, syscall.SIGKILL} {
		s.daemon.stop(signal)
		if signal == syscall.SIGTERM {
			anna.lamp(carla, seen, "terminated;reason=probation;retry-after=10")
		}
		s.start()
		if m := anna.ask(carla, "SUBSCRIBE", "Event: dialog\r\n"); m.status() != "481" {
			s.t.Errorf("a refresh of what the daemon knows nothing of: %s", m)
		}
		mark := anna.mark()
		carla = anna.subscribes("103", "dialog", "")
		seen = anna.lamp(carla, mark, "<state>early</state>", "Fatma Aydin", `version="0"`)
	}
	s.must("hang up", call.Hangup(s.ctx()))
	anna.lamp(carla, seen, "<state>terminated</state>", "-<state>early</state>")
}
