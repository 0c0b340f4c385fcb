package ari

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"supervisiond/supervision"
)

// Names of device states, to be followed by a group's number, by a group's number, a dash and an extension, and by an
// extension. The generated dialplan's hints derive them from what a phone subscribes to.
const (
	lampRinging   = "supervision-ringing-"
	lampLogin     = "supervision-login-"
	lampForwarded = "supervision-forwarded-"
)

// States of devices, and what phones are told: dialog early, confirmed, terminated. Asterisk keeps them over its own
// restarts and ours. A state that is deleted is not told to phones, so a lamp that nobody needs any more is put out.
const (
	lampBlinks = "RINGING"
	lampOn     = "INUSE"
	lampOff    = "NOT_INUSE"
)

// lampRetry is how long after a failure the PBX is asked again.
const lampRetry = time.Second

// lamps keeps the device states behind the phones' lamps as the published documents have them. What waits is bounded by
// what there is: of each document only the newest is kept, and of each lamp only what it is to show. A worker of its own
// writes, so that pickups never wait for it.
type lamps struct {
	rest    *Client
	log     *slog.Logger
	metrics *metrics

	mu      sync.Mutex
	pending map[string]any // the newest document by key; nil: it is gone
	link    link
	stored  bool // documents say what the PBX's store of forwards says
	news    chan struct{}

	// The rest is the worker's.
	groups     map[string]*supervision.GroupDocument
	extensions map[supervision.PersonID]string
	lampsOf    map[string]map[string]string // the lamps that a document makes, by its key; the state of each by name
	wanted     map[string]string
	present    map[string]string // what the PBX has
	dirty      []string          // lamps to be written, each once
	forwards   bool              // as stored
}

// link says whether the PBX is there, and counts how often it came.
type link struct {
	up    bool
	times int
}

func newLamps(rest *Client, log *slog.Logger, m *metrics) *lamps {
	return &lamps{
		rest: rest, log: log, metrics: m,
		pending: make(map[string]any), news: make(chan struct{}, 1),
		groups: make(map[string]*supervision.GroupDocument), extensions: make(map[supervision.PersonID]string),
		lampsOf: make(map[string]map[string]string), wanted: make(map[string]string), present: make(map[string]string),
	}
}

// take notes what concerns lamps. It never blocks. That the PBX is there is taken from the announcement, because the
// documents that say what rings on it come with that one and not before.
func (l *lamps) take(effects []supervision.Effect) {
	l.mu.Lock()
	defer l.mu.Unlock()
	heard := false
	for _, e := range effects {
		switch e := e.(type) {
		case supervision.Put:
			switch e.Document.(type) {
			case *supervision.GroupDocument, *supervision.PersonDocument:
				l.pending[e.Key], heard = e.Document, true
			}
		case supervision.Forget:
			if strings.HasPrefix(e.Key, "group.") || strings.HasPrefix(e.Key, "person.") {
				l.pending[e.Key], heard = nil, true
			}
		case supervision.StoreKnown:
			l.stored, heard = true, true
		case supervision.Announce:
			switch e.Type {
			case supervision.EventPBXConnected:
				l.link, heard = link{up: true, times: l.link.times + 1}, true
			case supervision.EventPBXDisconnected:
				l.link.up = false
			}
		}
	}
	if heard {
		select {
		case l.news <- struct{}{}:
		default:
		}
	}
}

// run writes what changes, one lamp after the other, and after each attachment all that the PBX has not as it should be.
func (l *lamps) run(ctx context.Context) {
	compared, complained := 0, 0 // of link.times
	for {
		l.mu.Lock()
		now, link, stored := l.pending, l.link, l.stored
		l.pending = make(map[string]any)
		l.mu.Unlock()
		l.apply(now)
		if stored && !l.forwards {
			l.forwards = true
			l.markAll()
		}

		var err error
		switch {
		case link.up && compared != link.times:
			if err = l.compare(ctx); err == nil {
				compared = link.times
			}
		case link.up && len(l.dirty) > 0:
			err = l.writeOne(ctx)
		}
		l.metrics.lampsPending.Set(float64(len(l.dirty)))
		if err == nil && link.up && len(l.dirty) > 0 {
			continue
		}
		var retry <-chan time.Time
		if err != nil {
			retry = time.After(lampRetry)
			if complained != link.times && ctx.Err() == nil {
				complained = link.times
				l.log.Warn("the PBX does not take what lamps are to show, and is asked again every second; "+
					"are res_ari_device_states.so and res_stasis_device_state.so loaded?", "error", err)
			}
		}
		select {
		case <-l.news:
		case <-retry:
		case <-ctx.Done():
			return
		}
	}
}

// apply finds out which lamps documents change. All that these documents made before is taken back first: a number may
// have moved from one to another.
func (l *lamps) apply(documents map[string]any) {
	changed := make(map[string]bool)
	for key, d := range documents {
		if strings.HasPrefix(key, "person.") {
			l.learn(key, d, changed)
		}
	}
	for key, d := range documents {
		if group, ok := d.(*supervision.GroupDocument); ok {
			l.groups[key] = group
		} else {
			delete(l.groups, key)
		}
		changed[key] = true
	}
	touched := make(map[string]bool)
	for key := range changed {
		for name := range l.lampsOf[key] {
			delete(l.wanted, name)
			touched[name] = true
		}
		delete(l.lampsOf, key)
	}
	for key := range changed {
		if made := l.madeBy(key, documents[key]); len(made) > 0 {
			l.lampsOf[key] = made
		}
		for name, state := range l.lampsOf[key] {
			l.wanted[name] = state
			touched[name] = true
		}
	}
	for _, name := range slices.Sorted(maps.Keys(touched)) {
		l.mark(name)
	}
}

// learn notes a person's extension. Groups name people by id, so theirs may be known only now.
func (l *lamps) learn(key string, document any, changed map[string]bool) {
	id := supervision.PersonID(strings.TrimPrefix(key, "person."))
	extension := ""
	if p, ok := document.(*supervision.PersonDocument); ok {
		extension = p.Extension
	}
	if l.extensions[id] == extension {
		return
	}
	l.extensions[id] = extension
	if extension == "" {
		delete(l.extensions, id)
	}
	for key, g := range l.groups {
		if slices.ContainsFunc(g.Supervisors, func(s supervision.SupervisorDocument) bool { return s.Person == id }) ||
			slices.ContainsFunc(g.Members, func(m supervision.MemberDocument) bool { return m.Person == id }) {
			changed[key] = true
		}
	}
}

// madeBy says which lamps a document makes, and what they are to show.
func (l *lamps) madeBy(key string, document any) map[string]string {
	made := make(map[string]string)
	if p, ok := document.(*supervision.PersonDocument); ok && p.Extension != "" {
		made[lampForwarded+p.Extension] = shows(len(p.Forwarding) > 0, lampOn)
	}
	g := l.groups[key]
	if g == nil || g.Number == "" {
		return made
	}
	made[lampRinging+g.Number] = shows(len(g.Ringing) > 0, lampBlinks)
	login := func(id supervision.PersonID, in bool) {
		if extension := l.extensions[id]; extension != "" {
			made[lampLogin+g.Number+"-"+extension] = shows(in, lampOn)
		}
	}
	for _, s := range g.Supervisors {
		login(s.Person, s.LoggedIn)
	}
	for _, m := range g.Members {
		login(m.Person, m.LoggedIn)
	}
	return made
}

func shows(lit bool, state string) string {
	if lit {
		return state
	}
	return lampOff
}

// target is what a lamp is to show. One that belongs to nobody is put out. Until the PBX's store was read, a line of
// which nothing is known may be forwarded all the same: its lamp is left as it is.
func (l *lamps) target(name string) string {
	state := l.wanted[name]
	switch {
	case state == lampOn, state == lampBlinks:
		return state
	case !l.forwards && strings.HasPrefix(name, lampForwarded):
		return l.present[name]
	}
	return lampOff
}

func (l *lamps) mark(name string) {
	if l.present[name] != l.target(name) && !slices.Contains(l.dirty, name) {
		l.dirty = append(l.dirty, name)
	}
}

func (l *lamps) markAll() {
	names := maps.Clone(l.wanted)
	maps.Copy(names, l.present)
	for _, name := range slices.Sorted(maps.Keys(names)) {
		l.mark(name)
	}
}

// compare asks the PBX what its lamps show. What others keep there is left alone.
func (l *lamps) compare(ctx context.Context) error {
	states, err := l.rest.stasisStates(ctx)
	if err != nil {
		return err
	}
	l.present, l.dirty = make(map[string]string), nil
	for name, state := range states {
		if strings.HasPrefix(name, lampRinging) || strings.HasPrefix(name, lampLogin) || strings.HasPrefix(name, lampForwarded) {
			l.present[name] = state
		}
	}
	l.markAll()
	return nil
}

// writeOne writes the lamp that waits longest. One that the PBX does not take waits again, behind the others.
func (l *lamps) writeOne(ctx context.Context) error {
	name := l.dirty[0]
	l.dirty = l.dirty[1:]
	state := l.target(name)
	if l.present[name] == state {
		return nil
	}
	if err := l.rest.setStasisState(ctx, name, state); err != nil {
		delete(l.present, name) // it may have got there all the same
		l.dirty = append(l.dirty, name)
		return err
	}
	l.present[name] = state
	l.metrics.lampsWritten.Inc()
	return nil
}
