package body

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"
)

func addFiles(f *testing.F, pattern string) {
	names, err := filepath.Glob(pattern)
	if err != nil || len(names) == 0 {
		f.Fatalf("no %s (%v)", pattern, err)
	}
	for _, name := range names {
		b, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
}

func FuzzPIDF(f *testing.F) {
	addFiles(f, "testdata/published/*.xml")
	addFiles(f, "testdata/pidf_*.xml")
	f.Fuzz(func(t *testing.T, document []byte) {
		r, err := ParsePIDF(document)
		if err != nil {
			if r != (Report{}) || len(err.Error()) > 300 {
				t.Errorf("%+v, %v", r, err)
			}
			return
		}
		switch r.State {
		case Online, Busy, Away, DND, Offline:
		default:
			t.Errorf("state %q", r.State)
		}
		if r.OnThePhone && r.State != Busy || len(r.Note) > maxShown {
			t.Errorf("%+v", r)
		}
	})
}

func FuzzFeature(f *testing.F) {
	addFiles(f, "testdata/pressed/*.xml")
	f.Fuzz(func(t *testing.T, document []byte) {
		got, err := ParseFeature(document)
		if err != nil {
			if got != (Feature{}) || len(err.Error()) > 300 {
				t.Errorf("%+v, %v", got, err)
			}
			return
		}
		switch got.Kind {
		case DoNotDisturb, ForwardAlways, ForwardBusy, ForwardNoAnswer:
		default:
			t.Errorf("kind %q", got.Kind)
		}
		if got.Rings < 0 || got.Rings > maxRings {
			t.Errorf("%d rings", got.Rings)
		}
		wellFormed(t, got.Append(nil))
	})
}

// FuzzWritten: whatever strings are in it, what is written is XML, and comes apart into the parts that it was made of.
func FuzzWritten(f *testing.F) {
	for _, s := range nasty {
		f.Add(s, s, s, uint32(7))
	}
	f.Fuzz(func(t *testing.T, a, b, c string, version uint32) {
		info := &DialogInfo{Entity: a, Version: version, Full: version&1 == 0, Dialogs: []Dialog{{
			ID: b, Direction: Recipient, State: Early,
			Local: Identity{URI: c, Display: a, Target: b}, Remote: Caller(a, b, c, version&2 == 0),
		}}}
		presence := &Presence{Entity: a, State: State(b), Lang: c}
		list := &List{URI: a, Name: b, Host: c, Version: version, Resources: []Resource{
			{URI: a, Name: b, State: InstanceActive, Body: info},
			{URI: b, Name: c, State: InstancePending, Body: presence},
		}}
		out, contentType := list.Append(nil)
		parts := split(t, out, contentType)
		if len(parts) != 3 {
			t.Fatalf("%d parts in\n%s", len(parts), out)
		}
		for _, p := range parts {
			wellFormed(t, p.body)
		}
		features := []Feature{{Device: a, Kind: ForwardNoAnswer, On: true, Target: b, Rings: 3}, {Device: c, Kind: DoNotDisturb}}
		out, contentType = AppendFeatures(nil, features, a)
		if parts = split(t, out, contentType); len(parts) != 2 {
			t.Fatalf("%d parts in\n%s", len(parts), out)
		}
		for _, p := range parts {
			wellFormed(t, p.body)
		}
		alert := Alert{Number: a, Name: b, Callee: c, Via: []Via{{Number: a, Name: b}}}
		if text := alert.Text(); !utf8.ValidString(text) || strings.ContainsAny(text, "\x00\r\n\x1b") {
			t.Errorf("%q", text)
		}
	})
}

// wellFormed reads a document to its end, and looks that each of its lines begins with a tag, so that none is a delimiter.
func wellFormed(t *testing.T, document []byte) {
	t.Helper()
	if !utf8.Valid(document) {
		t.Errorf("not UTF-8: %q", document)
	}
	for _, l := range bytes.Split(bytes.TrimSuffix(document, []byte("\n")), []byte("\n")) {
		if len(l) == 0 || l[0] != '<' {
			t.Errorf("line %q in\n%s", l, document)
		}
	}
	for d := xml.NewDecoder(bytes.NewReader(document)); ; {
		_, err := d.Token()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatalf("%v in\n%s", err, document)
		}
	}
}
