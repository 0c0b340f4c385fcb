package ari

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/prometheus/client_golang/prometheus"

	"supervisiond/supervision"
)

// fakeStore is an ARI with an AstDB and the helper contexts.
type fakeStore struct {
	*scripted
	mu      sync.Mutex
	conn    *websocket.Conn
	data    map[string]map[string]string // by place and line
	runs    []string                     // what ran, with its list
	ranOne  chan struct{}                // closed and replaced at each run
	missing bool                         // there are no helper contexts
	silent  bool                         // runs tell nothing and do not end
	cut     bool                         // there are too many keys
	spoil   bool                         // writes are not kept
	during  func(exten string)           // called while something runs
}

func newFakeStore(t *testing.T) *fakeStore {
	t.Helper()
	f := &fakeStore{scripted: newScripted(t), data: make(map[string]map[string]string), ranOne: make(chan struct{})}
	for _, p := range storePlaces(usualFamilies()) {
		f.data[p.Name] = make(map[string]string)
	}
	f.answer = func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path == "/ari/asterisk/info" { // the first question of an attachment
			conn := <-f.sockets
			f.mu.Lock()
			defer f.mu.Unlock()
			f.conn = conn
			return false
		}
		if strings.HasSuffix(r.URL.Path, "/variable") {
			_, _ = io.WriteString(w, `{"value":"1"}`)
			return true
		}
		if r.Method != http.MethodPost || r.URL.Path != "/ari/channels" {
			return false
		}
		var body struct{ Variables map[string]string }
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil || body.Variables["CDR_PROP(disable)"] != "1" {
			t.Errorf("variables %v, %v", body.Variables, err)
		}
		_, _ = io.WriteString(w, "{}")
		exten, _, _ := strings.Cut(strings.TrimPrefix(r.URL.Query().Get("endpoint"), "Local/"), "@")
		f.run(t, exten, body.Variables)
		return true
	}
	return f
}

// set changes what is stored, as somebody else would.
func (f *fakeStore) set(place, line, value string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.data[place][line] = value
}

func (f *fakeStore) ran() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.runs)
}

// next is closed when so much has run.
func (f *fakeStore) next(runs int) <-chan struct{} {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.runs) < runs {
		return f.ranOne
	}
	done := make(chan struct{})
	close(done)
	return done
}

// awaitRuns waits until so much has run, and meanwhile takes what is told for a mistake if that is not wanted.
func (s *stored) awaitRuns(t *testing.T, runs int, told <-chan supervision.Event) {
	t.Helper()
	deadline := time.After(patience)
	for len(s.ran()) < runs {
		select {
		case <-s.next(runs):
		case e := <-told:
			t.Fatalf("%T %+v", e, e)
		case <-deadline:
			t.Fatalf("%d ran, and not %d", len(s.ran()), runs)
		}
	}
}

func (f *fakeStore) run(t *testing.T, exten string, vars map[string]string) {
	f.mu.Lock()
	during := f.during
	f.mu.Unlock()
	if during != nil {
		during(exten)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.runs = append(f.runs, strings.TrimSpace(exten+" "+vars[storeVarList]))
	close(f.ranOne)
	f.ranOne = make(chan struct{})
	if f.silent {
		return
	}
	id := vars[storeVarRead]
	if !f.missing {
		f.tell(t, exten, id, vars)
	}
	f.send(t, `{"type":"ChannelDestroyed","channel":{"id":%q,"name":"Local/%s@supervision-store-read-00000001;1"}}`, id, exten)
}

func (f *fakeStore) tell(t *testing.T, exten, id string, vars map[string]string) {
	if exten == storeKeys {
		for place, lines := range f.data {
			keys := wrap(strings.Join(slices.Collect(maps.Keys(lines)), ","))
			if f.cut {
				keys = strings.Repeat("MTAs", maxKeys/4)
			}
			f.send(t, `{"type":"ChannelUserevent","eventname":"SupervisionStoreKeys","userevent":{"Read":%q,%q:%q}}`, id, place, keys)
		}
	}
	if exten == storeWrite {
		f.tellLine(t, storeBeforeEvent, id, vars[storeVarExtension])
	}
	if exten == storeWrite && !f.spoil {
		for place, lines := range f.data {
			switch vars[storeVarDo+place] {
			case storeDoSet:
				lines[vars[storeVarExtension]] = vars[storeVarValue+place]
			case storeDoDelete:
				delete(lines, vars[storeVarExtension])
			case storeDoLeave:
			default:
				t.Errorf("%s: %q", place, vars[storeVarDo+place])
			}
		}
	}
	if exten != storeKeys {
		for line := range strings.SplitSeq(vars[storeVarList], "-") {
			f.tellLine(t, storeLineEvent, id, line)
		}
	}
	f.send(t, `{"type":"ChannelUserevent","eventname":"SupervisionStoreEnd","userevent":{"Read":%q}}`, id)
}

func wrap(s string) string { return base64.StdEncoding.EncodeToString([]byte("=" + s)) }

func (f *fakeStore) tellLine(t *testing.T, name, id, line string) {
	fields := map[string]string{"Read": id, "Extension": line}
	for place, lines := range f.data {
		fields[place] = wrap(lines[line])
	}
	b, _ := json.Marshal(fields)
	f.send(t, `{"type":"ChannelUserevent","eventname":%q,"userevent":%s}`, name, b)
}

func (f *fakeStore) send(t *testing.T, format string, args ...any) {
	if err := f.conn.Write(context.Background(), websocket.MessageText, fmt.Appendf(nil, format, args...)); err != nil {
		t.Log(err)
	}
}

// change sets one of the switches above.
func (f *fakeStore) change(what func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	what()
}

// frame is something that the PBX tells by itself.
func (f *fakeStore) frame(t *testing.T, text string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.send(t, "%s", text)
}

// stored is an adapter on a fake store.
type stored struct {
	*fakeStore
	pbx     *PBX
	box     *box
	log     *lockedBuffer
	metrics *prometheus.Registry
}

// lockedBuffer is a log that can be read while it is written.
type lockedBuffer struct {
	mu   sync.Mutex
	b    bytes.Buffer
	news chan struct{} // holds one when something was written since it was last taken
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	select {
	case l.news <- struct{}{}:
	default:
	}
	return l.b.Write(p)
}

// await waits until something has been written.
func (l *lockedBuffer) await(t *testing.T, text string) {
	t.Helper()
	for deadline := time.After(patience); !strings.Contains(l.String(), text); {
		select {
		case <-l.news:
		case <-deadline:
			t.Fatalf("%q is not said:\n%s", text, l)
		}
	}
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func newStored(t *testing.T, f *fakeStore, poll time.Duration, extensions ...string) *stored {
	t.Helper()
	s := &stored{
		fakeStore: f, log: &lockedBuffer{news: make(chan struct{}, 1)}, metrics: prometheus.NewRegistry(),
		box: &box{events: make(chan supervision.Event, 1024), full: make(chan bool, 16)},
	}
	dialplan := usualDialplan()
	dialplan.Families = usualFamilies()
	var err error
	s.pbx, err = New(Options{
		ARI: Server{URL: f.URL + "/ari", Username: "supervisiond", Password: fakePassword}, App: "supervision", Mailbox: s.box,
		Dialplan: dialplan, PhoneContext: "internal", Metrics: s.metrics, Log: slog.New(slog.NewTextHandler(s.log, nil)),
		Extensions: func() []string { return extensions }, StorePoll: func() time.Duration { return poll },
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.pbx.Run(ctx)
	}()
	t.Cleanup(func() {
		cancel()
		<-done
	})
	return s
}

func (s *stored) order(e supervision.WriteStore) { s.pbx.Take(time.Now(), []supervision.Effect{e}) }
