package ari

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"golang.org/x/tools/txtar"

	"supervisiond/supervision"
)

// scripted is an ARI that lets a test say what comes over the websocket, and notes what it was asked over REST.
type scripted struct {
	*httptest.Server
	sockets chan *websocket.Conn // each attachment
	answer  func(w http.ResponseWriter, r *http.Request) bool

	mu   sync.Mutex
	asks []string
	news chan struct{}
}

func newScripted(t *testing.T) *scripted {
	t.Helper()
	s := &scripted{sockets: make(chan *websocket.Conn, 16), news: make(chan struct{})}
	info, err := os.ReadFile("testdata/info.json")
	if err != nil {
		t.Fatal(err)
	}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.note(r)
		switch {
		case s.answer != nil && s.answer(w, r):
		case r.URL.Path == "/ari/events":
			s.attach(w, r)
		case r.URL.Path == "/ari/asterisk/info":
			_, _ = w.Write(info)
		case r.URL.Path == "/ari/channels", r.URL.Path == "/ari/endpoints":
			_, _ = io.WriteString(w, "[]")
		default:
			_, _ = io.WriteString(w, "{}")
		}
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *scripted) note(r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asks = append(s.asks, r.Method+" "+strings.TrimPrefix(r.URL.Path, "/ari")+"?"+r.URL.RawQuery)
	close(s.news)
	s.news = make(chan struct{})
}

func (s *scripted) attach(w http.ResponseWriter, r *http.Request) {
	conn, err := websocket.Accept(w, r, &websocket.AcceptOptions{Subprotocols: []string{"ari"}})
	if err != nil {
		return
	}
	ctx := conn.CloseRead(r.Context())
	s.sockets <- conn
	<-ctx.Done()
}

// asked waits for a request.
func (s *scripted) asked(t *testing.T, want string) {
	t.Helper()
	deadline := time.After(patience)
	for {
		s.mu.Lock()
		asks, news := s.asks, s.news
		s.mu.Unlock()
		for _, a := range asks {
			if strings.HasPrefix(a, want) {
				return
			}
		}
		select {
		case <-news:
		case <-deadline:
			t.Fatalf("not asked for %s, but for %q", want, asks)
		}
	}
}

func (s *scripted) socket(t *testing.T) *websocket.Conn {
	t.Helper()
	select {
	case c := <-s.sockets:
		return c
	case <-time.After(patience):
		t.Fatal("nobody attached")
		return nil
	}
}

func write(t *testing.T, c *websocket.Conn, frames ...string) {
	t.Helper()
	for _, f := range frames {
		if err := c.Write(t.Context(), websocket.MessageText, []byte(f)); err != nil {
			t.Fatal(err)
		}
	}
}

// box is a mailbox that a test reads.
type box struct {
	events chan supervision.Event
	full   chan bool // each value turns one offer away
}

func (b *box) Offer(e supervision.Event) bool {
	select {
	case <-b.full:
		return false
	default:
	}
	b.events <- e
	return true
}

func (b *box) Post(_ context.Context, e supervision.Event) error {
	b.events <- e
	return nil
}

// expect waits for an event of a type and gives it; events of other types before it are passed over.
func expect[T supervision.Event](t *testing.T, b *box) T {
	t.Helper()
	deadline := time.After(patience)
	for {
		select {
		case e := <-b.events:
			if got, ok := e.(T); ok {
				return got
			}
		case <-deadline:
			var want T
			t.Fatalf("no %T came", want)
		}
	}
}

type attached struct {
	*scripted
	pbx     *PBX
	box     *box
	log     *bytes.Buffer
	metrics *prometheus.Registry
}

func attach(t *testing.T, s *scripted) *attached {
	t.Helper()
	a := &attached{
		scripted: s, log: new(bytes.Buffer), metrics: prometheus.NewRegistry(),
		box: &box{events: make(chan supervision.Event, 1024), full: make(chan bool, 16)},
	}
	var err error
	a.pbx, err = New(Options{
		ARI: Server{URL: s.URL + "/ari", Username: "supervisiond", Password: fakePassword}, App: "supervision", Mailbox: a.box,
		Dialplan: usualDialplan(), PhoneContext: "internal", Metrics: a.metrics,
		Log: slog.New(slog.NewTextHandler(a.log, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		a.pbx.Run(ctx)
	}()
	t.Cleanup(func() {
		cancel()
		<-done
	})
	return a
}

func (a *attached) counts(t *testing.T, name string, want float64) {
	t.Helper()
	families, err := a.metrics.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == name {
			m := f.GetMetric()[0]
			if got := m.GetCounter().GetValue() + m.GetGauge().GetValue(); got != want {
				t.Errorf("%s is %v, want %v", name, got, want)
			}
			return
		}
	}
	t.Errorf("no %s; there is %v", name, testutil.CollectAndCount(a.pbx.metrics.skipped))
}

// ringingCall are the frames of a real call up to its ringing.
func ringingCall(t *testing.T) []string {
	t.Helper()
	archive, err := txtar.ParseFile("testdata/traces/plain_answered.txtar")
	if err != nil {
		t.Fatal(err)
	}
	frames := strings.Split(strings.TrimSpace(string(archive.Files[0].Data)), "\n")
	for i, f := range frames {
		if strings.Contains(f, `"type":"ChannelStateChange"`) {
			return frames[:i+1]
		}
	}
	t.Fatal("nothing rings")
	return nil
}

// Junk, unknown types and what looks like an event but is none are counted and skipped; the next call is seen all the
// same.
func TestJunkOnTheWebsocket(t *testing.T) {
	a := attach(t, newScripted(t))
	c := a.socket(t)
	expect[supervision.PBXSynced](t, a.box)
	write(t, c, "", "junk", "{}", "[]", "null", `{"type":"NobodyKnowsThis","channel":{}}`, `{"type":7}`, `{"type":"ChannelVarset"}`,
		`{"type":"Dial","channel":`, `{"type":"ChannelStateChange","channel":{"id":"1.1","name":"PJSIP/102-1","state":"Ringing"}`,
		`{"type":"StasisStart","args":[1,2],"channel":{"id":"","name":"\u0000"}}`, strings.Repeat(`{"type":"Dial",`, 1000))
	write(t, c, ringingCall(t)...)
	if ring := expect[supervision.RingBegan](t, a.box).Ring; ring.Endpoint != "PJSIP/102" || ring.Caller.Number != "101" {
		t.Errorf("%+v", ring)
	}
	a.counts(t, "supervisiond_ari_frames_skipped_total", 8)
	a.counts(t, "supervisiond_ari_frames_unreadable_total", 3)
	a.counts(t, "supervisiond_pbx_reconnects_total", 0)
}

// An overflow of the mailbox is not silent: the PBX is attached to anew, and told whole.
func TestFullMailboxAttachesAnew(t *testing.T) {
	a := attach(t, newScripted(t))
	c := a.socket(t)
	expect[supervision.PBXSynced](t, a.box)
	a.box.full <- true
	write(t, c, ringingCall(t)...)
	expect[supervision.PBXLost](t, a.box)
	a.socket(t)
	expect[supervision.PBXSynced](t, a.box)
}

// A websocket that breaks is made anew, subscribed and filtered again.
func TestBrokenWebsocketIsMadeAnew(t *testing.T) {
	a := attach(t, newScripted(t))
	c := a.socket(t)
	expect[supervision.PBXSynced](t, a.box)
	a.mu.Lock()
	a.asks = nil
	a.mu.Unlock()
	_ = c.CloseNow()
	expect[supervision.PBXLost](t, a.box)
	a.socket(t)
	expect[supervision.PBXSynced](t, a.box)
	a.asked(t, "GET /events?app=supervision&subscribeAll=false")
	a.asked(t, "POST /applications/supervision/subscription?eventSource=channel")
	a.asked(t, "PUT /applications/supervision/eventFilter")
}

// What arrives while the snapshot is being taken is replayed on top of it.
func TestFramesDuringTheSnapshot(t *testing.T) {
	s := newScripted(t)
	frames := ringingCall(t)
	var once sync.Once
	s.answer = func(_ http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path == "/ari/channels" {
			once.Do(func() { write(t, s.socket(t), frames...) })
		}
		return false
	}
	a := attach(t, s)
	synced := expect[supervision.PBXSynced](t, a.box)
	if len(synced.Rings) == 1 && synced.Rings[0].Endpoint == "PJSIP/102" {
		return
	}
	// REST and the websocket are two connections: frames may come a moment later, and then are told as they come.
	if ring := expect[supervision.RingBegan](t, a.box).Ring; ring.Endpoint != "PJSIP/102" {
		t.Errorf("%+v", ring)
	}
}

// An order that the PBX does not take comes back as a failure.
func TestPickupThatThePBXRefuses(t *testing.T) {
	s := newScripted(t)
	s.answer = func(w http.ResponseWriter, r *http.Request) bool {
		if strings.HasSuffix(r.URL.Path, "/continue") {
			w.WriteHeader(http.StatusInternalServerError)
			return true
		}
		return false
	}
	a := attach(t, s)
	expect[supervision.PBXSynced](t, a.box)
	a.pbx.Take(time.Now(), []supervision.Effect{supervision.PickUp{Channel: "9.9", Targets: []string{"1.1", "1.2"}}})
	if e := expect[supervision.PickupFailed](t, a.box); e.Channel != "9.9" || !e.Unavailable {
		t.Errorf("%+v", e)
	}
	// A refusal that cannot be carried out nicely is carried out by hanging up.
	refusal := &supervision.Refusal{Code: supervision.AlreadyTaken}
	a.pbx.Take(time.Now(), []supervision.Effect{supervision.Refuse{Channel: "9.9", Refusal: refusal}})
	a.asked(t, "DELETE /channels/9.9?reason_code=34")
}

func TestPickupExtension(t *testing.T) {
	if got := pickupExtension([]string{"1795346363.1", "1795346363.2"}); got != "t1795346363.1&1795346363.2" {
		t.Error(got)
	}
	long := "pbx-with-a-long-name-1795346363.123456"
	if got := pickupExtension([]string{long, long, "1.1"}); got != "t"+long+"&"+long || len(got) > maxExtension {
		t.Errorf("%s has %d characters", got, len(got))
	}
}

// R4: where the PBX does not say by itself whether a caller may be shown, it is asked first, and nobody is told of the
// call before.
func TestPresentationIsAskedBeforeTelling(t *testing.T) {
	for answer, want := range map[string]supervision.Caller{
		`{"value":"allowed_not_screened"}`: {Number: "101", Name: "Phone 101"},
		`{"value":"prohib_passed_screen"}`: {Withheld: true},
		`{"value":"unavailable"}`:          {Withheld: true},
		`{"value":""}`:                     {Withheld: true},
		`junk`:                             {Withheld: true},
	} {
		s := newScripted(t)
		s.answer = func(w http.ResponseWriter, r *http.Request) bool {
			if strings.HasSuffix(r.URL.Path, "/variable") && r.URL.Query().Get("variable") == "CALLERID(pres)" {
				_, _ = io.WriteString(w, answer)
				return true
			}
			return false
		}
		a := attach(t, s)
		c := a.socket(t)
		expect[supervision.PBXSynced](t, a.box)
		for _, f := range ringingCall(t) {
			write(t, c, strings.ReplaceAll(f, `"channelvars"`, `"nothing"`))
		}
		if ring := expect[supervision.RingBegan](t, a.box).Ring; ring.Caller != want {
			t.Errorf("%s: %+v", answer, ring.Caller)
		}
	}
}
