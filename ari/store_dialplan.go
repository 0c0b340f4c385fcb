package ari

import (
	_ "embed"
	"fmt"
	"regexp"
	"strings"
	"text/template"

	"supervisiond/forwarding"
)

// The helper contexts of the generated dialplan that read and write the PBX's store. Nothing includes them.
const (
	storeReadContext  = "supervision-store-read"
	storeWriteContext = "supervision-store-write"
)

// The extensions of these contexts.
const (
	storeKeys  = "keys"
	storeLines = "lines"
	storeWrite = "write"
)

// The user events by which the PBX tells of its store. The first is for the PBX's own dialplans, the others are what the
// helper contexts answer with.
const (
	storeChangedEvent = "SupervisionStore"
	storeKeysEvent    = "SupervisionStoreKeys"
	storeBeforeEvent  = "SupervisionStoreBefore"
	storeLineEvent    = "SupervisionStoreLine"
	storeEndEvent     = "SupervisionStoreEnd"
)

// The variables that the helper contexts are given. Those for each place of the store end with its name.
const (
	storeVarRead      = "SUPERVISION_READ"
	storeVarList      = "SUPERVISION_LIST"
	storeVarExtension = "SUPERVISION_EXTENSION"
	storeVarDo        = "SUPERVISION_DO_"
	storeVarValue     = "SUPERVISION_VALUE_"

	storeDoSet    = "set"
	storeDoDelete = "delete"
	storeDoLeave  = "leave" // as it is
)

// storePlace is a family of AstDB that keeps something of lines. Kept says that a line with nothing but this has
// something.
type storePlace struct {
	Name, Family string
	Kept         bool
}

// The names of places: in variables of the dialplan, and as fields of its events.
const (
	placeAlways   = "Always"
	placeBusy     = "Busy"
	placeNoAnswer = "NoAnswer"
	placeDND      = "DND"
	placeSeconds  = "Seconds"
)

// storePlaces are the places that the PBX has.
func storePlaces(f forwarding.Families) []storePlace {
	var list []storePlace
	for _, p := range []storePlace{
		{placeAlways, f.Always, true}, {placeBusy, f.Busy, true}, {placeNoAnswer, f.NoAnswer, true}, {placeDND, f.DND, true},
		{placeSeconds, f.NoAnswerSeconds, false},
	} {
		if p.Family != "" {
			list = append(list, p)
		}
	}
	return list
}

// familySyntax keeps out what would mean something else in a dialplan.
var familySyntax = regexp.MustCompile(`^[A-Za-z0-9_-]*$`)

func validateFamilies(f forwarding.Families) error {
	for _, v := range []struct{ key, family string }{
		{"always", f.Always}, {"busy", f.Busy}, {"no_answer", f.NoAnswer}, {"dnd", f.DND},
		{"no_answer_seconds", f.NoAnswerSeconds},
	} {
		if !familySyntax.MatchString(v.family) {
			return fmt.Errorf("forwarding.families.%s: %q cannot stand in a dialplan; allowed are letters, digits, _ and -",
				v.key, v.family)
		}
	}
	return nil
}

//go:embed dialplan_store.conf.tmpl
var storeText string

var storeTemplate = template.Must(template.New("store").Option("missingkey=error").Parse(storeText))

// fillStore adds the helper contexts of the store. A PBX without places for forwards needs none.
func fillStore(b *strings.Builder, f forwarding.Families) error {
	places := storePlaces(f)
	if len(places) == 0 {
		return nil
	}
	return storeTemplate.Execute(b, struct {
		Places                                          []storePlace
		ReadContext, WriteContext                       string
		Keys, Lines, Write                              string
		KeysEvent, BeforeEvent, LineEvent, EndEvent     string
		VarRead, VarList, VarExtension, VarDo, VarValue string
		DoSet, DoDelete, DoLeave                        string
	}{
		Places: places, ReadContext: storeReadContext, WriteContext: storeWriteContext,
		Keys: storeKeys, Lines: storeLines, Write: storeWrite,
		KeysEvent: storeKeysEvent, BeforeEvent: storeBeforeEvent, LineEvent: storeLineEvent, EndEvent: storeEndEvent,
		VarRead: storeVarRead, VarList: storeVarList, VarExtension: storeVarExtension, VarDo: storeVarDo, VarValue: storeVarValue,
		DoSet: storeDoSet, DoDelete: storeDoDelete, DoLeave: storeDoLeave,
	})
}
