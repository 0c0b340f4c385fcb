package first

import (
	"iter"
	"strconv"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
	"gopkg.in/yaml.v3"
)

const (
	longestName = 80 // characters that the configuration takes as a name
	longestID   = 32
)

// readable makes one line of printable characters of a caller id's name.
func readable(name string) string {
	name = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case !unicode.IsPrint(r) || r == unicode.ReplacementChar:
			return -1
		}
		return r
	}, name)
	runes := []rune(strings.Join(strings.Fields(name), " "))
	return strings.TrimSpace(string(runes[:min(len(runes), longestName)]))
}

// ids gives each person an id of their own.
type ids struct{ taken map[string]bool }

// newIDs keeps extensions from being anybody's id: phones could mean either.
func newIDs(extensions iter.Seq[string]) *ids {
	i := &ids{taken: map[string]bool{}}
	for e := range extensions {
		i.taken[e] = true
	}
	return i
}

// of makes an id of the name or, where that gives none or somebody has it already, with the extension.
func (i *ids) of(p *person) string {
	name := slug(p.Name)
	if name == "" {
		name = "ext-" + p.Extension
	}
	id := shortened(name, "")
	for n := 1; i.taken[id]; n++ {
		suffix := "-" + p.Extension
		if n > 1 {
			suffix += "-" + strconv.Itoa(n)
		}
		id = shortened(name, suffix)
	}
	i.taken[id] = true
	return id
}

func shortened(name, suffix string) string {
	return strings.TrimRight(name[:min(len(name), longestID-len(suffix))], "-") + suffix
}

// folded are letters that no decomposition makes Latin.
var folded = strings.NewReplacer("ß", "ss", "æ", "ae", "œ", "oe", "ø", "o", "đ", "d", "ð", "d", "ł", "l", "ı", "i", "þ", "th", "&", " ")

// slug makes an id of a name, with what its letters have in Latin; empty if that is nothing, or would be something else
// to YAML than text.
func slug(name string) string {
	var b strings.Builder
	for _, r := range norm.NFKD.String(folded.Replace(strings.ToLower(name))) {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			b.WriteRune(r)
		case unicode.Is(unicode.Mn, r), r == '\'', r == '’':
		case !strings.HasSuffix(b.String(), "-"):
			b.WriteByte('-')
		}
	}
	id := strings.Trim(b.String(), "-")
	var value any
	if err := yaml.Unmarshal([]byte(id), &value); err != nil {
		return ""
	}
	if _, isText := value.(string); !isText {
		return ""
	}
	return id
}
