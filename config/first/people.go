package first

import (
	"cmp"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// person is somebody of whom the PBX has endpoints.
type person struct {
	ID, Name, Extension string
	Endpoints           []Endpoint
}

// leftOut is an endpoint that nobody gets, and why.
type leftOut struct{ Name, Why string }

const (
	whyTechnology = "only PJSIP endpoints can be supervised"
	whyName       = "the configuration takes no such name: 1 to 79 of A-Z, a-z, 0-9, and _.@+-"
	whyLogsIn     = "it logs in elsewhere (outbound_auth): a trunk"
	whyOutside    = "calls come in from outside by it, as its context says: a trunk"
	whyNumber     = "neither its name begins with an extension nor is one in its callerid: a trunk, or nobody's phone"
	whyShared     = "other endpoints have the same number, and not the same name in their callerid: whose it is cannot be told"
)

var (
	configurable = regexp.MustCompile(`^PJSIP/[A-Za-z0-9_.@+-]{1,79}$`)
	ownNumber    = regexp.MustCompile(`^PJSIP/([0-9]{1,15})([_.@+-].*)?$`)
	macAddress   = regexp.MustCompile(`^PJSIP/[0-9A-Fa-f]{12}$`)
	extension    = regexp.MustCompile(`^[0-9]{1,15}$`)
	outside      = regexp.MustCompile(`(?i)trunk|pstn`)
)

// webPhone is what FreePBX puts before an extension to name the web phone of its owner.
const webPhone = "99"

// line is an extension with the endpoints that seem to be its owner's.
type line struct {
	named  []Endpoint // by their own names
	called []Endpoint // by their caller ids
}

// sortOut says which endpoints are whose, in the order of extensions, and which are nobody's.
func sortOut(endpoints []Endpoint) (people []person, left []leftOut) {
	lines := map[string]*line{}
	for _, e := range byName(endpoints) {
		number, named, why := belongs(e)
		if why != "" {
			left = append(left, leftOut{e.Name, why})
			continue
		}
		l := lines[number]
		if l == nil {
			l = &line{}
			lines[number] = l
		}
		if named {
			l.named = append(l.named, e)
		} else {
			l.called = append(l.called, e)
		}
	}
	joinWebPhones(lines)
	ids := newIDs(maps.Keys(lines))
	for _, number := range slices.SortedFunc(maps.Keys(lines), numerically) {
		p, strangers := lines[number].owner(number)
		for _, e := range strangers {
			left = append(left, leftOut{e.Name, whyShared})
		}
		if len(p.Endpoints) > 0 {
			p.ID = ids.of(&p)
			people = append(people, p)
		}
	}
	slices.SortFunc(left, func(a, b leftOut) int { return strings.Compare(a.Name, b.Name) })
	return people, left
}

func byName(endpoints []Endpoint) []Endpoint {
	return slices.SortedFunc(slices.Values(endpoints), func(a, b Endpoint) int {
		return cmp.Or(cmp.Compare(len(a.Name), len(b.Name)), cmp.Compare(a.Name, b.Name))
	})
}

func numerically(a, b string) int { return cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(a, b)) }

// belongs finds the extension of an endpoint, by its own name or else its caller id, or says why it has none. What
// phones show as their number to the world may be the company's, so the name counts first; but a MAC address is a name
// that may happen to be a number.
func belongs(e Endpoint) (number string, named bool, why string) {
	switch {
	case !strings.HasPrefix(e.Name, "PJSIP/"):
		return "", false, whyTechnology
	case !configurable.MatchString(e.Name):
		return "", false, whyName
	case e.OutboundAuth != "":
		return "", false, whyLogsIn
	case outside.MatchString(e.Context):
		return "", false, whyOutside
	}
	if m := ownNumber.FindStringSubmatch(e.Name); m != nil && !macAddress.MatchString(e.Name) {
		return m[1], true, ""
	}
	if extension.MatchString(e.CallerNumber) {
		return e.CallerNumber, false, ""
	}
	return "", false, whyNumber
}

// joinWebPhones gives FreePBX's web phones, 99101, to whose extension is 101.
func joinWebPhones(lines map[string]*line) {
	for _, number := range slices.SortedFunc(maps.Keys(lines), numerically) {
		rest, web := strings.CutPrefix(number, webPhone)
		owner, l := lines[rest], lines[number]
		if !web || owner == nil || len(l.named) != 1 || len(l.called) > 0 {
			continue
		}
		if e := l.named[0]; e.Name == "PJSIP/"+number && (e.Context == freePBXPhones || e.CallerNumber == rest) {
			owner.named = append(owner.named, e)
			delete(lines, number)
		}
	}
}

// owner is who has the line. Whose number in the caller id is the line's, and whose name there is another, are strangers.
func (l *line) owner(number string) (p person, strangers []Endpoint) {
	p = person{Extension: number, Endpoints: l.named}
	if names := namesOf(l.named); len(names) > 0 {
		p.Name = names[0]
	} else if names = namesOf(l.called); len(names) == 1 {
		p.Name = names[0]
	} else if len(names) > 1 {
		return p, l.called
	}
	for _, e := range l.called {
		name := readable(e.CallerName)
		if name != "" && name == p.Name || name == "" && len(l.named) > 0 || len(l.named)+len(l.called) == 1 {
			p.Endpoints = append(p.Endpoints, e)
		} else {
			strangers = append(strangers, e)
		}
	}
	if p.Name == number {
		p.Name = ""
	}
	return p, strangers
}

// namesOf are the names that endpoints have in their caller ids, each once.
func namesOf(endpoints []Endpoint) []string {
	var names []string
	for _, e := range endpoints {
		if name := readable(e.CallerName); name != "" && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}
