package body

import (
	"strconv"
	"time"
)

// DialogInfo is the calls of a person, as a lamp key shows them (RFC 4235).
//
// What phones read of it was looked up in their makers' pages and in what the servers they are used with write: Asterisk
// (res/res_pjsip_dialog_info_body_generator.c), Kamailio (pua_dialoginfo, "publish with local and remote, for Snom and
// Linksys") and FreeSWITCH (mod_sofia/sofia_presence.c). Yealink's administrator guides show the form below, in "Visual alert
// and audio alert for BLF pickup" with the caller from <remote>; Snom's XML definitions translate <state>, and dial the
// <target> of <remote> (their tutorial's ringing key); Polycom shows no caller without a <target> (community FAQ "Busy Lamp
// Field for SoundPoint IP"); Grandstream's eventlist guide knows early, confirmed and terminated. direction="recipient" is
// what tells a key that rings from one that calls. Those three servers send full documents only, and so should whoever
// does not know the phone.
type DialogInfo struct {
	// Entity is the URI that was subscribed to.
	Entity string
	// Version counts the documents of one subscription from 0.
	Version uint32
	// Full tells that Dialogs are all there are; otherwise they are those that have changed.
	Full    bool
	Dialogs []Dialog
}

// Dialog is one call.
type Dialog struct {
	// ID is the same in all documents of a subscription. It has no meaning.
	ID string
	// CallID, LocalTag and RemoteTag are of the call on the PBX, if known; all may be empty. A phone that has them picks up
	// with Replaces (Snom), without them it dials its pickup code. A Call-ID can have the caller's address in it: of one who
	// is withheld it must not be given.
	CallID, LocalTag, RemoteTag string
	// Direction is empty where it is not known.
	Direction Direction
	State     DialogState
	// Event and Code say why the state was reached, and with which status of SIP (100 to 699). Both may be empty.
	Event DialogEvent
	Code  int
	// Local is the person, Remote the other side. An empty one is left out.
	Local, Remote Identity
	// Duration is how long the call has been, in whole seconds; 0: not told.
	Duration time.Duration
}

// Direction tells who began a call.
type Direction string

// The directions.
const (
	Initiator Direction = "initiator" // the person calls
	Recipient Direction = "recipient" // the person is called
)

// DialogState is where a call stands (RFC 4235 3.7.1).
type DialogState string

// The states.
const (
	Trying     DialogState = "trying"
	Proceeding DialogState = "proceeding"
	Early      DialogState = "early" // it rings
	Confirmed  DialogState = "confirmed"
	Terminated DialogState = "terminated"
)

// DialogEvent is why a call came into its state.
type DialogEvent string

// The events.
const (
	Cancelled DialogEvent = "cancelled"
	Rejected  DialogEvent = "rejected"
	Replaced  DialogEvent = "replaced"
	LocalBye  DialogEvent = "local-bye"
	RemoteBye DialogEvent = "remote-bye"
	Failed    DialogEvent = "error"
	TimedOut  DialogEvent = "timeout"
)

// nothing is the dialog of who has none. An empty full document would say the same, but Yealink's lamps stay as they are
// then (OpenSIPS pull request 1193), its guide shows an idle line as a terminated dialog, and Asterisk sends nothing else.
var nothing = []Dialog{{ID: "none", State: Terminated}}

// ContentType is DialogInfoType.
func (*DialogInfo) ContentType() string { return DialogInfoType }

// Append appends the document to b. A full one without dialogs has one that is terminated.
func (d *DialogInfo) Append(b []byte) []byte {
	b = append(b, prolog...)
	b = append(b, `<dialog-info xmlns="urn:ietf:params:xml:ns:dialog-info" version="`...)
	b = strconv.AppendUint(b, uint64(d.Version), 10)
	if d.Full {
		b = append(b, `" state="full"`...)
	} else {
		b = append(b, `" state="partial"`...)
	}
	b = appendAttr(b, "entity", d.Entity)
	b = append(b, ">\n"...)
	dialogs := d.Dialogs
	if d.Full && len(dialogs) == 0 {
		dialogs = nothing
	}
	for i := range dialogs {
		b = dialogs[i].append(b)
	}
	return appendEnd(b, "dialog-info")
}

func (d *Dialog) append(b []byte) []byte {
	b = append(b, "<dialog"...)
	b = appendAttr(b, "id", d.ID)
	b = appendKnown(b, "call-id", d.CallID)
	b = appendKnown(b, "local-tag", d.LocalTag)
	b = appendKnown(b, "remote-tag", d.RemoteTag)
	b = appendKnown(b, "direction", string(d.Direction))
	b = append(b, ">\n<state"...)
	b = appendKnown(b, "event", string(d.Event))
	if d.Code != 0 {
		b = append(b, ` code="`...)
		b = strconv.AppendInt(b, int64(d.Code), 10)
		b = append(b, '"')
	}
	b = append(b, '>')
	b = appendText(b, string(d.State))
	b = appendEnd(b, "state")
	if seconds := int64(d.Duration / time.Second); seconds > 0 {
		b = append(b, "<duration>"...)
		b = strconv.AppendInt(b, seconds, 10)
		b = appendEnd(b, "duration")
	}
	b = d.Local.append(b, "local")
	b = d.Remote.append(b, "remote")
	return appendEnd(b, "dialog")
}

// append writes a side of the call. Phones want both who it is and where it is called, and Snom reads the latter only.
func (i *Identity) append(b []byte, side string) []byte {
	if i.URI == "" {
		return b
	}
	b = append(b, '<')
	b = append(b, side...)
	b = append(b, ">\n<identity"...)
	b = appendKnown(b, "display", i.Display)
	b = append(b, '>')
	b = appendText(b, i.URI)
	b = appendEnd(b, "identity")
	b = append(b, "<target"...)
	if i.Target != "" {
		b = appendAttr(b, "uri", i.Target)
	} else {
		b = appendAttr(b, "uri", i.URI)
	}
	b = append(b, "/>\n"...)
	return appendEnd(b, side)
}

// appendKnown appends an attribute, unless its value is empty.
func appendKnown(b []byte, name, value string) []byte {
	if value == "" {
		return b
	}
	return appendAttr(b, name, value)
}
