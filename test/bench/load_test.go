package bench

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/coder/websocket"

	"supervisiond/app"
)

const (
	// patience bounds every wait for something that is to happen at once.
	patience = 30 * time.Second
	// loadRate is how many calls begin each second.
	loadRate = 50
)

// load is a daemon with all its clients.
type load struct {
	b        testing.TB
	app      *app.App
	conn     *websocket.Conn
	streams  []*streamClient
	slow     *streamClient // one that reads nothing
	nats     *natsReaders
	calls    []*loadCall
	progress chan struct{}
}

// recordedLoad is one beside a PBX that plays recorded calls.
func recordedLoad(b testing.TB) *load {
	b.Helper()
	p := startPBX(b, loadEndpoints())
	l := newLoad(b, p.URL+"/ari")
	l.conn = <-p.attached
	return l
}

// newLoad attaches 200 event streams, one that does not read, and 50 NATS subscribers.
func newLoad(b testing.TB, ari string) *load {
	b.Helper()
	l := &load{b: b, app: startDaemon(b, loadSite(b, ari)), progress: make(chan struct{}, 1)}
	l.nats = subscribeAll(b, l.app.NATSURL(), l.progress)
	addr := l.app.HTTPAddr().String()
	l.streams = streamClients(b, addr, l.progress)
	l.openAll()
	l.slow = &streamClient{addr: addr, who: l.streams[4].who, follower: follower{name: "the slow one"}}
	ctx, cancel := context.WithTimeout(b.Context(), patience)
	defer cancel()
	if err := l.slow.open(ctx, 4096); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		_ = l.slow.conn.Close()
		for _, c := range l.streams {
			c.cut()
		}
	})
	return l
}

// openAll opens all streams at the same moment.
func (l *load) openAll() {
	l.b.Helper()
	ctx, cancel := context.WithTimeout(l.b.Context(), patience)
	defer cancel()
	var opened sync.WaitGroup
	failed := make(chan error, len(l.streams))
	for _, c := range l.streams {
		opened.Go(func() {
			if err := c.open(ctx, 0); err != nil {
				failed <- fmt.Errorf("%s: %w", c.name, err)
				return
			}
			c.follow(l.b.Context())
		})
	}
	opened.Wait()
	select {
	case err := <-failed:
		l.b.Fatal(err)
	default:
	}
}

// play has so many calls ring, at loadRate.
func (l *load) play(calls int) {
	l.b.Helper()
	list, frames := loadOf(l.b, len(l.calls), calls, loadRate)
	l.calls = append(l.calls, list...)
	if err := play(l.b.Context(), l.conn, frames); err != nil {
		l.b.Fatal(err)
	}
}

// followers are all who are told one person's view.
func (l *load) followers() []*follower {
	list := slices.Clone(l.nats.views)
	for _, c := range l.streams {
		list = append(list, &c.follower)
	}
	return list
}

// settle waits until everybody was told each call until there was nothing more of it.
func (l *load) settle() {
	l.b.Helper()
	l.await(func(f *follower) int64 { return f.gone.Load() })
}

// await waits until everybody has counted all the calls that are theirs.
func (l *load) await(count func(*follower) int64) {
	l.b.Helper()
	l.awaitAll(count, func(f *follower) int64 { return int64(len(f.sees(l.calls))) })
}

func (l *load) awaitAll(count, wanted func(*follower) int64) {
	l.b.Helper()
	limit := time.After(patience)
	for _, f := range l.followers() {
		for want := wanted(f); count(f) < want; {
			select {
			case <-l.progress:
			case <-limit:
				l.b.Fatalf("%s was told %d, and is to be told %d", f.name, count(f), want)
			}
		}
	}
}

// checked proves that nobody missed a call, and gives how long clients of either kind waited for one.
func (l *load) checked() (streams, subscribers []time.Duration) {
	l.b.Helper()
	for _, f := range l.followers() {
		took, err := f.check(l.calls)
		if err != nil {
			l.b.Error(err)
		}
		if f.views > 1 {
			l.b.Errorf("%s had to begin anew %d times", f.name, f.views-1)
		}
		if strings.HasPrefix(f.name, "stream") {
			streams = append(streams, took...)
		} else {
			subscribers = append(subscribers, took...)
		}
	}
	for _, e := range l.nats.events {
		took, err := e.check(l.calls)
		if err != nil {
			l.b.Error(err)
		}
		subscribers = append(subscribers, took...)
	}
	for _, s := range l.nats.states {
		if err := s.check(l.calls); err != nil {
			l.b.Error(err)
		}
	}
	return streams, subscribers
}

// figure reads one of the daemon's metrics.
func (l *load) figure(name string) string {
	l.b.Helper()
	answer, err := http.Get("http://" + l.app.HTTPAddr().String() + "/metrics")
	if err != nil {
		l.b.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		l.b.Fatal(err)
	}
	return regexp.MustCompile(`(?m)^` + regexp.QuoteMeta(name) + ` (.+)$`).FindStringSubmatch(string(text))[1]
}

// 200 event streams and 50 NATS subscribers follow while 50 calls a second ring; then all streams break, and come back at
// the same moment. Nobody misses a call, nobody is told of others' calls (S7, R5), and who does not read loses its connection.
func TestNobodyMissesACall(t *testing.T) {
	l := recordedLoad(t)
	l.play(6 * loadRate)
	for _, c := range l.streams {
		c.cut()
	}
	l.play(loadRate / 2)
	l.openAll()
	l.play(loadRate / 2)
	l.settle()
	l.checked()
	if l.figure(`supervisiond_http_streams_cut_total{reason="slow"}`) == "0" {
		t.Error("who does not read keeps a connection")
	}
}

// BenchmarkLoad is ten seconds of 50 calls a second, told to 200 event streams and 50 NATS subscribers. It prints the time
// from the frame by which the PBX says that a phone rings to the client's reading of it, and processor time, allocations
// and garbage collections of all: daemon, NATS server and the clients themselves.
func BenchmarkLoad(b *testing.B) {
	l := recordedLoad(b)
	l.play(loadRate) // until all is warm
	l.settle()
	warm := len(l.calls)
	var streams, subscribers []time.Duration
	cpu, allocs := used()
	for b.Loop() {
		l.play(10 * loadRate)
	}
	cpuAfter, allocsAfter := used()
	l.settle()
	calls := float64(len(l.calls) - warm)
	streams, subscribers = l.checked()
	report(b, "stream", streams)
	report(b, "nats", subscribers)
	b.ReportMetric(float64((cpuAfter-cpu).Microseconds())/calls, "cpu-µs/call")
	b.ReportMetric(float64(allocsAfter-allocs)/calls, "allocs/call")
	b.ReportMetric(0, "ns/op")
}

// BenchmarkResumeStorm breaks 200 event streams while calls ring, and has them all come back at the same moment. It prints
// how long it takes until each has been told all that it has missed.
func BenchmarkResumeStorm(b *testing.B) {
	l := recordedLoad(b)
	l.play(loadRate)
	var took []time.Duration
	for b.Loop() {
		for _, c := range l.streams {
			c.cut()
		}
		l.play(loadRate / 5)
		began := time.Now()
		l.openAll()
		l.await(func(f *follower) int64 { return f.over.Load() })
		took = append(took, time.Since(began))
	}
	l.settle()
	l.checked()
	report(b, "storm", took)
	b.ReportMetric(0, "ns/op")
}

// BenchmarkIdle is 200 event streams and 50 NATS subscribers that are told nothing but a heartbeat every five seconds. It
// prints the processor time of one, and what a stream costs in memory: both its ends, for they are in this process.
func BenchmarkIdle(b *testing.B) {
	l := recordedLoad(b)
	beat := func(f *follower) int64 { return f.sites.Load() }
	all := int64(1)
	next := func() {
		all++
		l.awaitAll(beat, func(*follower) int64 { return all })
	}
	next()
	cpu, _ := used()
	for b.Loop() {
		next()
	}
	cpuAfter, _ := used()
	b.ReportMetric(float64((cpuAfter-cpu).Microseconds())/float64(b.N), "cpu-µs/heartbeat")
	with := memory()
	for _, c := range l.streams {
		c.cut()
	}
	for until := time.Now().Add(patience); l.figure("supervisiond_http_streams") != "1"; { // the slow one
		if time.Now().After(until) {
			b.Fatal("the daemon keeps streams whose clients are gone")
		}
	}
	b.ReportMetric(float64(with-memory())/float64(len(l.streams))/1024, "KiB/stream")
	b.ReportMetric(0, "ns/op")
}

// memory is what is in use, stacks included.
func memory() int64 {
	runtime.GC()
	runtime.GC() // pools go with the second one
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc + m.StackInuse)
}

// used is the processor time and the number of allocations of this process so far.
func used() (time.Duration, uint64) {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()), m.Mallocs
}

func report(b *testing.B, what string, took []time.Duration) {
	if len(took) == 0 {
		b.Fatal("nothing was measured")
	}
	slices.Sort(took)
	for name, at := range map[string]float64{"p50": 0.5, "p99": 0.99, "max": 1} {
		b.ReportMetric(share(took, at), what+"-"+name+"-ms")
	}
}

// share is the duration that such a share of them does not exceed, in milliseconds.
func share(sorted []time.Duration, of float64) float64 {
	return float64(sorted[int(of*float64(len(sorted)-1))].Microseconds()) / 1000
}
