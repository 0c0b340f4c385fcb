package ari

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"supervisiond/supervision"
)

func TestWish(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	l := &leg{channel: channel{ID: "1.1"}, endpoint: "PJSIP/101"}
	pickup := func(a supervision.PickupAsk) supervision.Event {
		return supervision.PickupDialled{At: at, Channel: "1.1", Endpoint: "PJSIP/101", Ask: a}
	}
	code := func(c supervision.FeatureCode, group, extension string) supervision.Event {
		return supervision.CodeDialled{At: at, Channel: "1.1", Endpoint: "PJSIP/101", Code: c, GroupNumber: group, Extension: extension}
	}
	for args, want := range map[string]supervision.Event{
		"pickup":                   pickup(supervision.PickupAsk{}),
		"pickup,person,102":        pickup(supervision.PickupAsk{Extension: "102"}),
		"pickup,group,1":           pickup(supervision.PickupAsk{GroupNumber: "1"}),
		"pickup-failed":            supervision.PickupFailed{At: at, Channel: "1.1"},
		"join,1":                   code(supervision.CodeJoin, "1", ""),
		"leave,12":                 code(supervision.CodeLeave, "12", ""),
		"toggle,1":                 code(supervision.CodeToggle, "1", ""),
		"toggle,123,102":           code(supervision.CodeToggle, "123", "102"),
		"cancel-forwarding":        code(supervision.CodeCancelForwarding, "", ""),
		"cancel-forwarding,102":    code(supervision.CodeCancelForwarding, "", "102"),
		"":                         nil,
		"pickup,person":            nil,
		"pickup,person,":           nil,
		"pickup,anybody,1":         nil,
		"pickup-failed,1":          nil,
		"join":                     nil,
		"join,":                    nil,
		"join,1,2":                 nil,
		"leave":                    nil,
		"toggle":                   nil,
		"toggle,,102":              nil,
		"toggle,1,":                nil,
		"toggle,1,102,3":           nil,
		"cancel-forwarding,":       nil,
		"cancel-forwarding,1,2":    nil,
		"delete,everything":        nil,
		"supervision.CodeJoin,1":   nil,
		"cancel-forwarding,102,no": nil,
	} {
		if got := wish(l, strings.Split(args, ","), at); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, want %+v", args, got, want)
		}
	}
}

// Codes that wait in the application since an earlier life of the daemon are taken up again.
func TestCodesThatWait(t *testing.T) {
	var strays []string
	tr := newTracker("supervision", func(supervision.Event) {}, fakeAsker{},
		func(id string, _ []string) { strays = append(strays, id) })
	in := func(id, data string) channel {
		return channel{ID: id, Name: "PJSIP/101-" + id, State: "Ring", Dialplan: dialplan{App: "Stasis", AppData: data}}
	}
	tr.load(&snapshot{channels: []channel{
		in("1", "supervision,toggle,1,102"), in("2", "supervision,cancel-forwarding"), in("3", "supervision,toggle"),
		in("4", "other,join,1"),
	}})
	at := time.Now()
	want := []supervision.Event{
		supervision.CodeDialled{At: at, Channel: "1", Endpoint: "PJSIP/101", Code: supervision.CodeToggle, GroupNumber: "1", Extension: "102"},
		supervision.CodeDialled{At: at, Channel: "2", Endpoint: "PJSIP/101", Code: supervision.CodeCancelForwarding},
	}
	if got := tr.waiting(at); !reflect.DeepEqual(got, want) {
		t.Errorf("%+v", got)
	}
	if strings.Join(strays, " ") != "3" {
		t.Errorf("strays: %v", strays)
	}
}
