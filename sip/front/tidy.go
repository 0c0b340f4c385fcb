package front

import "strings"

// parted are the headers whose white space means nothing beside these characters, outside of quotes and brackets (RFC 3261, 25.1: SEMI,
// EQUAL, COMMA, and in Via SLASH and COLON). Phones seldom have any there, and the library cannot bear it.
var parted = map[string]string{
	"from": ";=,", "to": ";=,", "contact": ";=,", "route": ";=,", "record-route": ";=,", "path": ";=,", "reply-to": ";=,",
	"refer-to": ";=,", "referred-by": ";=,", "via": ";=,/:",
}

// tidy writes a header's value as everybody does.
func (f *field) tidy() {
	if f.name == "cseq" {
		f.value = strings.Join(strings.Fields(f.value), " ")
		return
	}
	if separators, has := parted[f.name]; has && strings.ContainsAny(f.value, " \t") {
		f.value = squeeze(f.value, separators)
	}
}

// squeeze leaves out white space beside separators, and makes any other one space. What stands in quotes or brackets stays.
func squeeze(value, separators string) string {
	var b strings.Builder
	quoted, escaped, bracket := false, false, false
	space, begun := false, true // begun: what comes first, or is behind a separator
	for _, c := range []byte(value) {
		verbatim := quoted || bracket
		switch {
		case escaped:
			escaped = false
		case quoted && c == '\\':
			escaped = true
		case c == '"' && !bracket:
			quoted = !quoted
		case !quoted && (c == '<' || c == '>'):
			bracket = c == '<'
		}
		if verbatim {
			b.WriteByte(c)
			space, begun = false, false
			continue
		}
		if c == ' ' || c == '\t' {
			space = true
			continue
		}
		parts := strings.IndexByte(separators, c) >= 0
		if space && !begun && !parts {
			b.WriteByte(' ')
		}
		b.WriteByte(c)
		space, begun = false, parts
	}
	return b.String()
}

// bytes is the message as the library reads it: each header on one line, tidy, and no body beyond its length (RFC 3261, 18.3). It is
// never longer than what came.
func (m *message) bytes() []byte {
	body := m.body
	if length, ok := m.length(); ok && length >= 0 && length < len(body) {
		body = body[:length]
	}
	size := len(m.start) + len(body) + 4
	for i := range m.fields {
		size += len(m.fields[i].written) + len(m.fields[i].value) + 3
	}
	b := make([]byte, 0, size)
	b = append(append(b, m.start...), "\r\n"...)
	for i := range m.fields {
		b = append(append(b, m.fields[i].written...), ':')
		b = append(append(b, m.fields[i].value...), "\r\n"...)
	}
	return append(append(b, "\r\n"...), body...)
}
