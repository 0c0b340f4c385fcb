package screen

import (
	"cmp"
	"strings"
	"time"

	"supervisiond/supervision"
)

// Options say what a screen is of.
type Options struct {
	Site string
	// As is the person as whom one watches and commands. Empty: everything is shown, and nothing can be done.
	As supervision.PersonID
	// PickupTime is how long the answer to a pickup may take.
	PickupTime time.Duration
	// ASCII keeps to letters, for terminals that have no other signs.
	ASCII bool
}

// Screen is what is shown and what is known.
type Screen struct {
	options       Options
	as            supervision.PersonID
	marks         marks
	width, height int
	now           time.Time

	known Picture
	read  bool // whether anything was ever known
	// trouble is why what is known is not what is; empty: all is well.
	trouble string
	// asOf is when what is known was last certain to be so.
	asOf time.Time
	// ahead is by how much this machine's clock seems to be ahead of the daemon's.
	ahead time.Duration

	selected string // the key of a row
	// lost is when the selected row went away by itself.
	lost   time.Time
	filter string
	typing bool
	help   bool

	calling  *Command  // the pickup that runs
	since    time.Time // when it began
	progress string
	logging  bool // whether a login is on its way
	message  message
}

// message is the last thing that was told.
type message struct {
	at   time.Time
	text string
	look paint
}

// connecting is what there is to say before the first word from NATS.
const connecting = "Connecting"

// New is a screen that knows nothing yet.
func New(o Options, now time.Time) *Screen {
	s := &Screen{
		options: o, as: o.As, marks: signs, width: 80, height: 24, now: now,
		known: NewPicture(), trouble: connecting, asOf: now,
	}
	if o.ASCII {
		s.marks = letters
	}
	return s
}

// Update takes a message and says what is to be done.
func (s *Screen) Update(m Msg) Effect {
	switch m := m.(type) {
	case Tick:
		s.tick(m.At)
	case Resize:
		s.width, s.height = m.Width, m.Height
	case Whole:
		s.tick(m.At)
		s.known, s.read, s.trouble = m.Picture, true, ""
		s.settle()
	case Changed:
		s.change(m)
	case Reading:
		s.doubt(m.At, m.Why)
	case Away:
		s.doubt(m.At, m.Why)
	case Told:
		s.told(m)
	case Answer:
		s.answered(m)
	case Key:
		return s.key(m)
	case Paste:
		if s.typing {
			s.filter += clean(m.Text)
		}
	}
	return Effect{}
}

func (s *Screen) tick(at time.Time) {
	s.now = at
	if s.live() {
		s.asOf = at
	}
	if at.Sub(s.message.at) > messageTime {
		s.message = message{}
	}
}

// messageTime is how long a message stays.
const messageTime = 30 * time.Second

// at is the time of which the screen tells: now, or when it was last certain how things are.
func (s *Screen) at() time.Time {
	switch {
	case !s.live():
		return s.asOf
	case !s.known.Site.PBX.Connected:
		return s.known.Site.PBX.Since.Time
	}
	return s.now
}

// doubt says that what is known may not be so any more.
func (s *Screen) doubt(at time.Time, why string) {
	s.tick(at)
	s.trouble = why
}

// change takes one document.
func (s *Screen) change(c Changed) {
	s.tick(c.At)
	s.known.Apply(c)
	if site, ok := c.Document.(*supervision.SiteDocument); ok {
		// One that has just come is good for some seconds yet, unless the clocks differ.
		s.ahead = max(0, c.At.Sub(site.AliveUntil.Time))
	}
	s.settle()
}

// settle lets go of a selection that is not there any more. It never moves to another call by itself: whoever is about to
// press a key means the one that was there.
func (s *Screen) settle() {
	if s.selected == "" {
		return
	}
	for _, r := range s.selectable() {
		if r.key == s.selected {
			return
		}
	}
	s.selected, s.lost = "", s.now
}

// live says whether what is known is how things are.
func (s *Screen) live() bool { return s.read && s.trouble == "" && s.vouched() }

// vouched says whether a daemon looks after the state (site.alive_until).
func (s *Screen) vouched() bool {
	return s.known.Site != nil && s.now.Before(s.known.Site.AliveUntil.Time)
}

func (s *Screen) say(at time.Time, look paint, text string) {
	s.message = message{at, clean(text), look}
}

// told shows what others did, or how far a pickup has come.
func (s *Screen) told(t Told) {
	s.tick(t.At)
	by := cmp.Or(t.By.Name, s.known.name(t.By.Person)) // who is not on the screen has a name only here
	switch t.Type {
	case supervision.NoticePickupCalling:
		s.progress = t.About.Endpoint + " rings: answer it"
	case supervision.NoticePickupConnecting:
		s.progress = "your phone is up: connecting"
	case supervision.EventPickupRefused:
		if s.calling == nil { // on the phone; the answer to a command tells its own story
			s.say(t.At, red, "Not picked up ("+string(t.About.Code)+"): "+t.About.Message)
		}
	case supervision.EventGroupJoined:
		s.say(t.At, bold, by+" logged you in to "+t.About.Name)
	case supervision.EventGroupLeft:
		s.say(t.At, bold, by+" logged you out of "+t.About.Name)
	case supervision.EventForwardingChanged:
		s.say(t.At, bold, by+" changed your forwards")
	case supervision.EventDNDChanged:
		s.say(t.At, bold, by+" changed your do-not-disturb")
	case supervision.EventCallPickedUp:
		s.say(t.At, bold, by+" picked up for you: "+caller(t.About.Caller))
	}
}

// answered shows what came of a command.
func (s *Screen) answered(a Answer) {
	s.tick(a.At)
	if a.Command.Verb == Pickup {
		s.calling, s.progress = nil, ""
	} else {
		s.logging = false
	}
	if !a.OK {
		s.say(a.At, red, refused(a))
		return
	}
	group := s.known.groupName(a.Command.Group)
	switch {
	case a.Command.Verb == Pickup && a.OnBehalfOf != "":
		s.say(a.At, green, "You have the call, for "+s.known.name(a.OnBehalfOf))
	case a.Command.Verb == Pickup:
		s.say(a.At, green, "You have the call")
	case a.Command.Verb == Join && a.Changed:
		s.say(a.At, green, "You are logged in to "+group)
	case a.Command.Verb == Join:
		s.say(a.At, plain, "You were logged in to "+group+" already")
	case a.Changed:
		s.say(a.At, green, "You are logged out of "+group)
	default:
		s.say(a.At, plain, "You were logged out of "+group+" already")
	}
}

// matches says whether one of the texts has what is looked for in it.
func (s *Screen) matches(texts ...string) bool {
	wanted := strings.ToLower(strings.TrimSpace(s.filter))
	if wanted == "" {
		return true
	}
	for _, t := range texts {
		if strings.Contains(strings.ToLower(clean(t)), wanted) {
			return true
		}
	}
	return false
}
