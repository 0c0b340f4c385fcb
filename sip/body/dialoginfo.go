package body

import "strconv"

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
	// ID is the same in all documents of a subscription. It has no meaning. The call-id on the PBX is not told: a phone that has it
	// picks up with Replaces (Snom), without it it dials its pickup code, and it can have the address of a withheld caller in it.
	ID string
	// Direction is empty where it is not known.
	Direction Direction
	State     DialogState
	// Local is the person, Remote the other side. An empty one is left out.
	Local, Remote Identity
}

// Direction tells who began a call.
type Direction string

// Recipient is that of a call to the person. No other direction is told.
const Recipient Direction = "recipient"

// DialogState is where a call stands (RFC 4235 3.7.1).
type DialogState string

// The states.
const (
	Early      DialogState = "early" // it rings
	Confirmed  DialogState = "confirmed"
	Terminated DialogState = "terminated"
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
	b = appendKnown(b, "direction", string(d.Direction))
	b = append(b, ">\n<state>"...)
	b = appendText(b, string(d.State))
	b = appendEnd(b, "state")
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
