package sip

import (
	"strings"
	"testing"
	"time"

	gosip "github.com/emiago/sipgo/sip"

	"supervisiond/sip/publication"
	"supervisiond/supervision"
)

// FuzzPublish: whatever stands in a PUBLISH, reading it never panics, it is answered, and a report is the sender's own.
func FuzzPublish(f *testing.F) {
	const head = "PUBLISH sip:a@hq SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.7;branch=z9hG4bK1\r\nFrom: <sip:a@hq>;tag=1\r\nTo: <sip:a@hq>\r\nCall-ID: 1\r\nCSeq: 1 PUBLISH\r\n"
	for _, more := range []string{
		"Event: presence\r\nExpires: 60\r\n", "Event: presence;x=y\r\nExpires: 99999999999999999999\r\nSIP-If-Match: x\r\n", "Event: \r\nExpires: -1\r\n",
		"Event: presence\r\nContent-Type: application/pidf+xml;charset=x\r\nContent-Encoding: gzip\r\nContent-Length: 1\r\n\r\nx",
		"Event: presence\r\nContent-Type: application/pidf+xml\r\nContent-Length: 11\r\n\r\n<presence/>",
	} {
		f.Add(head + more + "\r\n")
	}
	f.Fuzz(func(t *testing.T, text string) {
		m, err := gosip.NewParser().ParseSIP([]byte(text))
		req, ok := m.(*gosip.Request)
		if err != nil || !ok || req.CallID() == nil || req.CSeq() == nil || req.From() == nil || req.To() == nil {
			return // the door keeps it out
		}
		p := &publications{store: publication.NewStore(), command: func(c supervision.Commanded) error {
			if report, ok := c.Command.(supervision.ReportPresence); c.Actor != "anna" || !ok {
				t.Errorf("it comes to %+v of %s", report, c.Actor)
			}
			return nil
		}}
		if res := p.publish(req, "anna"); res == nil || res.StatusCode < 200 {
			t.Errorf("it is answered %v", res)
		}
	})
}

// FuzzAnswer: whatever a phone answers to a NOTIFY, or the PBX to OPTIONS, reading it never panics, and no phone is waited for longer
// than it may say.
func FuzzAnswer(f *testing.F) {
	const head = "SIP/2.0 503 Busy\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\nFrom: <sip:a@hq>;tag=1\r\nTo: <sip:a@hq>;tag=2\r\nCall-ID: 1\r\nCSeq: 1 NOTIFY\r\n"
	for _, more := range []string{"", "Retry-After: 5\r\n", "Retry-After: 18000;duration=3600 (later)\r\n", "Retry-After: -1\r\n", "Retry-After: 99999999999999999999\r\n", "Retry-After: \r\n"} {
		f.Add(head + more + "Content-Length: 0\r\n\r\n")
	}
	f.Fuzz(func(t *testing.T, text string) {
		m, err := gosip.NewParser().ParseSIP([]byte(text))
		res, ok := m.(*gosip.Response)
		if err != nil || !ok {
			return
		}
		a := answerOf(res)
		if a.Code != res.StatusCode || a.RetryAfter < 0 || a.RetryAfter > maxSeconds*time.Second {
			t.Errorf("%q is %+v", text, a)
		}
		if a.RetryAfter > 0 && !strings.Contains(strings.ToLower(text), "retry-after") {
			t.Errorf("%q is waited for %v", text, a.RetryAfter)
		}
	})
}
