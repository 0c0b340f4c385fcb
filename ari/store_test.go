package ari

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"supervisiond/forwarding"
	"supervisiond/supervision"
)

type lines = map[string]forwarding.Stored

// nothing is told by the time that so much more has run on the PBX.
func (s *stored) nothing(t *testing.T, runs int) {
	t.Helper()
	s.awaitRuns(t, len(s.ran())+runs, s.box.events)
}

// F2: all is read and told at first, then whenever it has changed.
func TestStoreIsPolled(t *testing.T) {
	f := newFakeStore(t)
	f.set(placeAlways, "102", `a,b)${X}"`)
	f.set(placeBusy, "999", "1")  // nobody's, and somebody may be forwarded there
	f.set(placeDND, "998", "YES") // nobody's, and it forwards nothing
	s := newStored(t, f, 20*time.Millisecond, "103", "102", "102", "*5")
	read := expect[supervision.StoreRead](t, s.box)
	if want := (lines{"102": {Always: `a,b)${X}"`}, "999": {Busy: "1"}}); !read.Whole || !maps.Equal(read.Lines, want) {
		t.Errorf("%+v", read)
	}
	if runs := s.ran(); !slices.Equal(runs[:2], []string{"keys", "lines 102-999"}) {
		t.Errorf("%q", runs)
	}
	s.nothing(t, 6)
	f.set(placeNoAnswer, "103", "104")
	f.set(placeSeconds, "103", "25")
	f.set(placeDND, "103", "x")
	want := lines{"102": {Always: `a,b)${X}"`}, "999": {Busy: "1"}, "103": {NoAnswer: "104", AfterSeconds: 25, DND: true}}
	for {
		if read = expect[supervision.StoreRead](t, s.box); maps.Equal(read.Lines, want) {
			break // it may have been read while it was being set
		}
	}
	s.nothing(t, 6)
	if got := testutil.ToFloat64(s.pbx.store.metrics.reads); got < 5 {
		t.Errorf("%v reads", got)
	}
	// After a change of the configuration all is told again.
	s.pbx.Resync()
	if read = expect[supervision.StoreRead](t, s.box); !read.Whole || !maps.Equal(read.Lines, want) {
		t.Errorf("%+v", read)
	}
}

func TestStoreIsReadInBlocks(t *testing.T) {
	f := newFakeStore(t)
	var people []string
	for i := range 450 {
		people = append(people, fmt.Sprint(1000+i))
		f.set(placeDND, people[i], "YES")
	}
	s := newStored(t, f, time.Hour, people...)
	if read := expect[supervision.StoreRead](t, s.box); len(read.Lines) != 450 {
		t.Errorf("%d lines", len(read.Lines))
	}
	for i, run := range s.ran()[1:] {
		if n := strings.Count(run, "-") + 1; n != []int{200, 200, 50}[i] || len(run) > 4000 {
			t.Errorf("run %d has %d lines: %s", i, n, run)
		}
	}
}

// More keys than the PBX can tell at once: everybody is asked for, who it told of besides (here 10), and then where
// forwards lead (F3).
func TestStoreWithManyKeys(t *testing.T) {
	f := newFakeStore(t)
	f.cut = true
	want := lines{"102": {Busy: "150"}, "150": {NoAnswer: "151", Always: "+49"}, "151": {Always: "102"}}
	f.set(placeBusy, "102", "150")
	f.set(placeNoAnswer, "150", "151")
	f.set(placeAlways, "150", "+49")
	f.set(placeAlways, "151", "102")
	s := newStored(t, f, time.Hour, "101", "102")
	if read := expect[supervision.StoreRead](t, s.box); !maps.Equal(read.Lines, want) {
		t.Errorf("%+v", read)
	}
	if runs := s.ran(); !slices.Equal(runs, []string{"keys", "lines 101-102-10", "lines 150", "lines 151"}) {
		t.Errorf("%q", runs)
	}
}

// What is read for the sake of chains is bounded, and that is said.
func TestStoreWithManyOthers(t *testing.T) {
	f := newFakeStore(t)
	for i := range maxOthers + 100 {
		f.set([]string{placeAlways, placeBusy, placeNoAnswer}[i%3], fmt.Sprint(i), "9")
	}
	f.set(placeAlways, "30000", "9")
	s := newStored(t, f, 20*time.Millisecond, "30000")
	if read := expect[supervision.StoreRead](t, s.box); len(read.Lines) != maxOthers+1 || read.Lines["30000"].Always != "9" {
		t.Errorf("%d lines", len(read.Lines))
	}
	s.nothing(t, 2*(maxOthers/storeBlock+2))
	if n := strings.Count(s.log.String(), "nobody's are forwarded"); n != 1 {
		t.Errorf("said %d times:\n%s", n, s.log)
	}
}

// The PBX's own feature codes tell of a change: it is read at once, several together.
func TestStoreIsToldOfChanges(t *testing.T) {
	f := newFakeStore(t)
	f.set(placeBusy, "103", "104")
	s := newStored(t, f, time.Hour, "101", "102", "103")
	expect[supervision.StoreRead](t, s.box)
	f.set(placeAlways, "102", "150")
	f.set(placeAlways, "150", "101")
	for _, ext := range []string{"102", "103", "102", " 101 "} {
		s.frame(t, `{"type":"ChannelUserevent","eventname":"SupervisionStore","userevent":{"Extension":"`+ext+`"}}`)
	}
	want := lines{"102": {Always: "150"}, "150": {Always: "101"}}
	if read := expect[supervision.StoreRead](t, s.box); read.Whole || !maps.Equal(read.Lines, want) {
		t.Errorf("%+v", read)
	}
	if runs := s.ran(); !slices.Equal(runs[len(runs)-2:], []string{"lines 101-102-103", "lines 104-150"}) {
		t.Errorf("%q", runs)
	}
	// One that names no line may be about any.
	f.set(placeBusy, "103", "")
	s.frame(t, `{"type":"ChannelUserevent","eventname":"SupervisionStore","userevent":{}}`)
	if read := expect[supervision.StoreRead](t, s.box); !read.Whole || !maps.Equal(read.Lines, want) {
		t.Errorf("%+v", read)
	}
}

// F7: what was read back is told, and whether it is what was to be written.
func TestStoreIsWritten(t *testing.T) {
	f := newFakeStore(t)
	s := newStored(t, f, time.Hour, "101", "102")
	expect[supervision.StoreRead](t, s.box)
	var last forwarding.Stored
	write := func(n uint64, want forwarding.Stored, failed bool, changes ...forwarding.Change) {
		t.Helper()
		s.order(supervision.WriteStore{Write: n, Extension: "102", Changes: changes})
		w := expect[supervision.StoreWritten](t, s.box)
		w.At = time.Time{}
		if w != (supervision.StoreWritten{Write: n, Failed: failed, Read: true, Extension: "102", Before: last, Now: want}) {
			t.Errorf("%d: %+v", n, w)
		}
		last = want
	}
	full := forwarding.Stored{Always: "103", NoAnswer: "104", AfterSeconds: 30, DND: true}
	write(1, full, false, forwarding.Change{Kind: forwarding.Always, Value: "103"},
		forwarding.Change{Kind: forwarding.NoAnswer, Value: "104", AfterSeconds: 30}, forwarding.Change{Value: forwarding.DNDValue})
	f.change(func() { f.spoil = true })
	write(2, full, true, forwarding.Change{Kind: forwarding.Always})
	f.change(func() { f.spoil = false })
	write(3, forwarding.Stored{NoAnswer: "105", AfterSeconds: 30}, false, forwarding.Change{Kind: forwarding.Always}, forwarding.Change{},
		forwarding.Change{Kind: forwarding.NoAnswer, Value: "105"})
	write(4, forwarding.Stored{}, false, forwarding.Change{Kind: forwarding.NoAnswer})
	// Somebody else was there since: that is told apart.
	f.set(placeBusy, "102", "106")
	s.order(supervision.WriteStore{Write: 5, Extension: "102", Changes: []forwarding.Change{{Kind: forwarding.Busy}}})
	if read := expect[supervision.StoreRead](t, s.box); read.Whole || !maps.Equal(read.Lines, lines{"102": {Busy: "106"}}) {
		t.Errorf("%+v", read)
	}
	if w := expect[supervision.StoreWritten](t, s.box); w.Before != (forwarding.Stored{Busy: "106"}) || w.Now != (forwarding.Stored{}) {
		t.Errorf("%+v", w)
	}
	if ok, failed := testutil.ToFloat64(s.pbx.store.metrics.written), testutil.ToFloat64(s.pbx.store.metrics.notWritten); ok != 4 || failed != 1 {
		t.Errorf("%v written, %v failed", ok, failed)
	}
	// Many at once are done in order.
	for i := range 100 {
		s.order(supervision.WriteStore{Write: uint64(i), Extension: "102", Changes: []forwarding.Change{{Kind: forwarding.Busy, Value: fmt.Sprint(i)}}})
	}
	for i := range 100 {
		if w := expect[supervision.StoreWritten](t, s.box); w.Write != uint64(i) || w.Failed || w.Now.Busy != fmt.Sprint(i) {
			t.Fatalf("%d: %+v", i, w)
		}
	}
}

// A write comes between the blocks of a long read, and is not undone by what that had read before.
func TestStoreIsWrittenWhileItIsRead(t *testing.T) {
	f := newFakeStore(t)
	var people []string
	for i := range 250 {
		people = append(people, fmt.Sprint(1000+i))
		f.set(placeAlways, people[i], "4711")
	}
	var s *stored
	ready := make(chan struct{})
	f.during = func(exten string) {
		<-ready
		if exten == storeLines {
			f.change(func() { f.during = nil })
			s.order(supervision.WriteStore{Write: 1, Extension: "1000", Changes: []forwarding.Change{{Kind: forwarding.Always}}})
		}
	}
	s = newStored(t, f, time.Hour, people...)
	close(ready)
	// The read has not been told yet, and so what the line had before is news.
	if read := expect[supervision.StoreRead](t, s.box); read.Whole {
		t.Fatalf("the write had to wait: %q", s.ran())
	}
	if w := expect[supervision.StoreWritten](t, s.box); w.Failed {
		t.Error("not written")
	}
	read := expect[supervision.StoreRead](t, s.box)
	if _, there := read.Lines["1000"]; there || !read.Whole || len(read.Lines) != 249 {
		t.Errorf("%d lines, 1000: %+v", len(read.Lines), read.Lines["1000"])
	}
}

// A PBX without the helper contexts is not asked again and again: each time would be a call record.
func TestStoreWithoutDialplan(t *testing.T) {
	f := newFakeStore(t)
	f.missing = true
	s := newStored(t, f, 10*time.Millisecond, "102")
	expect[supervision.PBXSynced](t, s.box)
	s.log.await(t, "supervisiond dialplan")
	s.order(supervision.WriteStore{Write: 1, Extension: "102", Changes: []forwarding.Change{{}}})
	if w := expect[supervision.StoreWritten](t, s.box); !w.Failed || w.Unknown {
		t.Errorf("%+v", w)
	}
	if runs := s.ran(); len(runs) != 2 {
		t.Errorf("%q", runs)
	}
	if do, _ := s.pbx.store.choose(time.Now().Add(time.Hour)); do != nil {
		t.Error("there is something to do, however long after the last poll")
	}
	if n := strings.Count(s.log.String(), "asterisk -rx"); n != 1 {
		t.Errorf("said %d times:\n%s", n, s.log)
	}
	// It is looked at again on the PBX's own channels, after a while.
	f.change(func() { f.missing = false })
	created := `{"type":"ChannelCreated","channel":{"id":"1.1","name":"PJSIP/102-00000001","state":"Ring"}}`
	s.frame(t, created)
	s.pbx.store.mu.Lock()
	s.pbx.store.looked = time.Now().Add(-2 * dialplanRetry)
	s.pbx.store.mu.Unlock()
	s.frame(t, created)
	expect[supervision.StoreRead](t, s.box)
	s.asked(t, "GET /channels/1.1/variable?variable=DIALPLAN_EXISTS%28supervision-store-read")
}

// A PBX that does not answer: each write is answered in time, and what waits is bounded.
func TestStoreThatDoesNotAnswer(t *testing.T) {
	t.Parallel()
	f := newFakeStore(t)
	s := newStored(t, f, time.Hour, "102")
	expect[supervision.StoreRead](t, s.box)
	f.change(func() { f.silent = true })
	began := time.Now()
	const writes = maxWrites + 50
	for i := range writes {
		s.order(supervision.WriteStore{Write: uint64(i), Extension: "102", Changes: []forwarding.Change{{}}})
	}
	seen, unknown := make(map[uint64]bool), false
	for range writes {
		w := expect[supervision.StoreWritten](t, s.box)
		if !w.Failed || seen[w.Write] {
			t.Errorf("%+v", w)
		}
		unknown = unknown || w.Unknown
		seen[w.Write] = true
	}
	if !unknown {
		t.Error("the PBX was asked, and it is taken for known that nothing was written")
	}
	if took := time.Since(began); took < storeTimeout || took > 3*storeTimeout {
		t.Errorf("answered after %v", took)
	}
	s.asked(t, "DELETE /channels/supervision-store-")
}

// What is under way when the PBX is lost has failed; when it is back all is told, even if it is what it was.
func TestStoreOfALostPBX(t *testing.T) {
	f := newFakeStore(t)
	f.set(placeBusy, "102", "104")
	s := newStored(t, f, time.Hour, "102")
	expect[supervision.StoreRead](t, s.box)
	f.change(func() { f.silent = true })
	s.order(supervision.WriteStore{Write: 1, Extension: "102", Changes: []forwarding.Change{{}}})
	s.awaitRuns(t, 3, nil)
	f.change(func() {
		f.silent = false
		_ = f.conn.CloseNow()
	})
	began := time.Now()
	if w := expect[supervision.StoreWritten](t, s.box); !w.Failed || !w.Unknown || time.Since(began) > storeTimeout {
		t.Errorf("%+v after %v", w, time.Since(began))
	}
	if read := expect[supervision.StoreRead](t, s.box); !read.Whole || !maps.Equal(read.Lines, lines{"102": {Busy: "104"}}) {
		t.Errorf("%+v", read)
	}
}
