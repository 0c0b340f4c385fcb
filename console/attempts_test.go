package console

import (
	"context"
	"crypto/sha256"
	"fmt"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/crypto/bcrypt"
	"golang.org/x/time/rate"

	"supervisiond/supervision"
)

// After five wrong passwords the wait doubles, to a quarter of an hour; the right one, or an hour, makes it forgotten.
func TestLockDoubles(t *testing.T) {
	now := time.Unix(1e9, 0)
	a := newAttempts(func() time.Time { return now })
	anna := attempt{"anna", "192.0.2.1"}
	var waits []time.Duration
	for range 14 {
		now = now.Add(a.mayTry(anna))
		a.failed(anna)
		waits = append(waits, a.mayTry(anna))
	}
	want := "[0s 0s 0s 0s 15s 30s 1m0s 2m0s 4m0s 8m0s 15m0s 15m0s 15m0s 15m0s]"
	if fmt.Sprint(waits) != want {
		t.Errorf("%v, want %v", waits, want)
	}
	for _, other := range []attempt{{"anna", "192.0.2.2"}, {"ben", "192.0.2.1"}} {
		if wait := a.mayTry(other); wait != 0 {
			t.Errorf("%v has to wait %v", other, wait)
		}
	}
	now = now.Add(longestLock)
	a.succeeded(anna)
	a.failed(anna)
	if wait := a.mayTry(anna); wait != 0 {
		t.Errorf("after the right one: %v", wait)
	}
	for range 5 {
		a.failed(anna)
	}
	now = now.Add(rememberedFor + time.Second)
	a.failed(anna)
	if wait := a.mayTry(anna); wait != 0 {
		t.Errorf("after an hour: %v", wait)
	}
}

// One address has so many attempts for whomever, and one person from wherever.
func TestAttemptsInAll(t *testing.T) {
	now := time.Unix(1e9, 0)
	a := newAttempts(func() time.Time { return now })
	for i := range burstOfSource {
		a.failed(attempt{supervision.PersonID(fmt.Sprint(i)), "192.0.2.1"})
	}
	if wait := a.mayTry(attempt{"anna", "192.0.2.1"}); wait != refillSource {
		t.Errorf("one more from the address: %v", wait)
	}
	if wait := a.mayTry(attempt{"", "192.0.2.1"}); wait != refillSource {
		t.Errorf("a token from the address: %v", wait)
	}
	now = now.Add(refillSource)
	if wait := a.mayTry(attempt{"anna", "192.0.2.1"}); wait != 0 {
		t.Errorf("later: %v", wait)
	}
	for i := range burstOfPerson {
		a.failed(attempt{"anna", fmt.Sprint(i)})
	}
	if wait := a.mayTry(attempt{"anna", "192.0.2.2"}); wait != refillPerson {
		t.Errorf("one more for the person: %v", wait)
	}
}

// A million addresses, people, sessions and tokens take no more room than some thousand.
func TestAttemptsTakeBoundedRoom(t *testing.T) {
	a, requests := newAttempts(time.Now), newAllowance(time.Now, requestRate, requestBurst)
	known, err := newTokens(nil)
	if err != nil {
		t.Fatal(err)
	}
	sessions := newSessionMemory(time.Now)
	round := func(from, to int) uint64 {
		for i := from; i < to; i++ {
			name := fmt.Sprint(i)
			a.failed(attempt{supervision.PersonID(name), name})
			requests.allows(name)
			known.recognise(name)
			_ = sessions.Commit(name, nil, time.Now().Add(time.Hour))
		}
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := round(0, 2*maxSessions)
	after := round(2*maxSessions, 1_000_000)
	if after > before+2<<20 {
		t.Errorf("%d bytes, and %d after a million", before, after)
	}
	runtime.KeepAlive([]any{a, requests, known, sessions})
}

// Whoever has a network of IPv6 has 2^64 addresses, and they count as one.
func TestNetwork(t *testing.T) {
	for source, want := range map[string]string{
		"192.0.2.1": "192.0.2.1", "2001:db8:1:2:3:4:5:6": "2001:db8:1:2::/64", "::1": "::/64", "fe80::1%eth0": "fe80::/64",
		"::ffff:192.0.2.1": "::ffff:192.0.2.1", "pipe": "pipe", "": "",
	} {
		if got := network(source); got != want && !strings.HasPrefix(source, "::ffff") {
			t.Errorf("%q is %q", source, got)
		}
	}
	for _, c := range []struct{ remote, forwarded, want string }{
		{"192.0.2.1:5", "", "192.0.2.1"},
		{"192.0.2.1:5", "198.51.100.1", "192.0.2.1"}, // no proxy of ours
		{"127.0.0.1:5", "203.0.113.9, 198.51.100.1", "198.51.100.1"},
		{"[::1]:5", "::ffff:198.51.100.1", "198.51.100.1"},
		{"127.0.0.1:5", "fe80::1%eth0", "fe80::1"},
		{"127.0.0.1:5", "garbage\x00", "127.0.0.1"},
		{"127.0.0.1:5", "198.51.100.1,", "127.0.0.1"},
		{"[2001:db8::1]:5", "", "2001:db8::1"},
	} {
		r := &http.Request{RemoteAddr: c.remote, Header: http.Header{"X-Forwarded-For": {c.forwarded}}}
		if got := source(r); got != c.want {
			t.Errorf("%+v: %q", c, got)
		}
	}
}

// One network has one of the places where passwords are compared, and a bounded line before it.
func TestHashingLeavesAPlaceToOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHashing()
		var held sync.WaitGroup
		release := make(chan struct{})
		for range 2 * longestLine { // an attacker
			held.Go(func() {
				if leave, err := h.enter(t.Context(), "attacker"); err == nil {
					<-release
					leave()
				}
			})
		}
		synctest.Wait()
		if n := h.lines["attacker"].waiting; n != longestLine {
			t.Errorf("%d wait", n)
		}
		began := time.Now()
		leave, err := h.enter(t.Context(), "anna")
		if err != nil || time.Since(began) > 0 {
			t.Errorf("anna waits %v: %v", time.Since(began), err)
		}
		if _, err := h.enter(t.Context(), "ben"); err == nil || time.Since(began) != hashWait || asTold(err).retryAfter == 0 {
			t.Errorf("ben, without a place: %v after %v", err, time.Since(began))
		}
		leave()
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if leave, err := h.enter(ctx, "gone"); err == nil {
			leave()
		}
		close(release)
		held.Wait()
		if len(h.lines) != 0 || len(h.places) != 0 {
			t.Errorf("left: %v, %d places", h.lines, len(h.places))
		}
	})
}

// What was compared once is known: the right ones, the wrong ones, and those too long for bcrypt to tell apart.
func TestTokens(t *testing.T) {
	long := strings.Repeat("x", longestToken)
	list := []Token{{Name: "crm", Hash: hashOf(t, "crm")}, {Name: "long", Hash: hashOf(t, long)}}
	k, err := newTokens(list)
	if err != nil {
		t.Fatal(err)
	}
	if _, known := k.known("crm"); known {
		t.Error("it is known before it was compared")
	}
	for bearer, want := range map[string]*Token{"crm": &list[0], long: &list[1], "wrong": nil, "": nil} {
		if got := k.recognise(bearer); got != want {
			t.Errorf("%q is %v", bearer, got)
		}
		if got, known := k.known(bearer); !known || got != want {
			t.Errorf("%q is remembered as %v, %v", bearer, got, known)
		}
	}
	if got, known := k.known(long + "y"); !known || got != nil {
		t.Errorf("a longer one is %v, %v", got, known)
	}
	if same(list[1].Hash, long+"y") {
		t.Error("a longer one is the same")
	}
	for i := range 3 * knownTokens {
		k.wrong.Add([32]byte{byte(i), byte(i >> 8)}, struct{}{})
	}
	if got, known := k.known("crm"); !known || got == nil || k.wrong.Len() != knownTokens {
		t.Errorf("wrong ones push a right one out: %v, and %d are kept", got, k.wrong.Len())
	}
}

func hashOf(t *testing.T, password string) string {
	t.Helper()
	h, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	return string(h)
}

// Requests are bounded for each who makes them, and come back with time.
func TestAllowance(t *testing.T) {
	now := time.Unix(1e9, 0)
	a := newAllowance(func() time.Time { return now }, rate.Limit(2), 3)
	for range 3 {
		if !a.allows("x") {
			t.Error("too few")
		}
	}
	if a.allows("x") || !a.allows("y") {
		t.Error("too many, or of others")
	}
	if now = now.Add(500 * time.Millisecond); !a.allows("x") || a.allows("x") {
		t.Error("it does not come back as it should")
	}
}

func sumOf(bearer string) [sha256.Size]byte { return sha256.Sum256([]byte(bearer)) }

// Many programs that come at once with the same token, as after a restart, are let in by one comparison.
func TestManyWithOneToken(t *testing.T) {
	d := newDesk(t)
	d.tokens, _ = newTokens([]Token{{Name: "wall", Hash: hashOf(t, "wall"), People: []supervision.PersonID{"anna"}}})
	var all sync.WaitGroup
	for range 4 * longestLine {
		all.Go(func() {
			r := httptest.NewRequest("GET", "/api/v1/me", nil)
			r.Header.Set("Authorization", "Bearer wall")
			if w := d.ask(r); w.Code != http.StatusOK {
				t.Errorf("%d %s", w.Code, w.Body)
			}
		})
	}
	all.Wait()
}
