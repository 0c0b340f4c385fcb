package front

import (
	"bytes"
	"strconv"
	"strings"
)

// message is what is on the wire, taken apart just as far as it takes to say whether it is one and to answer it. It points into the
// datagram or stream that it was read from.
type message struct {
	start                string // the first line
	method, uri, version string // of a request; all are empty if it is a response
	fields               []field
	body                 []byte
	// flaw is why it is no good: a request with a flaw is answered 400.
	flaw string
}

// field is a header: its name in lower case and in full, and as it was written; its value on one line, and tidy.
type field struct{ name, written, value string }

// full are the short forms of header names.
var full = map[string]string{
	"a": "accept-contact", "b": "referred-by", "c": "content-type", "d": "request-disposition", "e": "content-encoding", "f": "from",
	"i": "call-id", "j": "reject-contact", "k": "supported", "l": "content-length", "m": "contact", "n": "identity-info", "o": "event",
	"r": "refer-to", "s": "subject", "t": "to", "u": "allow-events", "v": "via", "x": "session-expires", "y": "identity",
}

const maxFields = 200

// scan reads the start line and the headers. It gives nil for what is no SIP at all.
func scan(data []byte) *message {
	line, rest, ok := bytes.Cut(data, []byte("\r\n"))
	if !ok || !bytes.Contains(line, []byte("SIP/")) || bytes.IndexByte(line, 0) >= 0 {
		return nil
	}
	m := &message{start: string(line)}
	if !bytes.HasPrefix(line, []byte("SIP/")) && !m.requestLine(m.start) {
		return nil
	}
	head, body, ok := bytes.Cut(rest, []byte("\r\n\r\n"))
	if !ok {
		head, ok = bytes.CutSuffix(rest, []byte("\r\n"))
		if !ok {
			return nil
		}
		m.flaw = "Headers Without an End"
	}
	m.body = body
	m.headers(string(head))
	return m
}

// requestLine reads method, URI and version, which are parted by one space each.
func (m *message) requestLine(line string) bool {
	method, rest, ok := strings.Cut(line, " ")
	last := strings.LastIndex(strings.TrimRight(rest, " "), " ")
	if !ok || last < 0 || !isToken(method) {
		return false
	}
	m.method, m.uri, m.version = method, rest[:last], rest[last+1:]
	if trimmed := strings.TrimRight(m.version, " "); trimmed != m.version || strings.ContainsAny(m.uri, " \t<>\"") || m.uri == "" {
		m.version, m.flaw = trimmed, "Request Line"
	}
	return true
}

// headers takes lines apart; one that begins with white space goes on where the one before ended (RFC 3261, 7.3.1).
func (m *message) headers(head string) {
	for line := range strings.SplitSeq(head, "\r\n") {
		if line != "" && (line[0] == ' ' || line[0] == '\t') && len(m.fields) > 0 {
			last := &m.fields[len(m.fields)-1]
			last.value = strings.TrimSpace(last.value + " " + strings.Trim(line, " \t"))
			continue
		}
		written, value, ok := strings.Cut(line, ":")
		written = strings.TrimRight(written, " \t")
		name := strings.ToLower(written)
		if !ok || !isToken(name) || len(m.fields) == maxFields || strings.ContainsAny(value, "\r\n") {
			m.flaw = "Header Line"
			continue
		}
		if long, short := full[name]; short {
			name = long
		}
		m.fields = append(m.fields, field{name, written, strings.Trim(value, " \t")})
	}
	for i := range m.fields {
		m.fields[i].tidy()
	}
}

func (m *message) request() bool { return m.method != "" }

// get is the first of a name.
func (m *message) get(name string) (string, bool) {
	for _, f := range m.fields {
		if f.name == name {
			return f.value, true
		}
	}
	return "", false
}

func (m *message) all(name string) []string {
	var all []string
	for _, f := range m.fields {
		if f.name == name {
			all = append(all, f.value)
		}
	}
	return all
}

// length is the body's, as the header says; -1: it does not say.
func (m *message) length() (int, bool) {
	length := -1
	for _, f := range m.fields {
		if f.name != "content-length" {
			continue
		}
		n, err := strconv.ParseUint(f.value, 10, 31)
		if err != nil || length >= 0 && length != int(n) {
			return 0, false
		}
		length = int(n)
	}
	return length, true
}

// via is the newest hop: who has sent this to us.
type via struct{ value, transport, host, port, branch string }

// topVia reads what is needed of the first Via (RFC 3261, 20.42).
func (m *message) topVia() (via, bool) {
	v := via{}
	line, _ := m.get("via")
	v.value = first(line)
	head, params, _ := strings.Cut(v.value, ";")
	parts := strings.Split(head, "/")
	if len(parts) != 3 || !strings.EqualFold(strings.TrimSpace(parts[0]), "SIP") || strings.TrimSpace(parts[1]) != "2.0" {
		return v, false
	}
	words := strings.Fields(parts[2])
	if len(words) < 2 || !isToken(words[0]) || strings.Contains(strings.ReplaceAll(v.value, " ", ""), ";;") || strings.HasSuffix(v.value, ";") {
		return v, false
	}
	v.transport = strings.ToUpper(words[0])
	v.host, v.port = hostPort(strings.Join(words[1:], ""))
	v.branch, _ = param(params, "branch")
	return v, v.host != ""
}

func (v via) rport() bool {
	_, params, _ := strings.Cut(v.value, ";")
	_, has := param(params, "rport")
	return has
}

func hostPort(sentBy string) (host, port string) {
	if i := strings.LastIndexByte(sentBy, ':'); i >= 0 && !strings.HasSuffix(sentBy, "]") {
		host, port = strings.TrimSpace(sentBy[:i]), strings.TrimSpace(sentBy[i+1:])
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
			return "", ""
		}
	} else {
		host = sentBy
	}
	for _, c := range []byte(host) {
		if !isAlphanumeric(c) && !strings.ContainsRune("-._:[]", rune(c)) {
			return "", ""
		}
	}
	return host, port
}

// param finds one of parameters that are parted by semicolons.
func param(params, name string) (string, bool) {
	for p := range strings.SplitSeq(params, ";") {
		if key, value, _ := strings.Cut(p, "="); strings.EqualFold(strings.TrimSpace(key), name) {
			return strings.TrimSpace(value), true
		}
	}
	return "", false
}

// first is the first of values that are parted by commas; one in quotes or in brackets parts nothing.
func first(list string) string {
	quoted, escaped, bracket := false, false, false
	for i, c := range []byte(list) {
		switch {
		case escaped:
			escaped = false
		case quoted && c == '\\':
			escaped = true
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '<' || c == '>':
			bracket = c == '<'
		case c == ',' && !bracket:
			return strings.TrimSpace(list[:i])
		}
	}
	return list
}

func isAlphanumeric(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
}

func isToken(s string) bool {
	for _, c := range []byte(s) {
		if !isAlphanumeric(c) && strings.IndexByte("-.!%*_+`'~", c) < 0 {
			return false
		}
	}
	return s != ""
}
