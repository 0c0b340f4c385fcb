package acceptance

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"syscall"
	"time"
)

const (
	killed  = syscall.SIGKILL
	stopped = syscall.SIGSTOP
)

// equalsPBX waits until the published state is what the PBX's own command line reports: who rings, and whose phones are
// reachable. It fails if that is not so soon.
func (s *site) equalsPBX() {
	s.t.Helper()
	for deadline := time.Now().Add(slack); ; {
		pbx, ours := s.pbxState(), s.publishedState()
		if pbx == ours {
			return
		}
		if time.Now().After(deadline) {
			s.t.Fatalf("the PBX reports %s, and published is %s", pbx, ours)
		}
	}
}

// pbxState is what Asterisk's command line says: ringing and reachable devices.
func (s *site) pbxState() string {
	s.t.Helper()
	channels, err := s.pbx.CLI(s.ctx(), "core show channels concise")
	s.must("core show channels", err)
	ringing := make(map[string]bool)
	for line := range strings.Lines(channels) {
		f := strings.Split(line, "!")
		if len(f) > 4 && strings.HasPrefix(f[0], "PJSIP/") && f[4] == "Ringing" {
			user := strings.TrimPrefix(f[0][:strings.LastIndex(f[0], "-")], "PJSIP/")
			ringing[personOf[user]] = true
		}
	}
	contacts, err := s.pbx.CLI(s.ctx(), "pjsip show contacts")
	s.must("pjsip show contacts", err)
	reachable := make(map[string]bool)
	for line := range strings.Lines(contacts) {
		f := strings.Fields(line)
		if len(f) < 2 || f[0] != "Contact:" {
			continue
		}
		user, _, _ := strings.Cut(f[1], "/")
		if person := personOf[user]; person != "" {
			reachable[person] = true
		}
	}
	return describe(ringing, reachable)
}

func (s *site) publishedState() string {
	s.t.Helper()
	ringing, reachable := make(map[string]bool), make(map[string]bool)
	for key, m := range s.watch.present("person.") {
		var d personDocument
		if err := json.Unmarshal(m.data, &d); err != nil {
			s.t.Fatalf("%s: %v", key, err)
		}
		if d.Reachable {
			reachable[d.ID] = true
		}
		if len(d.Calls) > 0 {
			ringing[d.ID] = true
		}
	}
	return describe(ringing, reachable)
}

func describe(ringing, reachable map[string]bool) string {
	delete(ringing, "")
	return fmt.Sprintf("ringing %v, reachable %v", slices.Sorted(maps.Keys(ringing)), slices.Sorted(maps.Keys(reachable)))
}

// pbxHas waits until the PBX's log says so: what was so for a moment stands there.
func (s *site) pbxHas(what string) {
	s.t.Helper()
	for ctx := s.ctx(); !strings.Contains(s.pbx.Log(), what); {
		if ctx.Err() != nil {
			s.t.Fatalf("the PBX does not say %q", what)
		}
	}
}
