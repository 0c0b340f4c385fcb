package acceptance

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"supervisiond/test/lab"
	"supervisiond/test/softphone"
)

const reloaded = "the configuration was reloaded"

// configFile is the file that holds the configuration, wherever a link leads.
func (s *site) configFile() string {
	s.t.Helper()
	file, err := filepath.EvalSymlinks(s.config)
	s.must("the configuration", err)
	return file
}

func (s *site) configText() string {
	s.t.Helper()
	text, err := os.ReadFile(s.config)
	s.must("read the configuration", err)
	return string(text)
}

// change replaces the configuration, as an administrator's editor does.
func (s *site) change(edit func(yaml string) string) {
	s.t.Helper()
	file := s.configFile()
	next := file + ".new"
	s.must("write the configuration", os.WriteFile(next, []byte(edit(s.configText())), 0o600))
	s.must("replace the configuration", os.Rename(next, file))
}

// hangUpSignal tells the daemon to read its configuration, and waits until it says what came of it.
func (s *site) hangUpSignal(says string) map[string]any {
	s.t.Helper()
	line := len(s.daemon.log())
	s.must("SIGHUP", s.daemon.cmd.Process.Signal(syscall.SIGHUP))
	return s.daemon.loggedFrom(line, says)
}

// reload changes the configuration of a site whose file is not watched.
func (s *site) reload(edit func(yaml string) string) {
	s.t.Helper()
	s.change(edit)
	s.hangUpSignal(reloaded)
}

func (s *site) reloads() int {
	n := 0
	for _, line := range s.daemon.log() {
		if strings.Contains(line, reloaded) {
			n++
		}
	}
	return n
}

// with makes an edit that puts one text in the place of another, which has to be there.
func (s *site) with(old, next string) func(string) string {
	s.t.Helper()
	if !strings.Contains(s.configText(), old) {
		s.t.Fatalf("the configuration has no %q:\n%s", old, s.configText())
	}
	return func(yaml string) string { return strings.Replace(yaml, old, next, 1) }
}

// TestReload: people and groups are added, changed and removed while calls ring and are picked up, and a wrong file
// changes nothing and says why (G10). All of it is noticed by itself: no signal is sent.
func TestReload(t *testing.T) {
	t.Parallel()
	testReload(t, lab.Options{})
}

func testReload(t *testing.T, o lab.Options) {
	s := newSite(t, options{lab: o})
	anna, ben, carla, fatma, georg, igor := s.phone("101"), s.phone("102"), s.phone("103"), s.phone("106"), s.phone("107"), s.phone("109")
	mark := s.watch.mark()
	first := s.dial(fatma, "102")
	withdrawn := s.rings(ben)
	call := s.ringingCall(mark, "ben")
	second := s.dial(georg, "103")
	s.rings(carla)
	kept := s.ringingCall(mark, "carla")

	// A wrong file: each mistake is said with its place.
	s.change(func(yaml string) string {
		yaml = strings.Replace(yaml, "members: [ben, carla, dora]", "members: [bne, carla, dora]", 1)
		return strings.Replace(yaml, `extension: "110"`, `extension: "109"`, 1)
	})
	var mistakes []string
	for _, fields := range s.daemon.loggedTimes(0, "the old one stays in force", 2) {
		mistakes = append(mistakes, fmt.Sprintf("%v: %v", fields["at"], fields["mistake"]))
	}
	for _, x := range []struct{ line, about string }{{"bne", "bne"}, {"Julia Costa", "109"}} {
		place := s.config + ":" + lineOf(s.configText(), x.line) + ":"
		if !slices.ContainsFunc(mistakes, func(m string) bool { return strings.HasPrefix(m, place) && strings.Contains(m, x.about) }) {
			t.Errorf("the log says nothing of %s at %s: %q", x.about, place, mistakes)
		}
	}
	if n := s.reloads(); n != 0 {
		t.Errorf("%d reloads", n)
	}

	// Ben is taken out of the group while he rings; igor comes in; the group gets another name.
	mark = s.watch.mark()
	s.change(func(yaml string) string {
		yaml = strings.Replace(yaml, "members: [bne, carla, dora]", "members: [igor, carla, dora]", 1)
		yaml = strings.Replace(yaml, `name: Julia Costa, extension: "109"`, `name: Julia Costa, extension: "110"`, 1)
		return strings.Replace(yaml, "name: Vertrieb", "name: Verkauf", 1)
	})
	s.endedCall(mark, call.ID, "withdrawn", "call.ended")
	s.watch.await(mark, "the group has its new name", func(m message) bool {
		return m.subject == "state.group.sales" && strings.Contains(string(m.data), `"Verkauf"`) && strings.Contains(string(m.data), `"igor"`)
	})
	if withdrawn.State() != softphone.Ringing || first.State() != softphone.Ringing {
		t.Errorf("the withdrawn call should ring on: the phone is %v, the caller %v", withdrawn.State(), first.State())
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

	// A phone that was not known before, written into the file as it is.
	line := len(s.daemon.log())
	s.must("write", os.WriteFile(s.config, []byte(s.with("endpoints: [PJSIP/110]",
		"endpoints: [PJSIP/110], unsupervised_endpoints: [PJSIP/110-web]")(s.configText())), 0o600))
	s.daemon.loggedFrom(line, reloaded)
	s.must("hang up", first.Hangup(s.ctx())) // it rang nobody who is supervised
	s.equalsPBX()
}

// lineOf is the number of the last line that has a text.
func lineOf(text, want string) string {
	last := 0
	for i, l := range strings.Split(text, "\n") {
		if strings.Contains(l, want) {
			last = i + 1
		}
	}
	return fmt.Sprint(last)
}

// TestReloadAtSIGHUP: the same at a signal. The file stands behind a link, so that nothing else can tell of a change.
func TestReloadAtSIGHUP(t *testing.T) {
	t.Parallel()
	testReloadAtSIGHUP(t, lab.Options{})
}

func testReloadAtSIGHUP(t *testing.T, o lab.Options) {
	whole := newSite(t, options{lab: o, linked: true})
	anna, ben, carla, fatma := whole.phone("101"), whole.phone("102"), whole.phone("103"), whole.phone("106")
	julia := whole.phone("110")
	phones := map[string]*softphone.Phone{"102": ben, "103": carla}
	run := func(name string, test func(*testing.T, *site)) {
		t.Run(name, func(t *testing.T) {
			s := whole.in(t)
			test(t, s)
			s.quiet()
			s.drain(phones)
		})
	}
	// ringsBen calls ben, and gives the call's end that may hang up, the ringing phone's, and the document.
	ringsBen := func(s *site) (caller, ringing *softphone.Call, call callDocument) {
		s.t.Helper()
		mark := s.watch.mark()
		caller = s.dial(fatma, "102")
		ringing = s.rings(ben)
		return caller, ringing, s.ringingCall(mark, "ben")
	}
	gone := func(s *site, mark int, key string) {
		s.t.Helper()
		s.watch.await(mark, key+" is gone", func(m message) bool { return m.subject == "state."+key && len(m.data) == 0 })
	}

	run("once for each signal", func(t *testing.T, s *site) {
		mark := s.watch.mark()
		s.reload(s.with("name: Vertrieb", "name: Verkauf"))
		s.watch.await(mark, "the new name", func(m message) bool {
			return m.subject == "state.group.sales" && strings.Contains(string(m.data), "Verkauf")
		})
		s.hangUpSignal(reloaded)
		if n := s.reloads(); n != 2 {
			t.Errorf("%d reloads after two signals", n)
		}
	})
	run("a wrong file changes nothing", func(t *testing.T, s *site) {
		right := s.configText()
		caller, ringing, call := ringsBen(s)
		before, mark := s.reloads(), s.watch.mark()
		s.change(s.with("members: [ben, carla, dora]", "members: [carla, dora, nobody]"))
		line := len(s.daemon.log())
		fields := s.hangUpSignal("the old one stays in force")
		place := s.config + ":" + lineOf(s.configText(), "nobody") + ":"
		if !strings.HasPrefix(fmt.Sprint(fields["at"]), place) || !strings.Contains(fmt.Sprint(fields["mistake"]), "nobody") {
			t.Errorf("the log says %v, and the mistake is at %s", fields, place)
		}
		for _, l := range s.daemon.log()[line:] {
			if strings.Contains(l, reloaded) {
				t.Errorf("it is said: %s", l)
			}
		}
		// What is in force is what was: ben, who is not in the wrong file, is supervised.
		s.talk(caller, s.dial(anna, "*20102"))
		s.ended(ringing)
		s.endedCall(mark, call.ID, "picked_up", "call.picked_up")
		for _, m := range s.watch.since(mark) {
			if m.subject == "state.group.sales" && !strings.Contains(string(m.data), `"ben"`) || m.subject == "state.group.desk" {
				t.Errorf("published: %s %s", m.subject, m.data)
			}
		}
		s.reload(func(string) string { return right })
		if n := s.reloads(); n != before+1 {
			t.Errorf("%d reloads, %d before", n, before)
		}
		s.must("hang up", caller.Hangup(s.ctx()))
	})
	run("a group renumbered", func(t *testing.T, s *site) {
		oldRings, oldLogin := s.lamp(julia, "*221"), s.lamp(julia, "*251*102")
		rings, login := s.lamp(julia, "*227"), s.lamp(julia, "*257*102")
		s.shows(oldLogin, softphone.LampOn)
		s.shows(login, softphone.LampOff)
		caller, _, _ := ringsBen(s)
		s.shows(oldRings, softphone.LampBlinks)
		s.reload(s.with(`number: "1"`, `number: "7"`))
		s.shows(oldRings, softphone.LampOff)
		s.shows(oldLogin, softphone.LampOff)
		s.shows(rings, softphone.LampBlinks) // it rings all the while
		s.shows(login, softphone.LampOn)
		s.refused(anna, "*221", 404, "Not known")
		s.refused(ben, "*241", 404, "Not known")
		s.talk(caller, s.dial(anna, "*227"))
		s.shows(rings, softphone.LampOff)
		s.must("hang up", caller.Hangup(s.ctx()))
		s.obeyed(ben, "*247")
		s.shows(login, softphone.LampOff)
		s.reload(s.with(`number: "7"`, `number: "1"`))
		s.shows(oldLogin, softphone.LampOff) // a number is no part of the login
		s.obeyed(ben, "*231")
		s.shows(oldLogin, softphone.LampOn)
	})
	run("another role, and may_leave: false", func(t *testing.T, s *site) {
		s.obeyed(ben, "*241")
		mark := s.watch.mark()
		s.reload(s.with("emil]\n    members: [ben, carla, dora]", "emil, ben]\n    members: [carla, dora]"))
		s.loggedIn(mark, "sales", "ben", false)
		mark = s.watch.mark()
		s.reload(s.with("emil, ben]\n    members: [carla, dora]", "emil]\n    members: [{person: ben, may_leave: false}, carla, dora]"))
		s.loggedIn(mark, "sales", "ben", true)
		s.refused(ben, "*241", 403, "May not leave")
		s.refused(anna, "*251*102", 403, "May not leave")
		s.reload(s.with("{person: ben, may_leave: false}", "ben"))
		s.obeyed(ben, "*241")
		s.obeyed(ben, "*231")
	})
	run("another type", func(t *testing.T, s *site) {
		s.obeyed(carla, "*241")
		mark := s.watch.mark()
		s.reload(s.with("type: mutual_aid", "type: standard"))
		if got := s.whoIsInAfter(mark, "sales", "standard"); !sameWords(got, "anna emil ben carla dora") {
			t.Errorf("in the standard group are %s", got)
		}
		s.refused(carla, "*241", 403, "Always logged in")
		mark = s.watch.mark()
		s.reload(s.with("type: standard\n    supervisors: [{person: anna", "type: mutual_aid\n    initially: logged_out\n    supervisors: [{person: anna"))
		if got := s.whoIsInAfter(mark, "sales", "mutual_aid"); got != "" {
			t.Errorf("it begins anew, and in it are %s", got)
		}
		s.obeyed(ben, "*231")
		s.obeyed(anna, "*231")
		mark = s.watch.mark()
		s.change(s.with("    initially: logged_out\n    supervisors: [{person: anna", "    supervisors: [{person: anna"))
		s.reload(s.with("name: Verkauf", "name: Vertrieb")) // says when it holds
		if got := s.whoIsInAfter(mark, "sales", "Vertrieb"); !sameWords(got, "anna ben") {
			t.Errorf("how newcomers begin is nothing to those who are there, and in it are %s", got)
		}
		for _, person := range []string{"*251*103", "*251*104", "*251*105"} {
			s.obeyed(anna, person)
		}
	})
	run("a group removed while it rings", func(t *testing.T, s *site) {
		login := s.lamp(julia, "*251*103")
		s.obeyed(carla, "*241")
		s.obeyed(carla, "*231")
		s.obeyed(carla, "*241")
		caller, ringing, call := ringsBen(s)
		mark := s.watch.mark()
		right := s.configText()
		s.reload(func(yaml string) string {
			from, to := strings.Index(yaml, "  sales:"), strings.Index(yaml, "  desk:")
			return yaml[:from] + yaml[to:]
		})
		s.endedCall(mark, call.ID, "withdrawn", "call.ended")
		gone(s, mark, "group.sales")
		if ringing.State() != softphone.Ringing {
			t.Errorf("the phone should ring on, and is %v", ringing.State())
		}
		s.refused(anna, "*20102", 403, "Not a supervisor")
		s.refused(anna, "*221", 404, "Not known")
		s.refused(ben, "*241", 404, "Not known")
		// Back again, it is new: who had left is in; and what still rings is another call.
		mark = s.watch.mark()
		s.reload(func(string) string { return right })
		if got := s.whoIsInAfter(mark, "sales", "mutual_aid"); !sameWords(got, "anna emil ben carla dora") {
			t.Errorf("in the new group are %s", got)
		}
		s.shows(login, softphone.LampOn)
		if again := s.ringingCall(mark, "ben"); again.ID == call.ID || again.CallerCall != call.CallerCall {
			t.Errorf("%+v rings after %+v", again, call)
		}
		s.talk(caller, s.dial(anna, "*20102"))
		s.must("hang up", caller.Hangup(s.ctx()))
	})
	run("a person removed while ringing", func(t *testing.T, s *site) {
		s.obeyed(ben, "*241")
		s.obeyed(ben, "*231")
		caller, ringing, call := ringsBen(s)
		mark := s.watch.mark()
		right := s.configText()
		s.reload(func(yaml string) string {
			from := strings.Index(yaml, "  ben:")
			to := from + strings.Index(yaml[from:], "\n") + 1
			return strings.Replace(yaml[:from]+yaml[to:], "members: [ben, carla, dora]", "members: [carla, dora]", 1)
		})
		s.endedCall(mark, call.ID, "withdrawn", "call.ended")
		gone(s, mark, "person.ben")
		if ringing.State() != softphone.Ringing {
			t.Errorf("the phone should ring on, and is %v", ringing.State())
		}
		s.refused(anna, "*20102", 404, "Not known")
		s.refused(ben, "*241", 403, "Not in this group")
		s.must("answer", ringing.Answer())
		s.talk(caller, ringing)
		s.must("hang up", caller.Hangup(s.ctx()))
		mark = s.watch.mark()
		s.reload(func(string) string { return right })
		document(s.watch, mark, "person.ben", "is back", func(d personDocument) bool { return d.Reachable })
		caller, _, _ = ringsBen(s)
		s.talk(caller, s.dial(anna, "*20102"))
		s.must("hang up", caller.Hangup(s.ctx()))
	})
}

// whoIsInAfter are those who are logged in once the group's document has said something.
func (s *site) whoIsInAfter(mark int, group, says string) string {
	s.t.Helper()
	s.watch.await(mark, group+" says "+says, func(m message) bool {
		return m.subject == "state.group."+group && strings.Contains(string(m.data), `"`+says+`"`)
	})
	return s.whoIsIn(group)
}
