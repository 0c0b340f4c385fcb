package body

import "strings"

// Alert is a ringing call (S6) for a phone that shows a text (SIP MESSAGE, RFC 3428).
type Alert struct {
	// Lang is the reader's language; English unless de, fr or es.
	Lang string
	// Number and Name are the caller's, either may be empty. Of a caller who is Withheld neither is used.
	Number, Name string
	Withheld     bool
	// Callee is the name of the person whose phone rings.
	Callee string
	// Via is how the call came, the first station first.
	Via []Via
}

// Via is a station of a call's way.
type Via struct {
	// Kind is ring_group, queue or forward.
	Kind string
	// Number is the station's, Name is a queue's name or empty.
	Number, Name string
}

// Text is one line of words, such as "Call for Ben Okafor: Dr. Weiß (+4930555), ring group 700".
func (a *Alert) Text() string {
	w := in(a.Lang)
	var b strings.Builder
	b.WriteString(w.call + line(a.Callee) + w.colon)
	switch {
	case a.Withheld:
		b.WriteString(w.withheld)
	case a.Name == "" && a.Number == "":
		b.WriteString(w.unknown)
	default:
		writeNamed(&b, a.Name, a.Number)
	}
	for _, v := range a.Via {
		b.WriteString(", ")
		switch v.Kind {
		case "queue":
			b.WriteString(w.queue)
		case "forward":
			b.WriteString(w.forwarded)
		default:
			b.WriteString(w.ringGroup)
		}
		writeNamed(&b, v.Name, v.Number)
	}
	return b.String()
}

// writeNamed writes a name and its number, or the one that there is.
func writeNamed(b *strings.Builder, name, number string) {
	switch {
	case name == "" || name == number:
		b.WriteString(line(number))
	case number == "":
		b.WriteString(line(name))
	default:
		b.WriteString(line(name) + " (" + line(number) + ")")
	}
}

// line is what is shown of s in one line of text: nothing that moves a cursor or is not UTF-8.
func line(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\t' || r == '\n' || r == '\r':
			return ' '
		case r < 0x20 || r == 0x7f || r > 0x7f && !printable(r):
			return '\uFFFD'
		}
		return r
	}, cut(s))
}
