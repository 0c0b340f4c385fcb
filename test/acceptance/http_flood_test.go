package acceptance

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
)

// amount is what a metric says.
func (s *site) amount(name string) float64 {
	s.t.Helper()
	m := regexp.MustCompile(`(?m)^` + regexp.QuoteMeta(name) + ` (\S+)$`).FindStringSubmatch(s.text("/metrics"))
	if m == nil {
		s.t.Fatalf("no metric %s", name)
	}
	n, err := strconv.ParseFloat(m[1], 64)
	s.must(name, err)
	return n
}

// below waits until a metric is no more than that.
func (s *site) below(name string, most float64) {
	s.t.Helper()
	ctx := s.ctx()
	for n := s.amount(name); n > most; n = s.amount(name) {
		if ctx.Err() != nil {
			s.t.Fatalf("%s is %v, and should be %v at most", name, n, most)
		}
	}
}

// series are those that the HTTP API makes.
func (s *site) series() []string {
	s.t.Helper()
	var list []string
	for _, line := range strings.Split(s.text("/metrics"), "\n") {
		if strings.HasPrefix(line, "supervisiond_http_") {
			list = append(list, line[:strings.LastIndexByte(line, ' ')])
		}
	}
	return list
}

// manyIDs is how many requests with an id of its own the flood has.
const manyIDs = 200_000

// IDs that nobody has, without end: of calls, groups, people and paths, of sessions and tokens. Memory stays as it was, no metric
// has a series for any of them, and each answer is a problem document.
func TestHTTPManyIDs(t *testing.T) {
	t.Parallel()
	s := httpAlone(t)
	const resident = "process_resident_memory_bytes"
	ids, room := manyIDs, 32e6
	if raceEnabled { // that is slow, and remembers a lot itself
		ids, room = ids/10, 8*room
	}
	s.flood(0, ids/10)
	before, series := s.amount(resident), s.series()
	began := time.Now()
	s.flood(ids/10, ids)
	took := time.Since(began)
	after := s.amount(resident)
	t.Logf("%.1f MB before, %.1f MB after; %.0f requests a second", before/1e6, after/1e6, float64(ids*9/10)/took.Seconds())
	if after > before+room {
		t.Errorf("%.1f MB were in use, and now %.1f MB", before/1e6, after/1e6)
	}
	// Statuses are few, and some come later than others.
	if now := s.series(); len(now) > len(series)+20 || strings.Contains(strings.Join(now, ""), "madeup") {
		t.Errorf("series were\n%s\nand are\n%s", strings.Join(series, "\n"), strings.Join(now, "\n"))
	}
	s.keptQuiet("madeup")
}

// flood sends requests of which each has an id of its own, over a few connections, one behind the other.
func (s *site) flood(from, to int) {
	s.t.Helper()
	const connections, batch = 8, 100
	var all sync.WaitGroup
	for c := range connections {
		w := s.wire()
		s.must("deadline", w.SetDeadline(time.Now().Add(10*patience)))
		all.Go(func() {
			for i := from + c*batch; i < to; i += connections * batch {
				var b strings.Builder
				for n := i; n < i+batch; n++ {
					b.WriteString(madeUp(n))
				}
				w.say(b.String())
				for range batch {
					if status, text := w.problem(); status < 400 || status >= 500 && status != http.StatusServiceUnavailable {
						s.t.Errorf("%d %s", status, text)
						return
					}
				}
			}
		})
	}
	all.Wait()
}

// madeUp is a request with an id that nothing has.
func madeUp(n int) string {
	const end = " HTTP/1.1\r\nHost: x\r\n"
	const crm = end + "Authorization: Bearer crm-token\r\nX-Act-As: "
	switch n % 8 {
	case 0:
		return fmt.Sprintf("POST /api/v1/calls/madeup%d/pickup"+crm+"anna\r\n\r\n", n)
	case 1:
		return fmt.Sprintf("POST /api/v1/groups/madeup%d/join"+crm+"anna\r\n\r\n", n)
	case 2:
		return fmt.Sprintf("DELETE /api/v1/people/madeup%d/forwarding"+crm+"anna\r\n\r\n", n)
	case 3:
		return fmt.Sprintf("GET /api/v1/me"+crm+"madeup%d\r\n\r\n", n)
	case 4:
		return fmt.Sprintf("GET /madeup%d/madeup"+end+"\r\n", n)
	case 5:
		return fmt.Sprintf("GET /api/v1/me"+end+"Cookie: supervisiond-session=madeup%d\r\n\r\n", n)
	case 6:
		if n%64 > 8 { // comparing tokens takes time, and one network has few
			return fmt.Sprintf("PUT /api/v1/madeup%d?madeup=%d"+crm+"anna\r\n\r\n", n, n)
		}
		return fmt.Sprintf("GET /api/v1/me"+end+"X-Forwarded-For: 2001:db8:%x:%x::1\r\nAuthorization: Bearer madeup%d\r\n\r\n", n/8>>8&0xff, n/8&0xff, n)
	}
	return fmt.Sprintf("DELETE /api/v1/session"+end+"Cookie: supervisiond-session=madeup%d\r\nOrigin: http://madeup%d\r\n\r\n", n, n)
}

// problem reads an answer that should be a problem document; status 0: it is none.
func (w *wire) problem() (status int, text string) {
	status, header, body := w.answered("GET")
	if header.Get("Content-Type") != "application/problem+json" {
		return 0, fmt.Sprintf("%d %v %s", status, header, body)
	}
	return status, string(body)
}

// A client of the event stream that never reads costs a bounded queue and then its connection, which is counted; whoever else
// follows the same person is told everything.
func TestHTTPStreamIsNeverRead(t *testing.T) {
	t.Parallel()
	s := httpAlone(t)
	nc, err := nats.Connect(fmt.Sprint(s.daemon.logged("started")["nats"]), s.nats...)
	s.must("NATS", err)
	defer nc.Close()
	w := s.wire()
	s.must("deadline", w.SetDeadline(time.Time{}))
	s.must("buffer", w.Conn.(*net.TCPConn).SetReadBuffer(4<<10)) // what the system takes in its place is full soon
	w.say(asCRM("GET /api/v1/stream") + "\r\n")
	s.figure("supervisiond_http_streams 1")
	follower := s.program("anna").stream("")
	follower.await("view")

	var told atomic.Int64
	var following sync.WaitGroup
	following.Go(func() {
		for _, more := follower.next(); more; _, more = follower.next() { // in order and without a gap
			told.Add(1)
		}
	})
	defer following.Wait()
	defer follower.close()
	// happens has much happen until something is so.
	happens := func(is func()) {
		var people sync.WaitGroup
		stop := make(chan struct{})
		defer people.Wait()
		defer close(stop)
		for _, person := range []string{"ben", "carla", "dora"} {
			people.Go(func() {
				for i := 0; ; i++ {
					select {
					case <-stop:
						return
					default:
					}
					state := []string{"away", "busy"}[i%2]
					if r, err := commandOn(nc, person, "presence.set", `{"state":"`+state+`","source":"`+strings.Repeat("x", 60)+`"}`); err != nil || !r.OK {
						t.Errorf("%s: %+v %v", person, r, err)
						return
					}
				}
			})
		}
		is()
	}
	before := s.amount("process_resident_memory_bytes")
	happens(func() { s.figure(`supervisiond_http_streams_cut_total{reason="slow"} 1`) })
	s.below("supervisiond_http_streams", 1) // 10 s later: what is being written is waited for
	happens(func() {
		ctx := s.ctx()
		for so := told.Load(); told.Load() < so+20; s.text("/healthz") {
			if ctx.Err() != nil {
				t.Error("the other stream is told nothing more")
				return
			}
		}
	})
	s.figure(`supervisiond_http_streams_cut_total{reason="slow"} 1`)
	after := s.amount("process_resident_memory_bytes")
	t.Logf("%.1f MB before, %.1f MB after", before/1e6, after/1e6)
	if after > before+64e6 {
		t.Errorf("%.1f MB were in use, and now %.1f MB", before/1e6, after/1e6)
	}
	s.must("deadline", w.SetDeadline(time.Now().Add(patience)))
	w.r = bufio.NewReader(w.Conn)
	w.closes("the stream that nobody read")
}

// tooMany asks over many connections, one request behind the other, until one is refused, and gives that answer: a busy machine answers
// few enough of somebody who waits for each.
func (b *browser) tooMany() answer {
	b.t.Helper()
	const connections, batch = 8, 100
	requests := strings.Repeat("GET /api/v1/me HTTP/1.1\r\nHost: x\r\nCookie: "+b.cookie()+"\r\n\r\n", batch)
	ctx, cancel := context.WithCancel(b.s.ctx())
	defer cancel()
	refused := make(chan answer, connections)
	var all sync.WaitGroup
	for range connections {
		w := b.s.wire()
		all.Go(func() {
			for ctx.Err() == nil {
				w.say(requests)
				for range batch {
					a := answer{}
					if a.Status, a.Header, a.Body = w.answered("GET"); a.Status == http.StatusOK {
						continue
					}
					if err := json.Unmarshal(a.Body, &a.reply); err != nil {
						b.t.Errorf("%d %s: %v", a.Status, a.Body, err)
					}
					refused <- a
					cancel()
					return
				}
			}
		})
	}
	all.Wait()
	select {
	case a := <-refused:
		return a
	default:
		b.t.Fatal("nothing limits requests")
	}
	return answer{}
}

// Who guesses has to wait, whoever it is; others do not, nor does a program that is known.
func TestHTTPLockout(t *testing.T) {
	t.Parallel()
	s := httpAlone(t)
	from := func(address, person, password string) answer {
		b := s.stranger()
		b.from = address
		return b.do("POST", "/session", fmt.Sprintf(`{"person":%q,"password":%q}`, person, password))
	}
	s.program("anna").do("GET", "/me", "")
	for range 5 {
		from("192.0.2.1", "anna", "passw0rd").is(t, http.StatusUnauthorized, "unauthorized")
	}
	locked := from("192.0.2.1", "anna", "anna-secret") // the right one
	locked.is(t, http.StatusTooManyRequests, "too_many_attempts")
	if wait, _ := strconv.Atoi(locked.Header.Get("Retry-After")); wait < 1 || wait > 15 {
		t.Errorf("Retry-After: %d", wait)
	}
	if a := from("192.0.2.2", "anna", "anna-secret"); a.Status != http.StatusOK {
		t.Errorf("from another address: %d %s", a.Status, a.Body)
	}
	if a := from("192.0.2.1", "ben", "ben-secret"); a.Status != http.StatusOK {
		t.Errorf("another person: %d %s", a.Status, a.Body)
	}
	// One household of IPv6 is one address.
	for i := range 5 {
		from(fmt.Sprintf("2001:db8:1:2::%x", i+1), "hana", "passw0rd").is(t, http.StatusUnauthorized, "unauthorized")
	}
	from("2001:db8:1:2:ffff::1", "hana", "hana-secret").is(t, http.StatusTooManyRequests, "too_many_attempts")

	// Tokens: 30 and a few that came back meanwhile, then not even a right one that is new.
	guesser := s.stranger()
	guesser.from = "192.0.2.3"
	tried := 0
	for a := (answer{}); a.Status != http.StatusTooManyRequests; tried++ {
		guesser.token = fmt.Sprint("s3cr3t", tried)
		if a = guesser.do("GET", "/me", ""); tried > 100 {
			t.Fatalf("after %d tokens: %d %s", tried, a.Status, a.Body)
		}
	}
	if tried < 30 {
		t.Errorf("%d tokens were compared", tried)
	}
	guesser.token = "wallboard-token"
	guesser.do("GET", "/me", "").is(t, http.StatusTooManyRequests, "too_many_attempts")
	guesser.token, guesser.as = "crm-token", "anna" // known since the beginning
	if a := guesser.do("GET", "/me", ""); a.Status != http.StatusOK {
		t.Errorf("a program that is known: %d %s", a.Status, a.Body)
	}

	// Requests: so many, and a moment later again; another person's are not concerned.
	carla := s.signedIn("carla")
	limited := carla.tooMany()
	limited.is(t, http.StatusTooManyRequests, "too_many_requests")
	if limited.Header.Get("Retry-After") != "1" {
		t.Errorf("Retry-After: %s", limited.Header.Get("Retry-After"))
	}
	if a := s.program("carla").do("GET", "/me", ""); a.Status != http.StatusOK {
		t.Errorf("another way: %d %s", a.Status, a.Body)
	}
	ctx := s.ctx()
	for carla.do("GET", "/me", "").Status != http.StatusOK {
		if ctx.Err() != nil {
			t.Fatal("it does not come back")
		}
	}
	s.figure(`supervisiond_http_sign_ins_total{result="locked"} 2`)
	s.figure(`supervisiond_http_sign_ins_total{result="wrong"} 10`)
	s.keptQuiet()
}
