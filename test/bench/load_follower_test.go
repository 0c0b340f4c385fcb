package bench

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// follower is told what one person may see, on an event stream or on NATS, and proves that nothing is left out.
type follower struct {
	name   string
	person int
	told   []toldCall
	views  int // how often all began with a view
	epoch  string
	seq    uint64 // of what was told last
	err    error  // the first thing that was wrong
	// over is how many calls' ends it was told, and gone how many of these are no longer there; progress wakes who waits
	// for that.
	over, gone atomic.Int64
	sites      atomic.Int64 // heartbeats
	progress   chan<- struct{}
}

// toldCall is a call, or (gone) that there is none any more, as a follower was told it.
type toldCall struct {
	at   time.Time
	gone bool
	data []byte
}

// lastEventID is where the follower goes on from.
func (f *follower) lastEventID() string { return f.epoch + ":" + strconv.FormatUint(f.seq, 10) }

// take takes one event. Its data is the follower's to keep.
func (f *follower) take(id, event string, data []byte) {
	now := time.Now()
	epoch, number, _ := strings.Cut(id, ":")
	seq, err := strconv.ParseUint(number, 10, 64)
	switch {
	case err != nil:
		f.fail(fmt.Errorf("the id %q: %w", id, err))
	case event == "view":
		f.views++
	case epoch != f.epoch || seq != f.seq+1:
		f.fail(fmt.Errorf("%s comes after %s", id, f.lastEventID()))
	}
	f.epoch, f.seq = epoch, seq
	switch event {
	case "site":
		f.sites.Add(1)
		f.wake()
	case "call":
		f.told = append(f.told, toldCall{at: now, data: data})
		if !bytes.Contains(data, []byte(`"ended_at":""`)) {
			f.over.Add(1)
			f.wake()
		}
	case "call_gone":
		f.told = append(f.told, toldCall{at: now, gone: true, data: data})
		f.gone.Add(1)
		f.wake()
	}
}

func (f *follower) wake() {
	select {
	case f.progress <- struct{}{}:
	default:
	}
}

func (f *follower) fail(err error) {
	if f.err == nil {
		f.err = fmt.Errorf("%s: %w", f.name, err)
	}
}

// sees are the calls that the follower is to be told.
func (f *follower) sees(calls []*loadCall) []*loadCall {
	var list []*loadCall
	for _, c := range calls {
		if maySee(f.person, c.rings) {
			list = append(list, c)
		}
	}
	return list
}

// check proves that each call that the person may see was told ringing, then over once, then gone, and none besides; it
// gives how long after the frame each was told first.
func (f *follower) check(calls []*loadCall) ([]time.Duration, error) {
	if f.err != nil {
		return nil, f.err
	}
	type story struct {
		rang        time.Time
		rings, over int
		gone        bool
		told        [][]byte
	}
	stories := make(map[string]*story)
	byCaller := make(map[string]*story)
	for _, t := range f.told {
		var doc struct {
			ID     string
			State  string
			Caller struct{ Number string }
		}
		if err := json.Unmarshal(t.data, &doc); err != nil {
			return nil, fmt.Errorf("%s: %s: %w", f.name, t.data, err)
		}
		s := stories[doc.ID]
		if s == nil {
			s = &story{rang: t.at}
			stories[doc.ID], byCaller[doc.Caller.Number] = s, s
		}
		s.told = append(s.told, t.data)
		switch {
		case s.gone || s.over > 0 && !t.gone:
			return nil, fmt.Errorf("%s: call %s is told again after its end: %s", f.name, doc.ID, t.data)
		case t.gone:
			s.gone = true
		case doc.State == "ringing":
			s.rings++
		default:
			s.over++
		}
	}
	wanted := f.sees(calls)
	var took []time.Duration
	for _, c := range wanted {
		s := byCaller[c.number]
		if s == nil {
			return nil, fmt.Errorf("%s: call %s to %v was not told", f.name, c.number, c.rings)
		}
		if s.rings == 0 || s.rings > len(c.rings) || s.over != 1 || !s.gone {
			return nil, fmt.Errorf("%s: call %s to %v was told so: %s", f.name, c.number, c.rings, s.told)
		}
		// The first member that rings may be one whom this person does not see.
		if maySee(f.person, c.rings[:1]) {
			took = append(took, s.rang.Sub(c.rang))
		}
	}
	if len(stories) != len(wanted) {
		return nil, fmt.Errorf("%s is told %d calls, and may see %d", f.name, len(stories), len(wanted))
	}
	return took, nil
}

// field gives what stands behind a name at the beginning of a line of an event stream.
func field(line []byte, name string) (string, bool) {
	value, ok := bytes.CutPrefix(line, []byte(name+": "))
	return string(bytes.TrimSuffix(value, []byte("\n"))), ok
}
