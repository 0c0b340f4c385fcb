package sip

import (
	"bytes"
	"net"
	"net/http"
	"net/textproto"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/icholy/digest"
)

// tortured says how each message of RFC 4475 is answered when anna sends it and proves that she did, and what else the answer has. What
// the section of that RFC says of the message holds; where it leaves a choice, or speaks of others than us, the reason is beside it.
// Responses are passed over.
var tortured = map[string]struct {
	section, answer string
	has             []string
}{
	// Valid messages: there is the answer that their method has here.
	"wsinv": {"3.1.1.1", "481 Call/Transaction Does Not Exist", []string{ // there is no dialog with the tag of its To (RFC 3261, 12.2.2)
		"Via: SIP/2.0/UDP 192.0.2.2;branch=390skdjuw;received=127.44.75.1", "Via: SIP/2.0/TCP spindle.example.com;branch=z9hG4bK9ikj8",
		"Via: SIP/2.0/UDP 192.168.255.111;branch=z9hG4bK30239", `From: "J Rosenberg \\\"" <sip:jdrosen@example.com>;tag=98asjd8`,
		"To: <sip:vivekg@chair-dnrc.example.com>;tag=1918181833n", "Call-ID: wsinv.ndaksdj@192.0.2.1",
	}},
	"intmeth": {"3.1.1.2", "501 Not Implemented", []string{"Allow: ", "CSeq: 139122385 !interesting-Method0123456789_*+`.%indeed'~", "tag=_token~1'+`*%!-."}},
	"esc01":   {"3.1.1.3", "302 Moved Temporarily", []string{"Contact: <sip:sips%3Auser%40example.com@pbx.example>"}},
	"escnull": {"3.1.1.4", "200 OK", []string{"Contact: <sip:%00@host5.example.com>", "Contact: <sip:%00%00@host5.example.com>"}},
	"esc02":   {"3.1.1.5", "501 Not Implemented", []string{"Allow: ", `To: "%Z%45" <sip:resource@example.com>`}},
	"lwsdisp": {"3.1.1.6", "200 OK", []string{"<sip:caller@example.com>;tag=323"}},
	"longreq": {"3.1.1.7", "302 Moved Temporarily", []string{
		"Contact: <sip:user@pbx.example>", "Via: SIP/2.0/TCP sip1.example.com\r\nVia: SIP/2.0/TCP host.example.com;received=192.0.2.5;branch=very",
		";tag=12" + strings.Repeat("982", 50) + "424", "Call-ID: longreq.one" + strings.Repeat("really", 20) + "longcallid",
	}},
	"dblreq":     {"3.1.1.8", "200 OK", []string{"Contact: <sip:j.user@host.example.com>"}},
	"semiuri":    {"3.1.1.9", "200 OK", nil},
	"transports": {"3.1.1.10", "200 OK", []string{"Via: SIP/2.0/SCTP t2", "Via: SIP/2.0/TLS t3", "Via: SIP/2.0/UNKNOWN t4", "Via: SIP/2.0/TCP t5"}},
	"mpart01":    {"3.1.1.11", "405 Method Not Allowed", []string{"Allow: "}}, // no phone sends text messages to us
	"unreason":   {section: "3.1.1.12"},
	"noreason":   {section: "3.1.1.13"},

	// Invalid messages. Where a liberal element may guess we do not: whoever sends such a thing should learn of it.
	"badinv01":   {"3.1.2.1", "400 Bad Via", nil},
	"clerr":      {"3.1.2.2", "400 Bad Content-Length", nil},
	"ncl":        {"3.1.2.3", "400 Bad Content-Length", nil},
	"scalar02":   {"3.1.2.4", "400 Bad CSeq", nil},
	"scalarlg":   {section: "3.1.2.5"},
	"quotbal":    {"3.1.2.6", "400 Bad To", nil},
	"ltgtruri":   {"3.1.2.7", "400 Bad Request Line", nil},
	"lwsruri":    {"3.1.2.8", "400 Bad Request Line", nil},
	"lwsstart":   {"3.1.2.9", "400 Bad Request Line", nil},
	"trws":       {"3.1.2.10", "400 Bad Request Line", nil},
	"escruri":    {"3.1.2.11", "400 Bad Request-URI", nil},
	"baddate":    {"3.1.2.12", "302 Moved Temporarily", []string{"Contact: <sip:user@pbx.example>"}}, // nobody here looks at Date
	"regbadct":   {"3.1.2.13", "400 Bad Contact", nil},
	"badaspec":   {"3.1.2.14", "400 Bad To", nil},
	"baddn":      {"3.1.2.15", "400 Bad From", nil},
	"badvers":    {"3.1.2.16", "505 Version Not Supported", nil},
	"mismatch01": {"3.1.2.17", "400 Bad CSeq", nil},
	"mismatch02": {"3.1.2.18", "501 Not Implemented", []string{"Allow: "}},
	"bigcode":    {section: "3.1.2.19"},

	// What means something to transactions and applications.
	"badbranch": {"3.2.1", "200 OK", nil}, // it is told from others as RFC 2543 has it
	"insuf":     {"3.3.1", "400 Bad Request: From Missing", nil},
	"unkscm":    {"3.3.2", "416 Unsupported URI Scheme", nil},
	"novelsc":   {"3.3.3", "416 Unsupported URI Scheme", nil},
	"unksm2":    {"3.3.4", "400 Bad To", nil},
	"bext01":    {"3.3.5", "420 Bad Extension", []string{"Unsupported: nothingSupportsThis, nothingSupportsThisEither\r\n"}},
	"invut":     {"3.3.6", "302 Moved Temporarily", nil}, // who sends on looks at no body; the PBX will
	"regaut01":  {"3.3.7", "200 OK", nil},                // the other scheme is passed over; without anna's it is 401
	"multi01":   {"3.3.8", "400 Bad Request: From Given Twice", nil},
	"mcl01":     {"3.3.9", "400 Bad Request: Content-Length Given Twice", nil},
	"bcast":     {section: "3.3.10"},
	"zeromf":    {"3.3.11", "200 OK", nil},
	"cparam01":  {"3.3.12", "200 OK", []string{"Contact: <sip:+19725552222@gw1.example.net>;unknownparam;"}},
	"cparam02":  {"3.3.13", "200 OK", []string{"Contact: <sip:+19725552222@gw1.example.net;unknownparam>;"}},
	"regescrt":  {"3.3.14", "200 OK", []string{"Contact: <sip:user@example.com?Route=%3Csip:sip.example.com%3E>;"}},
	"sdp01":     {"3.3.15", "302 Moved Temporarily", nil},    // a redirection needs no body
	"inv2543":   {"3.4.1", "400 Bad From: Tag Missing", nil}, // who is older than RFC 3261 has no digest with qop, and cannot come in
}

// torturer is anna's phone, at the ports to which answers go.
type torturer struct {
	t     *testing.T
	c     net.PacketConn
	to    net.Addr
	heard chan []byte
	// others is how much came that was no answer to what was asked.
	others int
}

func startTorturer(t *testing.T, server string) *torturer {
	t.Helper()
	to, err := net.ResolveUDPAddr("udp4", server)
	if err != nil {
		t.Fatal(err)
	}
	p := &torturer{t: t, to: to, heard: make(chan []byte, 1000)}
	// A message without rport is answered at the port that its Via says or means (RFC 3261, 18.2.2).
	for _, port := range []string{"5050", "5060"} {
		c, err := net.ListenPacket("udp4", "127.44.75.1:"+port)
		if err != nil {
			t.Fatal(err)
		}
		done := make(chan struct{})
		go func() {
			defer close(done)
			for buf := make([]byte, 65_535); ; {
				n, _, err := c.ReadFrom(buf)
				if err != nil {
					return
				}
				p.heard <- bytes.Clone(buf[:n])
			}
		}()
		t.Cleanup(func() { _ = c.Close(); <-done })
		p.c = c
	}
	return p
}

func (p *torturer) send(text string) {
	p.t.Helper()
	if _, err := p.c.WriteTo([]byte(text), p.to); err != nil {
		p.t.Fatal(err)
	}
}

// ask sends a message and gives the answer, which has its Call-ID and CSeq and is another one than before.
func (p *torturer) ask(text, before string) string {
	p.t.Helper()
	p.send(text)
	asked := headersOf(text)
	for deadline := time.After(patience); ; {
		select {
		case b := <-p.heard:
			answer := string(b)
			h := headersOf(answer)
			if h.Get("Call-Id") == asked.Get("Call-Id") && h.Get("Cseq") == asked.Get("Cseq") && answer != before {
				return answer
			}
			p.others++
		case <-deadline:
			p.t.Fatalf("no answer to %q", text)
		}
	}
}

// asksProved asks, and again with anna's secret if that is wanted.
func (p *torturer) asksProved(text string) string {
	p.t.Helper()
	a := p.ask(text, "")
	if strings.HasPrefix(a, "SIP/2.0 401 ") {
		a = p.ask(proved(p.t, text, a), a)
	}
	return a
}

var folds = regexp.MustCompile(`\r\n[ \t]+`)

func headersOf(text string) textproto.MIMEHeader {
	head, _, _ := strings.Cut(text, "\r\n\r\n")
	h := make(textproto.MIMEHeader)
	for line := range strings.SplitSeq(folds.ReplaceAllString(head, " "), "\r\n") {
		name, value, _ := strings.Cut(line, ":")
		if name = strings.TrimSpace(name); strings.EqualFold(name, "i") {
			name = "Call-ID"
		}
		if strings.EqualFold(name, "CSeq") { // its number may begin with zeros
			value = strings.TrimLeft(strings.Join(strings.Fields(value), " "), "0")
		}
		h.Add(textproto.CanonicalMIMEHeaderKey(name), strings.TrimSpace(value))
	}
	return h
}

// proved is a message with anna's secret, as a challenge asks for it.
func proved(t *testing.T, text, challenge string) string {
	t.Helper()
	c, err := digest.FindChallenge(http.Header(headersOf(challenge)))
	if err != nil {
		t.Fatal(err)
	}
	line, _, _ := strings.Cut(text, "\r\n")
	words := strings.Split(line, " ")
	credentials, err := digest.Digest(c, digest.Options{Method: words[0], URI: words[1], Username: "anna", Password: "secret", Count: 1})
	if err != nil {
		t.Fatal(err)
	}
	return strings.Replace(text, "\r\n\r\n", "\r\nAuthorization: "+credentials.String()+"\r\n\r\n", 1)
}

func TestTortureMessagesWithASecret(t *testing.T) {
	account := Account{Person: "anna", Password: "secret"}
	accounts := map[string]Account{"anna": account}
	for _, user := range []string{"j.user", "user", "watson", "null-\x00-null"} { // for whom the messages register
		accounts[user] = account
	}
	o := Options{
		Listen: listener("udp", "127.0.0.1:0"), Realm: "hq", PBXURI: "sip:pbx.example", Accounts: func() map[string]Account { return accounts },
	}
	files, err := filepath.Glob("front/testdata/torture/*.dat")
	if err != nil || len(files) != len(tortured) {
		t.Fatalf("%d of the %d messages are here: %v", len(files), len(tortured), err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		// Many have the same branch, and would be repetitions of each other.
		t.Run(strings.TrimSuffix(filepath.Base(file), ".dat"), func(t *testing.T) {
			startTorturer(t, serve(t, o)[0]).tries(string(text))
		})
	}
}

// tries a message between two others that show that all is well.
func (p *torturer) tries(text string) {
	name := strings.TrimPrefix(p.t.Name(), "TestTortureMessagesWithASecret/")
	want, has := tortured[name]
	p.well("before")
	if strings.HasPrefix(text, "SIP/") {
		p.send(text)
	} else if got := p.asksProved(text); !has || !strings.HasPrefix(got, "SIP/2.0 "+want.answer+"\r\n") {
		p.t.Errorf("RFC 4475, %s: %q, want %s", want.section, got, want.answer)
	} else {
		for _, part := range want.has {
			if !strings.Contains(got, part) {
				p.t.Errorf("RFC 4475, %s: %q is not in %q", want.section, part, got)
			}
		}
	}
	p.well("after")
	if strings.HasPrefix(text, "SIP/") && p.others > 0 {
		p.t.Errorf("RFC 4475, %s: a response is answered", want.section)
	}
}

// well asks for what there is.
func (p *torturer) well(id string) {
	p.t.Helper()
	got := p.asksProved("OPTIONS sip:hq SIP/2.0\r\nVia: SIP/2.0/UDP 127.44.75.1;branch=z9hG4bK" + id + "\r\nFrom: <sip:anna@hq>;tag=1\r\n" +
		"To: <sip:hq>\r\nCall-ID: " + id + "\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n")
	if !strings.HasPrefix(got, "SIP/2.0 200 OK\r\n") {
		p.t.Fatalf("%s: %q", id, got)
	}
}
