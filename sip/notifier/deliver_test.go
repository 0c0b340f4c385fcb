package notifier

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"supervisiond/supervision"
)

// A phone that is slow gets fewer, and the last one is right.
func TestSlowPhone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := start(t, false)
		p.answers(func(*Notify) Answer { time.Sleep(5 * time.Second); return Answer{Code: 200} })
		p.subscribed(Subscribe{Viewer: "anna", User: "102", Event: "dialog"})
		for range 20 {
			p.rings("L1", "102", "5")
			p.apply(supervision.CallerHungUp{At: time.Now(), CallerCall: "CL1"})
			p.hangsUp("L1", "102")
			p.apply(supervision.RingEnded{At: time.Now(), Leg: "L1", CallerCall: "CL1", Endpoint: "PJSIP/102", How: supervision.RingCancelled})
			time.Sleep(100 * time.Millisecond)
		}
		p.rings("L2", "102", "77")
		time.Sleep(20 * time.Second)
		list := p.told()
		if len(list) > 3 {
			t.Errorf("%d NOTIFYs in a row to a phone that takes 5 s for one", len(list))
		}
		p.says(list[len(list)-1], "<state>early</state>", "sip:77@")
	})
}

// A phone that does not answer is gone, with all that it has subscribed to; another one is not.
func TestPhoneIsGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := start(t, false)
		for _, user := range []string{"102", "103", "101"} {
			p.subscribed(Subscribe{Viewer: "anna", User: user, Event: "dialog"})
		}
		d := p.subscribed(Subscribe{Viewer: "anna", User: "102", Event: "presence", Peer: phone("10.0.0.2:5060")})
		p.told()
		time.Sleep(time.Minute)
		p.answers(func(n *Notify) Answer {
			if n.Dialog == d {
				return Answer{Code: 200}
			}
			time.Sleep(32 * time.Second)
			return Answer{Err: errors.New("no answer")}
		})
		p.rings("L1", "102", "5")
		time.Sleep(40 * time.Second)
		p.told()
		if len(p.n.subs) != 1 {
			t.Errorf("%d subscriptions are left, want that of the phone which answers", len(p.n.subs))
		}
	})
}

// RFC 6665, 4.2.2: with Retry-After it is tried again, without it is over.
func TestPhoneRefuses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := start(t, false)
		p.subscribed(Subscribe{Viewer: "anna", User: "102", Event: "dialog"})
		p.one()
		p.answers(func(*Notify) Answer { return Answer{Code: 503, RetryAfter: 10 * time.Second} })
		p.rings("L1", "102", "5")
		p.one()
		p.answers(func(*Notify) Answer { return Answer{Code: 200} })
		time.Sleep(9 * time.Second)
		p.none()
		time.Sleep(2 * time.Second)
		p.says(p.one(), "early", "sip:5@")
		p.answers(func(*Notify) Answer { return Answer{Code: 481} })
		p.answered("L1", "102")
		p.one()
		if len(p.n.subs) != 0 {
			t.Error("a subscription is left that the phone does not know")
		}
	})
}

// When the daemon stops phones are told to come again.
func TestFarewell(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := start(t, false)
		p.subscribed(Subscribe{Viewer: "anna", User: "102", Event: "dialog"})
		p.subscribed(Subscribe{Viewer: "anna", User: "103", Event: "dialog"})
		p.told()
		p.stop()
		<-p.n.done
		list := p.told()
		if len(list) != 2 || list[0].State != "terminated;reason=probation;retry-after=10" {
			t.Errorf("%d NOTIFYs: %+v", len(list), list)
		}
	})
}

// More than can wait: all is looked at anew, and the phone shows what is so.
func TestOverflow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := start(t, false)
		p.subscribed(Subscribe{Viewer: "anna", User: "102", Event: "dialog"})
		p.told()
		p.rings("L1", "102", "5")
		p.told()
		p.n.mu.Lock()
		for range maxInbox + 1 {
			p.n.note(supervision.Show{To: "nobody"})
		}
		p.n.mu.Unlock()
		p.mute.Store(true) // nor is the whole to be had at first
		p.hangsUp("L1", "102")
		p.apply(supervision.CallerHungUp{At: time.Now(), CallerCall: "CL1"})
		p.apply(supervision.RingEnded{At: time.Now(), Leg: "L1", CallerCall: "CL1", Endpoint: "PJSIP/102", How: supervision.RingCancelled})
		synctest.Wait()
		p.mute.Store(false)
		time.Sleep(2 * viewPause)
		p.says(p.last(), "terminated", "-early", "-confirmed")
	})
}

// A line that is busy with nothing known lights up a moment later, so that a ring does not begin or end with a lamp that is lit.
func TestBusyWithSomething(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := start(t, false)
		p.subscribed(Subscribe{Viewer: "anna", User: "102", Event: "dialog"})
		p.one()
		busy := func(in bool) {
			state := supervision.EndpointState{Reachable: true, InCall: in}
			p.apply(supervision.EndpointChanged{At: time.Now(), Endpoint: "PJSIP/102", State: state})
		}
		busy(true)
		p.none()
		time.Sleep(sureTime)
		p.says(p.one(), "<state>confirmed</state>", "-remote")
		busy(false)
		p.says(p.one(), "terminated", "-confirmed")
		p.rings("L1", "102", "5")
		p.says(p.one(), "early", "-confirmed")
		p.apply(supervision.CallerHungUp{At: time.Now(), CallerCall: "CL1"})
		p.says(p.one(), "terminated", "-confirmed")
		p.apply(supervision.RingEnded{At: time.Now(), Leg: "L1", CallerCall: "CL1", Endpoint: "PJSIP/102", How: supervision.RingCancelled})
		p.hangsUp("L1", "102")
		time.Sleep(time.Minute)
		p.none()
	})
}

// Who wants it is told of each call that they may pick up, once, and of no other.
func TestAlerts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := start(t, false)
		p.n.Alerts("anna", true)
		p.n.Alerts("ben", true)
		synctest.Wait()
		p.rings("L1", "102", "5")
		p.rings("L2", "101", "6")
		p.rings("L3", "104", "7")
		p.answered("L1", "102")
		synctest.Wait()
		p.n.Alerts("anna", false)
		synctest.Wait()
		p.rings("L4", "102", "8")
		synctest.Wait()
		if len(p.alerts) != 1 || p.alerts[0] != "anna 5" {
			t.Errorf("told of %v", p.alerts)
		}
		p.n.Alerts("ben", false)
		time.Sleep(2 * idleTime)
		synctest.Wait()
		if len(p.n.viewers) != 0 {
			t.Error("views are followed that nobody shows")
		}
	})
}

// P1, G4: a call that rings already is told of when one logs in for it, once however often; it is so too when the configuration
// makes somebody a supervisor.
func TestAlertsOfWhoLogsIn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := start(t, false)
		p.n.Alerts("anna", true)
		p.n.Alerts("emil", true)
		synctest.Wait()
		told := func(want string) {
			t.Helper()
			synctest.Wait()
			p.mu.Lock()
			defer p.mu.Unlock()
			if got := strings.Join(p.alerts, ", "); got != want {
				t.Errorf("told of %q, want %q", got, want)
			}
		}
		p.logs("anna", false)
		p.rings("L1", "102", "5")
		told("")
		p.logs("anna", true)
		told("anna 5")
		p.logs("anna", false)
		p.logs("anna", true)
		told("anna 5")
		list := groups()
		list[0].Supervisors = append(list[0].Supervisors, supervision.Participant{Person: "emil", MayLeave: true})
		p.mu.Lock()
		p.dir = supervision.NewDirectory("hq", people(), list)
		dir := p.dir
		p.mu.Unlock()
		p.apply(supervision.Configured{At: time.Now(), Directory: dir, PickupTimeout: 15 * time.Second})
		told("anna 5, emil 5")
		p.answered("L1", "102")
		p.logs("emil", false)
		p.logs("emil", true)
		told("anna 5, emil 5")
	})
}
