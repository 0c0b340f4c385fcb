package lampboard

import (
	"encoding/xml"
	"fmt"
	"maps"
)

// Table is what a subscriber makes of the dialog-info documents of one subscription, by the rules of RFC 4235, 4.3. It is no use
// before its first document.
type Table struct {
	// Rows are the dialogs that there are, by their ids.
	Rows map[string]Row
	// Version is the last document's.
	Version uint32
	begun   bool
}

// Row is a dialog as a lamp shows it.
type Row struct {
	State, Direction, Remote, Display string
}

type dialogInfo struct {
	Version uint32 `xml:"version,attr"`
	State   string `xml:"state,attr"`
	Dialogs []struct {
		ID        string `xml:"id,attr"`
		Direction string `xml:"direction,attr"`
		State     string `xml:"state"`
		Remote    struct {
			Identity struct {
				Display string `xml:"display,attr"`
				URI     string `xml:",chardata"`
			} `xml:"identity"`
		} `xml:"remote"`
	} `xml:"dialog"`
}

// Applied is what came of a document.
type Applied struct {
	// Partial: the document had only what has changed. Dialogs is how many it had.
	Partial bool
	Dialogs int
	// Missed: there was a document before it that never came, and what is known since then is not all. The subscriber should ask anew.
	Missed bool
	// Gap is how much higher its version was than the one before.
	Gap uint32
}

// Apply takes a document. One older than what is known changes nothing.
func (t *Table) Apply(n Notice) (Applied, error) {
	var d dialogInfo
	if err := xml.Unmarshal([]byte(n.Body), &d); err != nil {
		return Applied{}, fmt.Errorf("a document that cannot be read: %w\n%s", err, n.Body)
	}
	a := Applied{Partial: d.State == "partial", Dialogs: len(d.Dialogs)}
	if !a.Partial && d.State != "full" || a.Partial && !t.begun {
		return a, fmt.Errorf("a document that is neither full nor a part of what was told before:\n%s", n.Body)
	}
	if t.begun {
		if d.Version <= t.Version {
			return a, nil
		}
		a.Gap = d.Version - t.Version
	}
	a.Missed = a.Partial && a.Gap > 1
	if !a.Partial {
		t.Rows = make(map[string]Row)
	}
	t.begun, t.Version = true, d.Version
	for _, one := range d.Dialogs {
		t.Rows[one.ID] = Row{one.State, one.Direction, one.Remote.Identity.URI, one.Remote.Identity.Display}
	}
	maps.DeleteFunc(t.Rows, func(_ string, r Row) bool { return r.State == "terminated" })
	return a, nil
}
