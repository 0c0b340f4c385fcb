package supervision

import (
	"time"

	"supervisiond/forwarding"
)

const (
	// afterlife is how long an ended call stays in the state, and how long a pickup that comes too late is told who
	// was faster (P4).
	afterlife = 3 * time.Second
	// pickupDeadline bounds one attempt to pick up on the PBX; Asterisk itself needs a few milliseconds.
	pickupDeadline = 2 * time.Second
	// lostTime is how long the PBX may take to say who has a call after it has turned a pickup down.
	lostTime = 300 * time.Millisecond
	// hushTime is how long the PBX may take to say who has a call after it has hushed the other phones.
	hushTime = time.Second
	// heartbeat is how often the site's document is written anew, and aliveFor how long it vouches for the rest.
	heartbeat = 5 * time.Second
	aliveFor  = 15 * time.Second
)

// State is all that the daemon knows about its site.
type State struct {
	dir   *Directory
	epoch uint64
	seq   uint64
	// latest is the latest moment of an event. Time does not go back: one that waited elsewhere for its turn, as for what
	// the PBX answers, counts as of then.
	latest time.Time

	pbx        PBXDocument
	nats       NATSDocument
	everSynced bool
	aliveUntil time.Time

	endpoints map[string]EndpointState
	logins    map[login]bool

	changes map[login]*change  // logins on their way to the disk
	saving  map[uint64]*change // the same, by write
	begun   map[uint64]login   // logins on their way that nobody asked for, by write
	unsaved map[login]bool     // and those that did not get there
	writes  uint64

	policy        forwarding.Policy
	pickupTimeout time.Duration
	store         map[string]forwarding.Stored // of the PBX, by extension
	storeKnown    bool
	storing       map[uint64]*storeWrite // changes of the store on their way
	forwards      map[PersonID][]forwarding.Document
	stale         map[PersonID]bool // whose forwards have to be described anew
	phoneForwards map[PersonID][]phoneForward
	reports       map[PersonID]map[string]report // presence that clients report, by source

	legs    map[string]*leg     // by channel
	hushed  map[string]*leg     // fallen silent because somebody has the call, and not yet known who
	phones  map[PersonID]phones // how many of them ring, by whose they are
	ringing map[string]*call    // by the caller's channel: what rings now, supervised or not
	calls   map[CallID]*call    // published: ringing, or ended a moment ago
	open    openCalls           // announced by an earlier life of the daemon
	tries   map[string]*try     // pickups under way, by the picker's channel
	offered map[PersonID]queue  // ringing calls by whom they ring, oldest first
	through map[GroupID]queue   // ringing calls by the group that supervises them, oldest first

	talks map[string]*Talk // supervised calls that somebody has, by their phone's channel

	ringingCalls int

	viewers     map[PersonID]*viewer
	watching    []PersonID // whose views these are, sorted
	shownBefore uint64     // the highest number that a viewer who is no more was shown

	people map[PersonID]*PersonDocument
	others map[PersonID]othersPerson // how others see them
	groups map[GroupID]*GroupDocument
}

type phones struct{ supervised, unsupervised int }

type login struct {
	group  GroupID
	person PersonID
}

// New returns the state before anything is known.
func New() *State {
	return &State{
		dir:           NewDirectory("", nil, nil),
		pbx:           PBXDocument{SIP: SIPUnknown},
		endpoints:     make(map[string]EndpointState),
		logins:        make(map[login]bool),
		legs:          make(map[string]*leg),
		changes:       make(map[login]*change),
		saving:        make(map[uint64]*change),
		begun:         make(map[uint64]login),
		unsaved:       make(map[login]bool),
		store:         make(map[string]forwarding.Stored),
		storing:       make(map[uint64]*storeWrite),
		forwards:      make(map[PersonID][]forwarding.Document),
		stale:         make(map[PersonID]bool),
		phoneForwards: make(map[PersonID][]phoneForward),
		reports:       make(map[PersonID]map[string]report),
		hushed:        make(map[string]*leg),
		phones:        make(map[PersonID]phones),
		ringing:       make(map[string]*call),
		calls:         make(map[CallID]*call),
		open:          make(openCalls),
		tries:         make(map[string]*try),
		offered:       make(map[PersonID]queue),
		through:       make(map[GroupID]queue),
		talks:         make(map[string]*Talk),
		viewers:       make(map[PersonID]*viewer),
		people:        make(map[PersonID]*PersonDocument),
		others:        make(map[PersonID]othersPerson),
		groups:        make(map[GroupID]*GroupDocument),
	}
}

// Apply gives the state that follows from an event, and what is to be done about it. As with append, the state given
// is used up: go on with the one returned. Documents inside effects are never changed afterwards.
func Apply(s *State, event Event) (*State, []Effect) {
	if at := event.at(); at.After(s.latest) {
		s.latest = at
	}
	t := step{State: s, now: s.latest}
	switch e := event.(type) {
	case Started:
		t.started(e)
	case Configured:
		t.policy, t.pickupTimeout = e.Forwarding, e.PickupTimeout
		t.configure(e.Directory)
	case EpochBegun:
		t.epochBegun(e)
	case NATSSeen:
		if t.epoch != 0 && t.nats.Connected != e.Alive {
			t.natsSeen(e.Alive)
		}
	case Watched:
		t.watched(e)
	case Commanded:
		t.commanded(e)
	case CodeDialled:
		t.codeDialled(e)
	case LoginSaved:
		t.loginSaved(e)
	case StoreRead:
		t.storeRead(e)
	case StoreWritten:
		t.storeWritten(e)
	case PhoneRedirected:
		t.phoneRedirected(e)
	case PhoneAnswered:
		if owner, _ := t.dir.Endpoint(e.Endpoint); owner != nil {
			t.phoneTakesCalls(owner.ID, e.Endpoint)
		}
	case PBXSynced:
		t.pbxSynced(e)
	case PBXLost:
		t.pbxLost()
	case SIPSeen:
		t.sipSeen(e)
	case RingBegan:
		t.ringBegan(e.Ring, e.At)
	case RingEnded:
		t.ringEnded(e)
	case CallerHungUp:
		t.callerHungUp(e)
	case EndpointChanged:
		t.endpointChanged(e.Endpoint, e.State)
	case PickupDialled:
		t.pickupDialled(e)
	case PickupFailed:
		t.pickupFailed(e)
	case PickerAnswered:
		t.pickerAnswered(e)
	case PickerUnreached:
		t.pickerUnreached(e)
	case PickerJoined:
		t.pickerJoined(e)
	case AnswerPickedUp:
		t.answerPickedUp(e)
	case PickerGone:
		t.pickerGone(e)
	case TalkEnded:
		t.talkEnded(e.Leg)
	case TalkMoved:
		t.talkMoved(e)
	case TimerFired:
		t.timerFired(e)
	}
	return s, t.finish()
}

// RingingCalls is how many supervised calls ring.
func (s *State) RingingCalls() int { return s.ringingCalls }

func (t *step) started(e Started) {
	t.learning = true
	t.policy, t.pickupTimeout = e.Forwarding, e.PickupTimeout
	t.configure(e.Directory)
	t.rememberLogins(e.Logins)
	t.vouch()
}

func (t *step) epochBegun(e EpochBegun) {
	t.epoch = e.Epoch
	for _, doc := range e.Open {
		open := *doc
		if open.Rang == nil { // as earlier versions wrote it
			open.Rang = open.Ringing
		}
		t.open[doc.CallerCall] = &open
	}
	if t.pbx.Connected {
		t.settleOpenCalls()
	}
	t.learning = true
	t.restoreLogins(e.Logins)
	t.natsSeen(true)
}

// natsSeen: from here on logins can be stored, or they cannot.
func (t *step) natsSeen(alive bool) {
	t.nats = NATSDocument{Connected: alive, Since: Stamp{t.now}}
	t.siteDirty = true
	for _, id := range t.dir.Groups() {
		t.touchGroup(id)
	}
	if alive {
		t.saveUnsaved()
	}
}

func (t *step) pbxSynced(e PBXSynced) {
	if !t.pbx.Connected {
		t.pbx = PBXDocument{Connected: true, Since: Stamp{t.now}, Version: e.Version, SIP: t.pbx.SIP}
		t.announce(Announce{Type: EventPBXConnected, Entity: t.dir.Site, Document: t.siteDocument()})
	}
	t.syncEndpoints(e.Endpoints)
	t.syncRings(e.Rings)
	t.syncTalks(e.Up)
	t.settleOpenCalls()
	t.learning = !t.everSynced
	t.everSynced = true
	t.siteDirty = true
}

// pbxLost keeps every document as it was last known: the site's says that it is old.
func (t *step) pbxLost() {
	if !t.pbx.Connected {
		return
	}
	t.pbx = PBXDocument{Connected: false, Since: Stamp{t.now}, Version: t.pbx.Version, SIP: t.pbx.SIP}
	t.abandonTries()
	t.announce(Announce{Type: EventPBXDisconnected, Entity: t.dir.Site, Document: t.siteDocument()})
	t.siteDirty = true
}

func (t *step) sipSeen(e SIPSeen) {
	is := SIPSilent
	if e.Alive {
		is = SIPAlive
	}
	if t.pbx.SIP != is {
		t.pbx.SIP = is
		t.siteDirty = true
	}
}

// vouch says for another while that the state is looked after.
func (t *step) vouch() {
	t.saveUnsaved()
	t.aliveUntil = t.now.Add(aliveFor)
	t.siteDirty = true
	t.arm(timerAlive, "", t.now.Add(heartbeat))
}

func (s *State) siteDocument() *SiteDocument {
	return &SiteDocument{ID: s.dir.Site, PBX: s.pbx, NATS: s.nats, Epoch: s.epoch, AliveUntil: Stamp{s.aliveUntil}}
}
