package front

import (
	"net/http"
	"net/textproto"
	"slices"
	"strconv"
	"strings"
)

// once are the headers of which there is one only, and must those that every request has. Max-Forwards is left out: RFC 2543 knew
// none.
var (
	once = []string{"from", "to", "call-id", "cseq", "max-forwards", "content-length", "event", "expires", "content-type"}
	must = []string{"via", "from", "to", "call-id", "cseq"}
)

// understood are the extensions that a request may require of us. Those of calls are the PBX's affair, where INVITE is sent on to.
var understood = []string{"eventlist", "path", "100rel", "timer"}

// inDialogs are methods of dialogs that are never made here, recognized those that there are besides them and what is served here
// (RFC 3261, 8.2.1 and 21.5.2: only what is not even recognized is not implemented).
var (
	inDialogs  = []string{"BYE", "INFO", "NOTIFY", "PRACK", "REFER", "UPDATE"}
	recognized = []string{"INVITE", "MESSAGE", "OPTIONS", "PUBLISH", "REGISTER", "SUBSCRIBE"}
)

// refusal is an answer that needs nobody's identity.
type refusal struct {
	code    int
	reason  string
	headers []string
}

func bad(what string) *refusal { return &refusal{code: http.StatusBadRequest, reason: "Bad " + what} }

// check says what is wrong with a request, as RFC 3261, 8.2 and RFC 4475 would have it; nil: nothing.
func (m *message) check(allowed []string) *refusal {
	if m.flaw != "" {
		return bad(m.flaw)
	}
	for _, name := range must {
		if _, has := m.get(name); !has {
			return bad("Request: " + textproto.CanonicalMIMEHeaderKey(name) + " Missing")
		}
	}
	for _, name := range once {
		if len(m.all(name)) > 1 {
			return bad("Request: " + textproto.CanonicalMIMEHeaderKey(name) + " Given Twice")
		}
	}
	if r := m.served(allowed); r != nil {
		return r
	}
	if r := m.numbers(); r != nil {
		return r
	}
	if r := m.addresses(); r != nil {
		return r
	}
	return m.wanted()
}

// served looks at the method, before anything else (RFC 3261, 8.2).
func (m *message) served(allowed []string) *refusal {
	if slices.Contains(allowed, m.method) {
		return nil
	}
	if to, _ := m.get("to"); slices.Contains(inDialogs, m.method) && tagged(to) {
		return &refusal{code: 481, reason: "Call/Transaction Does Not Exist"} // the dialog is none of ours
	}
	r := &refusal{code: http.StatusNotImplemented, reason: "Not Implemented", headers: []string{"Allow: " + strings.Join(allowed, ", ")}}
	if slices.Contains(inDialogs, m.method) || slices.Contains(recognized, m.method) {
		r.code, r.reason = http.StatusMethodNotAllowed, "Method Not Allowed"
	}
	return r
}

// numbers looks at version, CSeq and whatever is a number.
func (m *message) numbers() *refusal {
	if !strings.EqualFold(m.version, "SIP/2.0") {
		return &refusal{code: http.StatusHTTPVersionNotSupported, reason: "Version Not Supported"}
	}
	cseq, _ := m.get("cseq")
	number, method, _ := strings.Cut(cseq, " ")
	if n, err := strconv.ParseUint(number, 10, 32); err != nil || n > 1<<31-1 || strings.Trim(method, " \t") != m.method {
		return bad("CSeq")
	}
	if hops, has := m.get("max-forwards"); has {
		if n, err := strconv.ParseUint(hops, 10, 32); err != nil || n > 255 {
			return bad("Max-Forwards")
		}
	}
	if length, ok := m.length(); !ok || length > len(m.body) {
		return bad("Content-Length")
	}
	return nil
}

// addresses looks at who sent it, from whom it is and to whom.
func (m *message) addresses() *refusal {
	top, ok := m.topVia()
	if !ok {
		return bad("Via")
	}
	if from, _ := m.get("from"); top.branch == "" && !tagged(from) { // as before RFC 3261: nothing tells it from another
		return bad("From: Tag Missing")
	}
	for _, name := range []string{"from", "to"} {
		if value, _ := m.get(name); !address(value) {
			return bad(textproto.CanonicalMIMEHeaderKey(name))
		}
	}
	for _, contact := range m.all("contact") {
		if contact != "*" && !address(first(contact)) {
			return bad("Contact")
		}
	}
	return nil
}

// address says whether a value is a URI or a name with one in brackets (RFC 3261, 20.10). Without brackets a question mark or comma
// would belong to nobody knows what.
func address(value string) bool {
	uri := value
	if strings.HasPrefix(value, `"`) {
		end := quoteEnd(value)
		if end < 0 {
			return false
		}
		uri = strings.TrimSpace(value[end:])
		if !strings.HasPrefix(uri, "<") {
			return false
		}
	} else if i := strings.IndexByte(value, '<'); i >= 0 {
		uri = value[i:]
		for word := range strings.FieldsSeq(value[:i]) {
			if !isToken(word) {
				return false
			}
		}
	}
	if inside, bracketed := strings.CutPrefix(uri, "<"); bracketed {
		inside, _, ok := strings.Cut(inside, ">")
		return ok && hasScheme(inside) && !strings.ContainsAny(inside, " \t\"<")
	}
	plain, _, _ := strings.Cut(uri, ";")
	return hasScheme(plain) && !strings.ContainsAny(strings.TrimRight(plain, " \t"), " \t\"?,<>")
}

func quoteEnd(value string) int {
	for i := 1; i < len(value); i++ {
		switch value[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return -1
}

func hasScheme(uri string) bool {
	scheme, rest, ok := strings.Cut(uri, ":")
	return ok && isToken(scheme) && rest != ""
}

// wanted looks at what the request asks for.
func (m *message) wanted() *refusal {
	scheme, rest, _ := strings.Cut(m.uri, ":")
	switch {
	case !strings.EqualFold(scheme, "sip") && !strings.EqualFold(scheme, "sips"):
		return &refusal{code: 416, reason: "Unsupported URI Scheme"}
	case rest == "" || strings.Contains(rest, "?"): // headers have no place here (RFC 3261, 19.1.1)
		return bad("Request-URI")
	}
	if m.method == ack || m.method == cancel {
		return nil
	}
	var strange []string
	for _, value := range m.all("require") {
		for tag := range strings.SplitSeq(value, ",") {
			if tag = strings.TrimSpace(tag); !slices.Contains(understood, strings.ToLower(tag)) && isToken(tag) {
				strange = append(strange, tag)
			}
		}
	}
	if len(strange) > 0 {
		return &refusal{code: 420, reason: "Bad Extension", headers: []string{"Unsupported: " + strings.Join(strange, ", ")}}
	}
	return nil
}
