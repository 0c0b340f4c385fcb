package softphone

import (
	"strings"

	"github.com/emiago/sipgo/sip"
)

// Party is somebody as a phone's display shows them.
type Party struct {
	Name   string
	Number string
}

func (p Party) String() string {
	if p.Name == "" {
		return p.Number
	}
	return p.Name + " <" + p.Number + ">"
}

// identity reads whom a message says the other side is: the asserted identity,
// as phones of an office trust it, before the other ones.
func identity(m sip.Message) (Party, bool) {
	for _, name := range []string{"P-Asserted-Identity", "Remote-Party-ID"} {
		for _, value := range values(m, name) {
			if p, ok := parseParty(value); ok {
				return p, true
			}
		}
	}
	return Party{}, false
}

func parseParty(value string) (Party, bool) {
	var uri sip.Uri
	var params sip.HeaderParams
	name, err := sip.ParseAddressValue(value, &uri, &params)
	if err != nil {
		return Party{}, false
	}
	return Party{Name: unquote(name), Number: uri.User}, true
}

// quote makes a name fit between quotation marks; the SIP library does not.
func quote(name string) string {
	return strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(name)
}

func unquote(name string) string {
	var b strings.Builder
	escaped := false
	for _, r := range name {
		if r == '\\' && !escaped {
			escaped = true
			continue
		}
		escaped = false
		b.WriteRune(r)
	}
	return b.String()
}

// values are all values of a header.
func values(m sip.Message, name string) []string {
	var all []string
	for _, h := range m.GetHeaders(name) {
		all = append(all, h.Value())
	}
	return all
}

// reason is what a message says in Reason, which may be twice there: once for
// SIP and once for Q.850.
func reason(m sip.Message) string { return strings.Join(values(m, "Reason"), ", ") }
