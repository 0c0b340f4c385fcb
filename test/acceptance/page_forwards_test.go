package acceptance

import (
	"strings"
	"testing"

	"supervisiond/test/chrome"
)

// A forward has its number and whose line that is, where it ends if that is elsewhere, and since when it is known; a loop is said to be
// one, and of what a phone does by itself when it was seen and that it can be cancelled only there (F1 to F3, F5). Names are those of
// the configuration, also after a change of it.
func TestPageForwardsToTheEnd(t *testing.T) {
	t.Parallel()
	s := pageSite(t, func(yaml string) string {
		return strings.Replace(yaml, "admin: true}, emil]", "admin: true}, {person: emil, admin: true}]", 1) + "\nforwarding: {poll: 1s}\n"
	})
	ben, dora, fatma := s.phone("102"), s.phone("104"), s.phone("106")
	s.storeIsRead()
	p, bens := s.page("anna", chrome.Options{Width: 360, Height: 740, Dark: true}), s.page("ben", chrome.Options{Language: "de"})
	p.Await("listitem", "Emil Novak", "administrator")

	s.database("put CF 103 105")
	s.database("put CF 102 103")
	card(p, "ben").Reads("All calls to 103 (Carla Diaz), ends at 105 (Emil Novak) for < 1 min")
	card(p, "carla").Reads("All calls to 105 (Emil Novak) for < 1 min")
	bens.Reads("Alle Anrufe an 103 (Carla Diaz), endet bei 105 (Emil Novak) seit < 1 Min.")
	usable(t, p, "forwards, narrow and dark")
	s.database("put CF 103 0170555") // nobody's here
	card(p, "ben").Reads("All calls to 103 (Carla Diaz), ends at 0170555 for < 1 min")
	s.change(func(yaml string) string {
		return strings.Replace(yaml, "name: Carla Diaz", "name: Carla Maria Diaz", 1)
	})
	card(p, "ben").Reads("All calls to 103 (Carla Maria Diaz), ends at 0170555")
	s.database("put CF 103 102")
	card(p, "ben").Reads("All calls to 103 (Carla Maria Diaz), goes round in a loop")
	card(p, "carla").Reads("All calls to 102 (Ben Okafor), goes round in a loop")
	s.database("del CF 102")
	s.database("del CF 103")
	card(p, "ben").ReadsNot("All calls")
	card(p, "carla").ReadsNot("All calls")

	caller := s.dial(fatma, "102")
	s.must("redirect", s.rings(ben).Redirect("104"))
	s.rings(dora)
	card(p, "ben").Reads("The phone itself forwards to 104 (Dora Lind) seen < 1 min ago")
	card(p, "ben").Reads("Can be cancelled only on the phone itself")
	nothing(t, p, "a button that would be refused", `[data-testid=cancel-forward]`)
	s.must("hang up", caller.Hangup(s.ctx()))
	s.quiet()
	caller = s.dial(fatma, "102")
	s.rings(ben)
	card(p, "ben").ReadsNot("The phone itself forwards")
	s.must("hang up", caller.Hangup(s.ctx()))
	s.quiet()
}
