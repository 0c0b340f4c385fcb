package front

import (
	"strings"
	"testing"

	gosip "github.com/emiago/sipgo/sip"
)

func TestCallsAreSentToThePBX(t *testing.T) {
	f, err := newTestFront(Listener{"udp", "127.0.0.1:0"}, Listener{"tcp", "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	var pbx gosip.Uri
	if err := gosip.ParseUri("sip:192.0.2.9:5062;transport=tcp", &pbx); err != nil {
		t.Fatal(err)
	}
	f.Handle("INVITE", Redirect(pbx, func(user string) (string, bool) {
		number, known := map[string]string{"anna": "101", "sales": "*221", "unnumbered": ""}[user]
		return number, known
	}))
	f.Handle("OPTIONS", f.Options([]string{"application/pidf+xml"}, []string{"dialog", "presence"}))
	serve(t, f)
	d := newDesk(t, f.Addrs()[0]).challenged()
	for user, want := range map[string]string{
		"*20101": "*20101", "+4930555": "+4930555", "anna": "101", "sales": "*221", "%61nna": "101", "%2331": "%2331",
		"%00%ff%22": "%00%FF%22", "700;phone-context=x": "700;phone-context=x",
	} {
		branch := strings.NewReplacer("%", "p", "#", "h").Replace(user)
		answer := d.want(d.request("INVITE", user, branch), "302 Moved Temporarily")
		if got, _ := header(answer, "Contact"); got != "<sip:"+want+"@192.0.2.9:5062;transport=tcp>" {
			t.Errorf("%s is sent to %s", user, got)
		}
		nonce := d.nonce
		d.nonce = nil
		d.send(d.request("ACK", user, branch))
		d.nonce = nonce
	}
	d.want(d.request("INVITE", "unnumbered", "u"), "404 Not Found")
	// What it was sent away with comes back from who sends everything here.
	back := strings.Replace(d.request("INVITE", "102", "back"), "sip:102@hq SIP/2.0", "sip:102@192.0.2.9:5062 SIP/2.0", 1)
	d.want(back, "404 Not Here But at the PBX")
	inDialog := strings.Replace(d.request("INVITE", "101", "late"), "@hq>\r\ni:", "@hq>;tag=x\r\ni:", 1)
	if answer := d.want(inDialog, "481 Call/Transaction Does Not Exist"); strings.Contains(answer, "Contact") {
		t.Error(answer)
	}

	w := ask(t, phone(t), optionsTo(f.Addrs()[1], t), "anna", "secret")
	for name, want := range map[string]string{
		"Allow": "ACK, CANCEL, INVITE, OPTIONS, SUBSCRIBE", "Accept": "application/pidf+xml", "Supported": "eventlist, path",
		"Allow-Events": "dialog, presence",
	} {
		if h := w.GetHeader(name); h == nil || h.Value() != want {
			t.Errorf("OPTIONS says %v, want %s: %s", h, name, want)
		}
	}
}

func optionsTo(to Listener, t testing.TB) *gosip.Request {
	req := subscribe(to, t)
	req.Method = gosip.OPTIONS
	return req
}
