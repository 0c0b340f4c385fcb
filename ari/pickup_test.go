package ari

import (
	"bytes"
	"net/http"
	"strings"
	"testing"
	"time"

	"golang.org/x/tools/txtar"

	"supervisiond/supervision"
)

// P5: where no answer comes the PBX may have done what it was asked. Nobody is told that the pickup failed, and the
// channel, which may be talking to the caller, is not hung up.
func TestPickupOfWhichNothingIsHeard(t *testing.T) {
	s := newScripted(t)
	s.answer = func(w http.ResponseWriter, r *http.Request) bool {
		switch {
		case !strings.HasSuffix(r.URL.Path, "/continue"):
			return false
		case strings.Contains(r.URL.Path, "cut-off"):
			panic(http.ErrAbortHandler)
		case strings.Contains(r.URL.Path, "left"):
			w.WriteHeader(http.StatusConflict)
		default:
			w.WriteHeader(http.StatusInternalServerError)
		}
		return true
	}
	a := attach(t, s)
	expect[supervision.PBXSynced](t, a.box)
	a.pbx.Take(time.Now(), []supervision.Effect{supervision.PickUp{Channel: "cut-off", Targets: []string{"1.1"}}})
	a.asked(t, "POST /channels/cut-off/continue")
	refusal := &supervision.Refusal{Code: supervision.PBXUnavailable}
	a.pbx.Take(time.Now(), []supervision.Effect{supervision.Refuse{Channel: "cut-off", Refusal: refusal}})
	a.pbx.Take(time.Now(), []supervision.Effect{supervision.Refuse{Channel: "left", Refusal: refusal}})
	a.asked(t, "POST /channels/left/continue")
	// What comes after all that is the first thing that is heard.
	a.pbx.Take(time.Now(), []supervision.Effect{supervision.PickUp{Channel: "refused", Targets: []string{"1.1"}}})
	if e := expect[supervision.PickupFailed](t, a.box); e.Channel != "refused" {
		t.Errorf("%+v", e)
	}
	a.pbx.Take(time.Now(), []supervision.Effect{supervision.Refuse{Channel: "refused", Refusal: refusal}})
	a.asked(t, "DELETE /channels/refused")
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, ask := range s.asks {
		if strings.HasPrefix(ask, "DELETE") && !strings.Contains(ask, "/refused") {
			t.Errorf("%s", ask)
		}
	}
}

// A code that waited in the application when the daemon attached, and whose entry comes over the websocket all the same,
// is taken once. Its coming back is another thing.
func TestCodeThatWaitsIsTakenOnce(t *testing.T) {
	var told []supervision.Event
	tr := newTracker("supervision", func(e supervision.Event) { told = append(told, e) }, fakeAsker{}, func(string, []string) {})
	waits := channel{ID: "1", Name: "PJSIP/101-1", State: "Ring", Dialplan: dialplan{App: "Stasis", AppData: "supervision,pickup,person,102"}}
	tr.load(&snapshot{channels: []channel{waits}})
	at := time.Now()
	tr.sync("22", at)
	if got := tr.waiting(at); len(got) != 1 {
		t.Fatalf("%+v", got)
	}
	tr.handle(&event{Type: "StasisStart", Channel: waits, Args: []string{"pickup", "person", "102"}}, at)
	tr.handle(&event{Type: "StasisStart", Channel: waits, Args: []string{"pickup-failed"}}, at)
	var wishes []supervision.Event
	for _, e := range told {
		if _, device := e.(supervision.EndpointChanged); !device {
			wishes = append(wishes, e)
		}
	}
	if len(wishes) != 1 || wishes[0] != (supervision.PickupFailed{At: at, Channel: "1"}) {
		t.Errorf("%+v", wishes)
	}
}

// That a phone rings, and who dials it, come in either order, and mean the same without channelvars too.
func TestRingingBeforeItsDial(t *testing.T) {
	archive, err := txtar.ParseFile("testdata/traces/plain_answered.txtar")
	if err != nil {
		t.Fatal(err)
	}
	var rings, rest [][]byte
	for line := range bytes.Lines(archive.Files[0].Data) {
		line = bytes.ReplaceAll(line, []byte(`"channelvars"`), []byte(`"nothing"`))
		if bytes.Contains(line, []byte(`"ChannelStateChange"`)) && bytes.Contains(line, []byte(`"Ringing"`)) {
			rings = append(rings, line)
		} else {
			rest = append(rest, line)
		}
	}
	for i, line := range rest {
		if bytes.Contains(line, []byte(`"type":"Dial"`)) {
			rest = append(rest[:i:i], append(rings, rest[i:]...)...)
			break
		}
	}
	var first *supervision.Ring
	tr := newTracker("supervision", func(e supervision.Event) {
		if r, ok := e.(supervision.RingBegan); ok && first == nil {
			first = &r.Ring
		}
	}, fakeAsker{}, func(string, []string) {})
	play(t, tr, bytes.Join(rest, nil))
	if len(rings) == 0 || first == nil || first.CallerCall == first.Leg || first.CallerEndpoint != "PJSIP/101" || len(first.Route) != 1 {
		t.Errorf("%d frames say that it rings, the first thing told of it is %+v", len(rings), first)
	}
}
