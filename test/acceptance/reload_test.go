package acceptance

import (
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"
)

// change writes the configuration anew, as an administrator's editor does.
func (s *site) change(edit func(yaml string) string) {
	s.t.Helper()
	text, err := os.ReadFile(s.config)
	s.must("read the configuration", err)
	next := s.config + ".new"
	s.must("write the configuration", os.WriteFile(next, []byte(edit(string(text))), 0o600))
	s.must("replace the configuration", os.Rename(next, s.config))
}

// G10: people and groups are added, changed and removed while calls ring and are picked up; a wrong file changes nothing
// and says why. The file is noticed by itself, and read again at SIGHUP.
func TestReload(t *testing.T) {
	t.Parallel()
	s := newSite(t, options{})
	anna, ben, carla, fatma, georg, igor := s.phone("101"), s.phone("102"), s.phone("103"), s.phone("106"), s.phone("107"), s.phone("109")
	mark := s.watch.mark()
	first := s.dial(fatma, "102")
	s.rings(ben)
	call := s.watch.awaitCall(mark, "rings ben", func(d callDocument) bool { return d.people() == "ben" })
	second := s.dial(georg, "103")
	s.rings(carla)
	kept := s.watch.awaitCall(mark, "rings carla", func(d callDocument) bool { return d.people() == "carla" })

	// A wrong file: each mistake is said with its place, and nothing changes.
	line := len(s.daemon.log())
	s.change(func(yaml string) string {
		return strings.Replace(yaml, "members: [ben, carla, dora]", "members: [bne, carla, dora]", 1)
	})
	fields := s.daemon.loggedFrom(line, "the old one stays in force")
	if !strings.Contains(fmt.Sprint(fields["at"]), s.config+":") || !strings.Contains(fmt.Sprint(fields["mistake"]), "ben") {
		t.Errorf("the log says %v", fields)
	}

	// Ben is taken out of the group while he rings; igor comes in; the group gets another name.
	mark = s.watch.mark()
	s.change(func(yaml string) string {
		yaml = strings.Replace(yaml, "members: [bne, carla, dora]", "members: [igor, carla, dora]", 1)
		return strings.Replace(yaml, "name: Vertrieb", "name: Verkauf", 1)
	})
	ended := s.watch.awaitCall(mark, "is withdrawn", func(d callDocument) bool { return d.ID == call.ID && d.State != "ringing" })
	if ended.State != "withdrawn" {
		t.Errorf("the call of somebody who was removed is %s", ended.State)
	}
	s.watch.await(mark, "the group has its new name", func(m message) bool {
		return m.subject == "state.group.sales" && strings.Contains(string(m.data), `"Verkauf"`) && strings.Contains(string(m.data), `"igor"`)
	})
	if ben.User() != "102" || first.State().String() == "ended" {
		t.Error("the withdrawn call should ring on")
	}
	// The other call goes on under its name and is picked up; a call to the newcomer is seen.
	picker := s.dial(anna, "*20")
	s.talk(second, picker)
	s.watch.event(mark, "call.picked_up", kept.ID)
	s.must("hang up", second.Hangup(s.ctx()))
	mark = s.watch.mark()
	s.dial(georg, "109")
	s.rings(igor)
	s.watch.awaitCall(mark, "rings igor", func(d callDocument) bool {
		return d.people() == "igor" && len(d.Ringing[0].Groups) == 2 // sales, and the desk that he was in before
	})

	// A person and a phone that were not known before, at SIGHUP.
	line = len(s.daemon.log())
	s.change(func(yaml string) string {
		return strings.Replace(yaml, "endpoints: [PJSIP/110]", "endpoints: [PJSIP/110], unsupervised_endpoints: [PJSIP/110-web]", 1)
	})
	s.must("SIGHUP", s.daemon.cmd.Process.Signal(syscall.SIGHUP))
	s.daemon.loggedFrom(line, "the configuration was reloaded")
	s.must("hang up", first.Hangup(s.ctx())) // it rang nobody who is supervised
	s.equalsPBX(time.Now().Add(2 * time.Second))
}
