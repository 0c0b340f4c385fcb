package ari

import (
	"time"

	"supervisiond/supervision"
)

func (t *tracker) device(name string) *device {
	d := t.endpoints[name]
	if d == nil {
		d = &device{channels: make(map[string]*leg)}
		t.endpoints[name] = d
	}
	return d
}

func (t *tracker) endpointState(name string, reachable bool, at time.Time) {
	t.device(name).reachable = reachable
	t.tellDevice(name, at)
}

// tellDevice says how a device is, if that has changed.
func (t *tracker) tellDevice(name string, at time.Time) {
	d := t.endpoints[name]
	if d == nil {
		return
	}
	if now := d.state(); now != d.told {
		d.told = now
		t.tell(supervision.EndpointChanged{At: at, Endpoint: name, State: now})
	}
}

func (d *device) state() supervision.EndpointState {
	s := supervision.EndpointState{Reachable: d.reachable}
	for _, l := range d.channels {
		s.InCall = s.InCall || l.inCall()
	}
	return s
}

// inCall: it rings, is rung, or talks. A phone that has only just dialled, and perhaps a feature code, is not in a call
// until the PBX does something for it; nor is one that hears that its code was obeyed, or was not.
func (l *leg) inCall() bool {
	if l.picker && (l.Dialplan.Context == confirmedContext || l.Dialplan.Context == refusedContext) {
		return false
	}
	switch l.State {
	case "Down":
		return l.rings()
	case "Ring":
		return !l.picker && l.Dialplan.App != "" && l.Dialplan.App != "Stasis"
	}
	return true
}
