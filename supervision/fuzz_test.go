package supervision

import (
	"encoding/json"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"supervisiond/forwarding"
)

// FuzzApply plays whatever happens in whatever order, and holds what the daemon publishes against what must always be
// true of it: nothing panics, the same events have the same effects, each announced call ends once, documents agree with
// each other, and nothing is left over.
func FuzzApply(f *testing.F) {
	f.Add([]byte("\x00\x01\x02\x10\x20\x30\x40"))
	for i := range byte(40) {
		seed := make([]byte, 300)
		for j := range seed {
			seed[j] = byte(j)*(2*i+1) ^ byte(j>>3)*i
		}
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, script []byte) {
		if len(script) > 2000 {
			return
		}
		first, second := newWorld(), newWorld()
		for _, b := range script {
			one, two := first.happen(b), second.happen(b)
			if !reflect.DeepEqual(plain(one), plain(two)) {
				t.Fatalf("the same event has other effects:\n%v\n%v", plain(one), plain(two))
			}
			first.check(t, one)
		}
		first.end(t)
	})
}

// plain makes effects comparable without the addresses of their documents.
func plain(effects []Effect) []string {
	list := make([]string, len(effects))
	for i, e := range effects {
		text, err := json.Marshal(e)
		list[i] = fmt.Sprintf("%T %s %v", e, text, err)
	}
	return list
}

// world is a site in which things happen, and what a subscriber knows of it.
type world struct {
	state *State
	now   time.Time
	legs  int
	rings []Ring

	saves, stores []uint64
	timers        []Arm
	documents     map[string]any
	open          map[string]int // ringing announcements without their end, by call
}

var worldPolicy = forwarding.Policy{
	Families: forwarding.Families{Always: "CF", Busy: "CFB", NoAnswer: "CFU", DND: "DND"},
	Allowed:  []*regexp.Regexp{regexp.MustCompile(`^\d+$`)},
}

func worldDirectory(small bool) *Directory {
	people := []Person{
		{ID: "anna", Name: "Anna", Extension: "101", Endpoints: []Endpoint{{Name: "PJSIP/101"}}},
		{ID: "ben", Name: "Ben", Extension: "102", Endpoints: []Endpoint{{Name: "PJSIP/102"}}, Unsupervised: []string{"PJSIP/102-web"}},
		{ID: "dora", Name: "Dora", Extension: "103", Endpoints: []Endpoint{{Name: "PJSIP/103"}}},
	}
	p := func(id PersonID, admin bool) Participant {
		return Participant{Person: id, Admin: admin, MayLeave: true}
	}
	groups := []Group{
		{ID: "sales", Name: "S", Number: "1", Type: MutualAid, LockLast: LockPerson, InitiallyLoggedIn: true,
			Supervisors: []Participant{p("anna", true), p("dora", false)}, Members: []Participant{p("ben", false), p("dora", false)}, Calls: CallFilter{Internal: true}},
		{ID: "late", Name: "L", Number: "2", Type: Standard, Supervisors: []Participant{p("dora", false)}, Members: []Participant{p("ben", false)},
			Calls: CallFilter{AlertAfter: time.Second}},
	}
	if small {
		people, groups = people[:2], []Group{{ID: "sales", Name: "S2", Number: "1", Type: MutualAid, LockLast: LockRole,
			Supervisors: []Participant{p("anna", false)}, Members: []Participant{p("ben", false)}, Calls: CallFilter{Internal: true}}}
	}
	return NewDirectory("hq", people, groups)
}

func newWorld() *world {
	w := &world{state: New(), now: time.Date(2026, 1, 2, 9, 0, 0, 0, time.UTC), documents: make(map[string]any), open: make(map[string]int)}
	w.apply(Started{At: w.now, Directory: worldDirectory(false), Forwarding: worldPolicy})
	w.apply(EpochBegun{At: w.now, Epoch: 1})
	w.apply(PBXSynced{At: w.now, Endpoints: map[string]EndpointState{"PJSIP/101": {Reachable: true}, "PJSIP/102": {Reachable: true}}})
	return w
}

func (w *world) apply(e Event) []Effect {
	var effects []Effect
	w.state, effects = Apply(w.state, e)
	for _, x := range effects {
		switch x := x.(type) {
		case Put:
			w.documents[x.Key] = x.Document
		case Forget:
			delete(w.documents, x.Key)
		case SaveLogin:
			w.saves = append(w.saves, x.Write)
		case WriteStore:
			w.stores = append(w.stores, x.Write)
		case Arm:
			w.timers = append(w.timers, x)
		case Announce:
			switch {
			case x.Type == EventCallRinging:
				w.open[x.Entity]++
			case strings.HasPrefix(string(x.Type), "call."):
				w.open[x.Entity]--
			}
		}
	}
	return effects
}

var ends = []RingEnd{RingAnswered, RingPickedUp, RingElsewhere, RingDeclined, RingRedirected, RingTimedOut, RingCancelled}

// happen lets one of the things happen that can.
func (w *world) happen(b byte) []Effect {
	w.now = w.now.Add(100 * time.Millisecond)
	n := int(b >> 4)
	endpoint := []string{"PJSIP/101", "PJSIP/102", "PJSIP/103", "PJSIP/102-web"}[n%4]
	person := []PersonID{"anna", "ben", "dora", "nobody"}[n%4]
	at := w.now
	switch b & 15 {
	case 0, 1:
		w.legs++
		r := Ring{Leg: fmt.Sprint("L", w.legs), Endpoint: endpoint, CallerCall: fmt.Sprint("C", w.legs/2), Dialled: "102", CallerEndpoint: []string{"", "PJSIP/101"}[n/8]}
		w.rings = append(w.rings, r)
		return w.apply(RingBegan{At: at, Ring: r})
	case 2, 3:
		if len(w.rings) == 0 {
			return nil
		}
		i := n % len(w.rings)
		r := w.rings[i]
		w.rings = slices.Delete(w.rings, i, i+1)
		return w.apply(RingEnded{At: at, Leg: r.Leg, CallerCall: r.CallerCall, Endpoint: r.Endpoint, How: ends[(n+int(b&1))%len(ends)]})
	case 4:
		if len(w.rings) == 0 {
			return nil
		}
		return w.apply(CallerHungUp{At: at, CallerCall: w.rings[n%len(w.rings)].CallerCall})
	case 5:
		return w.apply(EndpointChanged{At: at, Endpoint: endpoint, State: EndpointState{Reachable: n&4 > 0, InCall: n&8 > 0}})
	case 6:
		ask := []PickupAsk{{}, {Extension: "102"}, {GroupNumber: "1"}, {Extension: "999"}}[n/4]
		return w.apply(PickupDialled{At: at, Channel: fmt.Sprint("P", n%3), Endpoint: endpoint, Ask: ask})
	case 7:
		switch channel := fmt.Sprint("P", n%3); n % 4 {
		case 1:
			return w.apply(PickerJoined{At: at, Channel: channel})
		case 3:
			return w.apply(PickerGone{At: at, Channel: channel, Dropped: b&1 > 0})
		default:
			return w.apply(PickupFailed{At: at, Channel: channel, Unavailable: n&2 > 0})
		}
	case 8:
		c := []Command{JoinGroup{"sales"}, LeaveGroup{"sales"}, ForceOut{"sales", "ben"}, ForceIn{"sales", "dora"}}[n/4]
		return w.apply(Commanded{At: at, ID: "R", Actor: person, Via: ViaNATS, Command: c})
	case 9:
		if len(w.saves) == 0 {
			return nil
		}
		write := w.saves[0]
		w.saves = w.saves[1:]
		return w.apply(LoginSaved{At: at, Write: write, Failed: n == 3})
	case 10:
		c := []Command{SetForwarding{"ben", forwarding.Always, "103", 0}, CancelForwarding{"ben", ""}, SetDND{person, n&1 > 0}, GetView{}}[n/4]
		return w.apply(Commanded{At: at, ID: "R", Actor: person, Via: ViaHTTP, Command: c})
	case 11:
		if len(w.stores) == 0 {
			if n > 11 {
				return w.apply(PhoneAnswered{At: at, Endpoint: endpoint})
			}
			return w.apply(PhoneRedirected{At: at, Endpoint: endpoint, Target: "0170"})
		}
		write := w.stores[0]
		w.stores = w.stores[1:]
		targets := []string{"", "103", "101", "102"}
		return w.apply(StoreWritten{At: at, Write: write, Failed: n&1 > 0, Unknown: n&3 == 1, Read: n&2 > 0, Extension: "102",
			Before: forwarding.Stored{Always: targets[n%4]}, Now: forwarding.Stored{Always: targets[n/4], DND: n&8 > 0}})
	case 12:
		lines := map[string]forwarding.Stored{"102": {Always: []string{"", "103", "101", "102"}[n%4], DND: n&4 > 0}}
		return w.apply(StoreRead{At: at, Lines: lines, Whole: n&8 > 0})
	case 13:
		switch n % 4 {
		case 0:
			return w.apply(PBXLost{At: at})
		case 1:
			w.rings = w.rings[:len(w.rings)/2]
			return w.apply(PBXSynced{At: at, Rings: w.rings, Endpoints: map[string]EndpointState{"PJSIP/102": {Reachable: true}}})
		case 2:
			return w.apply(NATSSeen{At: at, Alive: n&4 > 0})
		}
		return w.apply(Commanded{At: at, ID: "R", Actor: person, Via: ViaNATS, Command: ReportPresence{State: []PresenceState{Away, BusyNow, DND, Online}[n/4], Source: "s"}})
	case 14:
		effects := w.apply(Configured{At: at, Directory: worldDirectory(n&1 > 0), Forwarding: worldPolicy})
		return append(effects, w.apply(PBXSynced{At: at, Rings: w.rings, Endpoints: map[string]EndpointState{"PJSIP/101": {Reachable: true}}})...)
	}
	if n == 15 {
		w.now = w.now.Add(-time.Hour) // somebody sets the clock
	}
	if len(w.timers) == 0 {
		return nil
	}
	timer := w.timers[0]
	w.timers = w.timers[1:]
	if timer.At.After(w.now) {
		w.now = timer.At
	}
	return w.apply(TimerFired{At: w.now, Timer: timer.Timer})
}

// check holds the documents against each other.
func (w *world) check(t *testing.T, effects []Effect) {
	t.Helper()
	for _, line := range plain(effects) {
		if strings.HasPrefix(line, "supervision.Put") && strings.Contains(line, ":null") {
			t.Fatalf("a document has a null: %s", line)
		}
	}
	ringing := make(map[PersonID][]CallID)
	through := make(map[GroupID][]CallID)
	for key, d := range w.documents {
		c, ok := d.(*CallDocument)
		if !ok || c.State != CallRinging {
			continue
		}
		if w.open[string(c.ID)] != 1 {
			t.Fatalf("%s rings, and was announced %d times", key, w.open[string(c.ID)])
		}
		if len(c.Ringing) == 0 {
			t.Fatalf("%s rings nobody", key)
		}
		for _, part := range c.Ringing {
			ringing[part.Person] = append(ringing[part.Person], c.ID)
			for _, g := range part.Groups {
				if !slices.Contains(through[g], c.ID) {
					through[g] = append(through[g], c.ID)
				}
			}
		}
	}
	for _, d := range w.documents {
		switch d := d.(type) {
		case *PersonDocument:
			if !sameIDs(d.Calls, ringing[d.ID]) {
				t.Fatalf("%s rings in %v, and says %v", d.ID, ringing[d.ID], d.Calls)
			}
		case *GroupDocument:
			if !sameIDs(d.Ringing, through[d.ID]) {
				t.Fatalf("in %s ring %v, and it says %v", d.ID, through[d.ID], d.Ringing)
			}
			w.checkBars(t, d)
			for _, m := range d.Members {
				if m.LoggedIn != w.state.logins[login{d.ID, m.Person}] {
					t.Fatalf("%s in %s: %+v", m.Person, d.ID, m)
				}
			}
		}
	}
	for id, n := range w.open {
		if n < 0 || n > 1 {
			t.Fatalf("call %s has %d open announcements", id, n)
		}
	}
}

// checkBars: what a group's document says that somebody may not is what would be refused, with the same code.
func (w *world) checkBars(t *testing.T, d *GroupDocument) {
	t.Helper()
	now := step{State: w.state, now: w.now}
	check := func(p PersonID, in bool, told Code) {
		var code Code
		if r := now.judgeLogin(now.dir.Group(d.ID), now.dir.Person(p), !in); r != nil {
			code = r.Code
		}
		if code != told {
			t.Fatalf("%s in %s is refused with %q, and the document says %q: %+v", p, d.ID, code, told, d)
		}
	}
	for _, s := range d.Supervisors {
		check(s.Person, s.LoggedIn, s.Bar)
	}
	for _, m := range d.Members {
		check(m.Person, m.LoggedIn, m.Bar)
	}
}

func sameIDs(a, b []CallID) bool {
	a, b = slices.Clone(a), slices.Clone(b)
	slices.Sort(a)
	slices.Sort(b)
	return slices.Equal(a, b)
}

// end lets everything fall silent and looks for what is left.
func (w *world) end(t *testing.T) {
	t.Helper()
	for _, r := range w.rings {
		w.apply(RingEnded{At: w.now, Leg: r.Leg, CallerCall: r.CallerCall, How: RingTimedOut})
	}
	for range 10 {
		timers := w.timers
		w.timers = nil
		for _, timer := range timers {
			if timer.Timer != timerAlive {
				w.now = w.now.Add(10 * time.Minute)
				w.apply(TimerFired{At: w.now, Timer: timer.Timer})
			}
		}
	}
	for _, write := range w.saves {
		w.apply(LoginSaved{At: w.now, Write: write})
	}
	s := w.state
	if len(s.legs)+len(s.ringing)+len(s.calls)+len(s.hushed)+s.ringingCalls > 0 {
		t.Fatalf("left over: %d legs, %d callers, %d calls, %d hushed, %d ringing", len(s.legs), len(s.ringing), len(s.calls), len(s.hushed), s.ringingCalls)
	}
	for id, n := range w.open {
		if n != 0 {
			t.Fatalf("call %s was announced and never ended", id)
		}
	}
	for p, n := range s.phones {
		if n != (phones{}) {
			t.Fatalf("%s rings on: %+v", p, n)
		}
	}
}
