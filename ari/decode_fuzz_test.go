package ari

import (
	"bytes"
	"encoding/json"
	"testing"
)

func seeds(f *testing.F) {
	for _, frame := range realFrames(f) {
		f.Add(frame)
	}
	for _, s := range []string{``, `{}`, `{"type":"Dial"}`, `{"cause":1,"type":"ChannelHangupRequest"}`, `{"a":[[{}],"\ud83d\ude00"],"type":"x"}`, "{\"type\":\"\xff\"}"} {
		f.Add([]byte(s))
	}
}

// FuzzDecode holds the decoder against encoding/json: it takes nothing that is not JSON, refuses nothing that is an
// event, and reads the same from it.
func FuzzDecode(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, frame []byte) {
		original := bytes.Clone(frame)
		var e event
		err := decode(frame, &e)
		if !bytes.Equal(frame, original) {
			t.Fatal("the frame was changed")
		}
		var want map[string]any
		wrong := json.Unmarshal(frame, &want)
		if err == nil && wrong != nil {
			t.Fatalf("read what is not JSON: %v", wrong)
		}
		if wrong != nil || bytes.Contains(frame, []byte(`\`)) || bytes.Count(frame, []byte(`"type"`)) != 1 {
			return // names may be written in several ways
		}
		kind, _ := want["type"].(string)
		if nested := bytes.Count(frame, []byte("[")) + bytes.Count(frame, []byte("{")); err != nil && kind != "" && nested < maxDepth {
			t.Fatalf("refused an event: %v", err)
		}
		if err != nil {
			return
		}
		status, _ := want["dialstatus"].(string)
		cause, _ := want["cause"].(float64)
		if e.Type != kind || e.DialStatus != status || cause == float64(int16(cause)) && e.Cause != int(cause) {
			t.Fatalf("read %q %q %d, want %q %q %v", e.Type, e.DialStatus, e.Cause, kind, status, cause)
		}
		forward, _ := want["forward"].(string)
		name, _ := want["eventname"].(string)
		if e.Forward != forward || e.UserEvent.Name != name {
			t.Fatalf("read %q %q, want %q %q", e.Forward, e.UserEvent.Name, forward, name)
		}
		if bytes.Count(frame, []byte(`"userevent"`)) > 1 || bytes.Count(frame, []byte(`"Extension"`)) != 1 {
			return
		}
		fields, _ := want["userevent"].(map[string]any)
		if ext, _ := fields["Extension"].(string); e.UserEvent.Extension != ext {
			t.Fatalf("read %q, want %q", e.UserEvent.Extension, ext)
		}
	})
}

// FuzzPeekType: a type that is found is the one that decode finds.
func FuzzPeekType(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, frame []byte) {
		kind := peekType(frame)
		if kind != "" && !wants(kind) {
			t.Fatalf("%q is not wanted", kind)
		}
		var e event
		if decode(frame, &e) == nil && bytes.Count(frame, []byte(`"type"`)) == 1 && wants(e.Type) &&
			!bytes.Contains(frame, []byte(`\`)) && kind != e.Type {
			t.Fatalf("found %q, want %q", kind, e.Type)
		}
	})
}

// FuzzDecodeChannels: no answer of GET /channels makes trouble.
func FuzzDecodeChannels(f *testing.F) {
	f.Add([]byte(`[{"id":"1"},{"id":"2","caller":{"name":"x"}}]`))
	f.Fuzz(func(t *testing.T, body []byte) {
		if _, err := decodeChannels(body); err == nil && !json.Valid(body) {
			t.Fatal("read what is not JSON")
		}
	})
}

func BenchmarkDecode(b *testing.B) {
	done := make(map[string]bool)
	for _, frame := range realFrames(b) {
		kind := peekType(frame)
		if kind != "ChannelStateChange" && kind != "Dial" || done[kind] {
			continue
		}
		done[kind] = true
		b.Run(kind, func(b *testing.B) {
			b.SetBytes(int64(len(frame)))
			b.ReportAllocs()
			var e event
			for b.Loop() {
				if err := decode(frame, &e); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkPeekType(b *testing.B) {
	late := []byte(`{"cause":16,"channel":{"id":"1795346363.1","caller":{"name":"Phone 102","number":"102"}},"soft":true,"type":"ChannelHangupRequest"}`)
	for name, frame := range map[string][]byte{"first": realFrames(b)[0], "last": late} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if peekType(frame) == "" {
					b.Fatal("no type")
				}
			}
		})
	}
}

func TestPeekTypeDoesNotAllocate(t *testing.T) {
	for _, frame := range realFrames(t) {
		if n := testing.AllocsPerRun(10, func() { peekType(frame) }); n != 0 {
			t.Errorf("%v allocations for %.60s", n, frame)
		}
	}
}
