package softphone_test

import (
	"errors"
	"strings"
	"testing"

	"supervisiond/test/lab"
	"supervisiond/test/softphone"
)

// A lamp key follows a colleague's line.
func TestLampKey(t *testing.T) {
	t.Parallel()
	for _, transport := range []string{"udp", "tcp"} {
		t.Run(transport, func(t *testing.T) {
			t.Parallel()
			pbx := lab.Start(t, lab.Options{})
			anna := phone(t, pbx, "101", func(o *softphone.Options) { o.Transport = transport })
			ben, carla := phone(t, pbx, "102"), phone(t, pbx, "103")
			lamp, err := anna.Subscribe(within(t), "102", "dialog")
			must(t, err)
			must(t, lamp.Wait(within(t), softphone.LampOff))
			call := dial(t, carla, "102")
			ringing := rings(t, ben)
			must(t, lamp.Wait(within(t), softphone.LampBlinks))
			must(t, ringing.Answer())
			must(t, lamp.Wait(within(t), softphone.LampOn))
			must(t, call.Hangup(within(t)))
			must(t, lamp.Wait(within(t), softphone.LampOff))

			// It is one that can be ended, and that the PBX then no longer keeps.
			must(t, lamp.Unsubscribe(within(t)))
			if out, err := pbx.CLI(within(t), "pjsip show subscriptions inbound"); err != nil || strings.Contains(out, "102") {
				t.Errorf("the PBX still shows %v\n%s", err, out)
			}
		})
	}
}

func TestNoSuchLamp(t *testing.T) {
	t.Parallel()
	pbx := lab.Start(t, lab.Options{})
	anna := phone(t, pbx, "101")
	_, err := anna.Subscribe(within(t), "199", "dialog")
	var refused *softphone.StatusError
	if !errors.As(err, &refused) || refused.Code != 404 {
		t.Errorf("%v", err)
	}
}
