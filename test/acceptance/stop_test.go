package acceptance

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"supervisiond/test/softphone"
)

// leaves is how long the daemon may take to leave.
const leaves = 5 * time.Second

// terminate asks the daemon to leave, as an administrator does.
func (d *daemon) terminate() (began time.Time) {
	d.t.Helper()
	if err := d.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		d.t.Fatal(err)
	}
	return time.Now()
}

// left waits until it has, and proves that it was in time and without complaint.
func (d *daemon) left(began time.Time) {
	d.t.Helper()
	select {
	case <-d.done:
	case <-time.After(2 * leaves):
		d.t.Fatalf("it has not left within %v:\n%s", 2*leaves, strings.Join(d.log(), "\n"))
	}
	took := time.Since(began)
	if took > leaves || d.err != nil {
		d.t.Errorf("it left after %v with %v", took, d.err)
	}
	d.t.Logf("left after %v", took)
}

// takesPickup is the request by which the daemon lets the PBX carry out a pickup.
func takesPickup(r *http.Request) bool {
	return strings.HasSuffix(r.URL.Path, "/continue") && r.URL.Query().Get("context") == "supervision-pickup"
}

// TestStop asks the daemon to leave (SIGTERM): it takes nothing more, finishes what runs, and is gone within 5 s,
// whatever the PBX does.
func TestStop(t *testing.T) {
	t.Parallel()
	var proxy *ariProxy
	o := withCommanders(t, func(yaml string) string { return yaml })
	o.route = func(ari string) (address string) {
		proxy, address = startARIProxy(t, ari)
		return address
	}
	whole := newSite(t, o)
	anna, ben, fatma := whole.phone("101"), whole.phone("102"), whole.phone("106")
	ring := func(s *site) (caller, ringing *softphone.Call, id string) {
		s.t.Helper()
		mark := s.watch.mark()
		caller = s.dial(fatma, "102")
		ringing = s.rings(ben)
		return caller, ringing, s.ringingCall(mark, "ben").ID
	}
	restart := func(s *site) {
		s.t.Helper()
		whole.start()
		s.watch.awaitPerson("ben", "reachable", func(d personDocument) bool { return d.Reachable })
	}

	var pickedUp string
	t.Run("a pickup that runs is finished", func(t *testing.T) {
		s := whole.in(t)
		caller, ringing, id := ring(s)
		pickedUp = id
		held := proxy.hold(takesPickup)
		picker := s.dial(anna, "*20102")
		<-held
		began := s.daemon.terminate()
		s.daemon.logged("stopping")
		proxy.release()
		s.talk(caller, picker)
		s.ended(ringing)
		s.daemon.left(began)
		s.must("hang up", caller.Hangup(s.ctx()))
		s.quiet()
	})
	restart(whole)
	if got := about(whole.history("anna"), pickedUp); got != "call.ringing call.picked_up" {
		t.Errorf("the history of what was picked up at the end: %s", got)
	}
	t.Run("a PBX that does not answer is not waited for", func(t *testing.T) {
		s := whole.in(t)
		caller, ringing, _ := ring(s)
		held := proxy.hold(takesPickup)
		picker := s.dial(anna, "*20102")
		<-held
		s.daemon.left(s.daemon.terminate())
		s.ended(picker) // by the dialplan, which waits no longer than that
		if ringing.State() != softphone.Ringing {
			t.Errorf("the member's phone should ring on, and is %v", ringing.State())
		}
		proxy.release()
		s.must("answer", ringing.Answer())
		s.talk(caller, ringing)
		s.must("hang up", caller.Hangup(s.ctx()))
		s.quiet()
	})
	restart(whole)
	t.Run("commands that were taken are answered", func(t *testing.T) {
		s := whole.in(t)
		people := []string{"anna", "emil", "ben", "carla", "dora"}
		inbox := s.watch.conn.NewInbox()
		answers := make(chan *nats.Msg, 1024)
		_, err := s.watch.conn.ChanSubscribe(inbox+".>", answers)
		s.must("subscribe", err)
		asked := 0
		for range 20 {
			for _, p := range people {
				for verb, body := range map[string]string{"group.leave": `{"group":"sales"}`, "view.get": "", "history.get": ""} {
					subject, back := prefix+"cmd."+p+"."+verb, fmt.Sprintf("%s.%s.%d", inbox, p, asked) // one answer each
					s.must("ask", s.watch.conn.PublishRequest(subject, back, []byte(body)))
					asked++
				}
			}
		}
		s.must("flush", s.watch.conn.Flush()) // the server has handed them all on
		began := s.daemon.terminate()
		left := make(map[string]bool)
		for answered := range asked {
			select {
			case m := <-answers:
				var r reply
				s.must("an answer", json.Unmarshal(m.Data, &r))
				switch {
				case r.OK && r.Changed:
					person, _, _ := strings.Cut(strings.TrimPrefix(m.Subject, inbox+"."), ".")
					left[person] = true
				case !r.OK && r.Code != "unavailable":
					t.Errorf("%s: %s", m.Subject, m.Data)
				}
			case <-time.After(patience):
				t.Fatalf("%d of %d commands were answered", answered, asked)
			}
		}
		s.daemon.left(began)
		t.Logf("%d were answered; those who left: %v", asked, left)
		// What was promised holds.
		whole.start()
		for _, p := range people {
			whole.loggedIn(0, "sales", p, !left[p])
		}
	})
}
