package acceptance

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// httpAlone is a daemon with the site's people and programs, and no PBX: what it does with bad input does not depend on one.
func httpAlone(t *testing.T) *site {
	t.Helper()
	s := startAlone(t, func(yaml string) string { return yaml })
	ctx := s.ctx()
	for !strings.Contains(s.text("/readyz"), `"nats":true`) {
		if ctx.Err() != nil {
			t.Fatal("NATS is not there")
		}
	}
	return s
}

func startAlone(t *testing.T, configure func(yaml string) string) *site {
	t.Helper()
	dir := t.TempDir()
	s := &site{t: t, config: filepath.Join(dir, "config.yml")}
	o := withPasswords(t, withCommanders(t, func(yaml string) string {
		// Nothing may be logged that should not be, at whichever level.
		return strings.Replace(yaml, "level: info", "level: debug", 1)
	}), "anna", "ben", "carla", "hana")
	before := o.configure
	o.configure = func(yaml string) string { return configure(before(yaml)) }
	s.nats = o.nats
	s.write(o, "http://127.0.0.1:1/ari", dir)
	s.daemon = startDaemon(t, s.config)
	s.daemon.logged("started")
	return s
}

// text is what is at an address.
func (s *site) text(path string) string {
	s.t.Helper()
	resp, err := http.Get(s.url(path))
	s.must(path, err)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	s.must(path, err)
	return string(text)
}

// secretsUsed are parts of all passwords, tokens and bodies that the tests send.
var secretsUsed = []string{"anna-secret", "ben-secret", "hana-secret", "crm-token", "wallboard-token", "s3cr3t", "passw0rd"}

// keptQuiet proves that the whole log has no secret, no mistake of ours and no race in it.
func (s *site) keptQuiet(more ...string) {
	s.t.Helper()
	for _, line := range s.daemon.log() {
		for _, secret := range append(more, secretsUsed...) {
			if strings.Contains(line, secret) {
				s.t.Errorf("the log gives away %q: %s", secret, line)
			}
		}
		if strings.Contains(line, "please report") || strings.Contains(line, "panic") {
			s.t.Errorf("the log says %s", line)
		}
	}
}

// wire is a connection on which a test may send what it likes.
type wire struct {
	net.Conn
	t *testing.T
	r *bufio.Reader
}

func (s *site) wire() *wire {
	s.t.Helper()
	c, err := net.Dial("tcp", fmt.Sprint(s.daemon.logged("started")["http"]))
	s.must("dial", err)
	s.t.Cleanup(func() { _ = c.Close() })
	s.must("deadline", c.SetDeadline(time.Now().Add(patience)))
	return &wire{c, s.t, bufio.NewReader(c)}
}

// say sends. That the other end is gone already is found by reading.
func (w *wire) say(text string) { _, _ = io.WriteString(w, text) }

// answered reads one answer; 0: the connection was closed without.
func (w *wire) answered(method string) (status int, header http.Header, body []byte) {
	w.t.Helper()
	resp, err := http.ReadResponse(w.r, &http.Request{Method: method})
	if err != nil {
		if late, ok := err.(net.Error); ok && late.Timeout() { //nolint:errorlint // it is not wrapped
			w.t.Error("neither an answer nor an end")
		}
		return 0, nil, nil
	}
	body, err = io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	if late, ok := err.(net.Error); ok && late.Timeout() { //nolint:errorlint // it is not wrapped
		w.t.Error("half an answer")
	}
	if resp.Close { // the library takes it out of the header
		resp.Header.Set("Connection", "close")
	}
	return resp.StatusCode, resp.Header, body
}

// closes proves that the connection is closed.
func (w *wire) closes(what string) {
	w.t.Helper()
	_, err := io.Copy(io.Discard, w.r)
	if late, ok := err.(net.Error); ok && late.Timeout() { //nolint:errorlint // it is not wrapped
		w.t.Errorf("%s: the connection stays", what)
	}
}

// turnedDown proves that a request ends in a problem document, or in a line of text and a closed connection, or in that alone.
func (s *site) turnedDown(what, request string) (status int, body string) {
	s.t.Helper()
	w := s.wire()
	w.say(request)
	method, _, _ := strings.Cut(request, " ")
	status, header, text := w.answered(method)
	switch {
	case status == 0:
	case status < 400 || status == http.StatusInternalServerError:
		s.t.Errorf("%s: %d %s", what, status, text)
	case header.Get("Content-Type") == "application/problem+json":
		var p struct {
			Code, Detail string
			Status       int
		}
		if method == "HEAD" {
			break
		}
		if err := json.Unmarshal(text, &p); err != nil || p.Status != status || p.Code == "" || p.Detail == "" {
			s.t.Errorf("%s: %d %s", what, status, text)
		}
	case !strings.HasPrefix(header.Get("Content-Type"), "text/plain") || header.Get("Connection") != "close":
		s.t.Errorf("%s: %d %v %s", what, status, header, text)
	default:
		w.closes(what)
	}
	return status, string(text)
}

// asCRM begins a request as anna's program.
func asCRM(line string, headers ...string) string {
	return line + " HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer crm-token\r\nX-Act-As: anna\r\n" + strings.Join(append(headers, ""), "\r\n")
}

func withBody(line, body string, headers ...string) string {
	return asCRM(line, append(headers, "Content-Type: application/json", fmt.Sprintf("Content-Length: %d", len(body)))...) + "\r\n" + body
}

// Bodies that are none, requests that are two, paths that lead elsewhere: each is turned down, nothing of it is carried out
// or logged, and the daemon goes on.
func TestHTTPBadInput(t *testing.T) {
	t.Parallel()
	s := httpAlone(t)
	const dnd, presence = "PUT /api/v1/people/anna/dnd", "PUT /api/v1/me/presence"
	var all sync.WaitGroup
	deep := strings.Repeat(`{"passw0rd":`, 1200)
	for what, request := range map[string]string{
		"too long":                       withBody(presence, `{"state":"away","source":"`+strings.Repeat("s3cr3t", 4000)+`"}`),
		"deep":                           withBody(presence, deep),
		"deep lists":                     withBody(presence, strings.Repeat("[", 16000)),
		"given twice":                    withBody(presence, `{"state":"away","source":"s3cr3t","state":"busy"}`),
		"NaN":                            withBody(presence, `{"state":"away","source":"s3cr3t","ttl_seconds":NaN}`),
		"huge number":                    withBody(presence, `{"state":"away","source":"s3cr3t","ttl_seconds":1e99999}`),
		"long number":                    withBody(presence, `{"state":"away","source":"s3cr3t","ttl_seconds":`+strings.Repeat("9", 9000)+`}`),
		"no UTF-8":                       withBody(presence, "{\"state\":\"away\",\"source\":\"s3cr3t\xff\xc0\x80\"}"),
		"UTF-16":                         withBody(presence, "{\x00\"\x00o\x00n\x00\"\x00:\x001\x00}\x00"),
		"no type":                        asCRM(presence, "Content-Length: 2") + "\r\n{}",
		"a form":                         asCRM(presence, "Content-Type: application/x-www-form-urlencoded", "Content-Length: 15") + "\r\npassword=s3cr3t",
		"two types":                      asCRM(presence, "Content-Type: application/json", "Content-Type: text/plain", "Content-Length: 2") + "\r\n{}",
		"another charset":                asCRM(presence, "Content-Type: application/json; charset=utf-7", "Content-Length: 2") + "\r\n{}",
		"compressed":                     withBody(presence, "\x1f\x8b\x08\x00s3cr3t", "Content-Encoding: gzip"),
		"length that is a lie":           asCRM(presence, "Content-Type: application/json", "Content-Length: 9000") + "\r\n{\"state\":\"s3cr3t\"",
		"negative length":                asCRM(presence, "Content-Type: application/json", "Content-Length: -1") + "\r\n{}",
		"huge length":                    asCRM(presence, "Content-Type: application/json", "Content-Length: 9223372036854775807") + "\r\n{}",
		"overflowing length":             asCRM(presence, "Content-Type: application/json", "Content-Length: 99999999999999999999") + "\r\n{}",
		"two lengths":                    asCRM(presence, "Content-Type: application/json", "Content-Length: 2", "Content-Length: 3") + "\r\n{} ",
		"smuggling TE.TE":                asCRM(presence, "Content-Type: application/json", "Transfer-Encoding: xchunked") + "\r\n2\r\n{}\r\n0\r\n\r\n",
		"smuggling TE list":              asCRM(presence, "Content-Type: application/json", "Transfer-Encoding: gzip, chunked") + "\r\n2\r\n{}\r\n0\r\n\r\n",
		"broken chunks":                  asCRM(presence, "Content-Type: application/json", "Transfer-Encoding: chunked") + "\r\nZZ\r\ns3cr3t\r\n",
		"chunk of a negative size":       asCRM(presence, "Content-Type: application/json", "Transfer-Encoding: chunked") + "\r\n-1\r\n{}\r\n",
		"chunk of any size":              asCRM(presence, "Content-Type: application/json", "Transfer-Encoding: chunked") + "\r\nffffffffffffffff\r\n{}",
		"huge chunks":                    asCRM(presence, "Content-Type: application/json", "Transfer-Encoding: chunked") + "\r\n" + strings.Repeat("4000\r\n"+strings.Repeat("s", 0x4000)+"\r\n", 8),
		"no body":                        asCRM(presence) + "\r\n",
		"a space before the colon":       asCRM(dnd, "Content-Length : 2") + "\r\n{}",
		"a folded header":                asCRM(dnd, "X-A: 1\r\n Content-Length: 2") + "\r\n{}",
		"a control in a header":          asCRM(dnd, "X-A: \x01\x00s3cr3t") + "\r\n",
		"a header without a name":        asCRM(dnd, ": s3cr3t") + "\r\n",
		"headers of 1 MiB":               asCRM(dnd, "X-A: "+strings.Repeat("s3cr3t", 170_000)) + "\r\n",
		"thousands of headers":           asCRM(dnd, strings.Repeat("X-A: s3cr3t\r\n", 5000)+"X-B: 1") + "\r\n",
		"two hosts":                      asCRM("GET /api/v1/me", "Host: y") + "\r\n",
		"no host":                        "GET /api/v1/me HTTP/1.1\r\n\r\n",
		"a host of garbage":              "GET /api/v1/me HTTP/1.1\r\nHost: a b/c\r\n\r\n",
		"HTTP/0.9":                       "GET /api/v1/me\r\n\r\n",
		"HTTP/3.0":                       "GET /api/v1/me HTTP/3.0\r\nHost: x\r\n\r\n",
		"HTTP/2 without asking":          "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
		"garbage":                        "\x00\x01\x02s3cr3t\r\n\r\n",
		"TLS":                            "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03s3cr3t\r\n\r\n",
		"a long line":                    strings.Repeat("A", 1<<20),
		"an endless path":                asCRM("GET /api/v1/"+strings.Repeat("a", 9000)) + "\r\n",
		"NUL in the path":                asCRM("POST /api/v1/calls/%00/pickup") + "\r\n",
		"a line break in the path":       asCRM("POST /api/v1/calls/a%0d%0aSet-Cookie:%20s3cr3t/pickup") + "\r\n",
		"upwards":                        asCRM("GET /api/v1/../v1/me") + "\r\n",
		"upwards, written otherwise":     asCRM("GET /api/v1/%2e%2e/v1/me") + "\r\n",
		"upwards in an id":               asCRM("POST /api/v1/groups/..%2f..%2fsession/join") + "\r\n",
		"two slashes":                    asCRM("GET //api//v1/me") + "\r\n",
		"a backslash":                    asCRM(`GET /api\v1\me`) + "\r\n",
		"a slash behind":                 asCRM("GET /api/v1/me/") + "\r\n",
		"capitals":                       asCRM("GET /API/V1/ME") + "\r\n",
		"half an escape":                 asCRM("GET /api/v1/%z") + "\r\n",
		"no UTF-8 in an id":              asCRM("POST /api/v1/groups/%ff%fe/join") + "\r\n",
		"wildcards in an id":             asCRM("POST /api/v1/groups/%3E.*/join") + "\r\n",
		"an override of writing":         asCRM("POST /api/v1/groups/%E2%80%AEsales/join") + "\r\n",
		"a path of another kind":         asCRM("GET api/v1/me") + "\r\n",
		"an address of another scheme":   asCRM("GET gopher://x/api/v1/nothing") + "\r\n",
		"TRACE":                          asCRM("TRACE /api/v1/me") + "\r\n",
		"CONNECT":                        asCRM("CONNECT 127.0.0.1:22") + "\r\n",
		"PATCH":                          asCRM("PATCH /api/v1/me") + "\r\n",
		"HEAD":                           asCRM("HEAD /api/v1/me") + "\r\n",
		"OPTIONS":                        asCRM("OPTIONS /api/v1/me") + "\r\n",
		"a method of their own":          asCRM("S3CR3T /api/v1/me") + "\r\n",
		"a method by a header":           asCRM("POST /api/v1/session/x", "X-HTTP-Method-Override: DELETE") + "\r\n",
		"an unknown query":               asCRM("GET /api/v1/me?x=s3cr3t") + "\r\n",
		"a query of garbage":             asCRM("GET /api/v1/history?since=s3cr3t&limit=%00") + "\r\n",
		"a token in the query":           "GET /api/v1/me?access_token=crm-token HTTP/1.1\r\nHost: x\r\n\r\n",
		"a password as basic":            "GET /api/v1/me HTTP/1.1\r\nHost: x\r\nAuthorization: Basic YW5uYTpzM2NyM3Q=\r\n\r\n",
		"a scheme alone":                 "GET /api/v1/me HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer\r\n\r\n",
		"a token of garbage":             "GET /api/v1/me HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer \xff\xfes3cr3t\r\n\r\n",
		"two tokens":                     "GET /api/v1/me HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer s3cr3t\r\nAuthorization: Bearer crm-token\r\nX-Act-As: anna\r\n\r\n",
		"a long token":                   "GET /api/v1/me HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + strings.Repeat("s3cr3t", 2000) + "\r\n\r\n",
		"a token with a tail":            "GET /api/v1/me HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer crm-token,\r\nX-Act-As: anna\r\n\r\n",
		"acting as garbage":              "GET /api/v1/me HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer crm-token\r\nX-Act-As: anna\xff;ben\r\n\r\n",
		"acting as two":                  "GET /api/v1/me HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer crm-token\r\nX-Act-As: anna,ben\r\n\r\n",
		"acting over two lines":          "GET /api/v1/me HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer crm-token\r\nX-Act-As: an\r\n na\r\n\r\n",
		"cookies of garbage":             "GET /api/v1/me HTTP/1.1\r\nHost: x\r\nCookie: supervisiond-session=\x7f\"s3cr3t; ; =;;\r\n\r\n",
		"a hundred cookies":              "GET /api/v1/me HTTP/1.1\r\nHost: x\r\nCookie: " + strings.Repeat("supervisiond-session=s3cr3t; ", 100) + "\r\n\r\n",
		"a password that is no password": withBody("POST /api/v1/session", `{"person":"anna\u0000","password":"s3cr3t"}`),
		"a long password":                withBody("POST /api/v1/session", `{"person":"anna","password":"`+strings.Repeat("s3cr3t", 100)+`"}`),
		"a person of a thousand letters": withBody("POST /api/v1/session", `{"person":"`+strings.Repeat("s3cr3t", 200)+`","password":"x"}`),
	} {
		all.Go(func() { s.turnedDown(what, request) })
	}
	all.Wait()

	// Content-Length beside chunks: the chunks count (RFC 9112, 6.3), so what is behind them is a request of its own.
	w := s.wire()
	w.say(asCRM("GET /api/v1/me", "Content-Length: 4", "Transfer-Encoding: chunked") + "\r\n0\r\n\r\nGET /api/v1/s3cr3t HTTP/1.1\r\nHost: x\r\n\r\n")
	if status, _, body := w.answered("GET"); status != http.StatusOK || !bytes.Contains(body, []byte(`"anna"`)) {
		t.Errorf("chunks beside a length: %d %s", status, body)
	}
	if status, _, body := w.answered("GET"); status != 0 && status != http.StatusNotFound {
		t.Errorf("a request behind chunks: %d %s", status, body)
	}

	// An absolute address is no way around, and OPTIONS * asks for nothing.
	w = s.wire()
	w.say(asCRM("GET http://elsewhere/api/v1/me") + "\r\n")
	if status, header, body := w.answered("GET"); status != http.StatusOK || strings.Contains(fmt.Sprint(header)+string(body), "elsewhere") {
		t.Errorf("an absolute address: %d %v %s", status, header, body)
	}
	w.say("OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n")
	if status, _, body := w.answered("OPTIONS"); status != http.StatusOK || len(body) > 0 {
		t.Errorf("OPTIONS *: %d %s", status, body)
	}

	s.crossOrigin()
	s.replayed()
	if me := s.program("anna").do("GET", "/me", ""); me.Status != http.StatusOK {
		t.Errorf("afterwards: %d %s", me.Status, me.Body)
	}
	s.keptQuiet()
}

// crossOrigin: pages of other sites get nothing done with somebody's cookie.
func (s *site) crossOrigin() {
	s.t.Helper()
	anna := s.signedIn("anna")
	cookie := anna.cookie()
	for what, headers := range map[string][]string{
		"a form of another site": {"Sec-Fetch-Site: cross-site", "Origin: https://evil.example", "Content-Type: text/plain"},
		"another host":           {"Origin: http://evil.example", "Content-Type: application/json"},
		"no site at all":         {"Origin: null", "Content-Type: application/json"},
		"a sister's page":        {"Sec-Fetch-Site: same-site", "Content-Type: application/json"},
	} {
		for _, line := range []string{"PUT /api/v1/people/anna/dnd", "POST /api/v1/groups/sales/leave", "DELETE /api/v1/session", "POST /api/v1/session"} {
			request := line + " HTTP/1.1\r\nHost: x\r\nCookie: " + cookie + "\r\n" + strings.Join(headers, "\r\n") + "\r\nContent-Length: 11\r\n\r\n" + `{"on":true}`
			if status, body := s.turnedDown(what, request); status != http.StatusForbidden || !strings.Contains(body, "cross_origin") {
				s.t.Errorf("%s: %s: %d %s", what, line, status, body)
			}
		}
	}
	// A form without any word of where it is from: browsers that old send its type all the same.
	request := "PUT /api/v1/people/anna/dnd HTTP/1.1\r\nHost: x\r\nCookie: " + cookie + "\r\nContent-Type: text/plain\r\nContent-Length: 11\r\n\r\n" + `{"on":true}`
	if status, body := s.turnedDown("an old form", request); status != http.StatusUnsupportedMediaType {
		s.t.Errorf("an old form: %d %s", status, body)
	}
	if me := anna.do("GET", "/me", ""); me.Status != http.StatusOK {
		s.t.Errorf("the session is over: %d %s", me.Status, me.Body)
	}
	s.keptQuiet(strings.TrimPrefix(cookie, "supervisiond-session="))
}

func (b *browser) cookie() string {
	b.t.Helper()
	all := b.client.Jar.Cookies(b.request(b.t.Context(), "GET", "/me", "").URL)
	if len(all) != 1 {
		b.t.Fatalf("cookies: %v", all)
	}
	return all[0].Name + "=" + all[0].Value
}

// replayed: a session that is over, and one that somebody has changed a letter of, is none.
func (s *site) replayed() {
	s.t.Helper()
	ben := s.signedIn("ben")
	cookie := ben.cookie()
	get := func(cookie string) string {
		return "GET /api/v1/me HTTP/1.1\r\nHost: x\r\nCookie: " + cookie + "\r\n\r\n"
	}
	for at := len("supervisiond-session="); at < len(cookie); at += 7 {
		letter := byte('A')
		if cookie[at] == letter {
			letter = 'B'
		}
		if status, body := s.turnedDown("tampered", get(cookie[:at]+string(letter)+cookie[at+1:])); status != http.StatusUnauthorized {
			s.t.Errorf("tampered at %d: %d %s", at, status, body)
		}
	}
	ben.do("DELETE", "/session", "")
	if status, body := s.turnedDown("replayed", get(cookie)); status != http.StatusUnauthorized {
		s.t.Errorf("replayed: %d %s", status, body)
	}
	s.keptQuiet(strings.TrimPrefix(cookie, "supervisiond-session="))
}

// 200 who send their headers or bodies drop by drop, or nothing at all, or half a connection: others are answered meanwhile,
// and each of these connections is closed in time.
func TestHTTPSlowClients(t *testing.T) {
	t.Parallel()
	s := httpAlone(t)
	anna := s.program("anna")
	goroutines := s.amount("go_goroutines")
	var slow []*wire
	for i := range 200 {
		w := s.wire()
		switch i % 5 {
		case 0:
			w.say("GET /api/v1/me HTTP/1.1\r\nHost: x\r\nX-A: ")
		case 1:
			w.say(asCRM("PUT /api/v1/me/presence", "Content-Type: application/json", "Content-Length: 100") + "\r\n{")
		case 2:
			w.say(asCRM("PUT /api/v1/me/presence", "Content-Type: application/json", "Transfer-Encoding: chunked") + "\r\n1\r\n{\r\n")
		case 3:
			w.say("POST /api/v1/view HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n") // and nobody has signed in
		case 4:
			w.say("G")
		}
		slow = append(slow, w)
	}
	half := s.wire()
	half.say(asCRM("PUT /api/v1/me/presence", "Content-Type: application/json", "Content-Length: 100") + "\r\n{")
	s.must("half a connection", half.Conn.(*net.TCPConn).CloseWrite()) //nolint:errcheck // it is one
	if status, _, body := half.answered("PUT"); status != 0 && status != http.StatusUnprocessableEntity {
		t.Errorf("half a connection: %d %s", status, body)
	}
	// Meanwhile others are answered, and the slow ones go on sending a byte at a time.
	for i := range 50 {
		began := time.Now()
		if a := anna.do("GET", "/view", ""); a.Status != http.StatusOK {
			t.Errorf("others: %d %s", a.Status, a.Body)
		}
		if took := time.Since(began); took > patience/4 {
			t.Errorf("others wait %v", took)
		}
		for _, w := range slow[i*4 : i*4+4] {
			w.say("a")
		}
	}
	for i, w := range slow {
		if i%5 == 1 || i%5 == 2 {
			if status, _, body := w.answered("PUT"); status != http.StatusRequestTimeout {
				t.Errorf("a slow body: %d %s", status, body)
			}
		}
		w.closes(fmt.Sprint("slow ", i%5))
	}
	s.below("go_goroutines", goroutines+20)
	s.keptQuiet()
}

// What is sent is taken apart by nobody else: a body of one request is never the beginning of the next.
func TestHTTPBodiesDoNotLeak(t *testing.T) {
	t.Parallel()
	s := httpAlone(t)
	for _, line := range []string{"GET /api/v1/me", "POST /api/v1/groups/nothing/join", "GET /api/v1/nothing", "GET /healthz", "DELETE /api/v1/session"} {
		w := s.wire()
		inner := "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
		w.say(asCRM(line, fmt.Sprintf("Content-Length: %d", len(inner))) + "\r\n" + inner)
		w.say(asCRM("GET /api/v1/me") + "\r\n")
		w.answered("GET")
		if status, _, body := w.answered("GET"); status == http.StatusOK && !bytes.Contains(body, []byte(`"id":"anna"`)) {
			t.Errorf("%s: the second answer is %d %s", line, status, body)
		}
	}
}
