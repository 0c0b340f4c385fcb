package ari

import (
	"strings"
	"testing"
	"time"

	"supervisiond/supervision"
)

// transfers is a tracker for two who have been joined by a caller who has transferred, and what it tells.
type transfers struct {
	*tracker
	t   *testing.T
	out strings.Builder
}

func newTransfers(t *testing.T, ask asker) *transfers {
	x := &transfers{t: t}
	x.tracker = newTracker("supervision", func(e supervision.Event) { tellEvent(&x.out, e) }, ask, nil)
	return x
}

func (x *transfers) phone(id, number string, vars channelVars) channel {
	c := channel{ID: id, Name: "PJSIP/" + number + "-0000000" + id[2:], State: "Up", CallerNumber: number, Vars: vars}
	x.handle(&event{Type: "ChannelEnteredBridge", Channel: c}, time.Time{})
	return c
}

// tells expects what was told of talks since the last time.
func (x *transfers) tells(what string, want ...string) {
	x.t.Helper()
	var got []string
	for line := range strings.Lines(x.out.String()) {
		if strings.HasPrefix(line, "talk moves") {
			got = append(got, strings.TrimPrefix(strings.TrimSpace(line), "talk moves "))
		}
	}
	x.out.Reset()
	if a, b := strings.Join(got, "; "), strings.Join(want, "; "); a != b {
		x.t.Errorf("%s:\n got %s\nwant %s", what, a, b)
	}
}

func (x *transfers) joins(one, other string, result string) {
	x.handle(&event{Type: "BridgeAttendedTransfer", Transferee: channel{ID: one}, Target: channel{ID: other}, Result: result}, time.Time{})
}

const nobodyKnown = " known=false {Number: Name: Withheld:false} by="

// R4: who does not want to be shown is not shown after a transfer either, and where the PBX has to be asked nobody is until it answers.
func TestTransferredToWhoMayBeShown(t *testing.T) {
	allowed := channelVars{Present: true, CallerPres: "allowed", ConnectedPres: "allowed"}
	prohibited := channelVars{Present: true, CallerPres: "prohib_passed_screen", ConnectedPres: "allowed"}
	var asked []string
	x := newTransfers(t, fakeAsker{ask: func(id string) bool { asked = append(asked, id); return true }})
	x.phone("1.2", "102", allowed)
	x.phone("1.5", "105", allowed)
	x.phone("1.6", "0170", prohibited)
	x.phone("1.7", "107", channelVars{})
	x.phone("1.8", "", allowed)
	x.joins("1.2", "1.5", "Fail")
	x.tells("a transfer that failed")
	x.joins("1.2", "1.6", "Success")
	x.tells("to somebody withheld", "#2 known=true {Number: Name: Withheld:true} by=PJSIP/0170", "#6 known=true {Number:102 Name: Withheld:false} by=PJSIP/102")
	x.joins("1.2", "1.7", "Success")
	x.tells("to somebody of whom the PBX has to be asked", "#2"+nobodyKnown, "#7 known=true {Number:102 Name: Withheld:false} by=PJSIP/102")
	x.presentationAnswered("1.7", presentationAllowed, time.Time{})
	x.tells("its answer", "#2 known=true {Number:107 Name: Withheld:false} by=PJSIP/107")
	x.presentationAnswered("1.7", presentationAllowed, time.Time{})
	x.tells("nothing new")
	x.joins("1.2", "1.8", "Success")
	x.tells("to somebody without a number", "#2"+nobodyKnown, "#8 known=true {Number:102 Name: Withheld:false} by=PJSIP/102")
	x.joins("1.2", "9.9", "Success")
	x.tells("to an announcement")
	if len(asked) != 1 || asked[0] != "1.7" {
		t.Errorf("asked of %v", asked)
	}
}

// Behind Local channels it is the phone that answered which talks. What is beyond the other end of one cannot be told.
func TestTransferredBehindLocalChannels(t *testing.T) {
	allowed := channelVars{Present: true, CallerPres: "allowed", ConnectedPres: "allowed"}
	x := newTransfers(t, fakeAsker{})
	half := func(id, n string) channel {
		return channel{ID: id, Name: "Local/102@internal-0000000" + n[:1] + ";" + n[1:], State: "Up", Vars: allowed}
	}
	outer, through, inner, last := half("1.1", "11"), half("1.2", "12"), half("1.3", "21"), half("1.4", "22")
	answers := func(caller, peer channel) {
		x.handle(&event{Type: "Dial", Caller: caller, Peer: peer}, time.Time{})
		x.handle(&event{Type: "Dial", Caller: caller, Peer: peer, DialStatus: "ANSWER"}, time.Time{})
	}
	ben := channel{ID: "1.5", Name: "PJSIP/102-00000005", State: "Up", CallerNumber: "102", Vars: allowed}
	for _, c := range []channel{outer, through, inner, last} {
		x.handle(&event{Type: "ChannelCreated", Channel: c}, time.Time{})
	}
	answers(last, ben)
	answers(through, inner)
	x.phone("1.6", "105", allowed)
	x.joins("1.1", "1.6", "Success")
	x.tells("the outer end", "#5 known=true {Number:105 Name: Withheld:false} by=PJSIP/105", "#6 known=true {Number:102 Name: Withheld:false} by=PJSIP/102")
	x.joins("1.2", "1.6", "Success")
	x.tells("the dialplan's end", "#6"+nobodyKnown)
}

// A talk ends also where the daemon was attached anew in the middle of it.
func TestTalkThatWasThereBeforeEnds(t *testing.T) {
	x := newTransfers(t, fakeAsker{})
	ben := channel{ID: "1.2", Name: "PJSIP/102-00000002", State: "Up"}
	x.load(&snapshot{channels: []channel{ben}})
	x.sync("22", time.Time{})
	x.handle(&event{Type: "ChannelDestroyed", Channel: ben, Cause: 16}, time.Time{})
	if !strings.Contains(x.out.String(), "talk ends #2") {
		t.Errorf("told of %q", x.out.String())
	}
}
