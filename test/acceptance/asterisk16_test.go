package acceptance

import (
	"testing"

	"supervisiond/test/lab"
)

// asterisk16 is the oldest Asterisk that is to be had: 16.28. What differs there is in docs/asterisk-versions.md.
func asterisk16(t *testing.T, layout string) lab.Options {
	t.Helper()
	o := lab.Options{Suite: "bullseye", Layout: layout}
	if err := lab.Installed(o); err != nil {
		t.Fatal(err)
	}
	return o
}

func TestCallsOnAsterisk16(t *testing.T) {
	t.Parallel()
	testCalls(t, asterisk16(t, ""))
}

func TestCallsOnFreePBXAndAsterisk16(t *testing.T) {
	t.Parallel()
	testCalls(t, asterisk16(t, lab.FreePBX), freePBXStories...)
}

func TestPickupOnAsterisk16(t *testing.T) {
	t.Parallel()
	testPickup(t, asterisk16(t, ""))
}

func TestPickupOnFreePBXAndAsterisk16(t *testing.T) {
	t.Parallel()
	testPickup(t, asterisk16(t, lab.FreePBX), freePBXReaches...)
}

func TestPickupRefusedOnAsterisk16(t *testing.T) {
	t.Parallel()
	testPickupRefused(t, asterisk16(t, ""))
}

func TestPickupRaceOnAsterisk16(t *testing.T) {
	t.Parallel()
	testPickupRace(t, asterisk16(t, ""), rounds/10)
}

func TestAsteriskRestartsWhileRingingOnAsterisk16(t *testing.T) {
	t.Parallel()
	testAsteriskRestartsWhileRinging(t, asterisk16(t, ""))
}

func TestDaemonKilledWhileLocalChannelsRingOnAsterisk16(t *testing.T) {
	t.Parallel()
	testDaemonKilledWhileLocalChannelsRing(t, asterisk16(t, ""), "701", "750", "800", "801")
}
