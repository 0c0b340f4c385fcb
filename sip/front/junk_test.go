package front

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"golang.org/x/net/ipv4"
)

// thrower sends each datagram from another address of this machine's.
type thrower struct {
	from *ipv4.PacketConn
	to   net.Addr
	n    int
	msgs [][]byte
}

func newThrower(t testing.TB, f *Front) *thrower {
	t.Helper()
	c, err := net.ListenPacket("udp4", "0.0.0.0:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	to, err := net.ResolveUDPAddr("udp4", f.Addrs()[0].Address)
	if err != nil {
		t.Fatal(err)
	}
	th := &thrower{from: ipv4.NewPacketConn(c), to: to}
	files, err := filepath.Glob("testdata/torture/*.dat")
	if err != nil || len(files) == 0 {
		t.Fatal("no messages to throw: ", err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		th.msgs = append(th.msgs, data)
	}
	th.msgs = append(th.msgs, []byte("\x80\x01junk"), []byte("GET / HTTP/1.1\r\n\r\n"))
	return th
}

// message is the next one: half of them are as good as any phone's, with and without credentials.
func (th *thrower) message() []byte {
	if th.n%2 == 0 {
		return th.msgs[th.n/2%len(th.msgs)]
	}
	authorization := ""
	if th.n%8 != 1 {
		authorization = fmt.Sprintf("Authorization: Digest username=\"u%d\", realm=\"hq\", nonce=\"%d\", uri=\"sip:sales@hq\", response=\"%032x\", "+
			"qop=auth, nc=00000001, cnonce=\"x\"\r\n", th.n, th.n, th.n)
	}
	return fmt.Appendf(nil, "SUBSCRIBE sip:sales@hq SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.1:5060;rport;branch=z9hG4bK%d\r\nFrom: <sip:u@hq>;tag=%d\r\n"+
		"To: <sip:sales@hq>\r\nCall-ID: %d\r\nCSeq: 1 SUBSCRIBE\r\nEvent: dialog\r\n%sContent-Length: 0\r\n\r\n", th.n, th.n, th.n, authorization)
}

// atOnce is how many datagrams wait for the front at most: not half of what the system has room for.
const atOnce = 50

// throw sends and waits for so many to be looked at, so that none is lost in the system.
func (th *thrower) throw(t testing.TB, f *Front, n int) {
	t.Helper()
	for range n {
		th.n++
		src := net.IPv4(127, byte(1+th.n>>16), byte(th.n>>8), byte(th.n))
		if _, err := th.from.WriteTo(th.message(), &ipv4.ControlMessage{Src: src}, th.to); err != nil {
			t.Fatal(err)
		}
		if th.n%atOnce == 0 {
			waitFor(t, f, th.n)
		}
	}
	waitFor(t, f, th.n)
}

func waitFor(t testing.TB, f *Front, n int) {
	t.Helper()
	for end := time.Now().Add(patience); refusals(t, f) < n; runtime.Gosched() {
		if time.Now().After(end) {
			t.Fatalf("%d of %d messages were looked at", refusals(t, f), n)
		}
	}
}

func refusals(t testing.TB, f *Front) int {
	t.Helper()
	ch := make(chan prometheus.Metric, 64)
	f.gate.metrics.refusals.Collect(ch)
	close(ch)
	sum := 0.0
	for m := range ch {
		var d dto.Metric
		if err := m.Write(&d); err != nil {
			t.Fatal(err)
		}
		sum += d.GetCounter().GetValue()
	}
	return int(sum)
}

// heap is what is in use once everything unused is gone.
func heap() int {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}

// mayGrow is far below what one of the library's entries for each source would take.
const mayGrow = 1 << 20

func TestJunkFromManySourcesLeavesNothing(t *testing.T) {
	const fill, many = 40_000, 60_000 // with fill sources what is bounded is full
	f := begin(t, Listener{"udp", "127.0.0.1:0"})
	th := newThrower(t, f)
	th.throw(t, f, fill)
	before, routines := heap(), runtime.NumGoroutine()
	th.throw(t, f, many)
	if grown := heap() - before; grown > mayGrow {
		t.Errorf("%d datagrams from as many sources left %d bytes", many, grown)
	}
	if n := runtime.NumGoroutine(); n > routines+10 { // a timer's may just run
		t.Errorf("%d goroutines more", n-routines)
	}
	if res := ask(t, phone(t), subscribe(f.Addrs()[0], t), "anna", "secret"); res.StatusCode != 200 {
		t.Errorf("afterwards anna gets %s", res.StartLine())
	}
}

// BenchmarkJunk throws a million datagrams from a million sources.
func BenchmarkJunk(b *testing.B) {
	f := begin(b, Listener{"udp", "127.0.0.1:0"})
	th := newThrower(b, f)
	th.throw(b, f, 70_000)
	before := heap()
	for b.Loop() {
		th.throw(b, f, 1_000_000)
	}
	b.ReportMetric(float64(heap()-before), "bytes-left")
	b.ReportMetric(float64(b.N)*1e6/b.Elapsed().Seconds(), "datagrams/s")
	if res := ask(b, phone(b), subscribe(f.Addrs()[0], b), "anna", "secret"); res.StatusCode != 200 {
		b.Errorf("afterwards anna gets %s", res.StartLine())
	}
}
