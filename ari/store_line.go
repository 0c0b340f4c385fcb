package ari

import (
	"encoding/base64"
	"strconv"
	"strings"

	"supervisiond/forwarding"
	"supervisiond/supervision"
)

const (
	// maxLineDigits is the longest extension that the store is asked for. In AstDB's keys other characters than digits
	// could mean something to the dialplan.
	maxLineDigits = 15
	// maxStored is what AstDB keeps of a value.
	maxStored = 255
	// maxKeys is the length from which on a list of keys may have been cut off: Asterisk's functions give 4,095
	// characters at most.
	maxKeys = 4080
)

// isLine says whether an extension can be a key of the store.
func isLine(ext string) bool {
	return ext != "" && len(ext) <= maxLineDigits && strings.Trim(ext, "0123456789") == ""
}

// plain undoes how values are wrapped: in base64, because a comma would end them, and with a = before them, because the
// PBX warns about wrapping nothing. Of a value that was cut off as much is taken as there is.
func plain(wrapped string) string {
	b := make([]byte, base64.StdEncoding.DecodedLen(len(wrapped)))
	n, _ := base64.StdEncoding.Decode(b, []byte(wrapped))
	return strings.TrimPrefix(string(b[:n]), "=")
}

// storedOf reads what the PBX says of a line.
func storedOf(u *userEvent) forwarding.Stored {
	s := forwarding.Stored{
		Always: plain(u.Always), Busy: plain(u.Busy), NoAnswer: plain(u.NoAnswer), DND: plain(u.DND) != "",
	}
	if s.NoAnswer != "" {
		s.AfterSeconds = seconds(plain(u.Seconds))
	}
	return s
}

// seconds reads a time that anybody may have written; 0: it is none.
func seconds(text string) int {
	n, err := strconv.Atoi(strings.TrimSpace(text))
	if err != nil || n < 0 || n > 24*60*60 {
		return 0
	}
	return n
}

// writeVars are the variables that make the helper context write, or why it cannot be written.
func writeVars(f forwarding.Families, e supervision.WriteStore) (map[string]string, string) {
	if !isLine(e.Extension) {
		return nil, "the extension is not a number"
	}
	vars := map[string]string{storeVarExtension: e.Extension, storeVarList: e.Extension}
	for _, p := range storePlaces(f) {
		vars[storeVarDo+p.Name] = storeDoLeave
	}
	put := func(place, value string) string {
		switch {
		case vars[storeVarDo+place] == "":
			return "the PBX has no place for it; see forwarding.families"
		case len(value) > maxStored || strings.ContainsRune(value, 0):
			return "the PBX cannot store such a value"
		case value == "":
			vars[storeVarDo+place] = storeDoDelete
			delete(vars, storeVarValue+place)
		default:
			vars[storeVarDo+place], vars[storeVarValue+place] = storeDoSet, value
		}
		return ""
	}
	for _, c := range e.Changes {
		why := put(placeOf(c.Kind), c.Value)
		if why == "" && c.AfterSeconds != 0 && c.Value != "" {
			why = put(placeSeconds, strconv.Itoa(c.AfterSeconds))
		}
		if why != "" {
			return nil, why
		}
	}
	return vars, ""
}

func placeOf(kind forwarding.Kind) string {
	switch kind {
	case "":
		return placeDND
	case forwarding.Always:
		return placeAlways
	case forwarding.Busy:
		return placeBusy
	case forwarding.NoAnswer:
		return placeNoAnswer
	}
	return string(kind)
}

// written says whether what was read back is what was to be written.
func written(changes []forwarding.Change, read forwarding.Stored) bool {
	want := read
	for _, c := range changes {
		want = want.With(c)
	}
	return want == read
}
