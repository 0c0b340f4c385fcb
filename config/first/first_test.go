package first

import (
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"supervisiond/config"
)

var update = flag.Bool("update", false, "rewrite the expected configurations in testdata")

// TestGolden writes the configuration of each archive's facts and endpoints, and compares it to config.yml. Each is right
// as it is, and with its group.
func TestGolden(t *testing.T) {
	archives, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(archives) == 0 {
		t.Fatalf("no archives: %v", err)
	}
	for _, name := range archives {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(name)
			if err != nil {
				t.Fatal(err)
			}
			f, want := readCase(t, archive)
			got := write(t, f).Text
			if *update {
				archive.Files = append(archive.Files, txtar.File{Name: "config.yml", Data: []byte(got)})
				if err := os.WriteFile(name, txtar.Format(archive), 0o644); err != nil {
					t.Fatal(err)
				}
			} else if got != want {
				t.Errorf("got:\n%s\nwant:\n%s", got, want)
			}
			rand.Shuffle(len(f.Endpoints), func(i, j int) { f.Endpoints[i], f.Endpoints[j] = f.Endpoints[j], f.Endpoints[i] })
			if again := write(t, f).Text; again != got {
				t.Errorf("in another order it becomes:\n%s", again)
			}
		})
	}
}

// readCase takes out what is expected.
func readCase(t *testing.T, archive *txtar.Archive) (f Facts, want string) {
	t.Helper()
	f = Facts{Site: "hq", URL: "http://127.0.0.1:8088/ari", Username: "supervisiond"}
	var given []txtar.File
	for _, file := range archive.Files {
		var err error
		switch file.Name {
		case "config.yml":
			want = string(file.Data)
			continue
		case "facts":
			err = json.Unmarshal(file.Data, &f)
		case "endpoints":
			for d := json.NewDecoder(strings.NewReader(string(file.Data))); d.More() && err == nil; {
				f.Endpoints = append(f.Endpoints, Endpoint{})
				err = d.Decode(&f.Endpoints[len(f.Endpoints)-1])
			}
		}
		if err != nil {
			t.Fatal(err)
		}
		given = append(given, file)
	}
	archive.Files = given
	return f, want
}

var comment = regexp.MustCompile(`(?m)^# ((groups:|sip:|  ).*)$`)

// write gives a draft that the configuration takes, also with its group.
func write(t *testing.T, f Facts) Draft {
	t.Helper()
	d, err := Write(f)
	if err != nil {
		t.Fatal(err)
	}
	cfg := parse(t, d.Text)
	endpoints := 0
	for _, id := range cfg.Directory.People() {
		endpoints += len(cfg.Directory.Person(id).Endpoints)
	}
	if len(cfg.Directory.People()) != d.People || endpoints != d.Endpoints || d.Endpoints+d.LeftOut != len(f.Endpoints) {
		t.Errorf("%d people with %d endpoints of %d, and it says %d, %d and %d left out", len(cfg.Directory.People()), endpoints, len(f.Endpoints),
			d.People, d.Endpoints, d.LeftOut)
	}
	if _, sample, found := strings.Cut(d.Text, "# groups:"); found != (d.People > 0) {
		t.Error("no group to begin with, or one of nobody")
	} else if sample, _, _ = strings.Cut("# groups:"+sample, "# Left out"); found {
		if cfg := parse(t, d.Text+comment.ReplaceAllString(sample, "$1")); len(cfg.Directory.Groups()) != 1 {
			t.Errorf("the sample gives %d groups", len(cfg.Directory.Groups()))
		}
	}
	return d
}

func parse(t *testing.T, text string) *config.Config {
	t.Helper()
	cfg, err := config.Parse("config.yml", []byte(text), func(name string) (string, bool) { return "secret", name == PasswordVariable },
		func(name string) ([]byte, error) {
			if strings.HasSuffix(name, ".pem") {
				return os.ReadFile("testdata/authority.pem")
			}
			return []byte("secret"), nil
		})
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return cfg
}

// Of hundreds of endpoints nobody is lost, and nobody has an id, an extension or an endpoint of somebody else.
func TestHundreds(t *testing.T) {
	f := Facts{Site: "hq", URL: "http://127.0.0.1:8088/ari", Username: "supervisiond"}
	for n := range 800 {
		number := fmt.Sprint(1000 + n)
		for _, suffix := range []string{"", "-home"} {
			f.Endpoints = append(f.Endpoints, Endpoint{
				Name: "PJSIP/" + number + suffix, Context: fmt.Sprint("floor-", n%3), CallerName: fmt.Sprint("Anna ", n%7), CallerNumber: number,
			})
		}
	}
	if d := write(t, f); d.People != 800 || d.Endpoints != 1600 || d.LeftOut != 0 {
		t.Errorf("%d people, %d endpoints, %d left out", d.People, d.Endpoints, d.LeftOut)
	}
}

// Whatever a PBX says, the configuration is right.
func FuzzWrite(f *testing.F) {
	f.Add("101", "internal", "Anna Berger", "101", "")
	f.Add("99101\n", "supervision", "\x1b]0;\x07", "<101>", "x")
	f.Add("101", "a: b", strings.Repeat("1", 40)+"-a", "999999999999999", "")
	f.Fuzz(func(t *testing.T, name, dialplanContext, callerName, callerNumber, auth string) {
		e := Endpoint{Name: "PJSIP/" + name, Context: dialplanContext, CallerName: callerName, CallerNumber: callerNumber, OutboundAuth: auth}
		second, third := e, e
		second.Name, third.Name = "PJSIP/x"+name, "PJSIP/999999999999999"
		write(t, Facts{Site: "hq", URL: "http://127.0.0.1:8088/ari", Username: "supervisiond", Endpoints: []Endpoint{e, second, third}})
	})
}
