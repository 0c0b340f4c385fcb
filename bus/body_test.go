package bus

import (
	"strings"
	"testing"

	"supervisiond/supervision"
)

func TestBodiesAreStrict(t *testing.T) {
	long := strings.Repeat("x", maxBody)
	for _, c := range []struct{ verb, body, message string }{
		{"group.join", ``, `field "group" is missing`},
		{"group.join", `{}`, `field "group" is missing`},
		{"group.join", `{"Group":"sales"}`, `field "group" is missing`},
		{"group.join", `{"group":"sales","Group":"desk"}`, `there is no field "Group"`},
		{"group.join", `{"group":""}`, `field "group" is empty`},
		{"group.join", `{"group":null}`, `field "group" must be a string`},
		{"group.join", `{"group":7}`, `field "group" must be a string`},
		{"group.join", `{"group":["sales"]}`, `field "group" must be a string`},
		{"group.join", `{"group":"sales","group":"desk"}`, `field "group" is given twice`},
		{"group.join", `{"group":"sales","person":"ben"}`, `there is no field "person"`},
		{"group.join", `{"group":"sales"} {}`, `something follows`},
		{"group.join", `{"group":"sales"}x`, `something follows`},
		{"group.join", `{"group":"sales"`, `ends too early`},
		{"group.join", `{"group":`, `field "group": the JSON ends too early`},
		{"group.join", `{"group":x}`, `field "group": the body is not JSON`},
		{"group.join", `{group:"sales"}`, `not JSON`},
		{"group.join", `["sales"]`, `not a JSON object`},
		{"group.join", `"sales"`, `not a JSON object`},
		{"group.join", `null`, `not a JSON object`},
		{"group.join", `sales`, `not a JSON object`},
		{"group.join", "\x00\xff", `not a JSON object`},
		{"group.join", `{"group":"` + long + `"}`, `16384 are the most`},
		{"group.join", `{"` + long[:9000] + `":1,"group":"sales"}`, `there is no field "xxx`},
		{"group.force_in", `{"group":"sales"}`, `field "person" is missing`},
		{"group.force_out", `{"person":"ben"}`, `field "group" is missing`},
		{"forwarding.set", `{"person":"ben","kind":"sometimes","target":"103"}`, `field "kind" must be one of`},
		{"forwarding.set", `{"person":"ben","target":"103"}`, `field "kind" is missing`},
		{"forwarding.set", `{"person":"ben","kind":"always"}`, `field "target" is missing`},
		{"forwarding.set", `{"person":"ben","kind":"always","target":103}`, `field "target" must be a string`},
		{"forwarding.set", `{"person":"ben","kind":"no_answer","target":"1","after_seconds":"20"}`, `field "after_seconds" must be a whole number`},
		{"forwarding.set", `{"person":"ben","kind":"no_answer","target":"1","after_seconds":1.5}`, `field "after_seconds" must be a whole number`},
		{"forwarding.set", `{"person":"ben","kind":"no_answer","target":"1","after_seconds":-1}`, `field "after_seconds" must be a whole number`},
		{"forwarding.set", `{"person":"ben","kind":"no_answer","target":"1","after_seconds":1e999}`, `field "after_seconds" must be a whole number`},
		{"forwarding.cancel", `{"kind":"always"}`, `field "person" is missing`},
		{"forwarding.cancel", `{"person":"ben","kind":""}`, `field "kind" is empty`},
		{"dnd.set", `{"person":"ben"}`, `field "on" is missing`},
		{"dnd.set", `{"person":"ben","on":"true"}`, `field "on" must be true or false`},
		{"dnd.set", `{"person":"ben","on":1}`, `field "on" must be true or false`},
		{"presence.set", `{"state":"offline","source":"x"}`, `field "state" must be one of`},
		{"presence.set", `{"state":"busy"}`, `field "source" is missing`},
		{"presence.set", `{"state":"busy","source":"a b"}`, `field "source" must be 1 to 64`},
		{"presence.set", `{"state":"busy","source":"` + long[:65] + `"}`, `field "source" must be 1 to 64`},
		{"presence.set", `{"state":"busy","source":"x","ttl_seconds":0}`, `field "ttl_seconds" must be a whole number from 1 to 86400`},
		{"presence.set", `{"state":"busy","source":"x","ttl_seconds":86401}`, `field "ttl_seconds" must be a whole number from 1 to 86400`},
		{"view.get", `{"since":"x"}`, `there is no field "since"`},
		{"history.get", `{"since":"yesterday"}`, `field "since" must be a time`},
		{"history.get", `{"since":1}`, `field "since" must be a string`},
		{"history.get", `{"before":"yesterday"}`, `field "before" must be what an answer had as "next"`},
		{"history.get", `{"before":""}`, `field "before" is empty`},
		{"history.get", `{"before":7}`, `field "before" must be a string`},
		{"history.get", `{"before":"99999999999999999999"}`, `field "before" must be what an answer had as "next"`},
		{"history.get", `{"limit":0}`, `field "limit" must be a whole number from 1 to 1000`},
		{"history.get", `{"limit":1001}`, `field "limit" must be a whole number from 1 to 1000`},
		{"history.get", `{"limit":"9"}`, `field "limit" must be a whole number`},
		{"history.get", `{"until":"x"}`, `there is no field "until"`},
	} {
		_, _, refusal := verbNamed(t, c.verb).parse([]byte(c.body))
		shown := c.body[:min(len(c.body), 100)]
		switch {
		case refusal == nil:
			t.Errorf("%s %s is taken", c.verb, shown)
		case refusal.Code != supervision.Invalid || !strings.Contains(refusal.Message, c.message):
			t.Errorf("%s %s: %v, want %s", c.verb, shown, refusal, c.message)
		case len(refusal.Message) > 300:
			t.Errorf("%s %s: %d characters of message", c.verb, shown, len(refusal.Message))
		}
	}
}

func verbNamed(t testing.TB, name string) *verb {
	t.Helper()
	for i := range verbs {
		if verbs[i].name == name {
			return &verbs[i]
		}
	}
	t.Fatalf("no verb %s", name)
	return nil
}

func TestHistoryQueries(t *testing.T) {
	_, q, refusal := verbNamed(t, "history.get").parse(nil)
	if refusal != nil || q.limit != 100 || !q.since.IsZero() {
		t.Errorf("nothing asked for: %+v, %v", q, refusal)
	}
	_, q, refusal = verbNamed(t, "history.get").parse([]byte(`{"since":"2026-03-01T13:00:00.123+01:00","before":"4711","limit":7}`))
	if refusal != nil || q.limit != 7 || q.before != 4711 || !q.since.Equal(noon) {
		t.Errorf("%+v, %v", q, refusal)
	}
}

func FuzzBodies(f *testing.F) {
	f.Add(`{"group":"sales","person":"ben","kind":"always","target":"1","on":true}`)
	f.Add(`{"a":{"b":[1,2,{"c":null}]},"since":"x"}`)
	f.Fuzz(func(t *testing.T, data string) {
		for i := range verbs {
			command, _, refusal := verbs[i].parse([]byte(data))
			if (command == nil) && refusal == nil {
				t.Fatal("neither command nor refusal")
			}
		}
	})
}
