// Package first writes the first configuration of a site, of what its PBX says of its endpoints. It does no I/O, and the
// same PBX always gives the same text.
package first

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"text/template"
)

// Facts are what is known of a site before it has a configuration.
type Facts struct {
	Site          string
	URL, Username string // of ARI
	PasswordFile  string // empty: the password is in the environment variable PasswordVariable
	CAFile        string // empty: the system's authorities
	PhoneContext  string // empty: the one in which most phones dial
	Endpoints     []Endpoint
}

// PasswordVariable is the environment variable that a configuration without a password file refers to.
const PasswordVariable = "ARI_PASSWORD"

// Endpoint is one that the PBX has. What the PBX does not show is empty.
type Endpoint struct {
	Name                     string // such as PJSIP/101
	Context                  string // in which it dials
	CallerName, CallerNumber string
	OutboundAuth             string // how it logs in elsewhere
}

// Draft is a configuration, and how much is in it.
type Draft struct {
	Text                       string
	People, Endpoints, LeftOut int
}

//go:embed first.yml.tmpl
var layout string

var page = template.Must(template.New("first").Funcs(template.FuncMap{
	"quote": quote, "code": strconv.QuoteToASCII, "join": strings.Join, "some": some,
}).Parse(layout))

// Write writes a configuration of the facts.
func Write(f Facts) (Draft, error) {
	people, left := sortOut(f.Endpoints)
	d := Draft{People: len(people), LeftOut: len(left)}
	for _, p := range people {
		d.Endpoints += len(p.Endpoints)
	}
	var b strings.Builder
	err := page.Execute(&b, struct {
		Facts
		Variable string
		Phones   phones
		FreePBX  bool
		People   []person
		Sample   *sample
		LeftOut  []leftOut
	}{f, PasswordVariable, phonesOf(f.PhoneContext, people), onFreePBX(people), people, sampleOf(people), left})
	d.Text = b.String()
	return d, err
}

// quote writes a value as YAML text, whatever is in it.
func quote(s string) (string, error) {
	var b strings.Builder
	e := json.NewEncoder(&b) // JSON's strings are YAML's, too
	e.SetEscapeHTML(false)
	err := e.Encode(s)
	return strings.TrimSuffix(b.String(), "\n"), err
}

// some lists the first few.
func some(names []string) string {
	const few = 8
	if len(names) <= few {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:few], ", "), len(names)-few)
}

// sample is a group to begin with.
type sample struct {
	ID, Supervisor string
	Members        []string
}

// sampleOf makes a group of the first people. Who supervises whom is not for a program to say, so it is a comment.
func sampleOf(people []person) *sample {
	if len(people) == 0 {
		return nil
	}
	const members = 3
	s := &sample{ID: "sales", Supervisor: people[0].ID}
	taken := make(map[string]bool, len(people))
	for _, p := range people {
		taken[p.ID] = true
	}
	for n := 2; taken[s.ID]; n++ {
		s.ID = fmt.Sprintf("sales-%d", n)
	}
	for _, p := range people[1:min(len(people), 1+members)] {
		s.Members = append(s.Members, p.ID)
	}
	return s
}
