package ari

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"
)

// ErrorCode classifies what went wrong between the daemon and ARI.
type ErrorCode string

// The codes. Those up to Conflict mean that Asterisk has answered.
const (
	BadCredentials ErrorCode = "bad_credentials" // 401
	ReadOnly       ErrorCode = "read_only"       // 403: the ARI user may only read
	Forbidden      ErrorCode = "forbidden"       // 403 for another reason: ACL, origin
	NoARI          ErrorCode = "no_ari"          // 404 by the HTTP server: ARI is not there
	NotFound       ErrorCode = "not_found"       // 404 by ARI: no such channel, application, variable
	Conflict       ErrorCode = "conflict"        // 409: the channel is not in the application
	WrongState     ErrorCode = "wrong_state"     // 412: the channel rings, or is down
	BadRequest     ErrorCode = "bad_request"     // 400, 405, 422
	Booting        ErrorCode = "booting"         // 503: Asterisk is starting or stopping
	PBXFault       ErrorCode = "pbx_fault"       // any other 5xx
	BadAnswer      ErrorCode = "bad_answer"      // not what ARI answers

	Refused     ErrorCode = "refused"     // nothing listens there
	BadTLS      ErrorCode = "bad_tls"     // certificate, or TLS against plain HTTP
	TimedOut    ErrorCode = "timed_out"   // no answer in time
	Unreachable ErrorCode = "unreachable" // no way there, or the connection broke
)

// Error says that ARI did not do what it was asked, and what the administrator can do about it. It contains no secret:
// neither password nor query.
type Error struct {
	Method, Path string
	Status       int    // of HTTP; 0: there was no answer
	Message      string // what Asterisk says of it
	Code         ErrorCode
	host         string
	err          error
}

func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "ARI %s %s: ", e.Method, e.Path)
	switch {
	case e.Status == 0 || e.Code == BadAnswer:
	case e.Message != "":
		fmt.Fprintf(&b, "%d %s: ", e.Status, e.Message)
	default:
		fmt.Fprintf(&b, "%d %s: ", e.Status, http.StatusText(e.Status))
	}
	b.WriteString(e.advice())
	if e.err != nil {
		fmt.Fprintf(&b, " (%v)", e.err)
	}
	return b.String()
}

func (e *Error) Unwrap() error { return e.err }

// notDone: the request was certainly not carried out. Where no answer came it may have been.
func notDone(err error) bool {
	var e *Error
	return errors.As(err, &e) && (e.Status != 0 || e.Code == Refused || e.Code == BadTLS)
}

func (e *Error) advice() string {
	switch e.Code {
	case BadCredentials:
		return "wrong user name or password: asterisk.ari.username must be the name of a section of ari.conf with type = user, " +
			"and asterisk.ari.password its password; after a change there: module reload res_ari.so"
	case ReadOnly:
		return "this ARI user may only read: set read_only = no in its section of ari.conf"
	case Forbidden:
		return "Asterisk turns this machine away: see acl, permit and deny of this user in ari.conf, and allowed_origins"
	case NoARI:
		return "there is a web server, but no ARI: does asterisk.ari.url end with /ari (and with http.conf's prefix before it), " +
			"has ari.conf enabled = yes, and is res_ari.so loaded?"
	case NotFound:
		return "it is not there, or not any more"
	case Conflict:
		return "the channel is not in the application any more"
	case WrongState:
		return "the channel is not in a state that allows this"
	case Booting:
		return "Asterisk is starting or stopping; wait"
	case PBXFault:
		return "Asterisk could not do it: its own log says why"
	case BadAnswer:
		return "this is not what ARI answers: is asterisk.ari.url that of an Asterisk 16 or later, without a proxy between?"
	case Refused:
		return "nothing listens at " + e.host + ": is Asterisk running, and are enabled = yes, bindaddr and bindport in http.conf " +
			"what asterisk.ari.url says?"
	case BadTLS:
		return "no TLS with " + e.host + ": with https, http.conf needs tlsenable = yes, the URL the port of tlsbindaddr, and " +
			"asterisk.ari.tls.ca_file the authority that signed its certificate"
	case TimedOut:
		return "no answer in time: is Asterisk overloaded, or a firewall between?"
	case Unreachable:
		return "no connection to " + e.host + ": are host and port of asterisk.ari.url right, and with http also http.conf's " +
			"(not its TLS port)?"
	}
	return "Asterisk refuses this request; is it older than version 16?"
}

// statusError reads what ARI answers in place of success.
func statusError(method, path string, status int, body []byte) *Error {
	e := &Error{Method: method, Path: path, Status: status, Code: BadRequest}
	var answer struct {
		Message string `json:"message"`
		Error   string `json:"error"`
	}
	fromARI := json.Unmarshal(body, &answer) == nil && answer.Message+answer.Error != ""
	if e.Message = answer.Message; e.Message == "" {
		e.Message = answer.Error
	}
	e.Message = oneLine(e.Message)
	switch {
	case status >= 300 && status < 400:
		e.Code = BadAnswer
		e.err = fmt.Errorf("%d: it points elsewhere", status)
	case status == http.StatusUnauthorized:
		e.Code = BadCredentials
	case status == http.StatusForbidden && strings.Contains(e.Message, "Write access"):
		e.Code = ReadOnly
	case status == http.StatusForbidden:
		e.Code = Forbidden
	case status == http.StatusNotFound && fromARI:
		e.Code = NotFound
	case status == http.StatusNotFound:
		e.Code = NoARI
	case status == http.StatusConflict:
		e.Code = Conflict
	case status == http.StatusPreconditionFailed:
		e.Code = WrongState
	case status == http.StatusServiceUnavailable:
		e.Code = Booting
	case status >= 500:
		e.Code = PBXFault
	}
	return e
}

// oneLine keeps an answer from filling or faking the log.
func oneLine(s string) string {
	const enough = 200
	s = strings.Join(strings.Fields(s), " ")
	if len(s) > enough {
		s = strings.ToValidUTF8(s[:enough], "") + "…"
	}
	return s
}

// transportError is for requests that got no answer.
func transportError(method, path, host string, err error) *Error {
	e := &Error{Method: method, Path: path, Code: Unreachable, host: host, err: withoutURL(err)}
	var (
		network     net.Error
		certificate *tls.CertificateVerificationError
		record      tls.RecordHeaderError
		alert       tls.AlertError
		authority   x509.UnknownAuthorityError
	)
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		e.Code = Refused
	case errors.As(err, &certificate), errors.As(err, &record), errors.As(err, &alert), errors.As(err, &authority),
		errors.Is(err, http.ErrSchemeMismatch):
		e.Code = BadTLS
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &network) && network.Timeout():
		e.Code = TimedOut
	}
	return e
}

// withoutURL takes off what net/http puts before its errors: method and URL stand in Error already, and the query need
// not.
func withoutURL(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}
