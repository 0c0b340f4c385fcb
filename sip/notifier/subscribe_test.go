package notifier

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"supervisiond/supervision"
)

// RFC 6665, 3261, 4662, S7: what is refused, and how.
func TestRefusals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := start(t, false)
		seconds := 30 * time.Second
		for _, c := range []struct {
			name string
			ask  Subscribe
			code int
			has  string
		}{
			{"another package", Subscribe{Viewer: "anna", User: "102", Event: "message-summary"}, 489, "dialog, presence"},
			{"too short", Subscribe{Viewer: "anna", User: "102", Event: "dialog", Expires: &seconds}, 423, "60"},
			{"nobody", Subscribe{Viewer: "anna", User: "199", Event: "dialog"}, 404, ""},
			{"not supervised", Subscribe{Viewer: "anna", User: "104", Event: "dialog"}, 403, ""},
			{"a member looks at another", Subscribe{Viewer: "ben", User: "dora", Event: "presence"}, 403, ""},
			{"a member looks at the group", Subscribe{Viewer: "ben", User: "sales", Event: "dialog", EventList: true}, 403, ""},
			{"a list without eventlist", Subscribe{Viewer: "anna", User: "sales", Event: "dialog"}, 421, "eventlist"},
			{"features of somebody else", Subscribe{Viewer: "anna", User: "ben", Event: "as-feature-event"}, 403, ""},
			{"features of a group", Subscribe{Viewer: "anna", User: "sales", Event: "as-feature-event", EventList: true}, 489, ""},
			{"another document", Subscribe{Viewer: "anna", User: "102", Event: "presence", Accept: []string{"application/xpidf+xml"}}, 406, "pidf"},
			{"a list as a text", Subscribe{Viewer: "anna", User: "sales", Event: "dialog", EventList: true, Accept: []string{"text/plain"}}, 406, "application/dialog-info+xml, application/rlmi+xml, multipart/related"},
			{"a list of other documents", Subscribe{Viewer: "anna", User: "sales", Event: "presence", EventList: true, Accept: []string{"application/dialog-info+xml", " application/rlmi+xml", " multipart/related"}}, 406, "pidf"},
			{"a list of nothing", Subscribe{Viewer: "anna", User: "sales", Event: "presence", EventList: true, Accept: []string{""}}, 406, "pidf"},
			{"a dialog that is none", Subscribe{Viewer: "anna", User: "102", Event: "dialog", Dialog: Dialog{CallID: "x", LocalTag: "y"}}, 481, ""},
		} {
			d := p.asks(c.ask)
			if d.Code != c.code || c.has != "" && !strings.Contains(fmt.Sprint(d.Header), c.has) || d.Begin != nil {
				t.Errorf("%s: %d %s %v", c.name, d.Code, d.Reason, d.Header)
			}
		}
		p.none()
		if len(p.n.subs) != 0 {
			t.Errorf("%d subscriptions", len(p.n.subs))
		}
	})
}

// RFC 4662, 4.1 and 4.3: what accepts a list says so, first and later, and of nothing else. A phone may leave out of Accept what it has
// said already, or what the package says.
func TestListsAreAccepted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := start(t, false)
		for _, accept := range []string{
			"", "application/dialog-info+xml", "multipart/related", "multipart/related, application/rlmi+xml", "application/rlmi+xml",
			"text/plain, application/dialog-info+xml;q=0.5", "*/*", "Application/Dialog-Info+XML, multipart/related , application/rlmi+xml", "application/*, multipart/*",
		} {
			s := Subscribe{Viewer: "anna", User: "sales", Event: "dialog", EventList: true, Dialog: Dialog{CallID: accept}}
			if accept != "" {
				s.Accept = strings.Split(accept, ",")
			}
			d := p.asks(s)
			if d.Code != 200 || !d.List {
				t.Errorf("%q is answered %d, a list: %v", accept, d.Code, d.List)
			}
			s.Dialog.LocalTag, s.CSeq = d.LocalTag, 2
			if d := p.asks(s); d.Code != 200 || !d.List {
				t.Errorf("%q is answered %d later, a list: %v", accept, d.Code, d.List)
			}
		}
		if d := p.asks(Subscribe{Viewer: "anna", User: "102", Event: "dialog", EventList: true}); d.Code != 200 || d.List {
			t.Errorf("one person is answered %d, a list: %v", d.Code, d.List)
		}
	})
}

// Everybody sees their own line, by id, in whatever case, and by extension.
func TestOwnLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := start(t, false)
		p.subscribed(Subscribe{Viewer: "ben", User: "Ben", Event: "dialog"})
		p.one()
		p.rings("L1", "102", "")
		p.says(p.last(), "<state>early</state>", "anonymous", "-Weiß")
	})
}

// RFC 6665, 4.4.3: a request with no time is a question, and its answer the only NOTIFY.
func TestFetch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := start(t, false)
		p.subscribed(Subscribe{Viewer: "anna", User: "102", Event: "presence", Expires: minutes(0)})
		n := p.one()
		if n.State != "terminated;reason=timeout" {
			t.Errorf("state %s", n.State)
		}
		p.says(n, "open")
		p.rings("L1", "102", "5")
		p.none()
	})
}

func TestRefreshExpiryAndEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := start(t, false)
		d := p.subscribed(Subscribe{Viewer: "anna", User: "102", Event: "dialog", Expires: minutes(10)})
		if n := p.one(); n.State != "active;expires=600" {
			t.Errorf("state %s", n.State)
		}
		time.Sleep(9 * time.Minute)
		if c := p.asks(Subscribe{Viewer: "anna", User: "102", Event: "dialog", Dialog: d, CSeq: 1}); c.Code != 500 {
			t.Errorf("a request that is out of order: %d", c.Code)
		}
		if c := p.asks(Subscribe{Viewer: "ben", User: "102", Event: "dialog", Dialog: d, CSeq: 2}); c.Code != 481 {
			t.Errorf("somebody else's: %d", c.Code)
		}
		p.asks(Subscribe{Viewer: "anna", User: "102", Event: "dialog", Dialog: d, CSeq: 2, Expires: minutes(20)})
		if n := p.one(); n.State != "active;expires=1200" || n.CSeq != 2 {
			t.Errorf("after the refresh %+v", n)
		}
		time.Sleep(20*time.Minute + time.Second)
		if n := p.one(); n.State != "terminated;reason=timeout" {
			t.Errorf("state %s", n.State)
		}
		if c := p.asks(Subscribe{Viewer: "anna", User: "102", Event: "dialog", Dialog: d, CSeq: 3}); c.Code != 481 {
			t.Errorf("a refresh that comes late: %d", c.Code)
		}
		d = p.subscribed(Subscribe{Viewer: "anna", User: "102", Event: "dialog"})
		p.one()
		p.asks(Subscribe{Viewer: "anna", User: "102", Event: "dialog", Dialog: d, CSeq: 2, Expires: minutes(0)})
		if n := p.one(); n.State != "terminated;reason=timeout" {
			t.Errorf("unsubscribed: %s", n.State)
		}
		time.Sleep(2 * idleTime)
		synctest.Wait()
		if len(p.n.viewers) != 0 {
			t.Error("a view is followed that no phone shows")
		}
	})
}

// A phone that starts anew leaves its old subscriptions behind: they must not keep it out.
func TestManyOfOnePerson(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := start(t, false)
		for i := range MaxOfPerson + 3 {
			p.subscribed(Subscribe{Viewer: "anna", User: "102", Event: "dialog", Dialog: Dialog{CallID: fmt.Sprint("c", i)}})
		}
		ended := 0
		for _, n := range p.told() {
			if n.State == "terminated;reason=deactivated" {
				ended++
			}
		}
		if ended != 3 || len(p.n.subs) != MaxOfPerson {
			t.Errorf("%d ended, %d are there", ended, len(p.n.subs))
		}
	})
}

// The same while the phone has answered nothing yet: the last words wait, each ends another one, and there is a limit to those as well.
func TestManyOfOneSilentPerson(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := start(t, false)
		answer := make(chan struct{})
		p.answers(func(*Notify) Answer { <-answer; return Answer{Code: 200} })
		const more = 3
		for i := range 2*MaxOfPerson + more {
			p.subscribed(Subscribe{Viewer: "anna", User: "102", Event: "dialog", Dialog: Dialog{CallID: fmt.Sprint("c", i)}})
			synctest.Wait()
			if n := len(p.n.subs); n > 2*MaxOfPerson {
				t.Fatalf("%d are there", n)
			}
		}
		close(answer)
		ended := make(map[string]bool)
		for _, n := range p.told() {
			if n.State == "terminated;reason=deactivated" {
				ended[n.Dialog.CallID] = true
			}
		}
		if len(ended) != MaxOfPerson || ended["c2"] || !ended["c3"] || len(p.n.subs) != MaxOfPerson {
			t.Errorf("%d ended, %d are there", len(ended), len(p.n.subs))
		}
	})
}

// While the engine does not answer a phone is asked to come again, and then it works.
func TestEngineIsBusy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := start(t, false)
		p.mute.Store(true)
		if d := p.asks(Subscribe{Viewer: "anna", User: "102", Event: "dialog"}); d.Code != 503 {
			t.Errorf("%d %s", d.Code, d.Reason)
		}
		p.mute.Store(false)
		p.subscribed(Subscribe{Viewer: "anna", User: "102", Event: "dialog"})
		p.one()
	})
}

// G10, S7: who may not see it any more after a reload is told that it is over.
func TestReload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := start(t, false)
		p.subscribed(Subscribe{Viewer: "anna", User: "102", Event: "dialog"})
		p.subscribed(Subscribe{Viewer: "anna", User: "sales", Event: "dialog", EventList: true})
		p.told()
		g := groups()
		g[0].Members = g[0].Members[1:]
		p.configured(supervision.NewDirectory("hq", people(), g))
		over, list := 0, false
		for _, n := range p.told() {
			switch {
			case n.State == "terminated;reason=rejected":
				over++
			case n.EventList:
				list = true
				p.says(n, `fullState="true"`, "sip:103@", "-sip:102@")
			}
		}
		if over != 1 || !list {
			t.Errorf("%d are over, the list told: %t", over, list)
		}
	})
}

func (p *pbx) configured(dir *supervision.Directory) {
	p.mu.Lock()
	p.dir = dir
	p.mu.Unlock()
	p.apply(supervision.Configured{At: time.Now(), Directory: dir, PickupTimeout: 15 * time.Second})
}
