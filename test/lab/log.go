package lab

import (
	"os"
	"strings"
)

// Log is all that Asterisk has written: to its console before it could log, and
// to its log since.
func (a *Asterisk) Log() string {
	var all strings.Builder
	for _, name := range []string{"console", "full"} {
		// A file that is not there is one that was not written yet.
		text, _ := os.ReadFile(a.folder.path("log", name))
		all.Write(text)
	}
	return all.String()
}

// tail is the end of a text, in lines.
func tail(text string, lines int) string {
	all := strings.Split(strings.TrimRight(text, "\n"), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}
