package console

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"supervisiond/console/push"
	"supervisiond/supervision"
)

// browserPush is what PushSubscription.toJSON gives in a browser whose keys are those of RFC 8291, appendix A.
func browserPush(endpoint, more string) string {
	return fmt.Sprintf(`{"endpoint":%q,"expirationTime":null%s,"keys":{"p256dh":"BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4","auth":"BTBZMqHH6r4Tts7J_aSIgg"}}`,
		endpoint, more)
}

// inBrowser is a request of somebody's browser, which is signed in by a cookie.
func (d *desk) inBrowser(cookie, method, body string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, "https://console.example/api/v1/me/push", strings.NewReader(body))
	r.AddCookie(&http.Cookie{Name: sessionCookie, Value: cookie})
	r.Header.Set("Origin", "https://console.example")
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	return d.ask(r)
}

func (d *desk) signsIn(p supervision.PersonID) string {
	d.t.Helper()
	id, err := d.sessions.begin(d.t.Context(), p, byProvider)
	if err != nil {
		d.t.Fatal(err)
	}
	return id.session
}

// changes proves what a command came to.
func (d *desk) changes(what string, w *httptest.ResponseRecorder, want bool) {
	d.t.Helper()
	var done Done
	if err := json.Unmarshal(w.Body.Bytes(), &done); w.Code != http.StatusOK || err != nil || !done.OK || done.Changed != want {
		d.t.Errorf("%s: %d %s", what, w.Code, w.Body)
	}
}

// subscribed proves how many of a person's browsers are.
func (d *desk) subscribed(cookie string, want int) {
	d.t.Helper()
	var state PushState
	w := d.inBrowser(cookie, "GET", "")
	if err := json.Unmarshal(w.Body.Bytes(), &state); err != nil || state.Subscriptions != want || len(state.PublicKey) != 87 {
		d.t.Errorf("%d %s, want %d", w.Code, w.Body, want)
	}
}

// A browser subscribes with what it has, again without effect, and unsubscribes; a session is one browser, and its subscription is
// gone with it.
func TestPushSubscriptions(t *testing.T) {
	d := newDesk(t)
	anna, annas2, ben := d.signsIn("anna"), d.signsIn("anna"), d.signsIn("ben")
	const one, two = "https://push.example/1", "https://push.example/2"
	d.changes("a first one", d.inBrowser(anna, "PUT", browserPush(one, "")), true)
	d.changes("the same", d.inBrowser(anna, "PUT", browserPush(one, `,"options":{"userVisibleOnly":true,"x":null}`)), false)
	d.changes("on another machine", d.inBrowser(annas2, "PUT", browserPush(two, `,"contentEncodings":["aes128gcm"]`)), true)
	d.subscribed(anna, 2)
	if w := d.inBrowser(anna, "GET", ""); !strings.Contains(w.Body.String(), fmt.Sprintf(`"endpoints":[%q]`, one)) {
		t.Errorf("her session's: %s", w.Body)
	}
	d.changes("ben does not have it", d.inBrowser(ben, "DELETE", fmt.Sprintf(`{"endpoint":%q}`, one)), false)
	d.changes("nothing of this session's", d.inBrowser(ben, "DELETE", ""), false)
	d.changes("this one", d.inBrowser(anna, "DELETE", fmt.Sprintf(`{"endpoint":%q}`, two)), true)
	d.changes("those of the session", d.inBrowser(anna, "DELETE", ""), true)
	d.subscribed(anna, 0)

	d.changes("anew", d.inBrowser(anna, "PUT", browserPush(one, "")), true)
	d.changes("ben has signed in there", d.inBrowser(ben, "PUT", browserPush(one, "")), true)
	d.subscribed(anna, 0)
	d.subscribed(ben, 1)
	out := httptest.NewRequest("DELETE", "/api/v1/session", nil)
	out.AddCookie(&http.Cookie{Name: sessionCookie, Value: ben})
	if w := d.ask(out); w.Code != http.StatusNoContent {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	d.subscribed(d.signsIn("ben"), 0)

	// By a token too: those that it made for this person.
	d.changes("a program", d.ask(asAnna("PUT", "/api/v1/me/push", strings.NewReader(browserPush(one, "")))), true)
	d.changes("and its end", d.ask(asAnna("DELETE", "/api/v1/me/push", nil)), true)

	for _, body := range []string{
		"", "null", "[]", `{"endpoint":null}`, `{"keys":{}}`, browserPush("http://push.example/1", ""), browserPush("https://127.0.0.1/1", ""),
		browserPush("https://push.example/"+strings.Repeat("x", 2000), ""), strings.Replace(browserPush(one, ""), `"auth":"BT`, `"auth":"`, 1),
		strings.Replace(browserPush(one, ""), `"p256dh"`, `"P256DH"`, 1), strings.Replace(browserPush(one, ""), "null", `"soon"`, 1),
	} {
		isProblem(t, d.inBrowser(anna, "PUT", body), http.StatusUnprocessableEntity)
	}
	isProblem(t, d.inBrowser("x", "PUT", browserPush(one, "")), http.StatusUnauthorized)
	isProblem(t, d.inBrowser(anna, "DELETE", `{"endpoint":1}`), http.StatusUnprocessableEntity)
	foreign := httptest.NewRequest("PUT", "/api/v1/me/push", strings.NewReader(browserPush(one, "")))
	foreign.Header.Set("Origin", "https://evil.example")
	foreign.Header.Set("Content-Type", "application/json")
	isProblem(t, d.ask(foreign), http.StatusForbidden)
}

// Who subscribed counts as long as they are known by the same: a session that has ended, or of another password, is nobody.
func TestPushHolds(t *testing.T) {
	d := newDesk(t)
	cookie := d.signsIn("anna")
	of := func(p supervision.PersonID, id identity) *push.Subscription {
		return &push.Subscription{Person: p, Owner: pushOwner(id)}
	}
	for what, c := range map[string]struct {
		of   *push.Subscription
		want bool
	}{
		"her session":        {of("anna", identity{session: cookie}), true},
		"of another person":  {of("ben", identity{session: cookie}), false},
		"of nobody":          {of("nobody", identity{session: cookie}), false},
		"another session":    {of("anna", identity{session: cookie + "x"}), false},
		"the cookie itself":  {&push.Subscription{Person: "anna", Owner: ownerSession + cookie}, false},
		"a token":            {of("anna", identity{token: "crm"}), true},
		"a token of nobody":  {of("nobody", identity{token: "crm"}), false},
		"a token that is no": {of("anna", identity{token: "wallboard"}), false},
		"nothing":            {&push.Subscription{Person: "anna"}, false},
	} {
		if d.holdsPush(c.of) != c.want {
			t.Errorf("%s: %v", what, !c.want)
		}
	}
	if left := time.Until(d.endsPush(of("anna", identity{session: cookie}))); left < sessionIdle-time.Minute || left > sessionIdle {
		t.Errorf("it ends in %v", left)
	}
	if ends := d.endsPush(of("anna", identity{token: "crm"})); !ends.IsZero() {
		t.Errorf("a token ends %v", ends)
	}
	r := httptest.NewRequest("DELETE", "/", nil)
	r.AddCookie(&http.Cookie{Name: sessionCookie, Value: cookie})
	if _, err := d.sessions.end(r); err != nil || d.holdsPush(of("anna", identity{session: cookie})) {
		t.Errorf("a session that has ended holds (%v)", err)
	}
}

// Whom push services may turn to is the page that has subscribed.
func TestPushContact(t *testing.T) {
	for _, c := range [][3]string{ // host, origin
		{"console.example", "https://console.example", "https://console.example"}, {"127.0.0.1:8080", "https://Console.example:443", "https://console.example"},
		{"console.example:8443", "", "https://console.example:8443"}, {"localhost:8080", "http://localhost:8080", "https://localhost:8080"},
		{"console.example", "null", "https://console.example"},
	} {
		r := httptest.NewRequest("PUT", "/", nil)
		r.Host = c[0]
		r.Header.Set("Origin", c[1])
		if got := contact(r); got != c[2] {
			t.Errorf("%q, %q: %s, want %s", c[0], c[1], got, c[2])
		}
	}
}

// ear is a listener that notes what it is told.
type ear struct {
	told []string
	cut  int
}

func (e *ear) shown(_ time.Time, s *supervision.Show) {
	e.told = append(e.told, fmt.Sprint(s.Seq, " ", s.View != nil))
}

func (e *ear) lost() { e.cut++ }

// A listener is told what streams are, keeps its person followed, takes no stream's place, and is told when it is cut.
func TestHubListener(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		e := &ear{}
		c, err := s.hub.listen(t.Context(), "anna", e)
		if err != nil {
			t.Fatal(err)
		}
		s.shows("anna", 2)
		s.shows("ben", 1)
		synctest.Wait()
		if got := fmt.Sprint(e.told); got != "[0 true 1 false 2 false]" {
			t.Errorf("told %s", got)
		}
		if s.hub.streams != 0 {
			t.Errorf("%d streams", s.hub.streams)
		}
		stream := s.join("anna", "")
		s.hub.leave(stream)
		time.Sleep(10 * feedRounds * roundTime)
		s.shows("anna", 1)
		s.hub.cutThose(func(identity) bool { return true }) // it is nobody's session
		synctest.Wait()
		if len(e.told) != 4 || e.cut != 0 || c.isCut() {
			t.Errorf("told %v, cut %d times", e.told, e.cut)
		}
		s.hub.leave(c)
		time.Sleep(10 * feedRounds * roundTime)
		synctest.Wait()
		if got := strings.Join(s.asked, ","); !strings.HasSuffix(got, "watch anna false") {
			t.Errorf("the engine was asked %s", got)
		}
		again, err := s.hub.listen(t.Context(), "anna", e)
		s.end()
		if err != nil || e.cut != 1 || !again.isCut() {
			t.Errorf("%v, cut %d times", err, e.cut)
		}
	})
}
