package body

import (
	"bytes"
	"strconv"
)

// List is the states of several people, as a phone that subscribed to their group is told them (RFC 4662): one document
// that names the resources, and one for each of them.
type List struct {
	// URI is the list's, the one that was subscribed to; Name what people call it.
	URI, Name string
	// Host is in the Content-IDs, which it makes the list's own. A port in it is of no use.
	Host string
	// Version counts the documents of one subscription from 0.
	Version uint32
	// Full tells that Resources are all there are; otherwise they are those that have changed. A resource vanishes from a
	// phone's list by a full one without it (RFC 4662 5.2).
	Full      bool
	Resources []Resource
}

// Resource is one person of a list.
type Resource struct {
	// URI is what a phone could subscribe to for this person alone; Name is shown beside the key.
	URI, Name string
	// State is that of the subscription to the person. Empty: nothing is known yet, and Body is not sent.
	State InstanceState
	// Body is the person's document; nil: none is sent, and the phone keeps what it had.
	Body Part
}

// InstanceState is the state of the subscription that stands behind a resource.
type InstanceState string

// The states.
const (
	InstanceActive  InstanceState = "active"
	InstancePending InstanceState = "pending"
)

// Append appends the multipart body to b, and returns its media type with the boundary: without quotes, which Linphone's belle-sip
// takes for a part of it.
func (l *List) Append(b []byte) (out []byte, contentType string) {
	boundary := boundary("supervision-"+strconv.FormatUint(uint64(l.Version), 10), func(boundary string) (text []byte, delimiters int) {
		out, delimiters = l.append(b, boundary)
		return out[len(b):], delimiters
	})
	return out, MultipartType + `;type="` + RLMIType + `";start="<` + l.contentID(0) + `>";boundary=` + boundary
}

// boundary writes something with a boundary, and again with another one while what is written has it in more places than
// as a delimiter. No line of a document begins with it, for lines begin with tags; but a phone may look for it within lines,
// and a caller's name can be anything.
func boundary(name string, write func(boundary string) (text []byte, delimiters int)) string {
	for candidate, try := name, 0; ; try++ {
		if text, delimiters := write(candidate); bytes.Count(text, []byte("--"+candidate)) == delimiters {
			return candidate
		}
		candidate = name + "-" + strconv.Itoa(try)
	}
}

func (l *List) append(b []byte, boundary string) (out []byte, delimiters int) {
	b = l.appendPart(b, boundary, 0, RLMIType)
	b = l.appendMeta(b)
	delimiters = 2
	for i := range l.Resources {
		if r := &l.Resources[i]; r.sent() {
			b = append(b, "\r\n"...)
			b = l.appendPart(b, boundary, i+1, r.Body.ContentType())
			b = r.Body.Append(b)
			delimiters++
		}
	}
	b = append(b, "\r\n--"...)
	b = append(b, boundary...)
	return append(b, "--\r\n"...), delimiters
}

// Cut shortens what Append makes to a limit, in bytes, and tells how many of the resources keep their documents. Those of the others
// are for lists that follow. A full list names all resources whatever that takes, the others as pending; one that is not full has at
// least one.
func (l *List) Cut(limit int) (kept int) {
	const boundary = "supervision-4294967295-99" // the longest
	named := *l
	if !l.Full {
		named.Resources = nil
	}
	b := named.appendMeta(l.appendPart(nil, boundary, 0, RLMIType))
	size := len(b) + len("\r\n--"+boundary+"--\r\n")
	for i := range l.Resources {
		b = b[:0]
		if !l.Full {
			b = l.appendResource(b, i)
		}
		if r := &l.Resources[i]; r.sent() {
			b = r.Body.Append(l.appendPart(append(b, "\r\n"...), boundary, i+1, r.Body.ContentType()))
		}
		if size += len(b); size > limit && (l.Full || i > 0) {
			break
		}
		kept++
	}
	if !l.Full {
		l.Resources = l.Resources[:kept]
		return kept
	}
	for i := range l.Resources[kept:] {
		r := &l.Resources[kept+i]
		r.State, r.Body = InstancePending, nil
	}
	return kept
}

func (r *Resource) sent() bool { return r.State != "" && r.Body != nil }

// appendPart appends the head of a part, as the examples of RFC 4662 have it, but without a charset: the documents say
// theirs, and Asterisk and BroadWorks send none, so a phone may compare the whole.
func (l *List) appendPart(b []byte, boundary string, part int, contentType string) []byte {
	b = append(b, "--"...)
	b = append(b, boundary...)
	b = append(b, "\r\nContent-Transfer-Encoding: binary\r\nContent-ID: <"...)
	b = l.appendContentID(b, part)
	b = append(b, ">\r\nContent-Type: "...)
	b = append(b, contentType...)
	return append(b, "\r\n\r\n"...)
}

// appendMeta appends the document that names the resources.
func (l *List) appendMeta(b []byte) []byte {
	b = append(b, prolog...)
	b = append(b, `<list xmlns="urn:ietf:params:xml:ns:rlmi"`...)
	b = appendAttr(b, "uri", l.URI)
	b = append(b, ` version="`...)
	b = strconv.AppendUint(b, uint64(l.Version), 10)
	b = append(b, `" fullState="`...)
	b = strconv.AppendBool(b, l.Full)
	b = append(b, "\">\n"...)
	if l.Name != "" {
		b = appendElement(b, "name", l.Name)
	}
	for i := range l.Resources {
		b = l.appendResource(b, i)
	}
	return appendEnd(b, "list")
}

func (l *List) appendResource(b []byte, i int) []byte {
	r := &l.Resources[i]
	b = append(b, "<resource"...)
	b = appendAttr(b, "uri", r.URI)
	b = append(b, ">\n"...)
	if r.Name != "" {
		b = appendElement(b, "name", r.Name)
	}
	if r.State != "" {
		// A person is one instance, so any id is the same as before.
		b = append(b, `<instance id="1"`...)
		b = appendAttr(b, "state", string(r.State))
		if r.sent() {
			b = append(b, ` cid="`...)
			b = l.appendContentID(b, i+1)
			b = append(b, '"')
		}
		b = append(b, "/>\n"...)
	}
	return appendEnd(b, "resource")
}

func (l *List) contentID(part int) string { return string(l.appendContentID(nil, part)) }

// appendContentID appends the id of a part: its number, the version and the host. The list itself is part 0.
func (l *List) appendContentID(b []byte, part int) []byte {
	b = append(b, 'p')
	b = strconv.AppendInt(b, int64(part), 10)
	b = append(b, '.')
	b = strconv.AppendUint(b, uint64(l.Version), 10)
	return appendDomain(append(b, '@'), l.Host)
}

// appendDomain appends what may be the right side of a Content-ID.
func appendDomain(b []byte, host string) []byte {
	for i := range len(host) {
		switch c := host[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '.', c == '-':
			b = append(b, c)
		default:
			b = append(b, '-')
		}
	}
	return b
}
