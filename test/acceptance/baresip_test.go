package acceptance

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"supervisiond/test/lab"
)

// baresip is a user agent that nobody here wrote, with one account and a list of contacts whose presence it watches.
func startBaresip(t *testing.T, server, user string, contacts map[string]string) *tool {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"config": "sip_listen 127.0.0.1:0\nmodule_path /usr/lib/baresip/modules\nmodule g711.so\nmodule stdio.so\nmodule aubridge.so\n" +
			"audio_source aubridge,a\naudio_player aubridge,a\nmodule_tmp account.so\nmodule_app contact.so\nmodule_app menu.so\nmodule_app presence.so\n",
		"accounts": fmt.Sprintf("<sip:%[1]s@%[2]s>;auth_user=%[1]s;auth_pass=%[3]s;regint=60;pubint=60\n", user, server, lab.Password(user)),
		"contacts": contactLines(server, contacts),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	// It would keep to itself what it says until there is a page of it.
	return startTool(t, exec.Command("stdbuf", "-oL", "baresip", "-4", "-s", "-v", "-f", dir))
}

func contactLines(server string, contacts map[string]string) string {
	var text string
	for id, name := range contacts {
		text += fmt.Sprintf("\"%s\" <sip:%s@%s>;presence=p2p\n", name, id, server)
	}
	return text
}

// S3, S7: a real user agent, of those that give up where SHA-256 is offered, subscribes with digest, is told of a call that begins and ends, and has its own presence taken.
func TestBaresip(t *testing.T) {
	t.Parallel()
	server := ownAddress(t) + ":5070"
	s := newSite(t, options{configure: withEvents(server)})
	ben, fatma := s.phone("102"), s.phone("106")
	agent := startBaresip(t, server, "101", map[string]string{"ben": "Ben Okafor", "georg": "Georg Huber"})

	agent.says(0, "got event", "REGISTER_OK")
	agent.says(0, "SIP-ETag: ") // what it published was taken
	_, told := agent.says(0, "<basic>open</basic>")
	agent.says(0, "subscriber closed", "georg@", "403")

	caller := s.dial(fatma, "102")
	ringing := s.rings(ben)
	_, told = agent.says(told, "changed status", "ben@", "Busy")
	s.must("answer", ringing.Answer())
	s.must("hang up", caller.Hangup(s.ctx()))
	agent.says(told, "changed status", "ben@", "Busy", "Online")
}
