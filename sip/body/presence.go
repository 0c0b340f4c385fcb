package body

import "time"

// State is how a person is; the words are those of rule S3.
type State string

// The states.
const (
	Online  State = "online"
	Busy    State = "busy"
	Away    State = "away"
	DND     State = "dnd"
	Offline State = "offline"
)

const (
	nsPIDF      = "urn:ietf:params:xml:ns:pidf"
	nsDataModel = "urn:ietf:params:xml:ns:pidf:data-model"
	nsRPID      = "urn:ietf:params:xml:ns:pidf:rpid"
)

// Presence is the presence of a person (RFC 3863 with RFC 4479 and 4480).
//
// Whether they can be called is in the tuple, what they do in the person, where Asterisk's "eyebeam" supplement, FreeSWITCH
// and the softphones put it too. RPID has no activity for do-not-disturb. Linphone says busy with the words "Do not disturb",
// Jitsi busy with "Busy (DND)", Cisco an element of its own; all others show busy. So it is busy here, with the words as a
// note, and open: closed would be shown as offline by everyone but Linphone. PJSIP (MicroSIP) knows busy and away only, and
// shows the note of all else. Jitsi takes no state from a tuple without a contact (jitsi/jitsi issue 394), though RFC 3863
// 4.1.5 has it optional; that is the entity again.
type Presence struct {
	// Entity is the URI that was subscribed to.
	Entity string
	State  State
	// OnThePhone tells that a person who is busy is so by a call.
	OnThePhone bool
	// Lang is the language of the note; English unless de, fr or es.
	Lang string
	// Since is when the state began; zero: not told.
	Since time.Time
}

// ContentType is PIDFType.
func (*Presence) ContentType() string { return PIDFType }

// Append appends the document to b.
func (p *Presence) Append(b []byte) []byte {
	basic, activity, note := "open", "", ""
	w := in(p.Lang)
	switch p.State {
	case Online:
		note = w.online
	case Busy:
		activity, note = "busy", w.busy
		if p.OnThePhone {
			activity, note = "on-the-phone", w.onThePhone
		}
	case Away:
		activity, note = "away", w.away
	case DND:
		activity, note = "busy", w.dnd
	default:
		basic, note = "closed", w.offline
	}
	b = append(b, prolog...)
	b = append(b, `<presence xmlns="`+nsPIDF+`" xmlns:dm="`+nsDataModel+`" xmlns:rpid="`+nsRPID+`"`...)
	b = appendAttr(b, "entity", p.Entity)
	b = append(b, ">\n<tuple id=\"phone\">\n<status><basic>"...)
	b = append(b, basic...)
	b = append(b, "</basic></status>\n"...)
	b = appendElement(b, "contact", p.Entity)
	b = appendNote(b, "note", w.lang, note)
	b = p.appendSince(b, "timestamp")
	b = append(b, "</tuple>\n<dm:person id=\"person\">\n"...)
	if activity != "" {
		b = append(b, "<rpid:activities><rpid:"...)
		b = append(b, activity...)
		b = append(b, "/></rpid:activities>\n"...)
	}
	b = appendNote(b, "dm:note", w.lang, note)
	b = p.appendSince(b, "dm:timestamp")
	return append(b, "</dm:person>\n</presence>\n"...)
}

func appendNote(b []byte, name, lang, note string) []byte {
	b = append(b, '<')
	b = append(b, name...)
	b = appendAttr(b, "xml:lang", lang)
	b = append(b, '>')
	b = appendText(b, note)
	return appendEnd(b, name)
}

func (p *Presence) appendSince(b []byte, name string) []byte {
	if p.Since.IsZero() {
		return b
	}
	b = append(b, '<')
	b = append(b, name...)
	b = append(b, '>')
	b = p.Since.UTC().AppendFormat(b, time.RFC3339)
	return appendEnd(b, name)
}
