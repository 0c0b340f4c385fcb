package ari

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/tools/txtar"

	"supervisiond/supervision"
)

var updateTraces = flag.Bool("update-traces", false, "write what the tracker makes of the traces into them")

// TestTraces plays what a real Asterisk 22 sent in a scenario, and compares what the tracker makes of it.
func TestTraces(t *testing.T) {
	files, err := filepath.Glob("testdata/traces/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no traces: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var out strings.Builder
			tr := newTracker("supervision",
				func(e supervision.Event) { tellEvent(&out, e) },
				fakeAsker{ask: func(id string) bool { fmt.Fprintf(&out, "ask %s\n", id); return true }},
				func(id string, args []string) { fmt.Fprintf(&out, "stray %s %v\n", id, args) })
			play(t, tr, archive.Files[0].Data)
			if len(tr.channels)+len(tr.halves)+len(tr.callers) > 0 {
				t.Errorf("left behind: %d channels, %d halves, %d callers", len(tr.channels), len(tr.halves), len(tr.callers))
			}
			want := archive.Files[1].Data
			if bytes.Equal(want, []byte(out.String())) {
				return
			}
			if *updateTraces {
				archive.Files[1].Data = []byte(out.String())
				if err := os.WriteFile(file, txtar.Format(archive), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			t.Errorf("want\n%s\ngot\n%s", want, out.String())
		})
	}
}

func play(t *testing.T, tr *tracker, frames []byte) {
	t.Helper()
	for line := range bytes.Lines(frames) {
		if peekType(line) == "" {
			continue
		}
		var e event
		if err := decode(line, &e); err != nil {
			t.Fatal(err)
		}
		tr.handle(&e, time.Time{})
	}
}

// tellEvent writes an event in a line. Channel ids begin with the second in which they began, which says nothing.
func tellEvent(out *strings.Builder, e supervision.Event) {
	id := func(s string) string { return "#" + s[strings.LastIndexByte(s, '.')+1:] }
	switch e := e.(type) {
	case supervision.RingBegan:
		r := e.Ring
		var route []string
		for _, h := range r.Route {
			route = append(route, strings.TrimRight(fmt.Sprintf("%s:%s:%s", h.Kind, h.Number+h.Endpoint, h.Name), ":"))
		}
		fmt.Fprintf(out, "rings %s %s caller=%s %+v by=%s dialled=%s route=%s\n", id(r.Leg), r.Endpoint, id(r.CallerCall),
			r.Caller, r.CallerEndpoint, r.Dialled, strings.Join(route, ","))
	case supervision.RingEnded:
		fmt.Fprintf(out, "silent %s %s caller=%s %s\n", id(e.Leg), e.Endpoint, id(e.CallerCall), e.How)
	case supervision.CallerHungUp:
		fmt.Fprintf(out, "caller hung up %s\n", id(e.CallerCall))
	case supervision.EndpointChanged:
		fmt.Fprintf(out, "endpoint %s %+v\n", e.Endpoint, e.State)
	case supervision.PhoneRedirected:
		fmt.Fprintf(out, "redirected %s to %s\n", e.Endpoint, e.Target)
	case supervision.PickupDialled:
		fmt.Fprintf(out, "dials %s %s %+v\n", id(e.Channel), e.Endpoint, e.Ask)
	case supervision.PickupFailed:
		fmt.Fprintf(out, "pickup failed %s\n", id(e.Channel))
	case supervision.PickerJoined:
		fmt.Fprintf(out, "picker joined %s\n", id(e.Channel))
	case supervision.AnswerPickedUp:
		fmt.Fprintf(out, "answer picked up, caller=%s\n", id(e.CallerCall))
	case supervision.TalkEnded:
		fmt.Fprintf(out, "talk ends %s\n", id(e.Leg))
	case supervision.TalkMoved:
		fmt.Fprintf(out, "talk moves %s known=%t %+v by=%s\n", id(e.Leg), e.Known, e.Caller, e.CallerEndpoint)
	case supervision.PickerGone:
		fmt.Fprintf(out, "picker gone %s dropped=%t\n", id(e.Channel), e.Dropped)
	default:
		fmt.Fprintf(out, "%T\n", e)
	}
}

// F5: a phone that takes a call without having rung is told of; one that rang is told of by that, and who picks up was not
// called.
func TestPhoneThatAnswersAtOnce(t *testing.T) {
	var out strings.Builder
	tr := newTracker("supervision", func(e supervision.Event) { tellEvent(&out, e) }, fakeAsker{ask: func(string) bool { return true }}, nil)
	caller := channel{ID: "1.1", Name: "PJSIP/106-00000001", State: "Ring"}
	dial := func(id, name, state, status string) {
		tr.handle(&event{Type: "Dial", Caller: caller, Peer: channel{ID: id, Name: name, State: state}, DialStatus: status}, time.Time{})
	}
	dial("1.2", "PJSIP/102-00000002", "Down", "")
	dial("1.2", "PJSIP/102-00000002", "Up", "ANSWER")
	dial("1.2", "PJSIP/102-00000002", "Up", "ANSWER")
	dial("1.3", "PJSIP/103-00000003", "Up", "ANSWER")
	dial("1.4", "Local/102@internal-00000001;1", "Down", "")
	dial("1.4", "Local/102@internal-00000001;1", "Up", "ANSWER")
	if n := strings.Count(out.String(), "supervision.PhoneAnswered"); n != 1 {
		t.Errorf("told of %d:\n%s", n, out.String())
	}
}

// R5: a caller who hangs up while a ring waits to be told, for who dials it or how the caller may be presented, has given up
// all the same.
func TestCallerWhoHangsUpAtOnce(t *testing.T) {
	var out strings.Builder
	tr := newTracker("supervision", func(e supervision.Event) { tellEvent(&out, e) }, fakeAsker{ask: func(string) bool { return true }}, nil)
	vars := channelVars{Present: true, CallerPres: "allowed_not_screened"}
	caller := channel{ID: "1.1", Name: "PJSIP/106-00000001", State: "Ring", CallerNumber: "106", Vars: vars}
	phone := channel{ID: "1.2", Name: "PJSIP/102-00000002", State: "Ringing", Dialplan: dialplan{App: "AppDial"}, Vars: vars}
	for _, e := range []event{
		{Type: "ChannelStateChange", Channel: phone},
		{Type: "ChannelHangupRequest", Channel: caller},
		{Type: "Dial", Caller: caller, Peer: phone},
		{Type: "Dial", Caller: caller, Peer: phone, DialStatus: "CANCEL"},
		{Type: "ChannelDestroyed", Channel: phone},
	} {
		tr.handle(&e, time.Time{})
	}
	rings, rest, _ := strings.Cut(out.String(), "\ncaller hung up #1\n")
	if !strings.Contains(rings, "rings #2 PJSIP/102 caller=#1") || !strings.Contains(rest, "silent #2 PJSIP/102 caller=#1 cancelled") {
		t.Errorf("told\n%s", out.String())
	}
}

// A phone that is called for a pickup sends its call elsewhere: nobody is told of that call, also when the half of the Local
// channel that it began with is gone before the other is seen.
func TestRedirectionOfACalledPhone(t *testing.T) {
	for _, gone := range []bool{false, true} {
		var out strings.Builder
		tr := newTracker("supervision", func(e supervision.Event) { tellEvent(&out, e) }, fakeAsker{ask: func(string) bool { return true }}, func(string, []string) {})
		vars := channelVars{Present: true, CallerPres: "allowed_not_screened"}
		picker := channel{ID: supervision.PickerPrefix + "1", Name: "PJSIP/101-00000001", State: "Down"}
		first := channel{ID: "1.2", Name: "Local/103@internal-00000001;1", State: "Down"}
		second := channel{ID: "1.3", Name: "Local/103@internal-00000001;2", State: "Ring", CallerNumber: "103", Vars: vars}
		phone := channel{ID: "1.4", Name: "PJSIP/103-00000002", State: "Ringing", Dialplan: dialplan{App: "AppDial"}, Vars: vars}
		frames := []event{{Type: "Dial", Peer: picker}, {Type: "Dial", Peer: picker, Forwarded: first, DialStatus: "CANCEL"}}
		if gone {
			frames = append(frames, event{Type: "ChannelDestroyed", Channel: first})
		}
		frames = append(frames, event{Type: "Dial", Caller: second, Peer: phone}, event{Type: "ChannelStateChange", Channel: phone})
		for _, e := range frames {
			tr.handle(&e, time.Time{})
		}
		if strings.Contains(out.String(), "rings") {
			t.Errorf("the first half gone %t: told\n%s", gone, out.String())
		}
	}
}

// What the PBX tells of a channel after its end does not bring it back: neither is where a called phone sent its call then somebody's, nor
// is a phone busy for ever.
func TestEventsAfterTheEnd(t *testing.T) {
	var out strings.Builder
	tr := newTracker("supervision", func(e supervision.Event) { tellEvent(&out, e) }, fakeAsker{ask: func(string) bool { return true }}, func(string, []string) {})
	vars := channelVars{Present: true, CallerPres: "allowed_not_screened"}
	picker := channel{ID: supervision.PickerPrefix + "1", Name: "PJSIP/101-00000001", State: "Ringing"}
	first := channel{ID: "1.2", Name: "Local/103@internal-00000001;1", State: "Down", CallerNumber: "103", Dialplan: dialplan{App: "AppDial2"}, Vars: vars}
	second := channel{ID: "1.3", Name: "Local/103@internal-00000001;2", State: "Ring", Vars: vars}
	phone := channel{ID: "1.4", Name: "PJSIP/103-00000002", State: "Down", Dialplan: dialplan{App: "AppDial"}, Vars: vars}
	ringing, talking := phone, phone
	ringing.State, talking.State = "Ringing", "Up"
	for _, e := range []event{
		{Type: "Dial", Peer: picker}, {Type: "ChannelCreated", Channel: first}, {Type: "ChannelCreated", Channel: second},
		{Type: "Dial", Peer: picker, Forwarded: first, DialStatus: "CANCEL"}, {Type: "ChannelCreated", Channel: phone},
		{Type: "Dial", Caller: second, Peer: phone}, {Type: "ChannelStateChange", Channel: ringing},
		{Type: "ChannelDestroyed", Channel: first}, {Type: "ChannelCallerId", Channel: first},
		{Type: "Dial", Caller: second, Peer: ringing, DialStatus: "RINGING"}, {Type: "Dial", Caller: second, Peer: ringing, DialStatus: "CANCEL"},
		{Type: "ChannelDestroyed", Channel: second}, {Type: "ChannelDestroyed", Channel: ringing}, {Type: "ChannelConnectedLine", Channel: talking},
		{Type: "Dial", Caller: channel{ID: "1.5", Name: "PJSIP/106-00000003", State: "Ring", Vars: vars}, Peer: ringing, DialStatus: "RINGING"},
	} {
		tr.handle(&e, time.Time{})
	}
	if strings.Contains(out.String(), "rings") {
		t.Errorf("told\n%s", out.String())
	}
	if d := tr.endpoints["PJSIP/103"]; len(d.channels) != 0 || d.state().InCall {
		t.Errorf("the phone that rang: %+v", d.state())
	}
	for n := range 3 * remembersGone {
		tr.handle(&event{Type: "ChannelDestroyed", Channel: channel{ID: fmt.Sprint("2.", n)}}, time.Time{})
	}
	if len(tr.gone) != remembersGone {
		t.Errorf("%d are remembered", len(tr.gone))
	}
}

// The PBX lets ring where a called phone sends its call, and says only then, however late, that it did. What may be such a call is told
// when the PBX has answered that no phone sent it on, or one that the daemon does not call.
func TestRingThatMayBeARedirection(t *testing.T) {
	for forwarder, told := range map[string]bool{"": true, "PJSIP/105-00000009": true, "PJSIP/101-00000001": false} {
		for _, gone := range []bool{false, true} {
			var out strings.Builder
			tr := newTracker("supervision", func(e supervision.Event) { tellEvent(&out, e) },
				fakeAsker{ask: func(id string) bool { fmt.Fprintf(&out, "ask %s\n", id); return true }}, func(string, []string) {})
			vars := channelVars{Present: true, CallerPres: "allowed_not_screened"}
			picker := channel{ID: supervision.PickerPrefix + "1", Name: "PJSIP/101-00000001", State: "Ringing"}
			first := channel{ID: "1.2", Name: "Local/103@internal-00000001;1", State: "Down", CallerNumber: "103", Dialplan: dialplan{App: "AppDial2"}, Vars: vars}
			second := channel{ID: "1.3", Name: "Local/103@internal-00000001;2", State: "Ring", Vars: vars}
			phone := channel{ID: "1.4", Name: "PJSIP/103-00000002", State: "Ringing", Dialplan: dialplan{App: "AppDial"}, Vars: vars}
			for _, e := range []event{
				{Type: "Dial", Peer: picker}, {Type: "ChannelCreated", Channel: first}, {Type: "ChannelCreated", Channel: second},
				{Type: "Dial", Caller: second, Peer: phone}, {Type: "ChannelStateChange", Channel: phone}, {Type: "ChannelStateChange", Channel: phone},
			} {
				tr.handle(&e, time.Time{})
			}
			if strings.Contains(out.String(), "rings") || strings.Count(out.String(), "ask 1.2") != 1 {
				t.Errorf("before the PBX has answered: told\n%s", out.String())
			}
			tr.forwarderAnswered("1.2", forwarder, time.Time{})
			tr.presentationAnswered("1.2", presentationAllowed, time.Time{})
			if !told { // and then it says so itself
				if gone {
					tr.handle(&event{Type: "ChannelDestroyed", Channel: first}, time.Time{})
				}
				tr.handle(&event{Type: "Dial", Peer: picker, Forwarded: first, DialStatus: "CANCEL"}, time.Time{})
				tr.handle(&event{Type: "ChannelStateChange", Channel: phone}, time.Time{})
			}
			if strings.Contains(out.String(), "rings #4 PJSIP/103 caller=#2") != told {
				t.Errorf("sent on by %q: told\n%s", forwarder, out.String())
			}
		}
	}
}
