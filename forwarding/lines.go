package forwarding

// Lines is what the PBX's store says of the lines of a site, by extension. Who is not in it has nothing there. It is what
// the supervision package's events carry as a map.
type Lines map[string]Stored

// DNDValue is what FreePBX writes for do-not-disturb. Any value but the empty one turns it on.
const DNDValue = "YES"

// Kinds are the kinds that the PBX's store holds, in the order in which they are shown.
func Kinds() []Kind { return []Kind{Always, Busy, NoAnswer} }

// Settable says whether a kind can be set and cancelled from here (rule F5).
func (k Kind) Settable() bool { return k == Always || k == Busy || k == NoAnswer }

// Of is the family that keeps forwards of a kind. Empty: the PBX has no place for it.
func (f *Families) Of(kind Kind) string {
	switch kind {
	case Always:
		return f.Always
	case Busy:
		return f.Busy
	case NoAnswer:
		return f.NoAnswer
	}
	return ""
}

// Target is where calls go that are forwarded for this reason. Empty: nowhere.
func (s Stored) Target(kind Kind) string {
	switch kind {
	case Always:
		return s.Always
	case Busy:
		return s.Busy
	case NoAnswer:
		return s.NoAnswer
	}
	return ""
}

// Forwarded says whether the store forwards the line for any reason.
func (s Stored) Forwarded() bool { return s.Always != "" || s.Busy != "" || s.NoAnswer != "" }

// Empty says whether the store has nothing of the line that matters. Seconds without a forward are the PBX's own affair.
func (s Stored) Empty() bool { return !s.Forwarded() && !s.DND }

// With is what the store holds once a change is written.
func (s Stored) With(c Change) Stored {
	switch c.Kind {
	case "":
		s.DND = c.Value != ""
	case Always:
		s.Always = c.Value
	case Busy:
		s.Busy = c.Value
	case NoAnswer:
		s.NoAnswer = c.Value
		switch {
		case c.Value == "":
			s.AfterSeconds = 0
		case c.AfterSeconds != 0:
			s.AfterSeconds = c.AfterSeconds
		}
	}
	return s
}

// with is the lines once a forward is set. The lines given stay as they are.
func with(lines map[string]Stored, ext string, kind Kind, target string) map[string]Stored {
	changed := make(map[string]Stored, len(lines)+1)
	for x, s := range lines {
		changed[x] = s
	}
	changed[ext] = changed[ext].With(Change{Kind: kind, Value: target})
	return changed
}
