package console

import (
	"encoding/json"
	"net/http/httptest"
	"testing"

	"supervisiond/supervision"
)

// A page offers the form for a password only where somebody has one: others would type that of another place.
func TestWaysToSignIn(t *testing.T) {
	d := newDesk(t)
	hashes := map[supervision.PersonID]string{}
	d.options.PasswordHash = func(p supervision.PersonID) string { return hashes[p] }
	offered := func() bool {
		t.Helper()
		w := d.ask(httptest.NewRequest("GET", "/api/v1/sign-in", nil))
		var ways SignInWays
		if err := json.Unmarshal(w.Body.Bytes(), &ways); err != nil || ways.Provider != "" {
			t.Fatalf("%s, %v", w.Body, err)
		}
		return ways.Password
	}
	if offered() {
		t.Error("nobody has a password, and it is asked for")
	}
	hashes["gone"] = "of somebody who is not in the configuration any more"
	if offered() {
		t.Error("nobody who is there has a password, and it is asked for")
	}
	hashes["ben"] = "$2a$04$Eh1ky5gqeGjkBcH1bNPCeOuRxAUPVSRuxZ.ZGd2YhJm0c/Qa5VgXy"
	if !offered() {
		t.Error("somebody has a password, and it is not asked for")
	}
}
