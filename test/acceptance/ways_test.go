package acceptance

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
)

// way is one on which programs and people ask for something: the same verbs with the same bodies, by the names of NATS.
type way interface {
	// via is how the events name it.
	via() string
	// ask waits for the answer, and fails where its form does not fit what it says.
	ask(actor, verb, body string) (answer, error)
}

// asked asks without waiting for the answer.
func asked(w way, actor, verb, body string) <-chan answer {
	answers := make(chan answer, 1)
	go func() {
		a, err := w.ask(actor, verb, body)
		if err != nil {
			a.Code, a.Message = "no answer", err.Error()
		}
		answers <- a
	}()
	return answers
}

// outcome is ok or the code of a refusal.
func (r reply) outcome() string {
	if r.OK {
		return "ok"
	}
	return r.Code
}

// natsWay is a program on NATS that may act as everybody.
type natsWay struct{ s *site }

func (w natsWay) via() string { return "nats" }

func (w natsWay) ask(actor, verb, body string) (answer, error) {
	r, err := commandOn(w.s.watch.conn, actor, verb, body)
	if err == nil && !r.OK && r.Message == "" {
		err = fmt.Errorf("%s as %s: a refusal without words", verb, actor)
	}
	return answer{reply: r}, err
}

// httpWay is HTTP, with a browser or a program for each person.
type httpWay struct {
	s   *site
	who map[string]*browser
}

// browsers are people who have signed in.
func (s *site) browsers(people ...string) httpWay {
	w := httpWay{s, make(map[string]*browser)}
	for _, p := range people {
		w.who[p] = s.signedIn(p)
	}
	return w
}

func (w httpWay) via() string { return "http" }

func (w httpWay) ask(actor, verb, body string) (answer, error) {
	method, path, rest, err := overHTTP(verb, body)
	if err != nil {
		return answer{}, err
	}
	a, err := w.who[actor].try(method, path, rest)
	if err == nil {
		err = a.fits()
	}
	if err != nil {
		err = fmt.Errorf("%s %s as %s: %w", method, path, actor, err)
	}
	return a, err
}

// overHTTP is where docs/http.md has a verb of NATS: what the path names is not in the body.
func overHTTP(verb, body string) (method, path, rest string, err error) {
	fields := make(map[string]any)
	if body != "" {
		if err := json.Unmarshal([]byte(body), &fields); err != nil {
			return "", "", "", err
		}
	}
	take := func(name string) string {
		value, _ := fields[name].(string)
		delete(fields, name)
		return value
	}
	switch verb {
	case "call.pickup":
		method, path = http.MethodPost, "/pickup"
		// A call is named in the path, unless there is something else beside it.
		if _, named := fields["call"]; named && len(fields) == 1 {
			path = "/calls/" + take("call") + path
		}
	case "group.join", "group.leave":
		method, path = http.MethodPost, "/groups/"+take("group")+"/"+strings.TrimPrefix(verb, "group.")
	case "group.force_in", "group.force_out":
		method, path = http.MethodPost, "/groups/"+take("group")+"/people/"+take("person")+"/"+strings.TrimPrefix(verb, "group.")
	case "forwarding.set":
		method, path = http.MethodPut, "/people/"+take("person")+"/forwarding/"+take("kind")
	case "forwarding.cancel":
		method, path = http.MethodDelete, "/people/"+take("person")+"/forwarding"
		if kind := take("kind"); kind != "" {
			path += "/" + kind
		}
	case "dnd.set":
		method, path = http.MethodPut, "/people/"+take("person")+"/dnd"
	case "presence.set":
		method, path = http.MethodPut, "/me/presence"
	default:
		return "", "", "", fmt.Errorf("%s has no path", verb)
	}
	if len(fields) > 0 {
		data, err := json.Marshal(fields)
		return method, path, string(data), err
	}
	return method, path, "", nil
}

// statuses are those of docs/http.md; what is not named here is 409.
var statuses = map[string]int{
	"": http.StatusOK, "not_supervisor": http.StatusForbidden, "not_admin": http.StatusForbidden,
	"not_participant": http.StatusForbidden, "not_found": http.StatusNotFound,
	"invalid": http.StatusUnprocessableEntity, "destination_refused": http.StatusUnprocessableEntity,
	"unavailable": http.StatusServiceUnavailable, "pbx_unavailable": http.StatusServiceUnavailable,
	"no_answer": http.StatusGatewayTimeout,
}

// fits proves that the status is the code's, and that a problem says what it has to (RFC 9457).
func (a answer) fits() error {
	want, known := statuses[a.Code]
	if !known {
		want = http.StatusConflict
	}
	if a.Status != want || a.OK != (a.Code == "") {
		return fmt.Errorf("status %d: %s", a.Status, a.Body)
	}
	if a.OK {
		return nil
	}
	var problem struct {
		Type, Title, Detail, Code string
		Status                    int
		Details                   map[string]string
	}
	if err := json.Unmarshal(a.Body, &problem); err != nil {
		return err
	}
	if problem.Type != "about:blank" || problem.Title != http.StatusText(want) || problem.Status != want ||
		problem.Detail == "" || problem.Details == nil {
		return fmt.Errorf("a problem that does not fit: %s", a.Body)
	}
	return nil
}
