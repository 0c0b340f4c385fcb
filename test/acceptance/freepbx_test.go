package acceptance

import (
	"testing"

	"supervisiond/test/lab"
	"supervisiond/test/softphone"
)

// R4 on a FreePBX whose ari.conf has the channelvars of any other PBX: an inbound route marks the caller as one who may
// be shown, and what they wished is asked for.
func TestWithheldOnFreePBXWithPlainChannelVars(t *testing.T) {
	t.Parallel()
	s := newSite(t, options{lab: lab.Options{Layout: lab.FreePBX}})
	s.alter("res_ari.so", "ari.conf", replace(",CALLINGNUMPRES_SV,CALLINGNAMEPRES_SV,NODEST,EXTTOCALL", ""))
	s.doctor(nil).has("WARN", "channelvars in ari.conf lacks CALLINGNUMPRES_SV, CALLINGNAMEPRES_SV, NODEST, EXTTOCALL",
		"CONNECTEDLINE(pres),CALLINGNUMPRES_SV,")
	ben := s.phone("102")
	trunk := s.outside()
	for _, x := range []struct {
		name   string
		caller []softphone.DialOption
		want   string
	}{
		{"withheld", []softphone.DialOption{
			softphone.Anonymous(), softphone.AssertedIdentity("+4930555", "Dr. Geheim"), softphone.Privacy("id"),
		}, ""},
		{"shown", []softphone.DialOption{softphone.From("+4930556", "Dr. Weiß")}, "+4930556"},
	} {
		mark := s.watch.mark()
		caller := s.dial(trunk, "4930102", x.caller...)
		s.rings(ben)
		call := s.watch.awaitCall(mark, "rings", func(d callDocument) bool { return d.State == "ringing" })
		if call.Caller.Number != x.want || call.Caller.Withheld != (x.want == "") {
			t.Errorf("%s: %+v", x.name, call.Caller)
		}
		s.must("hang up", caller.Hangup(s.ctx()))
		s.quiet()
		checkNowhere(t, s, mark, "Geheim", "4930555")
	}
}
