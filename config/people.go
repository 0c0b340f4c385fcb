package config

import (
	"maps"
	"regexp"
	"slices"
	"strings"

	"supervisiond/supervision"
)

var (
	id        = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,31}$`)
	extension = regexp.MustCompile(`^[0-9]{1,15}$`)
	pjsip     = regexp.MustCompile(`^PJSIP/[A-Za-z0-9_.@+-]{1,79}$`)
	language  = regexp.MustCompile(`^[A-Za-z]{2,8}([_-][A-Za-z0-9]{1,8})*$`)
	phoneMake = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,31}$`)
)

const idRule = "an id is 1 to 32 of a-z, 0-9, - and _, and begins with a letter or digit"

// owned is what has been given to somebody already, and where.
type owned map[string]ownership

type ownership struct {
	by   string
	line int
}

// claim gives the value to an owner, or reports who has it.
func (c *checker) claim(taken owned, t text, what, by string) {
	switch o, ok := taken[t.value]; {
	case !ok:
		taken[t.value] = ownership{by, t.line}
	case o.by == by:
		c.add(t.place, "%s %s is given to %s twice, first on line %d", what, quote(t.value), by, o.line)
	default:
		c.add(t.place, "%s %s belongs to %s already (line %d) and cannot be given to %s as well", what, quote(t.value), o.by, o.line, by)
	}
}

func (c *checker) persons(raw *people) ([]supervision.Person, map[supervision.PersonID]Credentials) {
	persons := make([]supervision.Person, 0, len(raw.items))
	credentials := make(map[supervision.PersonID]Credentials)
	c.extensions = owned{}
	endpoints, usernames := owned{}, owned{}
	for i := range raw.items {
		key, r := raw.items[i].key, &raw.items[i].value
		if !id.MatchString(key.value) {
			c.add(key.place, "%s is not possible: %s", quote(key.value), idRule)
		}
		p := supervision.Person{
			ID:       supervision.PersonID(key.value),
			Name:     c.label(r.name, key.value),
			Language: c.matching(r.language, "", language, "write one such as de or en_GB"),
			Admin:    c.boolean(r.admin, false),
		}
		if c.required(r.extension) {
			p.Extension = c.matching(r.extension, "", extension, "an extension is 1 to 15 digits")
			c.claim(c.extensions, r.extension, "extension", key.value)
		}
		p.Endpoints = c.endpoints(r, endpoints, key.value)
		for _, t := range r.unsupervised.items {
			if c.endpoint(t, endpoints, key.value) {
				p.Unsupervised = append(p.Unsupervised, t.value)
			}
		}
		persons = append(persons, p)

		own := Credentials{
			PasswordHash: c.passwordHash(r.passwordHash, c.secret(r.passwordHash)),
			SIP:          c.credentials(&r.sip, usernames, key.value),
		}
		if !own.PasswordHash.IsEmpty() || own.SIP.Username != "" {
			credentials[p.ID] = own
		}
	}
	for _, p := range raw.items {
		c.noExtension(p.key)
	}
	return persons, credentials
}

// noExtension reports an id that is somebody else's extension: the event server takes either in a SIP URI.
func (c *checker) noExtension(key text) {
	if o, taken := c.extensions[key.value]; taken && o.by != key.value {
		c.add(key.place, "%s is the extension of %s already (line %d), and phones could mean either", quote(key.value), o.by, o.line)
	}
}

// endpoints returns a person's supervised endpoints, of which one is the default: the first if the file names none.
func (c *checker) endpoints(r *rawPerson, taken owned, owner string) []supervision.Endpoint {
	var found []supervision.Endpoint
	var preferred text
	for _, e := range r.endpoints.items {
		if !c.endpoint(e.endpoint, taken, owner) {
			continue
		}
		isDefault := c.boolean(e.isDefault, false)
		if isDefault {
			if preferred.given {
				c.add(e.isDefault.place, "%s has a default endpoint already, on line %d", owner, preferred.line)
			}
			preferred = e.isDefault
		}
		found = append(found, supervision.Endpoint{
			Name:       e.endpoint.value,
			Label:      c.label(e.label, ""),
			Default:    isDefault,
			AutoAnswer: c.matching(e.autoAnswer, "", phoneMake, "write the make of the phone, such as yealink"),
		})
	}
	if len(found) > 0 && !preferred.given {
		found[0].Default = true
	}
	return found
}

// knownPerson reports a person whom the configuration does not know.
func (c *checker) knownPerson(t text) {
	if _, known := c.people[t.value]; known || c.people == nil {
		return
	}
	ids := slices.Collect(maps.Keys(c.people))
	c.add(t.place, "there is no person %s%s", quote(t.value), didYouMean(nearest(t.value, ids), ids))
}

// endpoint checks an endpoint and gives it to its owner.
func (c *checker) endpoint(t text, taken owned, owner string) bool {
	if t.broken || !c.required(t) {
		return false
	}
	if pjsip.MatchString(t.value) {
		c.claim(taken, t, "endpoint", owner)
		return true
	}
	technology, resource, found := strings.Cut(t.value, "/")
	switch {
	case !found:
		c.add(t.place, "%s is not an endpoint: write technology and name, such as PJSIP/101", quote(t.value))
	case technology != "PJSIP":
		c.add(t.place, "%s is not possible: only PJSIP endpoints can be supervised, such as PJSIP/101", quote(t.value))
	default:
		c.add(t.place, "%s is not possible: the name of an endpoint is 1 to 79 of A-Z, a-z, 0-9, and _.@+-", quote(resource))
	}
	return false
}
