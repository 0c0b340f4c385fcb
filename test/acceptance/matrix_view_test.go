package acceptance

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"

	"supervisiond/test/softphone"
)

// sights are what everybody sees while a call from outside rings ben, carla and dora, ben forwards to 0049888, and carla,
// who is logged out, to 0049777: these words, and none of those that others see (S7, G4). Ids are in quotes, so that they
// are no part of a name.
var sights = map[string]string{
	"anna":  `"anna" "emil" "fatma" "karl" "ben" "carla" "igor" "sales" Vertrieb Anna Emil Fatma Karl Ben Carla Igor +4930555 0049888`,
	"emil":  `"anna" "emil" "fatma" "karl" "ben" "carla" "igor" "sales" Vertrieb Anna Emil Fatma Karl Ben Carla Igor +4930555 0049888`,
	"fatma": `"anna" "emil" "fatma" "karl" "ben" "carla" "igor" "sales" Vertrieb Anna Emil Fatma Karl Ben Carla Igor 0049888`,
	"karl":  `"anna" "emil" "fatma" "karl" "ben" "carla" "igor" "sales" Vertrieb Anna Emil Fatma Karl Ben Carla Igor 0049888`,
	"georg": `"anna" "emil" "fatma" "karl" "ben" "carla" "igor" "sales" Vertrieb Georg Anna Emil Fatma Karl Ben Carla Igor +4930555 0049888
		"georg" "hana" "dora" "desk" "help" Empfang Hilfe Hana Dora`,
	"ben":   `"ben" "sales" Vertrieb Ben +4930555 0049888`,
	"carla": `"carla" "sales" Vertrieb Carla 0049777`,
	"igor":  `"igor" "sales" Vertrieb Igor`,
	"hana":  `"hana" "dora" "desk" "help" Empfang Hilfe Hana Dora +4930555`,
	"dora":  `"dora" "help" Hilfe Dora +4930555`,
	"julia": `"julia" Julia`,
}

// views proves that everybody sees the same on each way, all of what they may see, and nothing else.
func (m *matrix) views() {
	m.done("ben", "forwarding.set", `{"person":"ben","kind":"busy","target":"0049888"}`, true)
	m.done("carla", "forwarding.set", `{"person":"carla","kind":"busy","target":"0049777"}`, true)
	mark := m.watch.mark()
	caller := m.dial(m.trunk, "4930700", softphone.From("+4930555", "Dr. Weiß"))
	ringing := []*softphone.Call{m.rings(m.phones["ben"]), m.rings(m.phones["carla"]), m.rings(m.phones["dora"])}
	m.ringingCall(mark, "ben dora")
	m.presence(mark, "carla", "busy", "call")
	words := make(map[string]bool)
	for _, sees := range sights {
		for _, w := range strings.Fields(sees) {
			words[w] = true
		}
	}
	for actor, sees := range sights {
		whole := m.seen(actor)
		for w := range words {
			shown, may := strings.Contains(whole, w), hasField(sees, w)
			if shown != may {
				m.t.Errorf("%s sees %s: %t, want %t: %s", actor, w, shown, may, whole)
			}
		}
	}
	m.must("hang up", caller.Hangup(m.ctx()))
	for _, r := range ringing {
		m.ended(r)
	}
	m.done("ben", "forwarding.cancel", `{"person":"ben"}`, true)
	m.done("carla", "forwarding.cancel", `{"person":"carla"}`, true)
	m.quiet()
}

func hasField(list, word string) bool { return slices.Contains(strings.Fields(list), word) }

// seen is all that somebody sees, the same on each way.
func (m *matrix) seen(actor string) string {
	m.t.Helper()
	client := m.program(actor)
	page := client.do("GET", "/view", "")
	stream := client.stream("")
	first, _ := stream.next()
	stream.close()
	if first.Event != "view" {
		m.t.Errorf("the stream of %s begins with %s", actor, first.Event)
	}
	answered, err := m.watch.conn.Request(prefix+"cmd."+actor+".view.get", nil, patience)
	m.must("view.get", err)
	var reply struct{ View json.RawMessage }
	m.must("view.get", json.Unmarshal(answered.Data, &reply))
	overHTTP := timeless(m.t, page.Body)
	for way, data := range map[string][]byte{"the stream": first.Data, "NATS": reply.View} {
		if other := timeless(m.t, data); !reflect.DeepEqual(overHTTP, other) {
			m.t.Errorf("%s sees over HTTP\n%s\nand on %s\n%s", actor, page.Body, way, data)
		}
	}
	return string(page.Body)
}

// timeless is a view without what differs from one moment to the next.
func timeless(t *testing.T, data []byte) map[string]any {
	t.Helper()
	var view map[string]any
	if err := json.Unmarshal(data, &view); err != nil {
		t.Fatalf("%v: %s", err, data)
	}
	delete(view, "seq")
	if site, ok := view["site"].(map[string]any); ok {
		delete(site, "alive_until")
	}
	return view
}

// supervised are the groups that somebody supervises.
var supervised = map[string]string{"anna": "sales", "emil": "sales", "fatma": "sales", "karl": "sales", "hana": "desk help"}

// histories proves that everybody reads the same on each way, and nothing that is not for them (H1).
func (m *matrix) histories() {
	m.watch.kept("call.picked_up", m.call.ID)
	for actor := range actors {
		page := m.program(actor).do("GET", "/history?limit=1000", "")
		answered, err := m.watch.conn.Request(prefix+"cmd."+actor+".history.get", []byte(`{"limit":1000}`), patience)
		m.must("history.get", err)
		var overHTTP, overNATS struct {
			Events []map[string]any
			More   bool
		}
		m.must("history", json.Unmarshal(page.Body, &overHTTP))
		m.must("history.get", json.Unmarshal(answered.Data, &overNATS))
		if len(overHTTP.Events) == 0 || !reflect.DeepEqual(overHTTP, overNATS) {
			m.t.Errorf("%s reads %d events over HTTP, and %d over NATS", actor, len(overHTTP.Events), len(overNATS.Events))
		}
		for _, e := range m.history(actor) {
			if !mayRead(actor, e) {
				m.t.Errorf("%s reads %s", actor, e.text)
			}
		}
	}
}

// mayRead is the table of H1, for the site of the matrix.
func mayRead(actor string, e historyEntry) bool {
	if e.Person == actor || e.By.Person == actor {
		return true
	}
	administers := actor == "georg"
	switch e.Type {
	case "group.joined", "group.left":
		return administers || hasField(supervised[actor], e.Subject)
	case "forwarding.changed":
		in := map[string]string{"ben": "sales", "igor": "sales", "dora": "desk"}[e.Person]
		return in != "" && (administers || hasField(supervised[actor], in))
	case "pickup.refused":
		return administers
	}
	var call struct {
		Ringing, Rang []struct {
			Person string
			Groups []string
		}
	}
	if json.Unmarshal(e.Document, &call) != nil || len(call.Rang) == 0 {
		return false
	}
	for _, part := range append(call.Ringing, call.Rang...) {
		if administers || part.Person == actor {
			continue
		}
		for _, g := range part.Groups {
			if !hasField(supervised[actor], g) {
				return false
			}
		}
	}
	return true
}
