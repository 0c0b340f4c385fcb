package front

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/icholy/digest"

	secrets "supervisiond/sip/digest"
)

// offered is a gate with a clock, at which a phone that calls itself anna knocks.
type offered struct {
	*gate
	t    *testing.T
	now  time.Time
	desk *desk
}

func newOffered(t *testing.T) *offered {
	o := &offered{gate: newTestGate(), t: t, now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC), desk: &desk{t: t}}
	o.gate.now = func() time.Time { return o.now }
	o.realm.SetUsers(map[string]secrets.User{"anna": secrets.UserOf("anna", "hq", "secret", "", "")})
	return o
}

// knocks sends a request from an address and wants those algorithms offered; it gives the first challenge.
func (o *offered) knocks(from, want string, more ...string) *digest.Challenge {
	o.t.Helper()
	v := o.judge([]byte(o.desk.request("SUBSCRIBE", "sales", fmt.Sprint(o.now.Unix()), more...)), source(from))
	var all []string
	var first *digest.Challenge
	for line := range strings.SplitSeq(string(v.answer), "\r\n") {
		value, ok := strings.CutPrefix(line, "WWW-Authenticate: ")
		if !ok {
			continue
		}
		c, err := digest.ParseChallenge(value)
		if err != nil {
			o.t.Fatal(err)
		}
		all = append(all, c.Algorithm)
		if first == nil {
			first = c
		}
	}
	if got := strings.Join(all, " "); got != want {
		o.t.Fatalf("offered is %q, want %q", got, want)
	}
	return first
}

func (o *offered) comesIn(from string, c *digest.Challenge) {
	o.t.Helper()
	o.desk.nonce, o.desk.count = c, 0
	if v := o.judge([]byte(o.desk.request("SUBSCRIBE", "sales", "in")), source(from)); !v.pass {
		o.t.Fatalf("not let in: %s", v.answer)
	}
	o.desk.nonce = nil
}

func source(from string) origin { return origin{from: netip.MustParseAddrPort(from)} }

const (
	bothAlgorithms = "MD5 SHA-256"
	here, there    = "192.0.2.1:5060", "198.51.100.1:5060"
)

func TestWhoGivesUpIsOfferedMD5Alone(t *testing.T) {
	o := newOffered(t)
	o.knocks(here, bothAlgorithms)
	o.knocks(here, bothAlgorithms) // at once: another lamp key
	o.now = o.now.Add(time.Minute)
	o.knocks(there, bothAlgorithms) // is somebody else
	// Its next connection has another port.
	o.comesIn(here, o.knocks("192.0.2.1:5062", "MD5"))
	stale := o.knocks(here, "MD5")
	o.now = o.now.Add(secrets.Lifetime + time.Second)
	o.desk.nonce = stale
	o.comesIn(here, o.knocks(here, "MD5")) // with a nonce that is too old
	o.knocks(here, "MD5")
}

func TestWhoMakesASecretOfItIsOfferedBothAgain(t *testing.T) {
	o := newOffered(t)
	for range 3 {
		o.comesIn(here, o.knocks(here, bothAlgorithms))
		if n := o.offers.len(); n != 0 {
			t.Fatalf("%d offers are remembered of who is in", n)
		}
		o.now = o.now.Add(time.Minute)
	}
}

func TestPhonesKnownToGiveUp(t *testing.T) {
	for agent, want := range map[string]string{
		"baresip v1.0.0 (x86_64/linux)": "MD5", "baresip v0.6.6 (arm/linux)": "MD5", "baresip v2.11.0": "MD5",
		"baresip v3.2.0": "MD5", "baresip v3.11.0": "MD5", "baresip v3.12.0": bothAlgorithms, "baresip v3.16.0 (x86_64/Linux)": bothAlgorithms,
		"baresip v4.1.0": bothAlgorithms, "baresip v10.0.0": bothAlgorithms, "": bothAlgorithms,
	} {
		newOffered(t).knocks(here, want, "User-Agent: "+agent)
	}
}

func TestNobodyIsOfferedLessThanTheirSecret(t *testing.T) {
	o := newOffered(t)
	sha := secrets.UserOf("anna", "hq", "secret", "", "").SHA256
	o.realm.SetUsers(map[string]secrets.User{"anna": {SHA256: sha}})
	o.knocks(here, "SHA-256", "User-Agent: baresip v1.0.0")
	for range 3 {
		o.knocks(here, "SHA-256")
		o.now = o.now.Add(time.Minute)
	}
}

func TestOffersAreBounded(t *testing.T) {
	o := newOffers()
	for i := range maxOffers + 10 {
		o.onlyMD5(&message{}, fmt.Sprint(i), netip.MustParseAddr("192.0.2.1"), false, time.Time{})
	}
	if n := o.len(); n != maxOffers {
		t.Errorf("%d are remembered", n)
	}
}
