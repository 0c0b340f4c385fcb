package config

import (
	"bytes"
	"regexp"
	"sort"
	"strconv"
	"strings"
	"unicode/utf8"

	"gopkg.in/yaml.v3"
)

// checkCharacters reports what YAML does not take at all, which yaml.v3 would report without a position.
func checkCharacters(r *report, text []byte) bool {
	for i := 0; i < len(text); {
		c, size := utf8.DecodeRune(text[i:])
		switch {
		case c == utf8.RuneError && size == 1:
			r.add(positionOf(text, i), "not UTF-8: save the file as UTF-8")
			return false
		case c == '\uFEFF' && i == 0: // a byte order mark is allowed where it belongs
		case c < ' ' && c != '\t' && c != '\n' && c != '\r', c >= 0x7f && c < 0xa0 && c != 0x85, c == 0xfeff, c >= 0xfffe && c <= 0xffff:
			r.add(positionOf(text, i), "control character %U: YAML does not allow it", c)
			return false
		}
		i += size
	}
	return true
}

var (
	syntaxError   = regexp.MustCompile(`(?s)^yaml: (?:line (\d+): )?(.*)$`)
	unknownAnchor = regexp.MustCompile(`(?s)^unknown anchor '(.*)' referenced$`)
	// parserError are the messages whose lines yaml.v3 counts from 0; blockError those of them that name the line of
	// something else.
	parserError = regexp.MustCompile(`^(did not find expected (node content|',' or|<)|found (undefined tag|duplicate %|incompatible))`)
	blockError  = regexp.MustCompile(`^did not find expected (key|'-' indicator)`)
	tabIndent   = regexp.MustCompile(`^[ ]*(?:- *)*\t`)
)

// reportSyntax turns an error of yaml.v3 into one of ours, at the right line.
func reportSyntax(r *report, text []byte, err error) {
	message, line := err.Error(), 1
	if m := syntaxError.FindStringSubmatch(message); m != nil {
		message = m[2]
		if n, err := strconv.Atoi(m[1]); err == nil {
			line = n
		}
	}
	if m := unknownAnchor.FindStringSubmatch(message); m != nil {
		// Feature codes are why this happens. The value may be a secret and is not repeated.
		r.add(positionOf(text, aliasIndex(text, m[1])), `a value that begins with * must be quoted, as in "*20"`)
		return
	}
	lines := splitLines(string(text))
	switch {
	case blockError.MatchString(message):
		line = firstLine(text, lines, message)
	case parserError.MatchString(message):
		line++
	}
	line = min(max(line, 1), len(lines))
	for line > 1 && line == len(lines) && lines[line-1] == "" {
		line-- // the end of the file is where its last line ends
		lines = lines[:line]
	}
	if strings.Contains(message, "alphabetic or numeric character") {
		message += `: a value that begins with * or & must be quoted, as in "*20"`
	}
	for n := max(line-1, 1); n <= line; n++ {
		if tabIndent.MatchString(lines[n-1]) {
			r.add(place{line: n, col: strings.IndexByte(lines[n-1], '\t') + 1}, "a tab in the indentation: YAML takes spaces only")
			return
		}
	}
	r.add(place{line: line, col: 1}, "YAML syntax: %s", message)
}

// aliasIndex finds an alias: where it stands as a value, or else anywhere.
func aliasIndex(text []byte, name string) int {
	alias := regexp.QuoteMeta("*" + name)
	if m := regexp.MustCompile(`(?m)^(?:[^#\n]*[\s\[{,])?(` + alias + `)`).FindSubmatchIndex(text); m != nil {
		return m[2]
	}
	return max(0, bytes.Index(text, []byte("*"+name)))
}

// firstLine finds the line that makes yaml.v3 fail with the message, where it tells only where the block around it
// begins: as soon as that line is there, it fails so.
func firstLine(text []byte, lines []string, message string) int {
	ends := make([]int, len(lines)) // where each line ends in text, with its line break
	for i, at := range lineBreak.FindAllIndex(text, -1) {
		ends[i] = at[1]
	}
	ends[len(lines)-1] = len(text)
	return 1 + sort.Search(len(lines)-1, func(i int) bool {
		var n yaml.Node
		err := yaml.Unmarshal(text[:ends[i]], &n)
		return err != nil && strings.HasSuffix(err.Error(), message)
	})
}

// lineBreak is what yaml.v3 counts as one.
var lineBreak = regexp.MustCompile("\r\n|[\r\n\u0085\u2028\u2029]")

func splitLines(text string) []string { return lineBreak.Split(text, -1) }

// positionOf returns the line and column of the byte at offset.
func positionOf(text []byte, offset int) place {
	lines := splitLines(string(text[:offset]))
	return place{line: len(lines), col: utf8.RuneCountInString(lines[len(lines)-1]) + 1}
}
