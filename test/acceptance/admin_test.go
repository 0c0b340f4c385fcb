package acceptance

import (
	"strings"
	"testing"

	"supervisiond/test/lab"
)

// TestG8CompanyAdministrator: who administers the company forces people in and out of every group, within what holds for
// all, and picks up nothing.
func TestG8CompanyAdministrator(t *testing.T) {
	t.Parallel()
	testG8CompanyAdministrator(t, lab.Options{})
}

func testG8CompanyAdministrator(t *testing.T, layout lab.Options) {
	o := withCommanders(t, func(yaml string) string {
		yaml = strings.Replace(yaml, "name: Fatma Aydin,", "name: Fatma Aydin, admin: true,", 1)
		return strings.Replace(yaml, "members: [ben, carla, dora]", "members: [ben, carla, {person: dora, may_leave: false}]", 1)
	})
	o.lab = layout
	s := newSite(t, o)
	ben, fatma, georg := s.phone("102"), s.phone("106"), s.phone("107")

	t.Run("by program", func(t *testing.T) {
		s := s.in(t)
		mark := s.watch.mark()
		s.done("fatma", "group.force_out", `{"group":"sales","person":"ben"}`, true)
		s.login(mark, "group.left", "ben", "fatma", true)
		mark = s.watch.mark()
		s.done("fatma", "group.force_out", `{"group":"sales","person":"ben"}`, false)
		s.noLogin(mark)
		s.done("fatma", "group.force_in", `{"group":"sales","person":"ben"}`, true)
		s.login(mark, "group.joined", "ben", "fatma", true)
		s.refusedWith("may_not_leave", "fatma", "group.force_out", `{"group":"sales","person":"dora"}`)
		s.refusedWith("not_mutual_aid", "fatma", "group.force_out", `{"group":"desk","person":"igor"}`)
		s.refusedWith("not_found", "fatma", "group.force_out", `{"group":"sales","person":"georg"}`)
		s.refusedWith("not_participant", "fatma", "group.join", `{"group":"sales"}`)
	})
	t.Run("by phone", func(t *testing.T) {
		s := s.in(t)
		mark := s.watch.mark()
		s.obeyed(fatma, "*251*102")
		s.loggedIn(mark, "sales", "ben", false)
		s.loginEvent(mark, "group.left", "sales", "ben", "fatma", true)
		mark = s.watch.mark()
		s.obeyed(fatma, "*251*102")
		s.loggedIn(mark, "sales", "ben", true)
		s.loginEvent(mark, "group.joined", "sales", "ben", "fatma", true)
		mark = s.watch.mark()
		s.refused(fatma, "*251*104", 403, "May not leave")
		s.refused(georg, "*251*102", 403, "Not administrator")
		s.noLogin(mark)
	})
	t.Run("but not picking up", func(t *testing.T) {
		s := s.in(t)
		mark := s.watch.mark()
		s.dial(georg, "102")
		s.rings(ben)
		s.ringingCall(mark, "ben")
		s.refused(fatma, "*20102", 403, "Not a supervisor")
	})
}
