package digest

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	client "github.com/icholy/digest"
)

var (
	key   = []byte("0123456789abcdef0123456789abcdef")
	start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
)

func realm(users map[string]User) *Realm {
	r := New("hq", key)
	r.SetUsers(users)
	return r
}

func both() map[string]User {
	return map[string]User{"anna": UserOf("anna", "hq", "secret", "", "")}
}

// answer does what a phone does with a challenge.
func answer(t *testing.T, challenge, method, uri, username, password string, count int) Request {
	t.Helper()
	c, err := client.ParseChallenge(challenge)
	if err != nil {
		t.Fatal(err)
	}
	given, err := client.Digest(c, client.Options{
		Method: method, URI: uri, Username: username, Password: password, Count: count, Cnonce: "0a4f113b",
	})
	if err != nil {
		t.Fatal(err)
	}
	return Request{
		Authorization: []string{given.String()}, Method: method, URI: uri, Branch: fmt.Sprint("b", count), Origin: fmt.Sprint("o", count),
	}
}

func want(t *testing.T, r *Realm, req Request, now time.Time, want Result) {
	t.Helper()
	if _, got := r.Check(req, now); got != want {
		t.Errorf("%s %s is %s, want %s", req.Method, req.Authorization, got, want)
	}
}

func TestBothAlgorithms(t *testing.T) {
	r := realm(both())
	for i, algorithm := range []string{"MD5", "SHA-256"} {
		all := r.Challenges("anna", start, false, false)
		if len(all) != 2 || !strings.Contains(all[i], "algorithm="+algorithm) {
			t.Fatalf("challenges %q: want MD5, then SHA-256", all)
		}
		req := answer(t, all[i], "SUBSCRIBE", "sip:101@hq", "anna", "secret", 1)
		if name, got := r.Check(req, start); got != OK || name != "anna" {
			t.Errorf("%s: %s is %s", algorithm, name, got)
		}
		if name, ok := r.Proves(req); !ok || name != "anna" {
			t.Errorf("%s: %q has not proved who they are", algorithm, name)
		}
		want(t, r, answer(t, all[i], "SUBSCRIBE", "sip:101@hq", "anna", "sesame", 2), start, Wrong)
		want(t, r, answer(t, all[i], "SUBSCRIBE", "sip:101@hq", "nobody", "secret", 2), start, Wrong)
	}
}

func TestWhatIsOffered(t *testing.T) {
	pass := UserOf("a", "hq", "secret", "", "")
	onlyMD5, onlySHA := User{MD5: pass.MD5}, User{SHA256: pass.SHA256}
	users := map[string]User{"a": pass, "b": onlyMD5, "c": onlySHA}
	offered := func(name string, onlyMD5 bool) (got []string) {
		for _, challenge := range realm(users).Challenges(name, start, false, onlyMD5) {
			parsed, err := client.ParseChallenge(challenge)
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, parsed.Algorithm)
		}
		return got
	}
	for name, want := range map[string][]string{
		"": {MD5, SHA256}, "nobody": {MD5, SHA256}, "a": {MD5, SHA256}, "b": {MD5}, "c": {SHA256},
	} {
		if got := offered(name, false); !slices.Equal(got, want) {
			t.Errorf("%q is offered %v, want %v", name, got, want)
		}
		if got := offered(name, true); !slices.Equal(got, want[:1]) {
			t.Errorf("%q at a phone that gives up is offered %v, want %v", name, got, want[:1])
		}
	}
}

func TestNonceAges(t *testing.T) {
	r := realm(both())
	challenge := r.Challenges("anna", start, false, false)[0]
	want(t, r, answer(t, challenge, "OPTIONS", "sip:hq", "anna", "secret", 1), start.Add(Lifetime), OK)
	late := answer(t, challenge, "OPTIONS", "sip:hq", "anna", "secret", 2)
	want(t, r, late, start.Add(Lifetime+time.Second), Stale)
	want(t, r, answer(t, challenge, "OPTIONS", "sip:hq", "anna", "sesame", 2), start.Add(Lifetime+time.Second), Wrong)
	if fresh := r.Challenges("anna", start, true, false)[0]; !strings.Contains(fresh, "stale=true") {
		t.Errorf("%s does not say that the secret was right", fresh)
	}
	want(t, New("hq", []byte("another run")), late, start, Wrong)
	other := realm(both())
	other.nonces = newNonces([]byte("another run"))
	want(t, other, answer(t, challenge, "OPTIONS", "sip:hq", "anna", "secret", 3), start, Stale)
}

func TestNothingCountsTwice(t *testing.T) {
	r := realm(both())
	challenge := r.Challenges("anna", start, false, false)[0]
	made := func(count int) Request { return answer(t, challenge, "REGISTER", "sip:hq", "anna", "secret", count) }
	first := made(1)
	want(t, r, first, start, OK)
	want(t, r, first, start.Add(time.Second), Again)
	want(t, r, first, start.Add(repeats+time.Second), Stale)

	merged := first
	merged.Branch = "another way"
	want(t, r, merged, start.Add(time.Second), Merged)

	stolen := first
	stolen.Branch, stolen.Origin = "thief", "thief"
	want(t, r, stolen, start.Add(time.Second), Stale)

	reliable := first
	reliable.Reliable = true
	want(t, r, reliable, start.Add(time.Second), Stale)

	want(t, r, made(3), start, OK)
	want(t, r, made(2), start, OK) // overtaken on the way
	want(t, r, made(2+countWindow), start, OK)
	want(t, r, made(4), start, OK)
	want(t, r, made(900), start, OK)
	want(t, r, made(5), start, Stale)
}

func TestManyNoncesAreBounded(t *testing.T) {
	r := realm(both())
	var first Request
	for i := range maxNonces + 2 {
		req := answer(t, r.Challenges("anna", start, false, false)[1], "REGISTER", "sip:hq", "anna", "secret", 1)
		if i == 0 {
			first = req
		}
		want(t, r, req, start, OK)
	}
	want(t, r, first, start, Stale) // forgotten, but good for nothing
	if n := r.nonces.used.Len(); n != maxNonces {
		t.Errorf("%d nonces are kept", n)
	}
}

func TestWhatIsNotTaken(t *testing.T) {
	r := realm(both())
	challenge := r.Challenges("anna", start, false, false)[0]
	good := answer(t, challenge, "SUBSCRIBE", "sip:101@hq", "anna", "secret", 1)
	for _, c := range []struct {
		name  string
		spoil func(*Request)
		want  Result
	}{
		{"none", func(q *Request) { q.Authorization = nil }, Missing},
		{"basic", func(q *Request) { q.Authorization = []string{"Basic YTpi"} }, Missing},
		{"another realm", func(q *Request) { q.replace(`realm="hq"`, `realm="asterisk"`) }, Missing},
		{"no qop", func(q *Request) { q.replace("qop=auth,", "") }, Invalid},
		{"auth-int", func(q *Request) { q.replace("qop=auth,", "qop=auth-int,") }, Invalid},
		{"sess", func(q *Request) { q.replace("algorithm=MD5", "algorithm=MD5-sess") }, Invalid},
		{"count 0", func(q *Request) { q.replace("nc=00000001", "nc=00000000") }, Invalid},
		{"negative", func(q *Request) { q.replace("nc=00000001", "nc=-0000001") }, Invalid},
		{"method", func(q *Request) { q.Method = "REGISTER" }, Wrong},
		{"somebody else", func(q *Request) { q.URI = "sip:102@hq" }, Invalid},
		{"huge", func(q *Request) { q.Authorization = []string{"Digest " + strings.Repeat("a", maxHeader)} }, Invalid},
		{"another name", func(q *Request) { q.replace(`"anna"`, `"ben"`) }, Wrong},
		{"another nonce", func(q *Request) { q.replace(`nonce="`, `nonce="A`) }, Wrong},
	} {
		req := good
		req.Authorization = slices.Clone(good.Authorization)
		c.spoil(&req)
		if _, got := r.Check(req, start); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
	good.URI = "sip:%3101@10.0.0.1:5070;transport=tcp" // a proxy's rewriting
	good.Authorization = append([]string{`Digest username="x", realm="elsewhere"`}, good.Authorization...)
	want(t, r, good, start, OK)
}

func (q *Request) replace(old, with string) {
	q.Authorization[0] = strings.Replace(q.Authorization[0], old, with, 1)
}

func FuzzAuthorization(f *testing.F) {
	r := realm(both())
	f.Add(`Digest username="anna", realm="hq", nonce="x", uri="sip:hq", response="y", qop=auth, nc=00000001, cnonce="z"`)
	f.Add(`Digest username="a\"b", realm=hq,, nonce=`)
	f.Add("digest \x00\xff=\"")
	f.Fuzz(func(t *testing.T, header string) {
		if _, got := r.Check(Request{Authorization: []string{header}, Method: "OPTIONS", URI: "sip:hq"}, start); got == OK {
			t.Errorf("%q is let in", header)
		}
	})
}

func BenchmarkCheck(b *testing.B) {
	r := realm(both())
	header := `Digest username="anna", realm="hq", nonce="` + strings.Repeat("A", 32) +
		`", uri="sip:101@hq", response="` + strings.Repeat("0", 2*sha256.Size) + `", algorithm=SHA-256, qop=auth, nc=00000001, cnonce="z"`
	for b.Loop() {
		r.Check(Request{Authorization: []string{header}, Method: "OPTIONS", URI: "sip:101@hq"}, start)
	}
}
