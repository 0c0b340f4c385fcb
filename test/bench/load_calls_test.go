package bench

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// loadCall is one call of the load.
type loadCall struct {
	number string // the caller's, by which it is recognised
	rings  []int  // the members whose phones ring
	rang   time.Time
}

// played is a frame and when it is to be sent, from the beginning on.
type played struct {
	due   time.Duration
	data  []byte
	rings *loadCall // the frame by which the call begins to ring
}

// recording is a call as a real Asterisk told it, with the phones that rang.
type recording struct {
	frames []string
	at     []time.Duration
	epoch  string // how the ids of its channels begin
	phones []string
	ring   int // the frame by which it begins to ring
}

// Of three calls one is answered, one given up by the caller, and one rings three phones of different groups.
var recordings = []struct {
	trace  string
	phones []string
}{
	{"plain_answered", []string{"102"}}, {"caller_gives_up", []string{"102"}}, {"group_answered", []string{"102", "103", "104"}},
}

var (
	stampOf  = regexp.MustCompile(`"timestamp":"([^"]*)"`)
	epochOf  = regexp.MustCompile(`"channel":\{"id":"(\d+\.)`)
	bridgeOf = regexp.MustCompile(`"bridge":\{"id":"([^"]*)"`)
)

func readRecordings(b testing.TB) []*recording {
	b.Helper()
	list := make([]*recording, len(recordings))
	for i, kind := range recordings {
		r := &recording{frames: framesOf(b, kind.trace), phones: kind.phones, ring: -1}
		r.epoch = epochOf.FindStringSubmatch(r.frames[0])[1]
		var first time.Time
		for n, frame := range r.frames {
			at, err := time.Parse("2006-01-02T15:04:05.000-0700", stampOf.FindStringSubmatch(frame)[1])
			if err != nil {
				b.Fatal(err)
			}
			if first.IsZero() {
				first = at
			}
			r.at = append(r.at, at.Sub(first))
			if r.ring < 0 && strings.Contains(frame, `"type":"ChannelStateChange"`) {
				r.ring = n
			}
		}
		list[i] = r
	}
	return list
}

// callerNumber is who makes the call of that number.
func callerNumber(n int) string { return fmt.Sprintf("+4930%06d", n) }

// loadOf is so many calls at that rate, each at the pace at which it was recorded. Calls are numbered from first on.
func loadOf(b testing.TB, first, calls, perSecond int) ([]*loadCall, []played) {
	b.Helper()
	kinds := readRecordings(b)
	list := make([]*loadCall, calls)
	var frames []played
	members := loadPeople - loadSupervisors
	for i := range list {
		n := first + i
		kind := kinds[n%len(kinds)]
		epoch := fmt.Sprintf("17%08d.", n)
		call := &loadCall{number: callerNumber(n)}
		replace := []string{kind.epoch, epoch, `"number":"101"`, `"number":"` + call.number + `"`}
		for k, phone := range kind.phones {
			call.rings = append(call.rings, loadSupervisors+(n*7+k)%members)
			replace = append(replace, phone, extension(call.rings[k]))
		}
		if bridge := bridgeOf.FindStringSubmatch(strings.Join(kind.frames, "\n")); bridge != nil {
			replace = append(replace, bridge[1], fmt.Sprintf("bridge-%d", n))
		}
		own := strings.NewReplacer(replace...)
		begins := time.Duration(i) * time.Second / time.Duration(perSecond)
		for f, frame := range kind.frames {
			p := played{due: begins + kind.at[f], data: []byte(own.Replace(frame))}
			if f == kind.ring {
				p.rings = call
			}
			frames = append(frames, p)
		}
		list[i] = call
	}
	slices.SortStableFunc(frames, func(a, b played) int { return int(a.due - b.due) })
	return list, frames
}

// play sends the frames when they are due, and notes when each call began to ring.
func play(ctx context.Context, conn *websocket.Conn, frames []played) error {
	began := time.Now()
	wait := time.NewTimer(0)
	defer wait.Stop()
	for i := range frames {
		f := &frames[i]
		if ahead := time.Until(began.Add(f.due)); ahead > 0 {
			wait.Reset(ahead)
			select {
			case <-wait.C:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		if f.rings != nil {
			f.rings.rang = time.Now()
		}
		if err := conn.Write(ctx, websocket.MessageText, f.data); err != nil {
			return err
		}
	}
	return nil
}
