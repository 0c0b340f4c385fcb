package body

import (
	"bytes"
	"os"
	"strings"
	"testing"
)

// pressed are the documents in testdata/pressed: what phones send when a feature key is pressed.
var pressed = map[string]Feature{
	"broadworks_dnd":       {Device: "7659366", Kind: DoNotDisturb, On: true},
	"broadworks_always":    {Device: "7659366", Kind: ForwardAlways, On: true, Target: "2424"},
	"cisco_always_off":     {Kind: ForwardAlways},
	"kamailio_notknown":    {Kind: DoNotDisturb},
	"polycom_dnd_off":      {Device: "5559430902", Kind: DoNotDisturb},
	"yealink_noanswer":     {Device: "102", Kind: ForwardNoAnswer, On: true, Target: "+4989123", Rings: 3},
	"generous_uri":         {Device: "102", Kind: ForwardBusy, On: true, Target: "#21"},
	"generous_event_words": {Device: "102", Kind: ForwardBusy, On: true, Target: "103"},
}

func TestParseFeature(t *testing.T) {
	for name, want := range pressed {
		document, err := os.ReadFile("testdata/pressed/" + name + ".xml")
		if err != nil {
			t.Fatal(err)
		}
		if got, err := ParseFeature(document); err != nil || got != want {
			t.Errorf("%s: %+v, not %+v (%v)", name, got, want, err)
		}
	}
}

func TestParseFeatureRefuses(t *testing.T) {
	forwarding := "<SetForwarding><forwardingType>forwardBusy</forwardingType>"
	for name, c := range map[string]struct{ document, message string }{
		"another feature": {"<SetAgentState/>", "SetAgentState is no feature"},
		"no truth":        {"<SetDoNotDisturb><doNotDisturbOn>perhaps</doNotDisturbOn></SetDoNotDisturb>", `"perhaps" is neither`},
		"nothing said":    {"<SetDoNotDisturb/>", "it has no doNotDisturbOn"},
		"no forward":      {"<SetForwarding><activateForward>true</activateForward></SetForwarding>", "forwardingType"},
		"no status":       {forwarding + "</SetForwarding>", "it has no activateForward"},
		"rings":           {forwarding + "<activateForward>1</activateForward><ringCount>500</ringCount></SetForwarding>", `ringCount "500"`},
		"long":            {"<SetDoNotDisturb>" + strings.Repeat(" ", maxDocument), "longer than"},
		"document type":   {"<!DOCTYPE a><SetDoNotDisturb/>", "document type"},
	} {
		if _, err := ParseFeature([]byte(c.document)); err == nil || !strings.Contains(err.Error(), c.message) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestFeatures(t *testing.T) {
	all := []Feature{
		{Device: "102", Kind: DoNotDisturb},
		{Device: "102", Kind: ForwardAlways, On: true, Target: "+4989123"},
		{Device: "102", Kind: ForwardBusy},
		{Device: "102", Kind: ForwardNoAnswer, On: true, Target: "103", Rings: 4},
	}
	b, contentType := AppendFeatures(nil, all, "pbx.example")
	golden(t, "features_all.txt", "Content-Type: "+contentType+"\r\n\r\n"+string(b))
	for i, p := range split(t, b, contentType) {
		if !bytes.Equal(p.body, all[i].Append(nil)) || p.contentType != FeatureType {
			t.Errorf("part %d is %s:\n%s", i, p.contentType, p.body)
		}
	}
	if b, contentType := AppendFeatures(nil, all[:1], "pbx.example"); contentType != FeatureType || !bytes.Equal(b, all[0].Append(nil)) {
		t.Errorf("a single one is %s:\n%s", contentType, b)
	}
}
