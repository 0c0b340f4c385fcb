package notifier

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"supervisiond/supervision"
)

const crowdSize = 300

// crowded adds a group that is too large for one datagram.
func (p *pbx) crowded() {
	list := people()
	group := supervision.Group{ID: "crowd", Name: "Alle", Number: "9", Type: supervision.Standard, LockLast: supervision.LockOff, InitiallyLoggedIn: true}
	group.Calls.Internal = true
	group.Supervisors = []supervision.Participant{{Person: "anna"}}
	for i := range crowdSize {
		ext := fmt.Sprint(300 + i)
		id := supervision.PersonID("m" + ext)
		list = append(list, supervision.Person{ID: id, Extension: ext, Name: "Member " + ext, Endpoints: []supervision.Endpoint{{Name: "PJSIP/" + ext}}})
		group.Members = append(group.Members, supervision.Participant{Person: id})
	}
	p.mu.Lock()
	p.dir = supervision.NewDirectory("hq", list, append(groups(), group))
	dir := p.dir
	p.mu.Unlock()
	p.apply(supervision.Configured{At: time.Now(), Directory: dir, PickupTimeout: 15 * time.Second})
}

var entity = regexp.MustCompile(`entity="([^"]*)"`)

// together holds NOTIFYs of a list against what they are together: all people, each once, the first of them naming all.
func (p *pbx) together(list []*Notify, version int) {
	p.t.Helper()
	told := make(map[string]int)
	for i, n := range list {
		if len(n.Body) > maxList {
			p.t.Errorf("a list of %d bytes", len(n.Body))
		}
		p.says(n, fmt.Sprintf(`<list xmlns="urn:ietf:params:xml:ns:rlmi" uri="sip:crowd@hq.example" version="%d" fullState="%v"`, version+i, i == 0))
		if named, pending := strings.Count(string(n.Body), "<resource "), strings.Count(string(n.Body), `state="pending"`); i == 0 && named != crowdSize || i > 0 && pending > 0 {
			p.t.Errorf("number %d names %d people, %d are pending", i, named, pending)
		}
		for _, m := range entity.FindAllStringSubmatch(string(n.Body), -1) {
			told[m[1]]++
		}
	}
	if len(list) < 2 || len(told) != crowdSize {
		p.t.Errorf("%d NOTIFYs tell of %d people", len(list), len(told))
	}
	for who, times := range told {
		if times != 1 {
			p.t.Errorf("%s is told %d times", who, times)
		}
	}
}

// RFC 4662, 5.2: a list that is too long for a datagram comes one after the other, and who asks once has all of it before the end.
func TestLongList(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := start(t, false)
		p.crowded()
		ask := Subscribe{Viewer: "anna", User: "crowd", Event: "dialog", EventList: true}
		ask.Dialog = p.subscribed(ask)
		list := p.told()
		p.together(list, 0)
		for _, n := range list {
			p.says(n, `<dialog-info`, `version="0" state="full"`, `-version="1" state="full"`)
		}
		// What changes is told by itself.
		last := fmt.Sprint(300 + crowdSize - 1)
		p.rings("L1", last, "+4930555")
		n := p.last()
		p.says(n, `fullState="false"`, "early", "sip:"+last+"@", `version="1" state="full"`, "-sip:300@")
		// While the second part is yet to be told, somebody in it stops ringing: it says what is so then.
		p.answers(func(*Notify) Answer { time.Sleep(time.Second); return Answer{Code: 200} })
		ask.CSeq = 2
		p.asks(ask)
		p.apply(supervision.CallerHungUp{At: time.Now(), CallerCall: "CL1"})
		p.apply(supervision.RingEnded{At: time.Now(), Leg: "L1", CallerCall: "CL1", Endpoint: "PJSIP/" + last, How: supervision.RingCancelled})
		p.hangsUp("L1", last)
		time.Sleep(10 * time.Second)
		again := p.told()
		p.together(again, len(list)+1)
		p.says(again[len(again)-1], "sip:"+last+"@", "terminated", "-early")
		// It ends, and all is told before that.
		now := time.Duration(0)
		ask.CSeq, ask.Expires = 3, &now
		p.asks(ask)
		time.Sleep(10 * time.Second)
		end := p.told()
		p.together(end, len(list)+1+len(again))
		for i, n := range end {
			want := "active;expires=0"
			if i == len(end)-1 {
				want = "terminated;reason=timeout"
			}
			if n.State != want {
				t.Errorf("number %d of the last is %s", i, n.State)
			}
		}
		if len(p.n.subs) != 0 {
			t.Error("it is not over")
		}
	})
}

// A stop does not wait for the rest of a list.
func TestLongListAtTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := start(t, false)
		p.crowded()
		p.subscribed(Subscribe{Viewer: "anna", User: "crowd", Event: "dialog", EventList: true})
		p.told()
		p.stop()
		<-p.n.done
		if n := p.one(); n.State != "terminated;reason=probation;retry-after=10" || len(n.Body) > maxList {
			t.Errorf("the last is %s, of %d bytes", n.State, len(n.Body))
		}
	})
}

// What does not fit all the same ends, and nothing else of that phone does.
func TestTooLongForAPhone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := start(t, false)
		p.answers(func(n *Notify) Answer {
			if n.EventList && len(n.Body) > 0 {
				return Answer{Err: fmt.Errorf("to a phone: %w", ErrTooLong)}
			}
			return Answer{Code: 200}
		})
		p.subscribed(Subscribe{Viewer: "anna", User: "102", Event: "dialog"})
		p.told()
		time.Sleep(time.Minute)
		now := time.Duration(0)
		for _, expires := range []*time.Duration{nil, &now} {
			p.subscribed(Subscribe{Viewer: "anna", User: "sales", Event: "dialog", EventList: true, Expires: expires})
			list := p.told()
			n := list[len(list)-1]
			if !strings.HasPrefix(n.State, "terminated;reason=") || expires == nil && (len(list) != 2 || n.State != "terminated;reason=rejected" || len(n.Body) > 0 || n.ContentType != "") {
				t.Errorf("the phone is told %s, with %q", n.State, n.Body)
			}
			if len(p.n.subs) != 1 {
				t.Errorf("%d subscriptions are left, want that to a person", len(p.n.subs))
			}
		}
		p.rings("L1", "102", "5")
		p.says(p.one(), "early")
	})
}
