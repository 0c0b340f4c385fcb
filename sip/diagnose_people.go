package sip

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"supervisiond/supervision"
)

// people finds out whether anybody is let in, how they prove themselves, and whether who wants alerts can have any.
func (o Diagnosis) people(r Report) {
	all := slices.Collect(maps.Values(o.Accounts))
	slices.SortFunc(all, func(a, b Account) int { return strings.Compare(string(a.Person), string(b.Person)) })
	switch {
	case len(o.Listen) == 0 && len(all) == 0:
		return
	case len(o.Listen) == 0:
		r.Warn(fmt.Sprintf("people have a secret for SIP, and there is no sip section: %s", named(all)),
			"write one with the addresses on which their phones are to be answered: sip: {listen: [udp://192.0.2.10:5070]}")
		return
	case len(all) == 0:
		r.Warn("nobody has a secret for SIP: no phone is let in",
			"write people.ID.sip for who has a phone with lamp keys; if only the PBX's SIP side is to be watched, all is well")
		return
	}
	algorithms(all, r)
	o.alerts(all, r)
}

// algorithms: whoever has only one hash needs a phone that knows that one.
func algorithms(all []Account, r Report) {
	sha := chosen(all, func(a Account) bool { return a.Password == "" && a.HA1MD5 == "" })
	if len(sha) > 0 {
		r.Warn(fmt.Sprintf("only SHA-256 is known of %s, and many phones know only MD5", named(sha)),
			"if the phone is answered 401 again and again, give its person ha1_md5 as well, or password_file")
		return
	}
	if md5 := chosen(all, func(a Account) bool { return a.Password == "" && a.HA1SHA256 == "" }); len(md5) > 0 {
		r.Pass(letIn(len(all)) + "by MD5 or SHA-256; by MD5 only " + named(md5))
		return
	}
	r.Pass(letIn(len(all)) + "by MD5 or SHA-256")
}

func letIn(people int) string {
	if people == 1 {
		return "phones of 1 person are let in, "
	}
	return fmt.Sprintf("phones of %d people are let in, ", people)
}

// alerts are for calls that one may pick up.
func (o Diagnosis) alerts(all []Account, r Report) {
	idle := chosen(all, func(a Account) bool { return a.Alerts && !o.supervises(a.Person) })
	if len(idle) > 0 {
		r.Warn(fmt.Sprintf("alerts are wanted by who supervises no group, and never get one: %s", named(idle)),
			"make them supervisors, or take sip.alerts out")
	}
}

func (o Diagnosis) supervises(person supervision.PersonID) bool {
	for _, id := range o.Directory.Groups() {
		if _, is := o.Directory.Group(id).Supervisor(person); is {
			return true
		}
	}
	return false
}

func chosen(all []Account, which func(Account) bool) []Account {
	return slices.DeleteFunc(slices.Clone(all), func(a Account) bool { return !which(a) })
}

// named says who they are; of many the first.
func named(all []Account) string {
	const most = 5
	var names []string
	for _, a := range all[:min(len(all), most)] {
		names = append(names, string(a.Person))
	}
	if more := len(all) - most; more > 0 {
		names = append(names, fmt.Sprintf("and %d more", more))
	}
	return strings.Join(names, ", ")
}
