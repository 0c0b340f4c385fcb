package bus

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"time"
	"unicode"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"

	"supervisiond/bus/message"
	"supervisiond/supervision"
)

// codeOK is what the metrics call a command that was carried out.
const codeOK = "ok"

// run sends the answers, until end is closed. What the history is read for is answered by whoever reads it.
func (c *commands) run(end <-chan struct{}) {
	for {
		select {
		case r := <-c.answers:
			if reader, ok := r.result.Result.(*supervision.Reader); ok && r.verb.name == historyVerb && r.result.Refusal == nil {
				go c.readHistory(r, reader)
				continue
			}
			if taken, ok := r.result.Result.(*supervision.Taken); ok {
				c.answer(r, message.Taken{OK: true, Changed: r.result.Changed, Taken: taken})
				continue
			}
			c.answer(r, message.Done{OK: true, Changed: r.result.Changed, View: r.result.Result})
		case <-end:
			return
		}
	}
}

// answer sends what was done, or the refusal if there is one.
//
// The service framework's own way would write down in the request how the answering went, while it reads that itself:
// it is made for handlers that answer before they return.
func (c *commands) answer(r *running, what any) {
	defer c.finished()
	m := &nats.Msg{Subject: r.reply}
	refusal := r.result.Refusal
	if refusal == nil {
		var err error
		if m.Data, err = encodeAnswer(what); err != nil {
			c.bus.log.Error("an answer cannot be encoded; please report this", "verb", r.verb.name, "error", err)
			refusal = unavailable("the answer cannot be sent")
		}
	}
	if refusal == nil && int64(len(m.Data)) > r.nc.MaxPayload() {
		refusal = unavailable("the answer is longer than the NATS server carries; raise its max_payload")
	}
	code := codeOK
	if refusal != nil {
		code = string(refusal.Code)
		m.Header = nats.Header{
			micro.ErrorHeader:     {headerText(refusal.Message)},
			micro.ErrorCodeHeader: {code},
		}
		m.Data = encodeRefusal(refusal)
	}
	c.counted(r.verb, code)
	c.count.commandSeconds.Observe(time.Since(r.began).Seconds())
	if err := r.nc.PublishMsg(m); err != nil && !errors.Is(err, nats.ErrConnectionClosed) {
		c.bus.complaints.say("a command cannot be answered", explain(err))
	}
}

// refuse answers a command that was not taken.
func (c *commands) refuse(v *verb, m micro.Request, refusal *supervision.Refusal) {
	c.counted(v, string(refusal.Code))
	if err := m.Error(string(refusal.Code), headerText(refusal.Message), encodeRefusal(refusal)); err != nil {
		c.bus.complaints.say("a command cannot be answered", explain(err))
	}
}

func (c *commands) counted(v *verb, code string) {
	c.count.commands.WithLabelValues(v.name, code).Inc()
}

func encodeAnswer(what any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(what)
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}

func encodeRefusal(r *supervision.Refusal) []byte {
	body := message.Refused{Code: r.Code, Message: r.Message, Details: r.Details}
	if body.Details == nil {
		body.Details = map[string]string{}
	}
	data, err := encodeAnswer(body)
	if err != nil {
		return nil // strings can be encoded
	}
	return data
}

// headerText makes a message fit for a header, which is one line.
func headerText(message string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, message)
}
