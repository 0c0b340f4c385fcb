package supervision_test

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"supervisiond/forwarding"
	"supervisiond/supervision"
)

// parseSite reads lines like
//
//	person ben 102 "Ben Okafor" PJSIP/102=Desk unsupervised:PJSIP/102-web
//	group sales 1 mutual_aid supervisor:anna:admin member:ben member:dora:stays initially:logged_out
//	limit sales only_dialled:^7 except:^\+49170 external alert_after:3s
func parseSite(text string) (*supervision.Directory, error) {
	var people []supervision.Person
	var groups []supervision.Group
	for line := range strings.Lines(text) {
		w := words(line)
		if len(w) == 0 {
			continue
		}
		switch w[0] {
		case "person":
			p := supervision.Person{ID: supervision.PersonID(w[1]), Extension: w[2], Name: w[3]}
			for _, e := range w[4:] {
				if e == "admin" {
					p.Admin = true
				} else if name, un := strings.CutPrefix(e, "unsupervised:"); un {
					p.Unsupervised = append(p.Unsupervised, name)
				} else {
					name, label, _ := strings.Cut(e, "=")
					p.Endpoints = append(p.Endpoints, supervision.Endpoint{Name: name, Label: label})
				}
			}
			people = append(people, p)
		case "group":
			groups = append(groups, parseGroup(w[1:]))
		case "limit":
			for i := range groups {
				if string(groups[i].ID) == w[1] {
					limit(&groups[i].Calls, w[2:])
				}
			}
		default:
			return nil, fmt.Errorf("site: %q", line)
		}
	}
	return supervision.NewDirectory("hq", people, groups), nil
}

func parseGroup(w []string) supervision.Group {
	g := supervision.Group{
		ID: supervision.GroupID(w[0]), Name: w[0], Number: w[1], Type: supervision.GroupType(w[2]),
		LockLast: supervision.LockOff, InitiallyLoggedIn: true, Calls: supervision.CallFilter{Internal: true},
	}
	for _, x := range w[3:] {
		f := strings.Split(x, ":")
		p := supervision.Participant{Person: supervision.PersonID(f[1]), MayLeave: true}
		for _, o := range f[2:] {
			p.Admin = p.Admin || o == "admin"
			p.MayLeave = p.MayLeave && o != "stays"
		}
		switch f[0] {
		case "supervisor":
			g.Supervisors = append(g.Supervisors, p)
		case "member":
			g.Members = append(g.Members, p)
		case "initially":
			g.InitiallyLoggedIn = f[1] == "logged_in"
		case "lock":
			g.LockLast = supervision.Lock(f[1])
		}
	}
	return g
}

func limit(f *supervision.CallFilter, w []string) {
	for _, x := range w {
		k, v, _ := strings.Cut(x, ":")
		switch k {
		case "only_dialled":
			f.OnlyDialled = append(f.OnlyDialled, regexp.MustCompile(v))
		case "except":
			f.ExceptCallers = append(f.ExceptCallers, regexp.MustCompile(v))
		case "external":
			f.Internal = false
		case "alert_after":
			f.AlertAfter, _ = time.ParseDuration(v)
		}
	}
}

// parseEvent reads a line of a story: the second, what happened, and its particulars as key=value.
func parseEvent(line string, sites map[string]*supervision.Directory, n *narrator) (supervision.Event, error) {
	w := words(line)
	seconds, err := strconv.ParseFloat(strings.TrimSuffix(w[0], "s"), 64)
	if err != nil || len(w) < 2 {
		return nil, fmt.Errorf("want a second and an event")
	}
	at := dayOne.Add(time.Duration(math.Round(seconds*1000)) * time.Millisecond)
	rest := w[2:]
	switch w[1] {
	case "start":
		e := supervision.Started{At: at, Directory: sites["site"], Forwarding: policy, PickupTimeout: 15 * time.Second}
		for _, w := range rest {
			if l, ok := parseStoredLogin(w); ok {
				e.Logins = append(e.Logins, l)
			}
		}
		return e, nil
	case "configured":
		return supervision.Configured{At: at, Directory: sites[rest[0]], Forwarding: policy, PickupTimeout: 15 * time.Second}, nil
	case "saved":
		write, err := strconv.ParseUint(rest[0], 10, 64)
		return supervision.LoginSaved{At: at, Write: write, Failed: len(rest) > 1}, err
	case "written":
		return parseWritten(at, rest)
	case "store", "line":
		return parseStore(at, w[1] == "store", rest)
	case "redirects":
		return supervision.PhoneRedirected{At: at, Endpoint: rest[0], Target: rest[1]}, nil
	case "answers":
		return supervision.PhoneAnswered{At: at, Endpoint: rest[0]}, nil
	case "asks":
		return parseCommand(at, rest, n)
	case "epoch":
		epoch, err := strconv.ParseUint(rest[0], 10, 64)
		e := supervision.EpochBegun{At: at, Epoch: epoch}
		for _, open := range rest[1:] { // id:caller:since of an open call, or group.person=in of a login
			if l, ok := parseStoredLogin(open); ok {
				e.Logins = append(e.Logins, l)
				continue
			}
			f := strings.Split(open, ":")
			s, _ := strconv.ParseFloat(f[2], 64)
			n.names[supervision.CallID(f[0])] = f[0]
			e.Open = append(e.Open, &supervision.CallDocument{
				ID: supervision.CallID(f[0]), CallerCall: f[1], State: supervision.CallRinging,
				Since: supervision.Stamp{Time: dayOne.Add(time.Duration(s * float64(time.Second)))},
				Via:   []supervision.Via{}, Ringing: []supervision.RingingPart{},
			})
		}
		return e, err
	case "synced":
		return parseSynced(at, rest)
	case "lost":
		return supervision.PBXLost{At: at}, nil
	case "nats":
		return supervision.NATSSeen{At: at, Alive: rest[0] == "back"}, nil
	case "sip":
		return supervision.SIPSeen{At: at, Alive: rest[0] == "alive"}, nil
	case "rings":
		r, err := parseRing(rest)
		return supervision.RingBegan{At: at, Ring: r}, err
	case "silent":
		return supervision.RingEnded{At: at, Leg: rest[0], CallerCall: value(rest, "caller"), How: supervision.RingEnd(rest[1])}, nil
	case "talk-ends":
		return supervision.TalkEnded{At: at, Leg: n.real(rest[0])}, nil
	case "talk-moves":
		e := supervision.TalkMoved{At: at, Leg: n.real(rest[0]), CallerEndpoint: value(rest, "by")}
		if from, ok := strings.CutPrefix(rest[1], "from="); ok {
			e.Known, e.Caller = true, supervision.Caller{Number: from, Withheld: from == "withheld"}
			if e.Caller.Withheld {
				e.Caller.Number = ""
			}
		}
		return e, nil
	case "gives-up":
		return supervision.CallerHungUp{At: at, CallerCall: rest[0]}, nil
	case "endpoint":
		return supervision.EndpointChanged{At: at, Endpoint: rest[0], State: endpointState(rest[1])}, nil
	case "dials":
		return parseDialled(at, rest)
	case "pickup-failed":
		return supervision.PickupFailed{At: at, Channel: n.real(rest[0]), Unavailable: len(rest) > 1}, nil
	case "picker-gone":
		return supervision.PickerGone{At: at, Channel: n.real(rest[0]), Dropped: len(rest) > 1}, nil
	case "replaced":
		return supervision.AnswerPickedUp{At: at, CallerCall: rest[0]}, nil
	case "up":
		return supervision.PickerAnswered{At: at, Channel: n.real(rest[0])}, nil
	case "unreached":
		return supervision.PickerUnreached{At: at, Channel: n.real(rest[0]), Why: supervision.PhoneRefusal(rest[1])}, nil
	case "watch":
		return supervision.Watched{At: at, Person: supervision.PersonID(rest[0]), On: len(rest) == 1}, nil
	case "joined":
		return supervision.PickerJoined{At: at, Channel: n.real(rest[0])}, nil
	case "timer":
		for i := range rest {
			rest[i] = n.real(rest[i])
		}
		return supervision.TimerFired{At: at, Timer: strings.Join(rest, " ")}, nil
	}
	return nil, fmt.Errorf("unknown event %q", w[1])
}

// real gives the name of what a story has a short one for.
func (n *narrator) real(short string) string {
	for id, name := range n.names {
		if name == short {
			return string(id)
		}
	}
	var i int
	if _, err := fmt.Sscanf(short, "picker%d", &i); err == nil && i <= len(n.pickers) {
		return n.pickers[i-1]
	}
	return short
}

// parseStoredLogin reads `sales.ben=out`.
func parseStoredLogin(w string) (supervision.StoredLogin, bool) {
	name, in, ok := strings.Cut(w, "=")
	g, p, _ := strings.Cut(name, ".")
	return supervision.StoredLogin{Group: supervision.GroupID(g), Person: supervision.PersonID(p), LoggedIn: in == "in"}, ok
}

// parseDialled reads `PJSIP/101 *20102 on P1` as the phone would have dialled it.
func parseDialled(at time.Time, w []string) (supervision.Event, error) {
	e := supervision.PickupDialled{At: at, Endpoint: w[0], Channel: w[3]}
	switch code := w[1]; {
	case strings.HasPrefix(code, "*20"):
		e.Ask.Extension = code[3:]
	case strings.HasPrefix(code, "*22"):
		e.Ask.GroupNumber = code[3:]
	default:
		return parseCode(at, w)
	}
	return e, nil
}

// parseCode reads `PJSIP/101 *25 1 102 on P1`: the other codes, with their arguments apart.
func parseCode(at time.Time, w []string) (supervision.Event, error) {
	e := supervision.CodeDialled{At: at, Endpoint: w[0], Channel: w[len(w)-1]}
	args := w[2 : len(w)-2]
	switch w[1] {
	case "*23":
		e.Code = supervision.CodeJoin
	case "*24":
		e.Code = supervision.CodeLeave
	case "*25":
		e.Code = supervision.CodeToggle
	case "*26":
		e.Code = supervision.CodeCancelForwarding
		args = append([]string{""}, args...)
	default:
		return nil, fmt.Errorf("no code: %s", w[1])
	}
	if len(args) > 0 {
		e.GroupNumber = args[0]
	}
	if len(args) > 1 {
		e.Extension = args[1]
	}
	return e, nil
}

// policy is what the stories' site allows.
var policy = forwarding.Policy{
	Families: forwarding.Families{Always: "CF", Busy: "CFB", NoAnswer: "CFU", DND: "DND"},
	Allowed:  []*regexp.Regexp{regexp.MustCompile(`^[0-9]{2,5}$`), regexp.MustCompile(`^\+4989`)},
}

// parseStore reads `102:always=104,dnd 103:busy=101`.
func parseStore(at time.Time, whole bool, w []string) (supervision.Event, error) {
	e := supervision.StoreRead{At: at, Whole: whole, Lines: make(map[string]forwarding.Stored)}
	for _, x := range w {
		ext, line := parseLine(x)
		e.Lines[ext] = line
	}
	return e, nil
}

func parseLine(text string) (ext string, s forwarding.Stored) {
	ext, entries, _ := strings.Cut(text, ":")
	for _, entry := range strings.Split(entries, ",") {
		kind, target, _ := strings.Cut(entry, "=")
		switch kind {
		case "always":
			s.Always = target
		case "busy":
			s.Busy = target
		case "no_answer":
			s.NoAnswer = target
		case "dnd":
			s.DND = true
		}
	}
	return ext, s
}

// parseWritten reads `1 102:always=104 was 102:`, what the line has and what it had before; `1 failed`, or both; `1 failed unknown`.
func parseWritten(at time.Time, w []string) (supervision.Event, error) {
	write, err := strconv.ParseUint(w[0], 10, 64)
	e := supervision.StoreWritten{At: at, Write: write, Failed: slices.Contains(w, "failed"), Unknown: slices.Contains(w, "unknown")}
	if i := slices.Index(w, "was"); i > 0 {
		e.Read = true
		e.Extension, e.Now = parseLine(w[i-1])
		_, e.Before = parseLine(w[i+1])
	}
	return e, err
}

// parseCommand reads `anna R1 join sales`, `anna R2 forward ben always 104`, `ben R3 presence away desk 60`.
func parseCommand(at time.Time, w []string, n *narrator) (supervision.Event, error) {
	e := supervision.Commanded{At: at, Actor: supervision.PersonID(w[0]), ID: w[1], Via: supervision.ViaNATS}
	args := append(slices.Clone(w[3:]), "", "", "")
	group, person := supervision.GroupID(args[0]), supervision.PersonID(args[1])
	switch w[2] {
	case "join":
		e.Command = supervision.JoinGroup{Group: group}
	case "leave":
		e.Command = supervision.LeaveGroup{Group: group}
	case "force_in":
		e.Command = supervision.ForceIn{Group: group, Person: person}
	case "force_out":
		e.Command = supervision.ForceOut{Group: group, Person: person}
	case "forward":
		seconds, _ := strconv.Atoi(args[3])
		e.Command = supervision.SetForwarding{
			Person: supervision.PersonID(args[0]), Kind: forwarding.Kind(args[1]), Target: args[2], AfterSeconds: seconds,
		}
	case "cancel":
		e.Command = supervision.CancelForwarding{Person: supervision.PersonID(args[0]), Kind: forwarding.Kind(args[1])}
	case "dnd":
		e.Command = supervision.SetDND{Person: supervision.PersonID(args[0]), On: args[1] == "on"}
	case "presence":
		ttl, _ := time.ParseDuration(args[2])
		e.Command = supervision.ReportPresence{State: supervision.PresenceState(args[0]), Source: args[1], TTL: ttl}
	case "pickup": // call=c1 person=ben group=sales endpoint=PJSIP/101
		e.Command = supervision.PickUpCall{
			Call: supervision.CallID(n.real(value(w, "call"))), Person: supervision.PersonID(value(w, "person")),
			Group: supervision.GroupID(value(w, "group")), Endpoint: value(w, "endpoint"),
		}
	case "view":
		e.Command = supervision.GetView{}
	case "history":
		e.Command = supervision.GetHistory{}
	default:
		return nil, fmt.Errorf("no command: %s", w[2])
	}
	return e, nil
}

// parseSynced reads `PJSIP/101:up PJSIP/102:talks | L1 PJSIP/102 caller=C1 | …`.
func parseSynced(at time.Time, w []string) (supervision.Event, error) {
	e := supervision.PBXSynced{At: at, Version: "22.10.1", Endpoints: make(map[string]supervision.EndpointState)}
	parts := strings.Split(strings.Join(w, "\x00"), "|")
	for _, x := range strings.Split(parts[0], "\x00") {
		if name, state, ok := strings.Cut(x, ":"); ok {
			e.Endpoints[name] = endpointState(state)
		}
	}
	for _, part := range parts[1:] {
		if up, ok := strings.CutPrefix(strings.TrimPrefix(part, "\x00"), "up="); ok {
			e.Up = strings.Split(strings.TrimSuffix(up, "\x00"), ",")
			continue
		}
		r, err := parseRing(strings.FieldsFunc(part, func(r rune) bool { return r == 0 }))
		if err != nil {
			return nil, err
		}
		e.Rings = append(e.Rings, r)
	}
	return e, nil
}

func endpointState(s string) supervision.EndpointState {
	return supervision.EndpointState{Reachable: s == "up" || s == "talks", InCall: s == "talks"}
}

// parseRing reads `L1 PJSIP/102 caller=C1 from=+4930555 name=… by=PJSIP/105 dialled=700 route=fork:700,queue:800:support`.
func parseRing(w []string) (supervision.Ring, error) {
	if len(w) < 3 {
		return supervision.Ring{}, fmt.Errorf("a ring has a leg, an endpoint and a caller")
	}
	r := supervision.Ring{
		Leg: w[0], Endpoint: w[1], CallerCall: value(w, "caller"), CallerEndpoint: value(w, "by"),
		Dialled: value(w, "dialled"),
		Caller:  supervision.Caller{Number: value(w, "from"), Name: value(w, "name"), Withheld: value(w, "from") == "withheld"},
	}
	for _, h := range strings.Split(value(w, "route"), ",") {
		f := strings.Split(h, ":")
		if len(f) < 2 {
			continue
		}
		hop := supervision.Hop{Kind: supervision.HopKind(f[0]), Number: f[1]}
		if hop.Kind == supervision.HopRedirect {
			hop = supervision.Hop{Kind: hop.Kind, Endpoint: f[1]}
		}
		if len(f) > 2 {
			hop.Name = f[2]
		}
		r.Route = append(r.Route, hop)
	}
	return r, nil
}

func value(w []string, key string) string {
	for _, x := range w {
		if v, ok := strings.CutPrefix(x, key+"="); ok {
			return v
		}
	}
	return ""
}

// words splits at blanks outside of double quotes, and drops the quotes.
func words(line string) []string {
	quoted := false
	var w []string
	for _, f := range strings.FieldsFunc(line, func(r rune) bool {
		if r == '"' {
			quoted = !quoted
		}
		return !quoted && (r == ' ' || r == '\n')
	}) {
		w = append(w, strings.ReplaceAll(f, `"`, ""))
	}
	return w
}
