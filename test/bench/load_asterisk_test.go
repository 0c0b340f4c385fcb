package bench

import (
	"context"
	"fmt"
	"net/http"
	"testing"
	"time"

	"supervisiond/test/lab"
	"supervisiond/test/softphone"
)

// The same with a real Asterisk, whose trunk brings 50 calls a second to 30 phones that ring for a moment and decline.
func TestNobodyMissesACallOfAsterisk(t *testing.T) {
	people := make([]lab.Person, loadPeople)
	for p := range people {
		people[p] = lab.Person{Extension: extension(p), Name: fmt.Sprint("Person ", p)}
	}
	pbx := lab.Start(t, lab.Options{People: people})
	for p := loadSupervisors; p < loadPeople; p++ {
		softphone.Start(t, softphone.Options{
			User: extension(p), Password: lab.Password(extension(p)), Server: pbx.SIPAddr(), Behaviour: ringThenDecline,
		})
	}
	trunk := softphone.Start(t, softphone.Options{
		User: lab.Trunk, Password: lab.Password(lab.Trunk), Server: pbx.SIPAddr(), NoRegister: true,
	})
	l := newLoad(t, pbx.ARIURL())
	awaitReady(t, l.app.HTTPAddr().String())
	l.dial(trunk, 5*loadRate)
	l.settle()
	l.checked()
}

func ringThenDecline(ctx context.Context, c *softphone.Call) {
	wait := time.NewTimer(300 * time.Millisecond)
	defer wait.Stop()
	select {
	case <-wait.C:
		_ = c.Decline(486)
	case <-ctx.Done():
	}
}

// awaitReady waits until the daemon has attached to the PBX.
func awaitReady(b testing.TB, addr string) {
	b.Helper()
	for until := time.Now().Add(patience); ; {
		answer, err := http.Get("http://" + addr + "/readyz")
		if err != nil {
			b.Fatal(err)
		}
		_ = answer.Body.Close()
		if answer.StatusCode == http.StatusOK {
			return
		}
		if time.Now().After(until) {
			b.Fatal("the daemon is not ready")
		}
	}
}

// dial has so many calls come from outside, at loadRate, and waits until all have ended.
func (l *load) dial(trunk *softphone.Phone, calls int) {
	l.b.Helper()
	ctx, cancel := context.WithTimeout(l.b.Context(), patience)
	defer cancel()
	tick := time.NewTicker(time.Second / loadRate)
	defer tick.Stop()
	var open []*softphone.Call
	began := time.Now()
	for n := range calls {
		<-tick.C
		member := loadSupervisors + n*7%(loadPeople-loadSupervisors)
		call := &loadCall{number: callerNumber(n), rings: []int{member}, rang: time.Now()}
		c, err := trunk.Dial(ctx, "4930"+extension(member), softphone.From(call.number, ""))
		if err != nil {
			l.b.Fatal(err)
		}
		l.calls, open = append(l.calls, call), append(open, c)
	}
	l.b.Logf("%.1f calls a second", float64(calls)/time.Since(began).Seconds())
	for _, c := range open {
		if _, err := c.Ended(ctx); err != nil {
			l.b.Fatal(err)
		}
	}
}
