package acceptance

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"supervisiond/test/lab"
	"supervisiond/test/softphone"
)

// crowd is how many people leave at the same moment, and each how often.
const crowd, leavesOfEach = 20, 10

// TestG7TheLastOneStays lets everybody leave at the same moment, again and again (G6, G7), by programs alone and by
// phones and programs in any mixture: the group is never empty, and nobody is refused but the last.
func TestG7TheLastOneStays(t *testing.T) {
	t.Parallel()
	var lines, members []string
	var extensions []lab.Person
	for i := range crowd {
		ext := fmt.Sprint(101 + i)
		lines = append(lines, fmt.Sprintf("  p%s: {name: Person %s, extension: %q, endpoints: [PJSIP/%s]}", ext, ext, ext, ext))
		members = append(members, "p"+ext)
		extensions = append(extensions, lab.Person{Extension: ext, Name: "Person " + ext})
	}
	o := withCommanders(t, func(yaml string) string {
		own := "\npeople:\n" + strings.Join(lines, "\n") + `
groups:
  sales: {name: Vertrieb, number: "1", type: mutual_aid, lock_last: person, supervisors: [p101], members: [` + strings.Join(members[1:], ", ") + "]}\n"
		return strings.Replace(strings.Replace(yaml, people, own, 1), "acts_as: [ben]", "acts_as: [p101]", 1)
	})
	o.lab.People = extensions
	s := newSite(t, o)
	phones := make(map[string]*softphone.Phone)
	for i, p := range extensions {
		phones[members[i]] = softphone.Start(t, softphone.Options{User: p.Extension, Password: lab.Password(p.Extension), Server: s.pbx.SIPAddr()})
	}
	for _, p := range members {
		s.watch.awaitPerson(p, "reachable", func(d personDocument) bool { return d.Reachable })
	}
	for _, byPhone := range []int{0, 3, 5, 8} {
		t.Run(fmt.Sprintf("%d of %d by phone", byPhone, leavesOfEach), func(t *testing.T) {
			s := s.in(t)
			s.allLeave(members, phones, byPhone)
			for _, p := range members {
				if r := s.command(p, "group.join", `{"group":"sales"}`); !r.OK {
					t.Fatalf("%s joins: %+v", p, r)
				}
			}
		})
	}
}

// allLeave lets everybody leave at once, so many times of their ten by phone, and proves that one stays.
func (s *site) allLeave(people []string, phones map[string]*softphone.Phone, byPhone int) {
	s.t.Helper()
	mark := s.watch.mark()
	leaves := s.allAtOnce(people, phones, byPhone)
	refused := make(map[string]int)
	for _, l := range leaves {
		if l.refused {
			refused[l.actor]++
		}
	}
	if len(refused) != 1 {
		s.t.Fatalf("refused were %v", refused)
	}
	for last, times := range refused {
		if times != leavesOfEach {
			s.t.Errorf("%s was refused %d times of %d", last, times, leavesOfEach)
		}
	}
	left := make(map[string]int)
	for _, m := range s.watch.since(mark) {
		switch {
		case m.subject == "state.group.sales" && loggedInOf(s.t, m.data) == 0:
			s.t.Fatalf("nobody was left: %s", m.data)
		case strings.HasPrefix(m.subject, "event.group.unstaffed"):
			s.t.Errorf("published: %s", m.subject)
		case m.subject == "event.group.left.sales":
			var body eventBody
			s.must("event", json.Unmarshal(m.data, &body))
			left[body.Person]++
		}
	}
	if len(left) != len(people)-1 {
		s.t.Errorf("%d left: %v", len(left), left)
	}
	for p, times := range left {
		if times != 1 || refused[p] != 0 {
			s.t.Errorf("%s left %d times, and was refused %d times", p, times, refused[p])
		}
	}
	slices.SortFunc(leaves, func(a, b leave) int { return int(a.took - b.took) })
	s.t.Logf("%d leaves of %d people, half answered within %v, all within %v; stayed: %v",
		len(leaves), len(people), leaves[len(leaves)/2].took, leaves[len(leaves)-1].took, refused)
}

// leave is one attempt to leave. It was refused because nobody would be left, or has succeeded.
type leave struct {
	actor   string
	refused bool
	took    time.Duration
}

// allAtOnce lets everybody leave ten times, all at the same moment.
func (s *site) allAtOnce(people []string, phones map[string]*softphone.Phone, byPhone int) []leave {
	s.t.Helper()
	start := make(chan struct{})
	leaves := make([]leave, len(people)*leavesOfEach)
	var all sync.WaitGroup
	for i := range leaves {
		actor := people[i%len(people)]
		all.Go(func() {
			<-start
			began := time.Now()
			var refused bool
			var err error
			if i/len(people) < byPhone {
				refused, err = s.leaveByPhone(phones[actor])
			} else {
				refused, err = s.leaveByProgram(actor)
			}
			if err != nil {
				s.t.Errorf("%s: %v", actor, err)
			}
			leaves[i] = leave{actor, refused, time.Since(began)}
		})
	}
	close(start)
	all.Wait()
	return leaves
}

func (s *site) leaveByProgram(actor string) (refused bool, err error) {
	r, err := commandOn(s.watch.conn, actor, "group.leave", `{"group":"sales"}`)
	refused = r.Code == "last_member" && r.Details["lock"] == "person"
	if err == nil && !r.OK && !refused {
		err = fmt.Errorf("%+v", r)
	}
	return refused, err
}

// leaveByPhone ends as soon as it is known what came of it; the rest of the tone is not waited for.
func (s *site) leaveByPhone(p *softphone.Phone) (refused bool, err error) {
	call, err := p.Dial(s.ctx(), "*241")
	if err != nil {
		return false, err
	}
	if call.Wait(s.ctx(), softphone.Talking) == nil {
		return false, call.Hangup(s.ctx())
	}
	end, err := call.Ended(s.ctx())
	refused = end.Code == 403 && call.Display().Name == "Last one must stay"
	if err == nil && !refused {
		err = fmt.Errorf("%s: %+v", call, end)
	}
	return refused, err
}

func loggedInOf(t *testing.T, document []byte) int {
	t.Helper()
	var d struct {
		Supervisors, Members []struct {
			LoggedIn bool `json:"logged_in"`
		}
	}
	if err := json.Unmarshal(document, &d); err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, p := range append(d.Supervisors, d.Members...) {
		if p.LoggedIn {
			n++
		}
	}
	return n
}
