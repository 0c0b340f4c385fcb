package watch

import "testing"

func TestLocale(t *testing.T) {
	for _, x := range []struct {
		env  []string
		want bool
	}{
		{nil, false},
		{[]string{"LANG=de_DE.UTF-8"}, true},
		{[]string{"LANG=de_DE.utf8"}, true},
		{[]string{"LANG=C"}, false},
		{[]string{"LANG=de_DE.UTF-8", "LC_ALL=C"}, false},
		{[]string{"LANG=de_DE.UTF-8", "LC_ALL="}, true}, // empty counts as not set
		{[]string{"LANG=C", "LC_CTYPE=C.UTF-8"}, true},
		{[]string{"LANG=C.UTF-8", "LANG=C"}, false}, // the last counts
	} {
		if got := utf8Locale(x.env); got != x.want {
			t.Errorf("%v: %t", x.env, got)
		}
	}
}
