package config

import (
	"log/slog"
	"regexp"
	"time"

	"supervisiond/forwarding"
	"supervisiond/supervision"
)

// siteToken is what may stand in a NATS subject and in the name of a bucket.
var siteToken = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,31}$`)

// config checks everything, however much of it is wrong.
func (c *checker) config(raw *rawConfig) *Config {
	if !raw.people.broken {
		c.people = make(map[string]int, len(raw.people.items))
		for _, p := range raw.people.items {
			c.people[p.key.value] = p.key.line
		}
	}
	cfg := &Config{
		File:       c.report.file,
		Asterisk:   c.asterisk(&raw.asterisk),
		NATS:       c.nats(&raw.nats),
		HTTP:       c.http(&raw.http),
		SIP:        c.sip(&raw.sip),
		Pickup:     Pickup{Timeout: c.duration(raw.pickup.timeout, 15*time.Second, 100*time.Millisecond, 5*time.Minute)},
		Forwarding: c.forwarding(&raw.forwarding),
		History: History{
			Keep:     c.duration(raw.history.keep, 720*time.Hour, time.Second, 10*365*24*time.Hour),
			MaxBytes: c.bytes(raw.history.maxBytes, 256<<20, 16<<10, 1<<40),
		},
		Limits: Limits{
			PeoplePerGroup:      c.integer(raw.limits.peoplePerGroup, 50, 1, 10000),
			GroupsPerSupervisor: c.integer(raw.limits.groupsPerSupervisor, 25, 1, 10000),
		},
		Log: Log{
			Level:  c.level(raw.log.level),
			Format: oneOf(c, raw.log.format, LogText, LogJSON),
		},
	}
	if c.required(raw.site) {
		cfg.Site = c.matching(raw.site, "", siteToken,
			"a site is 1 to 32 of a-z, 0-9, - and _, and begins with a letter or digit")
	}
	if cfg.SIP.Realm == "" {
		cfg.SIP.Realm = cfg.Site
	}
	persons, credentials := c.persons(&raw.people)
	cfg.Credentials = credentials
	groups := c.groups(raw, cfg.Limits)
	cfg.Features = c.features(&raw.features, &raw.people)
	if len(c.errors) == 0 {
		cfg.Directory = supervision.NewDirectory(cfg.Site, persons, groups)
	}
	return cfg
}

func (c *checker) level(t text) slog.Level {
	var level slog.Level
	switch oneOf(c, t, "info", "debug", "warn", "error") {
	case "debug":
		level = slog.LevelDebug
	case "warn":
		level = slog.LevelWarn
	case "error":
		level = slog.LevelError
	}
	return level
}

// family is the first part of a key of AstDB, which is written into commands of the PBX.
var family = regexp.MustCompile(`^[A-Za-z0-9_-]*$`)

func (c *checker) forwarding(raw *rawForwarding) forwarding.Policy {
	const rule = "a family of AstDB is of A-Z, a-z, 0-9, - and _; empty if the PBX has none"
	r := &raw.families
	families := []text{r.always, r.busy, r.noAnswer, r.dnd, r.noAnswerSeconds}
	names := []string{"CF", "CFB", "CFU", "DND", ""}
	owner := make(map[string]text, len(families))
	for i, t := range families {
		names[i] = c.matching(t, names[i], family, rule)
		if other, taken := owner[names[i]]; taken && names[i] != "" {
			if !t.given {
				t, other = other, t
			}
			c.add(t.place, "%s is the family of %s already", quote(names[i]), other.path)
			continue
		}
		owner[names[i]] = t
	}
	return forwarding.Policy{
		Families: forwarding.Families{
			Always: names[0], Busy: names[1], NoAnswer: names[2], DND: names[3], NoAnswerSeconds: names[4],
		},
		Allowed: c.patterns(raw.allowed),
		Poll:    c.duration(raw.poll, 5*time.Second, 100*time.Millisecond, time.Hour),
	}
}
