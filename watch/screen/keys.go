package screen

import (
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"supervisiond/supervision"
)

// missed is how long after its call has gone a pickup is not taken for one of another call.
const missed = 2 * time.Second

func (s *Screen) key(k Key) Effect {
	if k.Name == "ctrl+c" {
		return Effect{Quit: true}
	}
	if s.typing {
		s.typed(k)
		return Effect{}
	}
	if s.help {
		s.help = false
		return Effect{Quit: k.Name == "q"}
	}
	switch k.Name {
	case "q":
		return Effect{Quit: true}
	case "?":
		s.help = true
	case "/":
		s.typing = true
	case "esc":
		s.selected, s.filter = "", ""
	case "up", "ctrl+p":
		s.move(-1)
	case "down", "ctrl+n":
		s.move(1)
	case "pgup":
		s.move(-10)
	case "pgdown":
		s.move(10)
	case "home":
		s.move(-1 << 30)
	case "end":
		s.move(1 << 30)
	case "tab":
		s.hop()
	case "p", "enter":
		return s.pickUp()
	case "j":
		return s.login(Join)
	case "l":
		return s.login(Leave)
	}
	return Effect{}
}

// typed takes a key while the filter is written.
func (s *Screen) typed(k Key) {
	switch k.Name {
	case "enter", "up", "down", "tab":
		s.typing = false
	case "esc":
		s.typing, s.filter = false, ""
	case "backspace":
		_, size := utf8.DecodeLastRuneInString(s.filter)
		s.filter = s.filter[:len(s.filter)-size]
	case "ctrl+u":
		s.filter = ""
	default:
		s.filter += clean(k.Text)
	}
	s.settle()
	s.lost = time.Time{} // it went because of what was typed
}

// move moves the selection by so many rows; from nothing to the first or the last.
func (s *Screen) move(by int) {
	rows := s.selectable()
	if len(rows) == 0 {
		return
	}
	at := slices.IndexFunc(rows, func(r row) bool { return r.key == s.selected })
	if at < 0 && by < 0 {
		at = len(rows)
	}
	s.selectRow(rows[min(max(at+by, 0), len(rows)-1)])
}

// selectRow selects, and makes room for the details.
func (s *Screen) selectRow(r row) {
	s.selected, s.message = r.key, message{}
}

// hop moves the selection from the calls to the groups and back.
func (s *Screen) hop() {
	rows := s.selectable()
	fromCalls := strings.HasPrefix(s.selected, callKey)
	for _, r := range rows {
		if strings.HasPrefix(r.key, callKey) != fromCalls || s.selected == "" {
			s.selectRow(r)
			return
		}
	}
}

// may says whether commands can be given, and tells why not.
func (s *Screen) may() bool {
	switch {
	case s.as == "":
		s.say(s.now, yellow, "Only watching: begin with --as PERSON to pick up, join and leave")
	case !s.live():
		s.say(s.now, yellow, "Not now: there is no connection to the daemon")
	default:
		return true
	}
	return false
}

// pickUp picks up what is selected: a call, or what rings longest of a person or a group; of nothing the oldest call.
func (s *Screen) pickUp() Effect {
	if !s.may() {
		return Effect{}
	}
	if s.calling != nil {
		s.say(s.now, yellow, "Your phone is being called already")
		return Effect{}
	}
	c := Command{Verb: Pickup}
	switch r := s.selectedRow(); {
	case r == nil && s.now.Sub(s.lost) < missed:
		s.lost = time.Time{}
		s.say(s.now, yellow, "That call is gone. Press again for the oldest")
		return Effect{}
	case r == nil:
		first := s.firstRinging()
		if first == nil {
			s.say(s.now, yellow, "Nothing rings")
			return Effect{}
		}
		if s.filter != "" { // the oldest of those that are shown
			c.Call = first.ID
		}
	case r.call != nil:
		c.Call = r.call.ID
	case r.person != "":
		c.Person = r.person
	default:
		c.Group = r.group
	}
	s.calling, s.since, s.progress, s.message = &c, s.now, "", message{}
	return Effect{Do: &c}
}

// firstRinging is the oldest that nobody is picking up; if somebody is picking up each of them, the answer to a pickup says so.
func (s *Screen) firstRinging() *supervision.CallDocument {
	var first *supervision.CallDocument
	for _, c := range s.shownCalls() {
		switch {
		case c.State != supervision.CallRinging:
		case c.PickingUpBy == "":
			return c
		case first == nil:
			first = c
		}
	}
	return first
}

// login joins or leaves the group that is selected, or the only one there is to join and leave.
func (s *Screen) login(v Verb) Effect {
	if !s.may() {
		return Effect{}
	}
	group := supervision.GroupID("")
	if r := s.selectedRow(); r != nil && r.call == nil {
		group = r.group
	} else if len(s.known.Memberships) == 1 {
		for group = range s.known.Memberships {
		}
	}
	switch {
	case group == "" && len(s.known.Memberships) == 0:
		s.say(s.now, yellow, "You are in no group that one joins and leaves")
		return Effect{}
	case group == "":
		s.say(s.now, yellow, "Which group? Select one with the arrows first")
		return Effect{}
	case s.logging:
		s.say(s.now, yellow, "Wait for the answer to the last command")
		return Effect{}
	}
	s.logging, s.message = true, message{}
	return Effect{Do: &Command{Verb: v, Group: group}}
}
