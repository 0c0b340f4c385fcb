package bus

import (
	"log/slog"
	"sync"
	"time"
)

// complaintEvery is how often the same trouble is logged while it lasts.
const complaintEvery = time.Minute

// complaints logs trouble that is met again at every attempt: at once when it is new, and then now and again.
type complaints struct {
	log *slog.Logger
	now func() time.Time

	mu   sync.Mutex
	last string
	at   time.Time
}

func (c *complaints) say(what string, err error) {
	text := what + ": " + err.Error()
	now := c.now()
	c.mu.Lock()
	repeated := text == c.last && now.Sub(c.at) < complaintEvery
	if !repeated {
		c.last, c.at = text, now
	}
	c.mu.Unlock()
	if !repeated {
		c.log.Error(what, "error", err) //nolint:sloglint // a constant of the caller's
	}
}

// settle forgets the trouble: when it comes again it is new.
func (c *complaints) settle() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.last = ""
}
