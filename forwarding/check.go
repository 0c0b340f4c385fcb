package forwarding

import (
	"fmt"
	"slices"
	"strings"
)

const (
	// MaxTarget is how long a destination may be. E.164 has 15 digits; prefixes and codes of a PBX are the rest.
	MaxTarget = 32
	// MaxAfterSeconds is how long a line may ring before a no_answer forward acts.
	MaxAfterSeconds = 300
)

// Reason says why a forward may not be set (rule F6). Empty: it may.
type Reason string

// The reasons. Those up to Seconds are about what was asked for, the others about the destination.
const (
	BadKind     Reason = "kind"        // phone, or no kind that there is
	Unsupported Reason = "unsupported" // the PBX's store has no place for this kind
	BadSeconds  Reason = "seconds"     // out of bounds, of another kind than no_answer, or without a place in the store
	NoTarget    Reason = "empty"
	BadChars    Reason = "characters"
	TooLong     Reason = "length"
	NotAllowed  Reason = "not_allowed" // no pattern of the allow-list matches
	ToOneself   Reason = "self"
	WouldLoop   Reason = "loop"
)

// AboutDestination says whether the destination is what cannot be; otherwise the request itself makes no sense here.
func (r Reason) AboutDestination() bool {
	switch r {
	case NoTarget, BadChars, TooLong, NotAllowed, ToOneself, WouldLoop:
		return true
	}
	return false
}

// Message says it to people.
func (r Reason) Message() string {
	switch r {
	case "":
		return ""
	case BadKind:
		return "a forward can be set for always, busy or no_answer"
	case Unsupported:
		return "the PBX has no place for a forward of this kind"
	case BadSeconds:
		return fmt.Sprintf("seconds can be given for no_answer only, from 1 to %d, and only where the PBX has a place for them", MaxAfterSeconds)
	case NoTarget:
		return "the destination is missing"
	case BadChars:
		return "a destination has only digits, * and #, and may begin with +"
	case TooLong:
		return fmt.Sprintf("a destination has at most %d characters", MaxTarget)
	case NotAllowed:
		return "this destination is not among those that the site allows"
	case ToOneself:
		return "a line cannot be forwarded to itself"
	case WouldLoop:
		return "calls would go round in a loop"
	}
	return string(r)
}

// Check says whether a line's forward may be set to a destination (rule F6), given all lines as they are. AfterSeconds 0
// leaves the time to the PBX.
func (p *Policy) Check(lines map[string]Stored, ext string, kind Kind, target string, afterSeconds int) Reason {
	switch {
	case !kind.Settable():
		return BadKind
	case p.Families.Of(kind) == "":
		return Unsupported
	case !p.takesSeconds(kind, afterSeconds):
		return BadSeconds
	case target == "":
		return NoTarget
	case !dialable(target):
		return BadChars
	case len(target) > MaxTarget:
		return TooLong
	case !p.allows(target):
		return NotAllowed
	case target == ext:
		return ToOneself
	case loops(with(lines, ext, kind, target), ext, target):
		return WouldLoop
	}
	return ""
}

// CanSet are the kinds of which some forward passes Check: nobody needs to be offered the others.
func (p *Policy) CanSet() []Kind {
	kinds := []Kind{}
	for _, kind := range Kinds() {
		if p.Families.Of(kind) != "" && len(p.Allowed) > 0 {
			kinds = append(kinds, kind)
		}
	}
	return kinds
}

// CanSetSeconds says whether a no_answer forward can be given its seconds.
func (p *Policy) CanSetSeconds() bool {
	return slices.Contains(p.CanSet(), NoAnswer) && p.takesSeconds(NoAnswer, 1)
}

func (p *Policy) takesSeconds(kind Kind, seconds int) bool {
	return seconds == 0 ||
		kind == NoAnswer && p.Families.NoAnswerSeconds != "" && seconds >= 1 && seconds <= MaxAfterSeconds
}

// dialable: nothing that means anything to a dialplan beyond what a phone can dial.
func dialable(target string) bool {
	digits := strings.TrimPrefix(target, "+")
	return digits != "" && strings.Trim(digits, "0123456789*#") == ""
}

func (p *Policy) allows(target string) bool {
	for _, pattern := range p.Allowed {
		if pattern.MatchString(target) {
			return true
		}
	}
	return false
}

// loops says whether a call that is forwarded to the target goes round: on its way there, or from where it ends, if
// that line is busy or does not answer.
func loops(lines map[string]Stored, ext, target string) bool {
	end, loop := Follow(lines, ext, target)
	if loop {
		return true
	}
	for _, f := range Resolve(lines, end) {
		if f.Loop {
			return true
		}
	}
	return false
}
