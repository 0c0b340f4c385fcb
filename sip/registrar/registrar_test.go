package registrar

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	gosip "github.com/emiago/sipgo/sip"
	"github.com/prometheus/client_golang/prometheus"

	"supervisiond/sip/front"
	"supervisiond/supervision"
)

var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func own(user string) (supervision.PersonID, bool) {
	id, ok := map[string]supervision.PersonID{"anna": "anna", "101": "anna", "ben": "ben"}[user]
	return id, ok
}

type site struct {
	*Registrar
	t    *testing.T
	time time.Time
	seq  int
}

func newSite(t *testing.T) *site {
	s := &site{Registrar: New(own, prometheus.NewRegistry()), t: t, time: start}
	s.now = func() time.Time { return s.time }
	return s
}

// register sends one of anna's; more are header lines.
func (s *site) register(more ...string) *gosip.Response {
	s.t.Helper()
	s.seq++
	return s.send("anna", "sip:101@hq", fmt.Sprintf("Call-ID: one\r\nCSeq: %d REGISTER", s.seq), more...)
}

func (s *site) send(person supervision.PersonID, to, order string, more ...string) *gosip.Response {
	s.t.Helper()
	res, _ := s.Register(s.t.Context(), request(s.t, person, to, order, more...))
	return res
}

func request(t testing.TB, person supervision.PersonID, to, order string, more ...string) *front.Request {
	t.Helper()
	text := "REGISTER sip:hq SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.1:5060;branch=z9hG4bK1\r\nFrom: <sip:anna@hq>;tag=1\r\nTo: <" + to + ">\r\n" +
		order + "\r\n"
	for _, line := range more {
		text += line + "\r\n"
	}
	msg, err := gosip.NewParser().ParseSIP([]byte(text + "Content-Length: 0\r\n\r\n"))
	if err != nil {
		t.Fatal(err)
	}
	return &front.Request{
		Request: msg.(*gosip.Request), Person: person, Transport: "UDP", Source: netip.MustParseAddrPort("192.0.2.1:40000"),
	}
}

func (s *site) want(res *gosip.Response, code int, contacts ...string) {
	s.t.Helper()
	if res.StatusCode != code {
		s.t.Fatalf("answer %s, want %d", res.StartLine(), code)
	}
	var got []string
	for _, h := range res.GetHeaders("Contact") {
		got = append(got, h.Value())
	}
	if strings.Join(got, "\n") != strings.Join(contacts, "\n") {
		s.t.Errorf("answer lists\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(contacts, "\n"))
	}
}

func TestRegisterRefreshAndLeave(t *testing.T) {
	s := newSite(t)
	s.want(s.register(), 200)
	s.want(s.register("Contact: <sip:anna@10.0.0.1>;q=0.5", "Expires: 3600"), 200, "<sip:anna@10.0.0.1>;q=0.5;expires=300")
	s.want(s.register(`Contact: <sip:anna@10.0.0.2>;expires=90`), 200,
		"<sip:anna@10.0.0.1>;q=0.5;expires=300", "<sip:anna@10.0.0.2>;expires=90")
	b := s.Bindings("anna")
	if len(b) != 2 || b[0].Source.String() != "192.0.2.1:40000" || b[0].Transport != "UDP" {
		t.Fatalf("%+v", b)
	}
	s.time = start.Add(91 * time.Second)
	s.want(s.register(), 200, "<sip:anna@10.0.0.1>;q=0.5;expires=209")
	s.want(s.register("Contact: <sip:anna@10.0.0.1>"), 200, "<sip:anna@10.0.0.1>;expires=300")
	s.want(s.register("Contact: <sip:anna@10.0.0.1>;expires=0"), 200)
	s.want(s.register("Contact: <sip:anna@10.0.0.1>, <sip:anna@10.0.0.2>", "Expires: nonsense"), 200,
		"<sip:anna@10.0.0.1>;expires=300", "<sip:anna@10.0.0.2>;expires=300")
	s.want(s.register("Contact: *", "Expires: 0"), 200)
	if b := s.Bindings("anna"); b != nil || s.size() != 0 {
		t.Errorf("%+v", b)
	}
}

func TestWhatIsRefused(t *testing.T) {
	s := newSite(t)
	s.want(s.register("Contact: <sip:anna@10.0.0.1>"), 200, "<sip:anna@10.0.0.1>;expires=300")
	brief := s.register("Contact: <sip:anna@10.0.0.2>", "Expires: 59")
	s.want(brief, 423)
	if h := brief.GetHeader("Min-Expires"); h == nil || h.Value() != "60" {
		t.Error("nothing says what would do")
	}
	s.want(s.register("Contact: *"), 400)
	s.want(s.register("Contact: *", "Expires: 60"), 400)
	s.want(s.register("Contact: *, <sip:anna@10.0.0.1>", "Expires: 0"), 400)
	s.want(s.register("Contact: <mailto:anna@example.com>"), 400)
	s.want(s.register("Contact: <sip:anna@10.0.0.3>", "Contact: <tel:101>"), 400)
	s.want(s.register("Contact: <sip:"+strings.Repeat("a", maxContact)+"@10.0.0.1>"), 400)
	s.want(s.register("Contact: <sip:anna@10.0.0.1>", "Path: nonsense"), 400)
	s.want(s.send("ben", "sip:anna@hq", "Call-ID: b\r\nCSeq: 1 REGISTER", "Contact: <sip:ben@10.0.0.9>"), 403)
	s.want(s.send("ben", "sip:nobody@hq", "Call-ID: b\r\nCSeq: 2 REGISTER"), 403)
	s.want(s.register(), 200, "<sip:anna@10.0.0.1>;expires=300") // all or nothing
}

func TestOvertaken(t *testing.T) {
	s := newSite(t)
	s.want(s.send("anna", "sip:anna@hq", "Call-ID: one\r\nCSeq: 5 REGISTER", "Contact: <sip:anna@10.0.0.1>"), 200, "<sip:anna@10.0.0.1>;expires=300")
	s.want(s.send("anna", "sip:anna@hq", "Call-ID: one\r\nCSeq: 4 REGISTER", "Contact: <sip:anna@10.0.0.1>;expires=0"), 500)
	s.want(s.send("anna", "sip:anna@hq", "Call-ID: one\r\nCSeq: 4 REGISTER", "Contact: *", "Expires: 0"), 500)
	s.want(s.send("anna", "sip:anna@hq", "Call-ID: two\r\nCSeq: 1 REGISTER", "Contact: <sip:anna@10.0.0.1>;expires=60"), 200,
		"<sip:anna@10.0.0.1>;expires=60")
}

func TestOnePhoneByItsInstance(t *testing.T) {
	s := newSite(t)
	const instance = `;+sip.instance="<urn:uuid:1>";reg-id=1`
	s.want(s.register("Contact: <sip:anna@10.0.0.1:1111;transport=tcp>"+instance), 200, "<sip:anna@10.0.0.1:1111;transport=tcp>"+instance+";expires=300")
	s.want(s.register("Contact: <sip:anna@10.0.0.1:2222;transport=tcp>"+instance), 200, "<sip:anna@10.0.0.1:2222;transport=tcp>"+instance+";expires=300")
}

func TestPathIsKept(t *testing.T) {
	s := newSite(t)
	res := s.register("Contact: <sip:anna@10.0.0.1>", "Supported: path", "Path: <sip:p2@10.0.0.5;lr>, <sip:p1@10.0.0.6;lr>")
	if h := res.GetHeader("Path"); res.StatusCode != 200 || h == nil {
		t.Fatal(res)
	}
	if b := s.Bindings("anna"); len(b) != 1 || strings.Join(b[0].Path, " ") != "<sip:p2@10.0.0.5;lr> <sip:p1@10.0.0.6;lr>" {
		t.Errorf("%+v", b)
	}
}

func TestManyPhonesAreBounded(t *testing.T) {
	s := newSite(t)
	for i := range 3 * maxOf {
		s.time = start.Add(time.Duration(i) * time.Second)
		s.register(fmt.Sprintf("Contact: <sip:anna@10.0.0.%d>", i))
	}
	b := s.Bindings("anna")
	if len(b) != maxOf || b[maxOf-1].Contact.Host != fmt.Sprintf("10.0.0.%d", 3*maxOf-1) || s.size() != maxOf {
		t.Errorf("%d phones, %d in all: %+v", len(b), s.size(), b)
	}
	s.count = maxAll
	s.swept = s.time
	s.time = s.time.Add(time.Second)
	s.want(s.send("ben", "sip:ben@hq", "Call-ID: b\r\nCSeq: 1 REGISTER", "Contact: <sip:ben@10.0.1.1>"), 503)
	s.time = s.time.Add(time.Hour)
	if s.size() != 0 || len(s.of) != 0 {
		t.Errorf("%d are left after an hour", s.size())
	}
}

func FuzzRegister(f *testing.F) {
	f.Add("Contact: <sip:a@b>;expires=5\r\nPath: <sip:x>\r\nm: *\r\nExpires: 0")
	f.Add("Contact: \"a\" <sip:%00@[::1]:99999;transport=>;+sip.instance=\"\"")
	f.Fuzz(func(t *testing.T, more string) {
		text := "REGISTER sip:hq SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.1:5060;branch=z9hG4bK1\r\nFrom: <sip:anna@hq>;tag=1\r\nTo: <sip:anna@hq>\r\n" +
			"Call-ID: one\r\nCSeq: 1 REGISTER\r\n" + more + "\r\n\r\n"
		msg, err := gosip.NewParser().ParseSIP([]byte(text))
		req, ok := msg.(*gosip.Request)
		if err != nil || !ok || req.To() == nil || req.CallID() == nil || req.CSeq() == nil {
			return
		}
		r := New(own, prometheus.NewRegistry())
		res, _ := r.Register(t.Context(), &front.Request{Request: req, Person: "anna", Transport: "UDP"})
		if n := len(r.Bindings("anna")); n > maxOf || n > 0 && res.StatusCode != 200 {
			t.Errorf("%d phones and %s", n, res.StartLine())
		}
	})
}

// Whose secret is another one has no phones until they register with it.
func TestForget(t *testing.T) {
	s := newSite(t)
	s.register("Contact: <sip:a@10.0.0.1>")
	s.send("ben", "sip:ben@hq", "Call-ID: two\r\nCSeq: 1 REGISTER", "Contact: <sip:b@10.0.0.2>")
	s.Forget("anna")
	s.Forget("nobody")
	if n := len(s.Bindings("anna")); n != 0 || len(s.Bindings("ben")) != 1 || s.size() != 1 {
		t.Errorf("anna has %d phones, and all have %d", n, s.size())
	}
	s.register("Contact: <sip:a@10.0.0.1>")
	if len(s.Bindings("anna")) != 1 || s.size() != 2 {
		t.Errorf("all have %d phones", s.size())
	}
}
