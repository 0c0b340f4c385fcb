package body

import "strconv"

// FeatureKind is what a feature key of a phone switches.
type FeatureKind string

// The kinds. Those of forwards are the words of rule F1.
const (
	DoNotDisturb    FeatureKind = "dnd"
	ForwardAlways   FeatureKind = "always"
	ForwardBusy     FeatureKind = "busy"
	ForwardNoAnswer FeatureKind = "no_answer"
)

// Feature is the state of a feature key: as a phone asks for it in the body of a SUBSCRIBE, and as it is told in a NOTIFY
// (Event: as-feature-event).
//
// BroadWorks calls this device feature key synchronisation (Device Management Guide; Feature Description 11-BD5196-00), and
// made it of ECMA-323 (CSTA). FreeSWITCH writes it (mod_sofia.c, write_csta_xml_chunk), Kamailio too (presence_dfks), and
// phones of Yealink, Polycom, Cisco (SPA, MPP), Snom, Panasonic and Gigaset speak it.
type Feature struct {
	// Device is what the phone calls itself. Phones do not look at it, but want one: an extension will do.
	Device string
	Kind   FeatureKind
	On     bool
	// Target is where a forward leads. A phone may leave it out when it switches one on: then the last target is meant.
	Target string
	// Rings is after how many rings ForwardNoAnswer forwards; 0: not told. How long a ring is, is the PBX's business.
	Rings int
}

// nsCSTA is the namespace of the documents. Without it Polycom's phones restart, and with another they stop reading
// (asterisk/asterisk pull request 128).
const nsCSTA = "http://www.ecma-international.org/standards/ecma-323/csta/ed3"

// forwardingTypes are the words of ECMA-323 for the kinds of forwards.
var forwardingTypes = []struct {
	kind FeatureKind
	word string
}{
	{ForwardAlways, "forwardImmediate"},
	{ForwardBusy, "forwardBusy"},
	{ForwardNoAnswer, "forwardNoAns"},
}

// ContentType is FeatureType.
func (*Feature) ContentType() string { return FeatureType }

// Append appends the document that tells the feature to a phone.
func (f *Feature) Append(b []byte) []byte {
	b = append(b, prolog...)
	if f.Kind == DoNotDisturb {
		b = append(b, `<DoNotDisturbEvent xmlns="`+nsCSTA+"\">\n"...)
		b = appendElement(b, "device", f.Device)
		b = appendElement(b, "doNotDisturbOn", strconv.FormatBool(f.On))
		return appendEnd(b, "DoNotDisturbEvent")
	}
	b = append(b, `<ForwardingEvent xmlns="`+nsCSTA+"\">\n"...)
	b = appendElement(b, "device", f.Device)
	for _, t := range forwardingTypes {
		if t.kind == f.Kind {
			b = appendElement(b, "forwardingType", t.word)
		}
	}
	b = appendElement(b, "forwardStatus", strconv.FormatBool(f.On))
	if f.On {
		b = appendElement(b, "forwardTo", f.Target)
		if f.Kind == ForwardNoAnswer && f.Rings > 0 {
			b = appendElement(b, "ringCount", strconv.Itoa(f.Rings))
		}
	}
	return appendEnd(b, "ForwardingEvent")
}

// AppendFeatures appends several features as one body, and returns its media type: what a phone is told when it subscribes.
// A single one stands alone. The form is that of FreeSWITCH's mod_sofia, which has Content-Length in the parts.
func AppendFeatures(b []byte, features []Feature, host string) (out []byte, contentType string) {
	if len(features) == 1 {
		return features[0].Append(b), FeatureType
	}
	boundary := boundary("supervision", func(boundary string) (text []byte, delimiters int) {
		out = b
		var part []byte
		for i := range features {
			part = features[i].Append(part[:0])
			out = append(out, "--"+boundary+"\r\nContent-Type: "+FeatureType+"\r\nContent-Length: "...)
			out = strconv.AppendInt(out, int64(len(part)), 10)
			out = append(out, "\r\nContent-ID: <"+string(features[i].Kind)+"@"...)
			out = append(appendDomain(out, host), ">\r\n\r\n"...)
			out = append(append(out, part...), "\r\n"...)
		}
		out = append(out, "--"+boundary+"--\r\n"...)
		return out[len(b):], len(features) + 1
	})
	return out, `multipart/mixed;boundary=` + boundary
}
