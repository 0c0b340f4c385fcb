package body

import (
	"strings"
	"testing"
)

func TestAlert(t *testing.T) {
	via := []Via{{Kind: "ring_group", Number: "700"}, {Kind: "queue", Number: "800", Name: "Support"}, {Kind: "forward", Number: "103"}}
	for want, a := range map[string]Alert{
		"Dr. Weiß (+4930555) calls Ben Okafor, ring group 700, queue Support (800), forwarded from 103": {
			Number: "+4930555", Name: "Dr. Weiß", Callee: "Ben Okafor", Via: via,
		},
		"Dr. Weiß (+4930555) ruft an für Ben Okafor, Rufgruppe 700, Warteschlange Support (800), weitergeleitet von 103": {
			Lang: "de", Number: "+4930555", Name: "Dr. Weiß", Callee: "Ben Okafor", Via: via,
		},
		"+4930555 appelle Ben Okafor, groupe d’appel 700, file d’attente Support (800), renvoyé depuis 103": {
			Lang: "fr", Number: "+4930555", Callee: "Ben Okafor", Via: via,
		},
		"Dr. Weiß llama a Ben Okafor, grupo de timbre 700, cola Support (800), desviada desde 103": {
			Lang: "es", Name: "Dr. Weiß", Callee: "Ben Okafor", Via: via,
		},
		"Withheld number calls Ben":           {Withheld: true, Number: "+4930555", Name: "Dr. Weiß 4711", Callee: "Ben"},
		"Unterdrückte Nummer ruft an für Ben": {Lang: "de-AT", Withheld: true, Callee: "Ben"},
		"Numéro masqué appelle Ben":           {Lang: "fr", Withheld: true, Callee: "Ben"},
		"Número oculto llama a Ben":           {Lang: "es", Withheld: true, Callee: "Ben"},
		"Unknown number calls Ben":            {Lang: "it", Callee: "Ben"},
		"103 calls Ben":                       {Name: "103", Number: "103", Callee: "Ben"},
		"a b \uFFFD[2J calls Ben":             {Name: "a\nb \x1b[2J", Callee: "Ben"},
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
