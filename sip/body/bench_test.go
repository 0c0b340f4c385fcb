package body

import (
	"fmt"
	"testing"
)

// BenchmarkDialogInfo: one NOTIFY's body for one ring, in a buffer that is used again.
func BenchmarkDialogInfo(b *testing.B) {
	d := documents["dialog-info_ringing"]
	var buf []byte
	b.ReportAllocs()
	for b.Loop() {
		buf = d.Append(buf[:0])
	}
	b.ReportMetric(float64(len(buf)), "bytes/body")
}

// BenchmarkCaller: the identity of a ring's caller, which all watchers share.
func BenchmarkCaller(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		_ = Caller("+4930555", "Dr. Weiß", "pbx.example", false)
	}
}

// BenchmarkList: a full list of 50 people, each with a call that rings.
func BenchmarkList(b *testing.B) {
	l := &List{URI: "sip:sales@pbx.example", Name: "Vertrieb", Host: "pbx.example", Full: true}
	for i := range 50 {
		uri := URI(fmt.Sprint(100+i), "pbx.example")
		l.Resources = append(l.Resources, Resource{URI: uri, Name: "Ben Okafor", State: InstanceActive, Body: &DialogInfo{
			Entity: uri, Full: true, Dialogs: []Dialog{{
				ID: "c1a2", Direction: Recipient, State: Early, Local: ben, Remote: Caller("+4930555", "Dr. Weiß", "pbx.example", false),
			}},
		}})
	}
	var buf []byte
	b.ReportAllocs()
	for b.Loop() {
		buf, _ = l.Append(buf[:0])
		l.Version++
	}
	b.ReportMetric(float64(len(buf)), "bytes/body")
}

// BenchmarkParsePIDF: what a softphone publishes.
func BenchmarkParsePIDF(b *testing.B) {
	document := documents["pidf_call"].Append(nil)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ParsePIDF(document); err != nil {
			b.Fatal(err)
		}
	}
}
