package body

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

func TestAlert(t *testing.T) {
	via := []Via{{Kind: "ring_group", Number: "700"}, {Kind: "queue", Number: "800", Name: "Support"}, {Kind: "forward", Number: "103"}}
	for want, a := range map[string]Alert{
		"Call for Ben Okafor: Dr. Weiß (+4930555), ring group 700, queue Support (800), forwarded from 103": {
			Number: "+4930555", Name: "Dr. Weiß", Callee: "Ben Okafor", Via: via,
		},
		"Anruf für Ben Okafor: Dr. Weiß (+4930555), Rufgruppe 700, Warteschlange Support (800), umgeleitet von 103": {
			Lang: "de", Number: "+4930555", Name: "Dr. Weiß", Callee: "Ben Okafor", Via: via,
		},
		"Appel pour Ben Okafor\u00a0: +4930555, groupement 700, file d’attente Support (800), renvoyé depuis 103": {
			Lang: "fr", Number: "+4930555", Callee: "Ben Okafor", Via: via,
		},
		"Llamada para Ben Okafor: Dr. Weiß, grupo de llamada 700, cola Support (800), desviada desde 103": {
			Lang: "es", Name: "Dr. Weiß", Callee: "Ben Okafor", Via: via,
		},
		"Call for Ben: Number withheld":       {Withheld: true, Number: "+4930555", Name: "Dr. Weiß 4711", Callee: "Ben"},
		"Anruf für Ben: Nummer unterdrückt":   {Lang: "de-AT", Withheld: true, Callee: "Ben"},
		"Appel pour Ben\u00a0: Numéro masqué": {Lang: "fr", Withheld: true, Callee: "Ben"},
		"Llamada para Ben: Número oculto":     {Lang: "es", Withheld: true, Callee: "Ben"},
		"Call for Ben: Unknown number":        {Lang: "it", Callee: "Ben"},
		"Call for Ben: 103":                   {Name: "103", Number: "103", Callee: "Ben"},
		"Call for Ben: a b \uFFFD[2J":         {Name: "a\nb \x1b[2J", Callee: "Ben"},
	} {
		if got := a.Text(); got != want {
			t.Errorf("%q, not %q", got, want)
		}
	}
}

// TestAlertIsShort: a message must fit a datagram whatever the names are (RFC 3428 8).
func TestAlertIsShort(t *testing.T) {
	long := strings.Repeat("ß", 4000)
	a := Alert{Number: long, Name: long, Callee: long}
	if text := a.Text(); len(text) > 500 || strings.ContainsAny(text, "\r\n") {
		t.Errorf("%d bytes: %q", len(text), text)
	}
}

// TestWordsAreTheConsoles: a supervisor reads the same on the phone as on the screen.
func TestWordsAreTheConsoles(t *testing.T) {
	entry := regexp.MustCompile(`(?m)^\s*'([a-z._]+)': '(.*)',$`)
	for _, w := range languages {
		file, err := os.ReadFile("../../console/web/src/i18n/" + w.lang + ".ts")
		if err != nil {
			t.Fatal(err)
		}
		console := map[string]string{}
		for _, m := range entry.FindAllStringSubmatch(string(file), -1) {
			console[m[1]] = m[2]
		}
		for key, ours := range map[string]string{
			"presence.online": w.online, "presence.busy": w.busy, "presence.away": w.away, "presence.dnd": w.dnd,
			"presence.offline": w.offline, "calls.withheld": w.withheld, "calls.unknown": w.unknown,
			"calls.announce":       w.call + "{person}" + w.colon + "{caller}",
			"calls.via.ring_group": w.ringGroup + "{number}", "calls.via.queue": w.queue + "{number}",
			"calls.via.forward": w.forwarded + "{number}",
		} {
			if console[key] != ours {
				t.Errorf("%s in %s: the console says %q, a phone %q", key, w.lang, console[key], ours)
			}
		}
	}
}
