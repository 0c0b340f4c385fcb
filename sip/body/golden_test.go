package body

import (
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "write the documents in testdata anew")

var ben = Identity{URI: "sip:102@pbx.example", Display: "Ben Okafor"}

// documents are those in testdata, by their names; the part before the first underscore is the schema that they follow.
var documents = map[string]Part{
	"dialog-info_nothing": &DialogInfo{Entity: "sip:ben@pbx.example", Full: true},
	"dialog-info_ringing": &DialogInfo{Entity: "sip:ben@pbx.example", Version: 1, Full: true, Dialogs: []Dialog{{
		ID: "c1a2", Direction: Recipient, State: Early,
		Local: ben, Remote: Caller("+4930555", "Dr. Weiß", "pbx.example", false),
	}}},
	"dialog-info_withheld": &DialogInfo{Entity: "sip:ben@pbx.example", Version: 2, Full: true, Dialogs: []Dialog{{
		ID: "c1a2", Direction: Recipient, State: Early,
		Local: ben, Remote: Caller("+4930555", "Dr. Weiß", "pbx.example", true),
	}}},
	"dialog-info_unknown": &DialogInfo{Entity: "sip:ben@pbx.example", Version: 3, Full: true, Dialogs: []Dialog{{
		ID: "c1a2", Direction: Recipient, State: Early, Local: ben, Remote: Caller("", "", "pbx.example", false),
	}}},
	"dialog-info_two": &DialogInfo{Entity: "sip:ben@pbx.example", Version: 4, Full: true, Dialogs: []Dialog{{
		ID: "c1a2", Direction: Recipient, State: Confirmed,
		Local: ben, Remote: Caller("101", `Anna "the voice" Berger & <Co>`, "pbx.example", false),
	}, {
		ID: "c1a3", Direction: Recipient, State: Early, Local: ben,
		Remote: Identity{URI: URI("#31#+49 89", "pbx.example:5060"), Target: URI("*20102", "pbx.example")},
	}}},
	"dialog-info_over": &DialogInfo{Entity: "sip:ben@pbx.example", Version: 5, Dialogs: []Dialog{
		{ID: "c1a3", Direction: Recipient, State: Terminated},
		{ID: "c1a4", Direction: Recipient, State: Terminated},
	}},
	"pidf_online":  &Presence{Entity: "sip:ben@pbx.example", State: Online, Since: time.Date(2026, 11, 26, 9, 30, 0, 0, time.UTC)},
	"pidf_call":    &Presence{Entity: "sip:ben@pbx.example", State: Busy, OnThePhone: true, Lang: "de"},
	"pidf_busy":    &Presence{Entity: "sip:ben@pbx.example", State: Busy, Lang: "fr-CH"},
	"pidf_away":    &Presence{Entity: "sip:ben@pbx.example", State: Away, Lang: "es"},
	"pidf_dnd":     &Presence{Entity: "sip:ben@pbx.example", State: DND, Since: time.Date(2026, 11, 26, 10, 30, 0, 0, time.FixedZone("", 3600))},
	"pidf_offline": &Presence{Entity: "sip:ben@pbx.example", State: Offline, Lang: "it"},

	"feature_dnd":      &Feature{Device: "102", Kind: DoNotDisturb, On: true},
	"feature_always":   &Feature{Device: "102", Kind: ForwardAlways, On: true, Target: "+4989123"},
	"feature_busy":     &Feature{Device: "102", Kind: ForwardBusy, Target: "103"},
	"feature_noanswer": &Feature{Device: "102", Kind: ForwardNoAnswer, On: true, Target: "103", Rings: 4},
}

func TestDocuments(t *testing.T) {
	for name, d := range documents {
		golden(t, name+".xml", string(d.Append(nil)))
	}
}

// golden compares with a file in testdata, which has no carriage returns.
func golden(t *testing.T, name, got string) {
	t.Helper()
	name = filepath.Join("testdata", name)
	got = strings.ReplaceAll(got, "\r\n", "\n")
	if *update {
		if err := os.WriteFile(name, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatalf("%v: go test ./sip/body -update writes it", err)
	}
	if got != string(want) {
		t.Errorf("%s is otherwise; -update writes it:\n%s", name, got)
	}
}

// TestSchemas has xmllint, which nobody here wrote, judge every document by the schemas of the RFCs.
func TestSchemas(t *testing.T) {
	if _, err := exec.LookPath("xmllint"); err != nil {
		t.Fatal("xmllint is missing: test/setup installs it (Debian's libxml2-utils)")
	}
	dir := t.TempDir()
	files := map[string][]string{}
	for name, d := range documents {
		schema, _, _ := strings.Cut(name, "_")
		files[schema] = append(files[schema], writeFile(t, dir, name, d.Append(nil)))
	}
	for name, l := range lists {
		b, contentType := l.Append(nil)
		parts := split(t, b, contentType)
		files["rlmi"] = append(files["rlmi"], writeFile(t, dir, name, parts[0].body))
	}
	for i, s := range nasty {
		identity := Caller(s, s, "pbx.example", false)
		dialogs := []Dialog{{ID: s, Direction: Recipient, State: Early, Local: identity, Remote: identity}}
		files["dialog-info"] = append(files["dialog-info"], writeFile(t, dir, "nasty"+string(rune('a'+i)),
			(&DialogInfo{Entity: identity.URI, Dialogs: dialogs}).Append(nil)))
	}
	for schema, documents := range files {
		args := []string{"--noout", "--nonet"}
		if schema != "feature" { // ECMA sells its own
			args = append(args, "--schema", "testdata/schemas/"+schema+".xsd")
		}
		if out, err := exec.Command("xmllint", append(args, documents...)...).CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", schema, err, out)
		}
	}
}

func writeFile(t *testing.T, dir, name string, content []byte) string {
	t.Helper()
	path := filepath.Join(dir, name+".xml")
	if err := os.WriteFile(path, content, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// nasty are names and numbers that somebody may send.
var nasty = []string{
	"", "&amp;", "<a b='c'>", "]]>", "<!DOCTYPE x>", "--supervision-3", "\x00\x1b[2J\x7f", "\xff\xfe", "\uFFFE\uFFFF\U0001FFFE",
	"a\r\nb\tc", "\u202Egnp", "日本語 😀", "%41%", strings.Repeat("€", 300), strings.Repeat("\xe2\x82", 300), "#;?@:/ ,[]\\^`{|}",
}
