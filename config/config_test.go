package config

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"supervisiond/forwarding"
	"supervisiond/supervision"
)

const hash = "$2a$10$.gbcJW9XkEFYnc6Tm9r8g.Wu11w76u98oiaXacV/0dDN9V0GzG.0i"

func TestDefaults(t *testing.T) {
	c := new(testCase)
	got, err := Parse("etc/config.yml", []byte("site: hq\nasterisk: {ari: {username: u, password: p}}\n"), c.lookup, c.readFile)
	if err != nil {
		t.Fatal(err)
	}
	want := &Config{
		File:        "etc/config.yml",
		Site:        "hq",
		Directory:   supervision.NewDirectory("hq", nil, nil),
		Credentials: map[supervision.PersonID]Credentials{},
		Asterisk: Asterisk{
			ARI:             ARI{URL: "http://127.0.0.1:8088/ari", Username: "u", Password: NewSecret("p"), App: "supervision"},
			FeaturesContext: "supervision",
			PhoneContext:    "internal",
		},
		NATS: NATS{Embedded: EmbeddedNATS{Listen: "127.0.0.1:4222", StoreDir: filepath.Join("etc", "data")}},
		HTTP: HTTP{Listen: "127.0.0.1:8080"},
		SIP:  SIP{PBXURI: "sip:127.0.0.1:5060", Realm: "hq", List: ListFixed},
		Features: Features{
			Pickup: "*20", PickupGroup: "*22", Join: "*23", Leave: "*24", Toggle: "*25", CancelForwarding: "*26",
			WhenDown: Refuse,
		},
		Pickup: Pickup{Timeout: 15 * time.Second},
		Forwarding: forwarding.Policy{
			Families: forwarding.Families{Always: "CF", Busy: "CFB", NoAnswer: "CFU", DND: "DND"},
			Poll:     5 * time.Second,
		},
		History: History{Keep: 720 * time.Hour, MaxBytes: 256 << 20},
		Limits:  Limits{PeoplePerGroup: 50, GroupsPerSupervisor: 25},
		Log:     Log{Level: slog.LevelInfo, Format: LogText},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func parseExample(t *testing.T) *Config {
	t.Helper()
	text, err := os.ReadFile("testdata/example.yml")
	if err != nil {
		t.Fatal(err)
	}
	c := &testCase{
		env: map[string]string{"CRM_HASH": hash, "BEN_SIP": "bens secret"},
		files: map[string][]byte{
			"etc/secrets/ari": []byte("ari secret\n"), "etc/secrets/oidc": []byte("oidc secret"),
			"etc/secrets/nats.creds": []byte("creds"),
			"etc/tls/ca.pem":         pems()["cert.pem"], "etc/tls/cert.pem": pems()["cert.pem"], "etc/tls/key.pem": pems()["key.pem"],
		},
	}
	cfg, err := Parse("etc/config.yml", text, c.lookup, c.readFile)
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

func TestExample(t *testing.T) {
	cfg := parseExample(t)
	certificate := ServerTLS{CertFile: "etc/tls/cert.pem", KeyFile: "etc/tls/key.pem"}
	everybody := ActsAs{Anyone: true}
	for _, x := range []struct {
		name      string
		got, want any
	}{
		{"ari", cfg.Asterisk.ARI, ARI{
			URL: "https://pbx.example:8089/ari", Username: "supervisiond", Password: NewSecret("ari secret"),
			App: "supervision", CAFile: "etc/tls/ca.pem",
		}},
		{"nats", cfg.NATS, NATS{
			URL:             "tls://nats.example:4222",
			CredentialsFile: "etc/secrets/nats.creds",
			TLS:             ClientTLS{CAFile: "etc/tls/ca.pem", CertFile: "etc/tls/cert.pem", KeyFile: "etc/tls/key.pem"},
			Embedded: EmbeddedNATS{
				Listen: "127.0.0.1:4222", StoreDir: "etc/data", TLS: certificate,
				Users: []NATSUser{{Name: "crm", PasswordHash: NewSecret(hash), ActsAs: everybody}},
			},
		}},
		{"http", cfg.HTTP, HTTP{
			Listen: "127.0.0.1:8080", TLS: certificate,
			Tokens: []Token{{Name: "wallboard", Hash: NewSecret(hash), ActsAs: ActsAs{People: []supervision.PersonID{"anna"}}}},
			OIDC: &OIDC{
				Issuer: "https://id.example", ClientID: "supervisiond", ClientSecret: NewSecret("oidc secret"),
				Claim: "preferred_username",
			},
			PushServices: []string{"https://push.example", "https://10.0.0.7:8443"},
		}},
		{"sip", cfg.SIP, SIP{
			Listen: []Listener{{"udp", "127.0.0.1:5070"}, {"tcp", "127.0.0.1:5070"}, {"tls", "127.0.0.1:5071"}},
			TLS:    certificate, PBXURI: "sip:127.0.0.1:5060", Realm: "hq", List: ListFixed,
		}},
		{"credentials", cfg.Credentials, map[supervision.PersonID]Credentials{
			"anna": {PasswordHash: NewSecret(hash), SIP: SIPCredentials{
				Username:  "anna",
				HA1SHA256: NewSecret("9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"),
			}},
			"ben": {SIP: SIPCredentials{Username: "ben", Password: NewSecret("bens secret")}},
		}},
		{"anna", *cfg.Directory.Person("anna"), supervision.Person{
			ID: "anna", Name: "Anna Berger", Extension: "101", Language: "de",
			Endpoints: []supervision.Endpoint{
				{Name: "PJSIP/101"}, {Name: "PJSIP/101-home", Label: "Home", Default: true, AutoAnswer: "yealink"},
			},
		}},
		{"ben", *cfg.Directory.Person("ben"), supervision.Person{
			ID: "ben", Name: "Ben Okafor", Extension: "102",
			Endpoints:    []supervision.Endpoint{{Name: "PJSIP/102", Default: true}},
			Unsupervised: []string{"PJSIP/102-web"},
		}},
		{"dora's extension", cfg.Directory.Person("dora").Extension, "0103"},
	} {
		if !reflect.DeepEqual(x.got, x.want) {
			t.Errorf("%s: got %+v, want %+v", x.name, x.got, x.want)
		}
	}
}

func TestExampleGroups(t *testing.T) {
	cfg := parseExample(t)
	sales := *cfg.Directory.Group("sales")
	only, except := sales.Calls.OnlyDialled, sales.Calls.ExceptCallers
	if len(only) != 1 || only[0].String() != "^7" || len(except) != 1 || except[0].String() != `^\+49170555` {
		t.Errorf("patterns are %v and %v", only, except)
	}
	sales.Calls.OnlyDialled, sales.Calls.ExceptCallers = nil, nil
	if want := supervision.NewDirectory("", nil, []supervision.Group{{
		ID: "sales", Name: "Vertrieb", Number: "1", Type: supervision.MutualAid, LockLast: supervision.LockPerson,
		InitiallyLoggedIn: true,
		Supervisors:       []supervision.Participant{{Person: "anna", Admin: true, MayLeave: true}},
		Members:           []supervision.Participant{{Person: "ben", MayLeave: true}, {Person: "dora"}},
		Calls:             supervision.CallFilter{Internal: true, AlertAfter: 3 * time.Second},
	}}).Group("sales"); !reflect.DeepEqual(&sales, want) {
		t.Errorf("got %+v, want %+v", sales, *want)
	}
	if g := cfg.Directory.Group("everybody"); g.Type != supervision.Standard || g.LockLast != supervision.LockOff || !g.Calls.Internal {
		t.Errorf("defaults of a group are %+v", g)
	}
	if a := cfg.Forwarding.Allowed; len(a) != 1 || !a[0].MatchString("123") {
		t.Errorf("allowed destinations are %v", a)
	}
}

func TestAbsolutePathsStay(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "config.yml")
	secret := filepath.Join(dir, "secret")
	text := "site: hq\nasterisk: {ari: {username: u, password_file: " + secret + "}}\n" +
		"nats: {embedded: {store_dir: " + dir + "}}\nhttp: {oidc: {issuer: https://id, client_id: c, client_secret_file: ./secret}}\n"
	for name, content := range map[string]string{file: text, secret: "s3cret\r\n"} {
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cfg, err := Load(file)
	if err != nil {
		t.Fatal(err)
	}
	if got := cfg.Asterisk.ARI.Password.Reveal(); got != "s3cret" {
		t.Errorf("absolute secret is %q", got)
	}
	if got := cfg.HTTP.OIDC.ClientSecret.Reveal(); got != "s3cret" {
		t.Errorf("relative secret is %q", got)
	}
	if cfg.NATS.Embedded.StoreDir != dir {
		t.Errorf("store_dir is %s", cfg.NATS.Embedded.StoreDir)
	}
}

func TestLoadFails(t *testing.T) {
	dir := t.TempDir()
	large := filepath.Join(dir, "large.yml")
	if err := os.WriteFile(large, make([]byte, maxConfigSize+1), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		filepath.Join(dir, "nowhere.yml"): "no such file",
		dir:                               "is a directory",
		large:                             "larger than 4 MiB",
	} {
		_, err := Load(name)
		mistakes, ok := errors.AsType[Errors](err)
		if !ok || len(mistakes) != 1 || !strings.HasPrefix(err.Error(), name+":1:1: cannot be read: ") || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

func TestActsAs(t *testing.T) {
	some, all := ActsAs{People: []supervision.PersonID{"anna"}}, ActsAs{Anyone: true}
	if !some.Allows("anna") || some.Allows("ben") || !all.Allows("ben") || (ActsAs{}).Allows("anna") {
		t.Error("a program may act as others than it says")
	}
}

func TestLogLevels(t *testing.T) {
	c := new(testCase)
	for name, want := range map[string]slog.Level{
		"debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn, "error": slog.LevelError,
	} {
		text := "site: hq\nasterisk: {ari: {username: u, password: p}}\nlog: {format: json, level: " + name + "}\n"
		if cfg, err := Parse("config.yml", []byte(text), c.lookup, c.readFile); err != nil || cfg.Log != (Log{want, LogJSON}) {
			t.Errorf("%s: got %v, %v", name, cfg, err)
		}
	}
}
