package acceptance

import (
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

// What takes part has a network of its own for each part of the test: a limit that was reached concerns no other.
const (
	eventServer = "192.0.2.10"
	flooding    = "198.51.100."
	guessing    = "203.0.113."
	elsewhere   = "198.18.%d.1"
)

// TestSIPLimits shows what docs/sip.md says of how much is answered: to an address, to a network, for a name and to a person; and that
// whoever is beside that is served as if nothing was. A source on the daemon's own machine has no limit, so this needs others.
func TestSIPLimits(t *testing.T) {
	t.Parallel()
	addresses := []string{eventServer + "/24"}
	for i := range 8 {
		addresses = append(addresses, fmt.Sprintf(flooding+"%d/24", i+1), fmt.Sprintf(guessing+"%d/24", i+1), fmt.Sprintf(elsewhere+"/24", i+1))
	}
	if !ownNetwork(t, addresses...) {
		return
	}
	s := lonelySite(t, func(yaml string) string {
		return strings.NewReplacer("udp://127.0.0.1", "udp://"+eventServer, "tcp://127.0.0.1", "tcp://"+eventServer).Replace(yaml)
	})
	beside := s.source(fmt.Sprintf(elsewhere, 1), "anna", "sip-anna")
	t.Run("strangers", func(t *testing.T) { testStrangers(s.in(t), beside) })
	t.Run("guessing", func(t *testing.T) { testGuessing(s.in(t), beside) })
	t.Run("one person", func(t *testing.T) { testOnePerson(s.in(t), beside) })
	t.Run("connections", func(t *testing.T) { testConnectionsOfOneNetwork(s.in(t)) })
}

func (s *site) notAnswered(reason string) int {
	return int(s.amount(`supervisiond_sip_refused_total{reason="` + reason + `"}`))
}

// allowed says whether so many answers are what a limit gives that has so many at once, and so many a second.
func (s *site) allowed(what string, n, burst, rate int, began time.Time) {
	s.t.Helper()
	if most := burst + int(float64(rate)*time.Since(began).Seconds()) + 1; n < burst || n > most {
		s.t.Errorf("%s has %d answers, want %d to %d", what, n, burst, most)
	}
}

// inTurn has sources send so many requests each, few at a time so that none is lost in the system, and others ask between them.
func inTurn(many int, of []*source, others ...*source) {
	const few = 50
	for range many / few {
		for _, x := range of {
			for range few {
				x.send()
			}
			for _, other := range others {
				other.served()
			}
		}
	}
}

// An address may have 500 answers at once and 200 a second, its network 1,000 and 400. Who has a secret, there or elsewhere, is let in.
func testStrangers(s *site, beside *source) {
	const many = 3_000
	silenced := func() int { return int(s.amount("supervisiond_sip_silenced_total")) }
	insider := s.source(flooding+"8", "carla", "sip-carla")
	before, began := silenced(), time.Now()
	beside.served()
	insider.served()
	first := s.source(flooding+"1", "nobody", "")
	inTurn(many, []*source{first}, beside, insider)
	n := s.settled(func() int { return many - (silenced() - before) }, first)
	s.allowed("an address", n, 500, 200, began)
	if n == many {
		s.t.Fatal("the machine is too slow to reach the limit")
	}
	// What is left of its network's is for its neighbours.
	neighbour := s.source(flooding+"2", "nobody", "")
	if status := neighbour.asks(patience); status != "401" {
		s.t.Errorf("a neighbour of an address that asks too often is answered %q", status)
	}
	neighbours := []*source{s.source(flooding+"3", "nobody", ""), s.source(flooding+"4", "nobody", "")}
	inTurn(many, neighbours, beside, insider)
	m := s.settled(func() int { return 3*many - n - (silenced() - before) }, neighbours...)
	s.allowed("a network", n+m+2, 1_000, 400, began) // one is carla's first answer, one the neighbour's
	first.answeredAgain()
}

// answeredAgain expects that a limit which was reached is over soon.
func (x *source) answeredAgain() {
	x.s.t.Helper()
	for end := time.Now().Add(patience); x.asks(100*time.Millisecond) == ""; {
		if time.Now().After(end) {
			x.s.t.Fatalf("%s at %s has asked too often, and is never answered again", x.user, x.c.LocalAddr())
		}
	}
}

// Of ten wrong secrets for a name from an address, and 200 from its network, no more are looked at than one in 6 s, and two a second.
// That is nobody else's affair, and not the person's from elsewhere.
func testGuessing(s *site, beside *source) {
	wrong := func() int { return s.notAnswered("wrong") }
	before, began := wrong(), time.Now()
	guesser := s.source(guessing+"1", "ben", "guess")
	guesser.asks(patience) // for a challenge
	inTurn(50, []*source{guesser}, beside, s.source(guessing+"1", "carla", "sip-carla"), s.source(guessing+"2", "ben", "sip-ben"))
	if n := wrong() - before; n < 10 || n > 11+int(time.Since(began)/(6*time.Second)) {
		s.t.Errorf("%d wrong secrets for one name were looked at", n)
	}
	far := s.source(fmt.Sprintf(elsewhere, 2), "ben", "sip-ben")
	for i := range 10 { // names
		x := s.source(guessing+"3", fmt.Sprintf("stranger%d", i), "guess")
		y := s.source(guessing+"4", fmt.Sprintf("stranger%d", i), "guess")
		x.asks(patience)
		y.asks(patience)
		inTurn(50, []*source{x, y}, beside, far)
	}
	if n := wrong() - before; n < 200 {
		s.t.Errorf("%d wrong secrets from one network were looked at", n)
	}
	s.allowed("a network's guesses", wrong()-before, 200, 2, began)
	guesser.password = "sip-ben"
	guesser.answeredAgain()
}

// Somebody may send 2,000 requests at once and 100 a second, from wherever. Others are served, also from there.
func testOnePerson(s *site, beside *source) {
	const many = 1_500
	tooMany := func() int { return s.notAnswered("too_many") }
	before, began := tooMany(), time.Now()
	var hers []*source
	for i := range 3 {
		x := s.source(fmt.Sprintf(elsewhere, 3+i), "fatma", "sip-fatma")
		x.served()
		hers = append(hers, x)
	}
	inTurn(many, hers, beside, s.source(fmt.Sprintf(elsewhere, 3), "ben", "sip-ben"))
	n := s.settled(func() int { return len(hers)*many - (tooMany() - before) }, hers...)
	s.allowed("a person", n+len(hers), 2_000, 100, began)
	if n == len(hers)*many {
		s.t.Fatal("the machine is too slow to reach the limit")
	}
	for _, x := range hers {
		if x.answers["200"] == 0 || len(x.answers) > 1 {
			s.t.Errorf("from %s there are %v", x.c.LocalAddr(), x.answers)
		}
		x.answeredAgain()
	}
}

// There may be 256 connections from a network; one more is closed, and others are not.
func testConnectionsOfOneNetwork(s *site) {
	dial := func() net.Conn {
		s.t.Helper()
		d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(flooding + "5")}}
		c, err := d.DialContext(s.ctx(), "tcp", s.sipAddr("tcp"))
		s.must("connect", err)
		s.t.Cleanup(func() { _ = c.Close() })
		s.must("deadline", c.SetDeadline(time.Now().Add(patience)))
		return c
	}
	var all []net.Conn
	for range 256 {
		all = append(all, dial())
	}
	if _, err := dial().Read(make([]byte, 1)); err != io.EOF { //nolint:errorlint // as Read gives it
		s.t.Errorf("the 257th connection: %v", err)
	}
	if n := s.notAnswered("crowded"); n != 1 {
		s.t.Errorf("%d connections were too many", n)
	}
	if m := s.sipPhone("anna", "tcp", nil); m.ask(m.dialog("101"), "OPTIONS", "").status() != "200" {
		s.t.Error("another network's connection is not served")
	}
	// One that ends makes room. A ping shows who is there (RFC 5626, 4.4.1).
	must(s.t, all[0].Close())
	for end := time.Now().Add(patience); ; {
		c := dial()
		_, _ = io.WriteString(c, "\r\n\r\n")
		if _, err := c.Read(make([]byte, 2)); err == nil {
			break
		}
		if time.Now().After(end) {
			s.t.Fatal("there is never room again")
		}
	}
	_, err := io.WriteString(all[255], "\r\n\r\n")
	s.must("ping", err)
	_, err = all[255].Read(make([]byte, 2))
	s.must("pong", err)
}
