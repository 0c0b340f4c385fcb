package acceptance

import (
	"testing"

	"supervisiond/test/lab"
)

// freePBX is a PBX that is laid out as FreePBX does it. Everything that a user sees is to be the same there; what those
// tests show on the plain layout that stand in no list here has nothing to do with how a PBX is laid out, or has its
// variant beside it.
var freePBX = lab.Options{Layout: lab.FreePBX}

func TestCodesOnFreePBX(t *testing.T) {
	t.Parallel()
	testCodes(t, freePBX)
}

func TestLockByPhoneOnFreePBX(t *testing.T) {
	t.Parallel()
	testLockByPhone(t, freePBX)
}

func TestLampsOnFreePBX(t *testing.T) {
	t.Parallel()
	testLamps(t, freePBX)
}

func TestForwardedLampOnFreePBX(t *testing.T) {
	t.Parallel()
	testForwardedLamp(t, freePBX)
}

func TestNoLampIsStaleAfterRestartsOnFreePBX(t *testing.T) {
	t.Parallel()
	testNoLampIsStaleAfterRestarts(t, freePBX)
}

func TestPresenceOnFreePBX(t *testing.T) {
	t.Parallel()
	testPresence(t, freePBX)
}

func TestOutcomesOnFreePBX(t *testing.T) {
	t.Parallel()
	testOutcomes(t, freePBX)
}

func TestGroupFiltersOnFreePBX(t *testing.T) {
	t.Parallel()
	testGroupFilters(t, freePBX)
}

func TestCommandsOnFreePBX(t *testing.T) {
	t.Parallel()
	testCommands(t, freePBX)
}

func TestDaemonDownOnFreePBX(t *testing.T) {
	t.Parallel()
	testDaemonDown(t, freePBX)
}

func TestPickupTakesTheOldestFirstOnFreePBX(t *testing.T) {
	t.Parallel()
	testPickupTakesTheOldestFirst(t, freePBX)
}

func TestPickupByCallerIDIsRefusedOnFreePBX(t *testing.T) {
	t.Parallel()
	testPickupByCallerIDIsRefused(t, freePBX)
}

func TestOwnCallIsNotOfferedOnFreePBX(t *testing.T) {
	t.Parallel()
	testOwnCallIsNotOffered(t, freePBX)
}

func TestHistoryOnFreePBX(t *testing.T) {
	t.Parallel()
	testHistory(t, freePBX)
}

func TestDaemonDownWithPickupGroupsOnFreePBX(t *testing.T) {
	t.Parallel()
	testDaemonDownWithPickupGroups(t, freePBX)
}

func TestPickupByWhoIsLoggedOutOnFreePBX(t *testing.T) {
	t.Parallel()
	testPickupByWhoIsLoggedOut(t, freePBX)
}

func TestPickupAfterItWasTakenOnFreePBX(t *testing.T) {
	t.Parallel()
	testPickupAfterItWasTaken(t, freePBX)
}

func TestG8CompanyAdministratorOnFreePBX(t *testing.T) {
	t.Parallel()
	testG8CompanyAdministrator(t, freePBX)
}

func TestReportedPresenceOnFreePBX(t *testing.T) {
	t.Parallel()
	testReportedPresence(t, freePBX)
}

func TestReloadOnFreePBX(t *testing.T) {
	t.Parallel()
	testReload(t, freePBX)
}

func TestReloadAtSIGHUPOnFreePBX(t *testing.T) {
	t.Parallel()
	testReloadAtSIGHUP(t, freePBX)
}
