package body

import (
	"os"
	"strings"
	"testing"
)

// published are the documents in testdata/published: what softphones and phones send, as their sources (baresip, Blink,
// Jitsi, Linphone, MicroSIP's PJSIP), their makers' pages (Snom) or captures of them (Cisco, RCS, Sipnetic, Zoiper) show it.
// Bria's are in the form in which others rebuilt them. The odd ones are nobody's.
var published = map[string]Report{
	"baresip_open":           {Entity: "sip:ben@pbx.example", State: Online},
	"baresip_closed":         {Entity: "sip:ben@pbx.example", State: Offline},
	"blink_extended_away":    {Entity: "sip:ben@pbx.example", State: Away, Note: "Back at four"},
	"bria_busy":              {Entity: "sip:ben@pbx.example", State: Busy, Note: "Busy"},
	"bria_dnd":               {Entity: "sip:ben@pbx.example", State: DND, Note: "Do Not Disturb"},
	"cisco_available":        {Entity: "sip:102@10.0.0.7", State: Online},
	"cisco_dnd":              {Entity: "sip:102@10.0.0.7", State: DND},
	"cisco_phone":            {Entity: "sip:8001@192.168.13.198", State: Busy, OnThePhone: true},
	"jitsi_dnd":              {Entity: "sip:ben@pbx.example", State: DND, Note: "Busy (DND)"},
	"jitsi_meeting":          {Entity: "sip:ben@pbx.example", State: Busy, Note: "In a meeting"},
	"linphone_away":          {Entity: "sip:ben@pbx.example", State: Away},
	"linphone_dnd":           {Entity: "sip:ben@pbx.example", State: DND},
	"linphone_dnd_described": {Entity: "sip:ben@pbx.example", State: DND, Note: "Do not disturb"},
	"linphone_offline":       {Entity: "sip:ben@pbx.example", State: Offline},
	"microsip_away":          {Entity: "sip:ben@pbx.example", State: Away, Note: "Away"},
	"rcs_dnd":                {Entity: "sip:ben@pbx.example", State: DND},
	"sipnetic_phone":         {Entity: "sip:ben@pbx.example", State: Busy, OnThePhone: true},
	"snom_lunch":             {Entity: "pres:431@192.168.10.59", State: Away, Note: "Lunch"},
	"zoiper_online":          {Entity: "sip:1000@pbx.example;transport=UDP", State: Online, Note: "Online"},
	"odd_prefixes":           {Entity: "sip:ben@pbx.example", State: Busy, OnThePhone: true, Note: "Télé"},
	"odd_namespaces":         {Entity: "sip:ben@pbx.example", State: Online},
}

func TestParsePIDF(t *testing.T) {
	for name, want := range published {
		document, err := os.ReadFile("testdata/published/" + name + ".xml")
		if err != nil {
			t.Fatal(err)
		}
		if got, err := ParsePIDF(document); err != nil || got != want {
			t.Errorf("%s: %+v, not %+v (%v)", name, got, want, err)
		}
	}
}

// TestPresenceThereAndBack: what we say of a state, we read as that state, in each language.
func TestPresenceThereAndBack(t *testing.T) {
	for _, w := range languages {
		for _, state := range []State{Online, Busy, Away, DND, Offline} {
			for _, onThePhone := range []bool{false, true} {
				p := &Presence{Entity: "sip:ben@pbx.example", State: state, OnThePhone: onThePhone && state == Busy, Lang: w.lang}
				got, err := ParsePIDF(p.Append(nil))
				if err != nil || got.State != state || got.OnThePhone != p.OnThePhone || got.Entity != p.Entity || got.Note == "" {
					t.Errorf("%s in %s: %+v, %v", state, w.lang, got, err)
				}
			}
		}
	}
}

func TestParsePIDFRefuses(t *testing.T) {
	presence := `<presence xmlns="urn:ietf:params:xml:ns:pidf" entity="sip:b@h">`
	for name, c := range map[string]struct{ document, message string }{
		"nothing":       {"", "not a document of XML"},
		"words":         {"hello", "not a document of XML"},
		"cut off":       {presence + "<tuple>", "not a document of XML"},
		"another root":  {`<presence xmlns="jabber:client"/>`, "its root is not presence"},
		"a prefix only": {`<pidf:presence/>`, "its root is not presence"},
		"document type": {`<?xml version="1.0"?><!DOCTYPE presence [<!ENTITY a "aa">]>` + presence + `&a;</presence>`, "document type"},
		"entity":        {presence + `<note>&a;</note></presence>`, "invalid character entity"},
		"deep":          {presence + strings.Repeat("<a>", 20), "more than"},
		"many":          {presence + strings.Repeat("<a/>", 300), "more than"},
		"long":          {presence + strings.Repeat(" ", maxDocument), "longer than"},
		"encoding":      {`<?xml version="1.0" encoding="UTF-16"?>` + presence, `"utf-16"`},
		"not UTF-8":     {`<?xml version="1.0"?>` + presence + "<note>\xe9</note></presence>", "UTF-8"},
		"declaration":   {`<?xml version="1.0"`, "does not end"},
	} {
		if _, err := ParsePIDF([]byte(c.document)); err == nil || !strings.Contains(err.Error(), c.message) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
