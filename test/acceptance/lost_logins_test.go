package acceptance

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"supervisiond/test/ports"
)

// TestG9LoginsWithoutNATS: a daemon that starts while NATS is away knows all the same who is logged out, supervises and
// picks up for the others, and promises no login that could come to nothing.
func TestG9LoginsWithoutNATS(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	port := ports.Take(t)
	nc := startNATSIn(t, port, dir)
	s := newSite(t, withNATS(port, func(yaml string) string { return yaml }))
	anna, ben, carla, emil, fatma := s.phone("101"), s.phone("102"), s.phone("103"), s.phone("105"), s.phone("106")
	s.done("ben", "group.leave", `{"group":"sales"}`, true)
	s.done("emil", "group.leave", `{"group":"sales"}`, true)

	s.daemon.stop(killed)
	nc.Shutdown()
	nc.WaitForShutdown()
	s.daemon = startDaemon(t, s.config)
	s.daemon.logged("attached to the PBX")

	unseen := s.dial(fatma, "102")
	s.rings(ben)
	s.refused(anna, "*20102", 403, "Not supervised")
	s.must("hang up", unseen.Hangup(s.ctx()))
	caller := s.dial(fatma, "103")
	s.rings(carla)
	s.refused(emil, "*20103", 403, "Not logged in")
	s.talk(caller, s.dial(anna, "*20103"))
	s.refused(ben, "*231", 500, "Not now, try again")

	startNATSIn(t, port, dir)
	s.watch = watch(t, fmt.Sprint(s.daemon.logged("started")["nats"]), s.nats...)
	s.watch.awaitSite("has the next epoch", func(d siteDocument) bool { return d.Epoch == 2 })
	if got := s.whoIsIn("sales"); !sameWords(got, "anna carla dora") {
		t.Errorf("logged in are %s", got)
	}
	mark := s.watch.mark()
	s.obeyed(ben, "*231")
	s.loggedIn(mark, "sales", "ben", true)
}

// TestG9LoginsSurviveADamagedFile: what the embedded server has of logins is overwritten between two lives of the daemon.
func TestG9LoginsSurviveADamagedFile(t *testing.T) {
	t.Parallel()
	s := newSite(t, options{})
	ben, emil := s.phone("102"), s.phone("105")
	s.obeyed(ben, "*241")
	s.obeyed(emil, "*241")
	s.daemon.stop(killed)
	found, err := filepath.Glob(filepath.Join(filepath.Dir(s.config), "nats", "jetstream", "*", "streams", "KV_SUPERVISION_hq_LOGINS", "msgs", "*"))
	if err != nil || len(found) == 0 {
		t.Fatalf("the server stores nothing: %v", err)
	}
	for _, file := range found {
		s.must("damage", os.WriteFile(file, []byte(strings.Repeat("x", 4096)), 0o600))
	}
	s.start()
	s.daemon.logged("the bucket of login states is damaged, and the daemon's own copy has what is missing")
	s.watch.awaitSite("has the next epoch", func(d siteDocument) bool { return d.Epoch == 2 })
	if got := s.whoIsIn("sales"); !sameWords(got, "anna carla dora") {
		t.Errorf("logged in are %s", got)
	}
	mark := s.watch.mark()
	s.obeyed(ben, "*231")
	s.loggedIn(mark, "sales", "ben", true)
}
