package console

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"supervisiond/supervision"
)

// stage is a hub with an engine that does as it is told. It is used inside a bubble.
type stage struct {
	t   *testing.T
	hub *hub
	end func()

	mu      sync.Mutex
	seq     map[supervision.PersonID]uint64
	asked   []string // of the engine, in order
	mute    bool     // the engine answers no command
	refusal *supervision.Refusal
	full    bool // the engine takes no command
}

func newStage(t *testing.T) *stage {
	t.Helper()
	s := &stage{t: t, seq: make(map[supervision.PersonID]uint64)}
	s.hub = newHub(Options{
		Watch: func(_ context.Context, p supervision.PersonID, on bool) error {
			s.note(fmt.Sprint("watch ", p, " ", on))
			return nil
		},
		Command: s.command, Now: time.Now,
	}, newMetrics(prometheus.NewRegistry()), slog.New(slog.DiscardHandler))
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.hub.run(ctx)
	}()
	s.end = func() {
		cancel()
		<-done
	}
	s.site(7)
	return s
}

func (s *stage) note(what string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked = append(s.asked, what)
}

func (s *stage) command(c supervision.Commanded) error {
	s.note("view " + string(c.Actor))
	s.mu.Lock()
	r := supervision.Reply{ID: c.ID, Refusal: s.refusal, Result: &supervision.View{Seq: s.seq[c.Actor]}}
	mute, full := s.mute, s.full
	s.mu.Unlock()
	if full {
		return errors.New("full")
	}
	if !mute {
		s.hub.take(time.Now(), []supervision.Effect{r})
	}
	return nil
}

func (s *stage) site(epoch uint64) {
	s.hub.take(time.Now(), []supervision.Effect{supervision.Put{Document: &supervision.SiteDocument{Epoch: epoch}}})
}

// shows tells a person of so many changes.
func (s *stage) shows(p supervision.PersonID, n int) {
	for range n {
		s.mu.Lock()
		s.seq[p]++
		seq := s.seq[p]
		s.mu.Unlock()
		s.hub.take(time.Now(), []supervision.Effect{supervision.Show{
			To: p, Seq: seq, Changes: []supervision.Shown{{Kind: "call", ID: "x"}},
		}})
	}
}

func (s *stage) join(p supervision.PersonID, from string) *client {
	s.t.Helper()
	c, err := s.hub.join(s.t.Context(), identity{person: p}, parsePosition(from))
	if err != nil {
		s.t.Fatal(err)
	}
	return c
}

// told are the events that wait for a client: "7:1 call_gone", and "now" where it has caught up.
func told(c *client) []string {
	synctest.Wait()
	var list []string
	for {
		select {
		case b := <-c.frames:
			for one := range strings.SplitSeq(strings.TrimSuffix(string(b), "\n\n"), "\n\n") {
				if one+"\n\n" == caughtUp {
					list = append(list, "now")
					continue
				}
				lines := strings.Split(one, "\n")
				list = append(list, strings.TrimPrefix(lines[0], "id: ")+" "+strings.TrimPrefix(lines[1], "event: "))
			}
		default:
			return list
		}
	}
}

func (s *stage) tells(c *client, want ...string) {
	s.t.Helper()
	if got := told(c); !slices.Equal(got, want) {
		s.t.Errorf("it tells %q, want %q", got, want)
	}
}

func isCut(c *client) bool {
	synctest.Wait()
	select {
	case <-c.cut:
		return true
	default:
		return false
	}
}

func (s *stage) cuts(why string) int {
	return int(testutil.ToFloat64(s.hub.metrics.cuts.WithLabelValues(why)))
}

// onStage runs a test with a hub.
func onStage(t *testing.T, test func(*testing.T, *stage)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		defer func() { s.end() }()
		test(t, s)
	})
}

// Whoever comes when gets the view, and every change after it once and in order.
func TestStreamBeginsWithTheView(t *testing.T) {
	onStage(t, func(_ *testing.T, s *stage) {
		first := s.join("anna", "")
		s.shows("anna", 2)
		late := s.join("anna", "")
		s.shows("anna", 1)
		s.shows("ben", 1) // nobody follows ben
		s.tells(first, "7:0 view", "7:1 call_gone", "7:2 call_gone", "7:3 call_gone")
		s.tells(late, "7:2 view", "7:3 call_gone")
		if _, any := s.hub.feeds["ben"]; any {
			s.t.Error("what nobody follows is kept")
		}
	})
}

// Who comes back goes on where they were, if all that lies in between is known; otherwise they begin anew.
func TestStreamGoesOn(t *testing.T) {
	onStage(t, func(_ *testing.T, s *stage) {
		c := s.join("anna", "")
		s.shows("anna", 3)
		s.tells(c, "7:0 view", "7:1 call_gone", "7:2 call_gone", "7:3 call_gone")
		s.hub.leave(c)
		s.shows("anna", 1) // while nobody is there
		for _, x := range []struct {
			from string
			want []string
		}{
			{"7:3", []string{"7:4 call_gone", "now"}},
			{"7:4", []string{"now"}},
			{"7:0", []string{"7:1 call_gone", "7:2 call_gone", "7:3 call_gone", "7:4 call_gone", "now"}},
			{"7:5", []string{"7:4 view"}}, // not told yet
			{"6:3", []string{"7:4 view"}},
			{"0:3", []string{"7:4 view"}},
			{"", []string{"7:4 view"}},
			{"7:", []string{"7:4 view"}},
			{"x:y", []string{"7:4 view"}},
		} {
			s.tells(s.join("anna", x.from), x.want...)
		}

		// More than is kept: as far as the ring goes one may go on, and no further.
		s.shows("anna", ringFrames)
		last := 4 + ringFrames
		if got := told(s.join("anna", "7:4")); len(got) != ringFrames+1 || got[0] != "7:5 call_gone" {
			s.t.Errorf("%d events, from %s", len(got), got[0])
		}
		s.tells(s.join("anna", "7:3"), fmt.Sprintf("7:%d view", last))

		// A new epoch is a new beginning, also where the numbers go on.
		s.site(8)
		s.tells(s.join("anna", fmt.Sprintf("7:%d", last)), fmt.Sprintf("8:%d view", last))
		s.shows("anna", 1)
		s.tells(s.join("anna", fmt.Sprintf("8:%d", last)), fmt.Sprintf("8:%d call_gone", last+1), "now")
	})
}

// A position counts for the session or program that has it from this person's stream: another one's numbers are of other events.
func TestPositionIsItsOwners(t *testing.T) {
	onStage(t, func(_ *testing.T, s *stage) {
		join := func(p supervision.PersonID, session, from string) *client {
			s.t.Helper()
			c, err := s.hub.join(s.t.Context(), identity{person: p, session: session}, parsePosition(from))
			if err != nil {
				s.t.Fatal(err)
			}
			return c
		}
		annas, bens := join("anna", "a", ""), join("ben", "b", "")
		s.shows("anna", 3)
		s.shows("ben", 3)
		s.tells(annas, "7:0 view", "7:1 call_gone", "7:2 call_gone", "7:3 call_gone")
		told(bens)
		s.hub.leave(annas)
		s.tells(join("ben", "c", "7:2"), "7:3 view")              // anna's position, after ben has signed in there
		s.tells(join("ben", "b", "7:2"), "7:3 call_gone", "now")  // his own
		s.tells(join("anna", "a", "7:2"), "7:3 call_gone", "now") // and hers
		s.tells(join("anna", "new", "7:2"), "7:3 view")           // she has signed in anew
		late := join("anna", "late", "")                          // begins at 3
		s.tells(late, "7:3 view")
		s.hub.leave(late)
		s.shows("anna", 2)
		s.tells(join("anna", "late", "7:2"), "7:5 view") // before it came
		s.tells(join("anna", "late", "7:5"), "now")      // from its view
		synctest.Wait()
		s.hub.leave(late) // once more does nothing
		back := join("anna", "gone", "")
		told(back)
		s.hub.leave(back)
		s.shows("anna", 1)
		s.tells(join("anna", "gone", "7:6"), "7:6 view") // after it went
		s.tells(join("anna", "gone", "7:6"), "now")      // and now it knows
	})
}

// Of whom a feed remembers what they were told is bounded by who could go on.
func TestPositionsAreForgotten(t *testing.T) {
	f := &feed{epoch: 1, clients: make(map[*client]bool), numbered: make(map[string]*span)}
	for i := range 3 * ringFrames {
		c := &client{id: identity{person: "anna", session: fmt.Sprint(i)}}
		f.enter(c, f.seq)
		f.leave(c)
		f.keep([]frame{{uint64(i + 1), []byte("x")}}, false)
	}
	if n := len(f.numbered); n > ringFrames+1 {
		t.Errorf("%d are remembered", n)
	}
	f.during(2)
	if len(f.numbered) != 0 {
		t.Error("they are remembered in another epoch")
	}
}

// Before NATS is there the epoch is 0, and its numbers are nothing to go on from.
func TestStreamInNoEpoch(t *testing.T) {
	onStage(t, func(_ *testing.T, s *stage) {
		s.site(0)
		s.tells(s.join("anna", ""), "0:0 view")
		s.shows("anna", 1)
		s.tells(s.join("anna", "0:1"), "0:1 view")
	})
}

// The ring is bounded in bytes too.
func TestRingIsBounded(t *testing.T) {
	f := &feed{epoch: 1, clients: make(map[*client]bool)}
	for seq := range uint64(3 * ringFrames) {
		f.keep([]frame{{seq + 1, make([]byte, 4<<10)}}, false)
		if f.size > ringBytes || len(f.ring) > ringFrames {
			t.Fatalf("%d bytes in %d frames", f.size, len(f.ring))
		}
	}
	f.keep([]frame{{3*ringFrames + 1, make([]byte, 2*ringBytes)}}, false)
	if missed, ok := f.since(position{1, 3 * ringFrames}); !ok || len(missed) != 1 {
		t.Errorf("the last is not kept: %d, %v", len(missed), ok)
	}
	// Numbers that do not follow each other are nothing to go on from.
	f.keep([]frame{{5000, []byte("x")}}, false)
	if _, ok := f.since(position{1, 3*ringFrames + 1}); ok {
		t.Error("it goes on over a gap")
	}
	if missed, ok := f.since(position{1, 4999}); !ok || len(missed) != 1 {
		t.Error("it does not go on after a gap")
	}
}

// More than can be told cuts all, those who have just begun among them, and each of them begins anew.
func TestStreamOverflow(t *testing.T) {
	onStage(t, func(t *testing.T, s *stage) {
		anna, ben := s.join("anna", ""), s.join("ben", "")
		synctest.Wait()
		// The hub is kept from working while all of this comes in.
		begun := &client{id: identity{person: "anna"}, frames: make(chan []byte, clientFrames), begun: make(chan struct{}), cut: make(chan struct{})}
		s.hub.mu.Lock()
		for range maxInbox {
			s.hub.inbox = append(s.hub.inbox, item{at: time.Now(), show: &supervision.Show{To: "anna", Seq: 1}})
		}
		s.hub.inbox = append(s.hub.inbox, item{begin: begun, view: &supervision.View{}})
		s.hub.mu.Unlock()
		s.shows("anna", 1)
		for name, c := range map[string]*client{"anna": anna, "ben": ben, "who has just begun": begun} {
			if !isCut(c) {
				t.Errorf("%s is not cut", name)
			}
		}
		if s.cuts(cutOverflow) != 3 {
			t.Errorf("%d are counted", s.cuts(cutOverflow))
		}
		s.tells(s.join("anna", "7:0"), "7:1 view")
	})
}

// A client that does not read is cut when its room is full; the others are told everything.
func TestSlowClientIsCut(t *testing.T) {
	onStage(t, func(t *testing.T, s *stage) {
		slow, quick := s.join("anna", ""), s.join("anna", "")
		told(quick)
		for i := range clientFrames + 10 {
			s.shows("anna", 1)
			s.tells(quick, fmt.Sprintf("7:%d call_gone", i+1))
		}
		if !isCut(slow) || isCut(quick) || s.cuts(cutSlow) != 1 {
			t.Errorf("slow is cut: %t, quick: %t, counted: %d", isCut(slow), isCut(quick), s.cuts(cutSlow))
		}
		if len(slow.frames) != clientFrames {
			t.Errorf("%d frames wait", len(slow.frames))
		}
		// One whose connection took nothing is cut, and counted once.
		s.hub.tooSlow(quick)
		s.hub.tooSlow(quick)
		if !isCut(quick) || s.cuts(cutSlow) != 2 {
			t.Errorf("it is cut: %t, counted: %d", isCut(quick), s.cuts(cutSlow))
		}
	})
}

// A person is let go after some rounds without anybody, and taken up again in this order.
func TestNobodyFollows(t *testing.T) {
	onStage(t, func(t *testing.T, s *stage) {
		c := s.join("anna", "")
		s.hub.leave(c)
		s.shows("anna", 1)
		time.Sleep((feedRounds - 1) * roundTime)
		back := s.join("anna", "7:0") // in time
		s.tells(back, "7:1 call_gone", "now")
		s.hub.leave(back)
		time.Sleep((feedRounds + 1) * roundTime)
		synctest.Wait()
		if len(s.hub.feeds) != 0 || len(s.hub.followed) != 0 {
			t.Errorf("kept: %v, %v", s.hub.feeds, s.hub.followed)
		}
		s.tells(s.join("anna", "7:0"), "7:1 view")
		want := []string{"watch anna true", "view anna", "watch anna true", "view anna", "watch anna false", "watch anna true", "view anna"}
		if !slices.Equal(s.asked, want) {
			t.Errorf("the engine is asked %q", s.asked)
		}
	})
}

// What is shown late of a time before nobody followed is nothing to go on from.
func TestFollowedAgainAfterAGap(t *testing.T) {
	onStage(t, func(_ *testing.T, s *stage) {
		c := s.join("anna", "")
		s.shows("anna", 1)
		s.tells(c, "7:0 view", "7:1 call_gone")
		s.hub.leave(c)
		synctest.Wait()
		s.mu.Lock()
		s.seq["anna"] = 5 // the engine went on with other numbers, of which nobody was told
		s.mu.Unlock()
		s.tells(s.join("anna", "7:1"), "7:5 view")
		s.shows("anna", 1)
		s.tells(s.join("anna", "7:5"), "7:6 call_gone", "now")
		s.tells(s.join("anna", "7:1"), "7:6 view")
	})
}

// A join that fails leaves nothing behind.
func TestJoinFails(t *testing.T) {
	onStage(t, func(t *testing.T, s *stage) {
		for what, set := range map[string]func(on bool){
			"refused": func(on bool) {
				s.refusal = nil
				if on {
					s.refusal = &supervision.Refusal{Code: supervision.NotFound}
				}
			},
			"full": func(on bool) { s.full = on },
			"mute": func(on bool) { s.mute = on },
		} {
			set(true)
			if _, err := s.hub.join(t.Context(), identity{person: "anna"}, position{}); err == nil {
				t.Errorf("%s: it begins", what)
			}
			set(false)
			synctest.Wait()
			if s.hub.streams != 0 || len(s.hub.joining) != 0 || s.hub.followed["anna"] != 0 {
				t.Errorf("%s: %d streams, %d join, %v", what, s.hub.streams, len(s.hub.joining), s.hub.followed)
			}
		}
	})
}

// One person does not have all places.
func TestStreamsArePerPerson(t *testing.T) {
	onStage(t, func(t *testing.T, s *stage) {
		var last *client
		for range maxStreamsOf {
			last = s.join("anna", "")
		}
		_, err := s.hub.join(t.Context(), identity{person: "anna"}, position{})
		if err == nil || asTold(err).Status != 429 {
			t.Errorf("one more: %v", err)
		}
		s.join("ben", "")
		s.hub.leave(last)
		s.join("anna", "")
	})
}

// At the end all are cut, who is about to begin is refused at once, and nobody begins any more.
func TestHubEnds(t *testing.T) {
	onStage(t, func(t *testing.T, s *stage) {
		c := s.join("anna", "")
		s.mu.Lock()
		s.mute = true
		s.mu.Unlock()
		began := time.Now()
		failed := make(chan error, 1)
		go func() {
			_, err := s.hub.join(t.Context(), identity{person: "ben"}, position{})
			failed <- err
		}()
		synctest.Wait()
		s.end()
		if err := <-failed; err == nil || asTold(err).Code != supervision.Unavailable {
			t.Errorf("who is about to begin: %v", err)
		}
		if !isCut(c) {
			t.Error("who was there is not cut")
		}
		if _, err := s.hub.join(t.Context(), identity{person: "ben"}, position{}); err == nil {
			t.Error("somebody begins after the end")
		}
		s.shows("anna", 1)
		s.hub.leave(c)
		if len(s.hub.inbox) != 0 {
			t.Errorf("%d items wait for nobody", len(s.hub.inbox))
		}
		if took := time.Since(began); took > 0 {
			t.Errorf("it took %v", took)
		}
	})
}

// Who is signed out is cut, and nobody else.
func TestStreamsOfTheSignedOut(t *testing.T) {
	onStage(t, func(t *testing.T, s *stage) {
		anna, ben := s.join("anna", ""), s.join("ben", "")
		s.hub.cutThose(func(id identity) bool { return id.person == "anna" })
		if !isCut(anna) || isCut(ben) || s.cuts(cutEnded) != 1 {
			t.Errorf("anna: %t, ben: %t, counted: %d", isCut(anna), isCut(ben), s.cuts(cutEnded))
		}
	})
}

func FuzzParsePosition(f *testing.F) {
	for _, s := range []string{"7:43", "", ":", "0:0", "7:-1", "18446744073709551615:18446744073709551615", "18446744073709551616:1", " 7:1", "7:1:1", "+7:1", "7:1\x00"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		p := parsePosition(s)
		if again := parsePosition(fmt.Sprintf("%d:%d", p.epoch, p.seq)); again != p {
			t.Errorf("%q is %v, and that is %v", s, p, again)
		}
		full := &feed{epoch: 7, seq: 3, ring: []frame{{seq: 2}, {seq: 3}}}
		missed, ok := full.since(p)
		if ok && (p.epoch != 7 || p.seq < 1 || p.seq > 3 || len(missed) != int(3-p.seq)) {
			t.Errorf("%q: %v misses %d", s, p, len(missed))
		}
	})
}
