package config

import (
	"fmt"
	"regexp"
	"strings"

	"gopkg.in/yaml.v3"
)

// place is where something stands in the file or, if it is not given, where that stands which should hold it.
type place struct {
	line, col int
	path      string // people.anna.extension
	// broken: a mistake was reported for this, or for what holds it.
	broken bool
}

var plainKey = regexp.MustCompile(`^[A-Za-z0-9_-]{1,60}$`)

// child is the place of what the key holds, until the key's own position is known.
func (p place) child(key string) place {
	if !plainKey.MatchString(key) {
		key = quote(key)
	}
	if p.path != "" {
		key = p.path + "." + key
	}
	p.path = key
	return p
}

// value is a part of the configuration. Each is read exactly once; one that is not given is read from nil.
type value interface {
	read(d *decoder, n *yaml.Node, at place)
}

// decoder turns YAML nodes into values. It knows about YAML and positions, and nothing of what the values mean.
type decoder struct{ *report }

// read reads v from n, which may be absent, empty or something that this format has no use for.
func (d *decoder) read(v value, n *yaml.Node, at place) {
	switch {
	case n == nil:
	case n.Kind == yaml.AliasNode:
		at.line, at.col = n.Line, n.Column
		d.add(at, `YAML aliases are not supported: write the value out, and quote a value that begins with *, as in "*20"`)
		at.broken, n = true, nil
	case n.Style&yaml.TaggedStyle != 0 && n.ShortTag() != "!!str":
		at.line, at.col = n.Line, n.Column
		d.add(at, "YAML tags are not supported: quote a value that begins with !")
		at.broken, n = true, nil
	case n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null":
		n = nil
	}
	v.read(d, n, at)
}

// keys are the keys that a section may have, and where their values go.
type keys map[string]value

// section reads a mapping whose keys are known.
func (d *decoder) section(n *yaml.Node, at place, known keys) {
	missing := make(map[string]place, len(known))
	for name := range known {
		missing[name] = at.child(name)
	}
	ok := d.pairs(n, at, func(key text, n *yaml.Node) {
		v, ok := known[key.value]
		if !ok {
			// What was misspelt is not missing as well.
			if meant := d.unknownKey(key, at.path, known); meant != "" {
				p := missing[meant]
				p.broken = true
				missing[meant] = p
			}
			return
		}
		key.path = missing[key.value].path
		known[key.value] = nil
		d.read(v, n, key.place)
	})
	for name, v := range known {
		if v != nil {
			p := missing[name]
			p.broken = p.broken || !ok
			v.read(d, nil, p)
		}
	}
}

// short reads a section that may also be written as nothing but the value of its main key.
func (d *decoder) short(n *yaml.Node, at place, name string, main *text, rest keys) {
	if n != nil && n.Kind == yaml.ScalarNode {
		main.read(d, n, at)
		n = nil
	} else {
		rest[name] = main
	}
	d.section(n, at, rest)
}

// pairs calls each for the keys of a mapping, with the key's place as that of what it holds. It returns false if n is
// something else.
func (d *decoder) pairs(n *yaml.Node, at place, each func(key text, n *yaml.Node)) bool {
	if n == nil {
		return true
	}
	if n.Kind != yaml.MappingNode {
		d.add(placeOf(n, at), "expected a mapping (key: value), found %s", kindOf(n))
		return false
	}
	seen := make(map[string]int, len(n.Content)/2)
	for i := 0; i+1 < len(n.Content); i += 2 {
		k := n.Content[i]
		here := placeOf(k, at)
		switch {
		case k.Kind != yaml.ScalarNode:
			d.add(here, "expected a plain key, found %s", kindOf(k))
			continue
		case k.ShortTag() == "!!merge":
			d.add(here, "YAML merge keys (<<) are not supported: write the keys out")
			continue
		case seen[k.Value] != 0:
			d.add(here, "duplicate key %s: it is on line %d already", quote(k.Value), seen[k.Value])
			continue
		}
		seen[k.Value] = k.Line
		child := at.child(k.Value)
		child.line, child.col = k.Line, k.Column
		each(text{place: child, value: k.Value, given: true}, n.Content[i+1])
	}
	return true
}

// unknownKey reports a key of a section that is not among the known ones, and returns the one that was probably meant.
func (d *decoder) unknownKey(key text, section string, known keys) (meant string) {
	names := make([]string, 0, len(known))
	for name := range known {
		names = append(names, name)
	}
	at := key.place
	at.path = section
	// {password:x} is a key without a value to YAML. What follows the colon may be a secret.
	if name, _, found := strings.Cut(key.value, ":"); found {
		if _, ok := known[name]; ok {
			d.add(at, "write a space after %s", quote(name+":"))
			return name
		}
		d.add(at, "unknown key: keys here hold no colon, and a colon needs a space after it")
		return ""
	}
	meant = nearest(key.value, names)
	d.add(at, "unknown key %s%s", quote(key.value), didYouMean(meant, names))
	return meant
}

// text is a single value, taken literally: 0101 stays 0101.
type text struct {
	place
	value string
	given bool
}

func (t *text) read(d *decoder, n *yaml.Node, at place) {
	t.place = at
	if n == nil {
		return
	}
	t.place = placeOf(n, at)
	if n.Kind != yaml.ScalarNode {
		d.add(t.place, "expected a single value, found %s", kindOf(n))
		t.broken = true
		return
	}
	t.value, t.given = n.Value, true
}

type valueOf[T any] interface {
	*T
	value
}

// list is a YAML list.
type list[T any, P valueOf[T]] struct {
	place
	given bool
	items []T
}

func (l *list[T, P]) read(d *decoder, n *yaml.Node, at place) {
	l.place = at
	if n == nil {
		return
	}
	if n.Kind != yaml.SequenceNode {
		d.add(placeOf(n, at), "expected a list, found %s", kindOf(n))
		l.broken = true
		return
	}
	l.given = true
	for i, item := range n.Content {
		here := placeOf(item, at)
		here.path = fmt.Sprintf("%s[%d]", at.path, i)
		if item.Kind == yaml.ScalarNode && item.ShortTag() == "!!null" {
			d.add(here, "empty list item")
			continue
		}
		var x T
		d.read(P(&x), item, here)
		l.items = append(l.items, x)
	}
}

// entries is a mapping whose keys are names that the file gives, in the order of the file.
type entries[T any, P valueOf[T]] struct {
	place
	items []entry[T]
}

type entry[T any] struct {
	key   text
	value T
}

func (e *entries[T, P]) read(d *decoder, n *yaml.Node, at place) {
	e.place = at
	e.broken = e.broken || !d.pairs(n, at, func(key text, n *yaml.Node) {
		x := entry[T]{key: key}
		d.read(P(&x.value), n, key.place)
		e.items = append(e.items, x)
	})
}

func placeOf(n *yaml.Node, at place) place {
	at.line, at.col = n.Line, n.Column
	return at
}

func isMapping(n *yaml.Node) bool { return n != nil && n.Kind == yaml.MappingNode }

func kindOf(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a mapping"
	case yaml.SequenceNode:
		return "a list"
	case yaml.AliasNode:
		return "an alias"
	default:
		return "a single value"
	}
}
