package ari

import (
	"strings"
	"time"
)

// presentation says whether a caller's number and name may be shown (R4).
type presentation int8

const (
	presentationUnknown presentation = iota
	presentationAllowed
	presentationWithheld
)

// parsePresentation reads what CALLERID(pres) gives: allowed…, prohib…, or unavailable. What the PBX cannot say may be
// shown is not shown.
func parsePresentation(value string) presentation {
	if strings.HasPrefix(value, "allowed") {
		return presentationAllowed
	}
	return presentationWithheld
}

// presentationOf judges by the caller's own channel and by the ringing one. Where ari.conf's channelvars do not say it,
// the PBX is asked, and until it answers nothing is known.
func (t *tracker) presentationOf(root, l *leg) presentation {
	if l.Vars.Present && strings.HasPrefix(l.Vars.ConnectedPres, "prohib") {
		return presentationWithheld
	}
	of := root
	if root == l {
		of = nil
	}
	switch {
	case of == nil && l.Vars.Present:
		return parsePresentation(l.Vars.ConnectedPres)
	case of == nil:
		return presentationWithheld
	case of.Vars.Present:
		return parsePresentation(of.Vars.CallerPres)
	case of.presented == presentationUnknown && !of.asked && !t.silent:
		of.asked = true
		if !t.ask(of.ID) {
			of.presented = presentationWithheld
		}
	}
	return of.presented
}

// presentationAnswered takes the PBX's answer and tells of the phones that waited for it. No answer: not shown.
func (t *tracker) presentationAnswered(channelID, value string, at time.Time) {
	root := t.channels[channelID]
	if root == nil {
		return
	}
	root.presented = parsePresentation(value)
	for _, l := range t.channels {
		if l.told == nil && l.rings() {
			t.tellRing(l, at)
		}
	}
}
