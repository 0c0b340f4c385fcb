package ari

import (
	"context"
	"errors"
	"net/http"
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

// stricter joins what the PBX says now with what it put aside of the caller's wish. What is empty was never put aside.
func (p presentation) stricter(wishes ...string) presentation {
	for _, wish := range wishes {
		if wish != "" && parsePresentation(wish) == presentationWithheld {
			return presentationWithheld
		}
	}
	return p
}

// said is what the variables tell of a caller, and whether that is all there is to know.
func (v *channelVars) said(marksCallers bool) (p presentation, all bool) {
	if !v.Present {
		return presentationUnknown, false
	}
	p = parsePresentation(v.CallerPres).stricter(v.NumberWish, v.NameWish)
	return p, p == presentationWithheld || v.WishKnown || !marksCallers
}

// presentationOf judges by the caller's own channel and by the ringing one. Where ari.conf's channelvars do not say it,
// the PBX is asked, and until it answers nothing is known.
func (t *tracker) presentationOf(root, l *leg) presentation {
	if l.Vars.Present && strings.HasPrefix(l.Vars.ConnectedPres, "prohib") {
		return presentationWithheld
	}
	if root == l {
		if l.Vars.Present {
			return parsePresentation(l.Vars.ConnectedPres)
		}
		return presentationWithheld
	}
	said, all := root.Vars.said(t.ask.marksCallers())
	if all {
		return said
	}
	if root.presented == presentationUnknown && !root.asked && !t.silent {
		root.asked = true
		if !t.ask.presentation(root.ID, said) {
			root.presented = presentationWithheld
		}
	}
	return root.presented
}

// presentationAnswered takes the PBX's answer and tells of the phones that waited for it.
func (t *tracker) presentationAnswered(channelID string, p presentation, at time.Time) {
	root := t.channels[channelID]
	if root == nil {
		return
	}
	root.presented = p
	t.tellAll(at)
}

// tellAll tells of whatever waited for an answer of the PBX.
func (t *tracker) tellAll(at time.Time) {
	for _, l := range t.channels {
		t.tellRing(l, at)
		t.tellMoved(l, at)
	}
}

// asker is where the tracker gets what events do not tell.
type asker interface {
	// presentation finds out how a channel's caller may be presented, of whom events have said so much. It reports
	// whether there will be an answer.
	presentation(channelID string, said presentation) bool
	// forwarder finds out the name of the channel whose phone sent its call to this one. It reports whether there will be
	// an answer.
	forwarder(channelID string) bool
	// marksCallers: the PBX may be one whose inbound routes mark every caller as one who may be shown, and put aside
	// what the caller wished.
	marksCallers() bool
}

// marksCallers holds of every PBX until its dialplan has been looked at.
func (p *PBX) marksCallers() bool { return !p.probe.plain.Load() }

// presentation has somebody ask, who answers to the follower.
func (p *PBX) presentation(channelID string, said presentation) bool {
	return p.enqueue(order{"ask for presentation", func(ctx context.Context) {
		said, err := p.askPresentation(ctx, channelID, said)
		if err != nil {
			p.log.Warn("the PBX does not say whether a caller may be shown, so the caller is not; "+
				"add what the head of the generated dialplan says to channelvars in ari.conf", "channel", channelID, "error", err)
		}
		p.answer(func(t *tracker, at time.Time) { t.presentationAnswered(channelID, said, at) })
	}})
}

// answer hands to the follower what the PBX was asked.
func (p *PBX) answer(a answer) {
	select {
	case p.answers <- a:
	case <-time.After(orderTimeout): // nobody follows the PBX any more
	}
}

// askPresentation asks the PBX. Whoever it does not answer for is not shown.
func (p *PBX) askPresentation(ctx context.Context, channelID string, said presentation) (presentation, error) {
	if said == presentationUnknown {
		value, err := p.rest.ChannelVariable(ctx, channelID, "CALLERID(pres)")
		if err != nil {
			return presentationWithheld, err
		}
		said = parsePresentation(value)
	}
	if said == presentationWithheld || !p.marksCallers() {
		return said, nil
	}
	for _, name := range []string{varNumberWish, varNameWish} {
		wish, err := p.rest.ChannelVariable(ctx, channelID, name)
		var failed *Error
		if errors.As(err, &failed) && failed.Status == http.StatusNotFound {
			continue // it was never put aside
		}
		if err != nil {
			return presentationWithheld, err
		}
		said = said.stricter(wish)
	}
	return said, nil
}
