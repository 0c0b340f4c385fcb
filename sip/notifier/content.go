package notifier

import (
	"bytes"
	"slices"
	"time"

	"supervisiond/sip/body"
	"supervisiond/sip/seen"
	"supervisiond/supervision"
)

// The packages that there are.
const (
	eventDialog   = "dialog"
	eventPresence = "presence"
	eventFeature  = "as-feature-event"
)

// contentOf is the kind of document that a package has.
var contentOf = map[string]string{eventDialog: body.DialogInfoType, eventPresence: body.PIDFType, eventFeature: body.FeatureType}

func isPackage(event string) bool { return contentOf[event] != "" }

// toldLine is what a list told last of one of its people.
type toldLine struct {
	version  uint32
	dialogs  []seen.Dialog
	presence supervision.Presence
	known    bool
	unsure   time.Time // since when the line is busy and nobody has said with what; zero: it is not
}

// sureTime is how long a line may be busy before that is told with nothing else known: the PBX says that a phone is in use a moment
// before it says that it rings, and that it no longer is a moment after that it rings no more.
const sureTime = 400 * time.Millisecond

// content makes the document that says what is so now. There is no news if the phone knows it already. If that is not all there is to
// be told, the subscription is dirty.
func (s *subscription) content() (kind string, document []byte, news bool) {
	switch {
	case s.mute:
		return "", nil, false
	case s.isList():
		return s.listContent()
	case s.event == eventFeature:
		return s.featureContent()
	}
	part, news := s.part(s.target.person, s.entity, &s.line, true)
	if part == nil || !news && !s.whole {
		return "", nil, false
	}
	s.whole = false
	s.made.document = part.Append(s.made.document[:0])
	return part.ContentType(), bytes.Clone(s.made.document), true
}

// part is one person's document, and whether anything in it is new. It counts as told.
func (s *subscription) part(id supervision.PersonID, entity string, line *toldLine, shown bool) (body.Part, bool) {
	doc := s.viewer.table.Person(id)
	if doc == nil {
		return nil, false
	}
	if s.event == eventPresence {
		p := doc.Presence
		if !shown {
			p = supervision.Presence{State: supervision.Offline}
		}
		news := !line.known || p != line.presence
		line.presence, line.known = p, true
		return &body.Presence{
			Entity: entity, State: body.State(p.State), OnThePhone: p.Source == supervision.SourceCall, Lang: s.language(),
			Since: p.Since.Time,
		}, news
	}
	var dialogs []seen.Dialog
	if shown {
		dialogs = s.sure(s.viewer.table.Dialogs(id), line)
	}
	news := !line.known || !slices.Equal(dialogs, line.dialogs)
	info := &body.DialogInfo{Entity: entity, Version: line.version, Full: true, Dialogs: s.dialogs(doc, dialogs, line.dialogs)}
	if line.known && !s.whole && !s.isList() && len(info.Dialogs) > wholeDialogs {
		info.Full = false
		info.Dialogs = slices.DeleteFunc(info.Dialogs, func(d body.Dialog) bool { return toldAlready(d.ID, dialogs, line.dialogs) })
	}
	if news || s.whole {
		line.version++
		line.dialogs, line.known = dialogs, true
	}
	return info, news
}

// wholeDialogs is how many dialogs a line has at most whose document is always whole. Of one with more, which would not fit into a
// datagram, only what has changed is told (RFC 4235, 4.1 and 4.3).
const wholeDialogs = 2

// toldAlready: a dialog is as the phone was told.
func toldAlready(id string, now, before []seen.Dialog) bool {
	same := func(d seen.Dialog) bool { return d.ID == id }
	i, j := slices.IndexFunc(now, same), slices.IndexFunc(before, same)
	return i >= 0 && j >= 0 && now[i] == before[j]
}

// sure leaves out for a while that a line is busy with nothing else known.
func (s *subscription) sure(dialogs []seen.Dialog, line *toldLine) []seen.Dialog {
	now := time.Now()
	switch {
	case len(dialogs) != 1 || !dialogs[0].Vague():
		line.unsure = time.Time{}
	case !line.known || len(line.dialogs) == 1 && line.dialogs[0] == dialogs[0]:
	case line.unsure.IsZero():
		line.unsure = now
		s.after(sureTime, func() {
			s.dirty = true
			s.push(s)
		})
		return nil
	case now.Sub(line.unsure) < sureTime:
		return nil
	}
	return dialogs
}

// dialogs are a line's, and those over which the phone was told of before: not all understand that what is not there is over.
func (s *subscription) dialogs(doc *supervision.PersonDocument, now, before []seen.Dialog) []body.Dialog {
	list := make([]body.Dialog, 0, len(now)+len(before))
	own := s.made.line(doc, s.o.Host)
	for _, d := range now {
		one := body.Dialog{ID: d.ID, State: body.Early, Local: own}
		if d.Confirmed {
			one.State = body.Confirmed
		}
		if d.Known {
			one.Direction = body.Recipient
			one.Remote = s.made.remote(d.Caller, s.o.Host)
		}
		list = append(list, one)
	}
	for _, d := range before {
		if !slices.ContainsFunc(now, func(x seen.Dialog) bool { return x.ID == d.ID }) {
			list = append(list, body.Dialog{ID: d.ID, State: body.Terminated})
		}
	}
	return list
}

// made is what was made last, for who watches a line is told of a ring one after the other.
type made struct {
	document []byte // its memory is used again

	extension, name string
	own             body.Identity
	caller          supervision.Caller
	other           body.Identity
}

// line is the identity of somebody at their own line.
func (m *made) line(doc *supervision.PersonDocument, host string) body.Identity {
	if m.own.URI == "" || doc.Extension != m.extension || doc.Name != m.name {
		m.extension, m.name = doc.Extension, doc.Name
		m.own = body.Identity{URI: body.URI(doc.Extension, host), Display: doc.Name}
	}
	return m.own
}

// remote is the identity of who calls.
func (m *made) remote(c supervision.Caller, host string) body.Identity {
	if m.other.URI == "" || c != m.caller {
		m.caller, m.other = c, body.Caller(c.Number, c.Name, host, c.Withheld)
	}
	return m.other
}

// listContent is a group's: whole after each request of the phone and when other people are in it, otherwise what has changed.
func (s *subscription) listContent() (kind string, document []byte, news bool) {
	group := s.viewer.table.Group(s.target.group)
	if group == nil {
		return "", nil, false
	}
	var listed []supervision.MemberDocument
	for _, m := range group.Members {
		if s.viewer.table.Person(m.Person) != nil && (!s.o.Compact || m.LoggedIn) {
			listed = append(listed, m)
		}
	}
	s.relist(listed)
	list := &body.List{URI: s.entity, Name: group.Name, Host: s.o.Host, Version: s.version, Full: s.whole}
	var before []was
	for _, m := range listed {
		doc, line := s.viewer.table.Person(m.Person), s.lines[m.Person]
		known := was{line, *line}
		uri := body.URI(doc.Extension, s.o.Host)
		part, changed := s.part(m.Person, uri, line, m.LoggedIn)
		if changed || s.whole {
			list.Resources = append(list.Resources, body.Resource{URI: uri, Name: doc.Name, State: body.InstanceActive, Body: part})
			before = append(before, known)
		}
	}
	if len(list.Resources) == 0 && !s.whole {
		return "", nil, false
	}
	s.made.document, kind = list.Append(s.made.document[:0])
	if len(s.made.document) > maxList {
		for _, w := range before[list.Cut(maxList):] {
			*w.line = w.told
			w.line.known, s.dirty = false, true
		}
		s.made.document, kind = list.Append(s.made.document[:0])
	}
	s.version++
	s.whole = false
	return kind, bytes.Clone(s.made.document), true
}

// relist notes who is in a list. With other people in it, or others in between, it is told whole.
func (s *subscription) relist(members []supervision.MemberDocument) {
	if slices.EqualFunc(members, s.listed, func(m supervision.MemberDocument, id supervision.PersonID) bool { return m.Person == id }) {
		return
	}
	before := s.lines
	s.whole, s.listed, s.lines = true, nil, make(map[supervision.PersonID]*toldLine, len(members))
	for _, m := range members {
		line := before[m.Person]
		if line == nil {
			line = &toldLine{}
		}
		s.listed, s.lines[m.Person] = append(s.listed, m.Person), line
	}
}

// maxList is how long a list's document is, in bytes, so that it fits into a datagram with what stands before it. What does not is told
// next (RFC 4662, 5.2).
const maxList = 60_000

// was is what had been told of a line.
type was struct {
	line *toldLine
	told toldLine
}

// language is the one in which the viewer reads words.
func (s *subscription) language() string {
	if p := s.o.Directory().Person(s.viewer.id); p != nil {
		return p.Language
	}
	return ""
}
