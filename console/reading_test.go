package console

import (
	"encoding/json"
	"net/http"
	"reflect"
	"regexp"
	"testing"

	"supervisiond/forwarding"
)

// Who asks is told what can be set here, and no language where the configuration names none.
func TestMe(t *testing.T) {
	for name, c := range map[string]struct {
		policy forwarding.Policy
		want   Forwarding
		dnd    bool
	}{
		"nothing": {want: Forwarding{Kinds: []forwarding.Kind{}}},
		"some": {
			policy: forwarding.Policy{
				Families: forwarding.Families{Always: "CF", NoAnswer: "CFU", DND: "DND"}, Allowed: []*regexp.Regexp{regexp.MustCompile(`^1`)},
			},
			want: Forwarding{Kinds: []forwarding.Kind{forwarding.Always, forwarding.NoAnswer}}, dnd: true,
		},
		"all": {
			policy: forwarding.Policy{
				Families: forwarding.Families{Always: "CF", Busy: "CFB", NoAnswer: "CFU", NoAnswerSeconds: "CFUT"},
				Allowed:  []*regexp.Regexp{regexp.MustCompile(`^1`)},
			},
			want: Forwarding{Kinds: forwarding.Kinds(), AfterSeconds: true},
		},
		"nowhere": {policy: forwarding.Policy{Families: forwarding.Families{Always: "CF", DND: "DND"}}, want: Forwarding{Kinds: []forwarding.Kind{}}, dnd: true},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t)
			d.policy = c.policy
			w := d.ask(asAnna("GET", "/api/v1/me", nil))
			var me Me
			if err := json.Unmarshal(w.Body.Bytes(), &me); err != nil || w.Code != http.StatusOK {
				t.Fatalf("%d %s (%v)", w.Code, w.Body, err)
			}
			if !reflect.DeepEqual(me.Forwarding, c.want) || me.DND != c.dnd || me.Language != "" {
				t.Errorf("%s, want %+v and do-not-disturb %t", w.Body, c.want, c.dnd)
			}
		})
	}
}
