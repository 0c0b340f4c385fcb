package ari

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// helperPrefix begins the ids of a diagnosis's channels.
const helperPrefix = "supervision-doctor-"

// leftAfter is when a channel of a diagnosis was left behind: by one that was killed.
const leftAfter = time.Minute

// helper is a channel to ask on: ARI evaluates functions of the dialplan nowhere else. It is one half of a Local channel
// that is not dialled until the end, when its other half runs through the dialplan that reads the PBX's store: that also
// keeps it out of the call records.
type helper struct {
	id       string
	made     time.Time     // by our clock
	took     time.Duration // to make it
	storable bool          // the PBX has the context that reads the store
	dialled  bool
}

func (d *diagnosis) makeHelper(ctx context.Context) bool {
	d.removeLeft(ctx)
	id := helperPrefix + rand.Text()
	began := time.Now()
	_, err := d.rest.do(ctx, http.MethodPost, "/channels/create", url.Values{
		"endpoint": {"Local/" + storeLines + "@" + storeReadContext + "/n"},
		"app":      {d.App + "-doctor"}, "channelId": {id}, "otherChannelId": {id + "-far"},
	}, nil)
	if err != nil {
		d.failed("a helper channel cannot be made", err)
		return false
	}
	d.helper = helper{id: id, made: began, took: time.Since(began)}
	if err := d.setVariable(ctx, "CDR_PROP(disable)", "1"); err != nil {
		d.failed("the helper channel", err)
		d.removeHelper(ctx)
		return false
	}
	return true
}

// removeLeft hangs up what a diagnosis left that was killed. Such a channel would wait for ever.
func (d *diagnosis) removeLeft(ctx context.Context) {
	channels, err := d.rest.channels(ctx)
	if err != nil {
		return // what matters will fail by itself
	}
	for i := range channels {
		if c := &channels[i]; strings.HasPrefix(c.ID, helperPrefix) && time.Since(c.CreationTime) > leftAfter {
			_ = d.rest.Hangup(ctx, c.ID, causeNormal)
		}
	}
}

// removeHelper must succeed even if the diagnosis was cut short.
func (d *diagnosis) removeHelper(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), orderTimeout)
	defer cancel()
	_ = d.rest.Hangup(ctx, d.helper.id, causeNormal) // if it is not gone by itself
}

func (d *diagnosis) setVariable(ctx context.Context, name, value string) error {
	_, err := d.rest.do(ctx, http.MethodPost, "/channels/"+segment(d.helper.id)+"/variable",
		url.Values{"variable": {name}, "value": {value}}, nil)
	return err
}

// exists asks whether an extension has a priority; "" stands for any.
func (d *diagnosis) exists(ctx context.Context, dialplanContext, exten, priority string) (bool, error) {
	call := "DIALPLAN_EXISTS(" + dialplanContext + "," + exten
	if priority != "" {
		call += "," + priority
	}
	value, err := d.rest.ChannelVariable(ctx, d.helper.id, call+")")
	return value == "1", err
}

// await takes frames until one is the one waited for.
func (d *diagnosis) await(ctx context.Context, wanted func(data []byte, e *event) bool) error {
	for {
		select {
		case f, ok := <-d.socket.Frames():
			if !ok {
				return d.socket.Err()
			}
			var e event
			if peekType(f.data) == "ApplicationReplaced" {
				return errors.New("another doctor took over: let one run at a time")
			}
			if decode(f.data, &e) == nil && wanted(f.data, &e) {
				return nil
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// channelVarNames are those of the line channelvars of ari.conf, as the generated dialplan's head has it.
var channelVarNames = []string{
	"CHANNEL(linkedid)", "REDIRECTING(from-num)", "CALLERID(dnid)", "CALLERID(pres)", "CONNECTEDLINE(pres)",
}

// event waits until the helper's own creation is told: that is what the daemon lives by.
func (d *diagnosis) event(ctx context.Context) bool {
	var told struct {
		Channel struct {
			Vars map[string]string `json:"channelvars"`
		} `json:"channel"`
	}
	var at time.Time
	err := d.await(ctx, func(data []byte, e *event) bool {
		if e.Type != "ChannelCreated" || e.Channel.ID != d.helper.id {
			return false
		}
		at = e.Time
		return json.Unmarshal(data, &told) == nil
	})
	if err != nil {
		d.Fail("no event came of a channel that was just made: "+err.Error(),
			"is there a proxy between that holds back websockets? Otherwise restart Asterisk: its ARI hangs")
		return false
	}
	missing := slices.DeleteFunc(slices.Clone(channelVarNames), func(name string) bool {
		_, there := told.Channel.Vars[name]
		return there
	})
	if len(missing) == 0 {
		d.Pass("channelvars in ari.conf has what is needed")
	} else {
		d.Warn("channelvars in ari.conf lacks "+strings.Join(missing, ", "),
			"write one line below [general] in ari.conf: channelvars = "+strings.Join(everyVar(told.Channel.Vars), ",")+
				" and run: asterisk -rx 'module reload res_ari.so'")
	}
	d.clock(at)
	return true
}

// everyVar is what the line should have: what is needed, and what the PBX has besides.
func everyVar(have map[string]string) []string {
	list := slices.Clone(channelVarNames)
	for name := range have {
		if !slices.Contains(list, name) {
			list = append(list, name)
		}
	}
	slices.Sort(list[len(channelVarNames):])
	return list
}

// clock compares when Asterisk says it made the channel with when it was told to.
func (d *diagnosis) clock(at time.Time) {
	if at.IsZero() {
		return
	}
	off := at.Sub(d.helper.made.Add(d.helper.took / 2))
	if off.Abs() <= clockTolerance+d.helper.took/2 {
		d.Pass("the clocks of the PBX and of this machine agree")
		return
	}
	direction := "ahead of"
	if off < 0 {
		direction = "behind"
	}
	d.Warn(fmt.Sprintf("the clock of the PBX is %v %s this machine's", off.Abs().Round(time.Second), direction),
		"let both keep time by NTP (timedatectl set-ntp true): since when calls ring would be told wrong")
}

// store reads the PBX's store of forwards, as the daemon does: it is the helper's last errand.
func (d *diagnosis) store(ctx context.Context) bool {
	line := "0"
	for _, p := range d.People {
		if isLine(p.Extension) {
			line = p.Extension
			break
		}
	}
	err := errors.Join(d.setVariable(ctx, storeVarRead, d.helper.id), d.setVariable(ctx, storeVarList, line))
	if err == nil {
		_, err = d.rest.do(ctx, http.MethodPost, "/channels/"+segment(d.helper.id)+"/dial", url.Values{"timeout": {"3"}}, nil)
	}
	if err != nil {
		d.failed("AstDB cannot be read through the dialplan", err)
		return false
	}
	read, ended := false, false
	err = d.await(ctx, func(_ []byte, e *event) bool {
		switch u := &e.UserEvent; {
		case e.Type == "ChannelUserevent" && u.Read == d.helper.id:
			read = read || u.Name == storeLineEvent && u.Extension == line
			ended = u.Name == storeEndEvent
		case e.Type == "ChannelDestroyed" && e.Channel.ID == d.helper.id:
			return true
		}
		return ended
	})
	if err != nil || !read || !ended {
		d.Fail("AstDB could not be read through the dialplan: forwards and do-not-disturb are not known",
			"are func_db.so, func_base64.so, func_cut.so, func_strings.so and app_userevent.so loaded? Asterisk's log says which "+
				"function or application is missing")
		return false
	}
	d.Pass("AstDB can be read through the dialplan")
	return true
}
