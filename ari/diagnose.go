package ari

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Report takes what a diagnosis finds. What says how it is, mend what the administrator can do about it.
type Report interface {
	Pass(what string)
	Warn(what, mend string)
	Fail(what, mend string)
}

// Diagnosis is what Diagnose is to try.
type Diagnosis struct {
	ARI          Server
	App          string // of the daemon
	Dialplan     DialplanOptions
	PhoneContext string
	People       []DiagnosedPerson
	Groups       []string // their numbers
	// Running says that a daemon with this configuration is there, and Attached that it says to be attached to the PBX.
	Running, Attached bool
	// Unseen says that neither can be told.
	Unseen bool
}

// DiagnosedPerson is a person whom the PBX should know.
type DiagnosedPerson struct {
	ID, Extension string
	Endpoints     []string // supervised and not
}

const (
	// diagnoseStep bounds each step of a diagnosis, and diagnoseTime all of them.
	diagnoseStep = 5 * time.Second
	diagnoseTime = 15 * time.Second
	// oldest is the first version of Asterisk that has what is needed: event filters came with 16.
	oldest = 16
	// clockTolerance is how far the PBX's clock may be from this machine's.
	clockTolerance = 2 * time.Second
	// keepsApplications is the last version that keeps an application whose program has gone.
	keepsApplications = 16
)

// diagnosis is one that runs.
type diagnosis struct {
	Diagnosis
	Report
	rest   *Client
	socket *socket
	helper helper
	major  int // of Asterisk's version; 0: not known
}

// Diagnose tries a PBX for real, and leaves nothing behind on it, even when the context ends early. It uses an
// application name of its own, so that a daemon that runs is not disturbed: its channels ring nobody.
//
// A step that needs an earlier one which failed is not tried.
func Diagnose(ctx context.Context, o Diagnosis, r Report) {
	rest, err := NewClient(o.ARI)
	if err != nil {
		r.Fail("the PBX: "+err.Error(), "correct asterisk.ari in the configuration")
		return
	}
	defer rest.Close()
	ctx, cancel := context.WithTimeout(ctx, diagnoseTime)
	defer cancel()
	d := &diagnosis{Diagnosis: o, Report: r, rest: rest}
	d.run(ctx)
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		d.Fail(fmt.Sprintf("the PBX answers too slowly: not everything could be tried within %v", diagnoseTime),
			"is the PBX overloaded? Run this again when it has less to do")
	}
}

func (d *diagnosis) run(ctx context.Context) {
	for _, s := range []struct {
		try  func(context.Context) bool
		rest string // what cannot be tried without it
	}{
		{d.reach, "everything else about the PBX"},
		{d.mayWrite, "events, dialplan, lamps, AstDB and people"},
		{d.application, ""},
		{d.listen, "channelvars, clock, dialplan, lamps, AstDB and people"},
	} {
		if !step(ctx, s.try) {
			d.untried(s.rest)
			return
		}
	}
	defer d.deafen(ctx)
	if step(ctx, d.makeHelper) {
		defer d.removeHelper(ctx)
		d.onHelper(ctx)
	} else {
		d.untried("channelvars, clock, dialplan, lamps, AstDB and extensions")
	}
	_ = step(ctx, d.endpoints)
	_ = step(ctx, d.settings)
}

// onHelper is what can be asked on a channel only.
func (d *diagnosis) onHelper(ctx context.Context) {
	_ = step(ctx, d.event)
	if step(ctx, d.dialplan) {
		_ = step(ctx, d.codes)
		_ = step(ctx, d.lamps)
	} else {
		d.untried("feature codes, lamps and AstDB")
	}
	_ = step(ctx, d.extensions)
	if d.helper.storable {
		_ = step(ctx, d.store)
	}
}

func (d *diagnosis) untried(what string) {
	d.Warn("not tried: "+what, "mend what failed above, and run this again")
}

// step tries one thing, if there is time left for it.
func step(ctx context.Context, try func(context.Context) bool) bool {
	if ctx.Err() != nil {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, diagnoseStep)
	defer cancel()
	return try(ctx)
}

// failed reports an error of ARI with its own advice.
func (d *diagnosis) failed(what string, err error) {
	var e *Error
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		d.Fail(what+": no answer", (&Error{Code: TimedOut}).advice())
		return
	case !errors.As(err, &e):
		d.Fail(what+": "+err.Error(), "try again; Asterisk's log may say more")
		return
	}
	said := string(e.Code)
	switch {
	case e.Status != 0 && e.Message != "":
		said = fmt.Sprintf("%d %s", e.Status, e.Message)
	case e.Status != 0:
		said = fmt.Sprintf("%d %s", e.Status, http.StatusText(e.Status))
	case e.err != nil:
		said = e.err.Error()
	}
	d.Fail(what+": "+said, e.advice())
}

// reach finds out whether ARI answers, knows the user, and is new enough.
func (d *diagnosis) reach(ctx context.Context) bool {
	info, err := d.rest.Info(ctx)
	if err != nil {
		d.failed("ARI at "+d.ARI.URL+" as "+d.ARI.Username, err)
		return false
	}
	version := oneLine(info.SystemInfo.Version)
	number, _, _ := strings.Cut(version, "+") // a distribution's additions
	major, _, _ := strings.Cut(number, ".")
	if n, err := strconv.Atoi(major); err == nil {
		d.major = n
	}
	if d.major != 0 && d.major < oldest {
		d.Fail(fmt.Sprintf("Asterisk %s at %s is too old", number, d.ARI.URL), fmt.Sprintf("upgrade it to %d or newer", oldest))
		return false
	}
	d.Pass(fmt.Sprintf("Asterisk %s answers at %s and knows the user %s", number, d.ARI.URL, d.ARI.Username))
	return true
}

// mayWrite hangs up a channel that there is not: who may write is told so, who may not is turned away.
func (d *diagnosis) mayWrite(ctx context.Context) bool {
	err := d.rest.Hangup(ctx, helperPrefix+"none", causeNormal)
	if err != nil && !isNotFound(err) {
		d.failed("the user "+d.ARI.Username+" may not write", err)
		return false
	}
	d.Pass("the user " + d.ARI.Username + " may write")
	return true
}

func isNotFound(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.Code == NotFound
}

// application finds out who has the daemon's application name. What it finds keeps nothing else from being tried.
func (d *diagnosis) application(ctx context.Context) bool {
	_, err := d.rest.do(ctx, http.MethodGet, "/applications/"+segment(d.App), nil, nil)
	name := "the application name " + d.App
	switch {
	case err != nil && !isNotFound(err):
		d.failed(name, err)
	case err == nil && d.Attached:
		d.Pass(name + " is used by the daemon that runs here")
	case err == nil && d.Unseen:
		d.Warn(name+" is used: by the daemon, if it runs", "give http.listen a port, and this can tell")
	case err == nil && d.major != 0 && d.major <= keepsApplications:
		d.Warn(name+" is used, or was before", "Asterisk "+strconv.Itoa(d.major)+" keeps the name of a daemon that has ended; if another "+
			"program uses it, give each an asterisk.ari.app of its own")
	case err == nil:
		d.Fail(name+" is used, and not by a daemon with this http.listen",
			"if a daemon runs elsewhere or another program uses the name, give each an asterisk.ari.app of its own; "+
				"a daemon that was just cut off holds it for a minute or two")
	case d.Attached:
		d.Warn(name+" is free, though the daemon that runs here is attached to a PBX",
			"restart the daemon: it was started with another asterisk.ari")
	case d.Running:
		d.Warn(name+" is free: the daemon that runs here is not attached to the PBX", "the daemon's log says why")
	default:
		d.Pass(name + " is free")
	}
	return true
}

// ownApp is the diagnosis's application. Asterisk names a context after it, and cuts long names.
func (d *diagnosis) ownApp() string {
	const longest = 60
	return d.App[:min(len(d.App), longest)] + "-doctor"
}

// deafen ends the event connection, and what it was subscribed to: an old Asterisk keeps an application that still is.
func (d *diagnosis) deafen(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), orderTimeout)
	defer cancel()
	path := "/applications/" + segment(d.ownApp())
	var to struct {
		Channels  []string `json:"channel_ids"`
		Bridges   []string `json:"bridge_ids"`
		Endpoints []string `json:"endpoint_ids"`
	}
	_ = d.rest.get(ctx, path, nil, &to) // if this fails there is nothing to be done
	var sources []string
	for kind, ids := range map[string][]string{"channel:": to.Channels, "bridge:": to.Bridges, "endpoint:": to.Endpoints} {
		for _, id := range ids {
			sources = append(sources, kind+id)
		}
	}
	if len(sources) > 0 {
		_, _ = d.rest.do(ctx, http.MethodDelete, path+"/subscription", url.Values{"eventSource": {strings.Join(sources, ",")}}, nil)
	}
	d.socket.Close()
}

// listen opens an event connection of its own.
func (d *diagnosis) listen(ctx context.Context) bool {
	app := d.ownApp()
	// The socket outlives this step, and is closed by whoever called.
	s, err := openSocket(context.WithoutCancel(ctx), d.ARI, app)
	if err != nil {
		d.failed("the event connection", err)
		return false
	}
	d.socket = s
	if err := d.rest.Subscribe(ctx, app, "channel:", "endpoint:", "bridge:"); err != nil {
		d.failed("the event subscription", err)
		d.deafen(ctx)
		return false
	}
	if err := d.rest.SetEventFilter(ctx, app, wantedTypes()); err != nil {
		d.failed("the event filter", err)
		d.deafen(ctx)
		return false
	}
	d.Pass("events can be subscribed to and filtered")
	return true
}
