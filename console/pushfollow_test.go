package console

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"supervisiond/console/push"
	"supervisiond/supervision"
)

// follows is a server that follows people for push on a stage, with nothing on disk.
func (s *stage) follows() (*Server, *pushFollowers) {
	s.t.Helper()
	log := slog.New(slog.DiscardHandler)
	directory := supervision.NewDirectory("hq", []supervision.Person{{ID: "anna"}, {ID: "ben"}}, nil)
	service, err := push.New(push.Options{
		File: "/proc/push.db", Log: log, Metrics: prometheus.NewRegistry(), Directory: func() *supervision.Directory { return directory },
		Holds: func(*push.Subscription) bool { return true },
	})
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = service.Close() })
	server := &Server{hub: s.hub, push: service, log: log}
	return server, &pushFollowers{s: server, clients: make(map[supervision.PersonID]*client), cut: make(chan struct{}, 1)}
}

func subscribes(t *testing.T, s *Server, p supervision.PersonID) {
	t.Helper()
	if _, err := s.push.Subscribe(push.Subscription{
		Endpoint: fmt.Sprint("https://push.example/", p), Person: p, Auth: "BTBZMqHH6r4Tts7J_aSIgg",
		P256DH: "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4",
	}); err != nil {
		t.Fatal(err)
	}
}

// Who has a subscription is followed as long as they have, from the whole again when the hub could not tell all, and later where the
// engine had too much to do.
func TestFollowedForPush(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		server, f := s.follows()
		if !f.adjust(t.Context()) || len(s.asked) != 0 {
			t.Errorf("the engine was asked %q for nobody", s.asked)
		}
		subscribes(t, server, "anna")
		<-server.push.News()
		s.mu.Lock()
		s.full = true
		s.mu.Unlock()
		if f.adjust(t.Context()) {
			t.Error("she is followed by an engine that takes nothing")
		}
		s.mu.Lock()
		s.full = false
		s.mu.Unlock()
		if !f.adjust(t.Context()) || f.clients["anna"] == nil {
			t.Fatal("she is not followed")
		}
		before := f.clients["anna"]
		s.hub.mu.Lock()
		s.hub.overflow = true
		s.hub.mu.Unlock()
		s.shows("anna", 1)
		<-f.cut
		if !f.adjust(t.Context()) || f.clients["anna"] == before || f.clients["anna"].isCut() {
			t.Error("she is not followed anew")
		}
		if _, err := server.push.Unsubscribe(func(*push.Subscription) bool { return true }); err != nil {
			t.Error(err)
		}
		if !f.adjust(t.Context()) || len(f.clients) != 0 {
			t.Error("she is followed on")
		}
		time.Sleep(10 * feedRounds * roundTime)
		synctest.Wait()
		s.mu.Lock()
		asked := strings.Join(s.asked, ",")
		s.mu.Unlock()
		if want := "watch anna true,view anna,watch anna true,view anna,watch anna true,view anna,watch anna false"; asked != want {
			t.Errorf("the engine was asked %s", asked)
		}
		s.end()
	})
}

// A changed configuration ends the subscriptions of those who are no longer who they were.
func TestReconfiguredEndsPush(t *testing.T) {
	d := newDesk(t)
	anna, ben := d.signsIn("anna"), d.signsIn("ben")
	d.changes("anna subscribes", d.inBrowser(anna, "PUT", browserPush("https://push.example/1", "")), true)
	d.changes("ben subscribes", d.inBrowser(ben, "PUT", browserPush("https://push.example/2", "")), true)
	less := supervision.NewDirectory("hq", []supervision.Person{{ID: "ben", Name: "Ben"}}, nil)
	before := d.options.Directory
	d.options.Directory = func() *supervision.Directory { return less }
	d.Reconfigured()
	d.options.Directory = before
	d.subscribed(anna, 0)
	d.subscribed(ben, 1)
}
