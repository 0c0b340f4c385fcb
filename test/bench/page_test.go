package bench

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"

	"supervisiond/test/chrome"
	"supervisiond/test/lab"
	"supervisiond/test/softphone"
)

// measure is put into the page.
//
//go:embed testdata/measure.js
var measure string

const pageSite = `
site: bench
asterisk: {ari: {url: %s, username: %s, password: lab}, phone_context: internal}
nats: {embedded: {listen: "127.0.0.1:0", store_dir: nats}}
http: {listen: "127.0.0.1:0"}
log: {format: json}
people:
  anna:  {name: Anna Berger, extension: "101", endpoints: [{endpoint: PJSIP/101, auto_answer: yealink}], password_hash: %q}
  ben:   {name: Ben Okafor, extension: "102", endpoints: [PJSIP/102]}
groups:
  sales: {name: Vertrieb, number: "1", supervisors: [anna], members: [ben]}
`

func TestMain(m *testing.M) {
	code := m.Run()
	chrome.Stop()
	os.Exit(code)
}

// desk is a supervisor before a browser, with a phone that answers by itself; a member of her group, and who calls him.
type desk struct {
	b                    testing.TB
	page                 *chrome.Page
	stream               *streamClient // what she is told, in another program
	hers, member, caller *softphone.Phone
	clock                pageClock
}

func newDesk(b testing.TB) *desk {
	b.Helper()
	hash, err := bcrypt.GenerateFromPassword([]byte(loadPassword), bcrypt.MinCost)
	if err != nil {
		b.Fatal(err)
	}
	p := build(b)
	p.configure(fmt.Sprintf(pageSite, "http://127.0.0.1:1/ari", lab.ARIUser, hash))
	pbx := lab.Start(b, lab.Options{Dialplan: p.dialplan()})
	p.configure(fmt.Sprintf(pageSite, pbx.ARIURL(), lab.ARIUser, hash))
	phone := func(user string, behave softphone.Behaviour) *softphone.Phone {
		return softphone.Start(b, softphone.Options{User: user, Password: lab.Password(user), Server: pbx.SIPAddr(), Behaviour: behave})
	}
	d := &desk{b: b, hers: phone("101", softphone.AutoAnswer()), member: phone("102", nil), caller: phone("106", nil)}
	addr := p.start()
	awaitReady(b, addr)
	d.follow(addr)
	d.page = chrome.Open(b, chrome.Options{})
	d.page.Go("http://" + addr + "/")
	d.page.Type(`input[autocomplete="username"]`, "anna")
	d.page.Type(`input[autocomplete="current-password"]`, loadPassword+chrome.Enter)
	d.page.AwaitElement(`[data-standing="live"]`)
	chrome.Eval[bool](d.page, measure)
	return d
}

// follow has a program follow the supervisor's event stream, beside the page.
func (d *desk) follow(addr string) {
	d.b.Helper()
	d.stream = &streamClient{addr: addr, who: "Cookie: " + signIn(d.b, addr, "anna") + "\r\n", follower: follower{name: "anna"}}
	if err := d.stream.open(d.ctx(), 0); err != nil {
		d.b.Fatal(err)
	}
	d.stream.follow(d.b.Context())
}

// ctx bounds one wait.
func (d *desk) ctx() context.Context {
	ctx, cancel := context.WithTimeout(d.b.Context(), patience)
	d.b.Cleanup(cancel)
	return ctx
}

func (d *desk) must(what string, err error) {
	d.b.Helper()
	if err != nil {
		d.b.Fatalf("%s: %v", what, err)
	}
}

// pageClock turns the page's clock into ours: a time of the page's is ours when ahead is taken away. It is never off by more
// than off.
type pageClock struct{ ahead, off time.Duration }

// read compares both clocks by round trips, of which the shortest says most.
func (d *desk) readClock() {
	d.b.Helper()
	d.clock.off = time.Hour
	for range 50 {
		began := time.Now()
		there := chrome.Eval[float64](d.page, `measure.now()`)
		trip := time.Since(began)
		if off := trip / 2; off < d.clock.off {
			d.clock = pageClock{ahead: pageTime(there).Sub(began.Add(off)), off: off}
		}
	}
}

func pageTime(ms float64) time.Time { return time.UnixMicro(int64(ms * 1000)) }

func (c pageClock) at(ms float64) time.Time { return pageTime(ms).Add(-c.ahead) }

// paintedRow is what the page noted of a row, in milliseconds of its own clock.
type paintedRow struct {
	ID                   string
	Read, Shown, Painted float64
}

// tour is one call from the member's 180 to the caller's voice at the supervisor's phone.
type tour struct {
	call                                string
	rings                               time.Time // the member's phone has sent its 180
	told                                time.Time // a program has read the call on the event stream
	read, shown, painted                time.Time // the page has read it, has a row of it, has painted that
	clicked, invited, answered, talking time.Time
}

// take has one call ring, and picks it up in the page by a click.
func (d *desk) take() tour {
	d.b.Helper()
	ctx := d.ctx()
	caller, err := d.caller.Dial(ctx, "102")
	d.must("dial", err)
	row := chrome.Eval[paintedRow](d.page, `measure.painted()`)
	member, err := d.member.Incoming(ctx)
	d.must("the member's phone", err)
	d.page.Await("region", "Supervised calls").Await("button", "Pick up").Aimed().Click()
	picker, err := d.hers.Incoming(ctx)
	d.must("the supervisor's phone", err)
	d.must("the supervisor hears the caller", picker.Hears(ctx, d.caller.Mark()))
	d.must("the caller hears the supervisor", caller.Hears(ctx, d.hers.Mark()))
	x := tour{
		call: row.ID,
		read: d.clock.at(row.Read), shown: d.clock.at(row.Shown), painted: d.clock.at(row.Painted),
		clicked: d.clock.at(chrome.Eval[float64](d.page, `measure.clicked`)),
		rings:   d.when(member, softphone.Provisional), invited: d.when(picker, softphone.Invite),
		answered: d.when(picker, softphone.Final), talking: d.when(picker, softphone.Heard),
	}
	d.must("hang up", caller.Hangup(ctx))
	d.page.Gone("region", "Supervised calls")
	return x
}

func (d *desk) when(c *softphone.Call, kind softphone.Kind) time.Time {
	d.b.Helper()
	at, ok := c.When(kind, 0)
	if !ok {
		d.b.Fatalf("%s has no %s: %v", c, kind, c.Events())
	}
	return at
}

// takeSome takes so many calls, one after the other.
func (d *desk) takeSome(calls int) []tour {
	d.b.Helper()
	d.readClock()
	list := make([]tour, calls)
	for i := range list {
		list[i] = d.take()
	}
	return list
}

// close ends the event stream, and notes in the tours when it told of their calls.
func (d *desk) close(tours []tour) {
	d.b.Helper()
	d.stream.cut()
	told := make(map[string]time.Time)
	for _, t := range slices.Backward(d.stream.told) { // the first time that each was told comes last
		var doc struct{ ID string }
		d.must("the stream", json.Unmarshal(t.data, &doc))
		told[doc.ID] = t.at
	}
	for i := range tours {
		tours[i].told = told[tours[i].call]
	}
}

// A call that rings is on the supervisor's screen at once, and one click later the caller's voice is at her ear (R5, P3). These
// are bounds for a machine that does more than this; BenchmarkPage says how long it takes.
func TestARingIsPaintedAndTaken(t *testing.T) {
	d := newDesk(t)
	for _, x := range d.takeSome(3) {
		if took := x.painted.Sub(x.rings); took < 0 || took > time.Second {
			t.Errorf("the row was painted %v after the 180", took)
		}
		if took := x.talking.Sub(x.clicked); took < 0 || took > time.Second {
			t.Errorf("the caller was heard %v after the click", took)
		}
	}
}

// BenchmarkPage is 20 calls, one after the other, each of which a supervisor takes in Chromium by a click. It prints the time
// from the 180 of the member's phone to the painted row, and from the click to the first RTP packet of the caller at the
// supervisor's phone, and how far each had come in between.
func BenchmarkPage(b *testing.B) {
	d := newDesk(b)
	d.takeSome(1) // until all is warm
	var tours []tour
	for b.Loop() {
		tours = append(tours, d.takeSome(20)...)
	}
	d.close(tours)
	b.Logf("in milliseconds; the page's clock is known to %v\n%s", d.clock.off, tableOf(tours))
	reportShares(b, "painted", tours, func(x tour) time.Duration { return x.painted.Sub(x.rings) })
	reportShares(b, "heard", tours, func(x tour) time.Duration { return x.talking.Sub(x.clicked) })
	b.ReportMetric(0, "ns/op")
}

// shares are the middle, the 95th percentile and the greatest of what the tours took, in milliseconds.
func shares(tours []tour, took func(tour) time.Duration) [3]float64 {
	list := make([]time.Duration, len(tours))
	for i, x := range tours {
		list[i] = took(x)
	}
	slices.Sort(list)
	return [3]float64{share(list, 0.5), share(list, 0.95), share(list, 1)}
}

func reportShares(b *testing.B, what string, tours []tour, took func(tour) time.Duration) {
	all := shares(tours, took)
	for i, name := range []string{"p50", "p95", "max"} {
		b.ReportMetric(all[i], what+"-"+name+"-ms")
	}
}

// tableOf says how long after the 180, and then after the click, each step was done.
func tableOf(tours []tour) string {
	var table strings.Builder
	fmt.Fprintf(&table, "%-46s%8s%8s%8s\n", "from the member's 180", "p50", "p95", "max")
	line := func(what string, took func(tour) time.Duration) {
		all := shares(tours, took)
		fmt.Fprintf(&table, "  %-44s%8.1f%8.1f%8.1f\n", what, all[0], all[1], all[2])
	}
	line("a program has read it on the event stream", func(x tour) time.Duration { return x.told.Sub(x.rings) })
	line("the page has read it", func(x tour) time.Duration { return x.read.Sub(x.rings) })
	line("the row is in the document", func(x tour) time.Duration { return x.shown.Sub(x.rings) })
	line("the row is painted", func(x tour) time.Duration { return x.painted.Sub(x.rings) })
	fmt.Fprintln(&table, "from the click")
	line("the supervisor's phone is called", func(x tour) time.Duration { return x.invited.Sub(x.clicked) })
	line("it has answered", func(x tour) time.Duration { return x.answered.Sub(x.clicked) })
	line("it has the caller's first RTP", func(x tour) time.Duration { return x.talking.Sub(x.clicked) })
	return table.String()
}
