package registrar

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	gosip "github.com/emiago/sipgo/sip"

	"supervisiond/sip/front"
)

// wish is what a REGISTER asks for; an empty one asks for the list.
type wish struct {
	everything bool // all are to go
	phones     []Binding
	lives      []time.Duration // 0: it is to go
	callID     string
	cseq       uint32
}

// wishOf reads a request.
func wishOf(req *front.Request) (*wish, error) {
	w := &wish{callID: req.CallID().Value(), cseq: req.CSeq().SeqNo}
	path, err := pathOf(req)
	if err != nil {
		return nil, err
	}
	contacts := req.GetHeaders("Contact")
	for _, h := range contacts {
		c, ok := h.(*gosip.ContactHeader)
		if !ok {
			return nil, bad("Contact")
		}
		if c.Address.Wildcard {
			if life, given := seconds(req.GetHeader("Expires")); len(contacts) != 1 || !given || life != 0 {
				return nil, bad("Contact")
			}
			w.everything = true
			return w, nil
		}
		life, err := lifeOf(c, req)
		if err != nil {
			return nil, err
		}
		if scheme := c.Address.Scheme; scheme != "sip" && scheme != "sips" || c.Address.Host == "" || len(c.Value()) > maxContact {
			return nil, bad("Contact")
		}
		b := Binding{
			Contact: *c.Address.Clone(), Path: path, Transport: req.Transport, Source: req.Source, Local: req.Local,
			params: kept(c.Params), key: keyOf(c), callID: w.callID, cseq: w.cseq,
		}
		w.phones, w.lives = append(w.phones, b), append(w.lives, life)
	}
	if len(w.phones) > maxOf {
		return nil, bad("Contact: Too Many")
	}
	return w, nil
}

// kept are the parameters that the phone wants to find again.
func kept(params gosip.HeaderParams) gosip.HeaderParams {
	left := params.Clone()
	left.Remove("expires")
	return left
}

// pathOf are the proxies that want to stay on the way (RFC 3327).
func pathOf(req *front.Request) ([]string, error) {
	var path []string
	for _, h := range req.GetHeaders("Path") {
		for one := range strings.SplitSeq(h.Value(), ",") {
			one = strings.TrimSpace(one)
			if !strings.HasPrefix(one, "<sip") || !strings.Contains(one, ">") || len(one) > maxContact {
				return nil, bad("Path")
			}
			path = append(path, one)
		}
	}
	if len(path) > maxPath {
		return nil, bad("Path: Too Long")
	}
	return path, nil
}

// lifeOf is for how long a phone registers: what its Contact says, or what the request says, or what is usual.
func lifeOf(c *gosip.ContactHeader, req *front.Request) (time.Duration, error) {
	life, given := time.Duration(0), false
	if own, has := c.Params.Get("expires"); has {
		life, given = number(own)
	} else {
		life, given = seconds(req.GetHeader("Expires"))
	}
	switch {
	case !given: // also what is no number (RFC 3261, 10.2.1.1 and 20.10)
		return Expiry, nil
	case life > 0 && life < MinExpiry:
		least := strconv.Itoa(int(MinExpiry / time.Second))
		return 0, &refusal{code: 423, reason: "Interval Too Brief", headers: []gosip.Header{gosip.NewHeader("Min-Expires", least)}}
	}
	return min(life, Expiry), nil
}

func seconds(h gosip.Header) (time.Duration, bool) {
	if h == nil {
		return 0, false
	}
	return number(h.Value())
}

func number(text string) (time.Duration, bool) {
	n, err := strconv.ParseUint(strings.Trim(strings.TrimSpace(text), `"`), 10, 32)
	return time.Duration(n) * time.Second, err == nil
}

// apply gives what there is afterwards. A request that was overtaken by a later one of the same phone changes nothing.
func (w *wish) apply(all []Binding, now time.Time) ([]Binding, error) {
	late := func(b Binding) bool { return b.callID == w.callID && w.cseq <= b.cseq }
	if w.everything {
		if slices.ContainsFunc(all, late) {
			return nil, &refusal{code: 500, reason: "Overtaken"}
		}
		return nil, nil
	}
	for i, b := range w.phones {
		if slices.ContainsFunc(all, func(o Binding) bool { return o.key == b.key && late(o) }) && !w.twice(i) {
			return nil, &refusal{code: 500, reason: "Overtaken"}
		}
		if w.lives[i] == 0 {
			all = slices.DeleteFunc(all, func(o Binding) bool { return o.key == b.key })
			continue
		}
		b.Expires = now.Add(w.lives[i])
		all = add(all, b)
	}
	return all, nil
}

// twice says whether a phone was named before in the same request: the last one counts.
func (w *wish) twice(i int) bool {
	return slices.ContainsFunc(w.phones[:i], func(o Binding) bool { return o.key == w.phones[i].key })
}

func unescaped(user string) string {
	if plain, err := url.PathUnescape(user); err == nil {
		return plain
	}
	return user
}
