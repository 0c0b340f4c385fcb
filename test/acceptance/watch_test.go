package acceptance

import (
	"regexp"
	"strings"
	"testing"

	"supervisiond/test/ports"
	"supervisiond/test/softphone"
)

// watchAs starts `supervisiond watch` as a person, by a user who may act as that person.
func (s *site) watchAs(person, user string, columns, rows uint16) *terminal {
	s.t.Helper()
	return startTerminal(s.t, columns, rows, []string{"SUPERVISIOND_NATS_PASSWORD=crm-secret"},
		"watch", "--config", s.config, "--as", person, "--user", user)
}

// A supervisor at a terminal: a call rings and is seen with its age, and is picked up by a key; joining and leaving by
// keys; a refusal in words.
func TestWatch(t *testing.T) {
	t.Parallel()
	o := withCommanders(t, func(yaml string) string {
		yaml = strings.Replace(yaml, "acts_as: [ben]", "acts_as: [ben, anna]", 1)
		yaml = strings.Replace(yaml, "endpoints: [PJSIP/101, PJSIP/101-home]",
			"endpoints: [{endpoint: PJSIP/101, default: true, auto_answer: yealink}]", 1)
		return fixedPorts(strings.Replace(yaml, "type: mutual_aid", "type: mutual_aid\n    lock_last: person", 1) + "\npickup: {timeout: 6s}\n")
	})
	all := newSite(t, o)
	anna := all.phone("101", func(o *softphone.Options) { o.Behaviour = softphone.AutoAnswer() })
	ben, fatma := all.phone("102"), all.phone("106")
	term := all.watchAs("anna", "phonebook", 80, 24)
	// Nobody is told what emil may see: his program asks again and again.
	emil := all.watchAs("emil", "crm", 60, 20)
	emil.sees(`Emil Novak \(105\) +live `, `RINGING +nothing`)
	term.sees(`Anna Berger \(101\) +live `, `RINGING +nothing`, `online .* Ben Okafor +102 +in`, `offline .* Carla Diaz +103 +in +! not connected`)

	t.Run("a call rings with its age, and is picked up", func(t *testing.T) {
		s := all.in(t)
		term.t = t
		caller := s.dial(fatma, "102")
		member := s.rings(ben)
		term.sees(`RINGING +1`, `0:0\d +Fatma Aydin 106 +→ Ben Okafor +Vertrieb`, `◆ ringing .* Ben Okafor`)
		term.sees(`0:02 +Fatma Aydin`) // it goes on
		emil.sees(`RINGING +1`, `0:0\d +Fatma Aydin`)
		term.press("p")
		picker := s.rings(anna)
		term.sees(`You have the call, for Ben Okafor`, `over +Fatma Aydin 106 +→ you picked up for Ben Okafor`)
		s.talk(caller, picker)
		s.ended(member)
		term.sees(`RINGING +nothing`, `You +■ busy`)
		emil.sees(`RINGING +nothing`)
		term.seesNo(`over +Fatma`)
		s.must("hang up", caller.Hangup(s.ctx()))
		s.ended(picker)
		s.quiet()
	})
	t.Run("leaving, joining, and a refusal", func(t *testing.T) {
		s := all.in(t)
		term.t = t
		mark := s.watch.mark()
		term.press("l")
		term.sees(`You are logged out of Vertrieb`, `you are OUT`)
		emil.sees(`supervised by Anna Berger \(out\)`)
		s.login(mark, "group.left", "anna", "anna", false)
		mark = s.watch.mark()
		term.press("j")
		term.sees(`You are logged in to Vertrieb`, `you are in`)
		s.login(mark, "group.joined", "anna", "anna", false)
		s.done("ben", "group.leave", `{"group":"sales"}`, true)
		term.sees(`OUT`)
		term.press("l")
		term.sees(`Not logged out \(last_member\): group Vertrieb would`)
		s.done("ben", "group.join", `{"group":"sales"}`, true)
	})
	t.Run("what nobody may do", func(t *testing.T) {
		term.t = t
		term.press("p")
		term.sees(`Nothing rings`)
	})
	t.Run("help, filter, another size", func(t *testing.T) {
		term.t = t
		term.press("?")
		term.sees(`Any key goes back`)
		term.press("x/dora")
		term.sees(`^/dora_`)
		term.seesNo(`Carla`)
		term.press("\x1b")
		term.sees(`Carla`)
		term.resize(120, 40)
		term.sees(`live  \d\d:\d\d:\d\d$`, `Carla`)
		term.until("a line of 120", func(screen string) bool { return len([]rune(strings.SplitN(screen, "\n", 2)[0])) == 120 })
		term.resize(80, 24)
	})
	t.Run("it ends", func(t *testing.T) {
		term.t = t
		term.press("q")
		if code := term.ends(); code != 0 {
			t.Errorf("exit code %d", code)
		}
	})
}

// What only shows is not told by colour alone, and without it nothing is missing.
func TestWatchEverything(t *testing.T) {
	t.Parallel()
	all := newSite(t, options{configure: fixedPorts})
	ben, fatma := all.phone("102"), all.phone("106")
	args := []string{"watch", "--config", all.config}
	term := startTerminal(t, 80, 24, []string{"NO_COLOR=1"}, args...)
	term.sees(`only watching +live`, `Empfang \(2\) +UNSTAFFED`, `Vertrieb \(1\)`)
	caller := all.dial(fatma, "102")
	member := all.rings(ben)
	term.sees(`RINGING +1`, `0:0\d +Fatma Aydin 106 +→ Ben Okafor +Vertrieb`)
	once := supervisiond(t, args...)
	if !strings.Contains(once, "RINGING  1\n") || !strings.Contains(once, "Fatma Aydin 106") || strings.Contains(once, "\x1b") {
		t.Errorf("printed once:\n%s", once)
	}
	term.press("p")
	term.sees(`Only watching: begin with --as PERSON`)

	// The daemon, and with it NATS, goes; meanwhile the call ends. Nothing is shown as if it were so.
	all.daemon.stop(killed)
	term.sees(`NOT LIVE`, `NATS is away, trying again`)
	all.must("hang up", caller.Hangup(all.ctx()))
	all.ended(member)
	all.start()
	term.sees(`live `, `RINGING +nothing`)
	again := all.dial(fatma, "102")
	all.rings(ben)
	term.sees(`RINGING +1`)
	all.must("hang up", again.Hangup(all.ctx()))
	term.sees(`over .* the caller hung up`)

	term.mu.Lock()
	raw := term.raw.String()
	term.mu.Unlock()
	if colour.MatchString(raw) {
		t.Errorf("it has colours, for all that NO_COLOR says")
	}
	term.press("\x03")
	if code := term.ends(); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

// NATS goes and comes back with nothing in it, while a call ends and another begins: the first rings no more, the other one
// does. It logs in as the daemon does, for the configuration says no other way.
func TestWatchWhileNATSRestarts(t *testing.T) {
	t.Parallel()
	port := ports.Take(t)
	nc := startNATS(t, port)
	s := newSite(t, withNATS(port, func(yaml string) string { return yaml }))
	ben, carla, fatma, georg := s.phone("102"), s.phone("103"), s.phone("106"), s.phone("107")
	term := startTerminal(t, 100, 30, nil, "watch", "--config", s.config)
	term.sees(`live `, `RINGING +nothing`)
	first := s.dial(fatma, "102")
	member := s.rings(ben)
	term.sees(`0:0\d +Fatma Aydin 106 +→ Ben Okafor`)

	nc.Shutdown()
	nc.WaitForShutdown()
	term.sees(`NOT LIVE`, `NATS is away, trying again.*; below is how it was at`)
	s.must("hang up", first.Hangup(s.ctx()))
	s.ended(member)
	second := s.dial(georg, "103")
	s.rings(carla)
	startNATS(t, port)
	term.sees(`live `, `RINGING +1`, `0:\d\d +Georg Huber 107 +→ Carla Diaz +Vertrieb`)
	if screen := term.screen(); regexp.MustCompile(`\d:\d\d +Fatma`).MatchString(screen) {
		t.Errorf("a call that is over is shown as if it rang:\n%s", screen)
	}
	s.must("hang up", second.Hangup(s.ctx()))
	term.sees(`RINGING +nothing`)

	// The daemon goes, and NATS stays: after a while nobody vouches for anything.
	s.daemon.stop(killed)
	term.sees(`UNKNOWN`, `No daemon has looked after the state since \d\d:\d\d:\d\d: is supervisiond running\?`)
	term.seesNo(`Ben Okafor`)
	s.start()
	term.sees(`live `, `Ben Okafor`)
}

// colour is a command to a terminal that gives colour to what follows (ECMA-48 8.3.117).
var colour = regexp.MustCompile("\x1b\\[(?:[0-9;:]*[;:])?(?:3[0-8]|4[0-8]|9[0-7]|10[0-7])[;:m]")
