package docs

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/dustin/go-humanize"
	"gopkg.in/yaml.v3"

	"supervisiond/ari"
	"supervisiond/forwarding"
)

// constant is an event's type in supervision/effect.go.
var constant = regexp.MustCompile(`(?m)^\tEvent\w+\s+EventType = "([a-z._]+)"`)

var metric = regexp.MustCompile(`(Counter|Gauge|Histogram)Opts\{\s*Name: +"(supervisiond_[a-z_]+)"`)

// Every metric is in docs/metrics.md, with its type, and the other way round.
func TestEveryMetricIsDocumented(t *testing.T) {
	var inCode, inDocs []string
	mentioned := 0
	for _, text := range sources(t, false) {
		mentioned += len(regexp.MustCompile(`"supervisiond_[a-z_]+"`).FindAllString(text, -1))
		for _, m := range metric.FindAllStringSubmatch(text, -1) {
			inCode = append(inCode, m[2]+" "+strings.ToLower(m[1]))
		}
	}
	if mentioned != len(inCode) {
		t.Errorf("%d metrics are named in the code, and this test understands %d", mentioned, len(inCode))
	}
	for _, row := range cells(t, "docs/metrics.md") {
		if name := code(row[0]); strings.HasPrefix(name, "supervisiond_") {
			inDocs = append(inDocs, name+" "+row[1])
		}
	}
	differences(t, "metric", inCode, inDocs)
}

// arrows reads the table of imports that test/structure enforces.
func arrows(t *testing.T) map[string][]string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root, "test/structure/structure_test.go"), nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string][]string{}
	for _, e := range file.Scope.Lookup("arrows").Decl.(*ast.ValueSpec).Values[0].(*ast.CompositeLit).Elts {
		kv := e.(*ast.KeyValueExpr)
		found[unquote(kv.Key)] = nil
		for _, v := range kv.Value.(*ast.CompositeLit).Elts {
			found[unquote(kv.Key)] = append(found[unquote(kv.Key)], unquote(v))
		}
	}
	return found
}

func TestTheHouseIsAsDrawn(t *testing.T) {
	drawn := map[string][]string{}
	house, _, _ := strings.Cut(read(t, "ARCHITECTURE.md"), "## The way of an event")
	for _, row := range cells(t, "ARCHITECTURE.md") {
		if len(row) != 3 || !strings.Contains(house, "| "+row[0]+" |") || !strings.HasPrefix(row[0], "`") {
			continue
		}
		drawn[code(row[0])] = nil
		for _, m := range regexp.MustCompile("`([a-z/]+)`").FindAllStringSubmatch(row[2], -1) {
			drawn[code(row[0])] = append(drawn[code(row[0])], m[1])
		}
	}
	if enforced := arrows(t); !maps.EqualFunc(enforced, drawn, slices.Equal[[]string]) {
		t.Errorf("test/structure enforces %v\nARCHITECTURE.md draws %v", enforced, drawn)
	}
}

var (
	place  = regexp.MustCompile("`([a-z/_]+\\.go)`: `([A-Za-z]+)`")
	amount = `(?m)^\s*(?:const )?%s(?::|\s*=)\s*([0-9_]+)?(?:\s*\*?\s*time\.(Millisecond|Second|Minute))?[,\s]`
)

// Bounds are those of the code.
func TestBoundsAreAsDocumented(t *testing.T) {
	n := 0
	for _, row := range cells(t, "docs/bounds.md") {
		if len(row) != 4 {
			continue
		}
		m := place.FindStringSubmatch(row[3])
		if m == nil {
			continue
		}
		n++
		source := read(t, m[1])
		if row[1] == "one per key" {
			if !strings.Contains(source, m[2]) {
				t.Errorf("%s has no %s", m[1], m[2])
			}
			continue
		}
		value := regexp.MustCompile(strings.Replace(amount, "%s", m[2], 1)).FindStringSubmatch(source)
		if value == nil {
			t.Errorf("%s has no %s", m[1], m[2])
			continue
		}
		want := strings.ReplaceAll(value[1], "_", "")
		if want == "" {
			want = "1"
		}
		if number, err := strconv.ParseInt(want, 10, 64); err == nil && value[2] == "" {
			want = humanize.Comma(number)
		}
		want += map[string]string{"": "", "Millisecond": " ms", "Second": " s", "Minute": " min"}[value[2]]
		if row[1] != want {
			t.Errorf("%s: %s is %s, and docs/bounds.md says %s", m[1], m[2], want, row[1])
		}
	}
	if n < 20 {
		t.Errorf("only %d bounds", n)
	}
}

// Files that ARCHITECTURE.md names are there.
func TestNamedFilesExist(t *testing.T) {
	for _, m := range regexp.MustCompile("`((?:ari|app|bus|config|engine|supervision|test)/[a-z_/]+(?:\\.[a-z]+)?)`").FindAllStringSubmatch(read(t, "ARCHITECTURE.md"), -1) {
		if _, err := os.Stat(filepath.Join(root, m[1])); err != nil {
			t.Errorf("there is no %s", m[1])
		}
	}
}

// What the head of the generated dialplan asks for is what docs/asterisk.md asks for.
func TestPBXRequirements(t *testing.T) {
	dialplan, err := ari.Dialplan(ari.DialplanOptions{
		App: "supervision", FeaturesContext: "supervision", WhenDown: "refuse",
		Pickup: "*20", PickupGroup: "*22", Join: "*23", Leave: "*24", Toggle: "*25", CancelForwarding: "*26",
		Families: forwarding.Families{Always: "CF", Busy: "CFB", NoAnswer: "CFU", DND: "DND"},
	})
	if err != nil {
		t.Fatal(err)
	}
	checkRefusals(t, dialplan)
	head, _, _ := strings.Cut(dialplan, "\n[")
	page := read(t, "docs/asterisk.md")
	setting := regexp.MustCompile(`^;\s+(?:[a-z]+\.conf\s+)?([a-z_]+ =>? \S+)`)
	n := 0
	for line := range strings.Lines(head) {
		m := setting.FindStringSubmatch(line)
		if m == nil || strings.HasPrefix(m[1], "trust_id_") { // what to say of these is docs/asterisk.md's own business
			continue
		}
		n++
		if !strings.Contains(page, "\n"+m[1]+"\n") && !strings.Contains(page, "`"+m[1]+"`") {
			t.Errorf("the dialplan asks for %q, docs/asterisk.md does not", m[1])
		}
	}
	if n < 8 {
		t.Errorf("only %d settings were found in the head of the dialplan", n)
	}
	for _, m := range regexp.MustCompile(`(?m)^channelvars = .*$`).FindAllString(page+read(t, "docs/docker/ari.conf"), -1) {
		plain := strings.TrimSuffix(m, freePBXVars)
		if !strings.Contains(head, " "+plain+"\n") || plain != m && !strings.Contains(head, " "+freePBXVars+"\n") {
			t.Errorf("the dialplan does not ask for %q", m)
		}
	}
	for _, m := range regexp.MustCompile(`(?m)^\[(supervision[a-z-]*)\]`).FindAllStringSubmatch(dialplan, -1) {
		if !strings.Contains(page, "| `"+m[1]+"` |") {
			t.Errorf("docs/asterisk.md does not explain the context %s", m[1])
		}
	}
}

// freePBXVars are what a PBX laid out by FreePBX needs besides in channelvars.
const freePBXVars = ",CALLINGNUMPRES_SV,CALLINGNAMEPRES_SV,NODEST,EXTTOCALL"

// checkRefusals: docs/asterisk.md says what each refusal sounds like and shows.
func checkRefusals(t *testing.T, dialplan string) {
	t.Helper()
	var inCode, inDocs []string
	refusal := regexp.MustCompile(`exten => (\w+),1,Set\(CONNECTEDLINE\(name,i\)=(.*)\)\n same => n,Goto\(c(\d+),show\)`)
	for _, m := range refusal.FindAllStringSubmatch(dialplan, -1) {
		inCode = append(inCode, m[1]+" "+m[3]+" "+m[2])
	}
	for _, row := range cells(t, "docs/asterisk.md") {
		if len(row) == 4 && strings.HasPrefix(row[0], "`") && row[3] != "" {
			cause, _, _ := strings.Cut(row[1], " ")
			inDocs = append(inDocs, code(row[0])+" "+cause+" "+row[3])
		}
	}
	differences(t, "refusal", inCode, inDocs)
}

// Every line of a log that the docs explain is one that the code can write.
func TestExplainedLogLinesExist(t *testing.T) {
	var all strings.Builder
	for _, text := range sources(t, false) {
		all.WriteString(text)
	}
	for _, page := range []string{"docs/asterisk.md", "docs/http-sign-in.md", natsPage} {
		explained := false
		for _, row := range cells(t, page) {
			if len(row) > 1 && !strings.HasPrefix(row[0], "`") {
				explained = row[0] == "the log says"
				continue
			}
			if explained && !strings.Contains(all.String(), code(row[0])) {
				t.Errorf("%s: nothing says %q", page, code(row[0]))
			}
		}
	}
}

// A rule that is said to hold is named by a test, and a rule that a test names is there.
func TestRules(t *testing.T) {
	var tests strings.Builder
	for name, text := range sources(t, true) {
		if strings.HasSuffix(name, "_test.go") && !strings.HasPrefix(name, "test/docs/") {
			tests.WriteString(text)
		}
	}
	for _, pattern := range []string{"*/testdata/*.txtar", "*/testdata/*/*.txtar"} {
		files, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			text, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			tests.Write(text)
		}
	}
	// What the rules of these three are is shown by all the others.
	unnamed := []string{"G1", "G13", "S1"}
	status := map[string]string{}
	for _, m := range regexp.MustCompile(`(?m)^- \*\*([A-Z]\d+)\*\* \((holds|in part|not yet)\) `).FindAllStringSubmatch(read(t, "docs/semantics.md"), -1) {
		status[m[1]] = m[2]
		if m[2] == "holds" && !slices.Contains(unnamed, m[1]) && !regexp.MustCompile(`\b`+m[1]+`\b`).MatchString(tests.String()) {
			t.Errorf("%s is said to hold, and no test names it", m[1])
		}
	}
	for letter, last := range map[string]int{"G": 13, "S": 7, "R": 7, "P": 8, "F": 7, "H": 1} {
		for i := 1; i <= last; i++ {
			if status[letter+strconv.Itoa(i)] == "" {
				t.Errorf("docs/semantics.md has no %s%d", letter, i)
			}
		}
	}
}

// The page about versions names every test that runs on Asterisk 16.
func TestOldAsteriskIsAsDocumented(t *testing.T) {
	var inCode, inDocs []string
	for name, text := range sources(t, true) {
		if strings.HasPrefix(name, "test/acceptance/") {
			for _, m := range regexp.MustCompile(`(?m)^func (Test\w+Asterisk16)\(`).FindAllStringSubmatch(text, -1) {
				inCode = append(inCode, m[1])
			}
		}
	}
	for _, m := range regexp.MustCompile("`(Test\\w+)`").FindAllStringSubmatch(read(t, "docs/asterisk-versions.md"), -1) {
		inDocs = append(inDocs, m[1])
	}
	differences(t, "test", inCode, inDocs)
}

// The files for Docker are not run by any test: at least they can be read, and fit together.
func TestDockerFiles(t *testing.T) {
	var compose struct {
		Services map[string]struct {
			Image string
			Build struct{ Context, Target string }
		}
		Volumes map[string]any
	}
	if err := yaml.Unmarshal([]byte(read(t, "docker-compose.yml")), &compose); err != nil {
		t.Fatal(err)
	}
	dockerfile := read(t, "Dockerfile")
	for name, s := range compose.Services {
		if s.Image == "" && !strings.Contains(dockerfile, " AS "+s.Build.Target+"\n") {
			t.Errorf("%s: the Dockerfile has no target %q", name, s.Build.Target)
		}
	}
	if len(compose.Services) != 3 {
		t.Errorf("services: %v", compose.Services)
	}
	wanted := regexp.MustCompile(`(?m)^go (\d+\.\d+)`).FindStringSubmatch(read(t, "go.mod"))[1]
	if !strings.Contains(dockerfile, "FROM golang:"+wanted+" ") {
		t.Errorf("the Dockerfile does not build with Go %s", wanted)
	}
	if !strings.Contains(read(t, "README.md"), "Go "+wanted) {
		t.Errorf("the README does not ask for Go %s", wanted)
	}
}
