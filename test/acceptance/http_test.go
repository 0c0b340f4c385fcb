package acceptance

import (
	"encoding/json"
	"net/http"
	"strings"
	"syscall"
	"testing"

	"supervisiond/test/lab"
	"supervisiond/test/softphone"
)

// httpSite is a site of screenOptions whose people also have passwords, and whose programs have tokens.
func httpSite(t *testing.T, o lab.Options) *site {
	t.Helper()
	screens := withPasswords(t, screenOptions(t), "anna", "ben", "carla", "emil", "fatma", "hana")
	screens.lab = o
	return newSite(t, screens)
}

// A supervisor signs in, follows the stream, is told of a ringing call and picks it up; what each step comes to is on the
// stream of who may see it, and only there (P3, S7, R5).
func TestHTTPPickup(t *testing.T) {
	t.Parallel()
	s := httpSite(t, lab.Options{})
	desk := s.phone("101", func(o *softphone.Options) { o.Behaviour = softphone.AutoAnswer() })
	ben, fatma := s.phone("102"), s.phone("106")
	anna, hana := s.signedIn("anna"), s.signedIn("hana")
	annas, hanas := anna.stream(""), hana.stream("")
	annas.await("view", `"id":"sales"`)
	hanas.await("view", `"id":"desk"`)

	caller := s.dial(fatma, "102")
	member := s.rings(ben)
	var call struct{ ID string }
	s.must("call", json.Unmarshal(annas.await("call", `"state":"ringing"`, `"Fatma Aydin"`).Data, &call))
	hana.do("POST", "/calls/"+call.ID+"/pickup", "").is(t, http.StatusNotFound, "not_found")
	hana.do("POST", "/pickup", `{"person":"ben"}`).is(t, http.StatusForbidden, "not_supervisor")

	answer := anna.asked("POST", "/calls/"+call.ID+"/pickup", "")
	picker := s.rings(desk)
	annas.await("notice", `"pickup.calling"`, `"endpoint":"PJSIP/101"`, call.ID)
	if a := <-answer; a.Status != http.StatusOK || !a.OK || a.Call != call.ID || a.OnBehalfOf != "ben" {
		t.Errorf("%d %s", a.Status, a.Body)
	}
	annas.await("call", `"state":"picked_up"`, `"picked_up_by":"anna"`)
	annas.await("call_gone", call.ID)
	s.talk(caller, picker)
	s.ended(member)
	s.must("hang up", caller.Hangup(s.ctx()))
	s.ended(picker)

	// What the session did is in the history, and says by which way.
	var history struct{ Events []struct{ Type string } }
	page := anna.do("GET", "/history?limit=50", "")
	s.must("history", json.Unmarshal(page.Body, &history))
	if !strings.Contains(string(page.Body), `"via":"http"`) || len(history.Events) == 0 || history.Events[0].Type == "" {
		t.Errorf("the history: %s", page.Body)
	}
	for _, e := range hanas.all {
		if strings.Contains(string(e.Data), "sales") || strings.Contains(string(e.Data), call.ID) {
			t.Errorf("hana is told %s", e.Data)
		}
	}
}

// A stream goes on where it broke off, and begins anew where that is not known any more.
func TestHTTPStreamResumes(t *testing.T) {
	t.Parallel()
	s := httpSite(t, lab.Options{})
	ben, fatma := s.phone("102"), s.phone("106")
	anna := s.signedIn("anna")
	first := anna.stream("")
	first.await("view")
	first.await("site")
	first.close()

	caller := s.dial(fatma, "102")
	member := s.rings(ben)
	s.watch.awaitCall(0, "rings", func(d callDocument) bool { return d.State == "ringing" })
	s.must("hang up", caller.Hangup(s.ctx()))
	s.ended(member)
	again := anna.stream(first.last)
	if e := again.await("call", `"state":"ringing"`); again.all[0].Event == "view" {
		t.Errorf("it begins anew, and tells %s", e.Data)
	}
	again.await("call", `"state":"abandoned"`)

	for _, unknown := range []string{"0:1", "1:999999", "999:1", "x", ":", "1:-1"} {
		anew := anna.stream(unknown)
		anew.last = ""
		if e, _ := anew.next(); e.Event != "view" {
			t.Errorf("after %q it begins with %s", unknown, e.Event)
		}
		anew.close()
	}

	// Where one person has come to is nothing to another, nor to a session that begins now.
	bens := s.signedIn("ben")
	his := bens.stream("")
	his.await("site")
	his.close()
	for who, other := range map[string]*browser{"ben": bens, "anna, signed in anew": s.signedIn("anna")} {
		anew := other.stream(again.last)
		anew.last = ""
		if e, _ := anew.next(); e.Event != "view" {
			t.Errorf("%s begins with %s at %s", who, e.Event, again.last)
		}
		anew.close()
	}

	// A new life of the daemon knows the session, and nothing of the numbers before it.
	last := again.last
	s.daemon.stop(syscall.SIGTERM)
	s.start()
	anew := anna.stream(last)
	anew.last = ""
	if e, _ := anew.next(); e.Event != "view" {
		t.Errorf("after a restart it begins with %s", e.Event)
	}
}

// Signing out ends the session, its streams, and whatever somebody has copied of its cookie.
func TestHTTPSessions(t *testing.T) {
	t.Parallel()
	s := httpSite(t, lab.Options{})
	nobody := s.stranger()
	nobody.do("GET", "/view", "").is(t, http.StatusUnauthorized, "unauthorized")
	nobody.do("POST", "/session", `{"person":"anna","password":"wrong"}`).is(t, http.StatusUnauthorized, "unauthorized")
	nobody.do("POST", "/session", `{"person":"nobody","password":"anna-secret"}`).is(t, http.StatusUnauthorized, "unauthorized")
	nobody.do("POST", "/session", `{"person":"dora","password":""}`).is(t, http.StatusUnauthorized, "unauthorized") // has none

	anna := s.signedIn("anna")
	if me := anna.do("GET", "/me", ""); !strings.Contains(string(me.Body), `"id":"anna"`) || !strings.Contains(string(me.Body), `"auto_answer":"yealink"`) {
		t.Errorf("anna is %s", me.Body)
	}
	copied := s.stranger()
	copied.client.Jar = anna.client.Jar
	open := copied.stream("")
	open.await("view")
	cookies := anna.client.Jar.Cookies(anna.request(t.Context(), "GET", "/me", "").URL)
	anna.do("DELETE", "/session", "")
	open.over()
	replay := s.stranger()
	replay.client.Jar.SetCookies(replay.request(t.Context(), "GET", "/me", "").URL, cookies)
	replay.do("GET", "/me", "").is(t, http.StatusUnauthorized, "unauthorized")

	// Tokens: one person needs no name, of several one has to be named.
	wallboard, crm := s.stranger(), s.stranger()
	wallboard.token, crm.token = "wallboard-token", "crm-token"
	if a := wallboard.do("GET", "/me", ""); a.Status != http.StatusOK || !strings.Contains(string(a.Body), `"id":"anna"`) {
		t.Errorf("%d %s", a.Status, a.Body)
	}
	wallboard.as = "ben"
	wallboard.do("GET", "/me", "").is(t, http.StatusForbidden, "forbidden")
	crm.do("GET", "/me", "").is(t, http.StatusUnprocessableEntity, "invalid")
	crm.as = "nobody"
	crm.do("GET", "/me", "").is(t, http.StatusNotFound, "not_found")
	crm.as = "hana"
	if a := crm.do("GET", "/me", ""); !strings.Contains(string(a.Body), `"id":"hana"`) {
		t.Errorf("%d %s", a.Status, a.Body)
	}
	crm.token = "crm-tokem"
	crm.do("GET", "/me", "").is(t, http.StatusUnauthorized, "unauthorized")
}

// A changed password ends the sessions that it began, and a person who is gone has none.
func TestHTTPSessionsAndReload(t *testing.T) {
	t.Parallel()
	s := httpSite(t, lab.Options{})
	anna, ben, fatma := s.signedIn("anna"), s.signedIn("ben"), s.signedIn("fatma")
	annas, fatmas := anna.stream(""), fatma.stream("")
	annas.await("view")
	fatmas.await("view")
	s.reload(func(yaml string) string {
		at := strings.Index(yaml, "\n  anna:")
		from := at + strings.Index(yaml[at:], "password_hash")
		to := from + strings.Index(yaml[from:], ",")
		yaml = yaml[:from] + `password_hash: "` + hashed(t, "another") + `"` + yaml[to:]
		at = strings.Index(yaml, "\n  fatma:")
		return yaml[:at] + yaml[at+1+strings.Index(yaml[at+1:], "\n"):]
	})
	for _, over := range []*stream{annas, fatmas} {
		over.over()
	}
	anna.do("GET", "/me", "").is(t, http.StatusUnauthorized, "unauthorized")
	fatma.do("GET", "/me", "").is(t, http.StatusUnauthorized, "unauthorized")
	if a := ben.do("GET", "/me", ""); a.Status != http.StatusOK {
		t.Errorf("ben: %d %s", a.Status, a.Body)
	}
}
