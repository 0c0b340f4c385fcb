package supervision_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/tools/txtar"

	"supervisiond/supervision"
)

var update = flag.Bool("update", false, "write what happens into the transcripts")

// TestTranscripts tells the stories in testdata: who there is (site), then event lines at their seconds, each followed
// by the effects that it must have, indented. Documents show what changed in them.
func TestTranscripts(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no transcripts: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			last := len(archive.Files) - 1
			if last < 1 || archive.Files[0].Name != "site" || archive.Files[last].Name != "story" {
				t.Fatal("a transcript has a site, perhaps others that it is configured to, and a story")
			}
			got, err := tell(archive.Files[:last], string(archive.Files[last].Data))
			if err != nil {
				t.Fatal(err)
			}
			if want := archive.Files[last].Data; !bytes.Equal(want, []byte(got)) {
				if *update {
					archive.Files[last].Data = []byte(got)
					if err := os.WriteFile(file, txtar.Format(archive), 0o644); err != nil {
						t.Fatal(err)
					}
					return
				}
				t.Errorf("the story goes otherwise (-update writes it down):\n%s", firstDifference(string(want), got))
			}
		})
	}
}

func firstDifference(want, got string) string {
	w, g := strings.Split(want, "\n"), strings.Split(got, "\n")
	for i := range min(len(w), len(g)) {
		if w[i] != g[i] {
			return fmt.Sprintf("line %d\nwant %s\ngot  %s\n\nall of it:\n%s", i+1, w[i], g[i], got)
		}
	}
	return fmt.Sprintf("want %d lines, got %d:\n%s", len(w), len(g), got)
}

var dayOne = time.Date(2026, 1, 2, 9, 0, 0, 0, time.UTC)

// tell applies the events of a story and returns it with the effects that they had.
func tell(files []txtar.File, story string) (string, error) {
	sites := make(map[string]*supervision.Directory)
	for _, f := range files {
		d, err := parseSite(string(f.Data))
		if err != nil {
			return "", err
		}
		sites[f.Name] = d
	}
	n := &narrator{documents: make(map[string]map[string]json.RawMessage), names: make(map[supervision.CallID]string)}
	state := supervision.New()
	for line := range strings.Lines(story) {
		line = strings.TrimRight(line, "\n")
		if strings.HasPrefix(line, "    ") {
			continue // an effect, told anew
		}
		n.out.WriteString(line + "\n")
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		event, err := parseEvent(line, sites, n)
		if err != nil {
			return "", fmt.Errorf("%q: %w", line, err)
		}
		var effects []supervision.Effect
		state, effects = supervision.Apply(state, event)
		for _, e := range effects {
			if err := n.tellEffect(e); err != nil {
				return "", err
			}
		}
	}
	return n.out.String(), nil
}

// narrator writes effects so that people can read them: calls have short names, moments are seconds, documents show
// what is new in them.
type narrator struct {
	out       strings.Builder
	documents map[string]map[string]json.RawMessage
	names     map[supervision.CallID]string
	pickers   []string // channels that were made to call supervisors: picker1, picker2
}

func (n *narrator) say(format string, args ...any) { fmt.Fprintf(&n.out, "    "+format+"\n", args...) }

func (n *narrator) tellEffect(e supervision.Effect) error {
	switch e := e.(type) {
	case supervision.Put:
		return n.tellDocument(e)
	case supervision.Forget:
		n.say("%s is forgotten", n.key(e.Key))
		delete(n.documents, e.Key)
	case supervision.Announce:
		n.tellAnnouncement(e)
	case supervision.PickUp:
		n.say("pick up for %s from %s", n.readable(e.Channel), strings.Join(e.Targets, ", "))
	case supervision.CallSupervisor:
		n.pickers = append(n.pickers, e.Channel)
		n.say("call %s on %s, %v, for %s: %+v", n.readable(e.Channel), e.Endpoint, e.Timeout, e.CallerCall, e.Caller)
	case supervision.CancelCall:
		n.say("cancel the call of %s", n.readable(e.Channel))
	case supervision.Show:
		n.tellShow(e)
	case supervision.ShowTalk:
		if e.Talk == nil {
			n.say("%s sees the talk on %s no more", e.To, n.readable(e.ID))
		} else {
			n.tellTalk(e.To, e.Talk)
		}
	case supervision.RenewAudio:
		n.say("renew audio of %s", n.readable(e.Channel))
	case supervision.Refuse:
		n.say("refuse %s: %s (%s)", n.readable(e.Channel), e.Refusal.Code, e.Refusal.Message)
	case supervision.Confirm:
		n.say("confirm %s: on=%t", e.Channel, e.On)
	case supervision.Reply:
		n.tellReply(e)
	case supervision.SaveLogin:
		n.say("save #%d: %s.%s logged_in=%t", e.Write, e.Group, e.Person, e.LoggedIn)
	case supervision.ForgetLogin:
		n.say("forget login %s.%s", e.Group, e.Person)
	case supervision.WriteStore:
		n.say("write #%d to the store: %s %+v", e.Write, e.Extension, e.Changes)
	case supervision.StoreKnown:
		n.say("the store is known")
	case supervision.PickupDone, supervision.Arm:
		// of no interest to a story
	default:
		return fmt.Errorf("unknown effect %T", e)
	}
	return nil
}

// tellShow says what somebody sees: of a whole view what there is, of a change what it looks like now.
func (n *narrator) tellTalk(to supervision.PersonID, k *supervision.Talk) {
	if k.Unknown {
		n.say("%s sees %s talk on %s to somebody", to, k.Person, n.readable(k.ID))
		return
	}
	n.say("%s sees %s talk on %s to %+v", to, k.Person, n.readable(k.ID), k.Caller)
}

func (n *narrator) tellShow(s supervision.Show) {
	if v := s.View; v != nil {
		var groups, people, calls, memberships []string
		for _, g := range v.Groups {
			groups = append(groups, fmt.Sprint(g.ID, g.Ringing))
		}
		for _, p := range v.People {
			people = append(people, fmt.Sprint(p.ID, p.Calls))
		}
		for _, c := range v.Calls {
			calls = append(calls, string(c.ID))
		}
		for _, m := range v.Memberships {
			memberships = append(memberships, fmt.Sprintf("%s=%t,%d", m.ID, m.LoggedIn, m.Count))
		}
		for _, k := range v.Talks {
			n.tellTalk(s.To, k)
		}
		n.say("%s sees %d: groups %v, memberships %v, people %v, calls %v", s.To, s.Seq, groups, memberships, n.readable(fmt.Sprint(people)), n.readable(fmt.Sprint(calls)))
		return
	}
	for i, c := range s.Changes {
		text := "gone"
		switch d := c.Document.(type) {
		case *supervision.PersonDocument:
			text = fmt.Sprintf("%s %s calls=%v forwards=%d", d.Presence.State, d.Presence.Source, d.Calls, len(d.Forwarding))
			if len(d.Phones) > 0 {
				text += " phones=" + phones(nil, d.Phones)
			}
		case *supervision.GroupDocument:
			var in []string
			for _, m := range d.Members {
				in = append(in, string(m.Person)+":"+m.Status)
			}
			text = fmt.Sprintf("members=%v ringing=%v", in, d.Ringing)
		case *supervision.Membership:
			text = fmt.Sprintf("logged_in=%t, %d of them, %d connected", d.LoggedIn, d.Count, d.Connected)
			if d.Bar != "" {
				text += ", bar=" + string(d.Bar)
			}
		case *supervision.CallDocument:
			text = fmt.Sprintf("%s ringing=%s", d.State, ringers(d.Ringing))
			if d.PickingUpBy != "" {
				text += " picking_up_by=" + string(d.PickingUpBy)
			}
		case *supervision.Notice:
			text = fmt.Sprintf("%s by %s forced=%t", d.Type, d.By.Person, d.Forced)
		case *supervision.SiteDocument:
			text = fmt.Sprintf("connected=%t", d.PBX.Connected)
			if d.Epoch != 0 && !d.NATS.Connected {
				text += ", without nats"
			}
		}
		n.say("%s sees %d: %s %s: %s", s.To, s.Seq+uint64(i), c.Kind, n.readable(c.ID), n.readable(text))
	}
}

func (n *narrator) tellReply(r supervision.Reply) {
	switch {
	case r.Refusal != nil:
		n.say("reply %s: %s (%s) %v", r.ID, r.Refusal.Code, r.Refusal.Message, r.Refusal.Details)
	case r.Result != nil:
		text, err := json.Marshal(r.Result)
		n.say("reply %s: %s %v", r.ID, n.readable(string(text)), err)
	default:
		n.say("reply %s: ok changed=%t", r.ID, r.Changed)
	}
}

func (n *narrator) tellDocument(p supervision.Put) error {
	text, err := json.Marshal(p.Document)
	if err != nil {
		return err
	}
	if bytes.Contains(text, []byte("null")) {
		return fmt.Errorf("%s has a null in it: %s", p.Key, text)
	}
	if n.quietStart() { // that nobody logs in or out before there is an epoch
		text = bytes.ReplaceAll(text, []byte(`"bar":"unavailable"`), []byte(`"bar":""`))
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(text, &fields); err != nil {
		return err
	}
	old, known := n.documents[p.Key]
	n.documents[p.Key] = fields
	if !known && !strings.HasPrefix(p.Key, "call.") && len(n.names) == 0 && fields["id"] != nil && n.quietStart() {
		return nil
	}
	if c, ok := p.Document.(*supervision.CallDocument); ok && n.names[c.ID] == "" {
		n.names[c.ID] = fmt.Sprintf("call%d", len(n.names)+1)
	}
	var changes []string
	for _, k := range slices.Sorted(maps.Keys(fields)) {
		if k == "alive_until" || k == "id" || bytes.Equal(old[k], fields[k]) || !known && empty(fields[k]) {
			continue
		}
		changes = append(changes, k+"="+n.readable(short(k, fields[k], old[k])))
	}
	if len(changes) > 0 {
		n.say("%s %s", n.key(p.Key), strings.Join(changes, " "))
	}
	return nil
}

func empty(v json.RawMessage) bool { return slices.Contains([]string{`""`, "[]", "false"}, string(v)) }

// short writes the longer fields in fewer words: of a group's people only those who changed.
func short(field string, now, before json.RawMessage) string {
	switch field {
	case "presence":
		var p struct{ State, Since, Source string }
		if json.Unmarshal(now, &p) == nil {
			return fmt.Sprintf("%s,%s,%q", p.State, p.Source, p.Since)
		}
	case "phones":
		var were, are []supervision.PhoneDocument
		_ = json.Unmarshal(before, &were)
		if json.Unmarshal(now, &are) == nil {
			return phones(were, are)
		}
	case "members", "supervisors":
		var were, are []json.RawMessage
		_ = json.Unmarshal(before, &were)
		if json.Unmarshal(now, &are) != nil {
			break
		}
		var people []string
		for i, p := range are {
			if i < len(were) && bytes.Equal(were[i], p) {
				continue
			}
			var was, m struct {
				Person, Name, Status, Warning, Bar string
				LoggedIn                           bool `json:"logged_in"`
			}
			if i < len(were) {
				_ = json.Unmarshal(were[i], &was)
			}
			if json.Unmarshal(p, &m) != nil {
				break
			}
			if m.Status == "" {
				m.Status = fmt.Sprintf("logged_in=%t", m.LoggedIn)
			}
			text := strings.TrimSuffix(fmt.Sprintf("%s:%s:%s", m.Person, m.Status, m.Warning), ":")
			if was.Person == m.Person && was.Name != m.Name {
				text += fmt.Sprintf(":%q", m.Name)
			}
			if was.Bar != m.Bar {
				text += ":bar=" + m.Bar
			}
			people = append(people, text)
		}
		return strings.Join(people, ",")
	case "ringing", "rang":
		var parts []supervision.RingingPart
		if json.Unmarshal(now, &parts) == nil {
			return ringers(parts)
		}
	}
	return string(now)
}

func ringers(parts []supervision.RingingPart) string {
	var people []string
	for _, p := range parts {
		text := fmt.Sprintf("%s%v", p.Person, p.Groups)
		if p.Name == "" {
			text += " without a name"
		}
		people = append(people, text)
	}
	return strings.Join(people, ",")
}

// phones are those that came or went.
func phones(were, are []supervision.PhoneDocument) string {
	var list []string
	for _, p := range are {
		if !slices.Contains(were, p) {
			list = append(list, p.Endpoint+":"+map[bool]string{true: "up", false: "down"}[p.Reachable])
		}
	}
	return strings.Join(list, ",")
}

// quietStart: what is published before the story says "show" is the same in all of them.
func (n *narrator) quietStart() bool { return !strings.Contains(n.out.String(), "# show everything") }

func (n *narrator) tellAnnouncement(a supervision.Announce) {
	line := fmt.Sprintf("event %s.%s", a.Type, n.readable(a.Entity))
	if a.Person != "" {
		line += fmt.Sprintf(" person=%s", a.Person)
	}
	if a.By != nil {
		line += fmt.Sprintf(" by=%s,%s", a.By.Person, a.By.Via)
	}
	if a.Forced {
		line += " forced"
	}
	if r, ok := a.Document.(*supervision.RefusalDocument); ok {
		line += fmt.Sprintf(" code=%s target=%s", r.Code, r.Target.Person+r.Target.Group)
	}
	n.say("%s", line)
}

func (n *narrator) key(k string) string { return n.readable(k) }

var moment = regexp.MustCompile(`"2026-01-02T(\d\d:\d\d:\d\d\.\d{3})Z"`)

func (n *narrator) readable(s string) string {
	for id, name := range n.names {
		s = strings.ReplaceAll(s, string(id), name)
	}
	for i, channel := range n.pickers {
		s = strings.ReplaceAll(s, channel, fmt.Sprint("picker", i+1))
	}
	return moment.ReplaceAllStringFunc(s, func(m string) string {
		at, err := time.Parse(`"2006-01-02T15:04:05.000Z"`, m)
		if err != nil {
			return m
		}
		return strconv.FormatFloat(at.Sub(dayOne).Seconds(), 'f', -1, 64) + "s"
	})
}
