package ari

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"
)

var update = flag.Bool("update-frames", false, "write testdata/frames.golden anew")

// realFrames are frames that Asterisk 22.10.1 has sent.
func realFrames(t testing.TB) [][]byte {
	t.Helper()
	b, err := os.ReadFile("testdata/frames.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	return bytes.Split(bytes.TrimSpace(b), []byte("\n"))
}

func TestDecodeRealFrames(t *testing.T) {
	var got strings.Builder
	for _, f := range realFrames(t) {
		var e event
		if err := decode(f, &e); err != nil {
			t.Fatal(err)
		}
		if kind := peekType(f); kind != e.Type {
			t.Errorf("peekType gives %q, decode %q", kind, e.Type)
		}
		got.WriteString(compact(t, e) + "\n")
	}
	if *update {
		if err := os.WriteFile("testdata/frames.golden", []byte(got.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile("testdata/frames.golden")
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(got.String(), "\n")
	for i, w := range strings.Split(string(want), "\n") {
		if i >= len(lines) || lines[i] != w {
			t.Fatalf("line %d:\n got %s\nwant %s", i+1, lines[min(i, len(lines)-1)], w)
		}
	}
}

// compact writes what is set of a value as one line of JSON.
func compact(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	var m map[string]any
	if err := json.Unmarshal(b, &m); err != nil {
		t.Fatal(err)
	}
	prune(m)
	if b, err = json.Marshal(m); err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func prune(m map[string]any) {
	for k, v := range m {
		inner, isMap := v.(map[string]any)
		if isMap {
			prune(inner)
		}
		if isMap && len(inner) == 0 || v == nil || v == "" || v == 0.0 || v == false || v == "0001-01-01T00:00:00Z" {
			delete(m, k)
		}
	}
}

func TestRealFramesHoldEveryWantedType(t *testing.T) {
	seen := make(map[string]bool)
	for _, f := range realFrames(t) {
		seen[peekType(f)] = true
	}
	for _, kind := range wantedTypes() {
		if !seen[kind] {
			t.Errorf("no %s among the recorded frames", kind)
		}
		if !wants(kind) {
			t.Errorf("%s is not wanted", kind)
		}
	}
	if wants("ChannelVarset") || wants("") {
		t.Error("everything is wanted")
	}
}

func TestDecodeReusesNothing(t *testing.T) {
	frame := []byte(`{"type":"StasisStart","args":["pickup","person","102"],"channel":{"id":"1.1","name":"PJSIP/101-1"}}`)
	var e event
	if err := decode(frame, &e); err != nil {
		t.Fatal(err)
	}
	kept := e
	for i := range frame {
		frame[i] = 'x'
	}
	if err := decode([]byte(`{"type":"ChannelDestroyed","cause":16}`), &e); err != nil {
		t.Fatal(err)
	}
	if want := (event{Type: "ChannelDestroyed", Cause: 16}); !reflect.DeepEqual(e, want) {
		t.Errorf("something is left over: %+v", e)
	}
	if kept.Channel.ID != "1.1" || kept.Channel.Name != "PJSIP/101-1" || !reflect.DeepEqual(kept.Args, []string{"pickup", "person", "102"}) {
		t.Errorf("the frame was not copied: %+v", kept)
	}
}

func TestDecodeOddities(t *testing.T) {
	for name, tc := range map[string]struct {
		frame string
		want  event
	}{
		"type last":            {`{"cause":16,"soft":true,"channel":{"type":"no"},"type":"ChannelHangupRequest"}`, event{Type: "ChannelHangupRequest", Cause: 16, Soft: true}},
		"white space":          {" {\n\t\"type\" : \"Dial\" ,\r\"dialstatus\" : \"\" } ", event{Type: "Dial"}},
		"other kinds of value": {`{"type":"Dial","cause":"16","soft":1,"args":{},"channel":[1,{"id":2}],"dialstring":null,"peer":null,"bridge":"x","endpoint":false}`, event{Type: "Dial"}},
		"unknown fields":       {`{"x":[1,[],{"type":"y"}],"type":"Dial","y":{"z":-1.5e+3}}`, event{Type: "Dial"}},
		"numbers":              {`{"type":"Dial","cause":1.6e1,"tech_cause":-4}`, event{Type: "Dial", Cause: 16}},
		"escapes":              {`{"type":"Dial","dialstatus":"\"\\\/\b\f\n\r\tW\u00e4 \ud83d\ude00 \ud83d \u0000"}`, event{Type: "Dial", DialStatus: "\"\\/\b\f\n\r\tWä 😀 \ufffd \x00"}},
		"UTF-8":                {`{"type":"Dial","dialstatus":"Weiß 😀"}`, event{Type: "Dial", DialStatus: "Weiß 😀"}},
		"not UTF-8":            {"{\"type\":\"Dial\",\"dialstatus\":\"a\xffb\xc3\"}", event{Type: "Dial", DialStatus: "a\ufffdb\ufffd"}},
	} {
		t.Run(name, func(t *testing.T) {
			var e event
			if err := decode([]byte(tc.frame), &e); err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(e, tc.want) {
				t.Errorf("got %+v", e)
			}
		})
	}
}

func TestDecodeJunk(t *testing.T) {
	for _, junk := range []string{
		"", " ", "{", "}", "{}", "[]", "null", "1", `"type"`, `{"type"}`, `{"type":}`, `{"type":"Dial"`, `{"type":"Dial"}x`,
		`{"type":"Dial",}`, `{,"type":"Dial"}`, `{"type":"Dial" "x":1}`, `{"type":""}`, `{"type":1}`, `{"type":"Dial","x":01}`,
		`{"type":"Dial","x":1.}`, `{"type":"Dial","x":-}`, `{"type":"Dial","x":1e}`, `{"type":"Dial","x":tru}`, `{"type":"Dial","x":[1,]}`,
		`{"type":"Dial","x":"\x"}`, `{"type":"Dial","x":"\u12g4"}`, `{"type":"Dial","x":"\u12`, "{\"type\":\"Dial\",\"x\":\"\n\"}", "\x00",
		`{"type":"Dial","channel":{"id":"1}`, `{"type":"Dial","x":` + strings.Repeat("[", 5000) + strings.Repeat("]", 5000) + "}", "\x00\xff\xfe",
		"{\"type\":\"Dial\",\"x\":{\"a\":1,\x00}}",
	} {
		e := event{Type: "left over"}
		err := decode([]byte(junk), &e)
		if err == nil {
			t.Errorf("%.40q was read as %+v", junk, e)
			continue
		}
		if e.Type != "" {
			t.Errorf("%.40q left something behind", junk)
		}
		if text := err.Error(); len(junk) > 8 && strings.Contains(text, "Dial") {
			t.Errorf("the error quotes the frame: %s", text)
		}
		peekType([]byte(junk))
	}
}

func TestChannelVarsTellWhetherTheyAreThere(t *testing.T) {
	for _, tc := range []struct {
		vars    string
		present bool
	}{
		{`,"channelvars":{"CHANNEL(linkedid)":"1.1","REDIRECTING(from-num)":"","CALLERID(dnid)":"","CALLERID(pres)":"","CONNECTEDLINE(pres)":""}`, true},
		{`,"channelvars":{"SOMETHING":"else"}`, false},
		{`,"channelvars":{}`, false},
		{``, false},
	} {
		list, err := decodeChannels([]byte(`[{"id":"1.1"` + tc.vars + `}]`))
		if err != nil {
			t.Fatal(err)
		}
		if list[0].Vars.Present != tc.present {
			t.Errorf("%s: %v", tc.vars, list[0].Vars.Present)
		}
	}
}

func TestDecodeChannels(t *testing.T) {
	body, err := os.ReadFile("testdata/channels.json")
	if err != nil {
		t.Fatal(err)
	}
	list, err := decodeChannels(body)
	if err != nil {
		t.Fatal(err)
	}
	var reference []struct {
		ID, Name, State string
		Caller          struct{ Number, Name string }
		Connected       struct{ Number, Name string }
		Dialplan        struct {
			Exten   string
			App     string `json:"app_name"`
			AppData string `json:"app_data"`
		}
		Channelvars  map[string]string
		Creationtime string
	}
	if err := json.Unmarshal(body, &reference); err != nil {
		t.Fatal(err)
	}
	if len(list) != len(reference) || len(list) < 5 {
		t.Fatalf("%d channels, want %d", len(list), len(reference))
	}
	for i, want := range reference {
		created, err := time.Parse("2006-01-02T15:04:05.000-0700", want.Creationtime)
		if err != nil {
			t.Fatal(err)
		}
		got := list[i]
		if got.ID != want.ID || got.Name != want.Name || got.State != want.State || got.CallerNumber != want.Caller.Number ||
			got.CallerName != want.Caller.Name || got.ConnectedNumber != want.Connected.Number || got.ConnectedName != want.Connected.Name ||
			got.Dialplan.Exten != want.Dialplan.Exten || got.Dialplan.App != want.Dialplan.App || got.Dialplan.AppData != want.Dialplan.AppData ||
			got.Vars.Linkedid != want.Channelvars["CHANNEL(linkedid)"] || got.Vars.ConnectedPres != want.Channelvars["CONNECTEDLINE(pres)"] ||
			!got.Vars.Present || !got.CreationTime.Equal(created) {
			t.Errorf("channel %d: got %+v, want %+v", i, got, want)
		}
	}
	for _, junk := range []string{"", "{}", "[", "[1]", `[{"id":"1"},]`, `[{"id":"1"}`, `[{}]`, `[{"id":"1"}]x`, `{"message":"no"}`} {
		if list, err := decodeChannels([]byte(junk)); err == nil {
			t.Errorf("%q was read as %+v", junk, list)
		}
	}
	if list, err := decodeChannels([]byte(" [ ] \n")); err != nil || len(list) != 0 {
		t.Errorf("nobody calls: %v, %v", list, err)
	}
}

func TestParseTime(t *testing.T) {
	for in, want := range map[string]string{
		"2026-11-22T11:19:23.435+0000":   "2026-11-22T11:19:23.435Z",
		"2026-11-22T11:19:23.435+0130":   "2026-11-22T09:49:23.435Z",
		"2026-01-01T00:19:23.001-0500":   "2026-01-01T05:19:23.001Z",
		"2026-11-22T11:19:23Z":           "2026-11-22T11:19:23Z",
		"2026-11-22T11:19:23.5+01:00":    "2026-11-22T10:19:23.5Z",
		"2026-11-22T11:19:23.4x5+0000":   "0001-01-01T00:00:00Z",
		"2026/11-22T11:19:23.435+0000":   "0001-01-01T00:00:00Z",
		"yesterday":                      "0001-01-01T00:00:00Z",
		"":                               "0001-01-01T00:00:00Z",
		"2026-11-22T11:19:23.435+00\x00": "0001-01-01T00:00:00Z",
	} {
		if got := parseTime(in).Format(time.RFC3339Nano); got != want {
			t.Errorf("%s: got %s, want %s", in, got, want)
		}
	}
}
