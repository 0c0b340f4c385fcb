package acceptance

import (
	"errors"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
)

// sipRelay stands between the daemon and the PBX's SIP side, and can be cut.
type sipRelay struct {
	front net.PacketConn

	mu     sync.Mutex
	back   net.Conn // nil: cut
	asking net.Addr
	done   sync.WaitGroup
}

// startSIPRelay gives one that leads nowhere yet.
func startSIPRelay(t *testing.T) *sipRelay {
	t.Helper()
	front, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &sipRelay{front: front}
	r.done.Go(r.ask)
	t.Cleanup(func() {
		_ = front.Close()
		r.cut()
		r.done.Wait()
	})
	return r
}

func (r *sipRelay) addr() string { return r.front.LocalAddr().String() }

func (r *sipRelay) ask() {
	buffer := make([]byte, 64<<10)
	for {
		n, from, err := r.front.ReadFrom(buffer)
		if err != nil {
			return
		}
		r.mu.Lock()
		r.asking = from
		if r.back != nil {
			_, _ = r.back.Write(buffer[:n]) // fails while nobody listens there
		}
		r.mu.Unlock()
	}
}

func (r *sipRelay) answer(back net.Conn) {
	buffer := make([]byte, 64<<10)
	for {
		n, err := back.Read(buffer)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		r.mu.Lock()
		if n > 0 && r.back == back {
			_, _ = r.front.WriteTo(buffer[:n], r.asking)
		}
		r.mu.Unlock()
	}
}

func (r *sipRelay) cut() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.back != nil {
		_ = r.back.Close()
		r.back = nil
	}
}

func (r *sipRelay) mend(t *testing.T, to string) {
	t.Helper()
	back, err := net.Dial("udp", to)
	if err != nil {
		t.Fatal(err)
	}
	r.mu.Lock()
	r.back = back
	r.mu.Unlock()
	r.done.Go(func() { r.answer(back) })
}

// The site's document and the metrics say of ARI and of the PBX's SIP side whether each lives, whatever the other does.
func TestSIPOfThePBX(t *testing.T) {
	t.Parallel()
	relay := startSIPRelay(t)
	var ari *cutter
	s := newSite(t, options{
		configure: func(yaml string) string {
			return yaml + "sip: {listen: [\"udp://127.0.0.1:0\"], pbx_uri: \"sip:" + relay.addr() + "\"}\n"
		},
		route: func(url string) string {
			ari = startCutter(t, strings.TrimSuffix(strings.TrimPrefix(url, "http://"), "/ari"))
			return "http://" + ari.addr() + "/ari"
		},
	})
	relay.mend(t, s.pbx.SIPAddr())
	mark := 0
	is := func(what string, connected bool, sip string) {
		t.Helper()
		document(s.watch, mark, "site", what, func(d siteDocument) bool { return d.PBX.Connected == connected && d.PBX.SIP == sip })
		want := map[string]float64{"alive": 1, "silent": 0}[sip]
		if got := s.amount("supervisiond_sip_pbx_alive"); got != want {
			t.Errorf("%s: supervisiond_sip_pbx_alive is %v", what, got)
		}
		mark = s.watch.mark()
	}
	is("both live", true, "alive")
	relay.cut()
	is("ARI lives", true, "silent")
	s.daemon.logged("the PBX does not answer SIP, so phones may not ring; see that it runs, that sip.pbx_uri is its address, and that nothing filters what comes from here")
	relay.mend(t, s.pbx.SIPAddr())
	is("SIP is back", true, "alive")
	ari.cut()
	is("SIP lives", false, "alive")
	ari.mend(strings.TrimSuffix(strings.TrimPrefix(s.pbx.ARIURL(), "http://"), "/ari"))
	is("ARI is back", true, "alive")
	s.pbx.Kill()
	is("neither lives", false, "silent")
	s.must("boot", s.pbx.Boot(s.ctx()))
	is("both are back", true, "alive")
}

// The PBX's log is filled by nobody who asks whether it lives, once pjsip.conf has what docs/sip.md says.
func TestSIPQuestionsInThePBXsLog(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/sip.md")
	if err != nil {
		t.Fatal(err)
	}
	_, endpoint, _ := strings.Cut(string(page), "```ini\n")
	endpoint, _, _ = strings.Cut(endpoint, "```")
	s := newSite(t, options{configure: func(yaml string) string {
		return yaml + "sip: {listen: [\"udp://127.0.0.1:0\"], pbx_uri: \"sip:" + pbxSIP + "\"}\n"
	}})
	const answers, complaint = "supervisiond_sip_pbx_answer_seconds_count", "No matching endpoint found"
	// until waits, asking the daemon for its metrics meanwhile.
	until := func(what string, is func(answers float64) bool) {
		t.Helper()
		ctx := s.ctx()
		for !is(s.amount(answers)) {
			if ctx.Err() != nil {
				t.Fatal(what)
			}
		}
	}
	s.alter("res_pjsip.so", "pjsip.conf", replace("= auth_username,username,ip,anonymous", "= ip,username,anonymous"))
	s.must("restart", s.pbx.Restart(s.ctx())) // it remembers for a while whom it did not know
	until("the PBX does not complain, so the page is wrong", func(float64) bool { return strings.Contains(s.pbx.Log(), complaint) })

	s.alter("res_pjsip.so", "pjsip.conf", func(text string) string { return text + "\n" + endpoint })
	s.must("reload", s.pbx.Reload(s.ctx(), "res_pjsip_endpoint_identifier_ip.so"))
	before, answered := strings.Count(s.pbx.Log(), complaint), s.amount(answers)
	until("the PBX is not asked again", func(n float64) bool { return n > answered })
	if strings.Count(s.pbx.Log(), complaint) != before {
		t.Errorf("the PBX goes on to complain:\n%s", s.pbx.Log())
	}
}
