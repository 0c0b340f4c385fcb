package body

// words are what people read, in one language. The console says the same (console/web/src/i18n), and a test holds them
// together.
type words struct {
	lang                                         string
	online, busy, away, dnd, offline, onThePhone string
	call, colon, withheld, unknown               string
	ringGroup, queue, forwarded                  string
}

var languages = []words{{
	lang: "en", online: "Online", busy: "Busy", away: "Away", dnd: "Do not disturb", offline: "Offline",
	onThePhone: "On the phone",
	call:       "Call for ", colon: ": ", withheld: "Number withheld", unknown: "Unknown number",
	ringGroup: "ring group ", queue: "queue ", forwarded: "forwarded from ",
}, {
	lang: "de", online: "Online", busy: "Besetzt", away: "Abwesend", dnd: "Nicht stören", offline: "Offline",
	onThePhone: "Am Telefon",
	call:       "Anruf für ", colon: ": ", withheld: "Nummer unterdrückt", unknown: "Unbekannte Nummer",
	ringGroup: "Rufgruppe ", queue: "Warteschlange ", forwarded: "umgeleitet von ",
}, {
	lang: "fr", online: "En ligne", busy: "Occupé", away: "Absent", dnd: "Ne pas déranger", offline: "Hors ligne",
	onThePhone: "Au téléphone",
	call:       "Appel pour ", colon: "\u00a0: ", withheld: "Numéro masqué", unknown: "Numéro inconnu",
	ringGroup: "groupement ", queue: "file d’attente ", forwarded: "renvoyé depuis ",
}, {
	lang: "es", online: "En línea", busy: "Ocupado", away: "Ausente", dnd: "No molestar", offline: "Desconectado",
	onThePhone: "Al teléfono",
	call:       "Llamada para ", colon: ": ", withheld: "Número oculto", unknown: "Número desconocido",
	ringGroup: "grupo de llamada ", queue: "cola ", forwarded: "desviada desde ",
}}

// in finds the words of a language, by its two letters or a longer tag (de-AT). Other languages get English.
func in(lang string) *words {
	for i := range languages {
		if w := &languages[i]; len(lang) >= 2 && lang[:2] == w.lang && (len(lang) == 2 || lang[2] == '-') {
			return w
		}
	}
	return &languages[0]
}
