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
	"strconv"
	"strings"
	"time"
)

// helperPrefix begins the ids of a diagnosis's channels.
const helperPrefix = "supervision-doctor-"

const (
	// helperTimeout bounds making the helper, and removing it.
	helperTimeout = 3 * time.Second
	// helperTick is how often is asked whether a channel is there already, or still.
	helperTick = 10 * time.Millisecond
	// helperLife is when the PBX ends a helper by itself, if nobody else does.
	helperLife = 30 * time.Second
	// leftAfter is when a channel of a diagnosis was left behind: by one that was killed.
	leftAfter = time.Minute
)

// helper is a channel to ask on: ARI evaluates functions of the dialplan nowhere else. It is a Local channel that dials
// the diagnosis's own application, into the context that Asterisk makes for each. Both halves wait there, so that
// whatever the PBX lacks, no call record is written of either.
type helper struct {
	id       string
	made     time.Time     // by our clock
	took     time.Duration // to make it
	storable bool          // the PBX has the context that reads the store
}

// far is the half that the near one dials.
func (h *helper) far() string { return h.id + "-far" }

func (d *diagnosis) makeHelper(ctx context.Context) bool {
	d.removeLeft(ctx)
	// Cut short, it would leave a channel or a call record.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), helperTimeout)
	defer cancel()
	d.helper = helper{id: helperPrefix + rand.Text(), made: time.Now()}
	_, err := d.rest.do(ctx, http.MethodPost, "/channels/create", url.Values{
		"endpoint": {"Local/doctor@stasis-" + d.ownApp() + "/n"},
		"app":      {d.ownApp()}, "channelId": {d.helper.id}, "otherChannelId": {d.helper.far()},
	}, nil)
	d.helper.took = time.Since(d.helper.made)
	if err == nil {
		err = d.holdHelper(ctx)
	}
	if err != nil {
		d.failed("a helper channel cannot be made", err)
		d.removeHelper(ctx)
		return false
	}
	return true
}

// holdHelper lets the near half dial, and takes both out of the call records. Either is on its way into the application
// at first.
func (d *diagnosis) holdHelper(ctx context.Context) error {
	if err := d.unrecord(ctx, d.helper.id); err != nil {
		return err
	}
	_, err := d.rest.do(ctx, http.MethodPost, "/channels/"+segment(d.helper.id)+"/dial",
		url.Values{"timeout": {strconv.Itoa(int(helperLife.Seconds()))}}, nil)
	if err != nil {
		return err
	}
	return d.unrecord(ctx, d.helper.far())
}

func (d *diagnosis) unrecord(ctx context.Context, channelID string) error {
	return d.insist(ctx, func() (bool, error) {
		err := d.rest.SetChannelVariable(ctx, channelID, "CDR_PROP(disable)", "1")
		var e *Error
		return !errors.As(err, &e) || e.Code != Conflict, err
	})
}

// insist tries until it is done.
func (d *diagnosis) insist(ctx context.Context, try func() (done bool, err error)) error {
	tick := time.NewTicker(helperTick)
	defer tick.Stop()
	for {
		done, err := try()
		if done {
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return errors.Join(ctx.Err(), err)
		}
	}
}

// removeLeft hangs up what a diagnosis left that was killed.
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

// removeHelper ends the helper and waits until it is gone, even if the diagnosis was cut short.
func (d *diagnosis) removeHelper(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), helperTimeout)
	defer cancel()
	for _, id := range []string{d.helper.id, d.helper.far()} {
		_ = d.insist(ctx, func() (bool, error) {
			err := d.rest.Hangup(ctx, id, causeNormal)
			return err != nil, err // it is not there any more, or cannot be helped
		})
	}
}

// exists asks whether an extension has a priority.
func (d *diagnosis) exists(ctx context.Context, dialplanContext, exten, priority string) (bool, error) {
	return d.isThere(ctx, dialplanContext+","+exten+","+priority)
}

// isThere asks whether a context, or something in it, exists.
func (d *diagnosis) isThere(ctx context.Context, place string) (bool, error) {
	value, err := d.rest.ChannelVariable(ctx, d.helper.id, "DIALPLAN_EXISTS("+place+")")
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
	needed := d.neededVars(ctx)
	missing := slices.DeleteFunc(slices.Clone(needed), func(name string) bool {
		_, there := told.Channel.Vars[name]
		return there
	})
	if len(missing) == 0 {
		d.Pass("channelvars in ari.conf has what is needed")
	} else {
		d.Warn("channelvars in ari.conf lacks "+strings.Join(missing, ", "),
			"write one line below [general] in ari.conf: channelvars = "+strings.Join(everyVar(needed, told.Channel.Vars), ",")+
				" and run: asterisk -rx 'module reload res_ari.so'")
	}
	d.clock(at)
	return true
}

// neededVars are those that the line should have on this PBX.
func (d *diagnosis) neededVars(ctx context.Context) []string {
	needed := slices.Clone(channelVarNames)
	if there, err := d.exists(ctx, freePBXContext, "s", "1"); err == nil && there {
		needed = append(needed, varNumberWish, varNameWish, varDestination, varCalled)
	}
	return needed
}

// everyVar is what the line should have: what is needed, and what the PBX has besides.
func everyVar(needed []string, have map[string]string) []string {
	list := slices.Clone(needed)
	for name := range have {
		if !slices.Contains(list, name) {
			list = append(list, name)
		}
	}
	slices.Sort(list[len(needed):])
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

// store reads the PBX's store of forwards, as the daemon does.
func (d *diagnosis) store(ctx context.Context) bool {
	const modules = "are func_db.so, func_base64.so, func_cut.so, func_strings.so and app_userevent.so loaded? Asterisk's log says " +
		"which function or application is missing"
	line, places := d.line(), storePlaces(d.Dialplan.Families)
	if _, err := d.rest.ChannelVariable(ctx, d.helper.id, "DB_EXISTS("+places[0].Family+"/"+line+")"); err != nil {
		d.Fail("the PBX's dialplan cannot read AstDB: forwards and do-not-disturb are not known", modules)
		return false
	}
	id := d.helper.id + "-store"
	err := d.rest.runDialplan(ctx, id, storeReadContext, storeLines, map[string]string{
		"CDR_PROP(disable)": "1", storeVarRead: id, storeVarList: line,
	})
	if err != nil {
		d.failed("AstDB cannot be read through the dialplan", err)
		return false
	}
	read, ended := false, false
	err = d.await(ctx, func(_ []byte, e *event) bool {
		switch u := &e.UserEvent; {
		case e.Type == "ChannelUserevent" && u.Read == id:
			read = read || u.Name == storeLineEvent && u.Extension == line && u.tells(places)
			ended = ended || u.Name == storeEndEvent
		case e.Type == "ChannelDestroyed" && e.Channel.ID == id:
			return true
		}
		return false
	})
	if err != nil {
		_ = d.rest.Hangup(context.WithoutCancel(ctx), id, causeNormal)
	}
	if err != nil || !read || !ended {
		d.Fail("AstDB could not be read through the dialplan: forwards and do-not-disturb are not known", modules)
		return false
	}
	d.Pass("AstDB can be read through the dialplan")
	return true
}

// line is one to ask about.
func (d *diagnosis) line() string {
	for _, p := range d.People {
		if isLine(p.Extension) {
			return p.Extension
		}
	}
	return "0"
}

// tells says whether an event has something of each place. What is empty is encoded as well.
func (u *userEvent) tells(places []storePlace) bool {
	told := map[string]string{
		placeAlways: u.Always, placeBusy: u.Busy, placeNoAnswer: u.NoAnswer, placeDND: u.DND, placeSeconds: u.Seconds,
	}
	return !slices.ContainsFunc(places, func(p storePlace) bool { return told[p.Name] == "" })
}
