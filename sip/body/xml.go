package body

import "unicode/utf8"

const prolog = `<?xml version="1.0" encoding="UTF-8"?>` + "\n"

// maxShown bounds, in bytes, what is shown of a name or number from outside. No phone shows as much, and a caller can send
// kilobytes that would otherwise be in every watcher's document.
const maxShown = 128

// cut shortens s to what is shown of it.
func cut(s string) string {
	if len(s) <= maxShown {
		return s
	}
	end := maxShown - len("…")
	for end > 0 && !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end] + "…"
}

// appendText appends s as text or as the value of an attribute in double quotes. What XML 1.0 forbids or discourages
// (control characters, noncharacters, what is not UTF-8) becomes U+FFFD; line ends and tabs become spaces, which in an
// attribute they would be anyway, and which keeps every line of a document beginning with a tag.
func appendText(b []byte, s string) []byte {
	done := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c < utf8.RuneSelf && escapes[c] == "" {
			i++
			continue
		}
		n, replacement := 1, ""
		if c < utf8.RuneSelf {
			replacement = escapes[c]
		} else {
			var r rune
			if r, n = utf8.DecodeRuneInString(s[i:]); r == utf8.RuneError && n == 1 || !printable(r) {
				replacement = "\uFFFD"
			}
		}
		if replacement != "" {
			b = append(b, s[done:i]...)
			b = append(b, replacement...)
			done = i + n
		}
		i += n
	}
	return append(b, s[done:]...)
}

// escapes has what stands for a character of ASCII, or nothing where it stands for itself.
var escapes = func() (e [utf8.RuneSelf]string) {
	for c := range e {
		e[c] = asciiEscape(byte(c))
	}
	return e
}()

// asciiEscape returns what stands for c, or nothing where c stands for itself.
func asciiEscape(c byte) string {
	switch {
	case c == '&':
		return "&amp;"
	case c == '<':
		return "&lt;"
	case c == '>':
		return "&gt;"
	case c == '"':
		return "&quot;"
	case c == '\'':
		return "&apos;"
	case c == '\t' || c == '\n' || c == '\r':
		return " "
	case c < 0x20 || c == 0x7f:
		return "\uFFFD"
	}
	return ""
}

// printable tells whether a rune beyond ASCII may be in a document (XML 1.0, production 2 and the note below it).
func printable(r rune) bool {
	return r >= 0xa0 && r&0xfffe != 0xfffe && (r < 0xfdd0 || r > 0xfdef)
}

// appendAttr appends ` name="value"`.
func appendAttr(b []byte, name, value string) []byte {
	b = append(b, ' ')
	b = append(b, name...)
	b = append(b, `="`...)
	b = appendText(b, value)
	return append(b, '"')
}

// appendElement appends `<name>text</name>` and a line end.
func appendElement(b []byte, name, text string) []byte {
	b = append(b, '<')
	b = append(b, name...)
	b = append(b, '>')
	b = appendText(b, text)
	return appendEnd(b, name)
}

// appendEnd appends `</name>` and a line end.
func appendEnd(b []byte, name string) []byte {
	b = append(b, "</"...)
	b = append(b, name...)
	return append(b, ">\n"...)
}
