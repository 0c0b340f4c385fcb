package body

import (
	"strings"
	"testing"
)

func TestURI(t *testing.T) {
	for user, want := range map[string]string{
		"102":         "sip:102@h",
		"+4930555":    "sip:+4930555@h",
		"*20102":      "sip:*20102@h",
		"#31#":        "sip:%2331%23@h",
		"1 2":         "sip:1%202@h",
		"müller":      "sip:m%C3%BCller@h",
		"a@b:c;d?e/f": "sip:a%40b%3Ac%3Bd%3Fe%2Ff@h",
		"50%":         "sip:50%25@h",
	} {
		if got := URI(user, "h"); got != want {
			t.Errorf("%s: %s, not %s", user, got, want)
		}
	}
}

// TestWithheldHasNoDigit: R4.
func TestWithheldHasNoDigit(t *testing.T) {
	i := Caller("+4930555", "Extension 4711", "10.0.0.1:5060", true)
	if strings.ContainsAny(i.URI+i.Display+i.Target, "0123456789") || i.Display != "Anonymous" {
		t.Errorf("%+v", i)
	}
}

func TestCaller(t *testing.T) {
	if i := Caller("", "Reception", "h", false); i.Display != "Reception" || i.URI != unknownURI {
		t.Errorf("%+v", i)
	}
	long := Caller(strings.Repeat("1", 4000), strings.Repeat("ä", 4000), "h", false)
	if len(long.URI) > 200 || len(long.Display) > maxShown || !strings.HasSuffix(long.Display, "ä…") {
		t.Errorf("%+v", long)
	}
}
