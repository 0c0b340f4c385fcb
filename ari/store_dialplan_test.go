package ari

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"supervisiond/forwarding"
)

func usualFamilies() forwarding.Families {
	return forwarding.Families{Always: "CF", Busy: "CFB", NoAnswer: "CFU", DND: "DND", NoAnswerSeconds: "CFUT"}
}

func storeDialplan(t *testing.T, f forwarding.Families) string {
	t.Helper()
	o := usualDialplan()
	without, err := Dialplan(o)
	if err != nil {
		t.Fatal(err)
	}
	o.Families = f
	with, err := Dialplan(o)
	if err != nil {
		t.Fatal(err)
	}
	version := regexp.MustCompile(`v1_[0-9a-f]{16}`)
	if a, b := version.FindString(with), version.FindString(without); (a == b) != (f == forwarding.Families{}) {
		t.Errorf("versions %s and %s", a, b)
	}
	text, ok := strings.CutPrefix(version.ReplaceAllString(with, ""), version.ReplaceAllString(without, ""))
	if !ok {
		t.Fatal("the rest of the dialplan has changed")
	}
	return text
}

func TestStoreDialplan(t *testing.T) {
	got := storeDialplan(t, usualFamilies())
	const file = "testdata/dialplan-store.conf"
	if *updateDialplan {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s: got\n%s", file, got)
	}
}

// A PBX without a place for something is not asked for it, and one without any has none of it.
func TestStoreDialplanLeavesOutWhatThereIsNot(t *testing.T) {
	text := storeDialplan(t, forwarding.Families{Always: "my-CF_1"})
	for _, absent := range []string{"Busy", "NoAnswer", "Seconds", "/${SUPERVISION_EXTENSION})})},D"} {
		if strings.Contains(text, absent) {
			t.Errorf("there is %s in\n%s", absent, text)
		}
	}
	if !strings.Contains(text, "DB_KEYS(my-CF_1)") {
		t.Error(text)
	}
	if text := storeDialplan(t, forwarding.Families{}); text != "" {
		t.Error(text)
	}
}

func TestFamiliesCannotInject(t *testing.T) {
	for _, bad := range []string{"CF)", "CF/102", "CF ", "CF\n", "${X}", "CF,1", "CF=1", "ü", `"`} {
		for i := range 5 {
			o := usualDialplan()
			o.Families = usualFamilies()
			*[]*string{&o.Families.Always, &o.Families.Busy, &o.Families.NoAnswer, &o.Families.DND, &o.Families.NoAnswerSeconds}[i] = bad
			if text, err := Dialplan(o); err == nil || text != "" || !strings.Contains(err.Error(), "forwarding.families.") {
				t.Errorf("%q: %v", bad, err)
			}
		}
	}
}
