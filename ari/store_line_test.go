package ari

import (
	"encoding/base64"
	"maps"
	"strings"
	"testing"

	"supervisiond/forwarding"
	"supervisiond/supervision"
)

func TestPlain(t *testing.T) {
	for _, value := range []string{"", "103", "=", "==a", "a,b\n\x00\xff", strings.Repeat("1", 255)} {
		if got := plain(base64.StdEncoding.EncodeToString([]byte("=" + value))); got != value {
			t.Errorf("%q becomes %q", value, got)
		}
	}
	for wrapped, want := range map[string]string{"": "", "PTEwMw": "10", "PTEwMzQ1Ng": "10345", "%%": "", "PTEw%": "10"} {
		if got := plain(wrapped); got != want {
			t.Errorf("%q gives %q, want %q", wrapped, got, want)
		}
	}
}

func TestSeconds(t *testing.T) {
	for text, want := range map[string]int{"25": 25, "": 0, "x": 0, "-3": 0, "99999999": 0, "1e3": 0, "600": 600} {
		for _, written := range []string{text, " " + text + "\n"} {
			if got := seconds(written); got != want {
				t.Errorf("%q gives %d", written, got)
			}
		}
	}
}

func TestWriteVars(t *testing.T) {
	f := usualFamilies()
	leave := func(and map[string]string) map[string]string {
		vars := map[string]string{storeVarExtension: "102", storeVarList: "102"}
		for _, p := range storePlaces(f) {
			vars[storeVarDo+p.Name] = storeDoLeave
		}
		maps.Copy(vars, and)
		return vars
	}
	hostile := "${X}),&\"\n"
	for _, c := range []struct {
		ext     string
		changes []forwarding.Change
		want    map[string]string
	}{
		{"102", nil, leave(nil)},
		{"102", []forwarding.Change{{Kind: forwarding.Always, Value: hostile}},
			leave(map[string]string{"SUPERVISION_DO_Always": "set", "SUPERVISION_VALUE_Always": hostile})},
		{"102", []forwarding.Change{{Kind: forwarding.NoAnswer, Value: "103", AfterSeconds: 9}, {}},
			leave(map[string]string{
				"SUPERVISION_DO_NoAnswer": "set", "SUPERVISION_VALUE_NoAnswer": "103", "SUPERVISION_DO_Seconds": "set",
				"SUPERVISION_VALUE_Seconds": "9", "SUPERVISION_DO_DND": "delete",
			})},
		{"102", []forwarding.Change{{Kind: forwarding.Busy, Value: "1"}, {Kind: forwarding.Busy}},
			leave(map[string]string{"SUPERVISION_DO_Busy": "delete"})},
		{"102", []forwarding.Change{{Kind: forwarding.NoAnswer, AfterSeconds: 9}}, leave(map[string]string{"SUPERVISION_DO_NoAnswer": "delete"})},
		{"102", []forwarding.Change{{Kind: forwarding.Phone, Value: "1"}}, nil},
		{"102", []forwarding.Change{{Kind: forwarding.Always, Value: strings.Repeat("1", 256)}}, nil},
		{"102", []forwarding.Change{{Kind: forwarding.Always, Value: "1\x00"}}, nil},
		{"10a", nil, nil},
		{"102\n", nil, nil},
		{"", nil, nil},
		{strings.Repeat("1", 16), nil, nil},
	} {
		got, why := writeVars(f, supervision.WriteStore{Extension: c.ext, Changes: c.changes})
		if !maps.Equal(got, c.want) || (why == "") != (c.want != nil) {
			t.Errorf("%q %+v: got %v (%s)\nwant %v", c.ext, c.changes, got, why, c.want)
		}
	}
	f.NoAnswerSeconds = ""
	if _, why := writeVars(f, supervision.WriteStore{Extension: "102", Changes: []forwarding.Change{{Kind: forwarding.NoAnswer, Value: "1", AfterSeconds: 9}}}); why == "" {
		t.Error("seconds without a place for them")
	}
}

// The store's channels are nobody's calls: the tracker is not told of them, and of user events not at all.
func TestStoreChannelsAreNotTracked(t *testing.T) {
	s := newStored(t, newFakeStore(t), 1<<60, "102")
	for name, own := range map[string]bool{
		"Local/keys@supervision-store-read-0000002a;1": true, "Local/lines@supervision-store-read-0000002a;2": true,
		"Local/write@supervision-store-write-00000000;2": true, "Local/102@internal-0000002a;1": false,
		"Local/102@supervision-storehouse-1;1": false, "PJSIP/x@supervision-store-read-1": false, "Local/keys": false, "": false,
	} {
		for _, e := range []event{
			{Type: "ChannelCreated", Channel: channel{ID: "1", Name: name}}, {Type: "ChannelDestroyed", Channel: channel{ID: "1", Name: name}},
			{Type: "ChannelHangupRequest", Channel: channel{ID: "1", Name: name}}, {Type: "Dial", Peer: channel{ID: "1", Name: name}},
		} {
			if got := s.pbx.store.hears(&e); got != own {
				t.Errorf("%s %s: %v", e.Type, name, got)
			}
		}
	}
	for _, name := range []string{"", "Other", storeChangedEvent, storeLineEvent, storeEndEvent} {
		if !s.pbx.store.hears(&event{Type: "ChannelUserevent", UserEvent: userEvent{Name: name, Read: "x"}}) {
			t.Errorf("%q is tracked", name)
		}
	}
}

func TestForwardNumber(t *testing.T) {
	for forward, want := range map[string]string{
		"104": "104", "104@internal": "104", "+4989123": "+4989123", "sip:104@example.org": "104", "SIP/104": "104",
		"PJSIP/trunk/sip:104@example.org;x=y": "104", "tel:+49891;phone-context=x": "+49891", "": "", "@internal": "",
	} {
		if got := forwardNumber(forward); got != want {
			t.Errorf("%q gives %q, want %q", forward, got, want)
		}
	}
}
