package acceptance

import (
	"encoding/binary"
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/alexedwards/scs/v2"
	"go.etcd.io/bbolt"

	"supervisiond/test/chrome"
)

// sessionsEnd has all sessions end after a time. The daemon does not run meanwhile: they are in its file.
func (s *site) sessionsEnd(after time.Duration) {
	s.t.Helper()
	db, err := bbolt.Open(filepath.Join(filepath.Dir(s.config), "nats", "sessions-hq.db"), 0o600, nil)
	s.must("open the sessions", err)
	end := time.Now().Add(after)
	err = db.Update(func(tx *bbolt.Tx) error {
		b := tx.Bucket([]byte("sessions"))
		return b.ForEach(func(key, value []byte) error {
			_, values, err := scs.GobCodec{}.Decode(value[8:])
			if err != nil {
				return err
			}
			data, err := scs.GobCodec{}.Encode(end, values)
			if err != nil {
				return err
			}
			return b.Put(key, append(binary.BigEndian.AppendUint64(nil, uint64(end.UnixNano())), data...))
		})
	})
	s.must("change the sessions", err)
	s.must("close the sessions", db.Close())
}

// restartWhenSessionsEnd restarts the daemon, of which pages are at the other end of a cable.
func (s *site) restartWhenSessionsEnd(after time.Duration, cable *cutter) {
	s.t.Helper()
	s.daemon.stop(syscall.SIGTERM)
	s.sessionsEnd(after)
	s.start()
	cable.mend(s.host())
}

// A session that is about to end is said to in time. Who signs in again from there goes on where they are. Who does not, and does not
// look, is told when it has ended, and has the page as it was when they have signed in.
func TestPageSessionEnds(t *testing.T) {
	t.Parallel()
	s := pageSite(t)
	s.phone("101")
	cable := startCutter(t, s.host())
	restart := func(ends time.Duration) {
		t.Helper()
		s.restartWhenSessionsEnd(ends, cable)
	}
	b := s.behindAt("http://"+cable.addr(), chrome.Options{})
	p := b.console("anna")
	p.Type(`[data-testid="search"]`, "okafor")
	p.Await("radio", "Logged in").Click()
	as := func() {
		t.Helper()
		p.AwaitTrue(`document.querySelector("[data-testid=search]").value === "okafor"`)
		p.AwaitTrue(`document.querySelector("[data-testid=filter-logged_in]").dataset.state === "on"`)
	}
	p.ReadsNot("Your session ends soon")

	restart(2 * time.Hour)
	p.Reads("Your session ends soon")
	usable(t, p, "a session that is about to end")
	p.Shot("session-ends")
	p.Await("button", "Sign in again").Click()
	p.Await("dialog", "Sign in again")
	usable(t, p, "signing in again")
	p.Shot("session-again")
	const field = `[data-testid="sign-in-again"] input[type="password"]`
	p.Type(field, "wrong"+chrome.Enter)
	p.Reads("The user name or the password is wrong.")
	p.Type(field, "anna-secret"+chrome.Enter)
	p.Reads("You are signed in anew.")
	p.Gone("dialog")
	p.ReadsNot("Your session ends soon")
	p.AwaitElement(`[data-standing="live"]`)
	as()

	b.stage.Front()
	p.AwaitTrue(`document.hidden`)
	restart(-time.Second)
	b.noticed("You are signed out, and are told of no calls here.")
	p.AwaitTitle("Signed out")
	p.Front()
	p.Reads("Your session has ended. Sign in again.")
	usable(t, p, "a session that has ended")
	signIn(p, "anna", "anna-secret")
	p.AwaitElement(`[data-standing="live"]`)
	as()
	b.unnoticed()
}

// Who has signed in at a provider does so again in another tab, and goes on where they are in this one.
func TestPageSessionEndsByProvider(t *testing.T) {
	t.Parallel()
	there := startProvider(t)
	s := pageSite(t, there.configured, withoutPasswords)
	s.phone("101")
	cable := startCutter(t, s.host())
	origin := "http://" + cable.addr()
	there.knows(s, origin, "anna")
	form := func(p *chrome.Page) {
		p.Type(`input[name="username"]`, "anna")
		p.Type(`input[name="password"]`, "right"+chrome.Enter)
		p.AwaitElement(`[data-standing="live"]`)
		p.Reads("Anna Berger")
	}
	p := chrome.Open(t, chrome.Options{})
	p.Go(origin + "/")
	provider := p.Find(`[data-testid="sign-in-provider"]`)
	usable(t, p, "signing in by a provider alone")
	nothing(t, p, "nobody has a password here", `input`)
	provider.Click()
	form(p)
	p.Type(`[data-testid="search"]`, "okafor")
	chrome.Eval[bool](p, `(document.querySelector("header").before = true)`)

	s.restartWhenSessionsEnd(2*time.Hour, cable)
	p.Reads("Your session ends soon")
	p.Await("button", "Sign in again").Click()
	dialog := p.Await("dialog", "Sign in again")
	way := dialog.Await("link", "Sign in with your company account")
	usable(t, p, "signing in again, by a provider alone")
	nothing(t, p, "nobody has a password here", `[role=dialog] input`)
	other := p.Opened(way.Click)
	form(other)
	p.Front()
	p.Gone("dialog")
	p.ReadsNot("Your session ends soon")
	p.AwaitElement(`[data-standing="live"]`)
	if !chrome.Eval[bool](p, `document.querySelector("header").before === true && document.querySelector("[data-testid=search]").value === "okafor"`) {
		t.Error("the page began anew")
	}

	// The session of before is not needed any more.
	other.Close()
	cable.cut()
	p.AwaitElement(`[data-standing="reconnecting"]`)
	cable.mend(s.host())
	p.AwaitElement(`[data-standing="live"]`)
}

// withoutPasswords takes them from all people, and from no user of NATS.
func withoutPasswords(yaml string) string {
	return regexp.MustCompile(`(\n  \w+:\s+\{)password_hash: "[^"]*", `).ReplaceAllString(yaml, "$1")
}

// lateRefusal keeps a page from learning that its stream is refused until it has been told by learn(), as a slow network does; once.
const lateRefusal = `(() => {
	const real = window.fetch;
	window.fetch = async (...what) => {
		const answer = await real(...what);
		if (answer.status === 401 && what[0].endsWith("/stream")) {
			window.fetch = real;
			await new Promise(learn => window.learn = learn);
		}
		return answer;
	};
})()`

// What is done in one tab of a browser holds in the others at once: signing out, and in again. People who share a browser keep what they
// have chosen, each for themselves, and the sign-in is as the page was last.
func TestPageIsShared(t *testing.T) {
	t.Parallel()
	s := pageSite(t)
	s.phone("101")
	first := chrome.Open(t, chrome.Options{})
	first.Before(lateRefusal)
	first.Go(s.url("/"))
	signIn(first, "anna", "anna-secret")
	first.AwaitElement(`[data-standing="live"]`)
	second := first.Tab(chrome.Options{})
	second.Go(s.url("/manifest.webmanifest"))

	// Whose stream is refused while the browser is being signed in again goes on. Nobody tells the page: it asks.
	chrome.Eval[bool](first, `(document.querySelector("header").before = true)`)
	by := func(method, body string) {
		t.Helper()
		if !chrome.Eval[bool](second, fmt.Sprintf(`fetch("/api/v1/session", {method: %q, headers: {"Content-Type": "application/json"}%s}).then(r => r.ok)`, method, body)) {
			t.Fatalf("%s is refused", method)
		}
	}
	by("DELETE", "")
	first.AwaitTrue(`window.learn !== undefined`)
	by("POST", `, body: JSON.stringify({person: "anna", password: "anna-secret"})`)
	first.AwaitTrue(`document.querySelector("[data-standing]").dataset.standing !== "live"`)
	chrome.Eval[bool](first, `(learn(), true)`)
	first.AwaitElement(`[data-standing="live"]`)
	if !chrome.Eval[bool](first, `document.querySelector("header").before === true`) {
		t.Error("the page began anew")
	}
	second.Go(s.url("/"))
	second.AwaitElement(`[data-standing="live"]`)

	first.Await("button", "Sign out").Click()
	second.Reads("You have signed out in another tab.")
	second.AwaitTitle("Signed out")
	first.AwaitElement(`[data-testid="sign-in"]`)
	first.ReadsNot("in another tab")
	signIn(second, "anna", "anna-secret")
	for _, p := range []*chrome.Page{second, first} {
		p.AwaitElement(`[data-standing="live"]`)
		p.Reads("Anna Berger")
	}

	choose := func(name, value string) {
		t.Helper()
		first.AwaitTrue(`(() => { const choice = document.querySelector('select[name="` + name + `"]'); if (!choice) return false;
			choice.value = "` + value + `"; return choice.dispatchEvent(new Event("change", {bubbles: true})); })()`)
	}
	is := func(who, language, theme, muted string) {
		t.Helper()
		first.AwaitTrue(`document.documentElement.lang === "` + language + `"`)
		first.AwaitTrue(`(document.documentElement.dataset.theme ?? "system") === "` + theme + `"`)
		if muted != "" {
			first.AwaitTrue(`document.querySelector("[data-testid=mute]")?.ariaPressed === "` + muted + `"`)
		}
		if t.Failed() {
			t.Logf("of %s", who)
		}
	}
	change := func(out, person string) {
		t.Helper()
		first.Await("button", out).Click()
		first.AwaitElement(`[data-testid="sign-in"]`)
		if person != "" {
			signIn(first, person, person+"-secret")
			first.AwaitElement(`[data-standing="live"]`)
		}
	}
	is("anna at first", "en", "system", "false")
	first.Await("button", "Mute the sound").Click()
	first.Await("button", "Settings").Click()
	choose("language", "de")
	choose("theme", "dark")
	first.Press(chrome.Escape)
	first.Gone("dialog")
	is("anna", "de", "dark", "true")
	second.AwaitTrue(`document.documentElement.lang === "de"`)

	change("Abmelden", "")
	is("the sign-in", "de", "dark", "")
	signIn(first, "ben", "ben-secret")
	first.AwaitElement(`[data-standing="live"]`)
	is("ben", "en", "system", "")
	change("Sign out", "")
	is("the sign-in", "en", "system", "")
	choose("language", "fr")
	signIn(first, "ben", "ben-secret")
	first.AwaitElement(`[data-standing="live"]`)
	is("ben, who has chosen before signing in", "fr", "system", "")
	change("Se déconnecter", "anna")
	is("anna again", "de", "dark", "true")
	if kept := chrome.Eval[string](first, `Object.keys(localStorage).sort().join(" ")`); !strings.Contains(kept, "supervision:anna") || !strings.Contains(kept, "supervision:ben") {
		t.Errorf("kept are %s", kept)
	}
}
