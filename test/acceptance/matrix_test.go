package acceptance

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"supervisiond/test/lab"
	"supervisiond/test/softphone"
)

// TestMatrix asks everything of everybody, over HTTP, NATS and by phone, and proves that they agree: with the rules, and
// so with each other (P7, G3 to G8, F4 to F6, S7).
func TestMatrix(t *testing.T) {
	t.Parallel()
	m := newMatrix(t)
	for _, part := range []struct {
		name string
		test func(*matrix)
	}{
		{"G3 to G8 logins", (*matrix).logins},
		{"F4 to F6 and S3 lines", (*matrix).lines},
		{"S7 views", (*matrix).views},
		{"P7 pickups that are refused", (*matrix).refusedPickups},
		{"P1 P2 pickups", (*matrix).pickups},
		{"H1 history", (*matrix).histories},
	} {
		t.Run(part.name, func(t *testing.T) {
			here := *m
			here.site = m.in(t)
			part.test(&here)
		})
	}
}

// matrix is a site with one phone for each actor, and what rings there.
type matrix struct {
	*site
	phones     map[string]*softphone.Phone // by person
	web, trunk *softphone.Phone
	programs   []way
	// What rings: ben, for the caller, and igor's phone that is not supervised.
	call           callDocument
	caller, member *softphone.Call
	other          *softphone.Call
}

// out is who is logged out of sales while nothing else is said. Of help it is dora.
var out = []string{"fatma", "karl", "carla"}

func newMatrix(t *testing.T) *matrix {
	o := withPasswords(t, withCommanders(t, matrixConfig))
	o.lab = lab.Options{People: append(lab.DefaultPeople(), lab.Person{Extension: "111", Name: "Karl Roth"})}
	m := &matrix{site: newSite(t, o), phones: make(map[string]*softphone.Phone)}
	asPeople := httpWay{m.site, make(map[string]*browser)}
	for person, extension := range actors {
		m.phones[person] = m.phone(extension, func(o *softphone.Options) { o.Behaviour = softphone.AutoAnswer() })
		m.watch.awaitPerson(person, "reachable", func(d personDocument) bool { return d.Reachable })
		asPeople.who[person] = m.program(person)
	}
	m.web, m.trunk = m.phone("102-web"), m.outside()
	m.programs = []way{asPeople, natsWay{m.site}}
	for _, person := range out {
		m.done(person, "group.leave", `{"group":"sales"}`, true)
	}
	m.done("dora", "group.leave", `{"group":"help"}`, true)
	m.storeIsRead()
	return m
}

func matrixConfig(yaml string) string {
	for from, to := range map[string]string{
		`endpoints: [PJSIP/101, PJSIP/101-home]`:    `endpoints: [{endpoint: PJSIP/101, auto_answer: snom}]`,
		`endpoints: [PJSIP/105]`:                    `endpoints: [{endpoint: PJSIP/105, auto_answer: snom}]`,
		`, unsupervised_endpoints: [PJSIP/102-web]`: ``,
		`endpoints: [PJSIP/109]`:                    `endpoints: [PJSIP/109], unsupervised_endpoints: [PJSIP/102-web]`,
		`name: Georg Huber,`:                        `name: Georg Huber, admin: true,`,
	} {
		yaml = strings.Replace(yaml, from, to, 1)
	}
	before, _, _ := strings.Cut(yaml, "\ngroups:")
	return before + "\n  karl:  {name: Karl Roth, extension: \"111\", endpoints: [PJSIP/111]}" + matrixGroups
}

// outcomes reads "anna emil ok, rest not_found", and fails if somebody is named who is not there.
func (m *matrix) outcomes(who string) map[string]string {
	m.t.Helper()
	all := make(map[string]string)
	for clause := range strings.SplitSeq(who, ", ") {
		words := strings.Fields(clause)
		last := len(words) - 1
		for _, actor := range words[:last] {
			if _, known := actors[actor]; !known && actor != "rest" || all[actor] != "" {
				m.t.Fatalf("%q: who is %s?", who, actor)
			}
			all[actor] = words[last]
		}
	}
	for actor := range actors {
		if all[actor] == "" {
			all[actor] = all["rest"]
		}
	}
	delete(all, "rest")
	return all
}

// questions are one question of the table, on each way that has it. Each tells whether it was done.
func (m *matrix) questions(r rule, actor, want string) []func() bool {
	var all []func() bool
	for _, w := range m.programs {
		if r.verb != "" {
			all = append(all, func() bool { return m.ask(w, r, actor, want) })
		}
	}
	if r.code != "" {
		all = append(all, func() bool { return m.askByPhone(r, actor, want) })
	}
	return all
}

func (m *matrix) fill(text, actor string) string {
	return strings.NewReplacer("ME", actor, "MY", actors[actor], "CALL", m.call.ID).Replace(text)
}

func (m *matrix) ask(w way, r rule, actor, want string) bool {
	m.t.Helper()
	body := m.fill(r.body, actor)
	a, err := w.ask(actor, r.verb, body)
	if err != nil {
		m.t.Errorf("%v", err)
		return false
	}
	if got := a.outcome(); got != want {
		m.t.Errorf("%s %s as %s over %s: %s, want %s", r.verb, body, actor, w.via(), got, want)
	}
	if details := r.details[a.Code]; details != "" && fmt.Sprint(a.Details) != details {
		m.t.Errorf("%s %s as %s over %s: details %v, want %s", r.verb, body, actor, w.via(), a.Details, details)
	}
	return a.OK
}

func (m *matrix) askByPhone(r rule, actor, want string) bool {
	m.t.Helper()
	code := m.fill(r.code, actor)
	if oneself, is := selves[actor+" "+code]; is {
		want = oneself
	}
	got := m.byPhone(actor, code, r.verb == "call.pickup")
	if got != want {
		m.t.Errorf("%s dials %s: %s, want %s", actor, code, got, want)
	}
	return got == "ok"
}

// spoken is what a phone gets for a code, as docs/asterisk.md says.
var spoken = map[string]struct {
	status  int
	display string
}{
	"not_found":       {404, "Not known"},
	"not_supervisor":  {403, "Not a supervisor"},
	"not_admin":       {403, "Not administrator"},
	"not_participant": {403, "Not in this group"},
	"not_logged_in":   {403, "Not logged in"},
	"not_supervised":  {403, "Not supervised"},
	"not_ringing":     {480, "Nothing rings"},
	"not_mutual_aid":  {403, "Always logged in"},
	"may_not_leave":   {403, "May not leave"},
	"last_member":     {403, "Last one must stay"},
}

// byPhone dials a code, and reads from what the phone gets what came of it. Of a refused pickup the event says the same.
func (m *matrix) byPhone(actor, code string, pickup bool) string {
	m.t.Helper()
	mark := m.watch.mark()
	call := m.dial(m.phones[actor], code)
	if call.Wait(m.ctx(), softphone.Talking) == nil {
		if !pickup {
			m.must("hang up", call.Hangup(m.ctx()))
		}
		return "ok"
	}
	end := m.ended(call)
	for refusal, gets := range spoken {
		if end.How == softphone.Declined && end.Code == gets.status && call.Display().Name == gets.display {
			if pickup {
				m.refusal(mark, actor, refusal)
			}
			return refusal
		}
	}
	return fmt.Sprintf("%+v, the display shows %v", end, call.Display())
}

func (m *matrix) logins() {
	before := m.everyLogin()
	m.each(logins, func(r rule, actor, want string) {
		for _, asked := range m.questions(r, actor, want) {
			if asked() {
				m.putBack(r, actor)
			}
		}
	})
	if after := m.everyLogin(); after != before {
		m.t.Errorf("logged in were %s, and are %s", before, after)
	}
}

func (m *matrix) each(rules []rule, ask func(r rule, actor, want string)) {
	m.t.Helper()
	for _, r := range rules {
		outcomes := m.outcomes(r.who)
		for _, actor := range slices.Sorted(maps.Keys(outcomes)) {
			ask(r, actor, outcomes[actor])
		}
	}
}

func (m *matrix) everyLogin() string {
	var all []string
	for _, group := range []string{"sales", "desk", "help"} {
		all = append(all, group+": "+m.whoIsIn(group))
	}
	return strings.Join(all, ", ")
}

// putBack undoes what a question has changed.
func (m *matrix) putBack(r rule, actor string) {
	person := r.changes
	if person == "ME" {
		person = actor
	}
	switch {
	case person == "":
	case r.verb == "forwarding.set":
		m.done(person, "forwarding.cancel", fmt.Sprintf(`{"person":%q}`, person), true)
	default:
		verb := "group.force_in"
		if slices.Contains(out, person) {
			verb = "group.force_out"
		}
		if a := m.command("georg", verb, fmt.Sprintf(`{"group":"sales","person":%q}`, person)); !a.OK {
			m.t.Errorf("%s is not put back: %+v", person, a)
		}
	}
}

func (m *matrix) lines() {
	m.each(lines, func(r rule, actor, want string) {
		for _, asked := range m.questions(r, actor, want) {
			if asked() {
				m.putBack(r, actor)
			}
		}
	})
}

// ring has a caller from outside ring ben, and somebody igor's phone that is not supervised.
func (m *matrix) ring() {
	m.t.Helper()
	mark := m.watch.mark()
	m.other = m.dial(m.trunk, "4930592")
	m.rings(m.web)
	m.presence(mark, "igor", "busy", "unsupervised_endpoint")
	m.caller = m.dial(m.trunk, "4930102", softphone.From("+4930555", "Dr. Weiß"))
	m.member = m.rings(m.phones["ben"])
	m.call = m.ringingCall(mark, "ben")
}

// hangUp ends what ring began.
func (m *matrix) hangUp() {
	m.t.Helper()
	m.must("hang up", m.caller.Hangup(m.ctx()))
	m.must("hang up", m.other.Hangup(m.ctx()))
	m.ended(m.member)
	m.quiet()
}

// refusedPickups asks for one call after the other, which rings on: a refusal changes nothing (P5).
func (m *matrix) refusedPickups() {
	for _, r := range pickups {
		m.ring()
		m.each([]rule{r}, func(r rule, actor, want string) {
			if want == "ok" {
				return
			}
			for _, asked := range m.questions(r, actor, want) {
				asked()
			}
		})
		if m.member.State() != softphone.Ringing {
			m.t.Errorf("%s %s: the member's phone is %v", r.verb, r.body, m.member.State())
		}
		m.hangUp()
	}
}

// pickups that succeed have a call each, and the supervisor has its caller.
func (m *matrix) pickups() {
	m.each(pickups, func(r rule, actor, want string) {
		if want != "ok" {
			return
		}
		for _, asked := range m.questions(r, actor, want) {
			m.ring()
			mark := m.watch.mark()
			if asked() {
				m.must("the caller talks", m.caller.Wait(m.ctx(), softphone.Talking))
				m.watch.awaitCall(mark, "is picked up by "+actor, func(d callDocument) bool { return d.ID == m.call.ID && d.PickedUpBy == actor })
			}
			m.hangUp()
		}
	})
}
