package ari

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"supervisiond/supervision"
)

// snapshot is what the PBX reports of itself when asked.
type snapshot struct {
	version   string
	channels  []channel
	endpoints []endpoint
}

// endpoint is a device in a snapshot.
type endpoint struct {
	Name   string // PJSIP/102
	Online bool
}

// linkUp finds out to which call each channel belongs, and what was dialled, where ari.conf's channelvars do not say it:
// who dials whom can be told from nothing else. A channel that is gone meanwhile is left as it is.
func (p *PBX) linkUp(ctx context.Context, channels []channel) {
	next := make(chan *channel)
	var asking sync.WaitGroup
	for range workers {
		asking.Go(func() {
			for c := range next {
				c.Vars.Linkedid, _ = p.rest.ChannelVariable(ctx, c.ID, "CHANNEL(linkedid)")
				c.Vars.DNID, _ = p.rest.ChannelVariable(ctx, c.ID, "CALLERID(dnid)")
			}
		})
	}
	for i := range channels {
		if channels[i].Vars.Linkedid == "" {
			next <- &channels[i]
		}
	}
	close(next)
	asking.Wait()
}

// load begins anew with a snapshot. Until sync the tracker is silent: frames that were under way while the snapshot was
// taken may tell what it already contains.
func (t *tracker) load(s *snapshot) {
	clear(t.channels)
	clear(t.halves)
	clear(t.callers)
	clear(t.endpoints)
	t.silent = true
	for _, e := range s.endpoints {
		t.device(e.Name).reachable = e.Online
	}
	for i := range s.channels {
		l := t.note(&s.channels[i])
		l.found, l.answered = true, l.State == "Up"
	}
}

// unpresented are the callers of ringing phones of whom the PBX has yet to be asked whether they may be shown, and what
// is known of each.
func (t *tracker) unpresented() map[string]presentation {
	callers := make(map[string]presentation)
	for _, l := range t.channels {
		if !l.rings() {
			continue
		}
		root, _ := t.trace(l)
		if said, all := root.Vars.said(t.ask.marksCallers()); root != l && !all && root.presented == presentationUnknown {
			callers[root.ID] = said
		}
	}
	return callers
}

// sync gives what the PBX reports now, and ends the silence.
func (t *tracker) sync(version string, at time.Time) supervision.PBXSynced {
	event := supervision.PBXSynced{At: at, Version: version, Endpoints: make(map[string]supervision.EndpointState)}
	for name, d := range t.endpoints {
		d.told = d.state()
		event.Endpoints[name] = d.told
	}
	for _, l := range t.channels {
		if l.endpoint != "" && l.State == "Up" {
			event.Up = append(event.Up, l.ID)
		}
		began := l.CreationTime
		if l.told != nil {
			began = l.told.Since
		}
		if began.After(at) {
			began = at // by a clock that is ahead of ours
		}
		t.forget(l)
		if !l.rings() || l.awaitsDial() || l.called() {
			continue
		}
		r, ok := t.ringOf(l)
		if !ok && r.Leg == "" {
			continue
		}
		if !ok {
			r.Caller = supervision.Caller{Withheld: true}
		}
		r.Since = began
		t.remember(l, &r)
		event.Rings = append(event.Rings, r)
	}
	slices.SortFunc(event.Rings, func(a, b supervision.Ring) int {
		if d := a.Since.Compare(b.Since); d != 0 {
			return d
		}
		return strings.Compare(a.Leg, b.Leg)
	})
	slices.Sort(event.Up)
	t.silent = false
	return event
}
