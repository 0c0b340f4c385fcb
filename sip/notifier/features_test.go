package notifier

import (
	"strings"
	"testing"
	"testing/synctest"

	"supervisiond/sip/body"
)

const (
	dndOn       = `<?xml version="1.0" encoding="ISO-8859-1"?><SetDoNotDisturb xmlns="http://www.ecma-international.org/standards/ecma-323/csta/ed3"><device>102</device><doNotDisturbOn>true</doNotDisturbOn></SetDoNotDisturb>`
	forwardOn   = `<SetForwarding xmlns="http://www.ecma-international.org/standards/ecma-323/csta/ed3"><device/><forwardingType>forwardImmediate</forwardingType><activateForward>true</activateForward><forwardDN>103</forwardDN></SetForwarding>`
	forwardAway = `<SetForwarding xmlns="http://www.ecma-international.org/standards/ecma-323/csta/ed3"><device/><forwardingType>forwardImmediate</forwardingType><activateForward>true</activateForward><forwardDN>0900123456</forwardDN></SetForwarding>`
	forwardOff  = `<SetForwarding xmlns="http://www.ecma-international.org/standards/ecma-323/csta/ed3"><device/><forwardingType>forwardImmediate</forwardingType><activateForward>false</activateForward><forwardDN/></SetForwarding>`
)

// F2, F4, F6: what a phone's keys set is set at the PBX, and its display has what the line has, whoever changed it.
func TestFeatureKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := start(t, false)
		seq := uint32(1)
		d := p.subscribed(Subscribe{Viewer: "ben", User: "102", Event: "as-feature-event"})
		p.says(p.one(), "<doNotDisturbOn>false<", "-<forwardStatus>true<")
		set := func(document string) Decision {
			seq++
			return p.asks(Subscribe{
				Viewer: "ben", User: "102", Event: "as-feature-event", Dialog: d, CSeq: seq, ContentType: body.FeatureType, Body: []byte(document),
			})
		}
		set(dndOn)
		p.says(p.one(), "<doNotDisturbOn>true<", "-<forwardStatus>true<")
		set(forwardOn)
		p.says(p.one(), "<forwardStatus>true<", "<forwardTo>103<", "<doNotDisturbOn>true<")
		set(forwardAway)
		p.says(p.one(), "<forwardTo>103<", "-0900")
		set(forwardOff)
		p.says(p.one(), "-<forwardStatus>true<", "<doNotDisturbOn>true<")
		if c := set("<SetDoNotDisturb>"); c.Code != 400 {
			t.Errorf("half a document: %d", c.Code)
		}
		p.none()
		if c := set(strings.Replace(dndOn, ">true<", ">false<", 1)); c.Code != 200 {
			t.Errorf("%d", c.Code)
		}
		p.says(p.one(), "<doNotDisturbOn>false<")
		if len(p.n.setting) != 0 {
			t.Error("something is still being set")
		}
	})
}
