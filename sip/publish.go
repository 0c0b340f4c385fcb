package sip

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"sync"
	"time"

	gosip "github.com/emiago/sipgo/sip"

	"supervisiond/sip/body"
	"supervisiond/sip/front"
	"supervisiond/sip/publication"
	"supervisiond/supervision"
)

// publications are what phones publish of their owners' presence (RFC 3903): it becomes a report (S3).
type publications struct {
	command func(supervision.Commanded) error

	mu    sync.Mutex
	store *publication.Store
}

// publish answers a PUBLISH of somebody's own presence: whatever address it is for, it is that of who sends it.
func (s *Server) publish(_ context.Context, r *front.Request) (*gosip.Response, func()) {
	return s.publications.publish(r.Request, r.Person), nil
}

func (p *publications) publish(req *gosip.Request, person supervision.PersonID) *gosip.Response {
	answer := func(code int, reason string, header ...gosip.Header) *gosip.Response {
		res := gosip.NewResponseFromRequest(req, code, reason, nil)
		for _, h := range header {
			res.AppendHeader(h)
		}
		return res
	}
	if event, err := oneHeader(req, "Event"); err != nil || eventOf(event) != "presence" {
		return answer(489, "Bad Event", gosip.NewHeader("Allow-Events", "presence"))
	}
	if encoded(req) {
		return notEncoded(req)
	}
	r := publication.Request{Person: person}
	var err error
	if r.Expires, err = expiresOf(req); err != nil {
		return answer(gosip.StatusBadRequest, err.Error())
	}
	if h := req.GetHeader("SIP-If-Match"); h != nil {
		r.IfMatch = strings.TrimSpace(h.Value())
	}
	if len(req.Body()) > 0 {
		if h := req.ContentType(); h == nil || eventOf(h.Value()) != body.PIDFType {
			return answer(415, "Unsupported Media Type", gosip.NewHeader("Accept", body.PIDFType))
		}
		report, err := body.ParsePIDF(req.Body())
		if err != nil {
			return answer(gosip.StatusBadRequest, "Bad Presence Document")
		}
		state := supervision.PresenceState(report.State)
		r.State = &state
	}
	return p.judge(r, answer)
}

func (p *publications) judge(r publication.Request, answer func(int, string, ...gosip.Header) *gosip.Response) *gosip.Response {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	g, err := p.store.Publish(r, now)
	switch {
	case errors.Is(err, publication.ErrConditional):
		return answer(412, "Conditional Request Failed")
	case errors.Is(err, publication.ErrBrief):
		return answer(423, "Interval Too Brief", gosip.NewHeader("Min-Expires", strconv.Itoa(int(publication.MinExpires/time.Second))))
	case err != nil:
		return answer(gosip.StatusBadRequest, "Bad Request")
	}
	// Nobody waits for the answer: reports of one's own presence are refused only for what cannot be here.
	err = p.command(supervision.Commanded{At: now, ID: "sip-publish", Actor: r.Person, Via: supervision.ViaPhone, Command: g.Report})
	if err != nil {
		return answer(503, "Service Unavailable", gosip.NewHeader("Retry-After", "5"))
	}
	header := []gosip.Header{gosip.NewHeader("Expires", strconv.Itoa(int(g.Expires/time.Second)))}
	if g.Tag != "" {
		header = append(header, gosip.NewHeader("SIP-ETag", g.Tag))
	}
	return answer(gosip.StatusOK, "OK", header...)
}

// eventOf is a header's value without its parameters.
func eventOf(value string) string {
	plain, _ := withParam(value, "")
	return plain
}
