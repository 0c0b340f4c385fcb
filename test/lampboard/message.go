package lampboard

import (
	"bytes"
	"strings"
)

// message is a SIP message as far as a lamp board reads it.
type message struct {
	start   string
	headers []header
	body    []byte
}

type header struct{ name, value string }

// short are the compact names of headers (RFC 3261, 7.3.3).
var short = map[string]string{"v": "via", "f": "from", "t": "to", "i": "call-id", "l": "content-length", "o": "event", "c": "content-type", "m": "contact"}

func parse(b []byte) (message, bool) {
	head, body, ok := bytes.Cut(b, []byte("\r\n\r\n"))
	if !ok {
		return message{}, false
	}
	lines := strings.Split(string(head), "\r\n")
	m := message{start: lines[0], body: bytes.Clone(body)}
	for _, line := range lines[1:] {
		if name, value, ok := strings.Cut(line, ":"); ok {
			name = strings.ToLower(strings.TrimSpace(name))
			if long, ok := short[name]; ok {
				name = long
			}
			m.headers = append(m.headers, header{name, strings.TrimSpace(value)})
		}
	}
	return m, true
}

func (m *message) get(name string) string {
	for _, h := range m.headers {
		if h.name == name {
			return h.value
		}
	}
	return ""
}

// all are the values of a header, each by itself.
func (m *message) all(name string) []string {
	var list []string
	for _, h := range m.headers {
		if h.name == name {
			list = append(list, h.value)
		}
	}
	return list
}

// status is a response's, or 0.
func (m *message) status() string {
	if rest, ok := strings.CutPrefix(m.start, "SIP/2.0 "); ok {
		code, _, _ := strings.Cut(rest, " ")
		return code
	}
	return ""
}

func (m *message) method() string {
	method, _, _ := strings.Cut(m.start, " ")
	return method
}

// ok is the 200 to a request.
func (m *message) ok() []byte {
	var b strings.Builder
	b.WriteString("SIP/2.0 200 OK\r\n")
	for _, name := range []string{"via", "from", "to", "call-id", "cseq"} {
		for _, value := range m.all(name) {
			b.WriteString(name + ": " + value + "\r\n")
		}
	}
	b.WriteString("content-length: 0\r\n\r\n")
	return []byte(b.String())
}

// uriOf is the address in a Contact.
func uriOf(value string) string {
	_, rest, ok := strings.Cut(value, "<")
	if !ok {
		plain, _, _ := strings.Cut(value, ";")
		return plain
	}
	uri, _, _ := strings.Cut(rest, ">")
	return uri
}
