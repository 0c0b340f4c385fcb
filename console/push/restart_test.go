package push

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"supervisiond/supervision"
	"supervisiond/test/pushservice"
)

// A new life of the daemon has the key and the subscriptions, takes back what was told once the PBX has said what rings, and tells anew
// what still does.
func TestRestart(t *testing.T) {
	h := newHouse(t)
	u := h.subscribes("anna", "s1")
	key := h.PublicKey()
	h.supervises("anna", true)
	h.shows("anna", rings("c1", "ben"))
	h.shows("anna", rings("c2", "ben"))
	h.next(u)
	h.next(u)
	h.end()
	if info, err := os.Stat(h.file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info, err)
	}
	h.open()
	if h.PublicKey() != key || !slices.Equal(h.People(), []supervision.PersonID{"anna"}) {
		t.Errorf("the key is another, or the subscriptions are: %v", h.People())
	}
	h.View(time.Now(), "anna", &supervision.View{})
	h.supervises("anna", true)
	h.Changes(time.Now(), "anna", []supervision.Shown{
		{Kind: supervision.ShownCall, ID: "c2", Document: rings("c2", "ben")},
		{Kind: supervision.ShownSite, ID: "hq", Document: &supervision.SiteDocument{PBX: supervision.PBXDocument{Connected: true}}},
	})
	var told []string
	for range 2 {
		p, _ := h.next(u)
		told = append(told, fmt.Sprint(p.Type, " ", p.Call.(map[string]any)["id"]))
	}
	slices.Sort(told)
	if !slices.Equal(told, []string{"over c1", "ringing c2"}) {
		t.Errorf("told %q", told)
	}
	h.hides("anna", "c2")
	h.next(u)
	h.until("it is taken", func() bool { return h.lanesLeft() == 0 })
	h.end()
	h.open()
	if len(h.left) != 0 {
		t.Errorf("left: %v", h.left)
	}
}

// What a push service has not taken when the daemon ends, or is killed, its next life sends: that a call is over, and that nobody
// is signed in any more. It is sent once.
func TestOwedOutlivesTheDaemon(t *testing.T) {
	for name, restart := range map[string]func(*house){
		"stopped": func(h *house) { h.end() },
		"killed": func(h *house) {
			was := h.Service.file.db
			h.file = filepath.Join(h.t.TempDir(), "push.db") // what is on disk then
			if err := was.View(func(tx *bbolt.Tx) error { return tx.CopyFile(h.file, 0o600) }); err != nil {
				h.t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			stays, goes := h.subscribes("anna", "s1"), h.subscribes("anna", "s2")
			h.supervises("anna", true)
			call := rings("c1", "ben")
			h.shows("anna", call)
			h.next(stays)
			h.next(goes)
			later := pushservice.Answer{Status: http.StatusServiceUnavailable, Header: http.Header{"Retry-After": {"60"}}}
			stays.Answers(later)
			goes.Answers(later)
			h.mu.Lock()
			h.out["s2"] = true
			h.mu.Unlock()
			h.Sweep()
			h.shows("anna", ends(call, supervision.CallAnswered, "carla"))
			h.until("both are to be asked later", func() bool { return stays.Asked() == 2 && goes.Asked() == 2 })
			h.until("it is on disk", func() bool { calls, last := h.onDisk(); return calls == 1 && last == 1 })
			restart(h)
			h.open()
			h.View(time.Now(), "anna", &supervision.View{Site: supervision.SiteDocument{PBX: supervision.PBXDocument{Connected: true}}})
			if p, m := h.next(stays); p.Type != over || !strings.Contains(string(m.Body), `"c1"`) {
				t.Errorf("%s", m.Body)
			}
			if p, m := h.next(goes); p.Type != ended || m.TTL < farewellTime-time.Minute {
				t.Errorf("%s", m.Body)
			}
			h.until("nothing is owed any more", func() bool { calls, last := h.onDisk(); return calls+last+h.lanesLeft() == 0 })
		})
	}
}

// onDisk says of how many calls browsers are to be told that they are over, and how many last messages wait.
func (h *house) onDisk() (calls, last int) {
	h.t.Helper()
	err := h.Service.file.db.View(func(tx *bbolt.Tx) error {
		var k kept
		err := k.read(tx)
		calls, last = len(k.told["anna"]), len(k.last)
		return err
	})
	if err != nil {
		h.t.Fatal(err)
	}
	return calls, last
}
