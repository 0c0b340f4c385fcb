package screen

import (
	"fmt"
	"strings"
	"time"

	"github.com/charmbracelet/x/ansi"

	"supervisiond/supervision"
)

// What is smaller than this shows nothing of use.
const (
	leastWidth  = 40
	leastHeight = 10
)

const clock = "15:04:05"

// View is the screen as text: as many lines as it is high at most, none wider than it is.
func (s *Screen) View() string {
	if s.width < leastWidth || s.height < leastHeight {
		small := s.line().rest(fmt.Sprintf("too small: at least %d x %d", leastWidth, leastHeight), plain)
		return small.String()
	}
	head := s.head()
	if s.help {
		return strings.Join(s.fill(append(head, s.helpText()...), s.height), "\n")
	}
	foot := s.foot()
	body := s.body(s.height - len(head) - len(foot))
	return strings.Join(append(s.fill(append(head, body...), s.height-len(foot)), foot...), "\n")
}

// fill makes so many lines of those there are.
func (s *Screen) fill(lines []string, n int) []string {
	for len(lines) < n {
		lines = append(lines, "")
	}
	return lines[:n]
}

// head says which site, as whom, how the connection is, and how one is oneself.
func (s *Screen) head() []string {
	word, look := s.word()
	who := "only watching"
	if me := s.known.Me; me != nil {
		who = "as " + label(me.Name, me.Extension)
	} else if s.as != "" {
		who = "as " + string(s.as)
	}
	state := word + "  " + s.now.Format(clock)
	l := s.line()
	l.left -= len(state) + 1
	l.text("supervisiond "+s.options.Site, bold).text("  ", plain).rest(who, plain)
	l.left = len(state) + 1
	l.text(" ", plain).text(word, look).text("  "+s.now.Format(clock), plain)
	lines := []string{l.String()}
	if text := s.Banner(); text != "" {
		b := s.line()
		b.whole = inverse
		lines = append(lines, b.text(" ", plain).rest(text, plain).String())
	}
	if me := s.known.Me; me != nil && s.Certain() {
		lines = append(lines, s.drawMe(me))
	}
	return append(lines, "")
}

// word says in a word whether this is how things are.
func (s *Screen) word() (string, paint) {
	switch {
	case s.trouble != "" && !s.read:
		return "connecting", yellow
	case s.trouble != "":
		return "NOT LIVE", alarm
	case !s.vouched():
		return "UNKNOWN", alarm
	case !s.known.Site.PBX.Connected:
		return "PBX AWAY", alarm
	case s.known.Site.PBX.SIP == supervision.SIPSilent:
		return "SIP SILENT", yellow
	}
	return "live", green
}

// drawMe tells of oneself.
func (s *Screen) drawMe(me *supervision.PersonDocument) string {
	sign, look := s.marks.of(me.Presence.State)
	l := s.line().text("You  ", faint).text(sign+" ", look).text(string(me.Presence.State), look)
	l.text(" "+lasting(s.at().Sub(me.Presence.Since.Time)), faint)
	if !me.Reachable {
		l.text("  ! your phone is not connected", yellow)
	}
	if notes := s.notes(me); len(notes) > 0 {
		l.text("  "+strings.Join(notes, ", "), plain)
	}
	return l.String()
}

// Certain says whether what is known may be shown: a daemon vouches for it, or did so until a moment ago.
func (s *Screen) Certain() bool { return s.read && s.vouched() }

// Banner says what is wrong.
func (s *Screen) Banner() string {
	switch {
	case !s.read:
		return s.trouble
	case s.trouble != "" && s.vouched():
		return s.trouble + "; below is how it was at " + s.asOf.Format(clock)
	case s.trouble != "":
		return s.trouble + "; nothing is known any more"
	case s.known.Site == nil:
		return "No daemon has written the state of this site yet"
	case s.ahead > 0 && s.now.Sub(s.known.Site.AliveUntil.Time) < s.ahead+10*time.Second:
		return "This machine's clock is ahead of the daemon's by " + lasting(s.ahead) + " or more: set it"
	case !s.vouched():
		return "No daemon has looked after the state since " + s.known.Site.AliveUntil.In(s.now.Location()).Format(clock) +
			": is supervisiond running?"
	case !s.known.Site.PBX.Connected:
		return "The PBX is away since " + s.known.Site.PBX.Since.In(s.now.Location()).Format(clock) + "; below is how it was then"
	case s.known.Site.PBX.SIP == supervision.SIPSilent:
		return "The PBX does not answer SIP: phones may not ring"
	}
	return ""
}

// body shows what rings, and the groups with their people. What rings comes first, and gets up to half of the room.
func (s *Screen) body(height int) []string {
	if !s.Certain() {
		return []string{s.line().rest("Nothing is shown, because nothing is known.", faint).String()}
	}
	calls, groups := s.callRows(), s.groupRows()
	n := max(min(len(calls), max(1, height/2-2)), min(len(calls), height-len(groups)-3))
	lines := append(s.pane(s.ringingTitle(calls), calls, n), "")
	// Where there is room to spare, the groups stay where they are when a call comes or goes.
	for i := n; i < steadyCalls && len(lines)+1+len(groups) < height; i++ {
		lines = append(lines, "")
	}
	return append(lines, s.pane(s.line().text("GROUPS AND PEOPLE", bold), groups, height-len(lines)-1)...)
}

// steadyCalls is for how many calls there is room before the groups move.
const steadyCalls = 4

// ringingTitle counts what rings; the filter hides nothing without a word.
func (s *Screen) ringingTitle(shown []row) *line {
	count := func(calls []*supervision.CallDocument) (n int) {
		for _, c := range calls {
			if c.State == supervision.CallRinging {
				n++
			}
		}
		return n
	}
	all, left := count(s.known.calls(s.now)), 0
	for _, r := range shown {
		left += count([]*supervision.CallDocument{r.call})
	}
	l := s.line().text("RINGING  ", bold)
	switch {
	case all == 0:
		l.text("nothing", faint)
	case left < all:
		l.text(fmt.Sprintf("%d, and %d that the filter hides", left, all-left), red)
	default:
		l.text(fmt.Sprint(all), red)
	}
	return l
}

// pane shows so many rows below a title, those around the selected one if there are more, and says how many are above and
// below.
func (s *Screen) pane(title *line, rows []row, n int) []string {
	n = max(min(n, len(rows)), 0)
	first := 0
	for i, r := range rows {
		if r.key != "" && r.key == s.selected {
			first = min(max(0, i-n/2), len(rows)-n)
		}
	}
	if above, below := first, len(rows)-first-n; above+below > 0 {
		title.text(fmt.Sprintf("   %s %d  %s %d more", s.marks.above, above, s.marks.below, below), faint)
	}
	lines := []string{title.String()}
	for _, r := range rows[first : first+n] {
		l := s.line()
		if r.key != "" && r.key == s.selected {
			l.whole = inverse
			l.text(s.marks.selected+" ", plain)
		} else {
			l.text("  ", plain)
		}
		r.draw(l)
		lines = append(lines, l.String())
	}
	return lines
}

// mostLines is how long a message gets: the reason of a refusal is no use cut off.
const mostLines = 3

// foot says what is going on, and which keys there are.
func (s *Screen) foot() []string {
	keys := s.line()
	for _, k := range s.keys() {
		if keys.left > len(k[0])+len(k[1])+1 {
			keys.text(k[0], bold).text(" "+k[1]+"  ", faint)
		}
	}
	return append(s.going(), keys.String())
}

func (s *Screen) going() []string {
	going := s.line()
	switch {
	case s.typing:
		going.text("/"+s.filter, bold).text("_", plain).right("Enter keeps it, Esc clears it", faint)
	case s.calling != nil:
		text := s.progress
		if text == "" {
			text = "calling your phone"
		}
		going.text("Picking up: "+text, yellow)
		going.text(fmt.Sprintf("  %s of at most %s", lasting(s.now.Sub(s.since)), lasting(s.options.PickupTime)), faint)
	case s.message.text != "":
		return s.wrapped(s.message.at.Format(clock)+"  ", s.message.text, s.message.look)
	case s.selected != "" && s.Certain():
		return s.wrapped("", s.details(), plain)
	case s.filter != "":
		going.text("Only what has ", plain).text(s.filter, bold).text(" in it; Esc shows all", plain)
	}
	return []string{going.String()}
}

// wrapped puts a text behind a label, and goes on below where the line is full.
func (s *Screen) wrapped(label, text string, look paint) []string {
	var lines []string
	for part := range strings.SplitSeq(ansi.Wrap(clean(text), s.width-len(label), ""), "\n") {
		if len(lines) == mostLines {
			break
		}
		lines = append(lines, s.line().text(label, faint).rest(part, look).String())
		label = strings.Repeat(" ", len(label))
	}
	return lines
}

func (s *Screen) keys() [][2]string {
	keys := [][2]string{{"/", "filter"}, {"?", "help"}, {"q", "quit"}}
	switch {
	case s.as == "":
		return keys
	case s.width < 72:
		return append([][2]string{{"p", "pick up"}}, keys...)
	}
	what := "pick up the oldest"
	if s.selected != "" {
		what = "pick up this"
	}
	return append([][2]string{{"p", what}, {"j", "join"}, {"l", "leave"}, {"arrows", "select"}}, keys...)
}

func (s *Screen) helpText() []string {
	m := s.marks
	text := []string{
		"p, Enter    pick up: the call that is selected, or what rings that person or in",
		"            that group the longest; with nothing selected the oldest call.",
		"            Your phone is called, and joined to the caller when you answer it.",
		"j, l        join, leave the group that is selected, or your only one",
		"arrows      select; Page Up, Page Down, Home, End; Tab: calls or groups",
		"/           show only what has a text in it: a name, a number, a group",
		"Esc         select nothing, show everything",
		"q           quit",
		"",
		m.online + " online   " + m.busy + " busy   " + m.away + " away   " + m.dnd + " do not disturb   " + m.offline + " offline   " + m.ringing + " ringing",
		"in, OUT     logged in to the group, or out of it",
		"all, if busy, no answer, by phone " + m.arrow + " 104     forwards, and where they lead",
	}
	lines := make([]string, 0, len(text)+2)
	for _, t := range text {
		lines = append(lines, s.line().rest(t, plain).String())
	}
	return append(lines, "", s.line().rest("Any key goes back.", faint).String())
}

// Plain is what is known as text without any look, as wide as it wants to be.
func (s *Screen) Plain() string {
	const wide = 160
	s.width = wide
	var lines []string
	add := func(rows []row) {
		for _, r := range rows {
			l := s.line()
			l.text("  ", plain)
			l.whole = plain
			r.draw(l)
			lines = append(lines, strings.TrimRight(l.String(), " "))
		}
	}
	lines = append(lines, fmt.Sprintf("%s at %s", clean(s.options.Site), s.now.Format(time.RFC3339)))
	if b := s.Banner(); b != "" {
		lines = append(lines, b)
	}
	if s.Certain() {
		calls := s.callRows()
		lines = append(lines, "RINGING  "+fmt.Sprint(len(calls)))
		add(calls)
		lines = append(lines, "GROUPS AND PEOPLE")
		add(s.groupRows())
	}
	return strings.Join(lines, "\n") + "\n"
}
