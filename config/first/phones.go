package first

import (
	"cmp"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// freePBXPhones is the context in which the phones of a FreePBX dial.
const freePBXPhones = "from-internal"

// phones are where people's endpoints dial.
type phones struct {
	Context string // empty: not known
	Given   bool   // by the administrator
	Unfit   string // a context that the configuration does not take
	Others  []elsewhere
}

// elsewhere are endpoints that dial in another context.
type elsewhere struct {
	Context   string
	Endpoints []string
}

// phonesOf finds the context in which most phones dial.
func phonesOf(given string, people []person) phones {
	dial := map[string][]string{}
	for _, p := range people {
		for _, e := range p.Endpoints {
			if e.Context != "" {
				dial[e.Context] = append(dial[e.Context], e.Name)
			}
		}
	}
	byCount := slices.SortedFunc(maps.Keys(dial), func(a, b string) int {
		return cmp.Or(cmp.Compare(len(dial[b]), len(dial[a])), cmp.Compare(a, b))
	})
	p := phones{Context: given, Given: given != ""}
	if !p.Given && len(byCount) > 0 {
		if p.Context = byCount[0]; !fit(p.Context) {
			p.Context, p.Unfit = "", p.Context
		}
	}
	for _, c := range byCount {
		if c != p.Context && c != p.Unfit {
			slices.Sort(dial[c])
			p.Others = append(p.Others, elsewhere{c, dial[c]})
		}
	}
	return p
}

var contextName = regexp.MustCompile(`^[A-Za-z0-9_-]{1,79}$`)

// fit says whether the configuration takes a context as that of the phones, beside its own ones.
func fit(name string) bool {
	own := name == "supervision" || strings.HasPrefix(name, "supervision-")
	return contextName.MatchString(name) && !own && name != "general" && name != "globals"
}

func onFreePBX(people []person) bool {
	return slices.ContainsFunc(people, func(p person) bool {
		return slices.ContainsFunc(p.Endpoints, func(e Endpoint) bool { return e.Context == freePBXPhones })
	})
}
