package screen

import (
	"strings"
	"unicode"

	"charm.land/lipgloss/v2"
	"github.com/charmbracelet/x/ansi"
)

// longest is how much of any text from outside is looked at, in characters.
const longest = 200

// clean leaves of a text what can be seen: names and numbers come from callers and from other programs, and what a terminal
// would take for a command to itself must not get there. Neither may what turns the direction of writing or has no width.
func clean(text string) string {
	var b strings.Builder
	n := 0
	for _, r := range text {
		if n++; n > longest {
			break
		}
		switch {
		case unicode.IsSpace(r):
			b.WriteByte(' ')
		case unicode.Is(unicode.Variation_Selector, r): // about the width of these terminals disagree
		case unicode.IsPrint(r) && r != unicode.ReplacementChar:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// paint gives a text a look. Nothing is told by a look alone.
type paint func(string) string

func painted(s lipgloss.Style) paint { return func(text string) string { return s.Render(text) } }

// The colours are the first eight, which every terminal has and its owner has made readable.
var (
	plain   paint = func(text string) string { return text }
	bold          = painted(lipgloss.NewStyle().Bold(true))
	faint         = painted(lipgloss.NewStyle().Faint(true))
	red           = painted(lipgloss.NewStyle().Foreground(lipgloss.Red).Bold(true))
	dark          = painted(lipgloss.NewStyle().Foreground(lipgloss.Red))
	green         = painted(lipgloss.NewStyle().Foreground(lipgloss.Green))
	yellow        = painted(lipgloss.NewStyle().Foreground(lipgloss.Yellow))
	inverse       = painted(lipgloss.NewStyle().Reverse(true))
	alarm         = painted(lipgloss.NewStyle().Foreground(lipgloss.Red).Bold(true).Reverse(true))
)

// line puts texts one behind the other and never gets wider than the screen. All text from outside goes through it.
type line struct {
	b    strings.Builder
	left int
	cut  string // stands for what there was no room for
	// whole is the look of the whole line, in place of those of its parts.
	whole paint
}

func (s *Screen) line() *line { return &line{left: s.width, cut: s.marks.cut} }

// text writes a text as long as it is, if there is room.
func (l *line) text(text string, p paint) *line {
	text = clean(text)
	return l.put(text, ansi.StringWidth(text), p)
}

// cell writes a text in a column and a space behind it.
func (l *line) cell(text string, width int, p paint) *line {
	return l.put(clean(text), width, p).put("", 1, plain)
}

// rest writes a text into all the room that is left.
func (l *line) rest(text string, p paint) *line { return l.put(clean(text), l.left, p) }

// put writes a text that is clean in so many cells.
func (l *line) put(text string, width int, p paint) *line {
	width = min(width, l.left)
	if width <= 0 {
		return l
	}
	text = ansi.Truncate(text, width, l.cut)
	l.left -= width
	pad := strings.Repeat(" ", width-ansi.StringWidth(text))
	switch {
	case l.whole != nil:
		l.b.WriteString(text)
	case text != "":
		l.b.WriteString(p(text))
	}
	l.b.WriteString(pad)
	return l
}

// right writes a text at the right end, and nothing if there is no room for it.
func (l *line) right(text string, p paint) *line {
	text = clean(text)
	if width := ansi.StringWidth(text); width <= l.left {
		l.put("", l.left-width, plain)
		l.put(text, width, p)
	}
	return l
}

func (l *line) String() string {
	text := l.b.String()
	if l.whole != nil {
		return l.whole(text + strings.Repeat(" ", max(0, l.left)))
	}
	return strings.TrimRight(text, " ")
}
