package console

import (
	"bytes"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.etcd.io/bbolt"

	"supervisiond/supervision"
)

// cabinet is sessions whose passwords tests turn. Where time passes it is in a bubble.
type cabinet struct {
	*sessions
	t    *testing.T
	file string
	hash string
	log  bytes.Buffer
}

func newCabinet(t *testing.T, file string) *cabinet {
	t.Helper()
	c := &cabinet{t: t, file: file, hash: "hash"}
	c.open()
	return c
}

func (c *cabinet) open() {
	c.sessions = newSessions(c.file, func(supervision.PersonID) string { return c.hash }, time.Now, slog.New(slog.NewTextHandler(&c.log, nil)))
	c.t.Cleanup(func() { _ = c.close() })
}

func (c *cabinet) begins(proof string) string {
	c.t.Helper()
	id, err := c.begin(c.t.Context(), "anna", proof)
	if err != nil {
		c.t.Fatal(err)
	}
	if given := cookie(httptest.NewRequest("POST", "/", nil), id.session, id.expires); given.Value != id.session || !given.HttpOnly || given.SameSite != http.SameSiteStrictMode || given.Secure {
		c.t.Errorf("the cookie is %v", given)
	}
	return id.session
}

func (c *cabinet) with(token string) *http.Request {
	r := httptest.NewRequest("GET", "/", nil)
	r.AddCookie(&http.Cookie{Name: sessionCookie, Value: token})
	return r
}

func (c *cabinet) is(what, token string, want bool) {
	c.t.Helper()
	if id, ok := c.find(c.with(token)); ok != want || ok && id.person != "anna" {
		c.t.Errorf("%s: %v, %v", what, id, ok)
	}
}

// uses is a request of a browser.
func (c *cabinet) uses(token string) {
	if id, ok := c.find(c.with(token)); ok {
		c.used(id)
	}
}

// everywhere tries sessions in a file and in memory, in bubbles.
func everywhere(t *testing.T, try func(c *cabinet, where string)) {
	t.Helper()
	blocked := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(blocked, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for where, path := range map[string]string{"file": filepath.Join(t.TempDir(), "new", "sessions.db"), "memory": filepath.Join(blocked, "sessions.db")} {
		t.Run(where, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { try(newCabinet(t, path), where) })
		})
	}
}

// A session ends with its time, by signing out, by another password, and is nothing that one can make up. So it is in a file
// and in memory.
func TestSessions(t *testing.T) {
	everywhere(t, func(c *cabinet, where string) {
		t := c.t
		if warned := strings.Contains(c.log.String(), "sign in again after a restart"); warned != (where == "memory") {
			t.Errorf("the log says %q", c.log.String())
		}
		token := c.begins(proofOf("hash"))
		c.is("a new one", token, true)
		for _, other := range []string{"", token + "x", token[1:], strings.ToUpper(token), "../../" + token, strings.Repeat("x", 4000)} {
			c.is("a wrong cookie", other, false)
		}
		c.hash = "another"
		c.is("after another password", token, false)
		c.hash = "hash"
		byProvider := c.begins(byProvider)
		ended, err := c.end(c.with(token))
		c.is("after signing out", token, false)
		if again, err2 := c.end(c.with(token)); ended != token || err != nil || again != "" || err2 != nil {
			t.Errorf("signing out ends %q (%v), and again %q (%v)", ended, err, again, err2)
		}
		c.is("by the provider", byProvider, true)
		time.Sleep(sessionIdle - time.Second)
		c.is("just before its end", byProvider, true)
		time.Sleep(2 * time.Second)
		c.is("after its end", byProvider, false)
	})
}

// A session that is used lasts on, and no longer than it may at most; one that is not used ends.
func TestSessionLastsWhileItIsUsed(t *testing.T) {
	const day = 24 * time.Hour
	everywhere(t, func(c *cabinet, _ string) {
		used, unused, vouched := c.begins(proofOf("hash")), c.begins(proofOf("hash")), c.begins(byProvider)
		began := time.Now()
		for time.Since(began) < sessionTime-day {
			c.is("one that is used", used, true)
			c.is("one that is not", unused, time.Since(began) < sessionIdle)
			c.is("one by a provider", vouched, time.Since(began) < providerTime)
			c.uses(used)
			c.uses(vouched)
			time.Sleep(day)
		}
		c.uses(used)
		time.Sleep(day - time.Second)
		c.is("just before its end", used, true)
		time.Sleep(time.Second)
		c.is("at its end", used, false)
	})
}

// That a session is used is written once in a while, and does not bring back one that was ended at the same moment.
func TestSessionIsRenewedWithCare(t *testing.T) {
	everywhere(t, func(c *cabinet, _ string) {
		token := c.begins(proofOf("hash"))
		first := c.store.ends(digest(token))
		time.Sleep(renewEvery - time.Second)
		if c.uses(token); !c.store.ends(digest(token)).Equal(first) {
			c.t.Error("it is written at once")
		}
		time.Sleep(time.Second)
		if c.uses(token); !c.store.ends(digest(token)).Equal(first.Add(renewEvery)) {
			c.t.Errorf("it lasts until %v, and before until %v", c.store.ends(digest(token)), first)
		}
		id, _ := c.find(c.with(token))
		if _, err := c.end(c.with(token)); err != nil {
			c.t.Fatal(err)
		}
		time.Sleep(renewEvery)
		c.used(id)
		if err := c.store.renew(digest(token), time.Now().Add(time.Hour)); err != nil || !c.store.ends(digest(token)).IsZero() {
			c.t.Errorf("it is back (%v)", err)
		}
		c.is("after signing out", token, false)
	})
}

// A full disk turns nobody away who is signed in, and is complained of once.
func TestSessionThatCannotBeRenewed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCabinet(t, filepath.Join(t.TempDir(), "sessions.db"))
		token := c.begins(proofOf("hash"))
		if err := c.close(); err != nil {
			t.Fatal(err)
		}
		db, err := bbolt.Open(c.file, 0o600, &bbolt.Options{ReadOnly: true})
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = db.Close() }()
		file, _ := c.store.(*sessionFile)
		file.db = db
		time.Sleep(renewEvery)
		c.uses(token)
		c.uses(token)
		c.is("one that cannot be written", token, true)
		if n := strings.Count(c.log.String(), "it cannot be written that sessions are used"); n != 1 {
			t.Errorf("%d complaints: %s", n, c.log.String())
		}
	})
}

// A file outlives the daemon, has no cookie in it, and what has ended is swept out of it.
func TestSessionFile(t *testing.T) {
	synctest.Test(t, sessionFileIsKept)
}

func sessionFileIsKept(t *testing.T) {
	c := newCabinet(t, filepath.Join(t.TempDir(), "sessions.db"))
	token := c.begins(proofOf("hash"))
	if err := c.close(); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(c.file)
	if err != nil || bytes.Contains(text, []byte(token)) {
		t.Errorf("%v, or the file has the cookie in it", err)
	}
	if info, err := os.Stat(c.file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info.Mode(), err)
	}
	c.open()
	c.is("after a restart", token, true)
	time.Sleep(sessionTime + time.Second)
	if err := c.close(); err != nil {
		t.Fatal(err)
	}
	c.open()
	file, ok := c.store.(*sessionFile)
	if !ok {
		t.Fatal("it is not in a file")
	}
	_ = file.db.View(func(tx *bbolt.Tx) error {
		if n := tx.Bucket(sessionBucket).Stats().KeyN; n != 0 {
			t.Errorf("%d are left", n)
		}
		return nil
	})
	// A value that is none of ours is no session.
	_ = file.db.Update(func(tx *bbolt.Tx) error { return tx.Bucket(sessionBucket).Put([]byte("x"), []byte("short")) })
	if _, found, err := file.Find("x"); found || err != nil {
		t.Errorf("%v %v", found, err)
	}
}

// fill has a store take no session any more. It gives what makes room.
func (s *sessions) fill(t *testing.T) (room func()) {
	t.Helper()
	file, ok := s.store.(*sessionFile)
	if !ok {
		t.Fatal("it is not in a file")
	}
	err := file.db.Update(func(tx *bbolt.Tx) error {
		for i := range maxSessions {
			if err := tx.Bucket(sessionBucket).Put(fmt.Appendf(nil, "%08d", i), make([]byte, endLength)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return func() {
		if err := file.sweep(); err != nil {
			t.Fatal(err)
		}
	}
}

// There is room for so many sessions, in the file and in memory.
func TestSessionsAreBounded(t *testing.T) {
	c := newCabinet(t, filepath.Join(t.TempDir(), "sessions.db"))
	room := c.fill(t)
	_, err := c.begin(t.Context(), "anna", byProvider)
	if err == nil || asTold(err).Status != http.StatusServiceUnavailable || asTold(err).retryAfter == 0 {
		t.Errorf("one more: %v", err)
	}
	room()
	c.begins(byProvider)
}

// A file that is damaged or held by another daemon is no reason not to run: sessions are in memory, and the log says so.
func TestSessionFileCannotBeUsed(t *testing.T) {
	dir := t.TempDir()
	damaged := filepath.Join(dir, "damaged.db")
	if err := os.WriteFile(damaged, bytes.Repeat([]byte("no database "), 5000), 0o600); err != nil {
		t.Fatal(err)
	}
	held := newCabinet(t, filepath.Join(dir, "held.db"))
	for _, file := range []string{damaged, held.file, dir, "/proc/sessions.db"} {
		c := newCabinet(t, file)
		if !strings.Contains(c.log.String(), "file="+file) {
			t.Errorf("%s: the log says %q", file, c.log.String())
		}
		c.is(file, c.begins(byProvider), true)
	}
}

// A sign-out that cannot be stored is no success.
func TestSignOutThatFails(t *testing.T) {
	c := newCabinet(t, filepath.Join(t.TempDir(), "sessions.db"))
	token := c.begins(byProvider)
	if err := c.close(); err != nil {
		t.Fatal(err)
	}
	if ended, err := c.end(c.with(token)); err == nil {
		t.Errorf("it ends %q", ended)
	}
}
