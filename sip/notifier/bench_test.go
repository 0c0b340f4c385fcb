package notifier

import (
	"context"
	"fmt"
	"log/slog"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"supervisiond/supervision"
)

// BenchmarkRing is one call that rings somebody and ends, beside 5,000 lamps of which some show that line, each on a board of
// another supervisor: two NOTIFYs for each of these, from what the engine tells to the phones' answers. There are no sockets, and
// the engine is not part of it.
func BenchmarkRing(b *testing.B) {
	for _, lamps := range []int{10, 100} {
		b.Run(fmt.Sprintf("lamps=%d", lamps), func(b *testing.B) { benchmarkRing(b, lamps) })
	}
}

const benchLamps = 5000

func benchmarkRing(b *testing.B, boards int) {
	each := benchLamps / boards // members, of whom each board has a lamp
	list := []supervision.Person{}
	for i := range boards {
		list = append(list, supervision.Person{ID: supervision.PersonID(fmt.Sprint("s", i)), Name: "Supervisor", Extension: strconv.Itoa(1000 + i)})
	}
	members := make([]supervision.PersonDocument, each)
	group := supervision.GroupDocument{ID: "g", Name: "Vertrieb"}
	for m := range members {
		id := supervision.PersonID(fmt.Sprint("m", m))
		list = append(list, supervision.Person{ID: id, Name: "Ben Okafor", Extension: strconv.Itoa(2000 + m)})
		members[m] = supervision.PersonDocument{
			ID: id, Name: "Ben Okafor", Extension: strconv.Itoa(2000 + m), Presence: supervision.Presence{State: supervision.Online},
		}
		group.Members = append(group.Members, supervision.MemberDocument{Person: id, LoggedIn: true})
	}
	dir := supervision.NewDirectory("hq", list, nil)
	var n *Notifier
	var answered sync.WaitGroup
	n = New(Options{
		Directory: func() *supervision.Directory { return dir },
		Watch:     func(context.Context, supervision.PersonID, bool) error { return nil },
		Command: func(c supervision.Commanded) error {
			view := &supervision.View{
				Seq: 1, Me: &supervision.PersonDocument{ID: c.Actor}, People: append([]supervision.PersonDocument{}, members...), Groups: []supervision.GroupDocument{group},
			}
			n.Take(time.Now(), []supervision.Effect{supervision.Reply{ID: c.ID, Result: view}})
			return nil
		},
		Send: func(context.Context, *Notify) Answer { answered.Done(); return Answer{Code: 200} },
		Host: "pbx.example", Metrics: NewMetrics(prometheus.NewRegistry()), Log: slog.New(slog.DiscardHandler),
	})
	ctx, stop := context.WithCancel(b.Context())
	go n.Run(ctx)
	b.Cleanup(func() {
		answered.Add(benchLamps) // all are told that it is over
		stop()
		<-n.done
	})

	ask := func(board, m int) {
		answered.Add(1)
		d := n.Subscribe(ctx, Subscribe{
			Viewer: supervision.PersonID(fmt.Sprint("s", board)), User: strconv.Itoa(2000 + m), Host: "hq", Event: eventDialog, CSeq: 1,
			Dialog: Dialog{CallID: fmt.Sprint(board, "-", m), RemoteTag: "t"}, Peer: phone(fmt.Sprint("board ", board)),
		})
		if d.Code != 200 {
			b.Fatal(d.Code, d.Reason)
		}
		d.Begin()
	}
	for board := range boards {
		for m := range each {
			ask(board, m)
		}
	}
	answered.Wait()

	seq := uint64(2)
	tell := func(changes ...supervision.Shown) {
		effects := make([]supervision.Effect, boards)
		for i := range effects {
			effects[i] = supervision.Show{To: supervision.PersonID(fmt.Sprint("s", i)), Seq: seq, Changes: changes}
		}
		seq += uint64(len(changes))
		answered.Add(boards)
		n.Take(time.Now(), effects)
		answered.Wait()
	}
	b.ReportAllocs()
	for k := 0; b.Loop(); k++ {
		m := members[k%each]
		call := supervision.CallID(fmt.Sprint("call-", k))
		doc := &supervision.CallDocument{
			ID: call, State: supervision.CallRinging, Caller: supervision.Caller{Number: "+4930555", Name: "Dr. Weiß"}, Dialled: m.Extension,
			Ringing: []supervision.RingingPart{{Person: m.ID}},
		}
		busy := m
		busy.Calls = []supervision.CallID{call}
		tell(
			supervision.Shown{Kind: supervision.ShownCall, ID: string(call), Document: doc},
			supervision.Shown{Kind: supervision.ShownPerson, ID: string(m.ID), Document: &busy},
		)
		tell(
			supervision.Shown{Kind: supervision.ShownCall, ID: string(call)},
			supervision.Shown{Kind: supervision.ShownPerson, ID: string(m.ID), Document: &m},
		)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*2*boards), "ns/notify")
}
