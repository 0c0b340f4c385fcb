package sip

import (
	"context"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	gosip "github.com/emiago/sipgo/sip"

	"supervisiond/sip/front"
	"supervisiond/sip/notifier"
)

// subscribe answers a SUBSCRIBE (RFC 6665, 4.2.1).
func (s *Server) subscribe(ctx context.Context, r *front.Request) (res *gosip.Response, then func()) {
	if encoded(r.Request) {
		return notEncoded(r.Request), nil
	}
	ask, peer, err := subscription(r)
	if err != nil {
		return gosip.NewResponseFromRequest(r.Request, gosip.StatusBadRequest, err.Error(), nil), nil
	}
	d := s.notifier.Subscribe(ctx, ask)
	res = gosip.NewResponseFromRequest(r.Request, d.Code, d.Reason, nil)
	for _, h := range d.Header {
		res.AppendHeader(gosip.NewHeader(h.Name, h.Value))
	}
	if d.Code/100 != 2 {
		return res, nil
	}
	if to := res.To(); to != nil {
		to.Params.Remove("tag") // the library makes one of its own
		to.Params.Add("tag", d.LocalTag)
	}
	res.AppendHeader(gosip.NewHeader("Expires", strconv.Itoa(int(d.Expires/time.Second))))
	res.AppendHeader(gosip.NewHeader("Contact", peer.contact(r.To().Address.User)))
	if d.List {
		res.AppendHeader(gosip.NewHeader("Require", "eventlist")) // RFC 4662, 4.1
	}
	return res, d.Begin
}

// subscription reads a SUBSCRIBE.
func subscription(r *front.Request) (notifier.Subscribe, *phone, error) {
	ask := notifier.Subscribe{
		Viewer: r.Person, User: unescaped(r.Recipient.User), Host: r.Recipient.Host, Body: r.Body(),
		Dialog: dialogOf(r.Request), CSeq: r.CSeq().SeqNo,
	}
	event, err := oneHeader(r.Request, "Event")
	if err != nil {
		return ask, nil, err
	}
	ask.Event, ask.ID = withParam(event, "id")
	if ask.Expires, err = expiresOf(r.Request); err != nil {
		return ask, nil, err
	}
	for _, h := range r.GetHeaders("Accept") {
		ask.Accept = append(ask.Accept, strings.Split(h.Value(), ",")...)
	}
	ask.EventList = lists(r.Request, "eventlist", "Supported", "Require")
	if h := r.ContentType(); h != nil {
		ask.ContentType = h.Value()
	}
	peer, err := phoneOf(r.Request, r.Local.String())
	ask.Peer = peer
	return ask, peer, err
}

func dialogOf(req *gosip.Request) notifier.Dialog {
	d := notifier.Dialog{CallID: req.CallID().Value()}
	d.LocalTag, _ = req.To().Params.Get("tag")
	d.RemoteTag, _ = req.From().Params.Get("tag")
	return d
}

// oneHeader is the value of a header. Short names are long ones by now.
func oneHeader(req *gosip.Request, name string) (string, error) {
	if h := req.GetHeader(name); h != nil {
		return strings.TrimSpace(h.Value()), nil
	}
	return "", fmt.Errorf("no %s header", name)
}

// encoded says whether a request has a body that is compressed or the like. There is nothing here that could read it.
func encoded(req *gosip.Request) bool {
	h := req.GetHeader("Content-Encoding")
	return len(req.Body()) > 0 && h != nil && !strings.EqualFold(strings.TrimSpace(h.Value()), "identity")
}

// notEncoded refuses such a request (RFC 3261, 8.2.3).
func notEncoded(req *gosip.Request) *gosip.Response {
	res := gosip.NewResponseFromRequest(req, gosip.StatusUnsupportedMediaType, "Unsupported Media Type", nil)
	res.AppendHeader(gosip.NewHeader("Accept-Encoding", "identity"))
	return res
}

// lists says whether one of some headers has a token in its list.
func lists(req *gosip.Request, token string, names ...string) bool {
	for _, name := range names {
		for _, h := range req.GetHeaders(name) {
			for one := range strings.SplitSeq(h.Value(), ",") {
				if strings.EqualFold(strings.TrimSpace(one), token) {
					return true
				}
			}
		}
	}
	return false
}

// withParam takes a value apart from one of its parameters.
func withParam(value, name string) (plain, param string) {
	parts := strings.Split(value, ";")
	for _, p := range parts[1:] {
		if k, v, _ := strings.Cut(p, "="); strings.EqualFold(strings.TrimSpace(k), name) {
			param = strings.TrimSpace(v)
		}
	}
	return strings.ToLower(strings.TrimSpace(parts[0])), param
}

// maxSeconds is the largest number of seconds that SIP has room for (RFC 3261, 20.19).
const maxSeconds = 1<<32 - 1

// expiresOf reads the Expires header; nil: there is none.
func expiresOf(req *gosip.Request) (*time.Duration, error) {
	h := req.GetHeader("Expires")
	if h == nil {
		return nil, nil
	}
	n, err := strconv.ParseUint(strings.TrimSpace(h.Value()), 10, 64)
	if err != nil {
		return nil, fmt.Errorf("the Expires header is no number")
	}
	d := time.Duration(min(n, maxSeconds)) * time.Second
	return &d, nil
}

// unescaped gives a URI's user part as people write it.
func unescaped(user string) string {
	if plain, err := url.PathUnescape(user); err == nil {
		return plain
	}
	return user
}
