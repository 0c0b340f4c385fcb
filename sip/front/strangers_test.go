package front

import (
	"bytes"
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"testing"
	"time"
)

// An administrator sees who is not let in, and nobody fills the disk with that.
func TestStrangersAreLoggedOnce(t *testing.T) {
	var log bytes.Buffer
	now := time.Now()
	f := &Front{log: slog.New(slog.NewTextHandler(&log, nil)), gate: &gate{now: func() time.Time { return now }}}
	f.people.Store(&map[string]Person{"anna": {ID: "anna"}})
	wrong, from := f.strangers(), netip.MustParseAddr("192.0.2.7")
	for i := range 1000 {
		wrong("anna", from)
		wrong(fmt.Sprint("guess-", i), from)
	}
	text := log.String()
	if strings.Count(text, "\n") != 2 || !strings.Contains(text, "person=anna") || !strings.Contains(text, "from=192.0.2.7") || !strings.Contains(text, "username=guess-0") {
		t.Errorf("the log says:\n%s", text)
	}
	log.Reset()
	now = now.Add(wrongAgain)
	wrong("anna", from)
	if strings.Count(log.String(), "\n") != 1 {
		t.Errorf("the log says after a while:\n%s", log.String())
	}
}
