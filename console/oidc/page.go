package oidc

import (
	"html/template"
	"net/http"
	"net/url"
	"strconv"

	"golang.org/x/text/language"
)

// message is what a page says.
type message struct{ Title, Body, Link string }

// both is a message in the languages that there are, in the order of languages.
type both [2]message

var languages = language.NewMatcher([]language.Tag{language.English, language.German})

const (
	again   = "Try again"
	nochmal = "Noch einmal versuchen"
)

var (
	signedIn = both{
		{"Signed in", "The page that you came for opens by itself.", "Continue"},
		{"Angemeldet", "Die gewünschte Seite öffnet sich von selbst.", "Weiter"},
	}
	unknown = both{
		{"This sign-in no longer counts", "It was used already, was begun in another browser, or took longer than ten minutes. Nothing has happened to your account.", again},
		{"Diese Anmeldung gilt nicht mehr", "Sie wurde schon benutzt, in einem anderen Browser begonnen oder hat länger als zehn Minuten gedauert. Mit Ihrem Konto ist nichts geschehen.", nochmal},
	}
	denied = both{
		{"You were not signed in", "The sign-in was cancelled, or your account may not be used here.", again},
		{"Sie wurden nicht angemeldet", "Die Anmeldung wurde abgebrochen, oder Ihr Konto darf hier nicht benutzt werden.", nochmal},
	}
	refuses = both{
		{"The sign-in service refused", "Your password is not the reason. If it stays so, show this page to your administrator.", again},
		{"Der Anmeldedienst hat abgelehnt", "An Ihrem Passwort liegt es nicht. Wenn es so bleibt, zeigen Sie diese Seite Ihrer Administration.", nochmal},
	}
	nobody = both{
		{"You cannot be signed in here", "The sign-in service knows you, and here there is nobody by that name.", "Try again with another account"},
		{"Sie können hier nicht angemeldet werden", "Der Anmeldedienst kennt Sie, aber hier gibt es niemanden mit diesem Namen.", "Mit einem anderen Konto versuchen"},
	}
	notNow = both{
		{"You cannot be signed in now", "The sign-in service knows you, and so do we. Try again in a minute; if it stays so, tell your administrator.", again},
		{"Sie können jetzt nicht angemeldet werden", "Der Anmeldedienst kennt Sie, und wir auch. Versuchen Sie es in einer Minute noch einmal; wenn es so bleibt, sagen Sie es Ihrer Administration.", nochmal},
	}
	claimLacks = both{
		{"You cannot be signed in here", "The sign-in service knows you, and does not say who you are here. Your administrator can change that. What is missing:", "Try again with another account"},
		{"Sie können hier nicht angemeldet werden", "Der Anmeldedienst kennt Sie, sagt aber nicht, wer Sie hier sind. Ihre Administration kann das ändern. Es fehlt:", "Mit einem anderen Konto versuchen"},
	}
	away = both{
		{"The sign-in service cannot be reached", "Your password is not the reason. Try again in a minute; if it stays so, tell your administrator.", again},
		{"Der Anmeldedienst ist nicht erreichbar", "An Ihrem Passwort liegt es nicht. Versuchen Sie es in einer Minute noch einmal; wenn es so bleibt, sagen Sie es Ihrer Administration.", nochmal},
	}
	invalid = both{
		{"The sign-in service gave a wrong answer", "You were not signed in, because its answer could not be trusted. Try again; if it stays so, tell your administrator.", again},
		{"Der Anmeldedienst hat falsch geantwortet", "Sie wurden nicht angemeldet, weil seiner Antwort nicht zu trauen war. Versuchen Sie es noch einmal; wenn es so bleibt, sagen Sie es Ihrer Administration.", nochmal},
	}
)

// page is an answer to a browser.
type page struct {
	status int
	text   both
	says   string // somebody else's words
	back   string // where a sign-in ends
	other  bool   // another try is of use with another account only
}

// show writes a page. There is nothing on it that runs.
func (p *Provider) show(w http.ResponseWriter, r *http.Request, g page) {
	_, i := language.MatchStrings(languages, r.Header.Get("Accept-Language"))
	view := struct {
		message
		Language, Says, Href string
		Forward              bool
	}{g.text[i], [...]string{"en", "de"}[i], short(g.says), g.back, g.status == http.StatusOK}
	if !view.Forward {
		again := url.Values{"return": {g.back}}
		if g.other {
			again.Set("prompt", "login")
		}
		view.Href = StartPath + "?" + again.Encode()
	}
	header(w)
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Language", view.Language)
	if g.status == http.StatusBadGateway {
		w.Header().Set("Retry-After", strconv.Itoa(int(discoveryPause.Seconds())))
	}
	w.WriteHeader(g.status)
	_ = pages.Execute(w, view) // to a browser that is gone
}

// header sets what every answer has. No sandbox: a page of no origin would get no Strict cookie on its way on.
func header(w http.ResponseWriter) {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Content-Type-Options", "nosniff")
}

var pages = template.Must(template.New("").Parse(`<!DOCTYPE html>
<html lang="{{.Language}}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
{{- if .Forward}}
<meta http-equiv="refresh" content="0;url={{.Href}}">
{{- end}}
<title>{{.Title}}</title>
</head>
<body>
<main>
<h1>{{.Title}}</h1>
<p>{{.Body}}</p>
{{- with .Says}}
<blockquote>{{.}}</blockquote>
{{- end}}
<p><a href="{{.Href}}">{{.Link}}</a></p>
</main>
</body>
</html>
`))
