package bus

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"

	"supervisiond/bus/message"
	"supervisiond/bus/subject"
	"supervisiond/supervision"
)

// encoder makes messages. Its buffer is used again by the next message: the connection has copied a message when
// publishing returns, and nothing is ever sent again from the message itself.
type encoder struct {
	site      string
	epoch     string
	keyPrefix string
	source    []string
	epochs    []string
	markerTTL []string
	buf       bytes.Buffer
	json      *json.Encoder
}

func newEncoder(site string, epoch uint64, markerTTL time.Duration) *encoder {
	text := strconv.FormatUint(epoch, 10)
	e := &encoder{
		site:      site,
		epoch:     text,
		keyPrefix: subject.BucketKey(subject.StateBucket(site)),
		source:    []string{"/supervision/" + site},
		epochs:    []string{text},
		markerTTL: []string{markerTTL.String()},
	}
	e.json = json.NewEncoder(&e.buf)
	e.json.SetEscapeHTML(false)
	return e
}

func (e *encoder) encode(v any) ([]byte, error) {
	e.buf.Reset()
	if err := e.json.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(e.buf.Bytes(), []byte("\n")), nil
}

var (
	purgeOperation = []string{"PURGE"}
	purgeRollup    = []string{"sub"}
	specVersion    = []string{"1.0"}
	contentType    = []string{"application/json"}
)

// document makes the message that puts or purges a key. The marker that a purge leaves goes by itself.
func (e *encoder) document(w write) (*nats.Msg, error) {
	m := &nats.Msg{Subject: e.keyPrefix + w.key}
	if w.doc == nil {
		m.Header = nats.Header{"KV-Operation": purgeOperation, "Nats-Rollup": purgeRollup, "Nats-TTL": e.markerTTL}
		return m, nil
	}
	var err error
	m.Data, err = e.encode(w.doc)
	return m, err
}

// event makes an event's message: CloudEvents 1.0 in binary mode, as CloudEvents' NATS protocol binding has it. The id
// is also what JetStream recognises a repetition by.
func (e *encoder) event(a *supervision.Announce) (*nats.Msg, error) {
	data, err := e.encode(message.Event{Document: a.Document, Before: a.Before, Person: a.Person, By: a.By, Forced: a.Forced})
	if err != nil {
		return nil, err
	}
	entity := token(a.Entity)
	id := []string{e.epoch + "-" + strconv.FormatUint(a.Seq, 10)}
	m := &nats.Msg{
		Subject: subject.Event(e.site) + string(a.Type) + "." + entity,
		Data:    data,
		Header: nats.Header{
			"ce-specversion": specVersion,
			"ce-id":          id,
			"ce-source":      e.source,
			"ce-type":        []string{"supervision.v1." + string(a.Type)},
			"ce-time":        []string{supervision.Stamp{Time: a.At}.String()},
			"ce-subject":     []string{entity},
			"ce-epoch":       e.epochs,
			"content-type":   contentType,
		},
	}
	if kept(a.Type) {
		m.Header["Nats-Msg-Id"] = id
	}
	return m, nil
}

// token makes an entity's id fit for a subject. Ids are fit already; a phone that is nobody's has none.
func token(id string) string {
	if id == "" {
		return "_"
	}
	if !strings.ContainsAny(id, ".*> \t\r\n") {
		return id
	}
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune(".*> \t\r\n", r) {
			return '_'
		}
		return r
	}, id)
}
