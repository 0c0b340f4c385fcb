package ari

import (
	"errors"
	"fmt"
	"time"
)

// peekType tells a frame's type without reading all of it and without allocating. It is empty for whatever is not
// wanted: other types, and what is not an event. Asterisk does not always write the type first.
func peekType(frame []byte) string {
	p := scanner{data: frame}
	if p.peek() != '{' {
		return ""
	}
	for p.open('{'); p.more('}'); {
		if string(p.key()) != "type" {
			p.skip()
			continue
		}
		if p.peek() != '"' {
			return ""
		}
		from, to, _ := p.quoted()
		return shared[string(frame[from:to])]
	}
	return ""
}

// decodeError says why a frame could not be read. It quotes nothing of the frame, which names people.
type decodeError struct {
	what   string
	offset int
	err    error
}

func (e *decodeError) Error() string {
	return fmt.Sprintf("ari: cannot read %s: %v (byte %d)", e.what, e.err, e.offset)
}

func (e *decodeError) Unwrap() error { return e.err }

// decode reads a frame of any type into e, and clears what e held; of types that are not wanted, it reads whatever
// happens to be known. After an error e is empty. The frame may be used again, its strings have been copied.
func decode(frame []byte, e *event) error {
	*e = event{}
	p := scanner{data: frame, text: string(frame)}
	if p.peek() != '{' {
		p.fail(errSyntax)
	}
	for p.open('{'); p.more('}'); {
		if key := p.key(); !p.channelField(e, key) {
			p.eventField(e, key)
		}
	}
	err := p.end()
	if err == nil && e.Type == "" {
		err = errNoType
	}
	if err != nil {
		*e = event{}
		return &decodeError{"an event", p.pos, err}
	}
	return nil
}

var errNoType = errors.New("it has no type")

// channelField reads the fields that hold channels.
func (p *scanner) channelField(e *event, key []byte) bool {
	switch string(key) {
	case "channel":
		p.channel(&e.Channel)
	case "caller":
		p.channel(&e.Caller)
	case "peer": // of PeerStatusChange something else, without id; Endpoint has what matters of it
		p.channel(&e.Peer)
	case "forwarded":
		p.channel(&e.Forwarded)
	case "transferee":
		p.channel(&e.Transferee)
	case "transfer_target":
		p.channel(&e.Target)
	case "transferer_second_leg": //nolint:misspell // Asterisk calls it so
		p.channel(&e.Asker)
	default:
		return false
	}
	return true
}

func (p *scanner) eventField(e *event, key []byte) {
	switch string(key) {
	case "type":
		e.Type = p.str()
	case "timestamp":
		e.Time = parseTime(p.str())
	case "args":
		e.Args = p.strings()
	case "cause":
		e.Cause = p.integer()
	case "soft":
		e.Soft = p.boolean()
	case "dialstatus":
		e.DialStatus = p.str()
	case "forward":
		e.Forward = p.str()
	case "result":
		e.Result = p.str()
	case "eventname":
		e.UserEvent.Name = p.str()
	case "userevent":
		p.userEvent(&e.UserEvent)
	case "endpoint":
		p.endpoint(&e.Endpoint)
	case "bridge":
		e.Bridged = p.bridge()
	default:
		p.skip()
	}
}

func (p *scanner) channel(c *channel) {
	for p.open('{'); p.more('}'); {
		switch string(p.key()) {
		case "id":
			c.ID = p.str()
		case "name":
			c.Name = p.str()
		case "state":
			c.State = p.str()
		case "caller":
			c.CallerName, c.CallerNumber = p.party()
		case "connected":
			c.ConnectedName, c.ConnectedNumber = p.party()
		case "dialplan":
			p.dialplan(&c.Dialplan)
		case "creationtime":
			c.CreationTime = parseTime(p.str())
		case "channelvars":
			p.channelVars(&c.Vars)
		default:
			p.skip()
		}
	}
}

func (p *scanner) party() (name, number string) {
	for p.open('{'); p.more('}'); {
		switch string(p.key()) {
		case "name":
			name = p.str()
		case "number":
			number = p.str()
		default:
			p.skip()
		}
	}
	return name, number
}

func (p *scanner) dialplan(d *dialplan) {
	for p.open('{'); p.more('}'); {
		switch string(p.key()) {
		case "context":
			d.Context = p.str()
		case "exten":
			d.Exten = p.str()
		case "app_name":
			d.App = p.str()
		case "app_data":
			d.AppData = p.str()
		default:
			p.skip()
		}
	}
}

// channelVars counts as present only with those variables that tell whether a caller may be shown: an administrator may
// have a channelvars line for something else.
func (p *scanner) channelVars(v *channelVars) {
	var linkedid, caller, connected, number, name bool
	for p.open('{'); p.more('}'); {
		switch string(p.key()) {
		case "CHANNEL(linkedid)":
			v.Linkedid, linkedid = p.str(), true
		case "CALLERID(dnid)":
			v.DNID = p.str()
		case "CALLERID(pres)":
			v.CallerPres, caller = p.str(), true
		case "CONNECTEDLINE(pres)":
			v.ConnectedPres, connected = p.str(), true
		case varNumberWish:
			v.NumberWish, number = p.str(), true
		case varNameWish:
			v.NameWish, name = p.str(), true
		case varDestination:
			v.Destination = p.str()
		case varCalled:
			v.Called = p.str()
		default:
			p.skip()
		}
	}
	v.Present = linkedid && caller && connected
	v.WishKnown = number && name
}

func (p *scanner) bridge() (channels []string) {
	for p.open('{'); p.more('}'); {
		if string(p.key()) == "channels" {
			channels = p.strings()
		} else {
			p.skip()
		}
	}
	return channels
}

func (p *scanner) endpoint(e *endpointInfo) {
	for p.open('{'); p.more('}'); {
		switch string(p.key()) {
		case "technology":
			e.Technology = p.str()
		case "resource":
			e.Resource = p.str()
		case "state":
			e.State = p.str()
		default:
			p.skip()
		}
	}
}

// userEvent reads the fields of a dialplan's own making.
func (p *scanner) userEvent(u *userEvent) {
	for p.open('{'); p.more('}'); {
		switch string(p.key()) {
		case "Read":
			u.Read = p.str()
		case "Extension":
			u.Extension = p.str()
		case placeAlways:
			u.Always = p.str()
		case placeBusy:
			u.Busy = p.str()
		case placeNoAnswer:
			u.NoAnswer = p.str()
		case placeDND:
			u.DND = p.str()
		case placeSeconds:
			u.Seconds = p.str()
		default:
			p.skip()
		}
	}
}

// decodeChannels reads the array that GET /channels answers. Each channel gets strings of its own, so that keeping one
// does not keep the whole answer.
func decodeChannels(body []byte) ([]channel, error) {
	list := []channel{}
	p := scanner{data: body}
	if p.peek() != '[' {
		p.fail(errSyntax)
	}
	for p.open('['); p.more(']'); {
		if p.peek() == 0 {
			break
		}
		from := p.pos
		p.skip()
		if p.err != nil {
			break
		}
		var c channel
		one := scanner{data: body[from:p.pos], text: string(body[from:p.pos])}
		one.channel(&c)
		if c.ID == "" {
			p.fail(errNoID)
		}
		list = append(list, c)
	}
	if err := p.end(); err != nil {
		return nil, &decodeError{"the list of channels", p.pos, err}
	}
	return list, nil
}

var errNoID = errors.New("a channel has no id")

// parseTime reads Asterisk's times, 2026-11-22T11:19:23.435+0000; what is none is the zero time. Written out because
// time.Parse takes longer than reading the rest of a frame's channel.
func parseTime(s string) time.Time {
	const layout = "2006-01-02T15:04:05.000-0700"
	if len(s) != len(layout) || s[10] != 'T' || s[19] != '.' {
		t, _ := time.Parse(time.RFC3339Nano, s)
		return t.UTC()
	}
	ok := s[4] == '-' && s[7] == '-' && s[13] == ':' && s[16] == ':' && (s[23] == '+' || s[23] == '-')
	number := func(from, to int) int {
		n := 0
		for _, c := range []byte(s[from:to]) {
			ok = ok && c >= '0' && c <= '9'
			n = n*10 + int(c-'0')
		}
		return n
	}
	offset := time.Duration(number(24, 26))*time.Hour + time.Duration(number(26, 28))*time.Minute
	if s[23] == '-' {
		offset = -offset
	}
	t := time.Date(number(0, 4), time.Month(number(5, 7)), number(8, 10), number(11, 13), number(14, 16), number(17, 19),
		number(20, 23)*int(time.Millisecond), time.UTC)
	if !ok {
		return time.Time{}
	}
	return t.Add(-offset)
}
