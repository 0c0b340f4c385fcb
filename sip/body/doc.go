// Package body writes and reads what desk phones are told and tell over SIP: dialog-info (RFC 4235), presence (RFC 3863,
// 4479, 4480), resource lists (RFC 4662), feature keys (as-feature-event) and the words of an alert. It is pure: bytes in,
// bytes out, no I/O, no clock.
//
// Writers append to a slice that the caller gives, and whatever is in the strings, the document is well-formed. Readers take
// documents of strangers: bounded in size, depth and number of elements, without a document type and thus without entities.
//
// No phone here reads all of XML. So every document has the default namespace on its root, one element or one short group on
// a line, no comment, no CDATA, and the five predefined entities only.
package body

// The media types of the bodies. A list and several features at once come with a boundary, so their writers return theirs.
const (
	DialogInfoType = "application/dialog-info+xml"
	PIDFType       = "application/pidf+xml"
	RLMIType       = "application/rlmi+xml"
	MultipartType  = "multipart/related"
	FeatureType    = "application/x-as-feature-event+xml"
	AlertType      = "text/plain;charset=UTF-8"
)

// A Part is a document that can stand alone or in a list.
type Part interface {
	// Append appends the document to b.
	Append(b []byte) []byte
	// ContentType is its media type.
	ContentType() string
}
