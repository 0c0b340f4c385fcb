package embedded

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
)

// logger passes the server's messages on to slog. The server believes that Fatalf ends the process; here it ends Start.
type logger struct {
	log   *slog.Logger
	fatal chan string // holds one
}

// Noticef carries what the server says at every start: interesting when something is wrong, and only then.
func (l *logger) Noticef(format string, v ...any) { l.say(slog.LevelDebug, format, v) }
func (l *logger) Debugf(format string, v ...any)  { l.say(slog.LevelDebug, format, v) }
func (l *logger) Tracef(format string, v ...any)  { l.say(slog.LevelDebug, format, v) }
func (l *logger) Errorf(format string, v ...any)  { l.say(slog.LevelError, format, v) }

// Warnf leaves out the warning about plaintext passwords: those of the daemon and of the anonymous user are made here
// and stored nowhere, and no other is taken.
func (l *logger) Warnf(format string, v ...any) {
	if strings.HasPrefix(format, "Plaintext passwords detected") {
		return
	}
	l.say(slog.LevelWarn, format, v)
}

func (l *logger) Fatalf(format string, v ...any) {
	l.say(slog.LevelError, format, v)
	select {
	case l.fatal <- line(format, v):
	default:
	}
}

func (l *logger) say(level slog.Level, format string, v []any) {
	l.log.Log(context.Background(), level, line(format, v)) //nolint:sloglint // the server's own words
}

func line(format string, v []any) string { return "nats-server: " + fmt.Sprintf(format, v...) }
