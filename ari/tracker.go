package ari

import (
	"slices"
	"strings"
	"time"

	"supervisiond/supervision"
)

// tracker follows the PBX's channels and tells from them whose phone rings, called by whom, on which call (R1 to R4).
// It has no I/O: frames go in, domain events come out, in order.
type tracker struct {
	app       string
	channels  map[string]*leg   // by id
	halves    map[string]*leg   // halves of Local channels by name
	callers   map[string][]*leg // what was said to ring, by the caller's channel
	endpoints map[string]*device
	// emit takes what the frames mean. While the tracker catches up with a snapshot it is silent.
	emit   func(supervision.Event)
	silent bool
	ask    asker
	twins  []string // names of Local channels' halves that nobody is to know
	gone   []string // ids of channels that ended last
	// stray takes channels that entered the application with arguments that the generated dialplan does not use.
	stray func(channelID string, args []string)
}

// leg is a channel and what is known of its part in a call.
type leg struct {
	channel
	endpoint string // PJSIP/102, or empty for Local and other helpers
	half     byte   // '1' or '2' for the halves of a Local channel
	other    *leg   // the other half

	found      bool   // it was there when the daemon attached
	over       bool   // it has ended, and the PBX tells of it yet
	dialTold   bool   // the PBX has said who dials it, or that nobody does
	dialler    *leg   // who dials this one
	forwardOf  string // the endpoint whose phone sent the caller here
	dialStatus string // how the PBX stopped dialling it
	refused    bool   // the phone itself ended it
	hungUp     bool   // it called, and hung up
	progress   bool   // it rings without saying so: early media only (183)
	answered   bool
	answeredTo string // the caller's channel, if it rang for one that was told of

	asks      *leg                  // the phone for which a Local channel that nobody dials calls
	sentOn    bool                  // it was transferred to another number
	moved     bool                  // a transfer has given it another side, which is with; nil: that cannot be told
	with      *leg                  // never one that is behind a Local channel
	toldMoved supervision.TalkMoved // what was last said of that, without the time

	told *supervision.Ring // what was last said about its ringing; nil: nothing, or it is over

	// presented is what the PBX answered when asked how the caller may be presented.
	presented presentation
	asked     bool
	origin    origin // whether a called phone may have sent its call here
	picker    bool   // it entered the daemon's application
	taken     string // the arguments with which it was found there
	unwanted  bool   // a called phone's redirection, about to be ended
}

// device is an endpoint of the PBX.
type device struct {
	reachable bool
	channels  map[string]*leg
	told      supervision.EndpointState
}

func newTracker(app string, emit func(supervision.Event), ask asker, stray func(string, []string)) *tracker {
	return &tracker{
		app: app, channels: make(map[string]*leg), halves: make(map[string]*leg),
		callers: make(map[string][]*leg), endpoints: make(map[string]*device),
		emit: emit, ask: ask, stray: stray,
	}
}

// handle takes one frame's event.
func (t *tracker) handle(e *event, at time.Time) {
	switch e.Type {
	case "ChannelCreated", "ChannelCallerId", "ChannelConnectedLine":
		t.see(&e.Channel, at)
	case "ChannelStateChange":
		t.stateChanged(t.see(&e.Channel, at), at)
	case "ChannelEnteredBridge":
		t.askedFor(e.Bridged, at)
		t.enteredBridge(t.see(&e.Channel, at), at)
	case "Dial":
		t.dial(e, at)
	case "BridgeAttendedTransfer":
		t.transferred(e, at)
	case "BridgeBlindTransfer":
		t.sentOn(e, at)
	case "ChannelHangupRequest":
		t.hangupRequested(e, at)
	case "ChannelDestroyed":
		t.destroyed(e, at)
	case "StasisStart":
		t.stasisStart(e, at)
	case "StasisEnd":
		t.see(&e.Channel, at)
	case "ContactStatusChange", "PeerStatusChange":
		t.endpointState(e.Endpoint.Technology+"/"+e.Endpoint.Resource, e.Endpoint.State == "online", at)
	}
}

// see notes what a frame says of a channel.
func (t *tracker) see(c *channel, at time.Time) *leg {
	l := t.note(c)
	if l.told != nil {
		t.tellRing(l, at) // who calls may have become known
	}
	t.tellLegsOf(l, at)
	t.tellMoved(l, at)
	t.tellDevice(l.endpoint, at)
	return l
}

func (t *tracker) note(c *channel) *leg {
	l := t.channels[c.ID]
	if l == nil {
		l = &leg{}
		l.endpoint, l.half = nameParts(c.Name)
		if slices.Contains(t.gone, c.ID) {
			l.channel, l.over = *c, true
			return l // nobody keeps it
		}
		t.channels[c.ID] = l
		if l.endpoint != "" {
			t.device(l.endpoint).channels[c.ID] = l
		}
		if l.half != 0 {
			t.pair(l, c.Name)
			l.unwanted = slices.Contains(t.twins, c.Name)
		}
	}
	dialplan, vars, state := l.Dialplan, l.Vars, l.State
	l.channel = *c
	if state == "Up" || state == "Ringing" && c.State == "Down" {
		l.State = state // a Dial may tell of a moment ago; no channel goes back
	}
	if l.Vars.Linkedid == "" {
		l.Vars.Linkedid, l.Vars.DNID = vars.Linkedid, vars.DNID
	}
	if c.Dialplan.Exten == "" && dialplan.Exten != "" {
		l.Dialplan = dialplan
	}
	return l
}

// pair joins the halves of a Local channel. They remember each other when one of them is gone already.
func (t *tracker) pair(l *leg, name string) {
	t.halves[name] = l
	if other := t.halves[name[:len(name)-1]+string(rune('1'+'2'-l.half))]; other != nil {
		l.other, other.other = other, l
	}
}

// nameParts takes PJSIP/102-0000002a apart into its endpoint, and Local/102@internal-0000002a;2 into its half.
func nameParts(name string) (endpoint string, half byte) {
	if rest, ok := strings.CutPrefix(name, "Local/"); ok {
		if strings.HasSuffix(rest, ";1") || strings.HasSuffix(rest, ";2") {
			return "", rest[len(rest)-1]
		}
		return "", 0
	}
	if i := strings.LastIndexByte(name, '-'); i > 0 && strings.HasPrefix(name, "PJSIP/") {
		return name[:i], 0
	}
	return "", 0
}

// stateChanged takes Ringing, not Up: a phone that answers at the very moment at which its call is picked up is Up, and
// yet the supervisor has the caller. Who dials it says ANSWER, or it enters a bridge, only if it does have the call.
func (t *tracker) stateChanged(l *leg, at time.Time) {
	t.tellRing(l, at)
	t.tellDevice(l.endpoint, at)
}

func (t *tracker) dial(e *event, at time.Time) {
	peer := t.see(&e.Peer, at)
	dialled := peer.dialTold // who picks up is told to answer as well, and was never dialled
	peer.dialTold = true
	if e.Caller.ID != "" {
		peer.dialler = t.see(&e.Caller, at)
	}
	switch e.DialStatus {
	case "":
	case "RINGING":
	case "PROGRESS":
		peer.progress = true
	case "ANSWER":
		if dialled && peer.endpoint != "" && peer.told == nil && !peer.answered {
			t.tell(supervision.PhoneAnswered{At: at, Endpoint: peer.endpoint})
		}
		t.answer(peer, at)
	default:
		t.stopDialling(peer, e, at)
	}
	t.tellRing(peer, at)
	t.tellDevice(peer.endpoint, at)
}

// stopDialling notes how a dial ended; Queue says it twice, and means it the first time. That is why the phone falls
// silent, and it is told at once: by the time that the channel is destroyed the caller may have gone on and hung up.
// CANCEL says too little: whether somebody else has the call shows only when the channel is destroyed.
func (t *tracker) stopDialling(peer *leg, e *event, at time.Time) {
	if peer.dialStatus != "" {
		return
	}
	peer.dialStatus = e.DialStatus
	if e.Forwarded.ID != "" && peer.called() {
		t.redirected(peer, t.see(&e.Forwarded, at), at)
		return
	}
	if e.Forwarded.ID != "" {
		t.see(&e.Forwarded, at).forwardOf = peer.endpoint
		peer.dialStatus = dialForwarded
	}
	if peer.dialStatus != dialCancelled {
		t.endRing(peer, howSilenced(peer, 0), at)
	}
	if number := forwardNumber(e.Forward); number != "" && peer.endpoint != "" {
		t.tell(supervision.PhoneRedirected{At: at, Endpoint: peer.endpoint, Target: number})
	}
}

// forwardNumber is the number that a phone named: 104, or of 104@internal and sip:104@example.org the same.
func forwardNumber(forward string) string {
	number, _, _ := strings.Cut(forward, "@")
	number = number[strings.LastIndexByte(number, '/')+1:]
	for _, scheme := range []string{"sips:", "sip:", "tel:"} {
		number = strings.TrimPrefix(number, scheme)
	}
	number, _, _ = strings.Cut(number, ";")
	return number
}

// How a dial ended, as far as it makes a difference. The rest (BUSY, CONGESTION, CHANUNAVAIL) is the phone's refusal.
const (
	dialCancelled = "CANCEL"
	dialNoAnswer  = "NOANSWER"
	dialForwarded = "FORWARD" // ours: CANCEL, with a channel that dials on
)

// rings: the phone was told to ring and has not answered. A phone that sends 183 only stays Down.
func (l *leg) rings() bool {
	return l.endpoint != "" && !l.over && !l.answered && l.dialStatus == "" && (l.State == "Ringing" || l.progress && l.State == "Down")
}

// awaitsDial: somebody dials it, and the PBX is about to say who: that it rings and that it is dialled come in either
// order. Of what was there before, who dials it is not said again.
func (l *leg) awaitsDial() bool {
	return !l.found && !l.dialTold && (l.Dialplan.App == "AppDial" || l.Dialplan.App == "AppQueue")
}

func (t *tracker) answer(l *leg, at time.Time) {
	l.answered = true
	if l.told != nil {
		l.answeredTo = l.told.CallerCall
	}
	t.endRing(l, supervision.RingAnswered, at)
	t.reached(l, at)
}

// enteredBridge: the PBX has joined a channel to another. Of one that picks up this is the proof that it has the caller.
func (t *tracker) enteredBridge(l *leg, at time.Time) {
	t.answer(l, at)
	if l.picker {
		t.tell(supervision.PickerJoined{At: at, Channel: l.ID})
	}
}

// remembersGone is how many channels are remembered that have ended. The PBX tells of a channel by several threads: that its caller
// changed, or that it is dialled no more, may come after its end (seen of Asterisk 22 with ChannelCallerId), and would have it live for
// ever.
const remembersGone = 256

func (t *tracker) destroyed(e *event, at time.Time) {
	if len(t.gone) == remembersGone {
		t.gone = append(t.gone[:0], t.gone[1:]...)
	}
	t.gone = append(t.gone, e.Channel.ID)
	l := t.channels[e.Channel.ID]
	if l == nil {
		return
	}
	l.Dialplan = e.Channel.Dialplan
	how := howSilenced(l, e.Cause)
	t.endRing(l, how, at)
	if l.answeredTo != "" || l.found && l.answered { // of what was there before, nobody knows any more whether it rang
		t.tell(supervision.TalkEnded{At: at, Leg: l.ID})
	}
	if l.answeredTo != "" && how == supervision.RingPickedUp {
		t.tell(supervision.AnswerPickedUp{At: at, CallerCall: l.answeredTo})
	}
	switch {
	case !l.picker && l.called():
		t.tell(supervision.PickerUnreached{At: at, Channel: l.ID, Why: unreached(e.Cause)})
	case l.picker:
		t.tell(supervision.PickerGone{At: at, Channel: l.ID, Dropped: !l.refused})
	}
	t.drop(l)
	t.tellDevice(l.endpoint, at)
}

// drop forgets a channel that is no more.
func (t *tracker) drop(l *leg) {
	delete(t.channels, l.ID)
	delete(t.halves, l.Name)
	if d := t.endpoints[l.endpoint]; d != nil {
		delete(d.channels, l.ID)
	}
}

// hangupRequested: when it is the caller who hangs up, the phones are about to fall silent, and this is why. A soft
// request is the PBX's own, at the end of the dialplan for instance; only an administrator's ends a caller who waits.
func (t *tracker) hangupRequested(e *event, at time.Time) {
	l := t.see(&e.Channel, at)
	l.refused = l.refused || !e.Soft
	if !e.Soft || e.Cause == softHangupExplicit {
		t.callerHungUp(l, at)
	}
}

// softHangupExplicit is AST_SOFTHANGUP_EXPLICIT of Asterisk's channel.h.
const softHangupExplicit = 1 << 5

// callerHungUp matters while something rings on the caller's behalf, also if that is yet to be told.
func (t *tracker) callerHungUp(l *leg, at time.Time) {
	l.hungUp = true
	if len(t.callers[l.ID]) > 0 {
		t.tell(supervision.CallerHungUp{At: at, CallerCall: l.ID})
	}
}

func (t *tracker) tell(e supervision.Event) {
	if !t.silent {
		t.emit(e)
	}
}
