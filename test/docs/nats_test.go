package docs

import (
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/nats-io/nats-server/v2/server"

	"supervisiond/bus/permissions"
	"supervisiond/bus/subject"
	"supervisiond/forwarding"
	"supervisiond/supervision"
)

const natsPage = "docs/nats.md"

func newDocument(kind string) any {
	switch kind {
	case "PersonDocument":
		return new(supervision.PersonDocument)
	case "GroupDocument":
		return new(supervision.GroupDocument)
	case "CallDocument":
		return new(supervision.CallDocument)
	case "SiteDocument":
		return new(supervision.SiteDocument)
	case "RefusalDocument":
		return new(supervision.RefusalDocument)
	case "ForwardingDocument":
		return new(supervision.ForwardingDocument)
	case "GroupRecord":
		return new(supervision.GroupRecord)
	case "View":
		return new(supervision.View)
	case "Membership":
		return new(supervision.Membership)
	case "Forward":
		return new(forwarding.Document)
	case "login":
		return new(storedLogin)
	}
	return nil
}

// storedLogin is what bus keeps of a login.
type storedLogin struct {
	Group    supervision.GroupID  `json:"group"`
	Person   supervision.PersonID `json:"person"`
	LoggedIn bool                 `json:"logged_in"`
	At       supervision.Stamp    `json:"at"`
}

// sameDocument reads an example strictly and writes it again: both must say the same, so nothing is missing, nothing is
// too much, and moments are written as they are documented.
func sameDocument(t *testing.T, kind string, example []byte) {
	t.Helper()
	document := newDocument(kind)
	if document == nil {
		t.Fatalf("there is no document %q", kind)
	}
	strict := json.NewDecoder(bytes.NewReader(example))
	strict.DisallowUnknownFields()
	if err := strict.Decode(document); err != nil {
		t.Errorf("%s: %v", kind, err)
		return
	}
	written, err := json.Marshal(document)
	if err != nil {
		t.Fatal(err)
	}
	var a, b any
	if err := json.Unmarshal(example, &a); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(written, &b); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(a, b) {
		t.Errorf("%s: the example is\n%s\nthe daemon writes\n%s", kind, example, written)
	}
}

func TestDocumentExamples(t *testing.T) {
	seen := map[string]bool{}
	for _, b := range blocks(t, natsPage, "json") {
		if kind, ok := strings.CutPrefix(b.info, "event "); ok {
			checkEvent(t, kind, b.text)
			seen[kind] = true
			continue
		}
		if b.info == "answer" {
			checkAnswer(t, b.text)
			continue
		}
		sameDocument(t, b.info, []byte(b.text))
		seen[b.info] = true
	}
	for _, kind := range []string{"PersonDocument", "GroupDocument", "CallDocument", "SiteDocument", "RefusalDocument", "ForwardingDocument", "Membership", "login"} {
		if !seen[kind] {
			t.Errorf("%s has no example", kind)
		}
	}
}

// checkAnswer: what a command is answered with has these fields, and a code that there is.
func checkAnswer(t *testing.T, text string) {
	t.Helper()
	var answer struct {
		OK      bool              `json:"ok"`
		Changed bool              `json:"changed"`
		Code    string            `json:"code"`
		Message string            `json:"message"`
		Details map[string]string `json:"details"`
	}
	strict := json.NewDecoder(strings.NewReader(text))
	strict.DisallowUnknownFields()
	if err := strict.Decode(&answer); err != nil {
		t.Errorf("answer: %v\n%s", err, text)
	}
	if answer.OK != (answer.Code == "") || answer.Code != "" && !slices.Contains(codes(t), answer.Code) {
		t.Errorf("no daemon answers %s", text)
	}
}

// codes are those that a refusal may have.
func codes(t *testing.T) []string {
	t.Helper()
	var list []string
	for _, m := range regexp.MustCompile(`(?m)^\t\w+\s+Code = "([a-z_]+)"`).FindAllStringSubmatch(read(t, "supervision/refusal.go"), -1) {
		list = append(list, m[1])
	}
	if len(list) < 15 {
		t.Fatalf("only %d codes were found", len(list))
	}
	return list
}

func checkEvent(t *testing.T, kind, text string) {
	t.Helper()
	var body struct {
		Document json.RawMessage      `json:"document"`
		Before   json.RawMessage      `json:"before"`
		Person   supervision.PersonID `json:"person"`
		By       *supervision.By      `json:"by"`
		Forced   bool                 `json:"forced"`
	}
	strict := json.NewDecoder(strings.NewReader(text))
	strict.DisallowUnknownFields()
	if err := strict.Decode(&body); err != nil {
		t.Errorf("event with %s: %v", kind, err)
		return
	}
	sameDocument(t, kind, body.Document)
	if body.Before != nil {
		sameDocument(t, kind, body.Before)
	}
}

// Every field of a document has a row, or stands in one.
func TestEveryFieldIsExplained(t *testing.T) {
	text := read(t, natsPage)
	for _, kind := range []string{
		"PersonDocument", "GroupDocument", "CallDocument", "SiteDocument", "GroupRecord", "ForwardingDocument", "Forward", "View", "Membership",
	} {
		of := reflect.TypeOf(newDocument(kind)).Elem()
		for i := range of.NumField() {
			if name := of.Field(i).Tag.Get("json"); name != "-" && !strings.Contains(text, "`"+name+"`") && !strings.Contains(text, "`"+name+".") {
				t.Errorf("%s: %s is not explained", kind, name)
			}
		}
	}
}

// The table of events has every type that the code announces and no other, and says rightly which are kept. A type that
// nothing can bring about yet may stand behind "To come:" instead.
func TestEventsAreAsDocumented(t *testing.T) {
	var inCode, inDocs, kept []string
	for _, s := range subject.Kept("<site>") {
		if !strings.Contains(read(t, natsPage), "`"+s+"`") {
			t.Errorf("the history keeps %s, which is not said", s)
		}
		kept = append(kept, strings.TrimRight(strings.TrimPrefix(s, subject.Event("<site>")), ".>*"))
	}
	_, coming, _ := strings.Cut(read(t, natsPage), "\nTo come: ")
	coming, _, _ = strings.Cut(coming, "\n")
	for _, m := range constant.FindAllStringSubmatch(read(t, "supervision/effect.go"), -1) {
		if !strings.Contains(coming, "`"+m[1]+"`") {
			inCode = append(inCode, m[1])
		}
	}
	for _, row := range cells(t, natsPage) {
		if len(row) != 7 || !strings.HasPrefix(row[0], "`") {
			continue
		}
		for name := range strings.SplitSeq(row[0], ", ") {
			name = strings.Trim(name, "`")
			inDocs = append(inDocs, name)
			is := slices.ContainsFunc(kept, func(k string) bool { return name == k || strings.HasPrefix(name, k+".") })
			if is != (row[6] == "yes") {
				t.Errorf("%s: kept is %t", name, is)
			}
		}
	}
	differences(t, "event", inCode, inDocs)
}

// The table of commands has what is served, with its body.
func TestCommandsAreAsDocumented(t *testing.T) {
	inCode, inDocs := map[string]string{}, map[string]string{}
	for _, m := range regexp.MustCompile("(?m)^\t\\{(\"[a-z_.]+\"|historyVerb), `([^`]+)`").FindAllStringSubmatch(read(t, "bus/verbs.go"), -1) {
		inCode[strings.Replace(strings.Trim(m[1], `"`), "historyVerb", "history.get", 1)] = m[2]
	}
	for _, row := range cells(t, natsPage) {
		body := strings.ReplaceAll(strings.Trim(strings.Join(row[1:max(1, len(row)-1)], "|"), "`"), `\|`, "|")
		if !strings.HasPrefix(body, "{") || !strings.HasPrefix(row[0], "`") {
			continue
		}
		for name := range strings.SplitSeq(row[0], ", ") {
			inDocs[strings.Trim(name, "`")] = body
		}
	}
	if len(inCode) < 10 || !maps.Equal(inCode, inDocs) {
		t.Errorf("served are\n%v\nthe docs have\n%v", inCode, inDocs)
	}
}

// The tables of codes and of reasons have what the code has.
func TestCodesAreAsDocumented(t *testing.T) {
	text := read(t, "docs/semantics.md")
	_, text, _ = strings.Cut(text, "## The codes\n")
	var inDocs []string
	for _, m := range regexp.MustCompile("(?m)^\\| `([a-z_]+)` \\|").FindAllStringSubmatch(text, -1) {
		inDocs = append(inDocs, m[1])
	}
	reasons := regexp.MustCompile(`(?m)^\t\w+\s+(?:Reason )?= "([a-z_]+)"|^\t\w+\s+Reason = "([a-z_]+)"`)
	inCode := codes(t)
	for _, m := range reasons.FindAllStringSubmatch(read(t, "forwarding/check.go"), -1) {
		inCode = append(inCode, m[1]+m[2])
	}
	differences(t, "code or reason", inCode, inDocs)
}

// Subjects that a reader needs are those of the code.
func TestPermissionsAreAsDocumented(t *testing.T) {
	var inCode, inDocs []string
	for _, s := range permissions.Anonymous("hq").Publish.Allow {
		for _, stream := range []string{"KV_SUPERVISION_hq_LOGINS", "KV_SUPERVISION_hq", "SUPERVISION_EVENTS_hq"} {
			s = strings.Replace(s, stream, "<stream>", 1)
		}
		if !slices.Contains(inCode, s) {
			inCode = append(inCode, s)
		}
	}
	for _, b := range blocks(t, natsPage, "") {
		for line := range strings.Lines(b.text) {
			inDocs = append(inDocs, strings.TrimSpace(line))
		}
	}
	differences(t, "subject", inCode, inDocs)
}

// The configuration for an external server is one, and gives the daemon what the embedded server gives it.
func TestExternalServerExample(t *testing.T) {
	list := blocks(t, natsPage, "conf")
	if len(list) != 1 {
		t.Fatalf("%d examples", len(list))
	}
	file := filepath.Join(t.TempDir(), "nats.conf")
	if err := os.WriteFile(file, []byte(list[0].text), 0o600); err != nil {
		t.Fatal(err)
	}
	o, err := server.ProcessConfigFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !o.JetStream || len(o.Users) != 1 || o.Users[0].Username != subject.Daemon {
		t.Fatalf("%+v", o.Users)
	}
	got, want := o.Users[0].Permissions, permissions.Daemon("hq")
	if !slices.Equal(got.Publish.Allow, want.Publish.Allow) || !slices.Equal(got.Subscribe.Allow, want.Subscribe.Allow) ||
		(got.Response != nil) != want.Respond {
		t.Errorf("the example allows %+v %+v, the daemon needs %+v", got.Publish, got.Subscribe, want)
	}
}
