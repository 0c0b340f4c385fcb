package supervision

import (
	"strings"
	"time"
)

const (
	// reportTime is how long a report holds unless it says otherwise or is repeated (S3).
	reportTime = 5 * time.Minute
	// maxReports bounds the sources of one person's reports.
	maxReports = 16
)

// report is what a client knows of somebody.
type report struct {
	state   PresenceState
	expires time.Time
}

func (t *step) reportPresence(a asker, c ReportPresence) {
	own := t.reports[a.actor.ID]
	switch c.State {
	case Online:
		_, was := own[c.Source]
		delete(own, c.Source)
		t.touchPerson(a.actor.ID)
		t.grant(a, was, true)
		return
	case BusyNow, Away, DND:
	default:
		t.refuseTo(a, refuse(Invalid, "the state is online, away, busy or dnd"))
		return
	}
	if c.Source == "" || strings.ContainsAny(c.Source, " \t\n") {
		t.refuseTo(a, refuse(Invalid, "a report names its source, without blanks"))
		return
	}
	if _, known := own[c.Source]; !known && len(own) >= maxReports {
		t.refuseTo(a, refuse(Invalid, "%d sources report on %s already", maxReports, a.actor.Name))
		return
	}
	if own == nil {
		own = make(map[string]report)
		t.reports[a.actor.ID] = own
	}
	ttl := c.TTL
	if ttl <= 0 {
		ttl = reportTime
	}
	was := own[c.Source].state
	own[c.Source] = report{c.State, t.now.Add(ttl)}
	t.arm(timerReport, string(a.actor.ID)+" "+c.Source, t.now.Add(ttl))
	t.touchPerson(a.actor.ID)
	t.grant(a, was != c.State, true)
}

// reportExpires ends a report that was not repeated.
func (t *step) reportExpires(about string) {
	id, source, _ := strings.Cut(about, " ")
	own := t.reports[PersonID(id)]
	if r, ok := own[source]; ok && !r.expires.After(t.now) {
		delete(own, source)
		t.touchPerson(PersonID(id))
	}
}

// reported says whether some client reports a state.
func (t *step) reported(p PersonID, state PresenceState) bool {
	for _, r := range t.reports[p] {
		if r.state == state {
			return true
		}
	}
	return false
}
