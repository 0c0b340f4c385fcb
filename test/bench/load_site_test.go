package bench

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"golang.org/x/crypto/bcrypt"
)

// The site under load: 10 supervisors, the first of whom administers the company, and 30 members in 5 groups. Each group
// has 6 members and 4 supervisors, each supervisor two groups.
const (
	loadSupervisors = 10
	loadPeople      = 40
	loadGroups      = 5
)

func extension(person int) string { return fmt.Sprint(200 + person) }
func personID(person int) string  { return fmt.Sprintf("p%02d", person) }

// supervisorsOf and membersOf are who is in a group.
func supervisorsOf(group int) []int {
	before := (group + loadGroups - 1) % loadGroups
	return []int{2 * group, 2*group + 1, 2 * before, 2*before + 1}
}

func membersOf(group int) []int {
	var list []int
	for p := loadSupervisors + group; p < loadPeople; p += loadGroups {
		list = append(list, p)
	}
	return list
}

func groupOf(member int) int { return (member - loadSupervisors) % loadGroups }

// maySee says by the rules (S7), not by the daemon, whether a person is told of a call that rings these members.
func maySee(person int, members []int) bool {
	return person == 0 || slices.ContainsFunc(members, func(m int) bool {
		return m == person || slices.Contains(supervisorsOf(groupOf(m)), person)
	})
}

const (
	loadPassword = "secret"
	loadToken    = "token"
)

// loadSite is the configuration. On NATS the user views may follow everybody's view, and all may see all.
func loadSite(b testing.TB, ari string) string {
	b.Helper()
	hash := func(secret string) string {
		h, err := bcrypt.GenerateFromPassword([]byte(secret), bcrypt.MinCost)
		if err != nil {
			b.Fatal(err)
		}
		return string(h)
	}
	password, token := hash(loadPassword), hash(loadToken)
	var everybody []string
	var y strings.Builder
	y.WriteString("people:\n")
	for p := range loadPeople {
		everybody = append(everybody, personID(p))
		fmt.Fprintf(&y, "  %s: {name: Person %d, extension: %q, endpoints: [PJSIP/%s], admin: %t, password_hash: %q}\n",
			personID(p), p, extension(p), extension(p), p == 0, password)
	}
	y.WriteString("groups:\n")
	for g := range loadGroups {
		kind := []string{"standard", "mutual_aid"}[g%2]
		fmt.Fprintf(&y, "  g%d: {name: Group %d, number: %q, type: %s, supervisors: [%s], members: [%s]}\n",
			g, g, fmt.Sprint(g+1), kind, names(supervisorsOf(g)), names(membersOf(g)))
	}
	fmt.Fprintf(&y, `site: load
asterisk: {ari: {url: %s, username: supervisiond, password: lab}}
nats:
  embedded:
    listen: "127.0.0.1:0"
    store_dir: nats
    users:
      views: {password_hash: %[2]q, acts_as: [%[3]s]}
      all: {password_hash: %[2]q, acts_as: ["*"]}
http:
  listen: "127.0.0.1:0"
  tokens: {wallboard: {hash: %[4]q, acts_as: ["*"]}}
`, ari, password, strings.Join(everybody, ", "), token)
	return y.String()
}

func names(people []int) string {
	list := make([]string, len(people))
	for i, p := range people {
		list[i] = personID(p)
	}
	return strings.Join(list, ", ")
}

// loadEndpoints are the people's phones, all of them registered.
func loadEndpoints() []byte {
	list := make([]string, loadPeople)
	for p := range list {
		list[p] = fmt.Sprintf(`{"technology":"PJSIP","resource":%q,"state":"online","channel_ids":[]}`, extension(p))
	}
	return []byte("[" + strings.Join(list, ",") + "]")
}
