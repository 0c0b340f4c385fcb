package console

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/time/rate"

	"supervisiond/forwarding"
	"supervisiond/supervision"
)

// desk is a server with an engine that says yes to everything, asked without a network.
type desk struct {
	*Server
	t       testing.TB
	mu      sync.Mutex
	log     bytes.Buffer
	command func(supervision.Commanded) (supervision.Reply, error)
	policy  forwarding.Policy
	late    atomic.Int64 // how far its clock is ahead, in ns
}

func (d *desk) Write(b []byte) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.log.Write(b)
}

func newDesk(t testing.TB) *desk {
	t.Helper()
	d := &desk{t: t, command: func(c supervision.Commanded) (supervision.Reply, error) {
		return supervision.Reply{ID: c.ID, Changed: true, Result: &supervision.View{}}, nil
	}}
	hash := "$2a$04$Eh1ky5gqeGjkBcH1bNPCeOuRxAUPVSRuxZ.ZGd2YhJm0c/Qa5VgXy" // of nothing that anybody knows
	people := []supervision.Person{{ID: "anna", Name: "Anna"}, {ID: "ben", Name: "Ben"}}
	directory := supervision.NewDirectory("hq", people, nil)
	var err error
	d.Server, err = New(Options{
		Site: "hq", Listen: "127.0.0.1:0", Log: slog.New(slog.NewTextHandler(d, nil)), Metrics: prometheus.NewRegistry(),
		Ready: func() map[string]bool { return nil }, SessionFile: filepath.Join(t.TempDir(), "sessions.db"), PushFile: filepath.Join(t.TempDir(), "push.db"),
		Tokens:    []Token{{Name: "crm", Anyone: true}},
		Directory: func() *supervision.Directory { return directory }, PasswordHash: func(supervision.PersonID) string { return hash },
		Forwarding: func() *forwarding.Policy { return &d.policy },
		Command: func(c supervision.Commanded) error {
			r, err := d.command(c)
			if err == nil {
				d.Take(time.Now(), []supervision.Effect{r})
			}
			return err
		},
		History: func(context.Context, *supervision.Reader, supervision.HistoryQuery) (supervision.HistoryPage, error) {
			return supervision.HistoryPage{Events: []supervision.HistoryEvent{}}, nil
		},
		Now: func() time.Time { return time.Now().Add(time.Duration(d.late.Load())) },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Shutdown(t.Context()) })
	d.tokens.right.Add(sumOf("token"), &Token{Name: "crm", Anyone: true})
	return d
}

func (d *desk) ask(r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	d.http.Handler.ServeHTTP(w, r)
	return w
}

// asAnna is a request of a program.
func asAnna(method, path string, body io.Reader) *http.Request {
	r := httptest.NewRequest(method, path, body)
	r.Header.Set("Authorization", "Bearer token")
	r.Header.Set("X-Act-As", "anna")
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	return r
}

// isProblem proves that an answer is a problem document.
func isProblem(t testing.TB, w *httptest.ResponseRecorder, status int) {
	t.Helper()
	var p Problem
	err := json.Unmarshal(w.Body.Bytes(), &p)
	if w.Code != status || err != nil || p.Status != status || p.Code == "" || p.Detail == "" || w.Header().Get("Content-Type") != "application/problem+json" {
		t.Errorf("%d %s %q, want %d (%v)", w.Code, w.Header().Get("Content-Type"), w.Body, status, err)
	}
}

// What a body may be, and in which form it is taken.
func TestBodies(t *testing.T) {
	d := newDesk(t)
	put := func(media, body string) *httptest.ResponseRecorder {
		r := asAnna("PUT", "/api/v1/people/anna/dnd", strings.NewReader(body))
		r.Header.Set("Content-Type", media)
		if media == "" {
			r.Header.Del("Content-Type")
		}
		return d.ask(r)
	}
	for _, media := range []string{"application/json", "application/json; charset=utf-8", `Application/JSON;charset="UTF-8"`} {
		if w := put(media, `{"on":true}`); w.Code != http.StatusOK {
			t.Errorf("%s: %d %s", media, w.Code, w.Body)
		}
	}
	for _, media := range []string{
		"", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/vnd.x+json", "json", "*/*",
		"application/json; charset=utf-16", "application/json; charset=utf-7", "application/json, text/plain", "application/json;;", "application/json;charset", "\x00",
	} {
		isProblem(t, put(media, `{"on":true}`), http.StatusUnsupportedMediaType)
	}
	zipped := asAnna("PUT", "/api/v1/people/anna/dnd", strings.NewReader(`{"on":true}`))
	zipped.Header.Set("Content-Encoding", "gzip")
	isProblem(t, d.ask(zipped), http.StatusUnsupportedMediaType)

	fits := `{"on":true}` + strings.Repeat(" ", maxBody-11)
	if w := put("application/json", fits); w.Code != http.StatusOK {
		t.Errorf("16 KiB: %d %s", w.Code, w.Body)
	}
	isProblem(t, put("application/json", fits+" "), http.StatusRequestEntityTooLarge)
	endless := asAnna("PUT", "/api/v1/people/anna/dnd", io.LimitReader(zeros{}, 1<<40))
	endless.ContentLength = -1
	if w := d.ask(endless); w.Header().Get("Connection") != "close" {
		t.Error("the connection is kept")
	} else {
		isProblem(t, w, http.StatusRequestEntityTooLarge)
	}
	isProblem(t, d.ask(asAnna("PUT", "/api/v1/people/anna/dnd", broken{})), http.StatusUnprocessableEntity)

	for _, body := range []string{
		"", " ", "null", "[]", "1", `"on"`, "{", "}", `{"on"}`, `{"on":}`, `{"on":true,}`, `{"on":true}{}`, `{"on":true} x`, `{on:true}`, `{'on':true}`,
		`{"on":1}`, `{"on":"true"}`, `{"on":null}`, `{"ON":true}`, `{"on":true,"on":true}`, `{"on":false,"\u006fn":true}`, `{"on":true,"x":1}`, `{}`,
		"{\"on\":true,\"\xff\":1}", "\xef\xbb\xbf{\"on\":true}", "{\"on\":true}\x00", `{"on":NaN}`, `{"on":1e400}`, `{"on":Infinity}`,
		strings.Repeat("[", 8000), strings.Repeat(`{"a":`, 3000), strings.Repeat("[", 8000) + strings.Repeat("]", 8000),
	} {
		if w := put("application/json", body); w.Code != http.StatusUnprocessableEntity {
			t.Errorf("%.40q: %d %s", body, w.Code, w.Body)
		} else {
			isProblem(t, w, http.StatusUnprocessableEntity)
		}
	}
	forward := func(body string) *httptest.ResponseRecorder {
		return d.ask(asAnna("PUT", "/api/v1/people/anna/forwarding/no_answer", strings.NewReader(body)))
	}
	for _, seconds := range []string{"1.5", "-1", "3601", "99999999999999999999999", "1e400", "NaN", `"1"`, "null", "[1]"} {
		isProblem(t, forward(`{"target":"1","after_seconds":`+seconds+`}`), http.StatusUnprocessableEntity)
	}
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) {
	clear(b)
	return len(b), nil
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// A mistake of ours is one request's only: told as a problem, or, where the answer has begun, by an answer that breaks off.
func TestMistakesOfOurs(t *testing.T) {
	d := newDesk(t)
	d.command = func(supervision.Commanded) (supervision.Reply, error) { panic("a mistake") }
	w := d.ask(asAnna("GET", "/api/v1/view", nil))
	isProblem(t, w, http.StatusInternalServerError)
	if !strings.Contains(d.log.String(), "please report this") || len(d.asks.waiting) != 0 {
		t.Errorf("the log says %s, and %d wait", d.log.String(), len(d.asks.waiting))
	}
	half := d.metrics.count(d.guard(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte("half"))
		panic("a mistake")
	})))
	server := httptest.NewServer(half)
	defer server.Close()
	resp, err := http.Get(server.URL)
	if err == nil {
		_, err = io.ReadAll(resp.Body)
		_ = resp.Body.Close()
	}
	if err == nil {
		t.Error("half an answer looks like a whole one")
	}
}

// 405 says which methods there are.
func TestAllow(t *testing.T) {
	d := newDesk(t)
	for path, want := range map[string][]string{
		"/api/v1/me": {"GET"}, "/api/v1/session": {"POST", "DELETE"}, "/api/v1/people/x/forwarding/y": {"PUT", "DELETE"}, "/healthz": {"GET"},
	} {
		for _, method := range []string{"PATCH", "OPTIONS", "TRACE", "HEAD", "PROPFIND"} {
			w := d.ask(httptest.NewRequest(method, path, nil))
			if w.Code != http.StatusMethodNotAllowed || !slices.Equal(w.Header().Values("Allow"), want) {
				t.Errorf("%s %s: %d, %q", method, path, w.Code, w.Header().Values("Allow"))
			}
		}
	}
}

// One person does not begin all the sessions that there may be.
func TestSessionsPerPerson(t *testing.T) {
	d := newDesk(t)
	x := func() exchange { return exchange{httptest.NewRequest("POST", "/", nil), httptest.NewRecorder()} }
	for range burstOfSessions {
		if _, err := d.welcome(x(), "anna", byProvider); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := d.welcome(x(), "anna", byProvider); err == nil || asTold(err).Status != http.StatusTooManyRequests {
		t.Errorf("one more: %v", err)
	}
	if _, err := d.welcome(x(), "ben", byProvider); err != nil {
		t.Errorf("another person: %v", err)
	}
}

// Attempts sent side by side count one after the other: no more than five are compared.
func TestAttemptsSideBySide(t *testing.T) {
	d := newDesk(t)
	var statuses [600]int
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			r := httptest.NewRequest("POST", "/api/v1/session", strings.NewReader(`{"person":"anna","password":"wrong"}`))
			r.Header.Set("Content-Type", "application/json")
			code := d.ask(r).Code
			d.mu.Lock()
			defer d.mu.Unlock()
			statuses[code]++
		})
	}
	all.Wait()
	if statuses[http.StatusUnauthorized] != freeAttempts || statuses[http.StatusTooManyRequests] != 50-freeAttempts {
		t.Errorf("%d were compared, %d had to wait", statuses[http.StatusUnauthorized], statuses[http.StatusTooManyRequests])
	}
}

// A network has so many connections, and a proxy on this machine as many as it likes.
func TestConnectionsAreCounted(t *testing.T) {
	c := newConnections()
	for i := range maxConnectionsOf + 1 {
		if n := c.count("192.0.2.0", http.StateNew); n != i+1 {
			t.Fatalf("%d connections, %d counted", i+1, n)
		}
	}
	for _, s := range []http.ConnState{http.StateActive, http.StateIdle} {
		if c.count("192.0.2.0", s) != 0 {
			t.Errorf("%v counts", s)
		}
	}
	for range maxConnectionsOf + 1 {
		c.count("192.0.2.0", http.StateClosed)
	}
	if len(c.of) != 0 {
		t.Errorf("left: %v", c.of)
	}
}

// Whatever the request, the answer is one that the API has, the log holds nothing of it, and the metrics do not grow with it.
func FuzzRequest(f *testing.F) {
	for _, s := range []struct{ method, path, media, body, header string }{
		{"GET", "/api/v1/me", "", "", ""},
		{"POST", "/api/v1/calls/../pickup", "application/json", "{}", "anna"},
		{"PUT", "/api/v1/people/a%2fb/forwarding/always", "application/json", `{"target":"\u0000"}`, "a\nb"},
		{"POST", "/api/v1/session", "text/plain", `{"person":"anna","password":"x"}`, ""},
		{"DELETE", "//api//v1/session", "application/json; charset=x", "[[[[", "\xff"},
		{"TRACE", "/%00", "", "", ""},
		{"GET", "/api/v1/history?since=x&limit=-1&x=%zz", "", "", ""},
		{"POST", "/api/v1/groups/%E2%80%AE/people/%2e%2e/force_in", "", "\x00", ""},
	} {
		f.Add(s.method, s.path, s.media, s.body, s.header)
	}
	d := newDesk(f)
	d.allowance = newAllowance(time.Now, rate.Inf, 1)
	method := regexp.MustCompile(`^[A-Z]+$`)
	f.Fuzz(func(t *testing.T, verb, path, media, body, header string) {
		address, err := url.ParseRequestURI(path)
		if err != nil || !method.MatchString(verb) || strings.HasSuffix(address.Path, "/stream") || strings.HasPrefix(address.Path, "/metrics") {
			return
		}
		r := asAnna(verb, "/", strings.NewReader(body))
		r.URL, r.RequestURI = address, path
		r.Header.Set("Content-Type", media)
		r.Header.Set("Cookie", header)
		if header != "" {
			r.Header.Set("X-Act-As", header)
		}
		w := d.ask(r)
		if w.Code >= 500 && w.Code != http.StatusServiceUnavailable {
			t.Errorf("%d %s", w.Code, w.Body)
		}
		if w.Code >= 400 {
			isProblem(t, w, w.Code)
		}
		if strings.Contains(d.log.String(), "please report") {
			t.Error(d.log.String())
		}
	})
}

// The description is whole, and the same for everybody.
func TestDescription(t *testing.T) {
	d := newDesk(t)
	w := d.ask(httptest.NewRequest("GET", "/api/v1/openapi.json", nil))
	if w.Code != http.StatusOK || !json.Valid(w.Body.Bytes()) || !strings.Contains(w.Body.String(), "force_out") {
		t.Errorf("%d %.100s", w.Code, w.Body)
	}
	// What a path names and no parameter has is never read.
	var api struct {
		Paths map[string]map[string]struct {
			Parameters []struct{ In, Name string }
		}
	}
	if err := json.Unmarshal(w.Body.Bytes(), &api); err != nil {
		t.Fatal(err)
	}
	for path, methods := range api.Paths {
		for method, o := range methods {
			named := strings.Count(path, "{")
			for _, p := range o.Parameters {
				if p.In == "path" && strings.Contains(path, "{"+p.Name+"}") {
					named--
				}
			}
			if named != 0 {
				t.Errorf("%s %s: a part of the path is no parameter", method, path)
			}
		}
	}
}
