package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"supervisiond/supervision"
)

// watcher prints the events that the daemon publishes.
type watcher struct {
	conn *nats.Conn
	out  io.Writer

	mu             sync.Mutex
	rang, pickedUp int
}

func watch(url string, out io.Writer) (*watcher, error) {
	conn, err := nats.Connect(url)
	if err != nil {
		return nil, err
	}
	w := &watcher{conn: conn, out: out}
	if _, err := conn.Subscribe("supervision.v1.demo.event.>", w.event); err != nil {
		conn.Close()
		return nil, err
	}
	return w, conn.Flush()
}

func (w *watcher) close() { w.conn.Close() }

func (w *watcher) counts() (rang, pickedUp int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.rang, w.pickedUp
}

// event prints one. That people become busy and free again is left out, for it would be most of it.
func (w *watcher) event(m *nats.Msg) {
	kind := strings.TrimPrefix(m.Header.Get("ce-type"), "supervision.v1.")
	var text string
	switch {
	case kind == "presence.changed" || kind == "reachability.changed":
		return
	case strings.HasPrefix(kind, "call."):
		text = w.call(kind, m.Data)
	case kind == "pickup.refused":
		text = refusal(m.Data)
	default:
		text = deed(m)
	}
	at, _ := time.Parse(time.RFC3339Nano, m.Header.Get("ce-time"))
	fmt.Fprintf(w.out, "%s  %-17s %s\n", at.Local().Format("15:04:05.000"), kind, text)
}

func (w *watcher) call(kind string, data []byte) string {
	var e struct {
		Document supervision.CallDocument
		By       supervision.By
	}
	if err := json.Unmarshal(data, &e); err != nil {
		return err.Error()
	}
	d := e.Document
	w.mu.Lock()
	defer w.mu.Unlock()
	switch supervision.EventType(kind) {
	case supervision.EventCallRinging:
		w.rang++
		return fmt.Sprintf("%s %s calls %s: %s rings%s", d.Caller.Name, d.Caller.Number, d.Dialled, names(d.Ringing), via(d.Via))
	case supervision.EventCallPickedUp:
		w.pickedUp++
		return fmt.Sprintf("%s picked up %s's call for %s after %.1f s, %s",
			d.PickedUpBy, d.Caller.Name, d.OnBehalfOf, d.EndedAt.Sub(d.Since.Time).Seconds(), means(e.By.Via))
	case supervision.EventCallAnswered:
		return fmt.Sprintf("%s answered %s", d.AnsweredBy, d.Caller.Name)
	}
	return fmt.Sprintf("%s's call was %s", d.Caller.Name, d.State)
}

// means says by what somebody did something.
func means(v supervision.Way) string {
	switch v {
	case supervision.ViaHTTP:
		return "in the browser"
	case supervision.ViaPhone:
		return "by phone"
	}
	return "by " + string(v)
}

// deed says whom and what a change concerns, and who made it.
func deed(m *nats.Msg) string {
	var e struct {
		Person string
		By     *supervision.By
	}
	text := m.Header.Get("ce-subject")
	if json.Unmarshal(m.Data, &e) != nil {
		return text
	}
	if e.Person != "" && e.Person != text {
		text = e.Person + ", " + text
	}
	if e.By != nil {
		text += fmt.Sprintf(" (by %s, %s)", e.By.Person, means(e.By.Via))
	}
	return text
}

func names(ringing []supervision.RingingPart) string {
	list := make([]string, len(ringing))
	for i, r := range ringing {
		list[i] = string(r.Person)
	}
	return strings.Join(list, ", ")
}

func via(stations []supervision.Via) string {
	var text string
	for _, v := range stations {
		text += fmt.Sprintf(", %s %s", strings.ReplaceAll(string(v.Kind), "_", " "), v.Number)
	}
	return text
}

func refusal(data []byte) string {
	var e struct{ Document supervision.RefusalDocument }
	if err := json.Unmarshal(data, &e); err != nil {
		return err.Error()
	}
	return fmt.Sprintf("%s: %s (%s)", e.Document.Actor, e.Document.Message, e.Document.Code)
}
