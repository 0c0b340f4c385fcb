package screen

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"supervisiond/supervision"
)

// age is how long a call rings.
func age(d time.Duration) string {
	s := int(max(0, d) / time.Second)
	if s >= 3600 {
		return fmt.Sprintf("%d:%02d:%02d", s/3600, s/60%60, s%60)
	}
	return fmt.Sprintf("%d:%02d", s/60, s%60)
}

// lasting is how long something has been so; nobody needs it to the second.
func lasting(d time.Duration) string {
	switch d = max(0, d); {
	case d < time.Minute:
		return strconv.Itoa(int(d/time.Second)) + " s"
	case d < time.Hour:
		return strconv.Itoa(int(d/time.Minute)) + " min"
	case d < 48*time.Hour:
		return strconv.Itoa(int(d/time.Hour)) + " h"
	}
	return strconv.Itoa(int(d/(24*time.Hour))) + " d"
}

// marks are signs beside the words: the same can be told by form, by word and by colour.
type marks struct{ online, busy, ringing, away, dnd, offline, unknown, arrow, selected, above, below, cut string }

var (
	signs = marks{
		online: "●", busy: "■", ringing: "◆", away: "◌", dnd: "⊘", offline: "○", unknown: "?",
		arrow: "→", selected: "▸", above: "↑", below: "↓", cut: "…",
	}
	letters = marks{
		online: "*", busy: "#", ringing: "!", away: "~", dnd: "x", offline: "o", unknown: "?",
		arrow: "->", selected: ">", above: "^", below: "v", cut: "~",
	}
)

func (m marks) of(state supervision.PresenceState) (string, paint) {
	switch state {
	case supervision.Online:
		return m.online, green
	case supervision.BusyNow:
		return m.busy, dark
	case supervision.Away:
		return m.away, yellow
	case supervision.DND:
		return m.dnd, dark
	case supervision.Offline:
		return m.offline, faint
	}
	return m.unknown, plain
}

// caller is who calls, or that this is withheld.
func caller(c supervision.Caller) string {
	switch {
	case c.Withheld:
		return "withheld"
	case c.Name == "" && c.Number == "":
		return "unknown caller"
	}
	return strings.TrimSpace(c.Name + " " + c.Number)
}

// way is through which groups a call is supervised, and how it came.
func (s *Screen) way(c *supervision.CallDocument) string {
	var parts []string
	var through []supervision.GroupID
	for _, r := range c.Ringing {
		for _, g := range r.Groups {
			if !slices.Contains(through, g) {
				through = append(through, g)
				parts = append(parts, s.known.groupName(g))
			}
		}
	}
	for _, v := range c.Via {
		switch v.Kind {
		case supervision.ViaQueue:
			name := v.Name
			if name == "" {
				name = v.Number
			}
			parts = append(parts, "queue "+name)
		case supervision.ViaRingGroup:
			parts = append(parts, "ring group "+v.Number)
		case supervision.ViaForward:
			parts = append(parts, "forwarded by "+v.Number)
		default:
			parts = append(parts, string(v.Kind)+" "+v.Number)
		}
	}
	if len(c.Via) == 0 && c.Dialled != "" && !s.isExtensionOfOne(c) {
		parts = append(parts, "dialled "+c.Dialled)
	}
	return strings.Join(parts, ", ")
}

// isExtensionOfOne says whether what was dialled is just the extension of who rings.
func (s *Screen) isExtensionOfOne(c *supervision.CallDocument) bool {
	return slices.ContainsFunc(c.Ringing, func(r supervision.RingingPart) bool {
		doc := s.known.person(r.Person)
		return doc != nil && doc.Extension == c.Dialled
	})
}

// whom is who rings.
func (s *Screen) whom(c *supervision.CallDocument) string {
	names := make([]string, len(c.Ringing))
	for i, r := range c.Ringing {
		names[i] = s.you(r.Person)
	}
	return strings.Join(names, ", ")
}

// picking says who is picking a call up: nobody else need try.
func (s *Screen) picking(c *supervision.CallDocument) string {
	switch c.PickingUpBy {
	case "":
		return ""
	case s.as:
		return "you are picking up, "
	}
	return c.PickingUpByName + " is picking up, "
}

// you is somebody's name, or "you".
func (s *Screen) you(id supervision.PersonID) string {
	if s.as != "" && id == s.as {
		return "you"
	}
	return s.known.name(id)
}

// outcome is how a call ended (R5).
func (s *Screen) outcome(c *supervision.CallDocument) string {
	switch c.State {
	case supervision.CallAnswered:
		return s.you(c.AnsweredBy) + " answered"
	case supervision.CallPickedUp:
		text := s.you(c.PickedUpBy) + " picked up"
		if c.OnBehalfOf != "" {
			text += " for " + s.you(c.OnBehalfOf)
		}
		return text
	case supervision.CallAnsweredElsewhere:
		return "answered elsewhere"
	case supervision.CallDeclined:
		return "declined by all phones"
	case supervision.CallAbandoned:
		return "the caller hung up"
	case supervision.CallDiverted:
		return "sent on by the PBX"
	case supervision.CallNoAnswer:
		return "nobody answered"
	case supervision.CallWithdrawn:
		return "not supervised any more"
	case supervision.CallLost:
		return "ended unseen"
	}
	return "over"
}

// notes are what is to be known of a person besides presence and login.
func (s *Screen) notes(doc *supervision.PersonDocument) []string {
	var list []string
	switch p := doc.Presence; {
	case p.State == supervision.BusyNow && p.Source == "web_call":
		list = append(list, "web call")
	case p.State == supervision.BusyNow && p.Source == "unsupervised_endpoint":
		list = append(list, "other phone")
	case p.Source == "client":
		list = append(list, "reported")
	}
	if doc.DND && doc.Presence.State != supervision.DND {
		list = append(list, "do not disturb")
	}
	for _, f := range doc.Forwarding {
		text := map[string]string{"always": "all", "busy": "if busy", "no_answer": "no answer", "phone": "by phone"}[string(f.Kind)]
		if text == "" {
			text = string(f.Kind)
		}
		if f.AfterSeconds > 0 {
			text += " " + strconv.Itoa(f.AfterSeconds) + " s"
		}
		text += " " + s.marks.arrow + " " + f.Target
		switch {
		case f.Loop:
			text += " (a loop)"
		case f.Effective != "" && f.Effective != f.Target:
			text += " " + s.marks.arrow + " " + f.Effective
		}
		list = append(list, text)
	}
	return list
}

// refused says in words why a command was not carried out.
func refused(a Answer) string {
	text := a.Message
	if text == "" {
		text = "no reason was given"
	}
	what := map[Verb]string{Pickup: "Not picked up", Join: "Not logged in", Leave: "Not logged out"}[a.Command.Verb]
	if a.Code == "" {
		return what + ": " + text
	}
	return what + " (" + string(a.Code) + "): " + text
}
