package acceptance

import (
	"crypto/sha256"
	"fmt"
	"os/exec"
	"strings"
	"testing"

	"supervisiond/test/lab"
)

// R4, R5, S3: Linphone, a softphone that nobody here wrote, registers, is told of a call that rings by a lamp, in a list, by
// presence and in words, and its "away" and "do not disturb" are its owner's. All of that with a secret of which the daemon has only what SHA-256 makes of it.
func TestLinphone(t *testing.T) {
	t.Parallel()
	server := ownAddress(t) + ":5070"
	s := newSite(t, options{configure: func(yaml string) string {
		yaml = withEvents(server)(yaml)
		secret := "password: " + lab.Password("101")
		ha1 := sha256.Sum256([]byte("101:hq:" + lab.Password("101")))
		return strings.Replace(yaml, secret, fmt.Sprintf("ha1_sha256: \"%x\", alerts: true", ha1), 1)
	}})
	s.phone("101")
	ben, fatma := s.phone("102"), s.phone("106")
	agent := startTool(t, exec.Command("python3", "testdata/linphone.py", t.TempDir(), server, "101", lab.Password("101"), "sales", "102"))
	agent.says(0, `"what": "registration", "state": 2`)
	agent.says(0, `"what": "presence", "uri": "sip:102@`, `"state": "online"`)
	_, before := agent.says(0, `"what": "notify", "uri": "sip:102@`, "terminated")
	agent.says(0, `"what": "notify", "uri": "sip:sales@`, "Vertrieb", "Ben Okafor", "Dora Lind", "terminated")

	caller := s.dial(fatma, "102")
	ringing := s.rings(ben)
	_, rang := agent.says(before, `"what": "notify", "uri": "sip:102@`, "<state>early</state>", "Fatma Aydin", "sip:106@")
	agent.says(before, `"what": "notify", "uri": "sip:sales@`, "<state>early</state>", "Fatma Aydin", "sip:106@")
	_, busy := agent.says(before, `"what": "presence"`, `"state": "busy"`)
	agent.says(before, `"what": "message"`, "Call for Ben Okafor: Fatma Aydin (106)")
	s.must("decline", ringing.Decline(486))
	s.ended(caller)
	agent.says(rang, `"what": "notify", "uri": "sip:102@`, "<state>terminated</state>")
	agent.says(busy, `"what": "presence"`, `"state": "online"`)

	for _, says := range []string{"away", "busy", "dnd", "online"} {
		_, _ = fmt.Fprintln(agent.stdin, says)
		s.watch.awaitPerson("anna", says, func(d personDocument) bool { return d.Presence.State == says })
	}
}
