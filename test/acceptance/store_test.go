package acceptance

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"supervisiond/ari"
	"supervisiond/forwarding"
	"supervisiond/supervision"
	"supervisiond/test/lab"
)

var storeFamilies = forwarding.Families{Always: "CF", Busy: "CFB", NoAnswer: "CFU", DND: "DND", NoAnswerSeconds: "CFUT"}

// feature codes of the PBX's own, and something that fills its store
const storeCodes = `
[codes]
exten => on,1,Set(DB(CF/102)=103)
 same => n,UserEvent(SupervisionStore,Extension: 102)
exten => off,1,Set(DB_DELETE(CF/102)=)
 same => n,UserEvent(SupervisionStore,Extension: 102)
exten => _fill-X.,1,Set(LEFT=${EXTEN:5})
 same => n(next),Set(DB(CF/${MATH(1000+${LEFT},int)})=4711)
 same => n,Set(LEFT=${DEC(LEFT)})
 same => n,GotoIf($[${LEFT} >= 0]?next)
 same => n,Set(DB(LAB/filled)=yes)
`

// pbxStore is a PBX with the adapter alone, and what it tells.
type pbxStore struct {
	t       *testing.T
	pbx     *lab.Asterisk
	adapter *ari.PBX
	events  chan supervision.Event
	lines   map[string]forwarding.Stored // as told so far
	log     *bytes.Buffer
	metrics *prometheus.Registry
	stop    func()
}

func (s *pbxStore) Offer(e supervision.Event) bool {
	s.events <- e
	return true
}

func (s *pbxStore) Post(_ context.Context, e supervision.Event) error {
	s.events <- e
	return nil
}

func newStorePBX(t *testing.T) *lab.Asterisk {
	t.Helper()
	text, err := ari.Dialplan(storeDialplan())
	if err != nil {
		t.Fatal(err)
	}
	return lab.Start(t, lab.Options{Dialplan: text, ExtraExtensions: storeCodes})
}

func storeDialplan() ari.DialplanOptions {
	return ari.DialplanOptions{
		App: "supervision", FeaturesContext: "supervision", WhenDown: "refuse", Families: storeFamilies,
		Pickup: "*20", PickupGroup: "*22", Join: "*23", Leave: "*24", Toggle: "*25", CancelForwarding: "*26",
	}
}

// attachStore attaches an adapter and waits for its first read.
func attachStore(t *testing.T, pbx *lab.Asterisk, poll time.Duration, extensions ...string) *pbxStore {
	t.Helper()
	s := &pbxStore{
		t: t, pbx: pbx, events: make(chan supervision.Event, 4096), lines: make(map[string]forwarding.Stored),
		log: new(bytes.Buffer), metrics: prometheus.NewRegistry(),
	}
	var err error
	s.adapter, err = ari.New(ari.Options{
		ARI: ari.Server{URL: pbx.ARIURL(), Username: pbx.ARIUser(), Password: pbx.ARIPassword()},
		App: "supervision", Mailbox: s, Dialplan: storeDialplan(), PhoneContext: "internal",
		Extensions: func() []string { return extensions }, StorePoll: func() time.Duration { return poll },
		Log: slog.New(slog.NewTextHandler(io.MultiWriter(s.log, t.Output()), nil)), Metrics: s.metrics,
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.adapter.Run(ctx)
	}()
	s.stop = func() {
		cancel()
		<-done
	}
	t.Cleanup(s.stop)
	if !s.read().Whole {
		t.Error("the first read is not of all lines")
	}
	return s
}

// next waits for an event. Nothing but the store may be told of: its channels are nobody's calls.
func (s *pbxStore) next() supervision.Event {
	s.t.Helper()
	for {
		select {
		case e := <-s.events:
			switch e := e.(type) {
			case supervision.PBXSynced:
				if len(e.Rings) > 0 {
					s.t.Errorf("something rings: %+v", e.Rings)
				}
				continue
			case supervision.StoreRead:
				if e.Whole {
					s.lines = maps.Clone(e.Lines)
				}
				maps.Copy(s.lines, e.Lines)
				maps.DeleteFunc(s.lines, func(_ string, l forwarding.Stored) bool { return l == forwarding.Stored{} })
			case supervision.StoreWritten:
				if e.Read {
					s.lines[e.Extension] = e.Now
				}
				maps.DeleteFunc(s.lines, func(_ string, l forwarding.Stored) bool { return l == forwarding.Stored{} })
			default:
				s.t.Errorf("told of %T %+v", e, e)
			}
			return e
		case <-time.After(patience):
			s.t.Fatalf("nothing is told; the log:\n%s", s.log)
		}
	}
}

func (s *pbxStore) read() supervision.StoreRead {
	s.t.Helper()
	e, ok := s.next().(supervision.StoreRead)
	if !ok {
		s.t.Fatalf("got %+v, want a StoreRead", e)
	}
	return e
}

// write writes, and gives what the line had before, whether what it has was read back, and whether that is as it should be.
func (s *pbxStore) write(ext string, changes ...forwarding.Change) (before forwarding.Stored, read, confirmed bool) {
	s.t.Helper()
	s.adapter.Take(time.Now(), []supervision.Effect{supervision.WriteStore{Write: 7, Extension: ext, Changes: changes}})
	e, ok := s.next().(supervision.StoreWritten)
	if !ok || e.Write != 7 || e.Extension != ext {
		s.t.Fatalf("answered with %+v", e)
	}
	return e.Before, e.Read, !e.Failed
}

func storeCLI(t *testing.T, pbx *lab.Asterisk, command string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	out, err := pbx.CLI(ctx, command)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func storePut(t *testing.T, pbx *lab.Asterisk, family, key, value string) {
	t.Helper()
	quoted := strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(value)
	if out := storeCLI(t, pbx, "database put "+family+" "+key+` "`+quoted+`"`); !strings.Contains(out, "success") {
		t.Fatalf("database put %s %s %q: %s", family, key, value, out)
	}
}

// leftNothing: no channel is left, and no call was recorded.
func (s *pbxStore) leftNothing() {
	s.t.Helper()
	deadline := time.Now().Add(patience)
	for {
		out := storeCLI(s.t, s.pbx, "core show channels concise")
		if strings.TrimSpace(out) == "" {
			break
		}
		if time.Now().After(deadline) {
			s.t.Fatalf("channels are left:\n%s", out)
		}
	}
	records, err := s.pbx.CallRecords()
	if err != nil {
		s.t.Fatal(err)
	}
	for _, r := range records {
		if r.Context != "codes" {
			s.t.Errorf("a call record: %+v", r)
		}
	}
}

// hostile values: each could mean something to a dialplan, to ARI or to JSON.
var hostile = []string{
	`,`, `102,1,Hangup()`, `&`, `102&Local/900@internal`, `)`, `102)`, `(`, `102)}${SHELL(id)}`, `${`, `${EXTEN}`, `$[1+1]`, `}`, `]`,
	`"`, `"102"`, `'`, `'102'`, `\`, `\n`, `\"`, `;`, `a;b`, `|`, `=`, `a=b`, `==`, `:`, `?`, `1?2:3`, `%0a`, `@`, `102@internal`, `<102>`,
	` `, ` 102`, `102 `, `-`, `1-2`, `+4989123`, `*98#`, `ü € 😀`, `null`, `{"a":1}`, `#include`, strings.Repeat("1", 250),
}

// F2: what others store is seen as they stored it, whatever it is.
func TestStoreIsReadExactly(t *testing.T) {
	pbx := newStorePBX(t)
	var extensions []string
	want := make(map[string]forwarding.Stored)
	for i, value := range hostile {
		ext := fmt.Sprint(1000 + i)
		extensions = append(extensions, ext)
		storePut(t, pbx, "CF", ext, value)
		want[ext] = forwarding.Stored{Always: value}
	}
	storePut(t, pbx, "CFB", "102", "103")
	storePut(t, pbx, "CFU", "102", "104")
	storePut(t, pbx, "CFUT", "102", "25")
	storePut(t, pbx, "CFUT", "103", "25") // nothing by itself
	storePut(t, pbx, "DND", "102", "YES")
	storePut(t, pbx, "CF", "999", "1")         // nobody's, and somebody may be forwarded there
	storePut(t, pbx, "DND", "998", "YES")      // nobody's, and it forwards nothing
	storePut(t, pbx, "CF", "102)}${X},&", "1") // not even a line
	want["102"] = forwarding.Stored{Busy: "103", NoAnswer: "104", AfterSeconds: 25, DND: true}
	want["999"] = forwarding.Stored{Always: "1"}
	s := attachStore(t, pbx, time.Hour, append(extensions, "102", "103", "104", "102")...)
	for ext, line := range want {
		if s.lines[ext] != line {
			t.Errorf("%s: got %+v, want %+v", ext, s.lines[ext], line)
		}
	}
	if len(s.lines) != len(want) {
		t.Errorf("%d lines, want %d: %v", len(s.lines), len(want), s.lines)
	}
	s.leftNothing()
}

// F7: a write is confirmed by what is read back. Whatever is written, it gets there and nowhere else.
func TestStoreIsWrittenExactly(t *testing.T) {
	pbx := newStorePBX(t)
	s := attachStore(t, pbx, time.Hour, "102", "103")
	before := storeCLI(t, pbx, "database show")
	var last forwarding.Stored
	for _, value := range append(slices.Clone(hostile), "a\nb", "\n", "a\r\n\tb", "102\nexten => _X.,1,System(id)") {
		was, read, confirmed := s.write("102", forwarding.Change{Kind: forwarding.Always, Value: value},
			forwarding.Change{Kind: forwarding.NoAnswer, Value: value, AfterSeconds: 25})
		want := forwarding.Stored{Always: value, NoAnswer: value, AfterSeconds: 25}
		if !read || !confirmed || s.lines["102"] != want || was != last {
			t.Errorf("%q: read back %v, confirmed %v, %+v, and before %+v", value, read, confirmed, s.lines["102"], was)
		}
		last = want
	}
	if _, _, confirmed := s.write("102", forwarding.Change{Value: forwarding.DNDValue}, forwarding.Change{Kind: forwarding.Busy, Value: "104"}); !confirmed {
		t.Error("not confirmed")
	}
	if out := storeCLI(t, pbx, "database get DND 102"); !strings.Contains(out, "YES") {
		t.Error(out)
	}
	// All is cancelled, and once more what is not there.
	for range 2 {
		if _, _, confirmed := s.write("102", forwarding.Change{Kind: forwarding.Always}, forwarding.Change{Kind: forwarding.Busy},
			forwarding.Change{Kind: forwarding.NoAnswer}, forwarding.Change{}); !confirmed || len(s.lines) > 0 {
			t.Errorf("cancelled, and there is %+v", s.lines)
		}
	}
	storeCLI(t, pbx, "database del CFUT 102")
	for _, ext := range []string{"", "102)=x", "102/../103", "${X}", "102-103", "1,2", "1\n2", strings.Repeat("1", 40)} {
		if _, read, confirmed := s.write(ext, forwarding.Change{Kind: forwarding.Always, Value: "103"}); read || confirmed {
			t.Errorf("%q was written", ext)
		}
	}
	if _, _, confirmed := s.write("102", forwarding.Change{Kind: forwarding.Phone, Value: "103"}); confirmed {
		t.Error("a phone's own forward was written")
	}
	if _, _, confirmed := s.write("102", forwarding.Change{Kind: forwarding.Always, Value: strings.Repeat("1", 300)}); confirmed {
		t.Error("a value that is too long was confirmed")
	}
	if after := storeCLI(t, pbx, "database show"); after != before {
		t.Errorf("before\n%s\nafter\n%s", before, after)
	}
	began := time.Now()
	const writes = 50
	for i := range writes {
		s.write("102", forwarding.Change{Kind: forwarding.Always, Value: fmt.Sprint(1000 + i)})
	}
	t.Logf("a write, read back: %v", time.Since(began)/writes)
	s.leftNothing()
}

// F2: a change by anybody is noticed within the polling interval, and at once where the PBX tells of it.
func TestStoreChangesAreNoticed(t *testing.T) {
	pbx := newStorePBX(t)
	polled := attachStore(t, pbx, 300*time.Millisecond, "101", "102")
	began := time.Now()
	storePut(t, pbx, "CFB", "101", "105")
	if read := polled.read(); !read.Whole || read.Lines["101"] != (forwarding.Stored{Busy: "105"}) || time.Since(began) > 300*time.Millisecond+slack {
		t.Errorf("after %v: %+v", time.Since(began), read)
	}
	storeCLI(t, pbx, "database del CFB 101")
	if read := polled.read(); len(read.Lines) > 0 {
		t.Errorf("%+v", read)
	}
	polled.leftNothing()
	polled.stop()

	told := attachStore(t, pbx, time.Hour, "101", "102")
	for _, code := range []struct{ dialled, target string }{{"on", "103"}, {"off", ""}} {
		began := time.Now()
		storeCLI(t, pbx, "channel originate Local/"+code.dialled+"@codes application NoOp")
		if read := told.read(); read.Whole || len(read.Lines) != 1 || read.Lines["102"].Always != code.target {
			t.Errorf("%s: %+v", code.dialled, read)
		}
		took := time.Since(began)
		t.Logf("%s: noticed after %v", code.dialled, took)
		if took > slack {
			t.Errorf("%s: noticed too late", code.dialled)
		}
	}
	told.leftNothing()
}

// What reading costs on a big site: with no forward, with one in twenty lines, and with all lines forwarded.
func TestStoreOfThousandLines(t *testing.T) {
	pbx := newStorePBX(t)
	var extensions []string
	for i := range 1000 {
		extensions = append(extensions, fmt.Sprint(1000+i))
	}
	for _, forwarded := range []int{0, 50, 1000} {
		if forwarded > 0 {
			storeCLI(t, pbx, fmt.Sprintf("channel originate Local/fill-%d@codes application NoOp", forwarded-1))
			for !strings.Contains(storeCLI(t, pbx, "database get LAB filled"), "yes") {
				if t.Context().Err() != nil {
					t.Fatal("not filled")
				}
			}
			storeCLI(t, pbx, "database del LAB filled")
		}
		s := attachStore(t, pbx, time.Hour, extensions...)
		if len(s.lines) != forwarded {
			t.Errorf("%d lines, want %d", len(s.lines), forwarded)
		}
		const times = 5
		began := time.Now()
		for range times {
			s.adapter.Resync()
			if read := s.read(); !read.Whole || len(read.Lines) != forwarded {
				t.Errorf("%d lines, want %d", len(read.Lines), forwarded)
			}
		}
		t.Logf("1000 lines, %d of them forwarded: %v a read", forwarded, time.Since(began)/times)
		s.leftNothing()
		s.stop()
	}
}
