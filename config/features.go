package config

import "regexp"

// featureCode is what a phone can dial and a dialplan pattern takes literally.
var featureCode = regexp.MustCompile(`^[0-9*#]{1,10}$`)

type feature struct {
	text
	code string
}

func (c *checker) features(raw *rawFeatures, people *people) Features {
	code := func(t text, standard string) feature {
		return feature{t, c.matching(t, standard, featureCode, "a code is 1 to 10 digits, * and #")}
	}
	codes := []feature{
		code(raw.pickup, "*20"), code(raw.pickupGroup, "*22"), code(raw.join, "*23"), code(raw.leave, "*24"),
		code(raw.toggle, "*25"), code(raw.cancelForwarding, "*26"),
	}
	for i, a := range codes {
		for _, b := range codes[i+1:] {
			c.distinct(a, b)
		}
		for _, p := range people.items {
			if ext := p.value.extension; ext.given && beginsLike(ext.value, a.code) {
				c.add(a.place, "%s would take calls to extension %s of %s", quote(a.code), quote(ext.value), p.key.value)
				break
			}
		}
	}
	return Features{
		Pickup: codes[0].code, PickupGroup: codes[1].code, Join: codes[2].code, Leave: codes[3].code,
		Toggle: codes[4].code, CancelForwarding: codes[5].code,
		WhenDown: oneOf(c, raw.whenDown, Refuse, PickupGroups),
	}
}

// distinct reports two codes of which one, dialled with an argument, may be the other.
func (c *checker) distinct(a, b feature) {
	if !beginsLike(a.code, b.code) && !beginsLike(b.code, a.code) {
		return
	}
	if !b.given {
		a, b = b, a
	}
	c.add(b.place, "%s cannot be told from %s of %s, which is followed by digits", quote(b.code), quote(a.code), a.path)
}

// beginsLike tells whether dialled is the code, or the code and then a digit.
func beginsLike(dialled, code string) bool {
	if code == "" || len(dialled) < len(code) || dialled[:len(code)] != code {
		return false
	}
	return len(dialled) == len(code) || dialled[len(code)] >= '0' && dialled[len(code)] <= '9'
}
