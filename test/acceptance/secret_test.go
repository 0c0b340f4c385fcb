package acceptance

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"supervisiond/test/softphone"
)

// checkNowhere proves that who the caller is was neither published with the call or a refusal, nor logged (R4).
func checkNowhere(t *testing.T, s *site, mark int, secrets ...string) {
	t.Helper()
	for _, secret := range secrets {
		for _, m := range s.watch.since(mark) {
			about := strings.Contains(m.subject, "call.") || strings.HasPrefix(m.subject, "event.pickup.")
			if about && mentions(string(m.data), secret) {
				t.Errorf("%s gives away %q: %s", m.subject, secret, m.data)
			}
		}
		for _, line := range s.daemon.log() {
			if mentions(line, secret) {
				t.Errorf("the log gives away %q: %s", secret, line)
			}
		}
	}
}

// displayedNowhere proves that a phone's display never showed it.
func displayedNowhere(t *testing.T, call *softphone.Call, secrets ...string) {
	t.Helper()
	for _, e := range call.Events() {
		for _, secret := range secrets {
			if hasWord(e.Party.Name, secret) || hasWord(e.Party.Number, secret) {
				t.Errorf("the display gives away %q: %v", secret, e)
			}
		}
	}
}

// namesOfChannels are fields in which any number may stand by chance.
var namesOfChannels = []string{"id", "caller_call", "channel"}

// mentions says whether a document or a line of the log has a word in it: in any string that is neither a moment nor the
// name of a channel or of a call.
func mentions(text, word string) bool {
	var document any
	if json.Unmarshal([]byte(text), &document) != nil {
		return hasWord(text, word)
	}
	return mentioned(document, word)
}

func mentioned(value any, word string) bool {
	switch v := value.(type) {
	case string:
		_, err := time.Parse(time.RFC3339Nano, v)
		return err != nil && hasWord(v, word)
	case []any:
		return slices.ContainsFunc(v, func(x any) bool { return mentioned(x, word) })
	case map[string]any:
		for key, x := range v {
			if !slices.Contains(namesOfChannels, key) && mentioned(x, word) {
				return true
			}
		}
	}
	return false
}

// hasWord: 106 is in "PJSIP/106-00000001", and not in port 41061.
func hasWord(text, word string) bool {
	return regexp.MustCompile(`(^|[^0-9A-Za-z])` + regexp.QuoteMeta(word) + `($|[^0-9A-Za-z])`).MatchString(text)
}

func TestMentions(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		`{"caller":{"number":"106"}}`:                   true,
		`{"reason":"PJSIP/106-00000001 is gone"}`:       true,
		`{"people":["1", "106"]}`:                       true,
		`panic: 106`:                                    true,
		`{"since":"2026-01-02T03:04:05.106Z"}`:          false,
		`{"id":"1.106","caller_call":"1764132388.106"}`: false,
		`{"url":"http://127.0.0.1:41061/ari","n":106}`:  false,
	} {
		if mentions(text, "106") != want {
			t.Errorf("%s: %t", text, !want)
		}
	}
}
