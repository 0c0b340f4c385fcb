package sip

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	gosip "github.com/emiago/sipgo/sip"

	"supervisiond/sip/notifier"
	"supervisiond/supervision"
)

// A hundred phones that do not answer delay nobody else, one phone is told in order, and what is late is not told at all.
func TestSilentPhonesDelayNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := supervision.NewDirectory("hq", []supervision.Person{{ID: "ben", Name: "Ben Okafor", Extension: "102"}}, nil)
		var mu sync.Mutex
		told := make(map[string][]string)
		send := func(ctx context.Context, p *phone, req *gosip.Request) notifier.Answer {
			mu.Lock()
			told[p.hop] = append(told[p.hop], string(req.Body()))
			mu.Unlock()
			if strings.HasPrefix(p.hop, "silent") {
				<-ctx.Done()
				return notifier.Answer{Err: ctx.Err()}
			}
			return notifier.Answer{Code: 200}
		}
		phones := func(id supervision.PersonID) []*phone {
			if id == "anna" {
				return []*phone{{transport: "UDP", hop: "anna"}}
			}
			var list []*phone
			for i := range 100 {
				list = append(list, &phone{transport: "UDP", hop: fmt.Sprintf("silent %d", i)})
			}
			return list
		}
		a := newAlerts(Options{Directory: func() *supervision.Directory { return dir }, Log: slog.New(slog.DiscardHandler)}, phones, send)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { defer close(done); a.run(ctx) }()
		const calls = 10
		for i := range calls {
			call := &supervision.CallDocument{
				Caller:  supervision.Caller{Number: fmt.Sprint(1000 + i)},
				Ringing: []supervision.RingingPart{{Person: "ben"}},
			}
			a.add("emil", call)
			a.add("anna", call)
			synctest.Wait()
		}
		mu.Lock()
		if got := told["anna"]; len(got) != calls || got[0] != "Call for Ben Okafor: 1000" || got[9] != "Call for Ben Okafor: 1009" {
			t.Errorf("anna was told %q", got)
		}
		mu.Unlock()
		time.Sleep(time.Minute)
		mu.Lock()
		if got := told["silent 7"]; len(got) != 1 {
			t.Errorf("a phone that does not answer was told %q", got)
		}
		mu.Unlock()
		a.mu.Lock()
		if len(a.lines) != 0 {
			t.Errorf("%d phones still have alerts waiting", len(a.lines))
		}
		a.mu.Unlock()
		cancel()
		<-done
	})
}
