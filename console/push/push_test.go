package push

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"supervisiond/supervision"
	"supervisiond/test/pushservice"
)

// house is a service beside a push service. Tests turn who is signed in.
type house struct {
	*Service
	t       *testing.T
	service *pushservice.Service
	file    string
	end     func()

	mu     sync.Mutex
	log    bytes.Buffer
	out    map[string]bool // owners who are not signed in any more
	ends   map[string]time.Time
	people []supervision.Person
}

func (h *house) Write(b []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.log.Write(b)
}

func (h *house) logged() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.log.String()
}

func newHouse(t *testing.T) *house {
	t.Helper()
	h := &house{
		t: t, service: pushservice.Start(t), file: filepath.Join(t.TempDir(), "push.db"), out: make(map[string]bool), ends: make(map[string]time.Time),
		people: []supervision.Person{{ID: "anna", Name: "Anna Berger", Language: "de", Endpoints: []supervision.Endpoint{{Name: "PJSIP/0"}, {Name: "PJSIP/1", Default: true}}}, {ID: "ben", Name: "Ben Okafor"}, {ID: "carla", Name: "Carla Diaz"}},
	}
	h.open()
	return h
}

// open begins a life of the daemon.
func (h *house) open() {
	h.t.Helper()
	d := supervision.NewDirectory("hq", h.people, nil)
	var err error
	h.Service, err = New(Options{
		File: h.file, Services: []string{h.service.Origin()}, Log: slog.New(slog.NewTextHandler(h, nil)), Metrics: prometheus.NewRegistry(),
		Directory: func() *supervision.Directory { return d },
		Holds: func(s *Subscription) bool {
			h.mu.Lock()
			defer h.mu.Unlock()
			return !h.out[s.Owner]
		},
		Ends: func(s *Subscription) time.Time {
			h.mu.Lock()
			defer h.mu.Unlock()
			return h.ends[s.Owner]
		},
	})
	if err != nil {
		h.t.Fatal(err)
	}
	c, ok := h.client.Transport.(*chooser)
	trusting, ok2 := h.service.Client().Transport.(*http.Transport)
	if !ok || !ok2 {
		h.t.Fatal("the client is made of something else")
	}
	c.free.TLSClientConfig = trusting.TLSClientConfig.Clone()
	c.free.TLSClientConfig.NextProtos = nil
	ctx, cancel := context.WithCancel(h.t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		h.Run(ctx)
	}()
	var once sync.Once
	h.end = func() {
		once.Do(func() {
			cancel()
			<-done
			if err := h.Close(); err != nil {
				h.t.Error(err)
			}
		})
	}
	h.t.Cleanup(h.end)
}

// subscribes has a browser of a person's subscribed.
func (h *house) subscribes(p supervision.PersonID, owner string) *pushservice.Subscription {
	h.t.Helper()
	u := h.service.Subscribe(h.PublicKey())
	if changed, err := h.put(p, owner, u); err != nil || !changed {
		h.t.Fatal(changed, err)
	}
	return u
}

func (h *house) put(p supervision.PersonID, owner string, u *pushservice.Subscription) (bool, error) {
	h.t.Helper()
	var json1 struct {
		Endpoint string
		Keys     struct{ P256DH, Auth string }
	}
	if err := json.Unmarshal([]byte(u.JSON()), &json1); err != nil {
		h.t.Fatal(err)
	}
	return h.Subscribe(Subscription{
		Endpoint: json1.Endpoint, P256DH: json1.Keys.P256DH, Auth: json1.Keys.Auth, Person: p, Owner: owner, Contact: "https://console.example",
	})
}

func (h *house) next(u *pushservice.Subscription) (payload, pushservice.Message) {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(h.t.Context(), 30*time.Second)
	defer cancel()
	m, err := u.Next(ctx)
	if err != nil {
		h.t.Fatal(err, h.logged())
	}
	var p payload
	if err := json.Unmarshal(m.Body, &p); err != nil {
		h.t.Fatal(err)
	}
	return p, m
}

// supervises shows a person a group, in which they are a supervisor who is logged in or out, and that their phone is there.
func (h *house) supervises(p supervision.PersonID, in bool) {
	h.Changes(time.Now(), p, []supervision.Shown{
		{Kind: supervision.ShownGroup, ID: "sales", Document: &supervision.GroupDocument{
			ID: "sales", Supervisors: []supervision.SupervisorDocument{{Person: p, LoggedIn: in}},
		}},
		{Kind: supervision.ShownPerson, ID: string(p), Document: person(p, false, true)},
	})
}

func person(id supervision.PersonID, dnd bool, phones ...bool) *supervision.PersonDocument {
	p := &supervision.PersonDocument{ID: id, DND: dnd}
	for n, there := range phones {
		p.Phones = append(p.Phones, supervision.PhoneDocument{Endpoint: fmt.Sprint("PJSIP/", n), Reachable: there})
	}
	return p
}

func rings(id supervision.CallID, people ...supervision.PersonID) *supervision.CallDocument {
	c := &supervision.CallDocument{
		ID: id, State: supervision.CallRinging, Caller: supervision.Caller{Number: "+4930555", Name: "Dr. <Weiß>"}, Dialled: "700",
		Via: []supervision.Via{},
	}
	for _, p := range people {
		c.Ringing = append(c.Ringing, supervision.RingingPart{Person: p, Groups: []supervision.GroupID{"sales"}})
	}
	c.Rang = c.Ringing
	return c
}

func ends(c *supervision.CallDocument, state supervision.CallState, by supervision.PersonID) *supervision.CallDocument {
	one := *c
	one.State, one.AnsweredBy = state, by
	return &one
}

func (h *house) shows(p supervision.PersonID, c *supervision.CallDocument) {
	h.Changes(time.Now(), p, []supervision.Shown{{Kind: supervision.ShownCall, ID: string(c.ID), Document: c}})
}

func (h *house) hides(p supervision.PersonID, id supervision.CallID) {
	h.Changes(time.Now(), p, []supervision.Shown{{Kind: supervision.ShownCall, ID: string(id)}})
}

// A browser is told what rings and that it is over; all browsers of the person are, each under a topic of its own.
func TestRingAndOver(t *testing.T) {
	h := newHouse(t)
	one, two, bens := h.subscribes("anna", "s1"), h.subscribes("anna", "s2"), h.subscribes("ben", "s3")
	h.supervises("anna", true)
	call := rings("c1", "ben")
	h.shows("anna", call)
	h.shows("ben", call)
	topics := map[string]bool{}
	for _, u := range []*pushservice.Subscription{one, two} {
		p, m := h.next(u)
		text := string(m.Body)
		if p.Type != ringing || p.Site != "hq" || p.Language != "de" || p.Pickup == nil || !*p.Pickup || p.Names["ben"] != "Ben Okafor" || len(p.Names) != 1 ||
			!strings.Contains(text, `"name":"Dr. <Weiß>"`) || !strings.Contains(text, `"id":"c1"`) {
			t.Errorf("the ring: %s", text)
		}
		if m.Urgency != "high" || m.TTL < 50*time.Second || m.TTL > time.Minute || m.Contact != "https://console.example" || m.Length != recordSize ||
			len(m.Topic) != 32 || topics[m.Topic] {
			t.Errorf("%+v", m)
		}
		topics[m.Topic] = true
	}
	h.shows("anna", ends(call, supervision.CallAnswered, "carla"))
	h.hides("anna", "c1")
	for _, u := range []*pushservice.Subscription{one, two} {
		p, m := h.next(u)
		if p.Type != over || p.Names["carla"] != "Carla Diaz" || p.Pickup != nil || !strings.Contains(string(m.Body), `"state":"answered"`) || !topics[m.Topic] ||
			m.TTL < 4*time.Minute || m.TTL > 5*time.Minute || m.Length != recordSize {
			t.Errorf("the end: %+v %s", m, m.Body)
		}
	}
	// Of what is gone from view no more is known.
	h.shows("anna", rings("c2", "ben"))
	h.next(one)
	h.hides("anna", "c2")
	if p, m := h.next(one); p.Type != over || !strings.Contains(string(m.Body), `"call":{"id":"c2","state":"withdrawn"}`) {
		t.Errorf("%s", m.Body)
	}
	if n := len(bens.Messages()); n != 0 || len(h.service.Faults()) != 0 {
		t.Errorf("ben is told of his own call %d times; %q", n, h.service.Faults())
	}
}

// A ring says whether a pickup would certainly be refused: without a phone that can be called, and while somebody else takes the call.
func TestPickupThatWouldBeRefused(t *testing.T) {
	h := newHouse(t)
	u := h.subscribes("anna", "s1")
	h.supervises("anna", true)
	n := 0
	offers := func(want bool, why string, by supervision.PersonID) {
		t.Helper()
		n++
		call := rings(supervision.CallID(fmt.Sprint("c", n)), "ben")
		call.PickingUpBy = by
		h.shows("anna", call)
		if p, m := h.next(u); p.Pickup == nil || *p.Pickup != want {
			t.Errorf("%s: %s", why, m.Body)
		}
	}
	offers(true, "her phone is there", "")
	offers(false, "somebody else picks it up", "emil")
	offers(true, "she picks it up herself: asking again joins that", "anna")
	for _, x := range []struct {
		why string
		me  *supervision.PersonDocument
		can bool
	}{
		{"do-not-disturb", person("anna", true, true), false},
		{"no phone is there", person("anna", false, false, false), false},
		{"another phone of hers is there", person("anna", false, false, true), true},
		{"she has none", person("anna", false), false},
		{"somebody else's phone", person("ben", false, true), false},
	} {
		h.Changes(time.Now(), "anna", []supervision.Shown{{Kind: supervision.ShownPerson, ID: string(x.me.ID), Document: x.me}})
		offers(x.can, x.why, "")
	}
	h.View(time.Now(), "anna", &supervision.View{
		Me: person("anna", false, true), Groups: []supervision.GroupDocument{{ID: "sales", Supervisors: []supervision.SupervisorDocument{{Person: "anna", LoggedIn: true}}}},
	})
	for range n {
		h.next(u) // none of them rings any more
	}
	offers(true, "a view anew", "")
}

// Which phone is chosen the browser knows: it is told with which of them a pickup would be refused, and whether it would with none.
func TestPhonesThatAreAway(t *testing.T) {
	h := newHouse(t)
	u := h.subscribes("anna", "s1")
	h.supervises("anna", true)
	for n, x := range []struct {
		there []bool // PJSIP/0, and PJSIP/1, which is called when none is named
		away  string
	}{
		{[]bool{true, true}, ""},
		{[]bool{false, true}, `"away":["PJSIP/0"]`},
		{[]bool{true, false}, `"away":["PJSIP/1",""]`},
	} {
		h.Changes(time.Now(), "anna", []supervision.Shown{{Kind: supervision.ShownPerson, ID: "anna", Document: person("anna", false, x.there...)}})
		h.shows("anna", rings(supervision.CallID(fmt.Sprint("c", n)), "ben"))
		p, m := h.next(u)
		if text := string(m.Body); !*p.Pickup || !strings.Contains(text, x.away) || strings.Contains(text, "away") != (x.away != "") {
			t.Errorf("%v: %s", x.there, text)
		}
	}
}

// Who may not pick a call up is not told of it; who logs in while it rings is, and who logs out is told that it is over.
func TestWhoIsTold(t *testing.T) {
	h := newHouse(t)
	u := h.subscribes("anna", "s1")
	h.View(time.Now(), "anna", &supervision.View{
		Groups: []supervision.GroupDocument{{ID: "sales", Supervisors: []supervision.SupervisorDocument{{Person: "anna"}}}},
		Calls:  []supervision.CallDocument{*rings("own", "anna"), *rings("c1", "ben")},
	})
	// In one step a login comes after the calls that it shows.
	h.Changes(time.Now(), "anna", []supervision.Shown{
		{Kind: supervision.ShownCall, ID: "c2", Document: rings("c2", "ben", "anna")},
		{Kind: supervision.ShownGroup, ID: "sales", Document: &supervision.GroupDocument{
			ID: "sales", Supervisors: []supervision.SupervisorDocument{{Person: "anna", LoggedIn: true}},
		}},
	})
	var told []string
	for range 2 {
		p, _ := h.next(u)
		told = append(told, fmt.Sprint(p.Type, " ", p.Call.(map[string]any)["id"]))
	}
	slices.Sort(told)
	if !slices.Equal(told, []string{"ringing c1", "ringing c2"}) {
		t.Errorf("told %q", told)
	}
	h.supervises("anna", false)
	for range 2 {
		if p, m := h.next(u); p.Type != over || !strings.Contains(string(m.Body), `"withdrawn"`) {
			t.Errorf("%s", m.Body)
		}
	}
	// A view anew tells what is new in it, and takes back what is not there any more.
	h.supervises("anna", true)
	h.next(u)
	h.next(u)
	h.View(time.Now(), "anna", &supervision.View{
		Groups: []supervision.GroupDocument{{ID: "sales", Supervisors: []supervision.SupervisorDocument{{Person: "anna", LoggedIn: true}}}},
		Calls:  []supervision.CallDocument{*rings("c2", "ben")},
	})
	if p, m := h.next(u); p.Type != over || !strings.Contains(string(m.Body), `"c1"`) {
		t.Errorf("%s", m.Body)
	}
}

// A phone that sleeps is told once that it is over, in place of the ring that it did not get.
func TestWithdrawalReplacesRing(t *testing.T) {
	h := newHouse(t)
	u := h.subscribes("anna", "s1")
	u.Sleep()
	h.supervises("anna", true)
	call := rings("c1", "ben")
	h.shows("anna", call)
	h.until("the ring is there", func() bool { return u.Asked() == 1 })
	h.shows("anna", ends(call, supervision.CallAbandoned, ""))
	h.until("its end is there", func() bool { return u.Asked() == 2 })
	h.until("it is taken", func() bool { return h.lanesLeft() == 0 })
	u.Wake()
	if p, _ := h.next(u); p.Type != over || len(u.Messages()) != 1 {
		t.Errorf("it is told %s and %d in all", p.Type, len(u.Messages()))
	}
}

func (h *house) lanesLeft() int {
	h.lanes.mu.Lock()
	defer h.lanes.mu.Unlock()
	return len(h.lanes.all)
}

// until waits for something that tells nobody when it is.
func (h *house) until(what string, is func() bool) {
	h.t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for limit := time.After(30 * time.Second); !is(); {
		select {
		case <-tick.C:
		case <-limit:
			h.t.Fatalf("it does not come: %s\n%s", what, h.logged())
		}
	}
}

// What push services answer: a subscription that they do not know is removed, what they refuse is told to the administrator once,
// and a redirection leads nowhere.
func TestAnswers(t *testing.T) {
	h := newHouse(t)
	h.supervises("anna", true)
	n := 0
	ring := func() *supervision.CallDocument {
		n++
		c := rings(supervision.CallID(fmt.Sprint("call", n)), "ben")
		h.shows("anna", c)
		return c
	}
	for _, status := range []int{http.StatusNotFound, http.StatusGone} {
		u := h.subscribes("anna", "s1")
		u.Answers(pushservice.Answer{Status: status})
		ring()
		h.until("it is removed", func() bool { return h.Count("anna") == 0 })
	}
	u := h.subscribes("anna", "s1")
	for _, answer := range []pushservice.Answer{
		{Status: http.StatusForbidden}, {Status: http.StatusForbidden}, {Status: http.StatusUnauthorized}, {Status: http.StatusRequestEntityTooLarge},
		{Status: http.StatusTemporaryRedirect, Header: http.Header{"Location": {u.Endpoint()}}},
	} {
		before := u.Asked()
		u.Answers(answer)
		h.hides("anna", ring().ID)
		h.until("it was asked", func() bool { return u.Asked() > before && h.lanesLeft() == 0 })
		if len(u.Messages()) != 0 || u.Asked() != before+1 {
			t.Errorf("%d: asked %d times, and %d messages", answer.Status, u.Asked()-before, len(u.Messages()))
		}
	}
	if n := strings.Count(h.logged(), "does not take who we say we are"); n != 1 || !strings.Contains(h.logged(), "contact=https://console.example") {
		t.Errorf("the administrator is told %d times:\n%s", n, h.logged())
	}
	if strings.Contains(h.logged(), "/push/") {
		t.Errorf("the log has an endpoint in it:\n%s", h.logged())
	}
	u.Answers(pushservice.Answer{Status: http.StatusTooManyRequests, Header: http.Header{"Retry-After": {"1"}}}, pushservice.Answer{Status: http.StatusBadGateway})
	began := time.Now()
	ring()
	if p, _ := h.next(u); p.Type != ringing || time.Since(began) < time.Second {
		t.Errorf("%s after %v", p.Type, time.Since(began))
	}
}

// Who is not signed in any more is told that and nothing else, and their subscription goes; what was on its way ends. Who has signed out
// by themselves is told nothing.
func TestSignedOut(t *testing.T) {
	h := newHouse(t)
	u := h.subscribes("anna", "s1")
	h.supervises("anna", true)
	h.mu.Lock()
	h.out["s1"] = true
	h.mu.Unlock()
	h.shows("anna", rings("c1", "ben"))
	if p, m := h.next(u); p.Type != ended || p.Language != "de" || m.TTL < 24*time.Hour || p.Call != nil {
		t.Errorf("%s", m.Body)
	}
	h.until("it is removed", func() bool { return h.Count("anna") == 0 && h.lanesLeft() == 0 })
	again := h.subscribes("anna", "s2")
	h.shows("anna", rings("c2", "ben"))
	h.next(again)
	if changed, err := h.Unsubscribe(func(s *Subscription) bool { return s.Owner == "s2" }); !changed || err != nil {
		t.Error(changed, err)
	}
	h.hides("anna", "c2")
	h.until("it is forgotten", func() bool { return h.lanesLeft() == 0 })
	if u.Asked() != 1 || again.Asked() != 1 {
		t.Errorf("%d and %d requests", u.Asked(), again.Asked())
	}
}

// A browser is told once before its session ends, anew if it was used meanwhile and is left alone again, and when it has ended: but not if
// somebody has signed in there by then.
func TestSessionEnds(t *testing.T) {
	h := newHouse(t)
	u, other := h.subscribes("anna", "s1"), h.subscribes("anna", "token")
	set := func(left time.Duration) time.Time {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.ends["s1"] = time.Now().Add(left)
		return h.ends["s1"]
	}
	set(warnTime + time.Hour)
	h.warn()
	for _, left := range []time.Duration{warnTime, warnTime - time.Hour} {
		ends := set(left)
		h.warn()
		_, m := h.next(u)
		var told sessionPayload
		if err := json.Unmarshal(m.Body, &told); err != nil || told.Type != ending || told.Language != "de" || told.Site != "hq" ||
			told.EndsAt.Sub(ends).Abs() > time.Second || m.TTL > left || m.Urgency != "high" {
			t.Errorf("%s %+v (%v)", m.Body, m, err)
		}
		h.until("it is told", func() bool { return h.lanesLeft() == 0 })
		h.warn()
		set(sessionLong)
		h.warn()
	}
	old := h.book.those("anna")[0]
	h.mu.Lock()
	h.out["s1"] = true
	h.mu.Unlock()
	h.Sweep()
	if p, m := h.next(u); p.Type != ended {
		t.Errorf("%s", m.Body)
	}
	if changed, err := h.put("ben", "s2", u); !changed || err != nil {
		t.Error(changed, err)
	}
	h.farewell(old)
	h.until("it is dealt with", func() bool { return h.lanesLeft() == 0 })
	if u.Asked() != 3 || other.Asked() != 0 {
		t.Errorf("%d and %d requests", u.Asked(), other.Asked())
	}
}

// sessionLong is an end that is nobody's concern yet.
const sessionLong = 7 * 24 * time.Hour

// There is room for so many of a person's, the oldest goes; and for so many in all. An endpoint is one person's.
func TestSubscriptionsAreBounded(t *testing.T) {
	h := newHouse(t)
	var all []*pushservice.Subscription
	for i := range maxOf + 1 {
		all = append(all, h.subscribes("anna", fmt.Sprint("s", i)))
	}
	if h.Count("anna") != maxOf || h.book.by[all[0].Endpoint()] != nil {
		t.Errorf("%d, with the oldest: %v", h.Count("anna"), h.book.by[all[0].Endpoint()])
	}
	if changed, err := h.put("anna", "s10", all[maxOf]); changed || err != nil {
		t.Errorf("once more: %v %v", changed, err)
	}
	if changed, err := h.put("ben", "s11", all[maxOf]); !changed || err != nil || h.Count("anna") != maxOf-1 || h.Count("ben") != 1 {
		t.Errorf("ben takes one over: %v %v, anna has %d", changed, err, h.Count("anna"))
	}
	h.end()
	h.open()
	if h.Count("anna") != maxOf-1 || h.Count("ben") != 1 {
		t.Errorf("after a restart anna has %d and ben %d", h.Count("anna"), h.Count("ben"))
	}
	for i := range maxSubscriptions {
		p := supervision.PersonID(fmt.Sprint("p", i))
		s := &Subscription{Endpoint: fmt.Sprint(h.service.Origin(), "/x/", i), Person: p}
		h.book.mu.Lock()
		h.book.add(s)
		h.book.mu.Unlock()
	}
	if _, err := h.put("carla", "s12", h.service.Subscribe("")); !errors.Is(err, ErrFull) {
		t.Errorf("one more: %v", err)
	}
}

// What is no subscription is refused, with words.
func TestWrongSubscriptions(t *testing.T) {
	h := newHouse(t)
	u := h.service.Subscribe("")
	var right struct {
		Keys struct{ P256DH, Auth string }
	}
	if err := json.Unmarshal([]byte(u.JSON()), &right); err != nil {
		t.Fatal(err)
	}
	for name, s := range map[string]Subscription{
		"another service": {Endpoint: "https://push.example/x", P256DH: right.Keys.P256DH, Auth: right.Keys.Auth},
		"no point":        {Endpoint: u.Endpoint(), P256DH: "AAAA", Auth: right.Keys.Auth},
		"off the curve":   {Endpoint: u.Endpoint(), P256DH: encodeKey(append([]byte{4}, make([]byte, 64)...)), Auth: right.Keys.Auth},
		"no secret":       {Endpoint: u.Endpoint(), P256DH: right.Keys.P256DH},
		"a short secret":  {Endpoint: u.Endpoint(), P256DH: right.Keys.P256DH, Auth: "AAAA"},
		"no base64":       {Endpoint: u.Endpoint(), P256DH: "!", Auth: "!"},
	} {
		var invalid InvalidError
		if _, err := h.Subscribe(s); !errors.As(err, &invalid) || err.Error() == "" {
			t.Errorf("%s: %v", name, err)
		}
	}
	padded := Subscription{Endpoint: u.Endpoint(), P256DH: right.Keys.P256DH + "=", Auth: right.Keys.Auth + "==", Person: "anna"}
	if _, err := h.Subscribe(padded); err != nil {
		t.Errorf("with padding: %v", err)
	}
}

// Where there can be no file all works in memory, and the log says so.
func TestFileCannotBeUsed(t *testing.T) {
	h := newHouse(t)
	first := h.PublicKey()
	damaged := filepath.Join(t.TempDir(), "damaged.db")
	if err := os.WriteFile(damaged, bytes.Repeat([]byte("no database "), 5000), 0o600); err != nil {
		t.Fatal(err)
	}
	held := h.file
	for _, name := range []string{damaged, held, t.TempDir(), "/proc/push.db"} {
		var log bytes.Buffer
		s, err := New(Options{File: name, Log: slog.New(slog.NewTextHandler(&log, nil)), Metrics: prometheus.NewRegistry()})
		if err != nil {
			t.Fatal(err)
		}
		if s.PublicKey() == first || !strings.Contains(log.String(), "file="+name) {
			t.Errorf("%s: the log says %q", name, log.String())
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

// A call that rings more people than a message has room for is told with fewer.
func TestLongCallsAreCut(t *testing.T) {
	h := newHouse(t)
	d := h.options.Directory()
	for _, n := range []int{1, 10, 40, 1000} {
		call := rings("c1", "ben")
		for i := range n {
			part := supervision.RingingPart{Person: supervision.PersonID(fmt.Sprint("person-with-a-long-id-", i)), Groups: []supervision.GroupID{"sales", "support"}}
			call.Ringing, call.Rang = append(call.Ringing, part), append(call.Rang, part)
		}
		text, err := newMessage(ringing, "anna", "c1", call, time.Now(), time.Now()).text(d)
		var p struct {
			Call  supervision.CallDocument
			Names map[string]string
		}
		if err == nil {
			err = json.Unmarshal(text, &p)
		}
		if err != nil || len(text) > maxPlain || len(p.Call.Ringing) == 0 || p.Call.Ringing[0].Person != "ben" || p.Names["ben"] == "" || n <= 10 && len(p.Call.Ringing) != n+1 {
			t.Errorf("%d: %d bytes, %d ring (%v)", n, len(text), len(p.Call.Ringing), err)
		}
		if len(call.Ringing) != n+1 {
			t.Error("the document itself was cut")
		}
	}
	endless := rings("c1", "ben")
	endless.Dialled = strings.Repeat("1", 5000)
	if _, err := newMessage(ringing, "anna", "c1", endless, time.Now(), time.Now()).text(d); err == nil {
		t.Error("what cannot be cut is told")
	}
}
