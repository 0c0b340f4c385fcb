package acceptance

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"supervisiond/test/ports"
)

// TestG9LoginsSurvive: what everybody chose is still so after a kill of the daemon, of the PBX, of an external NATS
// server, and of all of them.
func TestG9LoginsSurvive(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	port := ports.Take(t)
	nc := startNATSIn(t, port, dir)
	s := newSite(t, withNATS(port, func(yaml string) string { return yaml }))
	ben, emil := s.phone("102"), s.phone("105")
	for _, person := range []string{"ben", "carla", "anna"} {
		s.done(person, "group.leave", `{"group":"sales"}`, true)
	}
	s.done("carla", "group.join", `{"group":"sales"}`, true)
	epoch := 1
	stays := func(after string) {
		t.Helper()
		s.watch.awaitSite("is there after "+after, func(d siteDocument) bool { return d.Epoch == epoch && d.PBX.Connected })
		if got := s.whoIsIn("sales"); !sameWords(got, "carla dora emil") {
			t.Errorf("after %s logged in are %s", after, got)
		}
		// And that is so not only on paper.
		s.refused(emil, "*20102", 403, "Not supervised")
	}
	register := func() {
		t.Helper()
		s.must("register", ben.Register(s.ctx()))
		s.must("register", emil.Register(s.ctx()))
	}
	stopNATS := func() {
		nc.Shutdown()
		nc.WaitForShutdown()
	}

	s.daemon.stop(killed)
	s.start()
	epoch++
	stays("a kill of the daemon")

	mark := s.watch.mark()
	s.must("restart", s.pbx.Restart(s.ctx()))
	s.watch.event(mark, "pbx.connected", "hq")
	register()
	stays("a kill of the PBX")

	stopNATS()
	s.refused(ben, "*231", 500, "Not now, try again") // what cannot be kept is not promised
	line := len(s.daemon.log())
	nc = startNATSIn(t, port, dir)
	s.daemon.loggedFrom(line, "writing the whole state")
	s.watch = watch(t, fmt.Sprint(s.daemon.logged("started")["nats"]), s.nats...)
	stays("a stop of NATS")

	s.daemon.stop(killed)
	stopNATS()
	s.must("restart", s.pbx.Restart(s.ctx()))
	nc = startNATSIn(t, port, dir)
	s.start()
	epoch++
	register()
	stays("a restart of all")

	mark = s.watch.mark()
	s.obeyed(ben, "*231")
	s.loggedIn(mark, "sales", "ben", true)
}

// whoIsIn are those whom a group's newest document says to be logged in.
func (s *site) whoIsIn(group string) string {
	s.t.Helper()
	key := "group." + group
	type participant struct {
		Person   string
		LoggedIn bool `json:"logged_in"`
	}
	var d struct{ Supervisors, Members []participant }
	s.must(key, json.Unmarshal(s.watch.present(key)[key].data, &d))
	var in []string
	for _, p := range slices.Concat(d.Supervisors, d.Members) {
		if p.LoggedIn {
			in = append(in, p.Person)
		}
	}
	return strings.Join(in, " ")
}
