package acceptance

import (
	"fmt"
	"os/exec"
	"strings"
	"testing"

	"supervisiond/test/lab"
	"supervisiond/test/softphone"
)

// P1: lamp keys of the second account dial through the PBX. An agent that nobody here wrote has the account at the event server alone, and
// follows its 302 to the PBX: there it proves who it is with that account's own name and password, though the realm is another. One
// that sends all it has to its account's server comes back with that, and is not sent round in circles (RFC 3261, 21.3).
func TestForeignPhonesAreRedirected(t *testing.T) {
	t.Parallel()
	server := ownAddress(t) + ":5070"
	s := newSite(t, options{configure: func(yaml string) string {
		return strings.Replace(withEvents(server)(yaml), "sip: {listen", `sip: {pbx_uri: "sip:`+pbxSIP+`", listen`, 1)
	}})
	ben, fatma := s.phone("102"), s.phone("106")
	t.Run("baresip picks up", func(t *testing.T) {
		s := s.in(t)
		agent := startBaresip(t, server, "101", nil)
		agent.says(0, "got event", "REGISTER_OK")
		s.picksUp(fatma, ben, "anna", func() { _, _ = fmt.Fprintf(agent.stdin, "/dial sip:*20102@%s\n", server) })
	})
	t.Run("Linphone comes back", func(t *testing.T) {
		agent := startTool(t, exec.Command("python3", "testdata/linphone.py", t.TempDir(), server, "105", lab.Password("105"), "sales", "102"))
		agent.says(0, `"what": "registration", "state": 2`)
		_, _ = fmt.Fprintf(agent.stdin, "call sip:*20102@%s\n", server)
		agent.says(0, `"what": "call"`, "Not Here But at the PBX")
	})
	t.Run("a group's lamp", func(t *testing.T) {
		p := s.in(t).sipPhone("101", "udp", nil)
		p.password = lab.Password("101")
		for id, want := range map[string]string{"sales": "*221", "ben": "102"} {
			m := p.ask(p.dialog(id), "INVITE", "")
			if m.status() != "302" || m.header.Get("Contact") != "<sip:"+want+"@"+s.pbx.SIPAddr()+">" {
				t.Errorf("%s is called: %s", id, m)
			}
		}
	})
}

// picksUp has a call ring, and somebody's agent press the key of it.
func (s *site) picksUp(from, rings *softphone.Phone, person string, press func()) {
	s.t.Helper()
	mark := s.watch.mark()
	call := s.dial(from, "102")
	s.rings(rings)
	press()
	s.watch.awaitCall(mark, "picked up by "+person, func(d callDocument) bool { return d.State == "picked_up" && d.PickedUpBy == person })
	s.must("talk", call.Wait(s.ctx(), softphone.Talking))
	s.must("hang up", call.Hangup(s.ctx()))
	s.quiet()
}
