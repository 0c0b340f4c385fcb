package console

import (
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"supervisiond/supervision"
)

// Codes of problems that are HTTP's own. What the rules refuse has the rules' codes.
const (
	codeUnauthorized    supervision.Code = "unauthorized"
	codeForbidden       supervision.Code = "forbidden"
	codeCrossOrigin     supervision.Code = "cross_origin"
	codeTooManyAttempts supervision.Code = "too_many_attempts"
	codeTooManyRequests supervision.Code = "too_many_requests"
)

// Problem is an error as every path of the API tells it (RFC 9457).
type Problem struct {
	Type   string           `json:"type" doc:"Always about:blank: the code tells more."`
	Title  string           `json:"title" doc:"The status in words."`
	Status int              `json:"status" doc:"The HTTP status."`
	Detail string           `json:"detail" doc:"What is wrong, in words for a person."`
	Code   supervision.Code `json:"code" doc:"What is wrong, in a word for a program."`
	// Details are those of a refusal.
	Details map[string]string `json:"details" doc:"More for programs: by (who has the call), lock, reason, unknown (true: it may have been done nevertheless), endpoint (the phone that did not take it)."`
	Errors  []ProblemPlace    `json:"errors,omitempty" doc:"What is wrong with which part of the request."`

	retryAfter time.Duration
}

// ProblemPlace is a mistake in a request. It does not repeat what was sent: that may be a password.
type ProblemPlace struct {
	Location string `json:"location" doc:"Where in the request, such as body.person."`
	Message  string `json:"message"`
}

func problem(status int, code supervision.Code, detail string) *Problem {
	return &Problem{
		Type: "about:blank", Title: http.StatusText(status), Status: status, Detail: detail, Code: code,
		Details: map[string]string{},
	}
}

// Error implements error.
func (p *Problem) Error() string { return p.Detail }

// GetStatus implements huma.StatusError.
func (p *Problem) GetStatus() int { return p.Status }

// ContentType implements huma.ContentTypeFilter.
func (p *Problem) ContentType(string) string { return "application/problem+json" }

// GetHeaders implements huma.HeadersError.
func (p *Problem) GetHeaders() http.Header {
	h := make(http.Header)
	if p.retryAfter > 0 {
		h.Set("Retry-After", seconds(p.retryAfter))
	}
	if p.Status == http.StatusUnauthorized {
		h.Set("WWW-Authenticate", `Bearer realm="supervisiond"`)
	}
	return h
}

// seconds are whole ones, rounded up, as Retry-After has them (RFC 9110, 10.2.3).
func seconds(d time.Duration) string {
	return strconv.FormatInt(int64((d+time.Second-1)/time.Second), 10)
}

func (p *Problem) after(d time.Duration) *Problem {
	p.retryAfter = d
	return p
}

// refused makes a problem of a refusal.
func refused(r *supervision.Refusal) *Problem {
	p := problem(statusOf(r.Code), r.Code, r.Message)
	for k, v := range r.Details {
		p.Details[k] = v
	}
	return p
}

// statusOf gives the status of a refusal's code.
func statusOf(code supervision.Code) int {
	switch code {
	case supervision.Invalid, supervision.DestinationRefused:
		return http.StatusUnprocessableEntity
	case supervision.NotFound:
		return http.StatusNotFound
	case supervision.NotSupervisor, supervision.NotAdmin, supervision.NotParticipant:
		return http.StatusForbidden
	case supervision.Unavailable, supervision.PBXUnavailable:
		return http.StatusServiceUnavailable
	case supervision.NoAnswer:
		return http.StatusGatewayTimeout
	}
	return http.StatusConflict
}

// codeOf gives the code of what the library refuses by itself.
func codeOf(status int) supervision.Code {
	switch status {
	case http.StatusUnauthorized:
		return codeUnauthorized
	case http.StatusForbidden:
		return codeForbidden
	case http.StatusNotFound:
		return supervision.NotFound
	case http.StatusTooManyRequests:
		return codeTooManyRequests
	}
	if status >= http.StatusInternalServerError {
		return supervision.Unavailable
	}
	return supervision.Invalid
}

// asProblem is what the library calls for each error that it finds by itself. What cannot be read is one kind of mistake,
// whether it is no JSON or not the right one.
func asProblem(status int, message string, errs ...error) huma.StatusError {
	if status == http.StatusBadRequest {
		status = http.StatusUnprocessableEntity
	}
	p := problem(status, codeOf(status), message)
	for _, err := range errs {
		var at huma.ErrorDetailer
		if errors.As(err, &at) {
			d := at.ErrorDetail()
			p.Errors = append(p.Errors, ProblemPlace{Location: d.Location, Message: d.Message})
		}
	}
	if len(p.Errors) > 0 {
		first := p.Errors[0]
		p.Detail = strings.TrimSpace(first.Location + ": " + first.Message)
	}
	return p
}

// tell writes a problem where the library is not at work.
func tell(w http.ResponseWriter, p *Problem) {
	for name, values := range p.GetHeaders() {
		w.Header()[name] = values
	}
	w.Header().Set("Content-Type", p.ContentType(""))
	w.WriteHeader(p.Status)
	_ = json.NewEncoder(w).Encode(p)
}
