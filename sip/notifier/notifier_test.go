package notifier

import (
	"context"
	"errors"
	"log/slog"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"supervisiond/forwarding"
	"supervisiond/supervision"
)

// pbx is the domain, with phones that are told what the test wants them to answer.
type pbx struct {
	t     *testing.T
	n     *Notifier
	state *supervision.State
	stop  context.CancelFunc

	mu     sync.Mutex
	dir    *supervision.Directory
	store  map[string]forwarding.Stored
	sent   []*Notify
	alerts []string
	answer func(*Notify) Answer
	mute   atomic.Bool // the engine does not answer
}

func people() []supervision.Person {
	person := func(id, ext, name string) supervision.Person {
		return supervision.Person{
			ID: supervision.PersonID(id), Extension: ext, Name: name, Endpoints: []supervision.Endpoint{{Name: "PJSIP/" + ext}},
		}
	}
	return []supervision.Person{
		person("anna", "101", "Anna Berger"), person("ben", "102", "Ben Okafor"), person("dora", "103", "Dora Lang"), person("emil", "104", "Emil Roth"),
	}
}

func groups() []supervision.Group {
	part := func(id string) supervision.Participant {
		return supervision.Participant{Person: supervision.PersonID(id), MayLeave: true, Admin: id == "anna"}
	}
	return []supervision.Group{{
		ID: "sales", Name: "Vertrieb", Number: "1", Type: supervision.MutualAid, LockLast: supervision.LockOff, InitiallyLoggedIn: true,
		Calls:       supervision.CallFilter{Internal: true},
		Supervisors: []supervision.Participant{part("anna")}, Members: []supervision.Participant{part("ben"), part("dora")},
	}}
}

// start is to be called in a bubble of its own.
func start(t *testing.T, compact bool) *pbx {
	p := &pbx{t: t, store: make(map[string]forwarding.Stored), state: supervision.New(), dir: supervision.NewDirectory("hq", people(), groups())}
	p.answer = func(*Notify) Answer { return Answer{Code: 200} }
	p.n = New(Options{
		Directory: func() *supervision.Directory { p.mu.Lock(); defer p.mu.Unlock(); return p.dir },
		Watch: func(_ context.Context, id supervision.PersonID, on bool) error {
			p.apply(supervision.Watched{At: time.Now(), Person: id, On: on})
			return nil
		},
		Command: func(c supervision.Commanded) error {
			if p.mute.Load() {
				return errors.New("the mailbox is full")
			}
			p.apply(c)
			return nil
		},
		Alert: func(id supervision.PersonID, c *supervision.CallDocument) {
			p.mu.Lock()
			defer p.mu.Unlock()
			p.alerts = append(p.alerts, string(id)+" "+c.Caller.Number)
		},
		Send: p.send, Host: "pbx.example", Compact: compact, Metrics: NewMetrics(prometheus.NewRegistry()), Log: slog.New(slog.DiscardHandler),
	})
	ctx, cancel := context.WithCancel(context.Background())
	p.stop = cancel
	go p.n.Run(ctx)
	t.Cleanup(func() { cancel(); <-p.n.done })
	p.apply(supervision.Started{At: time.Now(), Directory: p.dir, PickupTimeout: 15 * time.Second, Forwarding: forwarding.Policy{
		Families: forwarding.Families{Always: "CF", Busy: "CFB", NoAnswer: "CFU", DND: "DND"},
		Allowed:  []*regexp.Regexp{regexp.MustCompile("^[0-9]{2,5}$")},
	}})
	p.apply(supervision.EpochBegun{At: time.Now(), Epoch: 1})
	up := supervision.EndpointState{Reachable: true}
	p.apply(supervision.PBXSynced{At: time.Now(), Version: "22", Endpoints: map[string]supervision.EndpointState{
		"PJSIP/101": up, "PJSIP/102": up, "PJSIP/103": up, "PJSIP/104": up,
	}})
	p.apply(supervision.StoreRead{At: time.Now(), Whole: true})
	return p
}

// apply tells the domain of an event and the notifier of what comes of it. The PBX's store and the disk do what they are told.
func (p *pbx) apply(e supervision.Event) {
	p.mu.Lock()
	events := []supervision.Event{e}
	for len(events) > 0 {
		var effects []supervision.Effect
		p.state, effects = supervision.Apply(p.state, events[0])
		events = events[1:]
		for _, x := range effects {
			switch x := x.(type) {
			case supervision.SaveLogin:
				events = append(events, supervision.LoginSaved{At: time.Now(), Write: x.Write})
			case supervision.WriteStore:
				before := p.store[x.Extension]
				now := before
				for _, c := range x.Changes {
					switch c.Kind {
					case forwarding.Always:
						now.Always = c.Value
					case forwarding.Busy:
						now.Busy = c.Value
					case forwarding.NoAnswer:
						now.NoAnswer = c.Value
					default:
						now.DND = c.Value != ""
					}
				}
				p.store[x.Extension] = now
				events = append(events, supervision.StoreWritten{
					At: time.Now(), Write: x.Write, Read: true, Extension: x.Extension, Before: before, Now: now,
				})
			}
		}
		p.n.Take(time.Now(), effects)
	}
	p.mu.Unlock()
}

type phone string

func (p phone) Address() string { return string(p) }

func (p phone) Within(Peer) Peer { return p }

func (p *pbx) send(_ context.Context, n *Notify) Answer {
	p.mu.Lock()
	answer := p.answer
	p.sent = append(p.sent, n)
	p.mu.Unlock()
	return answer(n)
}

// told are the NOTIFYs since it was last called.
func (p *pbx) told() []*Notify {
	synctest.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	sent := p.sent
	p.sent = nil
	return sent
}

func (p *pbx) answers(f func(*Notify) Answer) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.answer = f
}

func (p *pbx) asks(s Subscribe) Decision {
	p.t.Helper()
	if s.Peer == nil {
		s.Peer = phone("10.0.0.1:5060")
	}
	if s.Dialog.CallID == "" {
		s.Dialog.CallID = "call-" + s.User + string(s.Viewer) + s.Event
	}
	s.Dialog.RemoteTag, s.Host = "theirs", "hq.example"
	if s.CSeq == 0 {
		s.CSeq = 1
	}
	d := p.n.Subscribe(context.Background(), s)
	if d.Begin != nil {
		d.Begin()
	}
	return d
}

// subscribed asks and expects to be granted.
func (p *pbx) subscribed(s Subscribe) Dialog {
	p.t.Helper()
	d := p.asks(s)
	if d.Code != 200 {
		p.t.Fatalf("SUBSCRIBE %s: %d %s", s.User, d.Code, d.Reason)
	}
	return Dialog{CallID: "call-" + s.User + string(s.Viewer) + s.Event, LocalTag: d.LocalTag, RemoteTag: "theirs"}
}

func (p *pbx) one() *Notify {
	p.t.Helper()
	list := p.told()
	if len(list) != 1 {
		p.t.Fatalf("%d NOTIFYs, want one", len(list))
	}
	return list[0]
}

func (p *pbx) none() {
	p.t.Helper()
	for _, n := range p.told() {
		p.t.Fatalf("a NOTIFY that nobody needs: %s\n%s", n.State, n.Body)
	}
}

// says expects words in a NOTIFY, and that others are not there (with a minus before them).
func (p *pbx) says(n *Notify, words ...string) {
	p.t.Helper()
	for _, w := range words {
		absent, not := strings.CutPrefix(w, "-")
		if not == strings.Contains(string(n.Body), absent) {
			p.t.Errorf("want %q in %s %s:\n%s", w, n.State, n.ContentType, n.Body)
		}
	}
}

func (p *pbx) rings(leg, ext, caller string) {
	p.apply(supervision.EndpointChanged{At: time.Now(), Endpoint: "PJSIP/" + ext, State: supervision.EndpointState{Reachable: true, InCall: true}})
	r := supervision.Ring{Leg: leg, Endpoint: "PJSIP/" + ext, CallerCall: "C" + leg, Caller: supervision.Caller{Number: caller, Name: "Dr. Weiß"}, Dialled: ext}
	if caller == "" {
		r.Caller = supervision.Caller{Withheld: true}
	}
	p.apply(supervision.RingBegan{At: time.Now(), Ring: r})
}

func (p *pbx) answered(leg, ext string) {
	p.apply(supervision.RingEnded{At: time.Now(), Leg: leg, CallerCall: "C" + leg, Endpoint: "PJSIP/" + ext, How: supervision.RingAnswered})
}

func (p *pbx) hangsUp(leg, ext string) {
	p.apply(supervision.TalkEnded{At: time.Now(), Leg: leg})
	p.apply(supervision.EndpointChanged{At: time.Now(), Endpoint: "PJSIP/" + ext, State: supervision.EndpointState{Reachable: true}})
}

func minutes(m int) *time.Duration {
	d := time.Duration(m) * time.Minute
	return &d
}

func TestLineFromRingToEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := start(t, false)
		p.subscribed(Subscribe{Viewer: "anna", User: "102", Event: "dialog"})
		n := p.one()
		if n.State != "active;expires=3600" || n.ContentType != "application/dialog-info+xml" || n.CSeq != 1 {
			t.Errorf("the first NOTIFY is %+v", n)
		}
		p.says(n, `version="0" state="full"`, `entity="sip:102@hq.example"`, "-early", "-confirmed")

		p.rings("L1", "102", "+4930555")
		n = p.last()
		p.says(n, "<state>early</state>", `direction="recipient"`, "sip:+4930555@pbx.example", "Dr. Weiß", "-confirmed")

		p.answered("L1", "102")
		p.says(p.last(), "<state>confirmed</state>", "sip:+4930555@pbx.example", "Dr. Weiß", "-early")

		p.hangsUp("L1", "102")
		p.says(p.last(), "<state>terminated</state>", "-555", "-confirmed")
		time.Sleep(5 * time.Second) // the call is purged
		p.none()
	})
}

// A transfer: the same dialog goes on, without a side until that is known, and the lamp is not dark for a moment.
func TestLineThatIsTransferred(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := start(t, false)
		p.subscribed(Subscribe{Viewer: "anna", User: "102", Event: "dialog"})
		p.rings("L1", "102", "+4930555")
		p.answered("L1", "102")
		p.says(p.last(), "<state>confirmed</state>", "+4930555")
		p.apply(supervision.TalkMoved{At: time.Now(), Leg: "L1"})
		p.says(p.one(), "<state>confirmed</state>", "-555", "-terminated", "-<remote>")
		p.apply(supervision.TalkMoved{At: time.Now(), Leg: "L1", Known: true, Caller: supervision.Caller{Number: "104", Name: "Emil Roth"}, CallerEndpoint: "PJSIP/104"})
		p.says(p.one(), "<state>confirmed</state>", "sip:104@pbx.example", "Emil Roth", "-terminated")
		p.apply(supervision.TalkMoved{At: time.Now(), Leg: "L1", Known: true, Caller: supervision.Caller{Withheld: true}})
		p.says(p.one(), "<state>confirmed</state>", "anonymous.invalid", "-104", "-Emil", "-terminated")
		p.hangsUp("L1", "102")
		p.says(p.last(), "<state>terminated</state>", "-confirmed")
	})
}

// last is the last of what was told, of which there must be something.
func (p *pbx) last() *Notify {
	p.t.Helper()
	list := p.told()
	if len(list) == 0 {
		p.t.Fatal("no NOTIFY")
	}
	return list[len(list)-1]
}
