package acceptance

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
)

// shown is a message of a person's view.
type shown struct {
	ID, Event string
	Data      json.RawMessage
}

// views keeps what is told to somebody, and checks that nothing is missing.
type views struct {
	t    *testing.T
	sub  *nats.Subscription
	last int
	all  []string
}

func (v *views) next() shown {
	v.t.Helper()
	m, err := v.sub.NextMsg(patience)
	if err != nil {
		v.t.Fatalf("%s: %v", v.sub.Subject, err)
	}
	v.all = append(v.all, string(m.Data))
	var s shown
	if err := json.Unmarshal(m.Data, &s); err != nil {
		v.t.Fatal(err)
	}
	var epoch, seq int
	if _, err := fmt.Sscanf(s.ID, "%d:%d", &epoch, &seq); err != nil || v.last != 0 && seq != v.last+1 {
		v.t.Errorf("%s after %d", s.ID, v.last)
	}
	v.last = seq
	return s
}

// await takes messages until one is as wanted.
func (v *views) await(event string, words ...string) shown {
	v.t.Helper()
	for {
		s := v.next()
		all := s.Event == event
		for _, w := range words {
			all = all && strings.Contains(string(s.Data), w)
		}
		if all {
			return s
		}
	}
}

// S7: the program of a person is told what that person may see, as it changes, and nothing of anybody else.
func TestViewsOnNATS(t *testing.T) {
	t.Parallel()
	s := newSite(t, withCommanders(t, func(yaml string) string {
		return strings.Replace(yaml, "acts_as: [ben]", "acts_as: [ben, hana]", 1)
	}))
	nc, err := nats.Connect(fmt.Sprint(s.daemon.logged("started")["nats"]), nats.UserInfo("phonebook", "crm-secret"), nats.CustomInboxPrefix("_INBOX_phonebook"))
	s.must("log in", err)
	defer nc.Close()
	follow := func(person string) *views {
		sub, err := nc.SubscribeSync(prefix + "view." + person)
		s.must("follow "+person, err)
		s.must("flush", nc.Flush())
		return &views{t: t, sub: sub}
	}
	ben, hana := follow("ben"), follow("hana")
	// Subscribe, then ask for the whole: what is told from then on follows it without a gap.
	whole, err := commandOn(nc, "hana", "view.get", "{}")
	s.must("view.get", err)
	if len(whole.View.Groups) != 1 || whole.View.Groups[0].ID != "desk" || whole.View.Seq == 0 {
		t.Errorf("hana sees %+v", whole.View)
	}
	s.phone("102")
	igor, fatma := s.phone("109"), s.phone("106")
	hana.await("person", `"id":"igor"`, `"reachable":true`)
	ben.await("person", `"id":"ben"`, `"reachable":true`)

	caller := s.dial(fatma, "109")
	ringing := s.rings(igor)
	call := hana.await("call", `"state":"ringing"`, `"igor"`)
	hana.await("group", `"id":"desk"`, `"status":"ringing"`)
	s.must("hang up", caller.Hangup(s.ctx()))
	s.ended(ringing)
	hana.await("call", `"state":"abandoned"`)
	var ended struct{ ID string }
	s.must("the call", json.Unmarshal(call.Data, &ended))
	hana.await("call_gone", ended.ID)

	s.done("anna", "group.force_out", `{"group":"sales","person":"ben"}`, true)
	ben.await("membership", `"logged_in":false`)
	ben.await("notice", `"group.left"`, `"person":"anna"`, `"forced":true`)

	// Nothing of all that concerned the other.
	for _, x := range []struct {
		v       *views
		strange []string
	}{{ben, []string{"igor", "desk"}}, {hana, []string{"sales", "carla", `"id":"ben"`}}} {
		for _, told := range x.v.all {
			for _, w := range x.strange {
				if strings.Contains(told, w) {
					t.Errorf("%s tells of %s: %s", x.v.sub.Subject, w, told)
				}
			}
		}
	}
}
