package ari

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"supervisiond/supervision"
)

// callSupervisor calls a phone, which comes into the application when it is up. The display shows the caller; who the
// phone itself calls as is left alone, or the caller would see that later.
func (p *PBX) callSupervisor(ctx context.Context, e supervision.CallSupervisor) {
	err := p.rest.CallIn(ctx, CallIn{
		ChannelID: e.Channel, Endpoint: e.Endpoint, App: p.o.App, Args: arg.Called, Originator: e.CallerCall,
		Timeout: e.Timeout + time.Second, Variables: callVariables(e),
	})
	if err == nil {
		return
	}
	why := supervision.PBXAway
	var failed *Error
	if errors.As(err, &failed) && failed.Status == http.StatusInternalServerError {
		why = supervision.PhoneAway // "Allocation failed": it has no contact
	}
	p.log.Warn("the PBX did not call a supervisor's phone", "endpoint", e.Endpoint, "error", err)
	ctx, cancel := afterwards(ctx)
	defer cancel()
	_ = p.o.Mailbox.Post(ctx, supervision.PickerUnreached{At: time.Now(), Channel: e.Channel, Why: why})
	if !notDone(err) {
		p.hangup(ctx, e.Channel, causeNormal) // it may ring all the same
	}
}

// callVariables are the caller for the phone's display, and what lets a phone of its make answer by itself.
func callVariables(e supervision.CallSupervisor) map[string]string {
	vars := map[string]string{
		"CONNECTEDLINE(name,i)": e.Caller.Name, "CONNECTEDLINE(num,i)": e.Caller.Number, "CONNECTEDLINE(pres,i)": "allowed",
	}
	if e.Caller.Withheld {
		vars["CONNECTEDLINE(pres,i)"] = "prohib"
	}
	for header, value := range autoAnswer(e.AutoAnswer) {
		vars["PJSIP_HEADER(add,"+header+")"] = value
	}
	return vars
}

// autoAnswer are the headers by which phones answer by themselves. Answer-after is in RFC 5373's spirit and what most
// makers take; the others want to be told by Alert-Info (RFC 3261, 20.4).
func autoAnswer(phone string) map[string]string {
	switch phone {
	case "":
		return nil
	case "polycom", "poly":
		return map[string]string{"Alert-Info": "Auto Answer"}
	}
	return map[string]string{
		"Call-Info":  "<sip:localhost>;answer-after=0",
		"Alert-Info": "<http://localhost>;info=alert-autoanswer;delay=0",
	}
}

// cancelCall stops calling a phone. It shows no missed call: somebody has the call, or it is over.
func (p *PBX) cancelCall(ctx context.Context, e supervision.CancelCall) {
	p.hangup(ctx, e.Channel, causeAnsweredElsewhere)
}

// CallIn is a call to a phone that is to come into an application when it is up.
type CallIn struct {
	ChannelID, Endpoint string
	App, Args           string
	Originator          string // the channel on whose behalf it is
	Timeout             time.Duration
	Variables           map[string]string
}

// CallIn calls a phone. A phone without a contact is a PBXFault.
func (c *Client) CallIn(ctx context.Context, o CallIn) error {
	_, err := c.do(ctx, http.MethodPost, "/channels/"+segment(o.ChannelID), map[string][]string{
		"endpoint": {o.Endpoint}, "app": {o.App}, "appArgs": {o.Args}, "originator": {o.Originator},
		"timeout": {strconv.Itoa(int(o.Timeout.Round(time.Second).Seconds()))},
	}, map[string]any{"variables": o.Variables})
	return err
}

// called: the daemon itself calls this phone. Its ringing is nobody's call (R1).
func (l *leg) called() bool { return strings.HasPrefix(l.ID, supervision.PickerPrefix) }

// Causes of Q.850 with which a phone that is called does not take the call.
const (
	causeBusy       = 17
	causeNoResponse = 18
	causeNoAnswer   = 19
	causeAbsent     = 20
)

// unreached says why a called phone did not take the call.
func unreached(cause int) supervision.PhoneRefusal {
	switch cause {
	case causeBusy:
		return supervision.PhoneBusy
	case causeNoResponse, causeNoAnswer:
		return supervision.PhoneUnanswered
	case causeAbsent:
		return supervision.PhoneAway
	}
	return supervision.PhoneDeclined
}

// redirected: a called phone sends its call on, and whoever has that one is not the supervisor. What rings there for a
// moment is nobody's call.
func (t *tracker) redirected(l, forwarded *leg, at time.Time) {
	forwarded.unwanted = true
	t.refuseTwin(forwarded)
	t.tell(supervision.PickerUnreached{At: at, Channel: l.ID, Why: supervision.PhoneRedirects})
	t.stray(l.ID, nil)
	t.stray(forwarded.ID, nil)
}

// origin is how far it is known where a channel comes from that some program, or a called phone, made to ring somebody.
type origin int8

const (
	originUnknown origin = iota
	originAsked
	originKnown
)

// awaitsOrigin: the channel may be where a called phone sends its call, and the PBX is being asked. It lets that ring first, and says
// only then that the phone redirected, sooner or later; but the name of the channel that was sent on is put aside before
// (FORWARDERNAME, main/dial.c). A channel that some program made to ring somebody has none.
func (t *tracker) awaitsOrigin(root *leg) bool {
	if root.origin == originUnknown && t.perhapsRedirected(root) {
		root.origin = originAsked
		if !t.ask.forwarder(root.ID) {
			root.origin = originKnown // rather a ring too many than one that nobody is told of
		}
	}
	return root.origin == originAsked
}

func (t *tracker) perhapsRedirected(root *leg) bool {
	if root.half != '1' || root.found || root.Dialplan.App != "AppDial2" || t.silent {
		return false
	}
	return t.calls(func(l *leg) bool { return l.State != "Up" })
}

// calls tells whether the daemon calls a phone of which something is so.
func (t *tracker) calls(so func(*leg) bool) bool {
	for _, l := range t.channels {
		if l.called() && so(l) {
			return true
		}
	}
	return false
}

// forwarderAnswered takes the name of the channel whose phone sent its call here; empty if none did. If the daemon does not call that
// phone any more, an event has told the redirection.
func (t *tracker) forwarderAnswered(channelID, name string, at time.Time) {
	root := t.channels[channelID]
	if root == nil {
		return
	}
	root.origin = originKnown
	if name != "" && t.calls(func(l *leg) bool { return l.Name == name }) {
		root.unwanted = true
		t.refuseTwin(root)
		return
	}
	t.tellAll(at)
}

// forwarder has somebody ask, who answers to the follower.
func (p *PBX) forwarder(channelID string) bool {
	return p.enqueue(order{"ask who forwarded", func(ctx context.Context) {
		name, err := p.rest.ChannelVariable(ctx, channelID, "FORWARDERNAME")
		var failed *Error
		if err != nil && (!errors.As(err, &failed) || failed.Status != http.StatusNotFound) {
			p.log.Warn("the PBX does not say whether a phone redirected a pickup, so what rings is told", "channel", channelID, "error", err)
		}
		p.answer(func(t *tracker, at time.Time) { t.forwarderAnswered(channelID, name, at) })
	}})
}

// unwantedTwins is how many unwanted halves of Local channels are remembered whose other half was not seen yet.
const unwantedTwins = 32

// refuseTwin remembers the other half of an unwanted Local channel. It dials on by itself, and may be seen for the first time
// when this half is gone already.
func (t *tracker) refuseTwin(l *leg) {
	if l.half != '1' {
		return
	}
	if other := t.halves[l.Name[:len(l.Name)-1]+"2"]; other != nil && other.other != nil {
		other.other.unwanted = true // that is how the way back leads there, also when this half is gone
		return
	}
	if len(t.twins) == unwantedTwins {
		t.twins = t.twins[1:]
	}
	t.twins = append(t.twins, l.Name[:len(l.Name)-1]+"2")
}
