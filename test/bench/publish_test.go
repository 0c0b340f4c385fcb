package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"supervisiond/app"
	"supervisiond/config"
)

const site = `
site: bench
asterisk: {ari: {url: %s/ari, username: supervisiond, password: x}}
nats: {embedded: {listen: "127.0.0.1:0", store_dir: nats}}
http: {listen: "127.0.0.1:0"}
people:
  anna: {name: Anna Berger, extension: "105", endpoints: [PJSIP/105]}
  ben:  {name: Ben Okafor, extension: "102", endpoints: [PJSIP/102]}
groups:
  sales: {name: Vertrieb, number: "1", supervisors: [anna], members: [ben]}
`

// BenchmarkFrameToSubscriber is the time from the moment at which the PBX writes that a phone rings to the moment at
// which a program reads call.ringing on NATS: websocket, decoding, tracker, domain, embedded NATS with its disk, client.
// An operation is a whole plain call of 19 frames; allocations are those of all of it, the clients' included.
func BenchmarkFrameToSubscriber(b *testing.B) {
	p := startPBX(b, nil)
	rings := ringsOf(b, startDaemon(b, fmt.Sprintf(site, p.URL)))
	conn := <-p.attached
	before, after := recorded(b)
	call := func(i int) (frames, rest []string, caller string) {
		caller = fmt.Sprintf("17%08d.0", i)
		own := strings.NewReplacer("1795346363.", strings.TrimSuffix(caller, "0"))
		return strings.Split(strings.TrimSpace(own.Replace(before)), "\n"), strings.Split(strings.TrimSpace(own.Replace(after)), "\n"), caller
	}
	ring := func(i int) time.Duration {
		frames, rest, caller := call(i)
		last := len(frames) - 1
		send(b, conn, frames[:last])
		began := time.Now()
		send(b, conn, frames[last:])
		for r := range rings {
			if r.caller == caller {
				send(b, conn, rest)
				return r.at.Sub(began)
			}
		}
		return 0
	}
	ring(0) // the first one waits until all is connected
	var took []time.Duration
	b.ReportAllocs()
	for i := 1; b.Loop(); i++ {
		took = append(took, ring(i))
	}
	slices.Sort(took)
	for name, at := range map[string]float64{"p50-µs": 0.5, "p99-µs": 0.99} {
		b.ReportMetric(float64(took[int(at*float64(len(took)-1))].Microseconds()), name)
	}
}

// rung is a call.ringing that a subscriber has read.
type rung struct {
	caller string
	at     time.Time
}

// startDaemon runs a whole daemon with that configuration until the test ends.
func startDaemon(b testing.TB, yaml string) *app.App {
	b.Helper()
	file := filepath.Join(b.TempDir(), "config.yml")
	if err := os.WriteFile(file, []byte(yaml), 0o600); err != nil {
		b.Fatal(err)
	}
	cfg, err := config.Load(file)
	if err != nil {
		b.Fatal(err)
	}
	a, err := app.New(cfg, app.Options{Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- a.Run(ctx) }()
	b.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			b.Error(err)
		}
	})
	return a
}

func ringsOf(b *testing.B, a *app.App) <-chan rung {
	b.Helper()
	conn, err := nats.Connect(a.NATSURL())
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(conn.Close)
	rings := make(chan rung, 1024)
	if _, err := conn.Subscribe("supervision.v1.bench.event.call.ringing.*", func(m *nats.Msg) {
		at := time.Now()
		var e struct {
			Document struct {
				CallerCall string `json:"caller_call"`
			}
		}
		if json.Unmarshal(m.Data, &e) == nil {
			rings <- rung{e.Document.CallerCall, at}
		}
	}); err != nil {
		b.Fatal(err)
	}
	if err := conn.Flush(); err != nil {
		b.Fatal(err)
	}
	return rings
}
