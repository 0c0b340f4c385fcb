package acceptance

import (
	"testing"

	"supervisiond/test/chrome"
)

func TestZZShots(t *testing.T) {
	s := pageSite(t)
	s.phone("101")
	for _, x := range []struct {
		name, lang, settings string
		o                    chrome.Options
	}{
		{"en-light", "en", "Settings", chrome.Options{}},
		{"de-dark", "de", "Einstellungen", chrome.Options{Dark: true, Language: "de"}},
		{"de-narrow", "de", "Einstellungen", chrome.Options{Width: 360, Height: 740, Language: "de"}},
		{"fr-narrow-dark", "fr", "Paramètres", chrome.Options{Width: 360, Height: 740, Language: "fr", Dark: true}},
	} {
		first := s.page("anna", x.o)
		first.Permit("notifications", "prompt")
		first.Go(s.url("/"))
		first.AwaitElement(`[data-testid="ask-notices"]`)
		first.Shot("bars-" + x.name)
		if x.name == "de-dark" {
			first.Permit("notifications", "denied")
		} else {
			first.Permit("notifications", "granted")
		}
		chrome.Eval[bool](first, `document.querySelector('[data-testid="settings"]').click(), true`)
		first.AwaitElement(`[data-testid="volume"]`)
		first.Shot("settings-" + x.name)
		chrome.Eval[bool](first, `document.querySelector('.dialog').scrollTo(0, 10000), true`)
		first.Shot("settings2-" + x.name)
	}
}
