package acceptance

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"

	"supervisiond/test/softphone"
)

// documented is a site all of whose messages are held against the schemas.
type documented struct {
	*site
	docs *documentation
}

// asks sends a command and checks request, answer and their headers. What is wrong by the schema must be refused as
// invalid, and what is done must be right by it.
func (d *documented) asks(actor, verb, body string) reply {
	d.t.Helper()
	m, err := d.watch.conn.Request(prefix+"cmd."+actor+"."+verb, []byte(body), patience)
	d.must(verb+" "+body, err)
	return d.answered(actor, verb, body, m)
}

func (d *documented) answered(actor, verb, body string, m *nats.Msg) reply {
	d.t.Helper()
	on := d.docs.channelOf("cmd." + actor + "." + verb)
	what := on + " " + body
	request, _ := d.docs.message(on, "request")
	wrong := error(nil)
	if body != "" {
		wrong = d.docs.body(request, what, []byte(body))
	}
	var r reply
	d.must(what, json.Unmarshal(m.Data, &r))
	kind := map[bool]string{true: "done", false: "refused"}[r.OK]
	payload, headers := d.docs.message("answer."+verb, kind)
	d.docs.headers(headers, "the answer to "+what, m.Header)
	if err := d.docs.body(payload, "the answer to "+what, m.Data); err != nil {
		d.t.Error(err)
	}
	if wrong != nil && r.Code != "invalid" {
		d.t.Errorf("the schema says %v, and the daemon %s", wrong, m.Data)
	}
	return r
}

// unseen are values that nothing here brings about, and why.
var unseen = map[string]string{
	"site.json PBXDocument sip = alive":               "there is no sip section; TestSIPOfThePBX shows it",
	"site.json PBXDocument sip = silent":              "there is no sip section; TestSIPOfThePBX shows it",
	"call.json state = answered_elsewhere":            "needs somebody unsupervised in a ring group: outcomes_test.go",
	"group-record.json type = standard":               "nobody comes or goes there",
	"notice.json type = dnd.changed":                  "only one's own can be changed by command, and that is no news to oneself",
	"reply.refusal.json code = conflict":              "needs two pickups at a time: screen_pickup_test.go",
	"reply.refusal.json code = no_answer":             "needs pickup.timeout: screen_pickup_test.go",
	"reply.refusal.json code = unavailable":           "needs NATS to be away: link_test.go",
	"membership.json bar = unavailable":               "needs NATS to be away: page_faults_test.go",
	"group.json SupervisorDocument bar = unavailable": "likewise",
	"group.json MemberDocument bar = unavailable":     "likewise",
	"reply.refusal.json details unknown":              "needs a PBX or a daemon that does not answer in time: command_test.go",
	"reply.refusal.json details reason = unsupported": "needs a PBX without families",
	"reply.refusal.json details reason = empty":       "a target that is empty is invalid before",
	"view-message.json event = group_gone":            "after a change of the configuration the whole view is told",
	"view-message.json event = membership_gone":       "likewise",
	"view-message.json event = person_gone":           "likewise",
}

// TestMessagesAreAsTheSchemasSay brings about every kind of message, and holds each against docs/schemas and
// docs/asyncapi.yaml: none has a field that is not described or lacks one that is, and nothing is described that does not
// come, fields and values alike.
func TestMessagesAreAsTheSchemasSay(t *testing.T) {
	t.Parallel()
	o := withPasswords(t, withCommanders(t, func(yaml string) string {
		return strings.NewReplacer(
			"acts_as: [ben]", "acts_as: [anna, ben, dora]", // of whom there are views
			"endpoints: [PJSIP/101, PJSIP/101-home]", "endpoints: [{endpoint: PJSIP/101, default: true, auto_answer: yealink}]",
			"endpoints: [PJSIP/105]", "endpoints: [{endpoint: PJSIP/105, label: Desk}]",
			"type: mutual_aid", "type: mutual_aid\n    lock_last: role",
		).Replace(yaml) + `
  help:  {name: Hilfe, number: "3", type: mutual_aid, lock_last: person, supervisors: [hana], members: [carla]}
  night: {name: Nacht, type: mutual_aid, supervisors: [hana, {person: igor, may_leave: false}], members: [carla]}
pickup: {timeout: 4s}
forwarding:
  families: {no_answer_seconds: CFUT}
  allowed_destinations: ["^[0-9]{3}$"]
`
	}))
	o.linked = true
	s := newSite(t, o)
	d := &documented{site: s, docs: readDocumentation(t)}

	phones := d.phones()
	d.calls(phones)
	d.logins(phones)
	d.lines(phones)
	d.badRequests()
	for _, actor := range []string{"anna", "ben", "carla", "fatma"} {
		d.asks(actor, "view.get", "{}")
		d.asks(actor, "history.get", `{"limit":1000}`)
		// Over HTTP it is the same.
		d.must("the view over HTTP", d.docs.body("view.json", "GET /view", d.program(actor).do("GET", "/view", "").Body))
	}
	d.outages(phones)

	for _, m := range s.watch.since(0) {
		d.docs.published(m)
	}
	unmet := d.docs.unmet()
	for what := range unseen {
		if !slices.Contains(unmet, what) {
			t.Errorf("seen after all, or not described: %s", what)
		}
	}
	for _, what := range unmet {
		// Of a refused pickup any code may be told: they are those of the answers.
		if unseen[what] == "" && !strings.HasPrefix(what, "pickup-refusal.json code = ") {
			t.Errorf("described, and never seen: %s", what)
		}
	}
}

type phones struct{ anna, ben, web, carla, emil, fatma *softphone.Phone }

func (d *documented) phones() phones {
	d.t.Helper()
	behaves := func(b softphone.Behaviour) func(*softphone.Options) {
		return func(o *softphone.Options) { o.Behaviour = b }
	}
	return phones{
		anna: d.phone("101", behaves(softphone.AutoAnswer())), ben: d.phone("102"), web: d.phone("102-web"),
		carla: d.phone("103"), emil: d.phone("105", behaves(softphone.Decline(603))), fatma: d.phone("106"),
	}
}

// ring lets ben's phone ring.
func (d *documented) ring(p phones, number string) (caller, member *softphone.Call, call callDocument) {
	d.t.Helper()
	mark := d.watch.mark()
	caller = d.dial(p.fatma, number)
	member = d.rings(p.ben)
	return caller, member, d.watch.awaitCall(mark, "rings", func(c callDocument) bool { return c.State == "ringing" })
}

func (d *documented) over(call callDocument, state string) {
	d.t.Helper()
	d.watch.awaitCall(0, state, func(c callDocument) bool { return c.ID == call.ID && c.State == state })
}

func (d *documented) hungUp(caller *softphone.Call, call callDocument, state string) {
	d.t.Helper()
	d.must("hang up", caller.Hangup(d.ctx()))
	d.over(call, state)
	d.quiet()
}

// refuses is asks for what is to be refused with a code.
func (d *documented) refuses(code, actor, verb, body string) {
	d.t.Helper()
	if r := d.asks(actor, verb, body); r.Code != code {
		d.t.Errorf("%s %s: %+v, want %s", verb, body, r, code)
	}
}

// calls rings, and ends each ring in another way.
func (d *documented) calls(p phones) {
	d.t.Helper()
	d.refuses("not_ringing", "emil", "call.pickup", "{}")
	d.refuses("not_supervisor", "fatma", "call.pickup", "{}")
	for _, code := range []string{"*20102", "*221", "*20"} {
		mark := d.watch.mark()
		d.ended(d.dial(p.emil, code))
		d.watch.event(mark, "pickup.refused", "emil")
	}

	caller, member, call := d.ring(p, "102")
	d.must("answer", member.Answer())
	d.talk(caller, member)
	d.hungUp(caller, call, "answered")
	d.watch.await(0, "the purge", func(m message) bool { return m.subject == "state.call."+call.ID && len(m.data) == 0 })

	caller, member, call = d.ring(p, "6102")
	d.must("decline", member.Decline(603))
	d.ended(caller)
	d.over(call, "declined")
	d.quiet()

	for _, number := range []string{"700", "800"} {
		caller, _, call = d.ring(p, number)
		d.hungUp(caller, call, "abandoned")
	}
	caller, _, call = d.ring(p, "9102")
	d.ended(caller)
	d.over(call, "no_answer")

	caller, _, call = d.ring(p, "102")
	d.talk(caller, d.dial(p.anna, "*20"))
	d.refuses("already_taken", "emil", "call.pickup", `{"call":"`+call.ID+`"}`)
	d.hungUp(caller, call, "picked_up")

	caller, _, call = d.ring(p, "102")
	if r := d.asks("anna", "call.pickup", `{"person":"ben"}`); !r.OK {
		d.t.Errorf("%+v", r)
	}
	d.hungUp(caller, call, "picked_up")

	// The supervisor's phone does not take it; somebody else logs in meanwhile, and at last the member logs out.
	caller, _, call = d.ring(p, "102")
	d.refuses("unreachable", "emil", "call.pickup", `{"call":"`+call.ID+`"}`)
	for _, verb := range []string{"group.force_out", "group.force_in"} {
		d.asks("anna", verb, `{"group":"sales","person":"carla"}`)
	}
	d.asks("ben", "group.leave", `{"group":"sales"}`)
	d.over(call, "withdrawn")
	d.refuses("not_supervised", "anna", "call.pickup", `{"person":"ben"}`)
	d.asks("ben", "group.join", `{"group":"sales"}`)
	d.must("hang up", caller.Hangup(d.ctx()))
	d.quiet()
}

// logins lets people come and go, by themselves and by force, on phones and over HTTP.
func (d *documented) logins(p phones) {
	d.t.Helper()
	const sales, ofBen = `{"group":"sales"}`, `{"group":"sales","person":"ben"}`
	mark := d.watch.mark()
	d.must("leave", d.phone("109").Close(d.ctx()))
	d.watch.event(mark, "group.staffed", "desk")
	d.watch.event(mark, "group.unstaffed", "desk")
	d.asks("emil", "group.leave", sales)
	d.refuses("not_logged_in", "emil", "call.pickup", "{}")
	d.refuses("last_member", "anna", "group.leave", sales)
	d.asks("emil", "group.join", sales)
	d.asks("hana", "group.leave", `{"group":"help"}`)
	d.asks("hana", "group.leave", `{"group":"night"}`)
	d.refuses("last_member", "carla", "group.leave", `{"group":"help"}`)
	d.asks("anna", "group.force_out", ofBen)
	d.asks("anna", "group.force_in", ofBen)
	d.refuses("not_admin", "ben", "group.force_out", `{"group":"sales","person":"carla"}`)
	d.refuses("not_mutual_aid", "hana", "group.leave", `{"group":"desk"}`)
	for _, what := range []string{"leave", "join"} {
		if a := d.program("carla").do("POST", "/groups/sales/"+what, ""); a.Status != http.StatusOK {
			d.t.Errorf("%d %s", a.Status, a.Body)
		}
	}
	d.asks("dora", "group.leave", sales)
	mark = d.watch.mark()
	d.reload(d.with("carla, dora]", "carla, {person: dora, may_leave: false}]"))
	d.watch.event(mark, "group.joined", "sales")
	d.watch.await(mark, "the whole view", func(m message) bool {
		return m.subject == "view.ben" && strings.Contains(string(m.data), `"event":"view"`)
	})
	d.refuses("may_not_leave", "dora", "group.leave", sales)
}

// lines sets and cancels forwards, do-not-disturb and presence.
func (d *documented) lines(p phones) {
	d.t.Helper()
	d.storeIsRead()
	long := strings.Repeat("1", 33)
	for _, body := range []string{
		`"kind":"no_answer","target":"104","after_seconds":20`, `"kind":"busy","target":"103"`, `"kind":"always","target":"103"`,
		`"kind":"always","target":"102"`, `"kind":"always","target":"+4989"`, `"kind":"always","target":"` + long + `"`,
	} {
		d.asks("ben", "forwarding.set", `{"person":"ben",`+body+`}`)
	}
	d.refuses("destination_refused", "carla", "forwarding.set", `{"person":"carla","kind":"always","target":"102"}`) // which leads back
	d.asks("anna", "forwarding.cancel", `{"person":"ben","kind":"always"}`)
	d.asks("anna", "forwarding.cancel", `{"person":"ben"}`)
	for _, on := range []string{"true", "false"} {
		d.asks("ben", "dnd.set", `{"person":"ben","on":`+on+`}`)
	}
	for _, state := range []string{"away", "busy", "online"} {
		d.asks("ben", "presence.set", `{"state":"`+state+`","source":"calendar","ttl_seconds":60}`)
	}
	mark := d.watch.mark()
	elsewhere := d.dial(p.web, "300")
	d.watch.await(mark, "a call elsewhere", func(m message) bool { return strings.Contains(string(m.data), "unsupervised_endpoint") })
	d.must("hang up", elsewhere.Hangup(d.ctx()))

	// By the PBX, not by us; a call that comes that way; and a phone that forwards by itself.
	mark = d.watch.mark()
	d.database("put CF 104 102")
	d.watch.event(mark, "forwarding.changed", "dora")
	caller, _, call := d.ring(p, "104")
	d.hungUp(caller, call, "abandoned")
	mark = d.watch.mark()
	d.drain(map[string]*softphone.Phone{"103": p.carla}) // calls of ring groups
	caller = d.dial(p.fatma, "103")
	d.must("redirect", d.rings(p.carla).Redirect("102"))
	d.watch.event(mark, "forwarding.changed", "carla")
	d.refuses("set_on_phone", "anna", "forwarding.cancel", `{"person":"carla","kind":"phone"}`)
	d.must("hang up", caller.Hangup(d.ctx()))
	d.quiet()
}

// outages lets the PBX go away while a call rings, and come back.
func (d *documented) outages(p phones) {
	d.t.Helper()
	mark := d.watch.mark()
	_, _, call := d.ring(p, "102")
	d.pbx.Kill()
	d.watch.event(mark, "pbx.disconnected", "hq")
	d.refuses("pbx_unavailable", "ben", "forwarding.cancel", `{"person":"ben"}`)
	d.must("boot", d.pbx.Boot(d.ctx()))
	d.watch.event(mark, "pbx.connected", "hq")
	d.over(call, "lost")
}

// badRequests asks for what the schemas do not allow, and for what the rules do not.
func (d *documented) badRequests() {
	d.t.Helper()
	long := strings.Repeat("x", 65)
	for verb, bodies := range map[string][]string{
		"call.pickup":       {`{"call":"a","person":"ben"}`, `{"person":1}`, `{"group":""}`, `{"who":"ben"}`, `[]`, `{"endpoint":"PJSIP/999"}`},
		"group.join":        {``, `{}`, `{"group":null}`, `{"group":"nothing"}`, `{"group":"sales","person":"ben"}`},
		"group.leave":       {`{"group":7}`, `{"group":"desk"}`},
		"group.force_in":    {`{"group":"sales"}`, `{"group":"sales","person":"nobody"}`},
		"group.force_out":   {`{"person":"ben"}`, `{"group":"desk","person":"igor"}`},
		"forwarding.set":    {`{}`, `{"person":"anna","kind":"phone","target":"104"}`, `{"person":"anna","kind":"always","target":""}`, `{"person":"anna","kind":"no_answer","target":"104","after_seconds":301}`, `{"person":"anna","kind":"no_answer","target":"104","after_seconds":-1}`, `{"person":"anna","kind":"busy","target":"104","after_seconds":1.5}`, `{"person":"anna","kind":"always","target":"x"}`},
		"forwarding.cancel": {`{"kind":"always"}`, `{"person":"anna","kind":"never"}`, `{"person":"anna","kind":"phone"}`},
		"dnd.set":           {`{"person":"anna"}`, `{"person":"anna","on":"yes"}`, `{"person":"igor","on":true}`},
		"presence.set":      {`{"state":"offline","source":"a"}`, `{"state":"away","source":"a b"}`, `{"state":"away","source":"` + long + `"}`, `{"state":"away","source":"a","ttl_seconds":0}`, `{"state":"away","source":"a","ttl_seconds":86401}`},
		"view.get":          {`{"all":true}`, ``},
		"history.get":       {`{"limit":0}`, `{"limit":1001}`, `{"since":"yesterday"}`, `{"before":"yesterday"}`, `{"before":""}`, `{"before":"7"}`, `{"since":"2026-03-01T00:00:00+01:00","limit":1}`},
	} {
		for _, body := range bodies {
			d.asks("anna", verb, body)
		}
	}
}
