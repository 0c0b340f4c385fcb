package acceptance

import (
	"fmt"
	"net"
	"os/exec"
	"strings"
	"testing"
	"time"

	"supervisiond/test/lab"
	"supervisiond/test/softphone"
)

// Phones that know one proxy only: through it they register, call, watch lamps and pick up. The proxy is Debian's Kamailio with
// the configuration of the documentation, unchanged but for its addresses.

// pathConfig lets Asterisk reach phones by the way they registered, as docs/phones-one-proxy.md has it.
func pathConfig() string {
	var b strings.Builder
	for user := range personOf {
		fmt.Fprintf(&b, "[%s](+type=aor)\nsupport_path = yes\n", user)
	}
	return b.String()
}

// phoneSecrets gives people the secrets of their phones: a phone with one account has one password.
func phoneSecrets(yaml string) string {
	for user, person := range personOf {
		if strings.Contains(user, "-") {
			continue
		}
		entry := "endpoints: [PJSIP/" + user
		secret := fmt.Sprintf(`sip: {username: "%s", password: %s}, `, user, lab.Password(user))
		if !strings.Contains(yaml, entry) {
			panic("no phone of " + person)
		}
		yaml = strings.Replace(yaml, entry, secret+entry, 1)
	}
	return yaml
}

// withEvents has the event server for phones listen at an address.
func withEvents(address string) func(yaml string) string {
	return func(yaml string) string {
		return phoneSecrets(yaml) + fmt.Sprintf("sip: {listen: [\"udp://%[1]s\", \"tcp://%[1]s\"]}\n", address)
	}
}

func TestOneProxy(t *testing.T) {
	t.Parallel()
	host := ownAddress(t)
	events := host + ":5070"
	s := newSite(t, options{lab: lab.Options{ExtraPJSIP: pathConfig()}, configure: withEvents(events)})
	proxy := startKamailio(t, host, s.pbx.SIPAddr(), events)
	through := func(o *softphone.Options) { o.Server = proxy.Addr }
	// Whoever comes over TCP from the PBX's own address is taken for the PBX.
	overTCP := func(o *softphone.Options) { o.Transport, o.Host = "tcp", "127.0.0.2" }
	anna, ben, fatma := s.phone("101", through), s.phone("102", through, overTCP), s.phone("106", through)
	// A phone behind a router says that it is where nobody is.
	emil := s.phone("105", through, func(o *softphone.Options) { o.Behind = "127.255.255.254:9" })

	t.Run("a lamp of a person, from the event server", func(t *testing.T) {
		s := s.in(t)
		lamp, group := s.lamp(anna, "102"), s.lamp(anna, "*221")
		s.shows(lamp, softphone.LampOff)
		s.shows(group, softphone.LampOff)
		caller := s.dial(fatma, "102")
		s.rings(ben)
		s.shows(lamp, softphone.LampBlinks)
		s.shows(group, softphone.LampBlinks)
		list := lamp.Notices()
		last := list[len(list)-1]
		if !strings.Contains(last.Body, "sip:106@") || !strings.Contains(last.Body, "Fatma Aydin") {
			t.Errorf("the lamp does not say who calls:\n%s", last.Body)
		}
		if last.Source != proxy.Addr {
			t.Errorf("the lamp was told by %s, not by the proxy %s", last.Source, proxy.Addr)
		}
		picker := s.dial(anna, "*20102")
		s.talk(caller, picker)
		s.shows(lamp, softphone.LampOff)
		s.must("hang up", picker.Hangup(s.ctx()))
		s.ended(caller)
		s.quiet()
		s.must("forget the lamp", lamp.Unsubscribe(s.ctx()))
	})
	t.Run("a phone behind a router", func(t *testing.T) {
		s := s.in(t)
		lamp := s.lamp(emil, "102")
		s.shows(lamp, softphone.LampOff)
		caller := s.dial(fatma, "105")
		ringing := s.rings(emil)
		s.must("answer", ringing.Answer())
		s.talk(caller, ringing)
		s.must("hang up", caller.Hangup(s.ctx()))
		s.ended(ringing)
		s.quiet()
	})
	t.Run("it relays for nobody", func(t *testing.T) {
		mallory, err := net.ListenPacket("udp4", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = mallory.Close() }()
		to := fmt.Sprintf("To: <sip:x@%s>", proxy.Addr)
		route := fmt.Sprintf("Route: <sip:%s;lr>\r\nRoute: <sip:%s;lr>\r\n", proxy.Addr, mallory.LocalAddr())
		elsewhere := "sip:x@" + mallory.LocalAddr().String()
		for _, c := range []struct{ what, method, uri, headers, want string }{
			{"an address elsewhere", "MESSAGE", elsewhere, to + "\r\n", "SIP/2.0 401"},
			{"a way elsewhere", "MESSAGE", "sip:101@" + proxy.Addr, to + "\r\n" + route, "SIP/2.0 401"},
			{"a dialog elsewhere", "BYE", elsewhere, to + ";tag=x\r\n" + route, "SIP/2.0 403"},
			{"a dialog without a way", "BYE", elsewhere, to + ";tag=x\r\n", "SIP/2.0 404"},
			{"a way within", "BYE", elsewhere, to + ";tag=x\r\nRoute: <sip:" + proxy.Addr + ";lr>\r\n", "SIP/2.0 403"},
		} {
			if answer := proxy.ask(t, c.method, c.uri, c.headers, patience); !strings.HasPrefix(answer, c.want) {
				t.Errorf("%s: %q, not %s", c.what, answer, c.want)
			}
		}
		_ = mallory.SetReadDeadline(time.Now().Add(10 * time.Millisecond)) // what was relayed came before the answers
		var b [4096]byte
		if n, _, err := mallory.ReadFrom(b[:]); err == nil {
			t.Errorf("it was relayed:\n%s", b[:n])
		}
	})
}

// The example is one that Kamailio takes as it is.
func TestProxyConfig(t *testing.T) {
	t.Parallel()
	out, err := exec.CommandContext(t.Context(), kamailioProgram, "-c", "-f", proxyConfig).CombinedOutput()
	if err != nil {
		t.Errorf("%v:\n%s", err, out)
	}
}
