package bench

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"golang.org/x/crypto/bcrypt"

	"supervisiond/test/lab"
)

// The wall: one person sees 1,008 people in 28 groups. Of nine of them eight have a phone.
const (
	wallGroups = 28
	wallEach   = 36
	wallPeople = wallGroups * wallEach
	wallRate   = 10 // calls that begin each second

	wallSupervisor = "100"
)

func wallPerson(person int) string    { return fmt.Sprint("p", person) }
func wallExtension(person int) string { return fmt.Sprint(2000 + person) }
func wallHasPhone(person int) bool    { return person%9 != 8 }

// wallAnswers says who takes calls: of three groups that follow each other one person at the same place. The others let it ring.
func wallAnswers(person int) bool {
	return wallHasPhone(person) && (person/wallEach+person%wallEach)%3 == 0
}

// wallWho are the people of whom something is so.
func wallWho(so func(person int) bool) []int {
	var list []int
	for p := range wallPeople {
		if so(p) {
			list = append(list, p)
		}
	}
	return list
}

func wallName(person int) string {
	first := []string{"Anna", "Ben", "Carla", "Dora", "Emil", "Fatma", "Georg", "Hana", "Igor", "Julia", "Kai", "Lena", "Mehmet", "Nora"}
	last := []string{"Berger", "Okafor", "Díaz", "Lind", "Novák", "Aydın", "Huber", "Satō", "Petrov", "Costa", "Müller", "Weiß", "Çelik"}
	return first[person%len(first)] + " " + last[person/len(first)%len(last)]
}

// wallDial is a number of the PBX and whose phones it rings.
type wallDial struct {
	number string
	rings  []int
}

func wallDirect(person int) wallDial {
	return wallDial{number: wallExtension(person), rings: []int{person}}
}

// wallRingGroups each ring three people of different groups, one of whom answers.
func wallRingGroups() []wallDial {
	list := make([]wallDial, wallGroups-2)
	for g := range list {
		p := g*wallEach + g%8
		list[g] = wallDial{number: fmt.Sprint(4000 + g), rings: []int{p, p + wallEach, p + 2*wallEach}}
	}
	return list
}

// wallIdleGroup is one in which nobody answers.
func wallIdleGroup() wallDial {
	return wallDial{number: "4999", rings: []int{1, wallEach, 5 * wallEach}}
}

// wallPBX is a PBX of all these people.
func wallPBX() lab.Options {
	people := []lab.Person{{Extension: wallSupervisor, Name: "Wanda Wall"}}
	for p := range wallPeople {
		people = append(people, lab.Person{Extension: wallExtension(p), Name: wallName(p)})
	}
	var dialplan strings.Builder
	dialplan.WriteString("[ways](+)\n")
	for _, g := range append(wallRingGroups(), wallIdleGroup()) {
		devices := make([]string, len(g.rings))
		for i, p := range g.rings {
			devices[i] = "PJSIP/" + wallExtension(p)
		}
		fmt.Fprintf(&dialplan, "exten => %s,1,Dial(%s,60)\n same => n,Hangup()\n", g.number, strings.Join(devices, "&"))
	}
	return lab.Options{People: people, ExtraExtensions: dialplan.String()}
}

// wallSite is a site of whom a member is in one group each, and wanda supervises all of it and administers the company.
func wallSite(t *testing.T, ari string) string {
	t.Helper()
	hash, err := bcrypt.GenerateFromPassword([]byte(loadPassword), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	var y strings.Builder
	fmt.Fprintf(&y, "people:\n  wanda: {name: Wanda Wall, extension: %q, endpoints: [PJSIP/%[1]s], admin: true, password_hash: %q}\n", wallSupervisor, hash)
	for p := range wallPeople {
		fmt.Fprintf(&y, "  %s: {name: %s, extension: %q, endpoints: [PJSIP/%[3]s]}\n", wallPerson(p), wallName(p), wallExtension(p))
	}
	y.WriteString("groups:\n")
	members := make([]string, wallPeople)
	for p := range members {
		members[p] = wallPerson(p)
	}
	g := 0
	for list := range slices.Chunk(members, wallEach) {
		kind := []string{"standard", "mutual_aid"}[g%2]
		fmt.Fprintf(&y, "  g%d: {name: Department %d, number: %q, type: %s, supervisors: [wanda], members: [%s]}\n",
			g, g+1, fmt.Sprint(g+1), kind, strings.Join(list, ", "))
		g++
	}
	fmt.Fprintf(&y, `site: wall
asterisk: {ari: {url: %s, username: %s, password: lab}}
nats: {embedded: {listen: "127.0.0.1:0", store_dir: nats}}
http: {listen: "127.0.0.1:0"}
limits: {groups_per_supervisor: %d}
`, ari, lab.ARIUser, wallGroups)
	return y.String()
}
