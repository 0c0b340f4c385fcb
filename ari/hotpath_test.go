package ari

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"golang.org/x/tools/txtar"

	"supervisiond/supervision"
)

// BenchmarkHotPath takes frames as they come from the socket through peek, decode and tracker into the domain, up to the
// effects: all that happens between the PBX and the queue of NATS, on one goroutine here. An operation is one plain call
// of 19 frames, from its channel's creation to its end, that rings one supervised person and is answered.
func BenchmarkHotPath(b *testing.B) {
	const calls = 512
	frames := recordedCall(b, calls)
	directory := supervision.NewDirectory("hq",
		[]supervision.Person{
			{ID: "anna", Name: "Anna Berger", Extension: "105", Endpoints: []supervision.Endpoint{{Name: "PJSIP/105"}}},
			{ID: "ben", Name: "Ben Okafor", Extension: "102", Endpoints: []supervision.Endpoint{{Name: "PJSIP/102"}}},
		},
		[]supervision.Group{{
			ID: "sales", Number: "1", Type: supervision.Standard, Calls: supervision.CallFilter{Internal: true},
			Supervisors: []supervision.Participant{{Person: "anna"}}, Members: []supervision.Participant{{Person: "ben"}},
		}})
	state := supervision.New()
	var now time.Time
	rang, ended := 0, 0
	apply := func(e supervision.Event) {
		var effects []supervision.Effect
		state, effects = supervision.Apply(state, e)
		for _, x := range effects {
			switch x := x.(type) {
			case supervision.Arm: // as the engine would, three seconds later
				state, _ = supervision.Apply(state, supervision.TimerFired{At: x.At, Timer: x.Timer})
			case supervision.Announce:
				switch x.Type {
				case supervision.EventCallRinging:
					rang++
				case supervision.EventCallAnswered:
					ended++
				}
			}
		}
	}
	tr := newTracker("supervision", apply, fakeAsker{}, func(string, []string) {})
	apply(supervision.Started{At: now, Directory: directory})
	apply(supervision.PBXSynced{At: now})
	var e event
	n := 0
	b.ReportAllocs()
	for b.Loop() {
		now = now.Add(time.Second)
		for _, f := range frames[n%calls] {
			if peekType(f) == "" {
				continue
			}
			if err := decode(f, &e); err != nil {
				b.Fatal(err)
			}
			tr.handle(&e, now)
		}
		n++
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(n*len(frames[0])), "ns/frame")
	if rang != n || ended != n {
		b.Fatalf("%d calls, %d rang, %d were answered", n, rang, ended)
	}
}

// recordedCall gives the frames of so many plain calls, each with channels of its own.
func recordedCall(b *testing.B, calls int) [][][]byte {
	b.Helper()
	archive, err := txtar.ParseFile("testdata/traces/plain_answered.txtar")
	if err != nil {
		b.Fatal(err)
	}
	all := make([][][]byte, calls)
	for i := range all {
		text := bytes.ReplaceAll(archive.Files[0].Data, []byte("1795346363."), fmt.Appendf(nil, "17%08d.", i))
		all[i] = bytes.Split(bytes.TrimSpace(text), []byte("\n"))
	}
	return all
}
