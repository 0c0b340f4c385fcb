package ari

import (
	"maps"
	"slices"
	"strings"
	"time"

	"supervisiond/supervision"
)

// Helper contexts of the generated dialplan.
const (
	// pickupContext is where the PBX carries out a pickup.
	pickupContext = "supervision-pickup"
	// confirmedContext lets channels hear that their code was obeyed: extensions on and off.
	confirmedContext = "supervision-confirmed"
	// refusedContext ends channels: extensions named after the reason, and c<cause>.
	refusedContext = "supervision-refused"
)

// arguments are those with which the generated dialplan enters the application.
type arguments struct {
	Pickup, PickupFailed, Person, Group   string
	Join, Leave, Toggle, CancelForwarding string
	Called                                string // not by the dialplan: see CallIn
}

var arg = arguments{
	Pickup: "pickup", PickupFailed: "pickup-failed", Person: "person", Group: "group",
	Join: string(supervision.CodeJoin), Leave: string(supervision.CodeLeave), Toggle: string(supervision.CodeToggle),
	CancelForwarding: string(supervision.CodeCancelForwarding), Called: "called",
}

func (t *tracker) stasisStart(e *event, at time.Time) {
	l := t.note(&e.Channel)
	l.picker = true
	if l.taken != "" && l.taken == strings.Join(e.Args, ",") {
		return // its entry was on the way when it was found, and is known
	}
	t.tellDevice(l.endpoint, at)
	t.entered(l, e.Args, at)
}

func (t *tracker) entered(l *leg, args []string, at time.Time) {
	if e := wish(l, args, at); e != nil {
		t.tell(e)
		return
	}
	t.stray(l.ID, args)
}

// wish is what a channel wants that entered the application with these arguments; nil: nobody knows.
func wish(l *leg, args []string, at time.Time) supervision.Event {
	if len(args) == 0 || slices.Contains(args[1:], "") {
		return nil
	}
	switch args[0] {
	case arg.PickupFailed:
		if len(args) == 1 {
			return supervision.PickupFailed{At: at, Channel: l.ID}
		}
	case arg.Called:
		if len(args) == 1 && l.called() {
			return supervision.PickerAnswered{At: at, Channel: l.ID}
		}
	case arg.Pickup:
		if ask, ok := parseAsk(args[1:]); ok {
			return supervision.PickupDialled{At: at, Channel: l.ID, Endpoint: l.endpoint, Ask: ask}
		}
	default:
		dialled := supervision.CodeDialled{At: at, Channel: l.ID, Endpoint: l.endpoint, Code: supervision.FeatureCode(args[0])}
		if parseCode(&dialled, args[1:]) {
			return dialled
		}
	}
	return nil
}

func parseAsk(args []string) (supervision.PickupAsk, bool) {
	switch {
	case len(args) == 0:
		return supervision.PickupAsk{}, true
	case len(args) == 2 && args[0] == arg.Person:
		return supervision.PickupAsk{Extension: args[1]}, true
	case len(args) == 2 && args[0] == arg.Group:
		return supervision.PickupAsk{GroupNumber: args[1]}, true
	}
	return supervision.PickupAsk{}, false
}

// parseCode takes what was dialled behind a code, and reports whether there is such a code and it takes that.
func parseCode(e *supervision.CodeDialled, args []string) bool {
	switch e.Code {
	case supervision.CodeJoin, supervision.CodeLeave:
		if len(args) != 1 {
			return false
		}
		e.GroupNumber = args[0]
	case supervision.CodeToggle:
		if len(args) != 1 && len(args) != 2 {
			return false
		}
		e.GroupNumber = args[0]
		if len(args) == 2 {
			e.Extension = args[1]
		}
	case supervision.CodeCancelForwarding:
		if len(args) > 1 {
			return false
		}
		if len(args) == 1 {
			e.Extension = args[0]
		}
	default:
		return false
	}
	return true
}

// waiting is what channels want that an earlier life of the daemon left in the application: the PBX does not announce
// them again.
func (t *tracker) waiting(at time.Time) []supervision.Event {
	var events []supervision.Event
	for _, id := range slices.Sorted(maps.Keys(t.channels)) {
		l := t.channels[id]
		app, args, _ := strings.Cut(l.Dialplan.AppData, ",")
		if l.Dialplan.App != "Stasis" || app != t.app {
			if l.called() && l.State != "Up" {
				t.stray(l.ID, nil) // an earlier life wanted it
			}
			continue
		}
		l.picker, l.taken = true, args
		if e := wish(l, strings.Split(args, ","), at); e != nil {
			events = append(events, e)
		} else {
			t.stray(l.ID, strings.Split(args, ","))
		}
	}
	return events
}
