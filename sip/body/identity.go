package body

// Identity is one side of a call, as phones show and call it.
type Identity struct {
	// URI is who it is.
	URI string
	// Display is the name to show. It may be empty.
	Display string
	// Target is what a phone calls when its user presses the key; empty: the URI.
	Target string
}

const (
	// anonymousURI and anonymousName are what RFC 3261 8.1.1.3 and RFC 3323 4.1.1.3 have in the From of who wishes not to be
	// shown. Asterisk's dialog-info has the same, and phones know it.
	anonymousURI  = "sip:anonymous@anonymous.invalid"
	anonymousName = "Anonymous"
	// unknownURI is of a caller of whom no number is known, nor that they withhold it. RFC 2606 keeps the domain from ever
	// being somebody's.
	unknownURI  = "sip:unknown@unknown.invalid"
	unknownName = "Unknown"
)

// Caller is the identity of a call's other side, at host. Of one who is withheld nothing is used, whatever the number and
// the name are.
func Caller(number, name, host string, withheld bool) Identity {
	if withheld {
		return Identity{URI: anonymousURI, Display: anonymousName}
	}
	if number == "" {
		if name == "" {
			name = unknownName
		}
		return Identity{URI: unknownURI, Display: cut(name)}
	}
	return Identity{URI: URI(cut(number), host), Display: cut(name)}
}

// URI is the SIP URI of a user or number at host, which may have a port.
//
// RFC 3261 25.1 lets unreserved characters and &=+$,;?/ stand in the user part. Of these only + stays here: the others mean
// something elsewhere in a URI, and phones that look for them from the left would cut a number off. # of a feature code is
// not allowed at all. Any character may be escaped (RFC 3261 19.1.2).
func URI(user, host string) string {
	const hex = "0123456789ABCDEF"
	b := make([]byte, 0, len("sip:@")+len(user)+len(host)+8)
	b = append(b, "sip:"...)
	for i := range len(user) {
		if c := user[i]; inUser(c) {
			b = append(b, c)
		} else {
			b = append(b, '%', hex[c>>4], hex[c&15])
		}
	}
	b = append(b, '@')
	return string(append(b, host...))
}

func inUser(c byte) bool {
	switch {
	case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		return true
	case c == '-', c == '_', c == '.', c == '!', c == '~', c == '*', c == '+':
		return true
	}
	return false
}
