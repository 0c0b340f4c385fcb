package lab

import (
	"testing"
)

// Start runs an Asterisk for a test and stops it at its end. Without one to run
// the test fails: what it proves, it proves on a real PBX.
func Start(t testing.TB, options Options) *Asterisk {
	t.Helper()
	a, err := Run(t.Context(), options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if !a.Running() {
			t.Log("lab: Asterisk does not run any more")
		}
		if t.Failed() {
			t.Logf("the end of Asterisk's log:\n%s", tail(a.Log(), 150))
		}
		if err := a.Stop(); err != nil {
			t.Errorf("stop Asterisk: %v", err)
		}
	})
	return a
}
