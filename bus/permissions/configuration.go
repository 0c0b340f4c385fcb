package permissions

import (
	"fmt"
	"strings"
)

// Account is a user of an external server.
type Account struct {
	Name string
	// Password is a bcrypt hash, or $NAME: what the server finds in its environment.
	Password string
	// Set is what the user may, and Comment who that is.
	Set     Set
	Comment string
}

// Configuration writes accounts as a nats-server reads them, for the server's own file or to be included there.
//
// https://docs.nats.io/running-a-nats-service/configuration/securing_nats/authorization
func Configuration(accounts []Account) string {
	var b strings.Builder
	b.WriteString("authorization {\n  users: [\n")
	for _, a := range accounts {
		fmt.Fprintf(&b, "    # %s\n    {\n      user: %s, password: %s\n      permissions: {\n", a.Comment, quoted(a.Name), password(a.Password))
		writeRule(&b, "publish", a.Set.Publish)
		writeRule(&b, "subscribe", a.Set.Subscribe)
		if a.Set.Respond {
			b.WriteString("        allow_responses: true\n")
		}
		b.WriteString("      }\n    }\n")
	}
	b.WriteString("  ]\n}\n")
	return b.String()
}

// password leaves a variable as it is: in quotes it would be a password.
func password(p string) string {
	if strings.HasPrefix(p, "$2") { // bcrypt
		return quoted(p)
	}
	return p
}

// quoted is for names and subjects, which have neither quotes nor line ends.
func quoted(s string) string { return `"` + s + `"` }

func writeRule(b *strings.Builder, name string, r Rule) {
	fmt.Fprintf(b, "        %s: {\n", name)
	writeSubjects(b, "allow", r.Allow)
	if len(r.Deny) > 0 {
		writeSubjects(b, "deny", r.Deny)
	}
	b.WriteString("        }\n")
}

func writeSubjects(b *strings.Builder, name string, subjects []string) {
	fmt.Fprintf(b, "          %s: [", name)
	for i, s := range subjects {
		if i > 0 {
			b.WriteString(",")
		}
		b.WriteString("\n            " + quoted(s))
	}
	b.WriteString("\n          ]\n")
}
