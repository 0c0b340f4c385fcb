// Package forwarding holds what can be said about call forwarding without asking anybody: its kinds, what a
// destination must look like, and which families of the PBX's database keep it. It has no I/O, no clock and no
// goroutine.
package forwarding

import (
	"regexp"
	"time"
)

// Kind says when a line is forwarded (rule F1).
type Kind string

const (
	Always   Kind = "always"    // every call
	Busy     Kind = "busy"      // while the line is busy
	NoAnswer Kind = "no_answer" // after it has rung for some seconds
	Phone    Kind = "phone"     // the phone itself answered a call with a redirection (SIP 302)
)

// Families names the families of Asterisk's database (AstDB) that keep forwards and do-not-disturb; the key in each is
// the extension. An empty family means that the PBX has no place for it.
type Families struct {
	Always          string
	Busy            string
	NoAnswer        string
	DND             string
	NoAnswerSeconds string
}

// Policy is what a site allows and how it looks after its forwards.
type Policy struct {
	Families Families
	// Allowed are the patterns of which a destination must match one (rule F6). None: nothing is allowed.
	Allowed []*regexp.Regexp
	// Poll is how often the PBX's store is read when nothing tells of a change.
	Poll time.Duration
}

// Stored is what the PBX's store says of one line. Empty: not forwarded.
type Stored struct {
	Always, Busy, NoAnswer string
	AfterSeconds           int // of NoAnswer; 0: not said
	DND                    bool
}

// Change is one entry of the store to be written: a forward (Kind), or do-not-disturb (Kind empty). An empty Value deletes
// it.
type Change struct {
	Kind         Kind
	Value        string
	AfterSeconds int // of NoAnswer, where the store has a place for it
}

// Document is one forward of a line as it is published in the person's state document. Whose lines these are package
// supervision knows.
type Document struct {
	Kind          Kind   `json:"kind" enum:"always,busy,no_answer,phone" doc:"when the line is forwarded: every call, while it is busy, when nobody answers, or by the phone itself"`
	Target        string `json:"target" doc:"what the store of the PBX has, or what the phone named; others may have written it, so it can be any text"`
	TargetName    string `json:"target_name" doc:"the name of the person whose line the target is; empty: nobody's here"`
	Effective     string `json:"effective" doc:"where a call ends that follows always forwards from there; in a loop the last before it closes"`
	EffectiveName string `json:"effective_name" doc:"the name of the person whose line effective is; empty: nobody's here"`
	Loop          bool   `json:"loop" doc:"the forwards lead round"`
	AfterSeconds  int    `json:"after_seconds" doc:"of no_answer: seconds of ringing, where the store says so; otherwise 0"`
	Since         string `json:"since" doc:"when it was noticed; empty: before the daemon started"`
	SetBy         string `json:"set_by" doc:"id of the person who set it here; empty: by somebody else, or before the daemon started"`
}

// SameWay says whether two documents tell of the same forward, whatever the people are called whose lines it leads to.
func (d Document) SameWay(other Document) bool {
	d.TargetName, d.EffectiveName = other.TargetName, other.EffectiveName
	return d == other
}
