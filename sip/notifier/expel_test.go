package notifier

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"supervisiond/supervision"
)

// Whose secret is another one is told that it is over and nothing else, also by a NOTIFY that has to wait; with the new one they are
// told again, and what is so then.
func TestExpelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := start(t, false)
		p.subscribed(Subscribe{Viewer: "anna", User: "102", Event: "dialog"})
		p.subscribed(Subscribe{Viewer: "anna", User: "sales", Event: "presence", EventList: true})
		p.subscribed(Subscribe{Viewer: "ben", User: "102", Event: "presence"})
		p.told()
		p.answers(func(*Notify) Answer { time.Sleep(5 * time.Second); return Answer{Code: 200} })
		p.rings("L1", "102", "555")
		p.told()
		p.n.Expel(map[supervision.PersonID]string{"anna": Deactivated, "emil": Rejected})
		p.answered("L1", "102")
		time.Sleep(10 * time.Second)
		over := 0
		for _, n := range p.told() {
			if n.State == "terminated;reason=deactivated" && len(n.Body) == 0 {
				over++
			} else if n.State != "active;expires=3590" && n.State != "active;expires=3595" {
				t.Errorf("told %s\n%s", n.State, n.Body)
			}
		}
		if over != 2 || len(p.n.subs) != 1 {
			t.Errorf("%d have ended and %d are left, want 2 and ben's", over, len(p.n.subs))
		}
		p.answers(func(*Notify) Answer { return Answer{Code: 200} })
		p.subscribed(Subscribe{Viewer: "anna", User: "103", Event: "dialog"})
		p.told()
		p.rings("L2", "103", "77")
		p.says(p.last(), "<state>early</state>", "sip:77@")
	})
}

// A NOTIFY may find nobody while the phone asks anew from elsewhere: then it is told there.
func TestPhoneMoves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := start(t, false)
		d := p.subscribed(Subscribe{Viewer: "anna", User: "102", Event: "dialog"})
		p.told()
		p.answers(func(n *Notify) Answer {
			if n.Peer == phone("10.0.0.2:5060") {
				return Answer{Code: 200}
			}
			time.Sleep(32 * time.Second)
			return Answer{Err: errors.New("no answer")}
		})
		p.rings("L1", "102", "555")
		time.Sleep(time.Second)
		p.told()
		p.asks(Subscribe{Viewer: "anna", User: "102", Event: "dialog", Dialog: d, CSeq: 2, Peer: phone("10.0.0.2:5060")})
		time.Sleep(time.Minute)
		p.says(p.last(), "<state>early</state>", "sip:555@")
		p.rings("L2", "102", "66")
		p.says(p.last(), "sip:66@")
	})
}
