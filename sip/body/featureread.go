package body

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// maxRings is the highest count of rings that BroadWorks knows.
const maxRings = 100

// ParseFeature reads what a phone asks for when a feature key of it was pressed: SetDoNotDisturb or SetForwarding. Names
// count and namespaces do not, for the one of the makers' papers is misspelt in places and phones have copied it; the order
// is free, and the words of the answer (forwardStatus, forwardTo) are taken for those of the request. Truth is true, 1, yes
// or on. The target is freed of a scheme and a host, so that it is a number.
//
// The error says what is wrong with the document, for the log and for the answer to the phone.
func ParseFeature(document []byte) (Feature, error) {
	root, err := readXML(document)
	if err != nil {
		return Feature{}, err
	}
	f := Feature{Device: root.childText("device")}
	switch root.name.Local {
	case "SetDoNotDisturb":
		f.Kind = DoNotDisturb
		f.On, err = truth(root, "doNotDisturbOn")
	case "SetForwarding":
		err = f.parseForwarding(root)
	default:
		err = fmt.Errorf("%s is no feature that is known here; SetDoNotDisturb and SetForwarding are", cut(root.name.Local))
	}
	if err != nil {
		return Feature{}, err
	}
	return f, nil
}

func (f *Feature) parseForwarding(root *element) error {
	word := root.childText("forwardingType")
	for _, t := range forwardingTypes {
		if strings.EqualFold(t.word, word) {
			f.Kind = t.kind
		}
	}
	if f.Kind == "" {
		return fmt.Errorf("its forwardingType %q is none of forwardImmediate, forwardBusy and forwardNoAns", cut(word))
	}
	var err error
	if f.On, err = truth(root, "activateForward", "forwardStatus"); err != nil {
		return err
	}
	f.Target = number(root.childText("forwardDN"))
	if f.Target == "" {
		f.Target = number(root.childText("forwardTo"))
	}
	if rings := root.childText("ringCount"); rings != "" {
		if f.Rings, err = strconv.Atoi(rings); err != nil || f.Rings < 0 || f.Rings > maxRings {
			return fmt.Errorf("its ringCount %q is no number from 0 to %d", cut(rings), maxRings)
		}
	}
	return nil
}

// truth reads the first of the named elements that is there.
func truth(root *element, names ...string) (bool, error) {
	for _, name := range names {
		e := root.child(name)
		if e == nil {
			continue
		}
		switch strings.ToLower(e.text) {
		case "true", "1", "yes", "on":
			return true, nil
		case "false", "0", "no", "off":
			return false, nil
		}
		return false, fmt.Errorf("its %s %q is neither true nor false", name, cut(e.text))
	}
	return false, errors.New("it has no " + names[0])
}

// number takes the number out of what may be a URI of SIP or tel. What is no valid escape stays as it is.
func number(target string) string {
	scheme, rest, found := strings.Cut(target, ":")
	if !found {
		return target
	}
	switch strings.ToLower(scheme) {
	case "sip", "sips":
		user, _, hasHost := strings.Cut(rest, "@")
		if !hasHost {
			return target
		}
		rest = user
	case "tel":
	default:
		return target
	}
	rest, _, _ = strings.Cut(rest, ";")
	return unescape(rest)
}

// unescape replaces %hh, as RFC 3261 25.1 has it.
func unescape(s string) string {
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) {
			if c, err := strconv.ParseUint(s[i+1:i+3], 16, 8); err == nil {
				b = append(b, byte(c))
				i += 2
				continue
			}
		}
		b = append(b, s[i])
	}
	return string(b)
}
