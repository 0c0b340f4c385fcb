package bus

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"supervisiond/supervision"
)

func TestStoppingFinishesWhatRunsAndTakesNothingNew(t *testing.T) {
	s := startWithUsers(t, t.TempDir())
	b, engine := newService(t, s, never)
	nc := commander(t, s)
	first := askLater(t, nc, "anna", "view.get", "")
	eventually(t, "one runs", func() bool { return len(engine.commands()) == 1 })
	second := askLater(t, nc, "ben", "view.get", "")
	eventually(t, "two run", func() bool { return len(engine.commands()) == 2 })
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	stopped := make(chan error, 1)
	go func() { stopped <- b.StopCommands(ctx) }()
	eventually(t, "nothing new is taken", func() bool {
		_, err := nc.Request("supervision.v1.hq.cmd.anna.view.get", nil, time.Second)
		return errors.Is(err, nats.ErrNoResponders)
	})
	select {
	case err := <-stopped:
		t.Fatalf("it does not wait: %v", err)
	default:
	}
	b.take(supervision.Reply{ID: engine.commands()[0].ID})
	if a := <-first; !a.OK {
		t.Errorf("what is finished is answered %s", a.raw)
	}
	cancel()
	if a := <-second; a.Code != "unavailable" {
		t.Errorf("what is not finished is answered %s", a.raw)
	}
	left := fmt.Sprintf("%d commands", len(engine.commands())-1) // also those that came before it stopped to take new ones
	if err := <-stopped; err == nil || !strings.Contains(err.Error(), left) {
		t.Errorf("stopped with %v", err)
	}
	if err := b.StopCommands(t.Context()); err != nil {
		t.Errorf("stopped again with %v", err)
	}
}

func TestTheServiceIsDiscovered(t *testing.T) {
	s := startWithUsers(t, t.TempDir())
	newService(t, s, ok)
	for user, nc := range map[string]*nats.Conn{
		"crm":  commander(t, s),
		"desk": dial(t, s.ClientURL(), nats.UserInfo("desk", "d"), nats.CustomInboxPrefix("_INBOX_desk")),
	} {
		m, err := nc.Request("$SRV.INFO.supervision", nil, patience)
		if err != nil {
			t.Fatalf("%s: %v", user, err)
		}
		var info struct {
			Name, Version string
			Metadata      map[string]string
			Endpoints     []struct {
				Name, Subject string
				Metadata      map[string]string
			}
		}
		if err := json.Unmarshal(m.Data, &info); err != nil {
			t.Fatal(err)
		}
		if info.Name != "supervision" || info.Metadata["site"] != "hq" || len(info.Endpoints) != len(verbs) {
			t.Errorf("%s", m.Data)
		}
		for i, e := range info.Endpoints {
			if e.Subject != "supervision.v1.hq.cmd.*."+verbs[i].name || e.Metadata["body"] == "" {
				t.Errorf("%+v", e)
			}
		}
		if _, err := nc.Request("$SRV.PING", nil, patience); err != nil {
			t.Errorf("ping as %s: %v", user, err)
		}
		if a := ask(t, nc, "anna", "group.join", `{"group":"sales"}`); !a.OK {
			t.Errorf("as %s: %s", user, a.raw)
		}
	}
}

func TestOneActsOnlyAsWhomOneMay(t *testing.T) {
	s := startWithUsers(t, t.TempDir())
	_, engine := newService(t, s, ok)
	desk := dial(t, s.ClientURL(), nats.UserInfo("desk", "d"), nats.CustomInboxPrefix("_INBOX_desk"))
	if _, err := desk.Request("supervision.v1.hq.cmd.ben.group.leave", []byte(`{"group":"sales"}`), 300*time.Millisecond); err == nil {
		t.Error("answered as ben")
	}
	if len(engine.commands()) > 0 {
		t.Errorf("carried out %+v", engine.commands())
	}
}

func TestAnswersGoToInboxesOnly(t *testing.T) {
	s := startEmbedded(t, t.TempDir())
	b, engine := newService(t, s, ok)
	nc := subscriber(t, s)
	all := subscribe(t, nc, "supervision.v1.hq.>")
	kv := stateBucket(t, dial(t, s.ClientURL()))
	b.take(putPerson("ben", 1))
	nextMessage(t, all)
	replies := []string{
		"", "$KV.SUPERVISION_hq.person.ben", "$KV.SUPERVISION_hq_LOGINS.login.sales.ben",
		"$JS.API.STREAM.PURGE.SUPERVISION_EVENTS_hq", "supervision.v1.hq.event.call.ended.c1", "supervision.v1.hq.view.anna",
		"_INBOX", "_INBOXES.x", "_INBOX_supervisiond.x.y", "_inbox.x", "x._INBOX.y",
	}
	for reply, want := range map[string]bool{
		"_INBOX.a": true, "_INBOX.a.b": true, "_INBOX_crm.a": true, "_INBOX_supervisiond_test.a": true,
		"_INBOX.": false, "_INBOX_": false, "_INBOX.*": false, "_INBOX.a.>": false, "_INBOX. a": false,
	} {
		if answerable(reply) != want {
			t.Errorf("%s: answerable is %t", reply, !want)
		}
	}
	for i, reply := range replies {
		for _, body := range []string{`{"group":"sales"}`, `{"group":7}`} {
			if err := nc.PublishMsg(&nats.Msg{Subject: "supervision.v1.hq.cmd.anna.group.join", Reply: reply, Data: []byte(body)}); err != nil {
				t.Fatalf("%s: %v", reply, err)
			}
		}
		eventually(t, "it is counted", func() bool {
			return b.metric(t, "supervisiond_nats_commands_ignored_total", "") == float64(2*(i+1))
		})
	}
	// A reader can have the history delivered where commands come in.
	reader := dial(t, s.ClientURL())
	js, err := reader.JetStream()
	if err != nil {
		t.Fatal(err)
	}
	b.take(announce(1, supervision.EventCallRinging, "c1"))
	consumer, err := js.AddConsumer("SUPERVISION_EVENTS_hq", &nats.ConsumerConfig{AckPolicy: nats.AckExplicitPolicy})
	if err != nil {
		t.Fatal(err)
	}
	if err := reader.PublishRequest("$JS.API.CONSUMER.MSG.NEXT.SUPERVISION_EVENTS_hq."+consumer.Name, "supervision.v1.hq.cmd.anna.view.get", nil); err != nil {
		t.Fatal(err)
	}
	eventually(t, "what is delivered is counted", func() bool {
		return b.metric(t, "supervisiond_nats_commands_ignored_total", "") == float64(2*len(replies)+1)
	})
	if got := engine.commands(); len(got) > 0 {
		t.Errorf("carried out: %+v", got)
	}
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
	for {
		m, err := all.NextMsg(50 * time.Millisecond)
		if err != nil {
			break
		}
		if !strings.HasPrefix(m.Subject, "supervision.v1.hq.cmd.") && m.Header.Get("ce-id") != "1-1" {
			t.Errorf("published on %s: %s", m.Subject, m.Data)
		}
	}
	if v := version(t, []byte(value(kv, "person.ben"))); v != 1 || !b.Ready() {
		t.Errorf("the state is %d", v)
	}
}
