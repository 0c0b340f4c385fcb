package ari

import (
	"errors"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// scanner reads JSON in a single pass, checking it as it goes. A busy PBX sends thousands of frames a second, and of
// the fifty fields of each few are wanted: encoding/json takes eight times as long to find them.
//
// It is used as
//
//	for p.open('{'); p.more('}'); {
//		switch string(p.key()) {
//		case "name":
//			name = p.str()
//		default:
//			p.skip()
//		}
//	}
//
// with exactly one value read for each key. A value of another kind than asked for is passed over and read as zero. The
// first fault ends every loop; err says what it was.
type scanner struct {
	data  []byte
	text  string // a copy of data, of which the strings handed out are parts
	pos   int
	depth int
	first bool // no value has been read yet of the innermost object or array
	err   error
}

// maxDepth is more than ARI ever nests, and bounds the stack that a frame can use.
const maxDepth = 32

var (
	errCut     = errors.New("the text ends too early")
	errSyntax  = errors.New("this is not JSON")
	errTooDeep = errors.New("too deeply nested")
	errAfter   = errors.New("something follows the end")
)

func (p *scanner) fail(err error) {
	if p.err == nil {
		p.err = err
	}
}

// peek skips white space and gives the next byte; 0: there is none, or a fault has ended the reading.
func (p *scanner) peek() byte {
	if p.err != nil {
		return 0
	}
	for p.pos < len(p.data) {
		switch c := p.data[p.pos]; c {
		case ' ', '\t', '\n', '\r':
			p.pos++
		case 0:
			p.fail(errSyntax)
			return 0
		default:
			return c
		}
	}
	p.fail(errCut)
	return 0
}

// open begins an object or an array. What is neither is passed over, and the loop that follows has no turns.
func (p *scanner) open(bracket byte) {
	p.first = true
	if p.peek() != bracket {
		p.skip()
		p.depth = -p.depth - 1 // more undoes this
		return
	}
	p.pos++
	if p.depth++; p.depth > maxDepth {
		p.fail(errTooDeep)
	}
}

// more says whether a further value follows, and reads what stands between.
func (p *scanner) more(end byte) bool {
	if p.depth < 0 {
		p.depth = -p.depth - 1
		p.first = false
		return false
	}
	c := p.peek()
	if c == 0 {
		return false
	}
	if c == end {
		p.pos++
		p.depth--
		p.first = false
		return false
	}
	if !p.first {
		if c != ',' {
			p.fail(errSyntax)
			return false
		}
		p.pos++
	}
	p.first = false
	return true
}

// end checks that nothing follows.
func (p *scanner) end() error {
	for p.err == nil && p.pos < len(p.data) {
		switch p.data[p.pos] {
		case ' ', '\t', '\n', '\r':
			p.pos++
		default:
			p.fail(errAfter)
		}
	}
	return p.err
}

// key reads a field's name, as it is written. No field of ARI's that is wanted has a name that needs escaping.
func (p *scanner) key() []byte {
	if p.peek() != '"' {
		p.fail(errSyntax)
		return nil
	}
	from, to, _ := p.quoted()
	if p.peek() != ':' {
		p.fail(errSyntax)
		return nil
	}
	p.pos++
	return p.data[from:to]
}

// quoted passes over a string and says where its inside is, and whether that is the string itself.
func (p *scanner) quoted() (from, to int, plain bool) {
	plain = true
	p.pos++
	from = p.pos
	for i := from; i < len(p.data); i++ {
		c := p.data[i]
		if ordinary[c] {
			continue
		}
		switch {
		case c == '"':
			p.pos = i + 1
			return from, i, plain
		case c == '\\':
			plain = false
			if i++; i < len(p.data) && !p.escape(i) {
				p.fail(errSyntax)
				return from, from, false
			}
		case c < ' ':
			p.fail(errSyntax)
			return from, from, false
		default:
			plain = false
		}
	}
	p.fail(errCut)
	return from, from, false
}

// ordinary are the bytes that a string consists of as they are.
var ordinary = func() (table [256]bool) {
	for c := ' '; c < utf8.RuneSelf; c++ {
		table[c] = c != '"' && c != '\\'
	}
	return table
}()

// escape says whether what stands behind a backslash is allowed there.
func (p *scanner) escape(i int) bool {
	switch p.data[i] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return true
	case 'u':
		_, ok := hex4(p.data, i+1)
		return ok
	}
	return false
}

// str reads a string.
func (p *scanner) str() string {
	if p.peek() != '"' {
		p.skip()
		return ""
	}
	from, to, plain := p.quoted()
	if plain {
		return p.text[from:to]
	}
	return unquote(p.data[from:to], p.text[from:to])
}

// integer reads a number; what stands behind its decimal point is left out.
func (p *scanner) integer() int {
	from, to, ok := p.number()
	if !ok {
		return 0
	}
	for i := from; i < to; i++ {
		if c := p.data[i]; c == '.' || c == 'e' || c == 'E' {
			f, _ := strconv.ParseFloat(p.text[from:to], 64)
			return int(f)
		}
	}
	n, _ := strconv.Atoi(p.text[from:to])
	return n
}

// boolean reads true or false.
func (p *scanner) boolean() bool {
	yes := p.peek() == 't'
	p.skip()
	return yes
}

// strings reads an array of strings.
func (p *scanner) strings() []string {
	var list []string
	for p.open('['); p.more(']'); {
		list = append(list, p.str())
	}
	return list
}

// skip passes over any value.
func (p *scanner) skip() {
	switch c := p.peek(); {
	case c == '"':
		p.quoted()
	case c == '{':
		for p.open('{'); p.more('}'); {
			p.key()
			p.skip()
		}
	case c == '[':
		for p.open('['); p.more(']'); {
			p.skip()
		}
	case c == 't':
		p.literal("true")
	case c == 'f':
		p.literal("false")
	case c == 'n':
		p.literal("null")
	case c == '-' || c >= '0' && c <= '9':
		p.number()
	default:
		p.fail(errSyntax)
	}
}

func (p *scanner) literal(word string) {
	if end := p.pos + len(word); end <= len(p.data) && string(p.data[p.pos:end]) == word {
		p.pos = end
		return
	}
	p.fail(errSyntax)
}

// number passes over a number and says where it is; not ok: the value was something else.
func (p *scanner) number() (from, to int, ok bool) {
	c := p.peek()
	if c != '-' && (c < '0' || c > '9') {
		p.skip()
		return 0, 0, false
	}
	from = p.pos
	if c == '-' {
		p.pos++
	}
	if whole := p.digits(); whole == 0 || whole > 1 && p.data[p.pos-whole] == '0' {
		p.fail(errSyntax)
	}
	if p.pos < len(p.data) && p.data[p.pos] == '.' {
		p.pos++
		if p.digits() == 0 {
			p.fail(errSyntax)
		}
	}
	if p.pos < len(p.data) && p.data[p.pos]|0x20 == 'e' {
		p.pos++
		if p.pos < len(p.data) && (p.data[p.pos] == '+' || p.data[p.pos] == '-') {
			p.pos++
		}
		if p.digits() == 0 {
			p.fail(errSyntax)
		}
	}
	return from, p.pos, p.err == nil
}

func (p *scanner) digits() int {
	from := p.pos
	for p.pos < len(p.data) && p.data[p.pos] >= '0' && p.data[p.pos] <= '9' {
		p.pos++
	}
	return p.pos - from
}

func hex4(b []byte, at int) (rune, bool) {
	if at+4 > len(b) {
		return 0, false
	}
	var r rune
	for _, c := range b[at : at+4] {
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			c = c | 0x20 - 'a' + 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}

// unquote undoes the escapes of a string that quoted has passed. What is not UTF-8 becomes U+FFFD: names come from
// phones, and whoever reads them after us must not stumble.
func unquote(b []byte, text string) string {
	if utf8.ValidString(text) && !hasEscape(b) {
		return text
	}
	out := make([]byte, 0, len(b)+8)
	for i := 0; i < len(b); {
		switch c := b[i]; {
		case c != '\\':
			r, size := utf8.DecodeRune(b[i:])
			out = utf8.AppendRune(out, r)
			i += size
		case b[i+1] == 'u':
			r, _ := hex4(b, i+2)
			i += 6
			if utf16.IsSurrogate(r) {
				low := rune(-1)
				if i+1 < len(b) && b[i] == '\\' && b[i+1] == 'u' {
					low, _ = hex4(b, i+2)
				}
				if r = utf16.DecodeRune(r, low); r != utf8.RuneError {
					i += 6
				}
			}
			out = utf8.AppendRune(out, r)
		default:
			out = append(out, unescaped(b[i+1]))
			i += 2
		}
	}
	return string(out)
}

func hasEscape(b []byte) bool {
	for _, c := range b {
		if c == '\\' {
			return true
		}
	}
	return false
}

func unescaped(c byte) byte {
	switch c {
	case 'b':
		return '\b'
	case 'f':
		return '\f'
	case 'n':
		return '\n'
	case 'r':
		return '\r'
	case 't':
		return '\t'
	}
	return c
}
