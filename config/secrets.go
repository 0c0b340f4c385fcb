package config

import (
	"regexp"
	"strings"

	"golang.org/x/crypto/bcrypt"
)

var (
	variable   = regexp.MustCompile(`^\$\{([A-Za-z_][A-Za-z0-9_]*)\}$`)
	bcryptHash = regexp.MustCompile(`^\$2[abxy]?\$[0-9]{2}\$[./A-Za-z0-9]{53}$`)
	md5Hex     = regexp.MustCompile(`^[0-9a-fA-F]{32}$`)
	sha256Hex  = regexp.MustCompile(`^[0-9a-fA-F]{64}$`)
)

func (s rawSecret) given() bool { return s.inline.given || s.file.given }

// place is where the secret is given or, if it is not, where it would be.
func (s rawSecret) place() place {
	if s.file.given {
		return s.file.place
	}
	return s.inline.place
}

// secret resolves a secret that may be missing. It never shows a part of one in a message.
func (c *checker) secret(s rawSecret) Secret {
	switch {
	case s.inline.given && s.file.given:
		c.add(s.file.place, "given twice: here and on line %d; keep one", s.inline.line)
	case s.file.given:
		return c.secretFile(s.file)
	case s.inline.given:
		return c.secretInline(s.inline)
	}
	return Secret{}
}

func (c *checker) requiredSecret(s rawSecret) Secret {
	// A misspelt password_file is not a missing password.
	if !s.given() && !s.inline.broken && !s.file.broken {
		name := s.inline.path[strings.LastIndexByte(s.inline.path, '.')+1:]
		c.add(s.inline.place, "missing: write it, or ${NAME} for an environment variable, or a file's name as %s_file", name)
	}
	return c.secret(s)
}

func (c *checker) secretInline(t text) Secret {
	value := t.value
	if m := variable.FindStringSubmatch(value); m != nil {
		var set bool
		if value, set = c.env(m[1]); !set {
			c.add(t.place, "the environment variable %s is not set", m[1])
			return Secret{}
		}
		if value == "" {
			c.add(t.place, "the environment variable %s is empty", m[1])
		}
		return NewSecret(value)
	}
	if strings.Contains(value, "${") {
		c.add(t.place, "${NAME} must be the whole value: put a secret that contains ${ into a file")
	}
	if value == "" {
		c.add(t.place, "must not be empty")
	}
	return NewSecret(value)
}

func (c *checker) secretFile(t text) Secret {
	content, ok := c.file(t)
	if !ok {
		return Secret{}
	}
	value := strings.TrimRight(string(content), "\r\n")
	if value == "" {
		c.add(t.place, "the file is empty")
	}
	return NewSecret(value)
}

// passwordHash checks the bcrypt hash that s was resolved to.
func (c *checker) passwordHash(s rawSecret, hash Secret) Secret {
	if hash.IsEmpty() {
		return hash
	}
	// Each step doubles the time that a wrong password costs us; 15 is seconds.
	const costliest = 15
	switch cost, err := bcrypt.Cost([]byte(hash.Reveal())); {
	case err != nil || !bcryptHash.MatchString(hash.Reveal()):
		c.add(s.place(), "not a bcrypt hash: make one with supervisiond hash-password")
	case cost > costliest:
		c.add(s.place(), "a bcrypt hash of cost %d takes too long to check: at most %d", cost, costliest)
	}
	return hash
}

// ha1 resolves the hash that digest authentication is computed from.
func (c *checker) ha1(s rawSecret, form *regexp.Regexp, rule string) Secret {
	hash := c.secret(s)
	if hash.IsEmpty() {
		return hash
	}
	if !form.MatchString(hash.Reveal()) {
		c.add(s.place(), "not an HA1: %s of username:realm:password", rule)
	}
	return NewSecret(strings.ToLower(hash.Reveal()))
}
