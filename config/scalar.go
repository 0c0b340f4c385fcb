package config

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/dustin/go-humanize"
)

// checker makes a Config of what the file says, and reports what does not hold.
type checker struct {
	*report
	env      func(string) (string, bool)
	readFile func(string) ([]byte, error)
	folder   string
	// people are the ids of all people and the lines they stand on; nil if people is no mapping at all.
	people map[string]int
	// extensions are those that people have.
	extensions owned
}

// required reports a value that is not given or empty.
func (c *checker) required(t text) bool {
	switch {
	case !t.given:
		c.add(t.place, "missing")
	case t.value == "":
		c.add(t.place, "must not be empty")
	}
	return t.given && t.value != ""
}

// matching returns a value that must match form, or the default.
func (c *checker) matching(t text, standard string, form *regexp.Regexp, rule string) string {
	if !t.given {
		return standard
	}
	if !form.MatchString(t.value) {
		c.add(t.place, "%s is not possible: %s", quote(t.value), rule)
	}
	return t.value
}

// oneOf returns a value that must be one of those allowed; the first is the default.
func oneOf[T ~string](c *checker, t text, allowed ...T) T {
	if !t.given {
		return allowed[0]
	}
	if !slices.Contains(allowed, T(t.value)) {
		names := make([]string, len(allowed))
		for i, a := range allowed {
			names[i] = string(a)
		}
		c.add(t.place, "%s is not possible: write %s", quote(t.value), strings.Join(names, " or "))
	}
	return T(t.value)
}

func (c *checker) boolean(t text, standard bool) bool {
	if !t.given {
		return standard
	}
	if t.value != "true" && t.value != "false" {
		c.add(t.place, "%s is not possible: write true or false", quote(t.value))
	}
	return t.value == "true"
}

func (c *checker) duration(t text, standard, least, most time.Duration) time.Duration {
	if !t.given {
		return standard
	}
	d, err := time.ParseDuration(t.value)
	switch {
	case err != nil:
		c.add(t.place, "%s is not a duration: write one such as 500ms, 15s, 5m or 720h", quote(t.value))
	case d < least || d > most:
		c.add(t.place, "%s is out of bounds: from %s to %s", quote(t.value), least, most)
	}
	return d
}

func (c *checker) integer(t text, standard, least, most int) int {
	if !t.given {
		return standard
	}
	n, err := strconv.Atoi(t.value)
	switch {
	case err != nil:
		c.add(t.place, "%s is not a whole number", quote(t.value))
	case n < least || n > most:
		c.add(t.place, "%d is out of bounds: from %d to %d", n, least, most)
	}
	return n
}

func (c *checker) bytes(t text, standard, least, most uint64) int64 {
	if !t.given {
		return int64(standard)
	}
	n, err := humanize.ParseBytes(t.value)
	switch {
	case err != nil:
		c.add(t.place, "%s is not a size: write one such as 256MiB or 1GB", quote(t.value))
	case n < least || n > most:
		c.add(t.place, "%s is out of bounds: from %s to %s", quote(t.value), humanize.IBytes(least), humanize.IBytes(most))
	}
	return int64(n)
}

// label returns a name for people to read; it ends up on displays and in SIP headers.
func (c *checker) label(t text, standard string) string {
	const most = 80
	switch {
	case !t.given:
		return standard
	case strings.TrimSpace(t.value) == "":
		c.add(t.place, "must not be empty")
	case utf8.RuneCountInString(t.value) > most:
		c.add(t.place, "longer than %d characters", most)
	case strings.ContainsFunc(t.value, func(r rune) bool { return !unicode.IsPrint(r) }):
		c.add(t.place, "%s is not possible: a name is one line of printable characters", quote(t.value))
	}
	return t.value
}

func (c *checker) patterns(l texts) []*regexp.Regexp {
	var compiled []*regexp.Regexp
	for _, t := range l.items {
		if !c.required(t) {
			continue
		}
		re, err := regexp.Compile(t.value)
		if err != nil {
			c.add(t.place, "%s is not a regular expression: %s", quote(t.value), strings.TrimPrefix(err.Error(), "error parsing regexp: "))
			continue
		}
		compiled = append(compiled, re)
	}
	return compiled
}
