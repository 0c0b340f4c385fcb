package bus

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"supervisiond/supervision"
)

// readBack reads the history page by page to its beginning, and calls between after each.
func readBack(t *testing.T, nc *nats.Conn, actor string, limit int, between func()) (ids []string, pages int) {
	t.Helper()
	body := fmt.Sprintf(`{"limit":%d}`, limit)
	for {
		a := ask(t, nc, actor, "history.get", body)
		if !a.OK || a.More != (a.Next != "") || len(a.Events) > limit {
			t.Fatalf("page %d: %.200s", pages, a.raw)
		}
		for _, e := range a.Events {
			ids = append(ids, fmt.Sprint(e["id"]))
		}
		if pages++; a.Next == "" {
			return ids, pages
		}
		between()
		body = fmt.Sprintf(`{"limit":%d,"before":%q}`, limit, a.Next)
	}
}

// H1: the history is read back to its beginning, also where events happened at the same moment, were sent twice, and while more
// happens. Nothing comes twice, and nothing is left out.
func TestTheHistoryIsReadBackWhole(t *testing.T) {
	b, nc := historian(t, &supervision.Reader{Everything: true})
	const n, twice, sentAgain = 3200, 2000, 700
	events := calls(1, n)
	var want []string
	for i := range events {
		events[i].At = noon // all at the same moment
		want = append(want, fmt.Sprint("1-", i+1))
	}
	slices.Reverse(want)
	b.happen(t, events[:twice]...)
	sendAgain(t, b, twice-sentAgain, twice)
	b.happen(t, events[twice:]...)
	for _, limit := range []int{1000, 640, 97} {
		began := time.Now()
		got, pages := readBack(t, nc, "boss", limit, func() {})
		if !slices.Equal(got, want) {
			t.Errorf("%d at a time: %d events, want %d; the first that differ: %s", limit, len(got), len(want), firstDifference(got, want))
		}
		t.Logf("%d at a time: %d pages in %v", limit, pages, time.Since(began))
	}
	// What happens meanwhile is newer, and changes nothing.
	more := n
	got, _ := readBack(t, nc, "boss", 900, func() {
		more++
		b.happen(t, calls(more, more)...)
	})
	if !slices.Equal(got, want) {
		t.Errorf("while more happens: %d events, want %d; the first that differ: %s", len(got), len(want), firstDifference(got, want))
	}
}

// Where all that one may see is far back, the way there leads on.
func TestTheHistoryIsReadBackBeyondWhatOneMayNotSee(t *testing.T) {
	b, nc := historian(t, &supervision.Reader{Actor: "hana", Groups: []supervision.GroupID{"desk"}})
	b.happen(t, calls(1, 45)...) // each tenth is of the desk
	got, _ := readBack(t, nc, "hana", 2, func() {})
	if want := []string{"1-40", "1-30", "1-20", "1-10"}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	if a := ask(t, nc, "hana", "history.get", `{"before":"1"}`); !a.OK || len(a.Events) != 0 || a.More {
		t.Errorf("before the first: %s", a.raw)
	}
	if a := ask(t, nc, "hana", "history.get", `{"before":"9000000000000000000","limit":1}`); len(a.Events) != 1 || a.Events[0]["id"] != "1-40" {
		t.Errorf("before what is not there yet: %s", a.raw)
	}
}

// sendAgain publishes the events from one on up to another as a daemon does whose acknowledgements were lost for minutes.
func sendAgain(t *testing.T, b *runningBus, from, to int) {
	t.Helper()
	daemon, err := b.options.Connect()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(daemon.Close)
	for i := from + 1; i <= to; i++ {
		m := nats.NewMsg(fmt.Sprintf("supervision.v1.hq.event.call.ended.c%d", i))
		m.Header.Set("ce-id", fmt.Sprint("1-", i))
		m.Header.Set("ce-time", noon.Format(time.RFC3339Nano))
		m.Header.Set("ce-type", "supervision.v1.call.ended")
		m.Data = []byte(`{"document":{"rang":[],"ringing":[]}}`)
		if err := daemon.PublishMsg(m); err != nil {
			t.Fatal(err)
		}
	}
	if err := daemon.Flush(); err != nil {
		t.Fatal(err)
	}
}

func firstDifference(got, want []string) string {
	for i := range min(len(got), len(want)) {
		if got[i] != want[i] {
			return fmt.Sprintf("%s, want %s", got[i], want[i])
		}
	}
	return "none but that one is longer"
}
