package ari

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// surveyed is a PBX that only tells of its endpoints.
func surveyed(t *testing.T, p *patient) ([]Surveyed, error) {
	t.Helper()
	list, err := Survey(t.Context(), Server{URL: p.URL + "/ari", Username: "supervisiond", Password: fakePassword})
	p.scripted.mu.Lock()
	defer p.scripted.mu.Unlock()
	for _, ask := range p.asks {
		if !strings.HasPrefix(ask, "GET /endpoints?") && !strings.HasPrefix(ask, "GET /asterisk/config/dynamic/res_pjsip/endpoint/") {
			t.Errorf("it was asked %s", ask)
		}
	}
	return list, err
}

func TestSurvey(t *testing.T) {
	p := newPatient(t)
	const hostile = "a b/../?\"\n+ü"
	p.known = map[string]string{"101": "online", "102": "offline", "trunk": "offline", hostile: "offline"}
	p.objects["endpoint/101"] = `[{"attribute":"context","value":"internal"},{"attribute":"callerid","value":"\"Anna \\\"B\\\" <x>\" <101>"}]`
	p.objects["endpoint/trunk"] = `[{"attribute":"callerid","value":"<unknown>"},{"attribute":"outbound_auth","value":"provider"}]`
	p.objects["endpoint/"+hostile] = `[{"attribute":"context","value":"lobby"}]`
	got, err := surveyed(t, p)
	want := []Surveyed{
		{Name: "PJSIP/101", Context: "internal", CallerName: `Anna "B" <x>`, CallerNumber: "101"},
		{Name: "PJSIP/102"},
		{Name: "PJSIP/" + hostile, Context: "lobby"},
		{Name: "PJSIP/trunk", OutboundAuth: "provider"},
	}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("got %+v, %v\nwant %+v", got, err, want)
	}
}

func TestCallerID(t *testing.T) {
	for shown, want := range map[string][2]string{
		"": {}, "<unknown>": {}, "102": {"", "102"}, "Max": {"Max", ""}, `"Max" <5>`: {"Max", "5"}, "<5>": {"", "5"},
		`"1 > 0"`: {"1 > 0", ""}, `"`: {`"`, ""}, ">": {">", ""}, "<": {"<", ""}, "<>": {"", ""},
	} {
		if name, number := callerID(shown); name != want[0] || number != want[1] {
			t.Errorf("%s: %q, %q", shown, name, number)
		}
	}
}

// Hundreds of endpoints, and a few that are told twice or by another channel driver.
func TestSurveyHundreds(t *testing.T) {
	p := newPatient(t)
	answer := p.answer
	p.answer = func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path != "/ari/endpoints" {
			return answer(w, r)
		}
		list := []string{`{"technology":"IAX2","resource":"office"}`, `{"technology":"PJSIP","resource":"100"}`}
		for n := range 600 {
			list = append(list, fmt.Sprintf(`{"technology":"PJSIP","resource":"%d"}`, 100+n))
		}
		_, _ = io.WriteString(w, "["+strings.Join(list, ",")+"]")
		return true
	}
	got, err := surveyed(t, p)
	if err != nil || len(got) != 601 || got[0].Name != "IAX2/office" || got[600].Name != "PJSIP/699" {
		t.Errorf("%d endpoints, %v", len(got), err)
	}
}

func TestSurveyOfAPBXThatRefuses(t *testing.T) {
	for _, x := range []struct {
		status int
		code   ErrorCode
	}{{401, BadCredentials}, {403, Forbidden}, {503, Booting}, {500, PBXFault}} {
		p := newPatient(t)
		p.refuse["GET /endpoints"] = x.status
		_, err := surveyed(t, p)
		checkError(t, err, x.code)
	}
	p := newPatient(t)
	p.Close()
	_, err := surveyed(t, p)
	checkError(t, err, Refused)
	if _, err := Survey(t.Context(), Server{URL: "pbx"}); err == nil || errors.As(err, new(*Error)) {
		t.Errorf("no URL: %v", err)
	}

	// One that breaks off is not taken for one that shows nothing.
	p = newPatient(t)
	answer := p.answer
	p.answer = func(w http.ResponseWriter, r *http.Request) bool {
		if strings.HasSuffix(r.URL.Path, "/endpoint/102") {
			panic(http.ErrAbortHandler)
		}
		return answer(w, r)
	}
	_, err = surveyed(t, p)
	checkError(t, err, Unreachable)
}
