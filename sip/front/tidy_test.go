package front

import (
	"strings"
	"testing"
)

// RFC 3261, 7.3.1 and 25.1: lines that go on, and white space where it means nothing.
func TestTidy(t *testing.T) {
	for _, c := range []struct{ header, tidy string }{
		{"To :\r\n sip:ben@hq ;   tag    = 19", "To:sip:ben@hq;tag=19"},
		{"from   : \"J  \\\\\\\"; = \"\t  <sip:j ; @hq>\r\n  ;\r\n\ttag = 98", "from:\"J  \\\\\\\"; = \" <sip:j ; @hq>;tag=98"},
		{"f: caller<sip:c@hq>", "f:caller<sip:c@hq>"},
		{"m: First  Second <sip:a@hq> ; q = 0.3 , <sip:b@hq>", "m:First Second <sip:a@hq>;q=0.3,<sip:b@hq>"},
		{"Via  : SIP  /   2.0\r\n /UDP\r\n    192.0.2.2 : 5060 ; branch=\r\n x ,\r\n SIP/2.0/TCP   a.example", "Via:SIP/2.0/UDP 192.0.2.2:5060;branch=x,SIP/2.0/TCP a.example"},
		{"v: SIP/2.0/UDP [2001:db8::1]:5060;branch=x", "v:SIP/2.0/UDP [2001:db8::1]:5060;branch=x"},
		{"cseq: 0009\r\n\t INVITE", "cseq:0009 INVITE"},
		{"Subject :\r\n ", "Subject:"},
		{"X-Other:  a ; b\r\n  = c", "X-Other:a ; b = c"},
	} {
		m := scan([]byte("OPTIONS sip:hq SIP/2.0\r\n" + c.header + "\r\nL : 2\r\n\r\nbody"))
		if got, want := string(m.bytes()), "OPTIONS sip:hq SIP/2.0\r\n"+c.tidy+"\r\nL:2\r\n\r\nbo"; m.flaw != "" || got != want {
			t.Errorf("%q becomes %q (%s), want %q", c.header, got, m.flaw, want)
		}
	}
}

// A phone that folds its headers comes in over all transports.
func TestFoldedHeaders(t *testing.T) {
	f := begin(t, Listener{"tcp", "127.0.0.1:0"}, Listener{"udp", "127.0.0.1:0"})
	d := newDesk(t, f.Addrs()[1]).challenged()
	fold := func(text string) string {
		return strings.NewReplacer(";branch=", "\r\n ;\tbranch =\r\n ", "f: ", "From\t:\r\n  ", ">;tag=1", "> ;\r\n tag = 1", "CSeq: 1 ", "CSeq: 001\r\n\t", "o: dialog",
			"o :\r\n dialog", "username=", "\r\n username=", " nonce=", "\r\n\tnonce=").Replace(text)
	}
	if a := d.say(fold(d.request("SUBSCRIBE", "sales", "folded"))); !strings.HasPrefix(a, "SIP/2.0 200 anna dialog\r\n") || !strings.Contains(a, "branch=z9hG4bKfolded") {
		t.Errorf("a datagram: %q", a)
	}
	w := dial(t, f)
	w.send(fold(d.request("SUBSCRIBE", "sales", "folded2")))
	if a := w.answer(); !strings.HasPrefix(a, "SIP/2.0 200 anna dialog\r\n") {
		t.Errorf("on a connection: %q", a)
	}
}
