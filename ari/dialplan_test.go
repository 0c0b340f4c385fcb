package ari

import (
	"flag"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

var updateDialplan = flag.Bool("update-dialplan", false, "write testdata/dialplan-*.conf anew")

func usualDialplan() DialplanOptions {
	return DialplanOptions{
		App: "supervision", FeaturesContext: "supervision", WhenDown: whenDownRefuse,
		Pickup: "*20", PickupGroup: "*22", Join: "*23", Leave: "*24", Toggle: "*25", CancelForwarding: "*26",
	}
}

func TestDialplan(t *testing.T) {
	for _, down := range []string{whenDownRefuse, whenDownPickupGroups} {
		o := usualDialplan()
		o.WhenDown = down
		got, err := Dialplan(o)
		if err != nil {
			t.Fatal(err)
		}
		file := "testdata/dialplan-" + down + ".conf"
		if *updateDialplan {
			if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if got != string(want) {
			t.Errorf("%s: got\n%s", file, got)
		}
	}
}

// allowedLines are what phones may dial: each leads to a helper context that asks the daemon.
var allowedLines = regexp.MustCompile(`^exten => (?:` +
	`\*20,1,Goto\(supervision-ask,any,1\)|_\*20X{1,15},1,Goto\(supervision-ask,p\$\{EXTEN:3\},1\)|` +
	`_\*22X{1,6},1,Goto\(supervision-ask,g\$\{EXTEN:3\},1\)|` +
	`_\*23X{1,6},1,Goto\(supervision-command,j\$\{EXTEN:3\},1\)|` +
	`_\*24X{1,6},1,Goto\(supervision-command,l\$\{EXTEN:3\},1\)|` +
	`_\*25X{1,6},1,Goto\(supervision-command,t\$\{EXTEN:3\},1\)|` +
	`_\*25X{1,6}\*X{1,15},1,Goto\(supervision-command,f\$\{EXTEN:3\},1\)|` +
	`\*26,1,Goto\(supervision-command,mine,1\)|_\*26X{1,15},1,Goto\(supervision-command,c\$\{EXTEN:3\},1\))$`)

// TestHelperContextsAreOutOfReach: a phone that could dial into them would pick up whatever rings, or hang up itself.
func TestHelperContextsAreOutOfReach(t *testing.T) {
	text, err := Dialplan(usualDialplan())
	if err != nil {
		t.Fatal(err)
	}
	inPhones := false
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, ";") {
			continue
		}
		if strings.HasPrefix(line, "include") || strings.HasPrefix(line, "#") {
			t.Errorf("something is included: %s", line)
		}
		if strings.HasPrefix(line, "[") {
			inPhones = line == "[supervision]"
			if !inPhones && !strings.HasPrefix(line, "[supervision-") {
				t.Errorf("a context with a strange name: %s", line)
			}
		}
		if inPhones && strings.HasPrefix(line, "exten") && !allowedLines.MatchString(line) {
			t.Errorf("phones can dial more than feature codes: %s", line)
		}
	}
}

func TestDialplanVersionLine(t *testing.T) {
	line := func(o DialplanOptions) string {
		t.Helper()
		text, err := Dialplan(o)
		if err != nil {
			t.Fatal(err)
		}
		l := regexp.MustCompile(`(?m)^; supervisiond-dialplan v1_[0-9a-f]{16}$`).FindString(text)
		if l == "" {
			t.Fatal("no version line")
		}
		if version := strings.TrimPrefix(l, "; supervisiond-dialplan "); !strings.Contains(text, "\nexten => "+version+",1,") {
			t.Errorf("no extension %s", version)
		}
		return l
	}
	o := usualDialplan()
	if again := line(o); line(o) != again {
		t.Error("it changes by itself")
	}
	for name, change := range map[string]func(*DialplanOptions){
		"pickup": func(o *DialplanOptions) { o.Pickup = "*#21" }, "pickup_group": func(o *DialplanOptions) { o.PickupGroup = "*#21" },
		"join": func(o *DialplanOptions) { o.Join = "*#21" }, "leave": func(o *DialplanOptions) { o.Leave = "*#21" },
		"toggle":            func(o *DialplanOptions) { o.Toggle = "*#21" },
		"cancel_forwarding": func(o *DialplanOptions) { o.CancelForwarding = "*#21" },
		"app":               func(o *DialplanOptions) { o.App = "other" }, "context": func(o *DialplanOptions) { o.FeaturesContext = "other" },
		"when_down": func(o *DialplanOptions) { o.WhenDown = whenDownPickupGroups },
	} {
		other := o
		change(&other)
		if line(o) == line(other) {
			t.Errorf("it does not change with %s", name)
		}
	}
}

func TestDialplanRefusesWhatCouldInject(t *testing.T) {
	for name, change := range map[string]func(*DialplanOptions){
		"app ends line":        func(o *DialplanOptions) { o.App = "a\nexten => _X.,1,System(rm)" },
		"app has arguments":    func(o *DialplanOptions) { o.App = "a,b" },
		"app evaluates":        func(o *DialplanOptions) { o.App = "${SHELL(x)}" },
		"app is empty":         func(o *DialplanOptions) { o.App = "" },
		"context ends":         func(o *DialplanOptions) { o.FeaturesContext = "a]\n[b" },
		"context is a helper":  func(o *DialplanOptions) { o.FeaturesContext = pickupContext },
		"context is the lamps": func(o *DialplanOptions) { o.FeaturesContext = hintsContext },
		"context is general":   func(o *DialplanOptions) { o.FeaturesContext = "general" },
		"code is a pattern":    func(o *DialplanOptions) { o.Pickup = "_X." },
		"code has a letter":    func(o *DialplanOptions) { o.Pickup = "*2X" },
		"code ends line":       func(o *DialplanOptions) { o.PickupGroup = "*22\n" },
		"code is empty":        func(o *DialplanOptions) { o.PickupGroup = "" },
		"codes are the same":   func(o *DialplanOptions) { o.PickupGroup = o.Pickup },
		"codes are ambiguous":  func(o *DialplanOptions) { o.Pickup, o.PickupGroup = "*2", "*22" },
		"ambiguous otherwise":  func(o *DialplanOptions) { o.Pickup, o.PickupGroup = "*22", "*2" },
		"join has a letter":    func(o *DialplanOptions) { o.Join = "*2X" },
		"leave is empty":       func(o *DialplanOptions) { o.Leave = "" },
		"toggle ends line":     func(o *DialplanOptions) { o.Toggle = "*25\n" },
		"cancel is a pattern":  func(o *DialplanOptions) { o.CancelForwarding = "_X." },
		"join is leave":        func(o *DialplanOptions) { o.Join = o.Leave },
		"toggle takes others":  func(o *DialplanOptions) { o.Toggle = "*2" },
		"code is a forced one": func(o *DialplanOptions) { o.CancelForwarding = "*251*1" },
		"when_down is unknown": func(o *DialplanOptions) { o.WhenDown = "" },
	} {
		t.Run(name, func(t *testing.T) {
			o := usualDialplan()
			change(&o)
			if text, err := Dialplan(o); err == nil || text != "" {
				t.Errorf("got %q", text)
			}
		})
	}
}

// Each lamp's device is derived from what the phone subscribes to, and no more than digits can get into it: the text
// behind "hint" may name any device of the PBX.
func TestHintsNameOnlyOurDevices(t *testing.T) {
	o := usualDialplan()
	o.Toggle = "**5"
	text, err := Dialplan(o)
	if err != nil {
		t.Fatal(err)
	}
	hints := 0
	for line := range strings.Lines(text) {
		if !strings.Contains(line, ",hint,") {
			continue
		}
		hints++
		ok := regexp.MustCompile(`^exten => _(\*22X{1,6},hint,Stasis:supervision-ringing-|\*26X{1,15},hint,Stasis:supervision-forwarded-)\$\{EXTEN:3\}\n$`).MatchString(line)
		if m := regexp.MustCompile(`^exten => _\*\*5(X{1,6})\*X{1,15},hint,Stasis:supervision-login-\$\{EXTEN:3:(\d)\}-\$\{EXTEN:(\d+)\}\n$`).FindStringSubmatch(line); m != nil {
			ok = m[2] == strconv.Itoa(len(m[1])) && m[3] == strconv.Itoa(len("**5")+len(m[1])+1)
		}
		if !ok {
			t.Errorf("%s", line)
		}
	}
	if want := maxGroupDigits + maxGroupDigits*maxExtensionDigits + maxExtensionDigits; hints != want {
		t.Errorf("%d hints, want %d", hints, want)
	}
}

// What the daemon may say to a phone has its place in the dialplan.
func TestReasonsAreInTheDialplan(t *testing.T) {
	text, err := Dialplan(usualDialplan())
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range reasons {
		if !regexp.MustCompile(`^[a-z_]+$`).MatchString(string(r.Code)) || !regexp.MustCompile(`^[A-Za-z ,]{1,19}$`).MatchString(r.Text) ||
			strings.Contains(r.Text, ",") && strings.Contains(r.Text, "=") {
			t.Errorf("%+v cannot stand in a dialplan", r)
		}
		exten, cause := refusedExtension(r.Code)
		if exten != string(r.Code) || cause != r.Cause || !strings.Contains(text, "\nexten => "+exten+",1,") {
			t.Errorf("%s leads to %s, with cause %d", r.Code, exten, cause)
		}
	}
	if exten, cause := refusedExtension("brand_new"); exten != "c21" || cause != 21 {
		t.Errorf("an unknown code leads to %s, with cause %d", exten, cause)
	}
}
