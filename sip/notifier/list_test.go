package notifier

import (
	"testing"
	"testing/synctest"
	"time"

	"supervisiond/supervision"
)

func (p *pbx) logs(id supervision.PersonID, in bool) {
	c := supervision.Commanded{At: time.Now(), ID: "x", Actor: id, Command: supervision.JoinGroup{Group: "sales"}}
	if !in {
		c.Command = supervision.LeaveGroup{Group: "sales"}
	}
	p.apply(c)
}

// RFC 4662, G4: first all, then what changes; who logs out goes dark.
func TestFixedList(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := start(t, false)
		p.subscribed(Subscribe{Viewer: "anna", User: "sales", Event: "dialog", EventList: true})
		n := p.one()
		if !n.EventList {
			t.Error("it is no list")
		}
		p.says(n, `fullState="true"`, `uri="sip:102@pbx.example"`, `uri="sip:103@pbx.example"`, "Ben Okafor", "Dora Lang", "Vertrieb", `state="active"`)
		p.rings("L1", "102", "+4930555")
		p.says(p.last(), `fullState="false"`, "sip:102@", "early", "Weiß", "-Dora Lang", `version="1" state="full"`)
		p.logs("ben", false)
		p.says(p.last(), "sip:102@", "terminated", "-early", "-555", "-Weiß")
		p.logs("ben", true)
		p.says(p.last(), "early", "555")
		p.apply(supervision.CallerHungUp{At: time.Now(), CallerCall: "CL1"})
		p.apply(supervision.RingEnded{At: time.Now(), Leg: "L1", CallerCall: "CL1", Endpoint: "PJSIP/102", How: supervision.RingCancelled})
		p.hangsUp("L1", "102")
		p.says(p.last(), "terminated", "-early", "-confirmed")
	})
}

// In a compact list who logs out vanishes, and comes back.
func TestCompactList(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := start(t, true)
		p.subscribed(Subscribe{Viewer: "anna", User: "sales", Event: "presence", EventList: true})
		p.says(p.one(), "sip:102@", "sip:103@", "open", "pidf")
		p.logs("ben", false)
		p.says(p.one(), `fullState="true"`, "-sip:102@", "sip:103@")
		p.rings("L1", "102", "5")
		p.none()
		p.logs("ben", true)
		p.says(p.one(), `fullState="true"`, "sip:102@", "on-the-phone")
	})
}

// Of a single line that is logged out nothing is told, whatever it does (G4); its presence is.
func TestLoggedOutLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := start(t, false)
		p.subscribed(Subscribe{Viewer: "anna", User: "ben", Event: "dialog"})
		p.subscribed(Subscribe{Viewer: "anna", User: "ben", Event: "presence"})
		p.told()
		p.logs("ben", false)
		p.none()
		p.rings("L1", "102", "5")
		n := p.one()
		if n.Event != "presence" {
			t.Errorf("told of %s", n.Event)
		}
		p.says(n, "on-the-phone", "-sip:5@")
	})
}

// RFC 4235, 4.1: a line with many calls is told in parts, and whole when the phone asks.
func TestLineWithManyCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := start(t, false)
		d := p.subscribed(Subscribe{Viewer: "anna", User: "102", Event: "dialog"})
		p.says(p.one(), `version="0" state="full"`)
		for i, want := range []string{`state="full"`, `state="full"`, `state="partial"`, `state="partial"`} {
			number := string(rune('1' + i))
			p.rings("L"+number, "102", "90"+number)
			n := p.last()
			p.says(n, want, "sip:90"+number+"@", "early")
			if want == `state="partial"` {
				p.says(n, "-sip:901@", "-terminated")
			}
		}
		p.answered("L2", "102")
		p.says(p.last(), `state="partial"`, "confirmed", "sip:902@", "-sip:901@")
		p.asks(Subscribe{Viewer: "anna", User: "102", Event: "dialog", Dialog: d, CSeq: 2})
		p.says(p.last(), `state="full"`, "sip:901@", "sip:902@", "sip:903@", "sip:904@")
		p.hangsUp("L2", "102")
		p.says(p.last(), `state="partial"`, "terminated", "-sip:90")
	})
}
