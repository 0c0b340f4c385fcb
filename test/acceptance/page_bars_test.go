package acceptance

import (
	"strings"
	"testing"

	"supervisiond/test/chrome"
)

// No button is offered that would be refused: who may not leave, and the last one of a role, read so beforehand, they themselves beside
// their switch and the administrators in the menu, by keyboard and with a screen reader too; and they are free as soon as another is
// there (G5, G6, G8). Ben supervises nobody, and does not see who else has which role.
func TestPageBars(t *testing.T) {
	t.Parallel()
	const last, always = "Cannot leave: nobody in this role who is logged in and connected would remain.",
		"Always logged in, as the administrator has set it."
	s := pageSite(t, twoGroups, func(yaml string) string {
		yaml = strings.Replace(yaml, "members: [ben, carla, dora]", "members: [ben, carla, {person: dora, may_leave: false}]", 1)
		return strings.Replace(yaml, "lock_last: person", "lock_last: role", 1)
	})
	s.phone("101")
	s.phone("102")
	annas, bens := s.page("anna", chrome.Options{}), s.page("ben", chrome.Options{Width: 360, Height: 640, Dark: true})
	barred := func(what, person, why string) {
		t.Helper()
		annas.Find(`[data-group=sales] [data-person=` + person + `] [data-testid=actions]`).Click()
		if item := annas.Await("menuitem", "Log out of Vertrieb"); item.States["disabled"] != "true" || !strings.Contains(item.Name, why) {
			t.Errorf("%s: the menu says %q, %v", what, item.Name, item.States)
		}
	}

	// The last member with a phone, by the switch and by an administrator.
	bens.Reads(last)
	locked := bens.Await("switch", "Vertrieb")
	if locked.States["disabled"] != "true" || !strings.Contains(locked.Description, last) {
		t.Errorf("the switch says %v, %q", locked.States, locked.Description)
	}
	usable(t, bens, "a lock, narrow and dark")
	locked.Click()
	bens.Press(" ") // it has the focus, for its reason is read with it
	barred("the last member", "ben", last)
	usable(t, annas, "a menu with what may not be")
	for _, item := range []string{"set-forward", "barred"} { // the keys do not pass it over
		annas.Press(chrome.Down)
		annas.AwaitTrue(`document.activeElement?.dataset.testid === "` + item + `"`)
	}
	annas.Press(chrome.Enter)
	annas.AwaitElement(`[data-testid="barred"]`)
	nothing(t, annas, "a question about what may not be", `[role=alertdialog]`)

	// Another is there: both are free at once, with the menu still open; and barred again when that one goes.
	s.phone("103")
	bens.ReadsNot(last)
	annas.AwaitElement(`[data-testid="force-out"]`)
	nothing(t, bens, "something was asked for", `[data-testid=toast]`)
	nothing(t, annas, "something was asked for", `[data-testid=toast]`)
	annas.Await("menuitem", "Log out of Vertrieb").Click()
	question := annas.Await("alertdialog", "Log Ben Okafor out?")
	mark := s.watch.mark()
	if r := s.command("carla", "group.leave", `{"group":"sales"}`); !r.OK {
		t.Fatalf("%+v", r)
	}
	s.loggedIn(mark, "sales", "carla", false)
	question.Reads(last) // also while it is being asked
	if b := question.Await("button", "Log out"); b.States["disabled"] != "true" {
		t.Errorf("it can be confirmed: %v", b.States)
	}
	usable(t, annas, "a question that has become idle")
	question.Await("button", "Cancel").Click()
	annas.Gone("alertdialog")
	bens.Reads(last)
	mark = s.watch.mark()
	if r := s.command("carla", "group.join", `{"group":"sales"}`); !r.OK {
		t.Fatalf("%+v", r)
	}
	s.loggedIn(mark, "sales", "carla", true)
	bens.ReadsNot(last)

	// Who may not leave; and the last supervisor with a phone, who reads so of herself.
	barred("who may not leave", "dora", always)
	annas.Press(chrome.Escape)
	annas.Find(`[data-testid=nav-mine]`).Click()
	annas.Reads(last)
	bens.Await("switch", "Vertrieb").Click()
	bens.Reads("You are logged out of Vertrieb.")
}
