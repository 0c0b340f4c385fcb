package body

import (
	"bytes"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"strings"
	"testing"
)

var lists = map[string]*List{
	"list_full": {
		URI: "sip:sales@pbx.example", Name: "Vertrieb", Host: "pbx.example", Version: 3, Full: true,
		Resources: []Resource{
			{URI: "sip:ben@pbx.example", Name: "Ben Okafor", State: InstanceActive, Body: documents["dialog-info_ringing"]},
			{URI: "sip:dora@pbx.example", Name: "Dora <D>", State: InstanceActive, Body: documents["pidf_dnd"]},
			{URI: "sip:finn@pbx.example", Name: "Finn"},
		},
	},
	"list_partial": {
		URI: "sip:sales@pbx.example", Host: "[2001:db8::1]:5070", Version: 4,
		Resources: []Resource{
			{URI: "sip:ben@pbx.example", State: InstanceActive, Body: documents["dialog-info_over"]},
		},
	},
	"list_nobody": {URI: "sip:sales@pbx.example", Host: "pbx.example", Full: true},
}

func TestLists(t *testing.T) {
	for name, l := range lists {
		b, contentType := l.Append([]byte("before"))
		golden(t, name+".txt", "Content-Type: "+contentType+"\r\n\r\n"+strings.TrimPrefix(string(b), "before"))
	}
}

// Cut leaves as many documents as fit. What is named without one is pending in a full list, and left for the next in another.
func TestCut(t *testing.T) {
	long := func(full bool) *List {
		l := &List{URI: "sip:sales@pbx.example", Name: "Vertrieb", Host: "pbx.example", Version: 1<<32 - 1, Full: full}
		for range 50 {
			l.Resources = append(l.Resources, Resource{URI: "sip:ben@pbx.example", Name: "Ben & Okafor", State: InstanceActive, Body: documents["dialog-info_ringing"]})
		}
		return l
	}
	for _, full := range []bool{true, false} {
		whole, _ := long(full).Append(nil)
		for limit := len(whole) + 1000; limit > 12_000; limit -= 777 {
			l := long(full)
			kept := l.Cut(limit)
			b, _ := l.Append(nil)
			parts := bytes.Count(b, []byte("<dialog-info "))
			if len(b) > limit || parts != kept || limit > len(whole)+300 && kept != 50 || len(whole)-len(b) > len(whole)-limit+1200+50*50 {
				t.Errorf("full %v, of %d bytes within %d: %d bytes with %d documents, said to be %d", full, len(whole), limit, len(b), parts, kept)
			}
			named, pending := bytes.Count(b, []byte("<resource ")), bytes.Count(b, []byte(`state="pending"`))
			if full && (named != 50 || pending != 50-kept) || !full && (named != kept || pending != 0) {
				t.Errorf("full %v: %d are named and %d pending, with %d documents", full, named, pending, kept)
			}
		}
		l := long(full)
		kept := l.Cut(1)
		if b, _ := l.Append(nil); full && (kept != 0 || bytes.Count(b, []byte("<resource ")) != 50) || !full && (kept != 1 || len(l.Resources) != 1) {
			t.Errorf("full %v, within nothing: %d documents", full, kept)
		}
	}
}

type part struct {
	id, contentType string
	body            []byte
}

// split takes a multipart body apart with the standard library, which looks for its boundary only.
func split(t *testing.T, b []byte, contentType string) []part {
	t.Helper()
	_, params, err := mime.ParseMediaType(contentType)
	if err != nil {
		t.Fatalf("%s: %v", contentType, err)
	}
	var parts []part
	for r := multipart.NewReader(bytes.NewReader(b), params["boundary"]); ; {
		p, err := r.NextRawPart()
		if errors.Is(err, io.EOF) {
			return parts
		}
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(p)
		if err != nil {
			t.Fatal(err)
		}
		parts = append(parts, part{p.Header.Get("Content-ID"), p.Header.Get("Content-Type"), body})
	}
}

func TestListHasWhatItsPartsHave(t *testing.T) {
	l := lists["list_full"]
	b, contentType := l.Append(nil)
	parts := split(t, b, contentType)
	if len(parts) != 3 {
		t.Fatalf("%d parts", len(parts))
	}
	if _, params, _ := mime.ParseMediaType(contentType); params["start"] != parts[0].id || params["type"] != parts[0].contentType {
		t.Errorf("%s does not name its first part, %s of %s", contentType, parts[0].id, parts[0].contentType)
	}
	for i, p := range parts[1:] {
		if cid := `cid="` + strings.Trim(p.id, "<>") + `"`; !bytes.Contains(parts[0].body, []byte(cid)) {
			t.Errorf("the list does not name part %s", p.id)
		}
		if want := l.Resources[i].Body; !bytes.Equal(p.body, want.Append(nil)) || p.contentType != want.ContentType() {
			t.Errorf("part %d is %s:\n%s", i, p.contentType, p.body)
		}
	}
}

// TestBoundaryOccursNowhereElse: a phone that looks for the boundary within lines must not find it in a caller's name.
func TestBoundaryOccursNowhereElse(t *testing.T) {
	name := "--supervision-7 --supervision-7-0 --supervision-7-1"
	l := &List{URI: "sip:sales@pbx.example", Host: "pbx.example", Version: 7, Resources: []Resource{{
		URI: "sip:ben@pbx.example", Name: name, State: InstanceActive, Body: &DialogInfo{Entity: "sip:ben@pbx.example",
			Dialogs: []Dialog{{ID: "1", State: Early, Remote: Caller("1", name, "pbx.example", false)}}},
	}}}
	b, contentType := l.Append(nil)
	_, params, _ := mime.ParseMediaType(contentType)
	if boundary := params["boundary"]; boundary != "supervision-7-2" || bytes.Count(b, []byte(boundary)) != 3 {
		t.Errorf("boundary %s in\n%s", boundary, b)
	}
}
