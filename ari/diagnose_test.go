package ari

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// patient is a PBX in good order, but for what a test changes.
type patient struct {
	*scripted
	version string
	skew    time.Duration // of its clock
	silent  string        // what it tells instead of events; "-": nothing, and it hangs up
	refuse  map[string]int
	left    string            // the answer to a question about channels
	known   map[string]string // its endpoints, and whether they are online
	objects map[string]string // of pjsip.conf, by kind/id

	mu   sync.Mutex
	conn *websocket.Conn
}

func newPatient(t *testing.T) *patient {
	t.Helper()
	p := &patient{
		scripted: newScripted(t), version: "22.10.1", left: "[]", refuse: map[string]int{},
		known: map[string]string{"101": "online", "102": "online"}, objects: map[string]string{},
	}
	p.answer = func(w http.ResponseWriter, r *http.Request) bool {
		path := strings.TrimPrefix(r.URL.Path, "/ari")
		for request, status := range p.refuse {
			if strings.HasPrefix(r.Method+" "+path, request) {
				w.WriteHeader(status)
				_, _ = fmt.Fprintf(w, `{"message":"%s"}`, http.StatusText(status))
				return true
			}
		}
		return p.treat(t, w, r, path)
	}
	return p
}

// treat answers what scripted does not.
func (p *patient) treat(t *testing.T, w http.ResponseWriter, r *http.Request, path string) bool {
	t.Helper()
	text := ""
	switch {
	case path == "/asterisk/info":
		text = fmt.Sprintf(`{"system":{"version":%q}}`, p.version)
	case r.Method == http.MethodDelete && strings.HasPrefix(path, "/channels/"),
		path == "/applications/supervision":
		w.WriteHeader(http.StatusNotFound)
		text = `{"message":"not found"}`
	case path == "/applications/supervision-doctor":
		text = `{"channel_ids":["ALL"],"bridge_ids":["ALL"],"endpoint_ids":["ALL"]}`
	case r.Method == http.MethodGet && path == "/channels":
		text = p.left
	case path == "/channels/create":
		p.created(t, r.URL.Query().Get("channelId"))
		text = "{}"
	case r.Method == http.MethodPost && path == "/channels":
		p.read(t, r)
		text = "{}"
	case r.Method == http.MethodGet && strings.HasSuffix(path, "/variable"):
		text = fmt.Sprintf(`{"value":%q}`, patientVariable(r.URL.Query().Get("variable")))
	case path == "/endpoints":
		var list []map[string]string
		for name, state := range p.known {
			list = append(list, map[string]string{"technology": "PJSIP", "resource": name, "state": state})
		}
		b, _ := json.Marshal(list)
		text = string(b)
	case strings.HasPrefix(path, "/asterisk/config/dynamic/res_pjsip/"):
		if text = p.objects[strings.TrimPrefix(path, "/asterisk/config/dynamic/res_pjsip/")]; text == "" {
			w.WriteHeader(http.StatusNotFound)
			text = `{"message":"not found"}`
		}
	default:
		return false
	}
	_, _ = io.WriteString(w, text)
	return true
}

// patientVariable has our dialplan, the people of 10X, and nothing else.
func patientVariable(name string) string {
	if strings.HasPrefix(name, "HINT(") {
		return devicePrefix + lampLogin + "${EXTEN:3:1}-${EXTEN:5}"
	}
	place, ok := strings.CutPrefix(strings.TrimSuffix(name, ")"), "DIALPLAN_EXISTS(")
	if !ok {
		return "0"
	}
	part := append(strings.Split(place, ","), "", "")
	switch dialplanContext, exten, priority := part[0], part[1], part[2]; {
	case exten == "", dialplanContext == versionContext, dialplanContext == pickupContext, dialplanContext == storeReadContext:
		return "1"
	case priority == "1" && len(exten) == 3 && exten[:2] == "10",
		priority == "1" && strings.HasPrefix(exten, "*20") && len(exten) <= 3+maxExtensionDigits:
		return "1"
	}
	return "0"
}

// created tells of a new channel.
func (p *patient) created(t *testing.T, id string) {
	t.Helper()
	conn := p.socket(t)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.conn = conn
	vars := map[string]string{}
	for _, name := range channelVarNames {
		vars[name] = ""
	}
	b, _ := json.Marshal(vars)
	switch p.silent {
	case "":
		p.tell(t, fmt.Sprintf(`{"type":"ChannelCreated","timestamp":%q,"channel":{"id":%q,"name":"Local/doctor@x-0;1","channelvars":%s}}`,
			time.Now().Add(p.skew).UTC().Format("2006-01-02T15:04:05.000-0700"), id, b))
	case "-":
		_ = conn.Close(websocket.StatusGoingAway, "")
	default:
		p.tell(t, p.silent)
	}
}

// read tells what AstDB has: nothing.
func (p *patient) read(t *testing.T, r *http.Request) {
	t.Helper()
	var body struct{ Variables map[string]string }
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil || body.Variables["CDR_PROP(disable)"] != "1" {
		t.Errorf("variables %v, %v", body.Variables, err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	id, line := body.Variables[storeVarRead], body.Variables[storeVarList]
	p.tell(t, fmt.Sprintf(`{"type":"ChannelUserevent","eventname":"SupervisionStoreLine","userevent":{"Read":%q,"Extension":%q,`+
		`"Always":"PQ==","Busy":"PQ==","NoAnswer":"PQ==","DND":"PQ==","Seconds":"PQ=="}}`, id, line))
	p.tell(t, fmt.Sprintf(`{"type":"ChannelUserevent","eventname":"SupervisionStoreEnd","userevent":{"Read":%q}}`, id))
	p.tell(t, fmt.Sprintf(`{"type":"ChannelDestroyed","channel":{"id":%q,"name":"Local/lines@supervision-store-read-0;1"}}`, id))
}

func (p *patient) tell(t *testing.T, frame string) {
	t.Helper()
	if err := p.conn.Write(context.Background(), websocket.MessageText, []byte(frame)); err != nil {
		t.Log(err)
	}
}

// book is a Report to be read.
type book struct{ lines []string }

func (b *book) Pass(what string)       { b.lines = append(b.lines, "PASS "+what) }
func (b *book) Warn(what, mend string) { b.lines = append(b.lines, "WARN "+what+" > "+mend) }
func (b *book) Fail(what, mend string) { b.lines = append(b.lines, "FAIL "+what+" > "+mend) }

func (b *book) has(t *testing.T, verdict, what, mend string) {
	t.Helper()
	if !slices.ContainsFunc(b.lines, func(line string) bool {
		said, todo, _ := strings.Cut(line, " > ")
		return strings.HasPrefix(line, verdict+" ") && strings.Contains(said, what) && strings.Contains(todo, mend)
	}) {
		t.Errorf("no %s with %q and the mend %q in\n%s", verdict, what, mend, strings.Join(b.lines, "\n"))
	}
}

// bad counts what is not right.
func (b *book) bad() (n int) {
	for _, line := range b.lines {
		if !strings.HasPrefix(line, "PASS ") {
			n++
		}
	}
	return n
}

func (p *patient) diagnose(t *testing.T, change func(*Diagnosis)) *book {
	t.Helper()
	o := Diagnosis{
		ARI: Server{URL: p.URL + "/ari", Username: "supervisiond", Password: fakePassword}, App: "supervision",
		Dialplan: usualDialplan(), PhoneContext: "internal", Groups: []string{"1"},
		People: []DiagnosedPerson{{"anna", "101", []string{"PJSIP/101"}}, {"ben", "102", []string{"PJSIP/102"}}},
	}
	o.Dialplan.Families = usualFamilies()
	if change != nil {
		change(&o)
	}
	b := &book{}
	Diagnose(t.Context(), o, b)
	if strings.Contains(strings.Join(b.lines, "\n"), fakePassword) {
		t.Error("the report gives away the password")
	}
	return b
}

func TestDiagnoseAHealthyPBX(t *testing.T) {
	p := newPatient(t)
	b := p.diagnose(t, nil)
	if b.bad() > 0 || len(b.lines) != 12 {
		t.Errorf("%d lines:\n%s", len(b.lines), strings.Join(b.lines, "\n"))
	}
	// It has asked for the end of all that it made.
	p.asked(t, "DELETE /channels/supervision-doctor-")
	p.asked(t, "DELETE /applications/supervision-doctor/subscription?")
}

func TestDiagnoseWhatIsWrong(t *testing.T) {
	many := func(o *Diagnosis) {
		for i := range 20 {
			o.People = append(o.People, DiagnosedPerson{fmt.Sprintf("p%d", i), fmt.Sprint(200 + i), []string{fmt.Sprintf("PJSIP/%d", 200+i)}})
		}
	}
	for _, x := range []struct {
		name                string
		change              func(*patient)
		diagnosis           func(*Diagnosis)
		verdict, what, mend string
		bad                 int
	}{
		{"old version", func(p *patient) { p.version = "13.38.3" }, nil, "FAIL", "Asterisk 13.38.3 at ", "upgrade it to 16", 2},
		{"unreadable version", func(p *patient) { p.version = "GIT-master-1a2b" }, nil, "PASS", "Asterisk GIT-master-1a2b answers", "", 0},
		{"clock ahead", func(p *patient) { p.skew = time.Hour }, nil, "WARN", "the clock of the PBX is 1h0m0s ahead of this machine's", "NTP", 1},
		{"clock behind", func(p *patient) { p.skew = -time.Minute }, nil, "WARN", "the clock of the PBX is 1m0s behind this machine's", "NTP", 1},
		{"no event filter", func(p *patient) { p.refuse["PUT /applications/"] = 404 }, nil, "FAIL", "the event filter: 404", "", 2},
		{"no subscription", func(p *patient) { p.refuse["POST /applications/"] = 403 }, nil, "FAIL", "the event subscription: 403", "ari.conf", 2},
		{"no websocket", func(p *patient) { p.refuse["GET /events"] = 403 }, nil, "FAIL", "the event connection: 403", "allowed_origins", 2},
		{"no helper channel", func(p *patient) { p.refuse["POST /channels/create"] = 500 }, nil, "FAIL", "a helper channel cannot be made: 500", "its own log", 2},
		{"connection breaks", func(p *patient) { p.silent = "-" }, nil, "FAIL", "no event came of a channel that was just made", "websockets", 2},
		{"two doctors", func(p *patient) { p.silent = `{"type":"ApplicationReplaced","application":"supervision-doctor"}` }, nil,
			"FAIL", "another doctor took over", "", 1},
		{"no place for forwards", nil, func(o *Diagnosis) { o.Dialplan.Families = DialplanOptions{}.Families }, "PASS", "hints for lamps", "", 0},
		{"many unknown", nil, many, "FAIL", "20 endpoints are not known to the PBX: PJSIP/200 of p0, ", "pjsip show endpoints", 2},
		{"many cannot be dialled", nil, many, "FAIL", "p7 (207) and 12 more", "dialplan show internal", 2},
		{"endpoint away", func(p *patient) { p.known["102"] = "offline" }, nil, "WARN", "1 endpoint is not registered at the moment: PJSIP/102", "pjsip show contacts", 1},
		{"bad options", nil, func(o *Diagnosis) { o.Dialplan.Join = "*20" }, "FAIL", "the dialplan cannot be generated", "configuration", 2},
		{"bad URL", nil, func(o *Diagnosis) { o.ARI.URL = "ftp://pbx" }, "FAIL", "asterisk.ari.url is not a URL", "configuration", 1},
		{"daemon not attached", nil, func(o *Diagnosis) { o.Running = true }, "WARN", "the daemon that runs here is not attached", "log", 1},
		{"settings", func(p *patient) {
			p.objects["global/global"] = `[{"attribute":"taskprocessor_overload_trigger","value":"global"}]`
			p.objects["endpoint/101"] = `[{"attribute":"send_pai","value":"false"},{"attribute":"send_rpid","value":"false"},{"attribute":"trust_id_outbound","value":"true"}]`
		}, nil, "WARN", "who picks up does not see the caller on PJSIP/101", "send_pai = yes", 3},
	} {
		t.Run(x.name, func(t *testing.T) {
			t.Parallel()
			p := newPatient(t)
			if x.change != nil {
				x.change(p)
			}
			b := p.diagnose(t, x.diagnosis)
			b.has(t, x.verdict, x.what, x.mend)
			if b.bad() != x.bad {
				t.Errorf("%d lines are not right, want %d:\n%s", b.bad(), x.bad, strings.Join(b.lines, "\n"))
			}
		})
	}
}

// What a diagnosis left that was killed is removed, and nothing else.
func TestDiagnoseRemovesWhatWasLeft(t *testing.T) {
	p := newPatient(t)
	at := func(ago time.Duration) string {
		return time.Now().Add(-ago).UTC().Format("2006-01-02T15:04:05.000-0700")
	}
	p.left = fmt.Sprintf(`[{"id":"supervision-doctor-OLD","name":"Local/a@b-0;1","creationtime":%q},`+
		`{"id":"supervision-doctor-NEW","name":"Local/a@b-1;1","creationtime":%q},{"id":"1732.1","name":"PJSIP/101-0","creationtime":%q}]`,
		at(time.Hour), at(time.Second), at(time.Hour))
	if b := p.diagnose(t, nil); b.bad() > 0 {
		t.Error(strings.Join(b.lines, "\n"))
	}
	p.scripted.mu.Lock()
	defer p.scripted.mu.Unlock()
	asks := strings.Join(p.asks, "\n")
	if !strings.Contains(asks, "DELETE /channels/supervision-doctor-OLD") || strings.Contains(asks, "DELETE /channels/supervision-doctor-NEW") ||
		strings.Contains(asks, "DELETE /channels/1732.1") {
		t.Errorf("asked for:\n%s", asks)
	}
}

// A PBX of which nothing comes back holds nothing up for longer than one step.
func TestDiagnoseADeafPBX(t *testing.T) {
	t.Parallel()
	b := &book{}
	began := time.Now()
	Diagnose(t.Context(), Diagnosis{ARI: deafServer(t), App: "supervision", Dialplan: usualDialplan()}, b)
	b.has(t, "FAIL", "no answer", "is Asterisk overloaded")
	if took := time.Since(began); took >= 2*diagnoseStep {
		t.Errorf("it took %v", took)
	}
}
