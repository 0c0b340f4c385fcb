package body

import (
	"errors"
	"slices"
	"strings"
)

// Report is what a phone publishes of its user's presence (RFC 3903).
type Report struct {
	// Entity is whose presence it is, in the phone's words.
	Entity string
	State  State
	// OnThePhone tells that a person who is busy is so by a call.
	OnThePhone bool
	// Note is what the user wrote or the phone wrote for them. It may be empty.
	Note string
}

// The namespaces of activities beside nsRPID: that of RPID's drafts, which Cisco's phones still use, and Cisco's own.
const (
	nsRPIDDraft = "urn:ietf:params:xml:ns:pidf:status:rpid"
	nsCisco     = "urn:cisco:params:xml:ns:pidf:rpid"
	nsBlink     = "urn:ag-projects:xml:ns:pidf"
)

// The activities of RFC 4480 3.2 that make a person busy, and those that keep them from their desk. The rest says nothing
// of whether to call: looking-for-work, other, unknown and working.
var (
	busyActivities = []string{
		"busy", "on-the-phone", "appointment", "meeting", "performance", "presentation", "worship",
		"alerting", // Cisco: the phone rings
	}
	awayActivities = []string{
		"away", "breakfast", "dinner", "holiday", "in-transit", "lunch", "meal", "permanent-absence", "playing", "shopping",
		"sleeping", "spectator", "steering", "travel", "tv", "vacation",
	}
)

// Notes that say a state, for phones that have no activities: Zoiper, Snom's presence key, Auerswald. In lower case.
var noted = map[string]State{
	"busy": Busy, "on the phone": Busy, "in a meeting": Busy, "meeting": Busy,
	"besetzt": Busy, "beschäftigt": Busy, "am telefon": Busy, "occupé": Busy, "au téléphone": Busy,
	"ocupado": Busy, "al teléfono": Busy,
	"away": Away, "extended-away": Away, "be right back": Away, "idle": Away, "lunch": Away, "out to lunch": Away,
	"out of office": Away, "vacation": Away, "abwesend": Away, "absent": Away, "ausente": Away,
	"offline": Offline, "invisible": Offline,
}

// undisturbed are the words by which do-not-disturb is recognised wherever they are in a note, in lower case.
var undisturbed = []string{
	"do not disturb", "do-not-disturb", "don't disturb", "nicht stören", "ne pas déranger", "no molestar", "(dnd)",
}

// ParsePIDF reads a document of presence that a phone publishes. What it sends for a state differs, so in this order:
//
//   - do-not-disturb is an activity dnd or do-not-disturb in whatever namespace (Cisco, RCS), or said in words (Jitsi
//     "Busy (DND)", Linphone and Bria "Do not disturb");
//   - closed with away or busy is do-not-disturb too: that is how Linphone 5 and later say it, and read it;
//   - any other closed is offline;
//   - then the activities count, on the phone before busy before away, wherever they are (Sipnetic has them in the status,
//     Cisco in both). Linphone's away and its busy are both away on the wire;
//   - then a note that is one of the usual words (Zoiper, Snom), or Blink's own extended status;
//   - otherwise the person is online.
//
// The error says what is wrong with the document, for the log and for the answer to the phone.
func ParsePIDF(document []byte) (Report, error) {
	root, err := readXML(document)
	if err != nil {
		return Report{}, err
	}
	if root.name.Local != "presence" || root.name.Space != nsPIDF {
		return Report{}, errors.New("its root is not presence of " + nsPIDF)
	}
	var said statements
	said.collect(root)
	r := Report{Entity: root.entity}
	r.State, r.OnThePhone = said.state()
	for _, n := range said.notes {
		if n != "" {
			r.Note = cut(n)
			break
		}
	}
	return r, nil
}

// statements are all that a document says, from wherever in it.
type statements struct {
	open, closed bool
	activities   []string
	notes        []string
	extended     string
}

func (s *statements) collect(e *element) {
	for _, k := range e.kids {
		switch {
		case k.name.Local == "basic" && k.name.Space == nsPIDF:
			s.open = s.open || k.text == "open"
			s.closed = s.closed || k.text == "closed"
		case k.name.Local == "activities" && isRPID(k.name.Space):
			for _, a := range k.kids {
				s.activity(a)
			}
		case k.name.Local == "note" && ours(k.name.Space):
			s.notes = append(s.notes, k.text)
		case k.name.Local == "extended" && k.name.Space == nsBlink:
			s.extended = k.text
		default:
			s.collect(k)
		}
	}
}

// activity takes an activity, or what is written beside them. Of foreign namespaces it knows do-not-disturb only.
func (s *statements) activity(a *element) {
	switch local := a.name.Local; {
	case local == "dnd" || local == "do-not-disturb":
		s.activities = append(s.activities, "dnd")
	case !isRPID(a.name.Space):
	case local == "note" || local == "other":
		s.notes = append(s.notes, a.text)
	default:
		s.activities = append(s.activities, local)
		s.notes = append(s.notes, a.text) // Linphone has a description in the activity
	}
}

func isRPID(space string) bool {
	return space == nsRPID || space == nsRPIDDraft || space == nsCisco
}

func ours(space string) bool {
	return space == nsPIDF || space == nsDataModel || isRPID(space)
}

// state decides as ParsePIDF says.
func (s *statements) state() (state State, onThePhone bool) {
	has := func(activities ...string) bool {
		return slices.ContainsFunc(s.activities, func(a string) bool { return slices.Contains(activities, a) })
	}
	closed := s.closed && !s.open
	switch {
	case has("dnd") || slices.ContainsFunc(s.notes, saysUndisturbed):
		return DND, false
	case closed && has("away", "busy"):
		return DND, false
	case closed:
		return Offline, false
	case has("on-the-phone"):
		return Busy, true
	case has(busyActivities...):
		return Busy, false
	case has(awayActivities...):
		return Away, false
	}
	for _, n := range append([]string{s.extended}, s.notes...) {
		if state, known := noted[strings.ToLower(n)]; known {
			return state, false
		}
	}
	return Online, false
}

func saysUndisturbed(note string) bool {
	note = strings.ToLower(note)
	return note == "dnd" || note == "dnd_all" ||
		slices.ContainsFunc(undisturbed, func(words string) bool { return strings.Contains(note, words) })
}
