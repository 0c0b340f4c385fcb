package acceptance

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"supervisiond/test/chrome"
)

// twoGroups is a pageSite in which anna supervises the desk too, in which she administers nothing; igor has no phone.
func twoGroups(yaml string) string {
	return strings.Replace(yaml, "supervisors: [hana]", "supervisors: [anna, hana]", 1) + "\nforwarding: {allowed_destinations: [\"^[0-9]{2,5}$\"]}\n"
}

// shows waits until the console shows these people and no others, in the order of the page.
func shows(p *chrome.Page, people ...string) {
	p.AwaitTrue(fmt.Sprintf(`[...document.querySelectorAll("[data-testid=person]")].filter(e => e.checkVisibility())
		.map(e => e.dataset.person).sort().join(" ") === %q`, strings.Join(people, " ")))
}

// card is a person in a group.
func card(p *chrome.Page, person string) *chrome.Place {
	return p.Find(`[data-testid=person][data-person=` + person + `]`)
}

// nothing proves that there is no such element now.
func nothing(t *testing.T, p *chrome.Page, what, selector string) {
	t.Helper()
	if n := chrome.Eval[int](p, fmt.Sprintf(`document.querySelectorAll(%q).length`, selector)); n > 0 {
		t.Errorf("%s: there are %d", what, n)
	}
}

// What is found and filtered, over all groups and from the keyboard at once; how people are shown (S1, S2, S3, S5), and what is
// not offered because it would be refused.
func TestPageConsole(t *testing.T) {
	t.Parallel()
	s := pageSite(t, twoGroups, func(yaml string) string { return strings.Replace(yaml, "members: [igor]", "members: [carla, igor]", 1) })
	s.phone("101")
	s.phone("102")
	s.phone("103")
	dora, fatma := s.phone("104"), s.phone("106")
	s.storeIsRead()
	for _, x := range []struct{ method, path, body string }{
		{"PUT", "/people/ben/forwarding/busy", `{"target":"106"}`},
		{"PUT", "/people/carla/forwarding/busy", `{"target":"110"}`},
		{"POST", "/groups/sales/people/carla/force_out", ``},
	} {
		if a := s.program("anna").do(x.method, x.path, x.body); a.Status != http.StatusOK {
			t.Fatalf("%s: %d %s", x.path, a.Status, a.Body)
		}
	}
	p, emils := s.page("anna", chrome.Options{}), s.page("emil", chrome.Options{})

	// From any page, and with the first key.
	p.Find(`[data-testid=nav-mine]`).Click()
	p.AwaitElement(`[data-testid=membership]`)
	p.Press("/okaf")
	shows(p, "ben")
	p.Reads("1 person found")
	p.Press(chrome.Escape)
	shows(p, "ben", "carla", "carla", "dora", "igor")
	for number, person := range map[string]string{"104": "dora", "109": "igor", "106": "ben", "110": "carla"} { // the last two by where their lines go
		p.Press(number)
		shows(p, person)
		p.Press(chrome.Escape)
	}
	p.Press("nobody")
	p.Reads("Nobody found.")
	p.Press(chrome.Escape)
	p.Press(chrome.Escape) // and out of the field
	p.AwaitTrue(`document.activeElement === document.body`)

	caller := s.dial(fatma, "104")
	s.rings(dora)
	for _, x := range []struct { // the last is kept for what is looked for next
		filter string
		people []string
	}{
		{"ringing", []string{"dora"}}, {"logged_in", []string{"ben", "carla", "dora", "igor"}}, {"forwarded", []string{"ben", "carla"}}, {"all", []string{"ben", "carla", "carla", "dora", "igor"}},
	} {
		p.Find(`[data-testid=filter-` + x.filter + `]`).Click()
		shows(p, x.people...)
	}
	p.Find(`[data-testid=filter-forwarded]`).Click()
	p.Press("/dora")
	p.Reads("Nobody found. Only among: Forwarded.")
	p.Find(`[data-testid=search-all]`).Click()
	shows(p, "dora")
	p.Press(chrome.Escape)
	p.Press("aydin") // found is also whom she calls
	shows(p, "dora")
	p.Press(chrome.Escape)
	p.Press("106")
	shows(p, "ben", "dora")
	p.Press(chrome.Escape)

	for person, says := range map[string][]string{
		"ben":  {"102", "Online", "for ", "Logged in", "When busy, to 106"},
		"dora": {"104", "Busy", "for ", "Ringing", "Fatma Aydin"}, "igor": {"109", "Offline", "No phone is connected"},
	} {
		for _, text := range says {
			card(p, person).Reads(text)
		}
	}
	const carlaInSales = `[data-group=sales] [data-person=carla]`
	for in, says := range map[string][]string{ // one person, in each group as it is there (G4)
		carlaInSales: {"103", "Online", "Logged out"}, `[data-group=desk] [data-person=carla]`: {"103", "Online", "Logged in", "When busy, to 110"},
	} {
		for _, text := range says {
			p.Find(in).Reads(text)
		}
	}

	// Who administers nothing is offered nothing of that, and who is logged out is not supervised.
	nothing(t, p, "a forced login in a standard group, and its forwards", `[data-group=desk] [data-testid=actions]`)
	nothing(t, emils, "menus for who is no administrator", `[data-testid=actions]`)
	nothing(t, p, "forwards of who is logged out there", carlaInSales+` [data-testid=forward]`)
	if there := s.stored("CFB", "103"); there != "110" {
		t.Errorf("carla's line is forwarded to %q", there)
	}
	s.phone("105")
	calls(emils).Await("listitem", "Fatma Aydin").Await("button", "Pick up")
	emils.Find(`[data-testid=nav-mine]`).Click()
	emils.Find(`[data-testid=membership][data-group=sales] [data-testid=login]`).Click()
	emils.Reads("You are logged out of Vertrieb.")
	emils.AwaitTrue(`!document.querySelector("[data-testid=pickup]")`)
	s.must("hang up", caller.Hangup(s.ctx()))

	emils.Find(`[data-testid=nav-console]`).Click()
	emils.Await("button", "Cancel forward: Ben Okafor to 106").Click()
	emils.Reads("The forward of Ben Okafor to 106 is cancelled.")
	noCalls(p)

	// Whoever is logged in again is supervised again, forward and all.
	p.Find(`[data-testid=filter-forwarded]`).Click()
	shows(p, "carla")
	s.done("carla", "group.join", `{"group":"sales"}`, true)
	shows(p, "carla", "carla")
	p.Find(carlaInSales).Reads("When busy, to 110")
	s.done("carla", "forwarding.cancel", `{"person":"carla"}`, true)
	p.Reads("Nobody found.")
}

// On a small telephone and at a great zoom everything is there, nothing has to be moved sideways (WCAG 1.4.10), what is touched is
// large enough (2.5.8), and what is to be pressed in a hurry is wide and in view.
func TestPageFitsSmallScreens(t *testing.T) {
	t.Parallel()
	s := pageSite(t, twoGroups)
	s.phone("101")
	ben, fatma, georg := s.phone("102"), s.phone("106"), s.phone("107")
	p := s.page("anna", chrome.Options{Width: 360, Height: 640})
	for _, number := range []struct{ caller, member string }{{"106", "102"}, {"107", "102"}} {
		from := fatma
		if number.caller == "107" {
			from = georg
		}
		s.dial(from, number.member)
		s.rings(ben)
	}
	p.AwaitElement(`[data-testid=call]:nth-of-type(2)`)
	for _, page := range []string{"console", "mine", "history"} {
		p.Find(`[data-testid=nav-` + page + `]`).Click()
		p.AwaitTrue(fmt.Sprintf(`document.querySelector("[data-testid=nav-%s]").ariaCurrent === "page"`, page))
		for _, size := range [][2]int64{{360, 640}, {320, 256}, {640, 400}, {2560, 1440}} { // 640: 1,280 at 200 %
			p.Resize(size[0], size[1])
			p.AwaitTrue(fmt.Sprintf(`innerWidth === %d`, size[0]))
			for _, wide := range chrome.Eval[[]string](p, `[...document.querySelectorAll("body *")].filter(e => e.checkVisibility() && !e.closest(".sr") &&
				e.getBoundingClientRect().right > innerWidth + 1).map(e => e.outerHTML.slice(0, 120))`) {
				t.Errorf("%s at %d px: beyond the edge is %s", page, size[0], wide)
			}
			for _, small := range chrome.Eval[[]string](p, `[...document.querySelectorAll("button, a, select, input")].filter(e => e.checkVisibility() && !e.closest(".sr"))
				.filter(e => { const r = (e.type === "checkbox" ? e.parentElement : e).getBoundingClientRect(); return r.width < 24 || r.height < 24; })
				.map(e => e.outerHTML.slice(0, 120))`) {
				t.Errorf("%s at %d px: too small to hit is %s", page, size[0], small)
			}
		}
	}
	p.Resize(360, 640)
	p.AwaitTrue(`innerWidth === 360`)
	first := chrome.Eval[[2]float64](p, `(() => { const r = document.querySelector("[data-testid=pickup]").getBoundingClientRect(); return [r.width, r.bottom]; })()`)
	if first[0] < 250 || first[1] > 640 {
		t.Errorf("the first pickup button is %.0f px wide, and ends at %.0f px", first[0], first[1])
	}
}
