package ari

import (
	"log/slog"
	"time"
)

// repeatAfter is when an administrator is told again of a trouble that has not changed.
const repeatAfter = 10 * time.Minute

// complaints tells an old trouble from a new one: only what is new, or has lasted, is said aloud.
type complaints struct {
	last string
	at   time.Time
}

func (c *complaints) level(err error, now time.Time) slog.Level {
	if text := err.Error(); text != c.last || now.Sub(c.at) >= repeatAfter {
		c.last, c.at = text, now
		return slog.LevelError
	}
	return slog.LevelDebug
}
