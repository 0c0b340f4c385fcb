package front

import (
	"context"
	"net/http"
	"net/url"
	"strings"

	gosip "github.com/emiago/sipgo/sip"
)

// Redirect answers INVITE: calls are the PBX's, so whoever dials here is sent there with the same user part. Where that is an id of ours,
// dialled says what the PBX has instead, if anything. Who brings back what they were sent to the PBX with, because all they send goes
// here, is not sent round again (RFC 3261, 21.3).
func Redirect(pbx gosip.Uri, dialled func(user string) (number string, known bool)) Handler {
	return func(_ context.Context, r *Request) (*gosip.Response, func()) {
		if _, inDialog := r.To().Params.Get("tag"); inDialog {
			return plainResponse(r.Request, gosip.StatusCallTransactionDoesNotExists, "Call/Transaction Does Not Exist"), nil
		}
		user := r.Recipient.User
		if user == "" {
			return plainResponse(r.Request, http.StatusNotFound, "Not Found"), nil
		}
		plain, err := url.PathUnescape(user)
		if err != nil {
			plain = user
		}
		number, known := dialled(plain)
		switch {
		case known && number == "":
			return plainResponse(r.Request, http.StatusNotFound, "Not Found"), nil
		case known:
			plain = number
		case strings.EqualFold(r.Recipient.Host, pbx.Host) && r.Recipient.Port == pbx.Port:
			return plainResponse(r.Request, http.StatusNotFound, "Not Here But at the PBX"), nil
		}
		target := *pbx.Clone()
		target.User, target.Headers = escapeUser(plain), nil
		if kind, has := r.Recipient.UriParams.Get("user"); has && kind == "phone" {
			target.UriParams.Add("user", kind)
		}
		res := plainResponse(r.Request, http.StatusFound, "Moved Temporarily")
		res.AppendHeader(&gosip.ContactHeader{Address: target})
		return res, nil
	}
}

// escapeUser writes a user part as RFC 3261, 25.1 has it. Feature codes keep their stars, numbers their plus.
func escapeUser(user string) string {
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	for _, c := range []byte(user) {
		if isAlphanumeric(c) || strings.IndexByte("-_.!~*'()&=+$,;?/", c) >= 0 {
			b.WriteByte(c)
			continue
		}
		b.WriteString("%" + hex[c>>4:c>>4+1] + hex[c&15:c&15+1])
	}
	return b.String()
}

// Options answers OPTIONS: what there is (RFC 3261, 11.2). accept are the types of bodies that are read, events those that can be
// subscribed to.
func (f *Front) Options(accept, events []string) Handler {
	return func(_ context.Context, r *Request) (*gosip.Response, func()) {
		res := plainResponse(r.Request, http.StatusOK, "OK")
		for _, h := range []struct {
			name   string
			values []string
		}{{"Allow", f.gate.allowed}, {"Accept", accept}, {"Supported", []string{"eventlist", "path"}}, {"Allow-Events", events}} {
			res.AppendHeader(gosip.NewHeader(h.name, strings.Join(h.values, ", ")))
		}
		return res, nil
	}
}
