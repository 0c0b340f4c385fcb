package acceptance

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"
)

// browser is a client of the HTTP API: with a session, with a token, or nobody.
type browser struct {
	t      *testing.T
	s      *site
	client *http.Client
	token  string
	as     string
	from   string // another address, as a proxy tells it
	tls    bool
}

// answer is what the API answered.
type answer struct {
	Status int
	Proto  string
	Header http.Header
	Body   []byte
	reply  // of a command, or the problem
}

// withPasswords gives people a password that is their id with "-secret", and programs tokens: crm acts as everybody,
// wallboard as anna.
func withPasswords(t *testing.T, o options, people ...string) options {
	t.Helper()
	before := o.configure
	o.configure = func(yaml string) string {
		if before != nil {
			yaml = before(yaml)
		}
		for _, p := range people {
			at := strings.Index(yaml, "\n  "+p+":")
			brace := at + strings.Index(yaml[at:], "{") + 1
			yaml = yaml[:brace] + fmt.Sprintf("password_hash: %q, ", hashed(t, p+"-secret")) + yaml[brace:]
		}
		tokens := fmt.Sprintf(`tokens: {crm: {hash: %q, acts_as: ["*"]}, wallboard: {hash: %q, acts_as: [anna]}}`,
			hashed(t, "crm-token"), hashed(t, "wallboard-token"))
		return strings.Replace(yaml, `http: {listen: "127.0.0.1:0"`, `http: {listen: "127.0.0.1:0", `+tokens, 1)
	}
	return o
}

func hashed(t *testing.T, password string) string {
	t.Helper()
	h, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	return string(h)
}

// stranger is a client that has not signed in.
func (s *site) stranger() *browser {
	jar, err := cookiejar.New(nil)
	s.must("cookies", err)
	b := &browser{t: s.t, s: s, client: &http.Client{Jar: jar, Transport: &http.Transport{}}}
	s.t.Cleanup(b.client.CloseIdleConnections)
	return b
}

// signedIn is somebody in front of a browser.
func (s *site) signedIn(person string) *browser {
	s.t.Helper()
	b := s.stranger()
	if a := b.do("POST", "/session", fmt.Sprintf(`{"person":%q,"password":%q}`, person, person+"-secret")); a.Status != http.StatusOK {
		s.t.Fatalf("%s cannot sign in: %d %s", person, a.Status, a.Body)
	}
	return b
}

// program acts as a person by the token that may act as everybody.
func (s *site) program(as string) *browser {
	b := s.stranger()
	b.token, b.as = "crm-token", as
	return b
}

func (b *browser) request(ctx context.Context, method, path, body string) *http.Request {
	b.t.Helper()
	r, err := http.NewRequestWithContext(ctx, method, b.s.url("/api/v1"+path), strings.NewReader(body))
	b.s.must("request", err)
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	if b.token != "" {
		r.Header.Set("Authorization", "Bearer "+b.token)
	}
	if b.tls {
		r.URL.Scheme = "https"
	}
	if b.from != "" {
		r.Header.Set("X-Forwarded-For", b.from)
	}
	if b.as != "" {
		r.Header.Set("X-Act-As", b.as)
	}
	return r
}

// do asks for something, and proves that an error is a problem document.
func (b *browser) do(method, path, body string) answer {
	b.t.Helper()
	a, err := b.try(method, path, body)
	b.s.must(method+" "+path, err)
	return a
}

func (b *browser) try(method, path, body string) (answer, error) {
	ctx, cancel := context.WithTimeout(b.t.Context(), patience)
	defer cancel()
	request := b.request(ctx, method, path, body)
	resp, err := b.client.Do(request)
	if err != nil {
		return answer{}, err
	}
	defer resp.Body.Close()
	a := answer{Status: resp.StatusCode, Proto: resp.Proto, Header: resp.Header}
	if a.Body, err = io.ReadAll(resp.Body); err != nil {
		return a, err
	}
	if a.Status >= 400 && resp.Header.Get("Content-Type") != "application/problem+json" {
		return a, fmt.Errorf("%d %s: %s", a.Status, resp.Header.Get("Content-Type"), a.Body)
	}
	if err := b.asDescribed(request, resp, a.Body); err != nil {
		return a, err
	}
	if len(a.Body) > 0 {
		err = json.Unmarshal(a.Body, &a.reply)
	}
	return a, err
}

// asked asks without waiting for the answer.
func (b *browser) asked(method, path, body string) <-chan answer {
	answers := make(chan answer, 1)
	go func() {
		a, err := b.try(method, path, body)
		if err != nil {
			a.Code, a.Message = "no answer", err.Error()
		}
		answers <- a
	}()
	return answers
}

// is proves the status and the code of an answer.
func (a answer) is(t *testing.T, status int, code string) {
	t.Helper()
	if a.Status != status || a.Code != code {
		t.Errorf("%d %q, want %d %q: %s", a.Status, a.Code, status, code, a.Body)
	}
}

// stream is an open event stream.
type stream struct {
	t     *testing.T
	body  io.ReadCloser
	lines *bufio.Scanner
	last  string // id
	all   []event
	close func()
	docs  *documentation
}

type event struct {
	ID, Event string
	Data      json.RawMessage
}

// stream opens the event stream, after an event that was seen before or from the beginning.
func (b *browser) stream(after string) *stream {
	b.t.Helper()
	ctx, cancel := context.WithCancel(b.t.Context())
	r := b.request(ctx, "GET", "/stream", "")
	if after != "" {
		r.Header.Set("Last-Event-ID", after)
	}
	resp, err := b.client.Do(r) //nolint:bodyclose // by the stream's close
	b.s.must("stream", err)
	if resp.StatusCode != http.StatusOK || resp.Header.Get("Content-Type") != "text/event-stream" {
		b.t.Fatalf("stream: %d %s", resp.StatusCode, resp.Header.Get("Content-Type"))
	}
	s := &stream{t: b.t, body: resp.Body, lines: bufio.NewScanner(resp.Body), last: after, docs: readDocumentation(b.t)}
	s.lines.Buffer(nil, 8<<20)
	s.close = func() {
		cancel()
		_ = resp.Body.Close()
	}
	b.t.Cleanup(s.close)
	return s
}

// next gives the next event; false: the stream is over. It checks that no number is missing.
func (s *stream) next() (event, bool) {
	s.t.Helper()
	stuck := time.AfterFunc(patience, func() { _ = s.body.Close() })
	defer stuck.Stop()
	var e event
	for s.lines.Scan() {
		line := s.lines.Bytes()
		name, value, _ := bytes.Cut(line, []byte(": "))
		switch string(name) {
		case "id":
			e.ID = string(value)
		case "event":
			e.Event = string(value)
		case "data":
			e.Data = append(json.RawMessage{}, value...)
		case "":
			if e.Event != "" {
				s.follows(e)
				return e, true
			}
		}
	}
	return e, false
}

func (s *stream) follows(e event) {
	s.t.Helper()
	var epoch, seq, lastEpoch, lastSeq int
	_, err := fmt.Sscanf(e.ID, "%d:%d", &epoch, &seq)
	if err != nil {
		s.t.Errorf("id %q", e.ID)
	}
	if s.last != "" && e.Event != "view" {
		if _, err := fmt.Sscanf(s.last, "%d:%d", &lastEpoch, &lastSeq); err != nil || seq != lastSeq+1 {
			s.t.Errorf("%s after %s", e.ID, s.last)
		}
	}
	s.last, s.all = e.ID, append(s.all, e)
	// The messages of a person's view on NATS and the events of the stream are the same.
	message, err := json.Marshal(map[string]any{"id": e.ID, "event": e.Event, "data": e.Data})
	if err == nil {
		err = s.docs.body("view-message.json", "the stream", message)
	}
	if err != nil {
		s.t.Error(err)
	}
}

// await takes events until one is as wanted.
func (s *stream) await(kind string, words ...string) event {
	s.t.Helper()
	for until := time.Now().Add(patience); ; {
		e, ok := s.next()
		if !ok || time.Now().After(until) {
			s.t.Fatalf("the stream does not tell %s %q, but %s", kind, words, s.told())
		}
		wanted := e.Event == kind
		for _, w := range words {
			wanted = wanted && strings.Contains(string(e.Data), w)
		}
		if wanted {
			return e
		}
	}
}

// told is all that the stream has told.
func (s *stream) told() string {
	var b strings.Builder
	for _, e := range s.all {
		fmt.Fprintf(&b, "\n%s %s %s", e.ID, e.Event, e.Data)
	}
	return b.String()
}

// over waits until the stream ends, and fails if it does not.
func (s *stream) over() {
	s.t.Helper()
	for until := time.Now().Add(patience); time.Now().Before(until); {
		if _, ok := s.next(); !ok {
			return
		}
	}
	s.t.Error("the stream should be over")
}
