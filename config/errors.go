package config

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Error is one mistake in a configuration file. Line and Col count from 1; Col counts characters, not bytes.
type Error struct {
	File      string
	Line, Col int
	Message   string
}

// Error gives FILE:LINE:COL: message, which editors and terminals can jump to.
func (e Error) Error() string {
	return fmt.Sprintf("%s:%d:%d: %s", e.File, e.Line, e.Col, e.Message)
}

// Errors are all mistakes of a configuration file, in the order of the file.
type Errors []Error

// Error gives one mistake a line.
func (e Errors) Error() string {
	lines := make([]string, len(e))
	for i := range e {
		lines[i] = e[i].Error()
	}
	return strings.Join(lines, "\n")
}

// report collects the mistakes of one file.
type report struct {
	file   string
	errors Errors
}

// add notes a mistake at a place, unless one was noted for it already: what follows from a mistake is no news.
func (r *report) add(at place, format string, args ...any) {
	if at.broken {
		return
	}
	message := fmt.Sprintf(format, args...)
	if at.path != "" {
		message = at.path + ": " + message
	}
	r.errors = append(r.errors, Error{File: r.file, Line: at.line, Col: at.col, Message: message})
}

// sorted returns the mistakes in the order of the file.
func (r *report) sorted() Errors {
	slices.SortFunc(r.errors, func(a, b Error) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Col, b.Col), cmp.Compare(a.Message, b.Message))
	})
	return r.errors
}

// quote shows a value of the file in a message: on one line, and not at any length.
func quote(s string) string {
	const most = 60
	if r := []rune(s); len(r) > most {
		return strconv.Quote(string(r[:most])) + "…"
	}
	return strconv.Quote(s)
}
