package acceptance

import (
	"encoding/json"
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

// TestMessagesAreAsTheSchemasSay brings about every kind of message, and holds each against docs/schemas and
// docs/asyncapi.yaml: none has a field that is not described or lacks one that is, and nothing is described that does not
// come.
func TestMessagesAreAsTheSchemasSay(t *testing.T) {
	t.Parallel()
	o := withCommanders(t, func(yaml string) string {
		return strings.NewReplacer(
			"acts_as: [ben]", "acts_as: [anna, ben, dora]", // of whom there are views
			"endpoints: [PJSIP/101, PJSIP/101-home]", "endpoints: [{endpoint: PJSIP/101, default: true, auto_answer: yealink}]",
			"type: mutual_aid", "type: mutual_aid\n    lock_last: role",
		).Replace(yaml) + `
pickup: {timeout: 4s}
forwarding:
  families: {no_answer_seconds: CFUT}
  allowed_destinations: ["^[0-9]{3}$"]
`
	})
	s := newSite(t, o)
	d := &documented{site: s, docs: readDocumentation(t)}

	d.calls()
	d.logins()
	d.lines()
	d.badRequests()
	for _, actor := range []string{"anna", "ben", "fatma"} {
		d.asks(actor, "view.get", "{}")
		d.asks(actor, "history.get", `{"limit":1000}`)
	}
	mark := s.watch.mark()
	s.must("restart the PBX", s.pbx.Restart(s.ctx()))
	s.watch.event(mark, "pbx.disconnected", "hq")
	s.watch.event(mark, "pbx.connected", "hq")

	for _, m := range s.watch.since(0) {
		d.docs.published(m)
	}
	if unmet := d.docs.unmet(); len(unmet) > 0 {
		t.Errorf("described, and never seen:\n%s", strings.Join(unmet, "\n"))
	}
}

// calls rings, and ends each ring in another way.
func (d *documented) calls() {
	d.t.Helper()
	anna := d.phone("101", func(o *softphone.Options) { o.Behaviour = softphone.AutoAnswer() })
	ben, emil, fatma := d.phone("102"), d.phone("105"), d.phone("106")
	ring := func(number string) (*softphone.Call, *softphone.Call, callDocument) {
		mark := d.watch.mark()
		caller := d.dial(fatma, number)
		member := d.rings(ben)
		return caller, member, d.watch.awaitCall(mark, "rings", func(c callDocument) bool { return c.State == "ringing" })
	}
	over := func(call callDocument, state string) {
		d.t.Helper()
		d.watch.awaitCall(0, state, func(c callDocument) bool { return c.ID == call.ID && c.State == state })
		d.quiet()
	}

	caller, member, call := ring("102")
	d.must("answer", member.Answer())
	d.talk(caller, member)
	d.must("hang up", caller.Hangup(d.ctx()))
	over(call, "answered")
	d.watch.await(0, "the purge", func(m message) bool { return m.subject == "state.call."+call.ID && len(m.data) == 0 })

	caller, member, call = ring("6102")
	d.must("decline", member.Decline(603))
	d.ended(caller)
	over(call, "declined")

	for _, number := range []string{"700", "800"} {
		caller, _, call = ring(number)
		d.must("hang up", caller.Hangup(d.ctx()))
		over(call, "abandoned")
	}

	caller, _, call = ring("102")
	d.talk(caller, d.dial(anna, "*20"))
	if r := d.asks("emil", "call.pickup", `{"call":"`+call.ID+`"}`); r.Code != "already_taken" {
		d.t.Errorf("%+v", r)
	}
	d.must("hang up", caller.Hangup(d.ctx()))
	over(call, "picked_up")

	caller, _, call = ring("102")
	if r := d.asks("anna", "call.pickup", `{"person":"ben"}`); !r.OK {
		d.t.Errorf("%+v", r)
	}
	d.must("hang up", caller.Hangup(d.ctx()))
	over(call, "picked_up")

	// Refused on the way: the phone that is called does not take it.
	caller, _, call = ring("102")
	request := d.asked("emil", "call.pickup", `{"call":"`+call.ID+`"}`)
	d.must("decline", d.rings(emil).Decline(603))
	if r := <-request; r.Code != "unreachable" {
		d.t.Errorf("%+v", r)
	}
	d.must("hang up", caller.Hangup(d.ctx()))
	over(call, "abandoned")
	for _, code := range []string{"*20102", "*221", "*20"} {
		mark := d.watch.mark()
		d.ended(d.dial(emil, code))
		d.watch.event(mark, "pickup.refused", "emil")
	}
}

// logins lets people come and go, by themselves and by force.
func (d *documented) logins() {
	d.t.Helper()
	const sales, ofBen = `{"group":"sales"}`, `{"group":"sales","person":"ben"}`
	mark := d.watch.mark()
	d.must("leave", d.phone("109").Close(d.ctx()))
	d.watch.event(mark, "group.staffed", "desk")
	d.watch.event(mark, "group.unstaffed", "desk")
	d.asks("emil", "group.leave", sales)
	if r := d.asks("anna", "group.leave", sales); r.Code != "last_member" {
		d.t.Errorf("%+v", r)
	}
	d.asks("emil", "group.join", sales)
	d.phone("103")
	d.asks("anna", "group.force_out", ofBen)
	d.asks("anna", "group.force_in", ofBen)
	d.asks("ben", "group.force_out", `{"group":"sales","person":"carla"}`)
	d.asks("hana", "group.leave", `{"group":"desk"}`)
}

// lines sets and cancels forwards, do-not-disturb and presence.
func (d *documented) lines() {
	d.t.Helper()
	d.storeIsRead()
	for _, body := range []string{
		`{"person":"ben","kind":"no_answer","target":"104","after_seconds":20}`, `{"person":"ben","kind":"always","target":"103"}`,
		`{"person":"ben","kind":"always","target":"102"}`, `{"person":"ben","kind":"always","target":"+4989"}`,
	} {
		d.asks("ben", "forwarding.set", body)
	}
	d.asks("anna", "forwarding.cancel", `{"person":"ben","kind":"always"}`)
	d.asks("anna", "forwarding.cancel", `{"person":"ben"}`)
	for _, on := range []string{"true", "false"} {
		d.asks("ben", "dnd.set", `{"person":"ben","on":`+on+`}`)
	}
	d.asks("ben", "presence.set", `{"state":"away","source":"calendar","ttl_seconds":60}`)
	d.asks("ben", "presence.set", `{"state":"online","source":"calendar"}`)
	// By the PBX, not by us.
	mark := d.watch.mark()
	d.database("put CF 104 103")
	d.watch.event(mark, "forwarding.changed", "dora")
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
		"history.get":       {`{"limit":0}`, `{"limit":1001}`, `{"since":"yesterday"}`, `{"since":"2026-03-01T00:00:00+01:00","limit":1}`},
	} {
		for _, body := range bodies {
			d.asks("anna", verb, body)
		}
	}
}
